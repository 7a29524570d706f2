//! Is the session good, now? The platform is asked on behalf of the program, or of keep-alive.
//!
//! ```text
//! wondering ──gate open──▶ asked ──valid or unknown──▶ told
//!    ▲ └──gate shut──▶ gated ─┘ └──refused──▶ renewal ─┐
//!    └──────────── once ───────────────────────────────┘
//! ```
//!
//! **Invariant:** only a definite answer ends a session; a refusal goes the same way as that of a call: one renewal, one more question.

use super::gate::Gate;
use super::life::{self, Ending, Phase};
use super::output::Reply;
use super::session::Session;
use super::window::Freshness;
use crate::effect::CallId;
use crate::error::{Error, Kind};
use crate::time::Now;

/// Somebody who wants to know whether the session is good.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wonder {
    /// The command to reply to; `None`: keep-alive.
    pub(super) who: Option<CallId>,
    /// Whether the session was refused already when it asked before.
    pub(super) was_refused: bool,
}

impl Session {
    /// Asks the platform now who the session is, joining a probe that is under way.
    ///
    /// Ends well when the session is valid, perhaps after a renewal. Ends with `expired` or `rejected` when the platform refuses it and
    /// that cannot be mended, and then the session has ended; with `account_mismatch` when it is somebody else's. Any other kind means
    /// that nobody knows: the session stays as it is.
    pub fn validate(&mut self, now: Now) -> CallId {
        let id = self.command();
        if self.closing.is_some() {
            self.reply(id, Err(life::closed()));
        } else if self.compiled.identity().is_none() {
            let what = "the platform file names no identity probe; add a table `identity` with its `path`";
            self.reply(id, Err(Error::new(Kind::PlatformInvalid, what)));
        } else {
            self.wonder(Wonder { who: Some(id), was_refused: false }, now);
        }
        id
    }

    /// Asks, or waits at the gate until that can be done.
    pub(super) fn wonder(&mut self, wonder: Wonder, now: Now) {
        if self.closing.is_some() {
            return self.tell(wonder, Err(life::closed()), now);
        }
        match self.gate(now) {
            Gate::Shut => self.probe.gated.push(wonder),
            Gate::Barred(error) => self.tell(wonder, Err(error), now),
            Gate::Open if wonder.who.is_none() && self.compiled.keep_alive().is_some() => {
                self.send_keep_alive(wonder, now);
            }
            Gate::Open => {
                self.probe.asked.push(wonder);
                self.ask_identity(now);
            }
        }
    }

    /// The gate has moved: whoever waited at it asks again.
    pub(super) fn wonder_again(&mut self, now: Now) {
        for wonder in std::mem::take(&mut self.probe.gated) {
            self.wonder(wonder, now);
        }
    }

    /// Tells whoever waits at the gate that it stays shut.
    pub(super) fn stop_wondering(&mut self, error: &Error) {
        for wonder in std::mem::take(&mut self.probe.gated) {
            if let Some(id) = wonder.who {
                self.reply(id, Err(error.clone()));
            }
        }
    }

    /// Tells what was found out.
    pub(super) fn tell(&mut self, wonder: Wonder, result: Result<(), Error>, now: Now) {
        match wonder.who {
            Some(id) => self.reply(id, result.map(|()| Reply::Done)),
            None => self.keep_alive_told(result, now),
        }
    }

    /// The platform refused the session of this generation in answer to a question of the session's own.
    pub(super) fn refused_when_asked(&mut self, generation: u64, wondering: Vec<Wonder>, now: Now) {
        if wondering.is_empty() {
            return;
        }
        if generation == self.generation && matches!(self.phase, Phase::Active) {
            let is_fresh = self.spent != generation && self.freshness(now) != Freshness::Ended;
            self.stats.refusals += 1;
            if is_fresh && wondering.iter().any(|wonder| wonder.was_refused) {
                self.spent = generation;
                let what =
                    "the platform refused a session that had just been renewed; check the account and sign in again";
                self.end(Ending::Rejected, &Error::new(Kind::Rejected, what), now);
            } else {
                self.spend(now);
            }
        }
        for wonder in wondering {
            self.wonder(Wonder { was_refused: true, ..wonder }, now);
        }
    }
}
