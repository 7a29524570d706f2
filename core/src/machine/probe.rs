//! Asking the platform who a session is: valid, refused or unknown, and unknown never ends a session.

use std::time::Duration;

use http::Method;

use super::call::{Held, State};
use super::life::{Ending, Phase};
use super::output::{Notice, Reply, Verdict};
use super::refusal;
use super::seldom::Emptied;
use super::session::Session;
use super::token;
use super::validate::Wonder;
use crate::document::Node;
use crate::effect::{Arrival, CallId, EffectId, Failure, Purpose, SendBody};
use crate::error::{Error, Kind, Retry};
use crate::platform::Compiled;
use crate::retry;
use crate::time::{Mono, Now};

/// Whether the platform is being asked, and what it said last.
#[derive(Debug)]
pub(super) struct Probe {
    waiting: Vec<CallId>,
    /// Who else wants to know, and is being asked for.
    pub(super) asked: Vec<Wonder>,
    /// Who wants to know and waits at the gate.
    pub(super) gated: Vec<Wonder>,
    /// The generation about which the platform is being asked.
    asking: Option<u64>,
    /// The generation that was found valid, and when.
    valid: Option<(u64, Mono)>,
}

/// What an answer to the probe says.
pub(super) enum Identity {
    /// The session is good; the id that the platform gave, where it tells.
    Is(Option<String>),
    /// The session is somebody else's.
    Wrong(Error),
    /// Nothing definite, and what came instead.
    Unknown(Error),
}

/// How long a valid answer spares further probes.
const REMEMBERED: Duration = Duration::from_secs(10);

/// Reads an answer to the probe that is not a refusal.
pub(super) fn identity(compiled: &Compiled, arrival: &Arrival, claimed: Option<&str>) -> Identity {
    if !arrival.status.is_success() {
        let what = format!("the identity probe answered {}", arrival.status.as_u16());
        return Identity::Unknown(Error::new(Kind::PlatformFailed, what));
    }
    let Some(pointer) = compiled.platform().identity.as_ref().and_then(|identity| identity.account_id.as_ref()) else {
        return Identity::Is(None);
    };
    let document = match token::document(arrival) {
        Ok(document) => document,
        Err(error) => return Identity::Unknown(error),
    };
    let Some(id) = document.pointer(pointer).and_then(Node::text) else {
        return Identity::Unknown(token::unexpected(arrival, &format!("has no account id at `{pointer}`")));
    };
    match claimed {
        Some(claimed) if *claimed != *id => {
            let what = "the platform says that this session belongs to another account than it claims";
            Identity::Wrong(Error::new(Kind::AccountMismatch, what))
        }
        _ => Identity::Is(Some(id.to_string())),
    }
}

impl Session {
    /// An answer may mean that the session is refused: hold it until the probe has told.
    pub(super) fn suspected(&mut self, id: CallId, from: EffectId, arrival: Arrival, now: Now) {
        let is_known = self
            .probe
            .valid
            .is_some_and(|(generation, at)| generation == self.generation && now.mono.since(at) < REMEMBERED);
        // Of a generation that was replaced, or is known to be refused and about to be, nothing is left to ask.
        let is_over =
            self.spent == self.generation || self.call_at(id).is_some_and(|call| call.generation < self.generation);
        if is_over {
            return self.refused(id, from, arrival, now);
        }
        if self.compiled.identity().is_none() || is_known || !matches!(self.phase, Phase::Active) {
            return self.reply_as_is(id, Held { from, arrival }, None);
        }
        if let Some(call) = self.call_mut(id) {
            call.state = State::Suspect(Box::new(Held { from, arrival }));
            self.probe.waiting.push(id);
        }
        self.ask_identity(now);
    }

    pub(super) fn ask_identity(&mut self, now: Now) {
        if self.probe.asking.is_none() {
            self.probe.asking = Some(self.generation);
            self.send_probe(1, now);
        }
    }

    /// Asks the platform who this session is.
    pub(super) fn send_probe(&mut self, attempt: u32, now: Now) {
        let Some(uri) = self.compiled.identity().cloned() else { return };
        let headers = self.own_headers(&Method::GET, &uri, now);
        self.own_exchange(Purpose::Probe, attempt, Method::GET, uri, headers, SendBody::Empty, now);
    }

    /// The platform answered the probe of an active session, or did not.
    pub(super) fn probe_answered(&mut self, result: Result<Arrival, Failure>, now: Now) {
        let Some(generation) = self.probe.asking.take() else { return };
        let waiting = std::mem::take(&mut self.probe.waiting);
        let wondering = std::mem::take(&mut self.probe.asked);
        // An answer about an older generation says nothing of the present one.
        let is_newer = |id: &CallId| self.call_at(*id).is_some_and(|call| call.generation > generation);
        let (newer, waiting): (Vec<_>, Vec<_>) = waiting.into_iter().partition(is_newer);
        if !newer.is_empty() {
            self.probe.waiting = newer;
            self.ask_identity(now);
        }
        let uri = self.compiled.identity().cloned();
        let arrival = match (result, uri) {
            (Ok(arrival), Some(uri)) if refusal::refuses_probe(&self.compiled, &arrival, &uri, now.wall) => {
                for id in waiting {
                    if let Some(held) = self.take_held(id) {
                        self.refused(id, held.from, held.arrival, now);
                    }
                }
                return self.refused_when_asked(generation, wondering, now);
            }
            (Ok(arrival), Some(uri)) => {
                self.take_cookies(&uri, &arrival.headers, generation, now);
                Ok(arrival)
            }
            (Ok(arrival), None) => Ok(arrival),
            (Err(failure), _) => Err(failure),
        };
        let asked = arrival.as_ref().ok().and_then(|arrival| retry::retry_after(&arrival.headers, now.wall));
        let told = match arrival.map(|arrival| identity(&self.compiled, &arrival, self.tokens.account_id.as_deref())) {
            Ok(Identity::Is(_)) => {
                self.probe.valid = Some((generation, now.mono));
                Ok(())
            }
            Ok(Identity::Wrong(error)) => {
                for id in waiting {
                    if let Some(held) = self.take_held(id) {
                        self.reply_as_is(id, held, Some(Verdict::Rejected));
                    }
                }
                self.end(Ending::Rejected, &error, now);
                for wonder in wondering {
                    self.tell(wonder, Err(error.clone()), now);
                }
                return;
            }
            Ok(Identity::Unknown(error)) => {
                self.notice(Notice::ProbeUnknown(error.code()));
                Err(match asked {
                    Some(asked) => error.with_retry(Retry::After(now.wall + asked)),
                    None => error,
                })
            }
            Err(failure) => {
                self.notice(Notice::ProbeUnknown(failure.kind.error_kind()));
                let what = format!("asking who the session is: {}", failure.detail);
                Err(Error::new(failure.kind.error_kind(), what))
            }
        };
        for id in waiting {
            if let Some(held) = self.take_held(id) {
                self.reply_as_is(id, held, None);
            }
        }
        for wonder in wondering {
            if generation < self.generation && told.is_ok() {
                self.wonder(wonder, now);
            } else {
                self.tell(wonder, told.clone(), now);
            }
        }
    }

    /// Asks no more who the session is: it has ended, or is about to be another one. Calls that wait get the answer that they have.
    pub(super) fn stop_probe(&mut self, verdict: Option<Verdict>) {
        if self.probe.asking.take().is_some() {
            self.abandon_own(Purpose::Probe);
        }
        self.probe.valid = None;
        let asked = std::mem::take(&mut self.probe.asked);
        self.probe.gated.extend(asked);
        self.stop_keep_alive();
        for id in std::mem::take(&mut self.probe.waiting) {
            if let Some(held) = self.take_held(id) {
                self.reply_as_is(id, held, verdict);
            }
        }
    }

    fn take_held(&mut self, id: CallId) -> Option<Held> {
        let call = self.call_mut(id)?;
        if !matches!(call.state, State::Suspect(_)) {
            return None;
        }
        match std::mem::replace(&mut call.state, State::Parked) {
            State::Suspect(held) => Some(*held),
            State::Parked | State::Exchanging(_) | State::Asking(..) | State::Backoff => None,
        }
    }

    /// Replies with an answer as it was received.
    pub(super) fn reply_as_is(&mut self, id: CallId, held: Held, verdict: Option<Verdict>) {
        let Some(call) = self.call_at(id) else { return };
        let mut answered = call.answered(held.from, held.arrival.status, held.arrival.headers);
        if let Some(verdict) = verdict {
            answered.verdict = verdict;
        }
        self.reply(id, Ok(Reply::Answered(answered)));
    }
}

impl Emptied for Probe {
    const EMPTY: Self = Self { waiting: Vec::new(), asked: Vec::new(), gated: Vec::new(), asking: None, valid: None };

    fn nothing() -> &'static Self {
        static NOTHING: Probe = Probe::EMPTY;
        &NOTHING
    }

    fn is_empty(&self) -> bool {
        let is_wanted = !self.waiting.is_empty() || !self.asked.is_empty() || !self.gated.is_empty();
        !is_wanted && self.asking.is_none() && self.valid.is_none()
    }
}

impl Probe {
    pub(super) fn is_asking(&self) -> bool {
        self.asking.is_some()
    }
}
