//! A sign-in request as the platform describes it, and what its answer means.

use std::fmt::Write as _;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use zeroize::Zeroizing;

use super::token::{self, Answer, Form};
use crate::credentials::Credentials;
use crate::document::Node;
use crate::effect::{Arrival, Purpose};
use crate::error::{Error, Kind};
use crate::platform::{Compiled, Login, Place, SignIn, Source, template};

mod html;

/// A request of a sign-in, ready to be dressed and sent.
pub(super) struct Request {
    pub(super) method: Method,
    pub(super) uri: Uri,
    pub(super) headers: HeaderMap,
    pub(super) body: Option<Bytes>,
}

/// Builds the request of one step: fetching the token against cross-site requests, or signing in.
pub(super) fn request(
    compiled: &Compiled,
    purpose: Purpose,
    credentials: &Credentials,
    csrf: Option<&str>,
) -> Result<Request, Error> {
    let (SignIn::Form(login) | SignIn::Json(login)) = &compiled.platform().sign_in else {
        return Err(Error::new(Kind::PlatformInvalid, "this platform has no sign-in request"));
    };
    let Some(addresses) = compiled.login() else {
        return Err(Error::new(Kind::PlatformInvalid, "this platform has no sign-in address"));
    };
    if purpose == Purpose::Csrf {
        let uri = addresses.csrf.clone().unwrap_or_else(|| addresses.submit.clone());
        return Ok(Request { method: Method::GET, uri, headers: HeaderMap::new(), body: None });
    }
    let mut headers = HeaderMap::new();
    for (name, value) in &login.headers {
        add_header(&mut headers, name, value)?;
    }
    let mut fields = Vec::new();
    for (name, template) in &login.fields {
        fields.push((name.as_str(), fill(template, credentials)?));
    }
    if let (Some(rule), Some(value)) = (&login.csrf, csrf) {
        match &rule.to {
            Place::Field(name) => fields.push((name, Zeroizing::new(value.to_owned()))),
            Place::Header(name) => add_header(&mut headers, name, value)?,
        }
    }
    let body = if matches!(compiled.platform().sign_in, SignIn::Json(_)) {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.entry(ACCEPT).or_insert(HeaderValue::from_static("application/json"));
        json_object(&fields)
    } else {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        let mut form = Form::default();
        for (name, value) in &fields {
            form.add(name, value);
        }
        form.into_bytes()
    };
    Ok(Request { method: addresses.method.clone(), uri: addresses.submit.clone(), headers, body: Some(body) })
}

/// What the answer to a sign-in means: tokens where it holds some, nothing where cookies carry the session, or a refusal.
pub(super) fn outcome(
    login: &Login,
    arrival: &Arrival,
    has_cookie: impl Fn(&str) -> bool,
) -> Result<Option<Answer>, Error> {
    let status = arrival.status.as_u16();
    let refused = |what: &str| {
        let told = token::told(arrival);
        Error::new(Kind::CredentialsRefused, format!("the platform refused the credentials: {what}{told}"))
    };
    if login.success.throttled.contains(&status) {
        let what = format!("the platform takes no sign-in for a while (it answered {status}); try again later");
        return Err(Error::new(Kind::Throttled, what));
    }
    if !login.success.status.contains(&status) {
        return Err(match status {
            400..=499 => refused(&format!("it answered {status}")),
            500..=599 => Error::new(Kind::PlatformFailed, format!("signing in: the platform answered {status}")),
            _ => token::unexpected(arrival, "is no success that the platform file lists"),
        });
    }
    if let Some(expected) = &login.success.body {
        let body = arrival.body.as_deref().unwrap_or_default();
        if body.trim_ascii() != expected.trim().as_bytes() {
            return Err(refused(&format!("its answer ({status}) is not the one of a success")));
        }
    }
    if let Some(cookie) = &login.success.cookie
        && !has_cookie(cookie)
    {
        return Err(refused(&format!("its answer ({status}) did not set the cookie `{cookie}`")));
    }
    login.tokens.as_ref().map(|pointers| token::read_at(arrival, pointers)).transpose()
}

/// Takes a value out of an answer.
pub(super) fn extract(
    from: &Source,
    arrival: &Arrival,
    cookie: impl Fn(&str) -> Option<String>,
) -> Result<String, Error> {
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

/// Fills a template: `{name}` becomes that field of the credentials.
fn fill(text: &str, credentials: &Credentials) -> Result<Zeroizing<String>, Error> {
    template::render(text, |name| credentials.field(name)).ok_or_else(|| {
        let what = format!("the credentials lack a field that the sign-in sends: `{text}`");
        Error::new(Kind::CredentialsInvalid, what)
    })
}

/// A JSON object of strings (RFC 8259 §7).
fn json_object(fields: &[(&str, Zeroizing<String>)]) -> Bytes {
    let mut out = String::from("{");
    for (index, (name, value)) in fields.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        json_string(&mut out, name);
        out.push(':');
        json_string(&mut out, value);
    }
    out.push('}');
    Bytes::from(out)
}

pub(super) fn json_string(out: &mut String, text: &str) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => out.extend(['\\', character]),
            '\0'..='\u{1f}' => {
                let _ = write!(out, "\\u{:04x}", u32::from(character));
            }
            _ => out.push(character),
        }
    }
    out.push('"');
}

fn add_header(headers: &mut HeaderMap, name: &str, value: &str) -> Result<(), Error> {
    let invalid = || Error::new(Kind::CredentialsInvalid, format!("a value for the header `{name}` cannot be sent"));
    let name: HeaderName = name.parse().map_err(|_| invalid())?;
    let mut value: HeaderValue = value.parse().map_err(|_| invalid())?;
    value.set_sensitive(true);
    headers.insert(name, value);
    Ok(())
}
