//! What the answer to a step means: what it brings, or why it is no success.

use http::Uri;

use super::html;
use crate::credentials::Secret;
use crate::document::Node;
use crate::effect::Arrival;
use crate::error::{Error, Kind};
use crate::machine::token::{self, Answer};
use crate::platform::{AnswerRule, Source, Step, Success};
use crate::url;

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
    Ok(Found { tokens, values: taken(step, arrival, cookie)? })
}

/// What a step takes from an answer. Where the answer may ask for a second factor, what is not there is left out.
pub(super) fn taken(
    step: &Step,
    arrival: &Arrival,
    cookie: impl Fn(&str) -> Option<String>,
) -> Result<Vec<(String, Secret)>, Error> {
    let mut values = Vec::new();
    for (name, from) in &step.extract {
        match extract(from, arrival, &cookie) {
            Ok(value) => values.push((name.clone(), Secret::new(value))),
            Err(_) if step.challenge.is_some() => {}
            Err(error) => return Err(error),
        }
    }
    Ok(values)
}

/// Whether an answer to a request for `uri` is as a rule says.
pub(super) fn is_like(rule: &AnswerRule, arrival: &Arrival, uri: &Uri) -> bool {
    let sets_cookie = |name: &String| {
        let lines = arrival.headers.get_all(http::header::SET_COOKIE);
        let mut names = lines.iter().map(|line| line.as_bytes().split(|byte| *byte == b'=').next().unwrap_or_default());
        names.any(|this| this.trim_ascii() == name.as_bytes())
    };
    let redirects_to = |prefix: &String| {
        let location = arrival.headers.get(http::header::LOCATION).and_then(|value| value.to_str().ok());
        let target = location.and_then(|location| url::resolve(uri, location).ok());
        arrival.status.is_redirection() && target.is_some_and(|target| target.path().starts_with(prefix.as_str()))
    };
    (rule.status.is_empty() || rule.status.contains(&arrival.status.as_u16()))
        && rule.header.as_ref().is_none_or(|header| {
            let mut values = arrival.headers.get_all(header.name.as_str()).iter();
            values.any(|value| header.value.as_ref().is_none_or(|wanted| value == wanted.as_str()))
        })
        && rule.cookie.as_ref().is_none_or(sets_cookie)
        && rule.redirect_to.as_ref().is_none_or(redirects_to)
        && rule.json.as_ref().is_none_or(|json| {
            let document = token::document(arrival).ok();
            let told = document.as_ref().and_then(|document| document.pointer(&json.pointer)).and_then(Node::text);
            told.is_some_and(|told| json.values.is_empty() || json.values.iter().any(|value| value == told))
        })
}

/// The number at this place of a JSON answer.
pub(super) fn number(arrival: &Arrival, pointer: &str) -> Option<u32> {
    token::document(arrival).ok()?.pointer(pointer).and_then(Node::text)?.parse().ok()
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
        Source::Html(html) => {
            let page = String::from_utf8_lossy(arrival.body.as_deref().unwrap_or_default());
            let with: Vec<_> = html.with.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            let what = format!("has no `{}` element with `{}`", html.element, html.take);
            (html::attribute(&page, &html.element, &with, &html.take), what)
        }
    };
    found.filter(|value| !value.is_empty()).ok_or_else(|| token::unexpected(arrival, &what))
}
