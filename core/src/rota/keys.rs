//! Which member does a key belong to? A bounded memory of it, and rendezvous hashing for keys that are new.
//!
//! **Invariant:** keys themselves are not kept, only their hashes: a program may use names of people.

use std::collections::BTreeMap;

use super::member::MemberId;

/// The members that keys were given.
#[derive(Debug)]
pub(super) struct Keys {
    bound: BTreeMap<u64, Bound>,
    /// Keys by when they were used last.
    used: BTreeMap<u64, u64>,
    clock: u64,
    most: usize,
}

#[derive(Clone, Copy, Debug)]
struct Bound {
    member: MemberId,
    used: u64,
}

impl Keys {
    pub(super) const fn new(most: usize) -> Self {
        Self { bound: BTreeMap::new(), used: BTreeMap::new(), clock: 0, most }
    }

    /// The member that a key was given last.
    pub(super) fn bound(&self, key: u64) -> Option<MemberId> {
        self.bound.get(&key).map(|bound| bound.member)
    }

    /// Remembers a key's member.
    pub(super) fn bind(&mut self, key: u64, member: MemberId) {
        self.unbind(key);
        while self.bound.len() >= self.most {
            let Some((_, oldest)) = self.used.pop_first() else { return };
            self.bound.remove(&oldest);
        }
        self.clock += 1;
        self.bound.insert(key, Bound { member, used: self.clock });
        self.used.insert(self.clock, key);
    }

    /// Forgets a key.
    pub(super) fn unbind(&mut self, key: u64) {
        if let Some(bound) = self.bound.remove(&key) {
            self.used.remove(&bound.used);
        }
    }
}

/// The hash of a key or an account's name: FNV-1a, then mixed so that every bit counts. The same in every process, so that a key goes
/// to the same member everywhere.
pub(super) fn hash(text: &str) -> u64 {
    let folded = text
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    mix(folded)
}

/// How well a key and a member fit: a key belongs to the member with the greatest weight.
pub(super) const fn weight(key: u64, member: u64) -> u64 {
    mix(key ^ member.rotate_left(32))
}

/// The finaliser of SplitMix64.
const fn mix(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_spread_evenly_and_only_those_of_a_member_that_goes_move() {
        let members: Vec<u64> = (0..8).map(|number| hash(&format!("account-{number}"))).collect();
        let of = |key: u64, members: &[u64]| members.iter().copied().max_by_key(|member| weight(key, *member));
        let mut counts = BTreeMap::new();
        for number in 0..8_000 {
            let key = hash(&format!("key-{number}"));
            let home = of(key, &members).expect("a member");
            *counts.entry(home).or_insert(0) += 1;
            let without = of(key, &members[1..]).expect("a member");
            assert!(home == without || home == members[0], "only the keys of the one that went move");
        }
        assert!(counts.values().all(|count| (850..1150).contains(count)), "{counts:?}");
    }

    #[test]
    fn the_key_unused_for_longest_is_forgotten_first() {
        let mut keys = Keys::new(2);
        for key in [1, 2, 1, 3] {
            keys.bind(key, MemberId(key));
        }
        assert_eq!([1, 2, 3].map(|key| keys.bound(key)), [Some(MemberId(1)), None, Some(MemberId(3))]);
        let mut none = Keys::new(0);
        none.bind(1, MemberId(1));
        assert_eq!(none.bound(1), None);
    }
}
