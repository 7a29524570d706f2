//! One exchange on the wire: what to send, what to read, and for whom.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode, Uri};

use super::kinds::ExchangeKind;
use super::ticket::{CallId, Ticket};
use crate::time::Mono;

/// Send this request and bring its answer.
pub struct Exchange {
    /// The right to answer.
    pub ticket: Ticket<ExchangeKind>,
    /// On whose behalf.
    pub owner: Owner,
    /// The number of this attempt within its call or purpose, from 1.
    pub attempt: u32,
    /// The generation of the session whose credentials it carries; 0 when it carries none.
    pub generation: u64,
    /// When the core goes on without an answer.
    pub deadline: Mono,
    /// The method.
    pub method: Method,
    /// The absolute address.
    pub uri: Uri,
    /// Every header to send, the session's included; secrets are marked sensitive.
    pub headers: HeaderMap,
    /// What to send as the body.
    pub body: SendBody,
    /// How much of the answer's body to read before answering.
    pub read: ReadBody,
}

/// On whose behalf an exchange is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// A call's; performed in the caller's own task.
    Call(CallId),
    /// The session's own; performed in a task of the runtime, whoever caused it.
    Session(Purpose),
}

/// What a session makes an exchange of its own for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Asking the issuer for its endpoints.
    Discovery,
    /// Fetching a token against cross-site requests.
    Csrf,
    /// Signing in.
    SignIn,
    /// Renewing.
    Renewal,
    /// Asking who the session is.
    Probe,
    /// Showing that the session is still wanted, where that is not the probe.
    KeepAlive,
    /// Telling the platform that the session is over.
    SignOut,
}

/// The body of a request.
#[derive(Clone)]
pub enum SendBody {
    /// None.
    Empty,
    /// The one that the program gave with the call; the driver keeps it.
    Callers,
    /// These bytes.
    Bytes(Bytes),
}

/// How much of an answer's body the driver reads before it answers.
#[derive(Clone, Debug)]
pub enum ReadBody {
    /// Nothing: the body is streamed to the program, or dropped.
    Stream,
    /// All of it, up to so many bytes.
    Whole {
        /// The most that is read.
        cap: usize,
    },
    /// All of it where status and media type match one of these; streamed otherwise.
    Matching(Arc<[Inspect]>),
}

/// An answer whose body tells what it means, or that waits until something else has told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inspect {
    /// Statuses that match.
    pub status: Vec<u16>,
    /// The media type that matches, lower case, without parameters; any when absent.
    pub content_type: Option<String>,
    /// The most that is read, in decoded bytes.
    pub cap: usize,
}

/// The head of an answer, and as much of its body as was asked for.
pub struct Arrival {
    /// The status.
    pub status: StatusCode,
    /// The headers, as received.
    pub headers: HeaderMap,
    /// The body where it was read: `None` when it is streamed.
    pub body: Option<Bytes>,
    /// Whether a body that was to be read is larger than its cap; `body` is then `None`.
    pub over_cap: bool,
}

impl Owner {
    /// The call, where it is one's.
    pub fn call(self) -> Option<CallId> {
        match self {
            Self::Call(call) => Some(call),
            Self::Session(_) => None,
        }
    }
}

impl ReadBody {
    /// The cap up to which to read, for an answer with this status and these headers; `None`: stream it.
    pub fn cap_for(&self, status: StatusCode, headers: &HeaderMap) -> Option<usize> {
        match self {
            Self::Stream => None,
            Self::Whole { cap } => Some(*cap),
            Self::Matching(rules) => rules.iter().find(|rule| rule.matches(status, headers)).map(|rule| rule.cap),
        }
    }
}

impl Inspect {
    /// Whether an answer with this status and these headers is one whose body tells what it means.
    pub fn matches(&self, status: StatusCode, headers: &HeaderMap) -> bool {
        let is_wanted = |wanted: &String| {
            let told = headers.get(http::header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
            let media = told.and_then(|value| value.split(';').next());
            media.is_some_and(|media| media.trim().eq_ignore_ascii_case(wanted))
        };
        self.status.contains(&status.as_u16()) && self.content_type.as_ref().is_none_or(is_wanted)
    }
}

impl Arrival {
    /// An answer whose body is streamed.
    pub fn streamed(status: StatusCode, headers: HeaderMap) -> Self {
        Self { status, headers, body: None, over_cap: false }
    }

    /// An answer whose body was read whole.
    pub fn whole(status: StatusCode, headers: HeaderMap, body: Bytes) -> Self {
        Self { status, headers, body: Some(body), over_cap: false }
    }
}

impl Purpose {
    /// Its stable word, the same in traces and bindings.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Discovery => "discovery",
            Self::Csrf => "csrf",
            Self::SignIn => "sign_in",
            Self::Renewal => "renewal",
            Self::Probe => "probe",
            Self::KeepAlive => "keep_alive",
            Self::SignOut => "sign_out",
        }
    }
}

impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exchange")
            .field("ticket", &self.ticket)
            .field("owner", &self.owner)
            .field("attempt", &self.attempt)
            .field("generation", &self.generation)
            .field("method", &self.method)
            .field("authority", &self.uri.authority())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for SendBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("Empty"),
            Self::Callers => f.write_str("Callers"),
            Self::Bytes(bytes) => write!(f, "Bytes({})", bytes.len()),
        }
    }
}

impl fmt::Debug for Arrival {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Arrival")
            .field("status", &self.status)
            .field("body", &self.body.as_ref().map(Bytes::len))
            .field("over_cap", &self.over_cap)
            .finish_non_exhaustive()
    }
}
