//! What a session counts, and what it has under way.

use super::call::State;
use super::output::Reply;
use super::session::Session;
use crate::effect::CallId;
use crate::error::{Error, Kind};
use crate::time::Wall;

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident;)*) => {
        /// Counters of one session since it was made; they only grow.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
        pub struct Stats { $($(#[$doc])* pub $name: u64,)* }

        impl Stats {
            /// The names of all counters.
            pub const NAMES: &'static [&'static str] = &[$(stringify!($name),)*];

            /// All counters, in the order of their names.
            pub fn values(&self) -> [u64; Self::NAMES.len()] {
                [$(self.$name,)*]
            }

            /// These counters and others, joined one by one.
            pub fn with(&self, others: &Self, join: impl Fn(u64, u64) -> u64) -> Self {
                Self { $($name: join(self.$name, others.$name),)* }
            }
        }
    };
}

counters! {
    /// Calls begun.
    calls;
    /// Attempts of calls that went to the wire.
    attempts;
    /// Attempts beyond the first of a hop, after a failure or a busy answer.
    retries;
    /// Attempts repeated with a newer generation after a refusal.
    replays;
    /// Redirects followed.
    redirects;
    /// Answers that refused a session.
    refusals;
    /// Successful sign-ins.
    sign_ins;
    /// Successful renewals.
    renewals;
    /// Sessions opened from the store.
    restores;
    /// Successful saves.
    saves;
    /// Calls answered from the cache.
    cache_hits;
    /// Answers by which the platform said that it is asked too often, or named a time to come back.
    throttled;
    /// Calls that ended with an error, or with an answer that [`Verdict::error_kind`](super::Verdict::error_kind) calls one.
    errors;
    /// Calls that the program gave up.
    cancelled;
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

    /// When the account signed in, where it has.
    pub fn signed_in_at(&self) -> Option<Wall> {
        (self.generation > 0).then_some(self.tokens.created)
    }

    /// Whether the store holds all that the session has; `None` where it is kept nowhere.
    pub fn keeps(&self) -> Option<bool> {
        self.settings.persist.as_ref().map(|_| self.is_saved())
    }

    /// The kind of the last error that a call ended with, or that the session met with by itself.
    pub fn last_error(&self) -> Option<Kind> {
        self.last_error
    }
}
