//! What do a call and its attempts look like to whoever traces?
//!
//! One span a call, `hallpass.call`, and within it one an attempt, `hallpass.attempt`, under the names that OpenTelemetry gives to HTTP
//! clients; attempts of the session's own (sign-in, renewal, probe) stand by themselves and say what they are for.
//!
//! **Invariant:** no field holds a query, a user, a header or a body. Where nobody traces, a span costs a look at one number.

use std::fmt;

use ::http::{StatusCode, Uri, Version};
use hallpass_core::effect::{Exchange, Failure, Owner};
use hallpass_core::error::Error;
use hallpass_core::machine::{Answered, Head};
use tracing::field::Empty;
use tracing::{Span, info_span};

use crate::drive::Shared;

/// The span of a call, which is open until the head of its answer.
pub(crate) fn call(session: &Shared, head: &Head) -> Span {
    info_span!(
        target: "hallpass",
        "hallpass.call",
        otel.name = %head.method,
        platform = session.platform_id(),
        account = &*session.account,
        http.request.method = %head.method,
        server.address = head.uri.host(),
        server.port = port(&head.uri),
        url.full = %Shown(&head.uri),
        http.response.status_code = Empty,
        error.type = Empty,
        otel.status_code = Empty,
        hallpass.verdict = Empty,
        hallpass.attempts = Empty,
        hallpass.redirects = Empty,
    )
}

/// The span of one exchange on the wire.
pub(crate) fn attempt(session: &Shared, exchange: &Exchange) -> Span {
    let resent = |attempt: u32| (attempt > 1).then(|| attempt - 1);
    info_span!(
        target: "hallpass",
        "hallpass.attempt",
        otel.name = %exchange.method,
        otel.kind = "client",
        platform = session.platform_id(),
        account = &*session.account,
        hallpass.purpose = purpose(exchange.owner),
        hallpass.generation = exchange.generation,
        http.request.method = %exchange.method,
        http.request.resend_count = resent(exchange.attempt),
        server.address = exchange.uri.host(),
        server.port = port(&exchange.uri),
        url.full = %Shown(&exchange.uri),
        network.protocol.version = Empty,
        http.response.status_code = Empty,
        error.type = Empty,
        otel.status_code = Empty,
    )
}

/// Writes down how an exchange went.
pub(crate) fn arrived(span: &Span, arrived: Result<(StatusCode, Version), &Failure>) {
    if span.is_disabled() {
        return;
    }
    match arrived {
        Ok((status, version)) => {
            span.record("network.protocol.version", protocol(version));
            record_status(span, status);
        }
        Err(failure) => record_error(span, failure.kind.error_kind().as_str()),
    }
}

/// Writes down how a call ended.
pub(crate) fn ended(span: &Span, ended: Result<&Answered, &Error>) {
    if span.is_disabled() {
        return;
    }
    match ended {
        Ok(ended) => {
            record_status(span, ended.status);
            span.record("hallpass.verdict", ended.verdict.as_str());
            span.record("hallpass.attempts", ended.attempts);
            span.record("hallpass.redirects", ended.redirects);
        }
        Err(error) => record_error(span, error.kind()),
    }
}

/// For a client, every 4xx and 5xx is an error whose type is its number.
fn record_status(span: &Span, status: StatusCode) {
    span.record("http.response.status_code", status.as_u16());
    if status.is_client_error() || status.is_server_error() {
        record_error(span, status.as_str());
    }
}

fn record_error(span: &Span, kind: &str) {
    span.record("error.type", kind);
    span.record("otel.status_code", "ERROR");
}

fn purpose(owner: Owner) -> &'static str {
    match owner {
        Owner::Call(_) => "call",
        Owner::Session(purpose) => purpose.as_str(),
    }
}

fn protocol(version: Version) -> &'static str {
    match version {
        Version::HTTP_09 => "0.9",
        Version::HTTP_10 => "1.0",
        Version::HTTP_2 => "2",
        Version::HTTP_3 => "3",
        _ => "1.1",
    }
}

fn port(uri: &Uri) -> Option<u16> {
    uri.port_u16().or_else(|| match uri.scheme_str() {
        Some("https") => Some(443),
        Some("http") => Some(80),
        _ => None,
    })
}

/// An address without user and query, which may hold secrets.
struct Shown<'a>(&'a Uri);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let (Some(scheme), Some(authority)) = (self.0.scheme_str(), self.0.authority()) {
            let authority = authority.as_str();
            let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
            write!(f, "{scheme}://{host}")?;
        }
        f.write_str(self.0.path())
    }
}
