//! What single values may be.

use std::time::Duration;

use http::{HeaderName, HeaderValue, Method};

use super::super::BodyRule;
use super::{Check, wrong};
use crate::document::is_pointer;

/// A header's name, and not one that the transport writes itself.
pub(super) fn header_name(name: &str, path: &str) -> Check {
    let Ok(valid) = HeaderName::from_bytes(name.as_bytes()) else {
        return wrong(path, "is not a header name; those are letters, digits and `-`, as in `x-csrf-token`");
    };
    if FRAMING.contains(&valid.as_str()) {
        return wrong(path, format!("cannot be `{valid}`, which the transport writes itself"));
    }
    Ok(())
}

/// Text that a header can carry.
pub(super) fn header_value(value: &str, path: &str) -> Check {
    match HeaderValue::from_str(value) {
        Ok(_) => Ok(()),
        Err(_) => wrong(path, "is not text that a header can carry: no line breaks or control characters"),
    }
}

/// A method, in its own spelling.
pub(super) fn method(name: &str, path: &str) -> Check {
    if Method::from_bytes(name.as_bytes()).is_err() {
        return wrong(path, "is not a method; write POST, PUT or another token");
    }
    let upper = name.to_ascii_uppercase();
    if name != upper && KNOWN.contains(&upper.as_str()) {
        return wrong(path, format!("is `{name}`, but methods are case-sensitive: write `{upper}`"));
    }
    Ok(())
}

/// A cookie's name (RFC 6265 §4.1.1).
pub(super) fn cookie_name(name: &str, path: &str) -> Check {
    let token = |byte: u8| byte.is_ascii_graphic() && !b"()<>@,;:\\\"/[]?={}".contains(&byte);
    if name.is_empty() || !name.bytes().all(token) {
        return wrong(path, "is not a cookie name; those are visible ASCII without `=`, `;`, `,` and quotes");
    }
    Ok(())
}

/// A JSON pointer to something inside of a document (RFC 6901).
pub(super) fn pointer(text: &str, path: &str) -> Check {
    if !text.starts_with('/') {
        let written = text.trim_start_matches(['#', '$', '.', '/']).replace('.', "/");
        let example = if written.is_empty() { "data/id".to_owned() } else { written };
        return wrong(path, format!("must be a JSON pointer, which starts with `/`: `/{example}`"));
    }
    if !is_pointer(text) {
        return wrong(path, "must be a JSON pointer, in which `~` is written `~0` and a `/` inside of a key `~1`");
    }
    Ok(())
}

/// Statuses that answers can have.
pub(super) fn statuses(listed: &[u16], path: &str) -> Check {
    match listed.iter().find(|status| !(100..=599).contains(*status)) {
        Some(status) => wrong(path, format!("lists {status}; statuses are 100 to 599")),
        None => Ok(()),
    }
}

/// A duration in which something can happen.
pub(super) fn positive(duration: Duration, path: &str) -> Check {
    if duration.is_zero() { wrong(path, "must be longer than nothing") } else { Ok(()) }
}

/// A rule over small bodies.
pub(super) fn body(rule: &BodyRule, path: &str) -> Check {
    if rule.status.is_empty() {
        return wrong(format!("{path}.status"), "must list at least one status, such as 200");
    }
    statuses(&rule.status, &format!("{path}.status"))?;
    let token =
        |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$&^_.+-".contains(&b));
    if !rule.content_type.split_once('/').is_some_and(|(main, sub)| token(main) && token(sub)) {
        return wrong(
            format!("{path}.content_type"),
            "must be a media type without parameters, such as `application/json`",
        );
    }
    pointer(&rule.pointer, &format!("{path}.pointer"))?;
    if rule.values.is_empty() {
        return wrong(format!("{path}.values"), "must list at least one value that refuses the session");
    }
    if !(1..=CAP).contains(&rule.cap) {
        return wrong(
            format!("{path}.cap"),
            format!("is {}; a body of 1 to {CAP} bytes (1 MiB) can be read", rule.cap),
        );
    }
    Ok(())
}

/// The most that is ever read of a body to judge it.
const CAP: usize = 1024 * 1024;

const FRAMING: [&str; 8] =
    ["connection", "content-length", "host", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"];

const KNOWN: [&str; 9] = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "QUERY"];
