//! What a session says when it is polled.

use std::fmt;

use http::{HeaderMap, StatusCode, Uri};

pub(super) use super::notice::Notice;
use crate::effect::{CallId, Effect, EffectId};
use crate::error::{Error, Kind};
use crate::time::{Mono, Wall};

/// What to do next.
#[derive(Debug)]
pub enum Output {
    /// Do this, and answer its ticket.
    Run(Effect),
    /// Stop doing that, if it still goes on; its answer is not waited for any more.
    Abandon(EffectId),
    /// A call, or another command, ended.
    Reply(CallId, Result<Reply, Error>),
    /// Something happened that the program may want to know.
    Notice(Notice),
    /// Nothing more to do until an answer, a command, or this moment; and why then.
    Wait(Option<(Mono, Reason)>),
}

/// How a call or command ended well.
#[derive(Debug)]
pub enum Reply {
    /// The platform answered a call. Boxed, for it changes hands often: an allocation costs less than the moves.
    Answered(Box<Answered>),
    /// A command (sign in, resume, renew, validate, save, close, sign out, forget) was carried out.
    Done,
}

/// The platform's last answer to a call; its body is with the driver, under [`Answered::from`].
///
/// `Debug` shows no header's value and no query: `Set-Cookie` and addresses can hold secrets.
pub struct Answered {
    /// The exchange whose answer this is.
    pub from: EffectId,
    /// Its status.
    pub status: StatusCode,
    /// Its headers, as received.
    pub headers: HeaderMap,
    /// The address that answered, after redirects.
    pub uri: Uri,
    /// What Hallpass makes of it.
    pub verdict: Verdict,
    /// How many attempts it took.
    pub attempts: u32,
    /// How many redirects were followed.
    pub redirects: u32,
    /// The generation whose credentials it was sent with; 0 for none.
    pub generation: u64,
}

/// What Hallpass makes of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// The request was served (1xx to 3xx).
    Served,
    /// The request was declined for a reason of its own (another 4xx).
    Declined,
    /// The session was refused, and that could not be mended within this call.
    Refused,
    /// The session was refused although it was fresh; it has ended.
    Rejected,
    /// The platform asks to wait longer than this call may take; when to try again, where it tells.
    Throttled(Option<Wall>),
    /// The platform failed (5xx) as often as the rules allow.
    Failed,
}

/// Why a session wants to be polled at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// A call's total deadline.
    CallDeadline,
    /// The end of a backoff.
    Backoff,
    /// An effect's own deadline.
    EffectDeadline,
    /// The beginning of a renewal window.
    RenewalWindow,
    /// A save that was put off.
    Save,
    /// The longest that calls may hold up the session's end.
    Drain,
    /// A question that keeps the session alive.
    KeepAlive,
    /// The end of the session's lifetime.
    Lifetime,
}

impl fmt::Debug for Answered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answered")
            .field("from", &self.from)
            .field("status", &self.status)
            .field("headers", &self.headers.len())
            .field("authority", &self.uri.authority())
            .field("verdict", &self.verdict)
            .field("attempts", &self.attempts)
            .field("redirects", &self.redirects)
            .field("generation", &self.generation)
            .finish_non_exhaustive()
    }
}

impl Reply {
    /// The platform's answer, where the call got one.
    pub fn answered(self) -> Option<Box<Answered>> {
        match self {
            Self::Answered(answered) => Some(answered),
            Self::Done => None,
        }
    }
}

impl Verdict {
    /// Its stable word, the same in every binding.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Served => "served",
            Self::Declined => "declined",
            Self::Refused => "refused",
            Self::Rejected => "rejected",
            Self::Throttled(_) => "throttled",
            Self::Failed => "failed",
        }
    }

    /// The error kind that says the same, where it is not a success.
    pub const fn error_kind(self) -> Option<Kind> {
        match self {
            Self::Served | Self::Declined => None,
            Self::Refused => Some(Kind::Expired),
            Self::Rejected => Some(Kind::Rejected),
            Self::Throttled(_) => Some(Kind::Throttled),
            Self::Failed => Some(Kind::PlatformFailed),
        }
    }
}
