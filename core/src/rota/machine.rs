//! What can be asked of a rota, and what does it say?
//!
//! **Invariant:** a member never has more leases than the rules allow, and none while a reason holds against it; turns that could
//! take the same member get it in the order in which they asked; no member is free while a turn waits that could take it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use super::keys::{self, Keys};
use super::member::{Member, MemberId, Place};
use super::outcome::Outcome;
use super::rules::Rules;
use super::stats::Stats;
use crate::error::Error;
use crate::seed::{Rng, Seed};
use crate::time::{Mono, Now};

/// The sessions of several accounts, handed out in turns.
///
/// Commands: [`add`](Self::add), [`remove`](Self::remove), [`ban`](Self::ban), [`restore`](Self::restore), [`drain`](Self::drain),
/// [`acquire`](Self::acquire), [`claim`](Self::claim), [`cancel`](Self::cancel), [`learn`](Self::learn), [`tell`](Self::tell),
/// [`pass`](Self::pass), [`release`](Self::release). After any number of them, [`poll`](Self::poll) until it waits.
#[derive(Debug)]
pub struct Rota {
    pub(super) rules: Rules,
    pub(super) rng: Rng,
    pub(super) members: BTreeMap<MemberId, Member>,
    names: BTreeMap<Arc<str>, MemberId>,
    pub(super) turns: BTreeMap<Turn, Row>,
    /// Turns that take whichever member comes first.
    pub(super) common: BTreeSet<Turn>,
    pub(super) keys: Keys,
    pub(super) free: BTreeSet<Place>,
    pub(super) timers: BTreeSet<(Mono, Due)>,
    pub(super) said: VecDeque<Output>,
    pub(super) counts: Stats,
    /// Members that can serve, now or by themselves later.
    pub(super) able: usize,
    pub(super) given: u64,
    issued: u64,
    pub(super) closing: Closing,
}

/// One wish for a session, from asking until it is given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Turn(u64);

/// What a rota says.
#[derive(Debug)]
pub enum Output {
    /// A member is offered to this turn, which is to [`claim`](Rota::claim) it soon.
    Offered(Turn),
    /// This turn has ended without one: `pool_exhausted`, `pool_empty`, `overloaded` or `closed`.
    Failed(Turn, Error),
    /// After [`drain`](Rota::drain), the last lease is back.
    Drained,
    /// Nothing more until a command, or this moment.
    Wait(Option<Mono>),
}

/// What claiming brings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// The turn holds a lease of this account's session.
    Held(Arc<str>),
    /// It waits, or waits again: it keeps the place that it had.
    Waiting,
    /// It has ended, or never was.
    Over,
}

#[derive(Debug)]
pub(super) struct Row {
    pub(super) deadline: Mono,
    pub(super) key: Option<u64>,
    pub(super) stage: Stage,
}

#[derive(Debug)]
pub(super) enum Stage {
    /// In the common queue, or in a member's.
    Waiting(Option<MemberId>),
    Offered(MemberId, Mono),
    /// It did not claim in time; in no queue until it asks again.
    Lapsed,
    Held {
        member: MemberId,
        epoch: u32,
        outcome: Option<Outcome>,
        told: bool,
    },
}

/// Whose moment has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Due {
    /// Members first: who comes back in time serves a turn that would end now.
    Member(MemberId),
    Turn(Turn),
}

/// How far draining has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Closing {
    No,
    Draining,
    Drained,
}

impl Turn {
    /// As a plain number, for bindings.
    pub const fn raw(self) -> u64 {
        self.0
    }

    /// From a plain number; one that was never issued is over.
    pub const fn from_raw(raw: u64) -> Self {
        Self(raw)
    }
}

impl Rota {
    /// A rota without members.
    pub fn new(rules: Rules, seed: &Seed) -> Self {
        let least = |cap: Option<Duration>| cap.map(|cap| cap.max(Duration::from_millis(1)));
        Self {
            rules: Rules { age: least(rules.age), rest: least(rules.rest), ..rules },
            rng: seed.rng("rota"),
            members: BTreeMap::new(),
            names: BTreeMap::new(),
            turns: BTreeMap::new(),
            common: BTreeSet::new(),
            keys: Keys::new(rules.keys),
            free: BTreeSet::new(),
            timers: BTreeSet::new(),
            said: VecDeque::new(),
            counts: Stats::default(),
            able: 0,
            given: 0,
            issued: 0,
            closing: Closing::No,
        }
    }

    /// Adds an account; false when it is a member already.
    pub fn add(&mut self, account: &str, now: Now) -> bool {
        self.fire(now);
        if self.names.contains_key(account) {
            return false;
        }
        self.issued += 1;
        let (id, member) = (MemberId(self.issued), Member::new(account, now.mono));
        self.names.insert(Arc::clone(&member.account), id);
        self.members.insert(id, member);
        self.update(id, now);
        true
    }

    /// Takes an account out; leases of it that are out end as usual. False when it is no member.
    pub fn remove(&mut self, account: &str, now: Now) -> bool {
        self.fire(now);
        let Some(id) = self.names.remove(account) else { return false };
        self.change(id, now, |member| member.leaving = true)
    }

    /// Gives an account no more until it is [restored](Self::restore); false when it is no member.
    pub fn ban(&mut self, account: &str, why: &str, now: Now) -> bool {
        self.fire(now);
        let Some(id) = self.names.get(account).copied() else { return false };
        self.change(id, now, |member| member.ban(why))
    }

    /// Makes an account as good as new, whatever kept it from being given; false when it is no member.
    pub fn restore(&mut self, account: &str, now: Now) -> bool {
        self.fire(now);
        let Some(id) = self.names.get(account).copied() else { return false };
        self.change(id, now, |member| member.restore(now.mono))
    }

    /// Gives no more: turns that wait end with `closed`, leases that are out end as usual, then [`Output::Drained`] is said.
    pub fn drain(&mut self, now: Now) {
        self.fire(now);
        if self.closing == Closing::No {
            self.closing = Closing::Draining;
            self.fail_waiting(now);
        }
    }

    /// Asks for a session until a deadline; with a key, for the one that this key was given before.
    pub fn acquire(&mut self, key: Option<&str>, deadline: Mono, now: Now) -> Turn {
        self.fire(now);
        self.issued += 1;
        let turn = Turn(self.issued);
        let row = Row { deadline, key: key.map(keys::hash), stage: Stage::Lapsed };
        self.turns.insert(turn, row);
        self.counts.asked += 1;
        self.counts.waiting += 1;
        let is_full = self.counts.waiting > self.rules.waiting;
        self.place(turn, now);
        let is_waiting = self.turns.get(&turn).is_some_and(|row| matches!(row.stage, Stage::Waiting(_)));
        if is_full && is_waiting {
            self.turn_away(turn);
        }
        turn
    }

    /// Takes what a turn was offered. One that let its offer pass waits again, in its old place, and may be offered another at once.
    pub fn claim(&mut self, turn: Turn, now: Now) -> Claim {
        self.fire(now);
        if let Some(Row { stage: Stage::Offered(id, _), .. }) = self.turns.get(&turn)
            && self.members.get(id).is_none_or(|member| !member.may_be_claimed())
        {
            self.lapse(turn, *id, now);
        }
        if self.turns.get(&turn).is_some_and(|row| matches!(row.stage, Stage::Lapsed)) {
            self.place(turn, now);
        }
        let Some(row) = self.turns.get_mut(&turn) else { return Claim::Over };
        let (id, until) = match row.stage {
            Stage::Offered(id, until) => (id, until),
            Stage::Waiting(_) | Stage::Lapsed => return Claim::Waiting,
            Stage::Held { .. } => return Claim::Over,
        };
        let Some(member) = self.members.get_mut(&id) else { return Claim::Over };
        row.stage = Stage::Held { member: id, epoch: member.epoch, outcome: None, told: false };
        member.counts.uses += 1;
        let account = Arc::clone(&member.account);
        self.timers.remove(&(until, Due::Turn(turn)));
        self.counts.offered -= 1;
        self.counts.held += 1;
        self.counts.claims += 1;
        self.relist(id, now);
        Claim::Held(account)
    }

    /// Gives up a turn that holds nothing yet; what it was offered goes to the next. One that holds a lease is
    /// [released](Self::release) instead.
    pub fn cancel(&mut self, turn: Turn, now: Now) {
        self.fire(now);
        let Some(row) = self.turns.get(&turn) else { return };
        match row.stage {
            Stage::Held { .. } => self.release(turn, now),
            Stage::Waiting(_) | Stage::Lapsed => {
                self.forget(turn);
                self.counts.cancelled += 1;
            }
            Stage::Offered(id, _) => {
                self.forget(turn);
                self.counts.cancelled += 1;
                self.counts.withdrawn += 1;
                self.change(id, now, Member::take_back);
            }
        }
    }

    /// What a call of this lease showed: the last word counts when the lease ends, but a throttle, a ban or the session's end count at
    /// once, and remain.
    pub fn learn(&mut self, turn: Turn, showed: Outcome, now: Now) {
        self.note(turn, showed, Source::Call, now);
    }

    /// What the program says of this lease; from then on it counts in place of what calls show.
    pub fn tell(&mut self, turn: Turn, outcome: Outcome, now: Now) {
        self.note(turn, outcome, Source::Program, now);
    }

    /// Gives a lease back.
    pub fn release(&mut self, turn: Turn, now: Now) {
        self.fire(now);
        if let Some(id) = self.end_lease(turn, now) {
            self.turns.remove(&turn);
            self.counts.released += 1;
            self.update(id, now);
        }
    }

    /// Gives a lease back because its session could not be opened, and asks again for the same turn, in its old place.
    pub fn pass(&mut self, turn: Turn, outcome: Outcome, now: Now) {
        self.tell(turn, outcome, now);
        if let Some(id) = self.end_lease(turn, now) {
            self.counts.passed += 1;
            self.counts.waiting += 1;
            if let Some(row) = self.turns.get_mut(&turn) {
                row.stage = Stage::Lapsed;
            }
            // The member first: should it still be free, the turn before this one has the older right to it.
            self.update(id, now);
            self.place(turn, now);
        }
    }

    /// What to do next; fires what is due.
    #[must_use]
    pub fn poll(&mut self, now: Now) -> Output {
        self.fire(now);
        if let Some(said) = self.said.pop_front() {
            return said;
        }
        if self.closing == Closing::Draining && self.counts.held + self.counts.offered == 0 {
            self.closing = Closing::Drained;
            return Output::Drained;
        }
        Output::Wait(self.timers.first().map(|(at, _)| *at))
    }

    /// The counters. They change with every command, and with time.
    pub fn stats(&self, now: Now) -> Stats {
        let members = self.members.values().map(|member| member.stats(&self.rules, now)).collect();
        Stats { members, ..self.counts.clone() }
    }

    /// The accounts that are members, by name.
    pub fn accounts(&self) -> impl Iterator<Item = &str> {
        self.names.keys().map(AsRef::as_ref)
    }

    fn note(&mut self, turn: Turn, showed: Outcome, source: Source, now: Now) {
        self.fire(now);
        let Some(Row { stage: Stage::Held { member, epoch, outcome, told }, .. }) = self.turns.get_mut(&turn) else {
            return;
        };
        match source {
            Source::Call if *told => return,
            Source::Call if outcome.is_some_and(Outcome::is_urgent) && !showed.is_urgent() => return,
            Source::Call => {}
            Source::Program => *told = true,
        }
        *outcome = Some(showed);
        let (id, epoch) = (*member, *epoch);
        // At once: the same lease may find the session ended later.
        if let (Outcome::Good, Some(member)) = (showed, self.members.get_mut(&id))
            && member.epoch == epoch
        {
            member.served();
        }
        if showed.is_urgent() {
            self.apply(id, epoch, showed, source, now);
            self.update(id, now);
        }
    }

    /// Ends a lease but for its turn; the member is to be looked at.
    fn end_lease(&mut self, turn: Turn, now: Now) -> Option<MemberId> {
        let Stage::Held { member: id, epoch, outcome, .. } = self.turns.get(&turn)?.stage else { return None };
        let outcome = outcome.unwrap_or(Outcome::Neutral);
        if !outcome.is_urgent() {
            self.apply(id, epoch, outcome, Source::Call, now);
        }
        self.counts.held -= 1;
        if let Some(member) = self.members.get_mut(&id) {
            member.counts.ended(outcome);
            member.leases -= 1;
        }
        Some(id)
    }

    fn apply(&mut self, id: MemberId, epoch: u32, outcome: Outcome, source: Source, now: Now) {
        let Some(member) = self.members.get_mut(&id).filter(|member| member.epoch == epoch) else { return };
        match (outcome, source) {
            (Outcome::Expired, Source::Call) => member.found_ended(),
            _ => member.learn(outcome, &self.rules, &mut self.rng, now),
        }
    }
}

/// Who says what a lease showed.
#[derive(Clone, Copy, Debug)]
enum Source {
    Call,
    Program,
}

#[cfg(test)]
mod tests;
