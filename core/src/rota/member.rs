//! How does one member stand: may it be given, and if not, why and until when?
//!
//! **Invariant:** each reason is kept by itself, so that one that passes never hides another that stays; a throttle never touches
//! health.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use super::keys;
use super::machine::Turn;
use super::outcome::Outcome;
use super::rules::{Policy, Rules};
use super::stats::Counts;
use crate::seed::Rng;
use crate::time::{Mono, Now};

/// Tells members apart; a name that is added again is another member.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct MemberId(pub(super) u64);

/// Why a member is not given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// The platform shut the account out, or the program said so: until restored.
    Banned,
    /// It must sign in again: until restored.
    Expired,
    /// It was given as often or for as long as the caps allow: until it has rested, or restored.
    Retired,
    /// It failed too often: until its cool-down has passed.
    Broken,
    /// The platform asked to wait: as long as asked.
    Cooling,
}

/// Where a member stands among those that can be given: the first is the next.
pub(super) type Place = (bool, u64, u64, u64, MemberId);

/// One account.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) account: Arc<str>,
    pub(super) hash: u64,
    /// Offered and held.
    pub(super) leases: u32,
    /// Grows when it is restored; what was given before says nothing about it any more.
    pub(super) epoch: u32,
    pub(super) leaving: bool,
    /// Turns that wait for this one and no other.
    pub(super) wanted: BTreeSet<Turn>,
    pub(super) counts: Counts,
    /// The place it has among the free.
    pub(super) listed: Option<Place>,
    /// The moment at which it is looked at again.
    pub(super) timed: Option<Mono>,
    /// Whether it was counted as one that can serve, now or later.
    pub(super) is_able: bool,
    pub(super) given: u64,
    pub(super) why: Option<String>,
    health: u64,
    healed: Mono,
    banned: bool,
    expired: bool,
    on_trial: bool,
    breaks: u32,
    /// Whether its session may be opened anew, should a call find it ended.
    may_reopen: bool,
    broken: Option<Mono>,
    cooling: Option<Mono>,
    retired: Option<Rest>,
    since: Mono,
    uses: u64,
}

/// How long a retired member rests.
#[derive(Clone, Copy, Debug)]
enum Rest {
    Until(Mono),
    ForEver,
}

impl Member {
    pub(super) fn new(account: &str, now: Mono) -> Self {
        Self {
            account: account.into(),
            hash: keys::hash(account),
            leases: 0,
            epoch: 0,
            leaving: false,
            wanted: BTreeSet::new(),
            counts: Counts::default(),
            listed: None,
            timed: None,
            is_able: false,
            given: 0,
            why: None,
            health: WHOLE,
            healed: now,
            banned: false,
            expired: false,
            on_trial: false,
            breaks: 0,
            may_reopen: true,
            broken: None,
            cooling: None,
            retired: None,
            since: now,
            uses: 0,
        }
    }

    /// Why it is not given, the most lasting reason first.
    pub(super) fn reason(&self) -> Option<Reason> {
        let reasons = [
            (self.banned, Reason::Banned),
            (self.expired, Reason::Expired),
            (self.retired.is_some(), Reason::Retired),
            (self.broken.is_some(), Reason::Broken),
            (self.cooling.is_some(), Reason::Cooling),
        ];
        reasons.into_iter().find_map(|(holds, reason)| holds.then_some(reason))
    }

    /// When the reason passes by itself.
    pub(super) fn until(&self) -> Option<Mono> {
        match self.reason()? {
            Reason::Banned | Reason::Expired => None,
            Reason::Retired => match self.retired? {
                Rest::Until(at) => Some(at),
                Rest::ForEver => None,
            },
            Reason::Broken => self.broken,
            Reason::Cooling => self.cooling,
        }
    }

    /// Whether it can serve, now or by itself later.
    pub(super) fn can_serve(&self) -> bool {
        !self.leaving && !self.banned && !self.expired && !matches!(self.retired, Some(Rest::ForEver))
    }

    /// Whether what was offered of it may still be taken.
    pub(super) fn may_be_claimed(&self) -> bool {
        !self.leaving && self.reason().is_none()
    }

    /// Whether its keys wait for it: it is well, though it may be busy or throttled.
    pub(super) fn keeps_keys(&self) -> bool {
        !self.leaving && matches!(self.reason(), None | Some(Reason::Cooling))
    }

    /// Where it stands among the free, if it is.
    pub(super) fn place(&self, id: MemberId, rules: &Rules, now: Mono) -> Option<Place> {
        let most = if self.on_trial { 1 } else { rules.concurrent.max(1) };
        let is_free = !self.leaving && self.reason().is_none() && self.leases < most && !self.is_spent(rules, now);
        let (first, second) = match rules.policy {
            Policy::RoundRobin => (self.given, 0),
            Policy::LeastUsed | Policy::Sticky => (self.leases.into(), self.counts.uses),
        };
        is_free.then_some((self.is_ailing(rules, now), first, second, self.given, id))
    }

    /// Lets time do its work, and retires it where a cap is reached.
    pub(super) fn refresh(&mut self, rules: &Rules, now: Mono) {
        self.cooling.take_if(|at| *at <= now);
        if self.broken.take_if(|at| *at <= now).is_some() {
            self.on_trial = true;
        }
        if matches!(self.retired, Some(Rest::Until(at)) if at <= now) {
            self.begin_anew(now);
        }
        if self.retired.is_none() && self.leases == 0 && self.is_spent(rules, now) {
            self.retired = Some(rules.rest.map_or(Rest::ForEver, |rest| Rest::Until(now + rest)));
        }
    }

    /// When it is to be looked at next.
    pub(super) fn next_change(&self, rules: &Rules, now: Mono) -> Option<Mono> {
        let rest = match self.retired {
            Some(Rest::Until(at)) => Some(at),
            Some(Rest::ForEver) => None,
            None => rules.age.map(|age| self.since + age).filter(|at| *at > now),
        };
        let well = self.is_ailing(rules, now).then(|| self.healed + heals_in(rules, AILING - self.health));
        [self.cooling, self.broken, rest, well].into_iter().flatten().min()
    }

    /// What was offered to nobody's use, given back.
    pub(super) fn take_back(&mut self) {
        self.leases -= 1;
        self.uses = self.uses.saturating_sub(1);
    }

    /// One more lease, from now.
    pub(super) fn give(&mut self, given: u64) {
        self.leases += 1;
        self.uses += 1;
        self.given = given;
    }

    /// Learns what the use of it showed.
    pub(super) fn learn(&mut self, outcome: Outcome, rules: &Rules, rng: &mut Rng, now: Now) {
        match outcome {
            Outcome::Good => {
                self.heal(self.health(rules, now.mono) + 100, now.mono);
                (self.on_trial, self.breaks) = (false, 0);
                self.served();
            }
            Outcome::Neutral => {}
            Outcome::Failed => {
                self.heal(self.health(rules, now.mono).saturating_sub(FAILURE), now.mono);
                if self.broken.is_none() && (self.on_trial || self.health < FAILURE) {
                    let pause = rules.cool_down.saturating_mul(1 << self.breaks.min(3));
                    // Members that broke together do not come back together.
                    let jitter = pause.mul_f64(rng.below(1000) as f64 / 4000.0);
                    self.broken = Some(now.mono + pause.saturating_add(jitter));
                    (self.on_trial, self.breaks) = (false, self.breaks + 1);
                }
            }
            Outcome::Throttled(until) => {
                let at = now.mono + until.map_or(rules.pause, |until| until.since(now.wall));
                self.cooling = Some(self.cooling.map_or(at, |already| already.max(at)));
            }
            Outcome::Expired => self.expired = true,
            Outcome::Banned => self.banned = true,
        }
    }

    /// Its session served: should it end, it may be opened anew.
    pub(super) fn served(&mut self) {
        self.may_reopen = true;
    }

    /// A call found its session ended: the first time since it served, it is only opened anew.
    pub(super) fn found_ended(&mut self) {
        if std::mem::replace(&mut self.may_reopen, false) {
            // What else is out found the same session.
            self.epoch += 1;
        } else {
            self.expired = true;
        }
    }

    /// Shuts it out.
    pub(super) fn ban(&mut self, why: &str) {
        self.banned = true;
        self.why = Some(why.to_owned());
    }

    /// Makes it as good as new, whatever kept it from being given.
    pub(super) fn restore(&mut self, now: Mono) {
        self.epoch += 1;
        self.why = None;
        self.may_reopen = true;
        (self.banned, self.expired, self.on_trial, self.breaks) = (false, false, false, 0);
        (self.broken, self.cooling) = (None, None);
        self.heal(WHOLE, now);
        self.begin_anew(now);
    }

    /// Its health in thousandths.
    pub(super) fn health(&self, rules: &Rules, now: Mono) -> u64 {
        let whole = rules.recovery.as_nanos().max(1);
        let healed = now.since(self.healed).as_nanos().saturating_mul(u128::from(WHOLE)) / whole;
        self.health.saturating_add(u64::try_from(healed).unwrap_or(WHOLE)).min(WHOLE)
    }

    fn heal(&mut self, health: u64, now: Mono) {
        (self.health, self.healed) = (health.min(WHOLE), now);
    }

    /// Its caps start anew; what it has out counts towards them.
    fn begin_anew(&mut self, now: Mono) {
        (self.retired, self.since, self.uses) = (None, now, self.leases.into());
    }

    /// Whether the others come first.
    fn is_ailing(&self, rules: &Rules, now: Mono) -> bool {
        self.health(rules, now) < AILING
    }

    fn is_spent(&self, rules: &Rules, now: Mono) -> bool {
        rules.uses.is_some_and(|most| self.uses >= most) || rules.age.is_some_and(|age| self.since + age <= now)
    }
}

impl Reason {
    /// Its stable word, the same in every binding.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Banned => "banned",
            Self::Expired => "expired",
            Self::Retired => "retired",
            Self::Broken => "broken",
            Self::Cooling => "cooling",
        }
    }
}

/// How long so much health takes to come back, rounded up.
fn heals_in(rules: &Rules, health: u64) -> Duration {
    let nanos = rules.recovery.as_nanos().max(1).saturating_mul(health.into()).div_ceil(WHOLE.into());
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

/// The health of a member that nothing was ever wrong with.
const WHOLE: u64 = 1000;
/// The health below which the others come first.
const AILING: u64 = 500;
/// What a failure takes; less than this left, and the member breaks.
const FAILURE: u64 = 250;
