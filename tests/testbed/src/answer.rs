//! Answers in the shapes that platforms send them.

use std::fmt::Display;

use bytes::Bytes;
use http::header::{self, HeaderName, HeaderValue};
use http::{Response, StatusCode};
use serde::Serialize;

use crate::body::Payload;

/// An answer that can still be added to.
pub(crate) type Answer = Response<Payload>;

pub(crate) fn json(status: StatusCode, value: &impl Serialize) -> Answer {
    // What the areas send has string keys only, so it can always be written.
    typed(status, "application/json", serde_json::to_vec(value).unwrap_or_default())
}

pub(crate) fn ok(value: &impl Serialize) -> Answer {
    json(StatusCode::OK, value)
}

pub(crate) fn html(status: StatusCode, text: String) -> Answer {
    typed(status, "text/html; charset=utf-8", text)
}

pub(crate) fn text(status: StatusCode, text: impl Into<Bytes>) -> Answer {
    typed(status, "text/plain; charset=utf-8", text)
}

pub(crate) fn redirect(status: StatusCode, location: impl Display) -> Answer {
    with(empty(status), header::LOCATION, location)
}

pub(crate) fn empty(status: StatusCode) -> Answer {
    let mut answer = Response::new(Payload::whole(Bytes::new()));
    *answer.status_mut() = status;
    answer
}

pub(crate) fn stream(content_type: &'static str, payload: Payload) -> Answer {
    let mut answer = Response::new(payload);
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    answer
}

/// Adds a header; a value that cannot be sent leaves the answer as it is.
pub(crate) fn with(mut answer: Answer, name: HeaderName, value: impl Display) -> Answer {
    if let Ok(value) = HeaderValue::try_from(value.to_string()) {
        answer.headers_mut().append(name, value);
    }
    answer
}

pub(crate) fn set_cookie(answer: Answer, cookie: impl Display) -> Answer {
    with(answer, header::SET_COOKIE, cookie)
}

pub(crate) fn not_found() -> Answer {
    error(StatusCode::NOT_FOUND, "not_found")
}

pub(crate) fn not_allowed(allow: &'static str) -> Answer {
    with(error(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed"), header::ALLOW, allow)
}

pub(crate) fn bad_request(message: impl Display) -> Answer {
    json(
        StatusCode::BAD_REQUEST,
        &serde_json::json!({ "error": "invalid_request", "error_description": message.to_string() }),
    )
}

pub(crate) fn error(status: StatusCode, code: &str) -> Answer {
    json(status, &serde_json::json!({ "error": code }))
}

/// A 429 with `Retry-After` in whole seconds and the same in the body.
pub(crate) fn throttled(retry_after: u64) -> Answer {
    let value = serde_json::json!({
        "error": "rate_limited",
        "retry_after": retry_after,
        "retry_after_ms": retry_after.saturating_mul(1000),
    });
    with(json(StatusCode::TOO_MANY_REQUESTS, &value), header::RETRY_AFTER, retry_after)
}

pub(crate) fn typed(status: StatusCode, content_type: &'static str, bytes: impl Into<Bytes>) -> Answer {
    let mut answer = stream(content_type, Payload::whole(bytes));
    *answer.status_mut() = status;
    answer
}
