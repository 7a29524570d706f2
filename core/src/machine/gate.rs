//! Whether a call may go to the wire now, must wait, or cannot be served at all.
//!
//! **Invariant:** while a renewal that calls wait for is in flight, no attempt with credentials leaves.

use std::collections::VecDeque;

use http::Method;

use super::again::Again;
use super::call::{Body, Reach, State};
use super::calls::shown;
use super::life::{self, Phase};
use super::seldom::Emptied;
use super::session::Session;
use super::window::Freshness;
use crate::effect::CallId;
use crate::error::{Error, Kind};
use crate::time::Now;

/// Calls that wait at the gate, in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Queue {
    calls: VecDeque<CallId>,
    /// How many of them have ended meanwhile.
    gone: usize,
}

/// What the gate says to a call.
pub(super) enum Gate {
    Open,
    Shut,
    Barred(Error),
}

impl Session {
    /// Sends a call on its way: to the wire, to the queue before the gate, or back.
    pub(super) fn begin(&mut self, id: CallId, now: Now) {
        let Some(call) = self.call_at(id) else { return };
        let head = &call.head;
        if matches!(head.method, Method::GET | Method::HEAD | Method::TRACE) && head.body != Body::Empty {
            let what = format!("{} takes no body; use POST, PUT or PATCH", head.method);
            return self.reply(id, Err(Error::new(Kind::RequestInvalid, what)));
        }
        let has_userinfo = head.uri.authority().is_some_and(|authority| authority.as_str().contains('@'));
        if has_userinfo {
            let what = format!("`{}` has a user name or password before its host; remove it", shown(&head.uri));
            return self.reply(id, Err(Error::new(Kind::RequestInvalid, what)));
        }
        if !matches!(head.uri.scheme_str(), Some("http" | "https")) || head.uri.authority().is_none() {
            let what = format!("`{}` is no http or https address", shown(&head.uri));
            return self.reply(id, Err(Error::new(Kind::RequestInvalid, what)));
        }
        let reach = if self.compiled.names(&head.uri) { Reach::Platform } else { Reach::Elsewhere };
        let gate = match (&self.phase, &self.closing, reach) {
            (Phase::Closed, _, _) => Gate::Barred(life::closed()),
            // Those that have begun may end.
            (_, Some(_), _) if call.attempts == 0 => Gate::Barred(life::closed()),
            (_, _, Reach::Elsewhere) => Gate::Open,
            (_, _, Reach::Platform) => self.gate(now),
        };
        match gate {
            Gate::Open => self.attempt(id, reach, now),
            Gate::Shut => self.park(id),
            Gate::Barred(error) => self.reply(id, Err(error)),
        }
    }

    /// Lets a call wait at the gate.
    pub(super) fn park(&mut self, id: CallId) {
        if self.parked.len() >= self.settings.parked {
            let what = format!("{} calls already wait for this session", self.parked.len());
            return self.reply(id, Err(Error::new(Kind::Overloaded, what)));
        }
        if let Some(call) = self.call_mut(id) {
            call.state = State::Parked;
            self.parked.calls.push_back(id);
        }
    }

    /// A call that waited has ended. Those that have ended are dropped once they are the greater part.
    pub(super) fn left_queue(&mut self) {
        self.parked.gone += 1;
        if self.parked.gone > 32 && self.parked.gone > self.parked.len() {
            let mut calls = self.parked.take().calls;
            calls.retain(|id| self.call_at(*id).is_some());
            self.parked.calls = calls;
        }
    }

    /// Sends every waiting call on its way again; some may come to wait once more.
    pub(super) fn open_gate(&mut self, now: Now) {
        for id in self.parked.take().calls {
            if self.call_at(id).is_some_and(|call| matches!(call.state, State::Parked)) {
                self.begin(id, now);
            }
        }
        self.wonder_again(now);
    }

    /// Ends every waiting call with this error.
    pub(super) fn turn_away(&mut self, error: &Error) {
        for id in self.parked.take().calls {
            if self.call_at(id).is_some_and(|call| matches!(call.state, State::Parked)) {
                self.reply(id, Err(error.clone()));
            }
        }
        self.stop_wondering(error);
    }

    pub(super) fn gate(&mut self, now: Now) -> Gate {
        match &self.phase {
            Phase::Fresh => {
                Gate::Barred(Error::new(Kind::NoSession, "there is no session yet; sign in or resume first"))
            }
            Phase::Loading(_) | Phase::SigningIn(_) => Gate::Shut,
            Phase::Ended(..) => {
                if self.may_sign_in_again(now) {
                    self.sign_in_again(Again::Ended, Vec::new(), now);
                }
                self.ended_gate()
            }
            Phase::Closed => Gate::Barred(life::closed()),
            Phase::Active => self.active_gate(now),
        }
    }

    fn active_gate(&mut self, now: Now) -> Gate {
        if let Some(error) = self.lifetime_over(now) {
            self.end(super::life::Ending::Expired, &error, now);
            return self.ended_gate();
        }
        if self.spent != self.generation {
            match self.freshness(now) {
                Freshness::Fresh => {}
                Freshness::Advisory => self.renew_ahead(now),
                Freshness::Mandatory => self.renew_now(now),
                Freshness::Ended if self.can_renew() || self.is_renewing() => self.renew_now(now),
                Freshness::Ended => return self.bar_ended(now),
            }
        } else if !self.is_renewing() {
            // Refused, and the renewal that followed failed for a reason that may pass.
            self.renew_now(now);
        }
        if self.is_gated() {
            return Gate::Shut;
        }
        match (&self.phase, self.is_usable(now)) {
            (Phase::Active, true) => Gate::Open,
            (Phase::Active, false) if !self.can_renew() => self.bar_ended(now),
            (Phase::Active, false) => Gate::Barred(self.renewal_trouble()),
            _ => self.ended_gate(),
        }
    }

    /// A session that has ended serves nothing, and one that signs in again lets calls wait.
    fn ended_gate(&self) -> Gate {
        match &self.phase {
            Phase::Ended(_, error) => Gate::Barred(self.ended(error)),
            Phase::SigningIn(_) | Phase::Loading(_) => Gate::Shut,
            Phase::Fresh | Phase::Active | Phase::Closed => Gate::Barred(life::closed()),
        }
    }

    /// The token has ended and nothing can renew it: so has the session.
    fn bar_ended(&mut self, now: Now) -> Gate {
        let error = self.cannot_renew();
        if error.code() == Kind::StoreUnavailable {
            return Gate::Barred(error);
        }
        self.end(super::life::Ending::Expired, &error, now);
        self.ended_gate()
    }

    /// Whether the present credentials may be sent.
    fn is_usable(&self, now: Now) -> bool {
        let refused = self.spent == self.generation && self.generation != 0;
        !refused && self.freshness(now) != Freshness::Ended
    }

    /// Where this moment lies relative to the present token's end.
    pub(super) fn freshness(&self, now: Now) -> Freshness {
        self.tokens.life.map_or(Freshness::Fresh, |life| life.freshness(now.wall))
    }
}

impl Emptied for Queue {
    const EMPTY: Self = Self { calls: VecDeque::new(), gone: 0 };

    fn nothing() -> &'static Self {
        static NOTHING: Queue = Queue::EMPTY;
        &NOTHING
    }

    fn is_empty(&self) -> bool {
        self.calls.is_empty()
    }
}

impl Queue {
    /// Whether nobody waits.
    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many wait.
    fn len(&self) -> usize {
        self.calls.len() - self.gone
    }
}
