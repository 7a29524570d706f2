//! A step's request as the platform describes it.

use std::fmt::Write as _;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use zeroize::Zeroizing;

use crate::error::{Error, Kind};
use crate::machine::token::Form;
use crate::platform::{Compiled, Step, StepBody, To, template};
use crate::url;

/// A request of a sign-in, ready to be dressed and sent.
pub(super) struct Request {
    pub(super) method: Method,
    pub(super) uri: Uri,
    pub(super) headers: HeaderMap,
    pub(super) body: Option<Bytes>,
}

/// Builds the request of a step; `value` knows what the names in its templates stand for.
pub(super) fn build<'v>(
    compiled: &Compiled,
    step: &Step,
    value: impl Fn(&str) -> Option<&'v str>,
) -> Result<Request, Error> {
    let uri = match &step.to {
        To::Uri(uri) => uri.clone(),
        To::Template(path) => address(compiled, path, &value)?,
    };
    let mut headers = HeaderMap::new();
    for (name, template) in &step.headers {
        add_header(&mut headers, name, &fill(template, &value)?)?;
    }
    let body = match &step.body {
        StepBody::Empty => None,
        StepBody::Form(fields) => {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
            let mut form = Form::default();
            for (name, template) in fields {
                form.add(name, &fill(template, &value)?);
            }
            Some(form.into_bytes())
        }
        StepBody::Json(fields) => {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            headers.entry(ACCEPT).or_insert(HeaderValue::from_static("application/json"));
            let fields = fields.iter().map(|(name, template)| Ok((name.as_str(), fill(template, &value)?)));
            Some(json_object(&fields.collect::<Result<Vec<_>, Error>>()?))
        }
    };
    Ok(Request { method: step.method.clone(), uri, headers, body })
}

/// The address that a template of a path stands for: what is filled in stays one segment, and stays at the platform's origins.
fn address<'v>(compiled: &Compiled, path: &str, value: impl Fn(&str) -> Option<&'v str>) -> Result<Uri, Error> {
    let mut values = Vec::new();
    for name in template::names(path).unwrap_or_default() {
        values.push((name, url::component(&fill(&format!("{{{name}}}"), &value)?)));
    }
    let find = |wanted: &str| values.iter().find(|(name, _)| *name == wanted).map(|(_, value)| value.as_str());
    let uri = compiled.resolve(&fill(path, find)?)?;
    if compiled.names(&uri) {
        return Ok(uri);
    }
    Err(Error::new(Kind::PlatformInvalid, format!("`{path}` leads to an origin that the platform does not name")))
}

/// Fills a template.
fn fill<'v>(text: &str, value: impl Fn(&str) -> Option<&'v str>) -> Result<Zeroizing<String>, Error> {
    template::render(text, value).ok_or_else(|| {
        let what =
            format!("neither the credentials nor an earlier step's answer have what the sign-in sends: `{text}`");
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

pub(in crate::machine) fn json_string(out: &mut String, text: &str) {
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

fn add_header(headers: &mut HeaderMap, name: &HeaderName, value: &str) -> Result<(), Error> {
    let invalid = |_| Error::new(Kind::CredentialsInvalid, format!("a value for the header `{name}` cannot be sent"));
    let mut value: HeaderValue = value.parse().map_err(invalid)?;
    value.set_sensitive(true);
    headers.insert(name, value);
    Ok(())
}
