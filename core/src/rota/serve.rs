//! Which waiting turn gets which member, and what happens when time passes?

use super::keys::weight;
use super::machine::{Closing, Due, Output, Rota, Stage, Turn};
use super::member::{Member, MemberId, Reason};
use super::rules::Policy;
use super::stats::civil;
use crate::error::{Error, Kind, Retry};
use crate::time::Now;

impl Rota {
    /// Lets happen what is due.
    pub(super) fn fire(&mut self, now: Now) {
        while let Some((at, due)) = self.timers.first().copied()
            && at <= now.mono
        {
            match due {
                Due::Member(id) => {
                    self.timers.pop_first();
                    if let Some(member) = self.members.get_mut(&id) {
                        member.timed = None;
                    }
                    self.update(id, now);
                }
                Due::Turn(turn) => match self.turns.get(&turn).map(|row| &row.stage) {
                    Some(Stage::Offered(id, _)) => self.lapse(turn, *id, now),
                    Some(Stage::Waiting(_) | Stage::Lapsed) => self.exhaust(turn, now),
                    Some(Stage::Held { .. }) | None => drop(self.timers.pop_first()),
                },
            }
        }
    }

    /// Changes a member, and what follows from it.
    pub(super) fn change(&mut self, id: MemberId, now: Now, change: impl FnOnce(&mut Member)) -> bool {
        let Some(member) = self.members.get_mut(&id) else { return false };
        change(member);
        self.update(id, now);
        true
    }

    /// Looks at a member that changed: lists it anew, sends its keys elsewhere if it is not well, and lets it serve who waits.
    pub(super) fn update(&mut self, id: MemberId, now: Now) {
        self.relist(id, now);
        let Some(member) = self.members.get_mut(&id) else { return };
        let homeless = if member.keeps_keys() { Default::default() } else { std::mem::take(&mut member.wanted) };
        if member.leaving && member.leases == 0 {
            self.members.remove(&id);
        }
        for turn in homeless {
            self.place(turn, now);
        }
        if self.able == 0 {
            self.fail_waiting(now);
        }
        self.serve(id, now);
    }

    /// Brings a member's place among the free, its next moment and whether it can serve up to date.
    pub(super) fn relist(&mut self, id: MemberId, now: Now) {
        let Some(member) = self.members.get_mut(&id) else { return };
        member.refresh(&self.rules, now.mono);
        let able = member.can_serve();
        self.able = self.able + usize::from(able) - usize::from(std::mem::replace(&mut member.is_able, able));
        let place = member.place(id, &self.rules, now.mono);
        if let Some(old) = std::mem::replace(&mut member.listed, place) {
            self.free.remove(&old);
        }
        self.free.extend(place);
        let is_gone = member.leaving && member.leases == 0;
        let next = member.next_change(&self.rules, now.mono).filter(|_| !is_gone);
        if let Some(old) = std::mem::replace(&mut member.timed, next) {
            self.timers.remove(&(old, Due::Member(id)));
        }
        self.timers.extend(next.map(|at| (at, Due::Member(id))));
    }

    /// Finds a turn that is in no queue its member, or its queue.
    pub(super) fn place(&mut self, turn: Turn, now: Now) {
        let Some(row) = self.turns.get(&turn) else { return };
        let (deadline, key) = (row.deadline, row.key);
        if self.closing != Closing::No || self.able == 0 {
            return self.fail_for_good(turn);
        }
        let home = self.home(key);
        let is_free = |id: &MemberId| self.members.get(id).is_some_and(|member| member.listed.is_some());
        let found = match home {
            Some(id) => Some(id).filter(is_free),
            None => self.free.first().map(|place| place.4),
        };
        if let Some(id) = found {
            return self.offer(turn, id, now);
        }
        if deadline <= now.mono {
            return self.exhaust(turn, now);
        }
        if let Some(row) = self.turns.get_mut(&turn) {
            row.stage = Stage::Waiting(home);
        }
        let queue = home.and_then(|id| self.members.get_mut(&id)).map_or(&mut self.common, |home| &mut home.wanted);
        queue.insert(turn);
        self.timers.insert((deadline, Due::Turn(turn)));
    }

    /// Gives a member to those that wait for it, the oldest first.
    fn serve(&mut self, id: MemberId, now: Now) {
        while let Some(member) = self.members.get_mut(&id)
            && member.listed.is_some()
        {
            let (own, shared) = (member.wanted.first().copied(), self.common.first().copied());
            let turn = match (own, shared) {
                (Some(own), Some(shared)) => own.min(shared),
                (Some(one), None) | (None, Some(one)) => one,
                (None, None) => return,
            };
            if Some(turn) == own {
                member.wanted.remove(&turn);
                self.offer(turn, id, now);
            } else {
                self.common.remove(&turn);
                let key = self.turns.get(&turn).and_then(|row| row.key);
                // Its key may have been given a member since it began to wait.
                match self.home(key) {
                    Some(home) if home != id => self.place(turn, now),
                    Some(_) | None => self.offer(turn, id, now),
                }
            }
        }
    }

    fn offer(&mut self, turn: Turn, id: MemberId, now: Now) {
        let until = now.mono + self.rules.claim.max(std::time::Duration::from_nanos(1));
        let (Some(row), Some(member)) = (self.turns.get_mut(&turn), self.members.get_mut(&id)) else { return };
        self.given += 1;
        member.give(self.given);
        row.stage = Stage::Offered(id, until);
        if let Some(key) = row.key {
            self.keys.bind(key, id);
        }
        self.timers.remove(&(row.deadline, Due::Turn(turn)));
        self.timers.insert((until, Due::Turn(turn)));
        self.counts.waiting -= 1;
        self.counts.offered += 1;
        self.counts.offers += 1;
        self.said.push_back(Output::Offered(turn));
        self.relist(id, now);
    }

    /// An offer was not taken in time, or its member may not be given any more: the member goes to the next, the turn asks again or reaches its deadline.
    pub(super) fn lapse(&mut self, turn: Turn, id: MemberId, now: Now) {
        let Some(row) = self.turns.get_mut(&turn) else { return };
        if let Stage::Offered(_, until) = std::mem::replace(&mut row.stage, Stage::Lapsed) {
            self.timers.remove(&(until, Due::Turn(turn)));
        }
        self.timers.insert((row.deadline, Due::Turn(turn)));
        self.counts.offered -= 1;
        self.counts.waiting += 1;
        self.counts.withdrawn += 1;
        self.change(id, now, Member::take_back);
    }

    /// The member that a key belongs to and waits for.
    fn home(&mut self, key: Option<u64>) -> Option<MemberId> {
        let key = key?;
        if let Some(id) = self.keys.bound(key) {
            if self.members.get(&id).is_some_and(Member::keeps_keys) {
                return Some(id);
            }
            self.keys.unbind(key);
        }
        match self.rules.policy {
            Policy::RoundRobin | Policy::LeastUsed => None,
            Policy::Sticky => {
                let well = self.members.iter().filter(|(_, member)| member.keeps_keys());
                let (id, _) = well.max_by_key(|(_, member)| weight(key, member.hash))?;
                let id = *id;
                self.keys.bind(key, id);
                Some(id)
            }
        }
    }

    /// Takes a turn that holds nothing out of every list.
    pub(super) fn forget(&mut self, turn: Turn) {
        let Some(row) = self.turns.remove(&turn) else { return };
        self.timers.remove(&(row.deadline, Due::Turn(turn)));
        match row.stage {
            Stage::Waiting(home) => {
                self.common.remove(&turn);
                if let Some(member) = home.and_then(|id| self.members.get_mut(&id)) {
                    member.wanted.remove(&turn);
                }
                self.counts.waiting -= 1;
            }
            Stage::Lapsed => self.counts.waiting -= 1,
            Stage::Offered(_, until) => {
                self.timers.remove(&(until, Due::Turn(turn)));
                self.counts.offered -= 1;
            }
            Stage::Held { .. } => {}
        }
    }

    /// Ends every turn that waits, because no member can serve any more, or because the pool is drained.
    pub(super) fn fail_waiting(&mut self, now: Now) {
        if self.counts.waiting == 0 {
            return;
        }
        let mut waiting = std::mem::take(&mut self.common);
        for member in self.members.values_mut() {
            waiting.append(&mut member.wanted);
        }
        let lapsed = self.turns.iter().filter(|(_, row)| matches!(row.stage, Stage::Lapsed)).map(|(turn, _)| *turn);
        waiting.extend(lapsed);
        for turn in waiting {
            self.place(turn, now);
        }
    }

    /// Ends a turn that found too many others waiting.
    pub(super) fn turn_away(&mut self, turn: Turn) {
        self.forget(turn);
        self.counts.turned_away += 1;
        let error = Error::new(Kind::Overloaded, "too many wait for a session of the pool already");
        self.said.push_back(Output::Failed(turn, error));
    }

    /// Ends a turn that no member will ever serve.
    fn fail_for_good(&mut self, turn: Turn) {
        self.forget(turn);
        let error = if self.closing == Closing::No {
            self.counts.empty += 1;
            let detail = match self.census() {
                census if census.is_empty() => "the pool has no accounts".to_owned(),
                census => format!("no account of the pool can serve any more: {census}"),
            };
            Error::new(Kind::PoolEmpty, detail)
        } else {
            self.counts.turned_away += 1;
            Error::new(Kind::Closed, "the pool is drained and gives no more sessions")
        };
        self.said.push_back(Output::Failed(turn, error));
    }

    /// Ends a turn whose deadline has passed.
    fn exhaust(&mut self, turn: Turn, now: Now) {
        self.forget(turn);
        self.counts.exhausted += 1;
        let error =
            Error::new(Kind::PoolExhausted, format!("no session of the pool was free in time: {}", self.census()));
        let is_busy = self.members.values().any(|member| member.reason().is_none());
        let back = self.members.values().filter_map(Member::until).min();
        let retry = match back {
            Some(at) if !is_busy => Retry::After(civil(at, now)),
            Some(_) | None => Retry::Now,
        };
        self.said.push_back(Output::Failed(turn, error.with_retry(retry)));
    }

    /// How many members stand how, in words.
    fn census(&self) -> String {
        let reasons = [Reason::Cooling, Reason::Broken, Reason::Expired, Reason::Banned, Reason::Retired];
        let count = |reason: Option<Reason>| self.members.values().filter(|member| member.reason() == reason).count();
        let words = std::iter::once((None, "busy"))
            .chain(reasons.map(|reason| (Some(reason), reason.as_str())))
            .map(|(reason, word)| (count(reason), word))
            .filter(|(count, _)| *count > 0)
            .map(|(count, word)| format!("{count} {word}"));
        words.collect::<Vec<_>>().join(", ")
    }
}
