//! What a session counts, and what it has under way.

use super::call::State;
use super::output::Reply;
use super::session::Session;
use crate::effect::CallId;
use crate::error::{Error, Kind};

/// Counters of one session since it was made; they only grow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Stats {
    /// Calls begun.
    pub calls: u64,
    /// Attempts of calls that went to the wire.
    pub attempts: u64,
    /// Attempts beyond the first of a hop, after a failure or a busy answer.
    pub retries: u64,
    /// Attempts repeated with a newer generation after a refusal.
    pub replays: u64,
    /// Redirects followed.
    pub redirects: u64,
    /// Answers that refused a session.
    pub refusals: u64,
    /// Successful sign-ins.
    pub sign_ins: u64,
    /// Successful renewals.
    pub renewals: u64,
    /// Sessions opened from the store.
    pub restores: u64,
    /// Successful saves.
    pub saves: u64,
    /// Calls answered from the cache.
    pub cache_hits: u64,
    /// Answers by which the platform said that it is asked too often, or named a time to come back.
    pub throttled: u64,
    /// Calls that ended with an error, or with an answer that [`Verdict::error_kind`](super::Verdict::error_kind) calls one.
    pub errors: u64,
    /// Calls that the program gave up.
    pub cancelled: u64,
}

/// Calls that have not ended, at the moment of asking.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct UnderWay {
    /// Calls that wait for an answer from the wire.
    pub in_flight: usize,
    /// Calls that wait for anything else: the session, its probe, a permit, the end of a backoff.
    pub waiting: usize,
}

impl Session {
    /// Counts a call's end.
    pub(super) fn count_end(&mut self, reply: &Result<Reply, Error>) {
        let kind = match reply {
            Ok(Reply::Answered(answered)) => answered.verdict.error_kind(),
            Ok(Reply::Done) => None,
            Err(error) => Some(error.code()),
        };
        match kind {
            None => {}
            Some(Kind::Cancelled) => self.stats.cancelled += 1,
            Some(kind) => {
                self.stats.errors += 1;
                self.last_error = Some(kind);
            }
        }
    }

    /// How many calls have not ended, and what they wait for. Looks at each of them.
    pub fn under_way(&self) -> UnderWay {
        let mut found = UnderWay::default();
        for name in self.rows.names() {
            let Some(call) = self.call_at(CallId::from_raw(name)) else { continue };
            match call.state {
                State::Exchanging(_) => found.in_flight += 1,
                State::Parked | State::Asking(..) | State::Backoff | State::Suspect(_) => found.waiting += 1,
            }
        }
        found
    }

    /// The kind of the last error that a call ended with, or that the session met with by itself.
    pub fn last_error(&self) -> Option<Kind> {
        self.last_error
    }
}
