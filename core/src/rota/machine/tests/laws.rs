//! Do the laws hold whatever happens in whatever order? Random commands beside a plain record of what must be.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::*;

/// What the outside knows of a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Known {
    Waiting,
    Offered,
    Held,
}

struct World {
    rota: Rota,
    rules: Rules,
    rng: Rng,
    millis: u64,
    turns: BTreeMap<Turn, (Known, Option<u64>)>,
    held: BTreeMap<Turn, String>,
    shut: BTreeSet<String>,
    cooling: BTreeMap<String, u64>,
    /// Turns that were offered something before: they come back to their place after others were offered what they let pass.
    late: BTreeSet<Turn>,
    ended: u64,
}

const ACCOUNTS: [&str; 5] = ["a", "b", "c", "d", "e"];

impl World {
    fn new(seed: u8) -> Self {
        let mut rng = Seed::new([seed; 32]).rng("world");
        let policy = [Policy::RoundRobin, Policy::LeastUsed, Policy::Sticky][rng.below(3) as usize];
        let rules = Rules {
            policy,
            concurrent: 1 + rng.below(3) as u32,
            uses: (rng.below(3) == 0).then_some(5),
            rest: (rng.below(2) == 0).then_some(Duration::from_millis(700)),
            age: (rng.below(4) == 0).then_some(Duration::from_secs(4)),
            cool_down: Duration::from_millis(400),
            pause: Duration::from_millis(100),
            recovery: Duration::from_secs(5),
            waiting: 30,
            keys: if rng.below(2) == 0 { 4 } else { 100 },
            ..Rules::default()
        };
        let mut rota = Rota::new(rules, &Seed::new([seed; 32]));
        for account in ACCOUNTS {
            rota.add(account, at(0));
        }
        Self {
            rota,
            rules,
            rng,
            millis: 0,
            turns: BTreeMap::new(),
            held: BTreeMap::new(),
            shut: BTreeSet::new(),
            cooling: BTreeMap::new(),
            late: BTreeSet::new(),
            ended: 0,
        }
    }

    fn now(&self) -> Now {
        at(self.millis)
    }

    fn any<T: Copy>(&mut self, of: impl Iterator<Item = T>) -> Option<T> {
        let all: Vec<T> = of.collect();
        all.get(self.rng.below(all.len() as u64) as usize).copied()
    }

    fn step(&mut self) {
        let now = self.now();
        let account = ACCOUNTS[self.rng.below(5) as usize];
        match self.rng.below(20) {
            0..=5 => {
                let key = (self.rng.below(3) == 0).then(|| self.rng.below(6));
                let text = key.map(|key| format!("key-{key}"));
                let deadline = now.mono + Duration::from_millis(1 + self.rng.below(3000));
                let turn = self.rota.acquire(text.as_deref(), deadline, now);
                self.turns.insert(turn, (Known::Waiting, key));
            }
            6..=8 => {
                let offered = self.turns.iter().filter(|(_, known)| known.0 == Known::Offered).map(|(turn, _)| *turn);
                if let Some(turn) = self.any(offered.collect::<Vec<_>>().into_iter()) {
                    self.claim(turn);
                }
            }
            9..=13 => {
                if let Some(turn) = self.any(self.held.keys().copied().collect::<Vec<_>>().into_iter()) {
                    self.end(turn);
                }
            }
            14 => {
                if let Some(turn) = self.any(self.turns.keys().copied().collect::<Vec<_>>().into_iter()) {
                    if self.turns.remove(&turn).is_some_and(|known| known.0 == Known::Held) {
                        self.held.remove(&turn);
                    }
                    self.rota.cancel(turn, now);
                    self.ended += 1;
                }
            }
            15 => {
                self.rota.ban(account, "law", now);
                self.shut.insert(account.to_owned());
            }
            16 => {
                self.rota.restore(account, now);
                self.shut.remove(account);
                self.cooling.remove(account);
            }
            _ => self.millis += 1 + self.rng.below(400),
        }
        self.heed();
        self.check();
    }

    fn claim(&mut self, turn: Turn) {
        let now = self.now();
        let known = match self.rota.claim(turn, now) {
            Claim::Held(account) => {
                assert!(!self.shut.contains(account.as_ref()), "{account} is shut out and was given");
                assert!(
                    self.cooling.get(account.as_ref()).is_none_or(|until| *until <= self.millis),
                    "{account} cools"
                );
                self.held.insert(turn, account.to_string());
                Known::Held
            }
            // Its offer had passed; it may be offered another in the same breath, but then it is held at once.
            Claim::Waiting | Claim::Over => {
                self.late.insert(turn);
                Known::Waiting
            }
        };
        if let Some(place) = self.turns.get_mut(&turn) {
            place.0 = known;
        }
        let carried = |account: &str| self.held.values().filter(|held| *held == account).count();
        assert!(ACCOUNTS.iter().all(|account| carried(account) <= self.rules.concurrent as usize));
    }

    fn end(&mut self, turn: Turn) {
        let now = self.now();
        let account = self.held.remove(&turn).expect("it is held");
        let (_, key) = self.turns.remove(&turn).expect("it is known");
        let until = self.millis + self.rng.below(500);
        let outcome = match self.rng.below(12) {
            0..=5 => Outcome::Good,
            6 => Outcome::Neutral,
            7 | 8 => Outcome::Failed,
            9 => Outcome::Throttled(Some(at(until).wall)),
            10 => Outcome::Expired,
            _ => {
                self.rota.pass(turn, Outcome::Failed, now);
                self.late.insert(turn);
                self.turns.insert(turn, (Known::Waiting, key));
                return;
            }
        };
        self.rota.tell(turn, outcome, now);
        let carries_old = self.rota.stats(now).members.iter().any(|one| one.account == account && one.reason.is_none());
        match outcome {
            Outcome::Throttled(_) if !carries_old => {
                let cooling = self.cooling.entry(account).or_default();
                *cooling = until.max(*cooling);
            }
            Outcome::Expired if !carries_old => {
                self.shut.insert(account);
            }
            _ => {}
        }
        self.rota.release(turn, now);
        self.ended += 1;
    }

    /// Hears everything that the rota says. Turns of one key come in order as long as the key is not forgotten in between.
    fn heed(&mut self) {
        loop {
            match self.rota.poll(self.now()) {
                Output::Offered(turn) => {
                    let Some((known, key)) = self.turns.get(&turn).copied() else { continue };
                    if known != Known::Waiting {
                        continue;
                    }
                    self.turns.insert(turn, (Known::Offered, key));
                    if !matches!(self.rota.turns.get(&turn).map(|row| &row.stage), Some(Stage::Offered(..))) {
                        continue;
                    }
                    let is_ordered = key.is_none() || self.rules.keys > 6;
                    let before = |(other, (_, of)): (&Turn, &(Known, Option<u64>))| {
                        let waits = matches!(self.rota.turns.get(other).map(|row| &row.stage), Some(Stage::Waiting(_)));
                        *other < turn && waits && *of == key && !self.late.contains(other)
                    };
                    assert!(
                        !(is_ordered && self.turns.iter().any(before)),
                        "{turn:?} came before one that asked earlier"
                    );
                }
                Output::Failed(turn, error) => {
                    assert!(["pool_exhausted", "pool_empty", "overloaded"].contains(&error.kind()), "{error}");
                    let (known, _) = self.turns.remove(&turn).expect("a turn ends once");
                    assert_ne!(known, Known::Held);
                    self.ended += 1;
                }
                Output::Drained => panic!("nobody drained it"),
                Output::Wait(until) => {
                    let waits = self.turns.values().any(|known| known.0 != Known::Held);
                    assert!(!waits || until.is_some_and(|at| at > self.now().mono), "a moment at which to look again");
                    return;
                }
            }
        }
    }

    fn check(&self) {
        let stats = self.rota.stats(self.now());
        let over = stats.released + stats.cancelled + stats.exhausted + stats.empty + stats.turned_away;
        assert_eq!(over, self.ended);
        assert_eq!(stats.asked, over + (stats.waiting + stats.offered + stats.held) as u64);
        assert_eq!(stats.offers, stats.claims + stats.withdrawn + stats.offered as u64);
        assert_eq!(stats.claims, stats.released + stats.passed + stats.held as u64);
        assert_eq!(stats.held, self.held.len());
        let mut leases = 0;
        for member in &stats.members {
            let held = self.held.values().filter(|account| **account == member.account).count() as u64;
            let ended =
                member.good + member.neutral + member.failed + member.throttled + member.expired + member.banned;
            assert_eq!(member.uses, held + ended, "{member:?}");
            assert!(member.leases <= self.rules.concurrent && u64::from(member.leases) >= held);
            leases += member.leases as usize;
        }
        assert_eq!(leases, stats.held + stats.offered);
        for member in self.rota.members.values() {
            let waits = self.rota.common.len() + member.wanted.len();
            assert!(member.listed.is_none() || waits == 0, "{} is free while {waits} wait", member.account);
        }
        assert_eq!(self.rota.turns.len(), self.turns.len());
    }

    /// Everybody claims what is offered and gives it back: whoever still waits must be served or hear why not.
    fn settle(mut self) {
        for _ in 0..2000 {
            if self.turns.is_empty() {
                return;
            }
            let turns: Vec<(Turn, Known)> = self.turns.iter().map(|(turn, known)| (*turn, known.0)).collect();
            for (turn, known) in turns {
                match known {
                    Known::Held => {
                        self.held.remove(&turn);
                        self.turns.remove(&turn);
                        self.rota.release(turn, self.now());
                        self.ended += 1;
                    }
                    Known::Waiting | Known::Offered => self.claim(turn),
                }
                self.heed();
                self.check();
            }
            self.millis += 5;
        }
        panic!("{} turns starve", self.turns.len());
    }
}

#[test]
fn no_order_of_events_breaks_a_law() {
    for seed in 0..96 {
        let mut world = World::new(seed);
        for _ in 0..400 {
            world.step();
        }
        world.settle();
    }
}
