//! Where does a header, cookie line or field go in credentials?
//!
//! **Invariant:** what says two things at once is refused; a problem is said without the value.

use http::{HeaderName, HeaderValue};
use zeroize::Zeroizing;

use crate::credentials::{Credentials, Secret};

/// What is wrong, as the rest of a sentence that begins with the name.
pub(super) type Problem = &'static str;

/// A header under its lower-case name; some have a place of their own.
pub(super) fn header(to: &mut Credentials, name: &str, text: &str) -> Result<(), Problem> {
    if HeaderName::from_bytes(name.as_bytes()).is_err() {
        return Err(NO_NAME);
    }
    if HeaderValue::from_str(text).is_err() {
        return Err(NO_VALUE);
    }
    match name {
        "cookie" => cookies(to, Zeroizing::new(text.to_owned())),
        "user-agent" => once(&mut to.user_agent, text.to_owned()),
        "authorization" if bearer(text).is_some() => field(to, "access_token", bearer(text).unwrap_or_default()),
        _ => {
            let mut slot = to.headers.remove(name);
            let placed = once(&mut slot, Secret::new(text));
            to.headers.extend(slot.map(|secret| (name.to_owned(), secret)));
            placed
        }
    }
}

/// A named secret.
pub(super) fn field(to: &mut Credentials, name: &str, text: &str) -> Result<(), Problem> {
    let mut slot = to.fields.remove(name);
    let placed = once(&mut slot, Secret::new(text));
    to.fields.extend(slot.map(|secret| (name.to_owned(), secret)));
    placed
}

/// A cookie line as a browser sends it.
pub(super) fn cookies(to: &mut Credentials, line: Zeroizing<String>) -> Result<(), Problem> {
    if HeaderValue::from_str(&line).is_err() {
        return Err(NO_VALUE);
    }
    if !line.contains('=') {
        return Err("holds no `name=value`; copy the whole cookie line of a request");
    }
    once(&mut to.cookies, Secret(line))
}

pub(super) fn account_id(to: &mut Credentials, id: &str) -> Result<(), Problem> {
    once(&mut to.account_id, id.to_owned())
}

/// A cookie line without the header's name, where it was pasted with it.
pub(super) fn without_name(line: &str) -> &str {
    match line.split_at_checked(7) {
        Some((name, rest)) if name.eq_ignore_ascii_case("cookie:") => rest.trim_start(),
        Some(_) | None => line,
    }
}

/// The token of `Bearer TOKEN` (RFC 6750 §2.1).
fn bearer(text: &str) -> Option<&str> {
    let (scheme, token) = text.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim()).filter(|token| !token.is_empty())
}

/// Fills a place that may hold one thing only.
fn once<T: PartialEq>(slot: &mut Option<T>, value: T) -> Result<(), Problem> {
    match slot {
        Some(known) if *known != value => {
            Err("says something else than the file says elsewhere under another name for it; keep one")
        }
        Some(_) | None => {
            *slot = Some(value);
            Ok(())
        }
    }
}

/// The problem of a name that no header has.
pub(super) const NO_NAME: Problem = "is not a header name; those are letters, digits and `-`";
const NO_VALUE: Problem = "holds line breaks or control characters, which no header can carry";
