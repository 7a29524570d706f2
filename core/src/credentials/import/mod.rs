//! Credentials as people have them: which form is it, and what of it was understood?
//!
//! `auth.json` and our own JSON, a pasted cURL command, a HAR file, `cookies.txt`, a `Cookie` line, environment variables.
//!
//! **Invariant:** all that is taken comes from one place, so that user agent, cookies and device headers are never mixed with
//! another's; what is unknown is kept; what is left out is named with why; no report and no error shows a value.

mod curl;
mod detect;
mod environment;
mod har;
mod json;
mod netscape;
mod place;
mod request;
mod words;

use std::fmt;

use super::Credentials;
use crate::error::{Error, Kind};
use crate::platform::Compiled;
use crate::url::Origin;

/// What an import understood, and what it left out.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Imported {
    /// What was understood.
    pub credentials: Credentials,
    /// The form that it was in.
    pub form: Form,
    /// Where the request went that it was taken from; `None` where the form has no request, or no address in it.
    pub origin: Option<Origin>,
    /// What was left out, and why.
    pub left_out: Vec<LeftOut>,
}

/// A form that credentials come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Form {
    /// JSON: `auth.json`, or names and texts.
    Json,
    /// A cURL command, as browsers copy it.
    Curl,
    /// An HTTP archive (HAR 1.2).
    Har,
    /// A Netscape `cookies.txt`.
    CookiesTxt,
    /// A `Cookie` line.
    CookieLine,
    /// Environment variables.
    Environment,
}

/// Something that an import did not take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// Its name, such as ``the header `accept` ``; never its value.
    pub what: String,
    /// Why it was left out.
    pub why: &'static str,
}

impl Imported {
    fn new(form: Form) -> Self {
        Self { credentials: Credentials::default(), form, origin: None, left_out: Vec::new() }
    }

    fn leave_out(&mut self, what: impl Into<String>, why: &'static str) {
        let left = LeftOut { what: what.into(), why };
        if !self.left_out.contains(&left) {
            self.left_out.push(left);
        }
    }

    /// The origin that the request went to, where that is none of the platform's: the credentials may be another service's.
    pub fn foreign_to(&self, platform: &Compiled) -> Option<&Origin> {
        self.origin.as_ref().filter(|origin| !platform.origins().contains(origin))
    }
}

impl Form {
    /// What it is called.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Json => "JSON",
            Self::Curl => "a cURL command",
            Self::Har => "a HAR file",
            Self::CookiesTxt => "cookies.txt",
            Self::CookieLine => "a Cookie line",
            Self::Environment => "environment variables",
        }
    }
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.what, self.why)
    }
}

fn invalid(detail: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(Kind::CredentialsInvalid, detail)
}

/// A name from outside, fit to be shown: without control characters, and not longer than names are.
fn shown(name: &str) -> String {
    let mut text: String = name.chars().take(64).flat_map(char::escape_debug).collect();
    if name.chars().nth(64).is_some() {
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests;
