//! Whose fault an outcome is, and whether making the attempt again is safe.
//!
//! **Invariant:** the tables are complete: every status and every [`FailureKind`] has one answer, and only
//! [`Repeat::Always`] lets a request that is not idempotent be sent again.

use http::{HeaderMap, HeaderName, Method, StatusCode};

use crate::effect::{Failure, FailureKind, Sent};
use crate::error::Fault;
use crate::platform::RetryRules;

/// What an outcome means for a further attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Classified {
    /// Whose fault it is; nobody's where nothing went wrong.
    pub fault: Option<Fault>,
    /// Whether the attempt may be made again.
    pub repeat: Repeat,
}

/// Whether an attempt may be made again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Repeat {
    /// The same request would fail the same way, or nothing failed.
    Never,
    /// The server may have acted on the request, so only where acting twice is acting once (RFC 9110 §9.2.2).
    IfIdempotent,
    /// The server has not acted on the request.
    Always,
}

/// Whether a request may reach the server twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Safety {
    /// Acting on it twice is acting on it once.
    Idempotent,
    /// Acting on it twice would be one time too many.
    Once,
}

impl Repeat {
    /// Whether a request of this safety may be sent again.
    #[must_use]
    pub const fn allows(self, safety: Safety) -> bool {
        match (self, safety) {
            (Self::Never, Safety::Idempotent | Safety::Once) | (Self::IfIdempotent, Safety::Once) => false,
            (Self::IfIdempotent, Safety::Idempotent) | (Self::Always, Safety::Idempotent | Safety::Once) => true,
        }
    }
}

/// Whether a request may reach the server twice: by its method (RFC 9110 §9.2.2), because the platform's rules say so of the
/// method, or because it carries an `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header).
#[must_use]
pub fn safety(method: &Method, headers: &HeaderMap, rules: &RetryRules) -> Safety {
    let declared = || rules.methods.iter().any(|name| name == method.as_str());
    if method.is_idempotent() || declared() || headers.contains_key(IDEMPOTENCY_KEY) {
        Safety::Idempotent
    } else {
        Safety::Once
    }
}

/// What a status means for a further attempt; redirects and refusals have been dealt with before.
///
/// A status that no registered meaning is known for counts as the `x00` of its class, and one outside of 100–599 as a server
/// error (RFC 9110 §15).
#[must_use]
pub fn status(status: StatusCode) -> Classified {
    let (fault, repeat) = match status.as_u16() {
        // RFC 9110 §15.2–15.4: interim answers, successes and redirects are no failures.
        100..=399 => (None, Repeat::Never),
        // RFC 9110 §15.5.2–15.5.4: the session, the payment or the permission is missing.
        401..=403 => (Some(Fault::Account), Repeat::Never),
        // RFC 9110 §15.5.8 and RFC 6585 §6: a proxy wants credentials, or a captive portal answers, not the platform.
        407 | 511 => (Some(Fault::Network), Repeat::Never),
        // RFC 9110 §15.5.9: the server gave up waiting for the request, and part of it may have been read.
        408 => (Some(Fault::Network), Repeat::IfIdempotent),
        // RFC 8470 §5.2: the server does not risk a replay of early data; the request is repeated after the handshake.
        425 => (Some(Fault::Platform), Repeat::IfIdempotent),
        // RFC 6585 §4: refused for its rate, not acted upon.
        429 => (Some(Fault::Platform), Repeat::Always),
        // RFC 9110 §15.5, and its extensions: the request itself is at fault. 421 (§15.5.20) among them: it is worth repeating only
        // over another connection, and connections are never shared between origins here.
        400..=499 => (Some(Fault::Program), Repeat::Never),
        // RFC 9110 §15.6.2 and §15.6.6: a method or version that is not supported will not be supported in a second. Nor do
        // RFC 2295 §8.1, RFC 4918 §11.5, RFC 5842 §7.2 and RFC 2774 §7 (negotiation, storage, a loop, an extension) mend themselves.
        501 | 505..=508 | 510 => (Some(Fault::Platform), Repeat::Never),
        // RFC 9110 §15.6.1, §15.6.3–15.6.5: the server or its upstream failed and may have acted. A 503 too: it says nothing of
        // how far the request came, with or without `Retry-After`.
        _ => (Some(Fault::Platform), Repeat::IfIdempotent),
    };
    Classified { fault, repeat }
}

/// What a failure on the wire means for a further attempt (RFC 9110 §9.2.2).
#[must_use]
pub const fn failure(failure: &Failure) -> Classified {
    let repeat = match failure.kind {
        // A certificate that is not trusted, a transport that cannot, a body that is gone, and a signer that will not: the next attempt is no better.
        FailureKind::Tls | FailureKind::Unsupported | FailureKind::RequestBody | FailureKind::Unsigned => Repeat::Never,
        FailureKind::Dns
        | FailureKind::Connect
        | FailureKind::ConnectTimeout
        | FailureKind::FirstByteTimeout
        | FailureKind::ConnectionLost
        | FailureKind::Protocol
        | FailureKind::BodyTruncated
        | FailureKind::ChunkTimeout
        | FailureKind::Overdue => match failure.sent {
            Sent::No => Repeat::Always,
            Sent::Maybe => Repeat::IfIdempotent,
        },
    };
    Classified { fault: Some(failure.kind.error_kind().fault()), repeat }
}

/// Whether `Retry-After` is heeded on this status: 429 (RFC 6585 §4), 503 and redirects (RFC 9110 §10.2.3). Servers are known
/// that send it with every 200.
#[must_use]
pub fn heeds_retry_after(status: StatusCode) -> bool {
    matches!(status.as_u16(), 429 | 503 | 300..=399)
}

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

#[cfg(test)]
mod tests;
