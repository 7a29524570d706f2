//! What the answer to a step means: what it brings, or why it is no success.

use super::html;
use crate::credentials::Secret;
use crate::document::Node;
use crate::effect::Arrival;
use crate::error::{Error, Kind};
use crate::machine::token::{self, Answer};
use crate::platform::{Source, Step, Success};

/// What a successful answer brings.
pub(super) struct Found {
    pub(super) tokens: Option<Answer>,
    pub(super) values: Vec<(String, Secret)>,
}

/// Reads a step's answer, as the platform describes it; cookies are looked up as the session has them now.
pub(super) fn read(step: &Step, arrival: &Arrival, cookie: impl Fn(&str) -> Option<String>) -> Result<Found, Error> {
    if let Some(success) = &step.success {
        check(success, arrival, |name| cookie(name).is_some())?;
    }
    let tokens = step.tokens.as_ref().map(|pointers| token::read_at(arrival, pointers)).transpose()?;
    let taken =
        step.extract.iter().map(|(name, from)| Ok((name.clone(), Secret::new(extract(from, arrival, &cookie)?))));
    Ok(Found { tokens, values: taken.collect::<Result<_, Error>>()? })
}

/// Whether an answer is a success; the error says whether the credentials were refused or the answer was unexpected.
fn check(success: &Success, arrival: &Arrival, has_cookie: impl Fn(&str) -> bool) -> Result<(), Error> {
    let status = arrival.status.as_u16();
    let refused = |what: &str| {
        let told = token::told(arrival);
        Error::new(Kind::CredentialsRefused, format!("the platform refused the credentials: {what}{told}"))
    };
    if success.throttled.contains(&status) {
        let what = format!("the platform takes no sign-in for a while (it answered {status}); try again later");
        return Err(Error::new(Kind::Throttled, what));
    }
    if !success.status.contains(&status) {
        return Err(match status {
            400..=499 => refused(&format!("it answered {status}")),
            500..=599 => Error::new(Kind::PlatformFailed, format!("signing in: the platform answered {status}")),
            _ => token::unexpected(arrival, "is no success that the platform file lists"),
        });
    }
    if let Some(expected) = &success.body {
        let body = arrival.body.as_deref().unwrap_or_default();
        if body.trim_ascii() != expected.trim().as_bytes() {
            return Err(refused(&format!("its answer ({status}) is not the one of a success")));
        }
    }
    if let Some(cookie) = &success.cookie
        && !has_cookie(cookie)
    {
        return Err(refused(&format!("its answer ({status}) did not set the cookie `{cookie}`")));
    }
    Ok(())
}

/// Takes a value out of an answer.
fn extract(from: &Source, arrival: &Arrival, cookie: impl Fn(&str) -> Option<String>) -> Result<String, Error> {
    let (found, what) = match from {
        Source::Cookie(name) => (cookie(name), format!("sets no cookie `{name}`")),
        Source::Header(name) => {
            let value = arrival.headers.get(name.as_str()).and_then(|value| value.to_str().ok());
            (value.map(str::to_owned), format!("has no header `{name}`"))
        }
        Source::Json(pointer) => {
            let document = token::document(arrival)?;
            (document.pointer(pointer).and_then(Node::text).map(Into::into), format!("has nothing at `{pointer}`"))
        }
        Source::Input(name) => {
            let body = arrival.body.as_deref().unwrap_or_default();
            let page = String::from_utf8_lossy(body);
            (html::input_value(&page, name), format!("has no input named `{name}`"))
        }
    };
    found.filter(|value| !value.is_empty()).ok_or_else(|| token::unexpected(arrival, &what))
}
