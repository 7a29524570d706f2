//! One call: what was asked, where it stands, and how often it was tried.
//!
//! ```text
//! Parked ──gate opens──▶ Exchanging ──refused──▶ Parked (one replay)
//!    ▲                      │  │ └──suspect──▶ Suspect ──probe──▶ reply or Parked
//!    │                      │  └──repeatable──▶ Asking ──granted──▶ Backoff ──▶ Exchanging
//!    └──────gate shut───────┘ └──redirect──▶ Exchanging
//! ```
//!
//! **Invariant:** a row leaves the table exactly when its reply is put out, so a call ends exactly once.

use std::fmt;
use std::time::Duration;

use http::{HeaderMap, Method, StatusCode, Uri};

use super::calls::shown;
use super::output::Answered;
use crate::effect::{Arrival, EffectId};
use crate::error::Error;
use crate::time::Mono;

/// What a program asks for: everything of a request but its body, which stays with the driver.
///
/// `Debug` shows no header's value and no query.
#[derive(Clone)]
pub struct Head {
    /// The method.
    pub method: Method,
    /// The absolute address; [`Compiled::resolve`](crate::platform::Compiled::resolve) makes it from a relative one.
    pub uri: Uri,
    /// The program's own headers. The session's replace them where both name one.
    pub headers: HeaderMap,
    /// Whether there is a body, and whether it can be sent again.
    pub body: Body,
    /// What differs from the platform's rules for this call.
    pub options: CallOptions,
}

/// Whether a call has a body, and whether it can be sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Body {
    /// None.
    #[default]
    Empty,
    /// One that can be sent as often as needed.
    Replayable,
    /// One that can be sent once.
    Once,
}

/// What differs from the platform's rules for one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct CallOptions {
    /// The total deadline, up to the head of the answer; the platform's when absent.
    pub timeout: Option<Duration>,
    /// Whether it may be repeated after bytes may have reached the server, whatever its method says.
    pub repeat: Option<Repeatable>,
    /// What happens on a redirect.
    pub redirect: Redirect,
}

/// The program's own word on whether a call may be repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeatable {
    /// It may.
    Yes,
    /// It may not.
    No,
}

/// What happens on a redirect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Redirect {
    /// It is followed, ten times at most; credentials are decided anew for each hop.
    #[default]
    Follow,
    /// It is the answer.
    Manual,
    /// It is an error.
    Refuse,
}

/// Where an attempt goes, which decides whether it wears the session's credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// To an origin that the platform names.
    Platform,
    /// To any other.
    Elsewhere,
}

/// One call under way.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) head: Head,
    pub(super) state: State,
    pub(super) deadline: Mono,
    /// Attempts of the present hop that count against the retry rules.
    pub(super) tries: u32,
    /// Attempts altogether.
    pub(super) attempts: u32,
    pub(super) redirects: u32,
    /// The generation of the last attempt.
    pub(super) generation: u64,
    pub(super) replayed: bool,
    /// Whether it was repeated with a token that an answer brought.
    pub(super) handshaken: bool,
    /// How often in a row the platform wanted another nonce.
    pub(super) nonces: u32,
    /// Whether the body was handed to an exchange.
    pub(super) body_used: bool,
}

/// Where a call stands.
#[derive(Debug)]
pub(super) enum State {
    /// Waits for the session's gate.
    Parked,
    /// Waits for an answer from the wire.
    Exchanging(EffectId),
    /// Waits for the shared limits to allow another attempt.
    Asking(EffectId, Box<Setback>),
    /// Waits for its backoff to end.
    Backoff,
    /// Waits for the identity probe to say what its answer means.
    Suspect(Box<Held>),
}

/// An answer whose meaning is not known yet.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) from: EffectId,
    pub(super) arrival: Arrival,
}

/// Why an attempt is to be repeated, and what is replied if it is not.
#[derive(Debug)]
pub(super) struct Setback {
    pub(super) delay: Duration,
    pub(super) fallback: Result<Box<Answered>, Error>,
}

impl fmt::Debug for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Head")
            .field("method", &self.method)
            .field("uri", &shown(&self.uri))
            .field("headers", &self.headers.len())
            .field("body", &self.body)
            .field("options", &self.options)
            .finish()
    }
}

impl Head {
    /// A request without body, headers or options of its own.
    pub fn new(method: Method, uri: Uri) -> Self {
        Self { method, uri, headers: HeaderMap::new(), body: Body::Empty, options: CallOptions::default() }
    }

    /// A GET.
    pub fn get(uri: Uri) -> Self {
        Self::new(Method::GET, uri)
    }
}

impl Call {
    pub(super) fn new(head: Head, deadline: Mono) -> Self {
        Self {
            head,
            state: State::Parked,
            deadline,
            tries: 0,
            attempts: 0,
            redirects: 0,
            generation: 0,
            replayed: false,
            handshaken: false,
            nonces: 0,
            body_used: false,
        }
    }

    /// Whether the next attempt can have the body it needs.
    pub(super) fn can_send(&self) -> bool {
        !(self.head.body == Body::Once && self.body_used)
    }

    /// The effect that the call waits for, if it waits for one.
    pub(super) fn waits_for(&self) -> Option<EffectId> {
        match &self.state {
            State::Exchanging(effect) | State::Asking(effect, _) => Some(*effect),
            State::Parked | State::Backoff | State::Suspect(_) => None,
        }
    }

    /// The answer as a reply; the verdict is filled in by who knows.
    pub(super) fn answered(&self, from: EffectId, status: StatusCode, headers: HeaderMap) -> Box<Answered> {
        self.answered_at(self.head.uri.clone(), from, status, headers)
    }

    /// As [`answered`](Self::answered), for a call that ends with it: takes its address.
    pub(super) fn answered_last(&mut self, from: EffectId, status: StatusCode, headers: HeaderMap) -> Box<Answered> {
        let uri = std::mem::take(&mut self.head.uri);
        self.answered_at(uri, from, status, headers)
    }

    fn answered_at(&self, uri: Uri, from: EffectId, status: StatusCode, headers: HeaderMap) -> Box<Answered> {
        Box::new(Answered {
            from,
            status,
            headers,
            uri,
            verdict: super::refusal::verdict_of(status),
            attempts: self.attempts,
            redirects: self.redirects,
            generation: self.generation,
        })
    }
}
