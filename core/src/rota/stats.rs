//! What does a rota count?
//!
//! **Invariant:** every turn that was asked for is in exactly one place: `asked = waiting + offered + held + released + cancelled +
//! exhausted + empty + turned_away`; every offer too: `offers = offered + withdrawn + claims`, and `claims = held + released + passed`.

use super::member::{Member, Reason};
use super::rules::Rules;
use crate::time::{Mono, Now, Wall};

/// The counters of a rota, exact at the moment of asking.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Stats {
    /// Turns asked for.
    pub asked: u64,
    /// Times a member was offered.
    pub offers: u64,
    /// Offers that were taken.
    pub claims: u64,
    /// Offers that were not taken in time, or whose turn was cancelled.
    pub withdrawn: u64,
    /// Leases whose session could not be opened, so that the turn went on with another member.
    pub passed: u64,
    /// Leases given back.
    pub released: u64,
    /// Turns given up by whoever asked.
    pub cancelled: u64,
    /// Turns that ended because nothing was free in time.
    pub exhausted: u64,
    /// Turns that ended because no member can serve any more.
    pub empty: u64,
    /// Turns that ended because too many waited, or because the pool is drained.
    pub turned_away: u64,
    /// Turns that wait at present.
    pub waiting: usize,
    /// Members offered and not claimed yet, at present.
    pub offered: usize,
    /// Leases held at present.
    pub held: usize,
    /// Each member, in the order in which they were added.
    pub members: Vec<MemberStats>,
}

/// One member at the moment of asking: `uses = held + good + neutral + failed + throttled + expired + banned`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MemberStats {
    /// The account's name.
    pub account: String,
    /// Why it is not given, if it is not.
    pub reason: Option<Reason>,
    /// When that passes by itself.
    pub until: Option<Wall>,
    /// What the program said when it banned it.
    pub why: Option<String>,
    /// From 0 to 1000; it falls with failures, and comes back with successes and time.
    pub health: u16,
    /// Leases at present, offered ones too.
    pub leases: u32,
    /// Leases claimed.
    pub uses: u64,
    /// Leases that showed it to be good.
    pub good: u64,
    /// Leases that showed nothing.
    pub neutral: u64,
    /// Leases that showed a failure.
    pub failed: u64,
    /// Leases that were throttled.
    pub throttled: u64,
    /// Leases that showed the session to have ended.
    pub expired: u64,
    /// Leases that showed it to be banned.
    pub banned: u64,
}

/// What is counted of one member.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    pub(super) uses: u64,
    good: u64,
    neutral: u64,
    failed: u64,
    throttled: u64,
    expired: u64,
    banned: u64,
}

impl Counts {
    /// One more lease ended like this.
    pub(super) fn ended(&mut self, outcome: super::Outcome) {
        let count = match outcome {
            super::Outcome::Good => &mut self.good,
            super::Outcome::Neutral => &mut self.neutral,
            super::Outcome::Failed => &mut self.failed,
            super::Outcome::Throttled(_) => &mut self.throttled,
            super::Outcome::Expired => &mut self.expired,
            super::Outcome::Banned => &mut self.banned,
        };
        *count += 1;
    }
}

impl Member {
    pub(super) fn stats(&self, rules: &Rules, now: Now) -> MemberStats {
        let Counts { uses, good, neutral, failed, throttled, expired, banned } = self.counts;
        MemberStats {
            account: self.account.as_ref().to_owned(),
            reason: self.reason(),
            until: self.until().map(|at| civil(at, now)),
            why: self.why.clone(),
            health: self.health(rules, now.mono) as u16,
            leases: self.leases,
            uses,
            good,
            neutral,
            failed,
            throttled,
            expired,
            banned,
        }
    }
}

/// The civil time of a moment.
pub(super) fn civil(at: Mono, now: Now) -> Wall {
    now.wall + at.since(now.mono)
}
