//! Where a person's browser is sent to sign in, and what the address that it is sent back to says (RFC 6749 §4.1, RFC 9207).
//!
//! **Invariant:** a code is taken only from an address that is the redirect address, with this session's own `state`, and
//! never when it names another issuer.

use super::super::token::{self, Form};
use super::browser::wrong;
use super::pkce::Proof;
use crate::credentials::Secret;
use crate::error::{Error, Kind};
use crate::platform::AuthorizationCode;
use crate::url::triplet;

/// What the browser is sent to the issuer with, besides the secrets.
pub(super) struct Request<'a> {
    pub(super) endpoint: &'a str,
    pub(super) recipe: &'a AuthorizationCode,
    pub(super) client_id: Option<&'a str>,
    pub(super) scope: Option<&'a str>,
    pub(super) redirect_uri: &'a str,
}

/// What the address that the browser comes back to must be like.
pub(super) struct Expected<'a> {
    pub(super) redirect_uri: &'a str,
    pub(super) state: &'a Secret,
    /// The issuer, where the platform names one.
    pub(super) issuer: Option<&'a str>,
    /// Whether the issuer says that it always tells who it is (RFC 9207 §3).
    pub(super) names_itself: bool,
}

impl Request<'_> {
    /// The address that the browser is sent to.
    pub(super) fn address(&self, proof: &Proof) -> String {
        let mut form = Form::default();
        form.add("response_type", "code");
        form.add_some("client_id", self.client_id);
        form.add("redirect_uri", self.redirect_uri);
        form.add_some("scope", self.scope);
        form.add("state", proof.state.expose());
        form.add("code_challenge", &proof.challenge());
        form.add("code_challenge_method", "S256");
        for (name, value) in &self.recipe.parameters {
            form.add(name, value);
        }
        let between = if self.endpoint.contains('?') { '&' } else { '?' };
        format!("{}{between}{}", self.endpoint, form.as_str())
    }
}

impl Expected<'_> {
    /// The code in the address that the browser came back to.
    pub(super) fn code(&self, address: &str) -> Result<Secret, Error> {
        let address = address.trim();
        let address = address.split_once('#').map_or(address, |(before, _)| before);
        let (place, query) = address.split_once('?').unwrap_or((address, ""));
        let ours = self.redirect_uri.split_once('?').map_or(self.redirect_uri, |(place, _)| place);
        if place != ours {
            return Err(wrong("is not the redirect address; give the whole address that the browser came back to"));
        }
        let answer = Answer::read(query)?;
        if answer.state.as_ref() != Some(self.state) {
            return Err(wrong("does not carry this sign-in's `state`: it belongs to another one"));
        }
        match (&answer.issuer, self.issuer) {
            (Some(named), Some(issuer)) if named != issuer => {
                return Err(wrong("comes from another issuer than the platform's"));
            }
            (None, Some(_)) if self.names_itself => {
                return Err(wrong("does not name its issuer (`iss`), as this issuer says it always does"));
            }
            _ => {}
        }
        if let Some(code) = answer.error {
            let kind = match code.as_str() {
                "access_denied" | "invalid_client" | "unauthorized_client" => Kind::CredentialsRefused,
                "server_error" | "temporarily_unavailable" => Kind::PlatformFailed,
                _ => Kind::UnexpectedAnswer,
            };
            return Err(Error::new(kind, format!("the issuer did not sign the account in{}", token::shown(&code))));
        }
        answer.code.ok_or_else(|| wrong("holds no `code`"))
    }
}

/// The parameters that count; each may come once (RFC 6749 §3.1).
#[derive(Default)]
struct Answer {
    state: Option<Secret>,
    code: Option<Secret>,
    error: Option<String>,
    issuer: Option<String>,
}

impl Answer {
    fn read(query: &str) -> Result<Self, Error> {
        let mut answer = Self::default();
        for pair in query.split('&') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let is_again = match decoded(name).as_deref() {
                Some("state") => answer.state.replace(secret(value)?).is_some(),
                Some("code") => answer.code.replace(secret(value)?).is_some(),
                Some("error") => answer.error.replace(text(value)?).is_some(),
                Some("iss") => answer.issuer.replace(text(value)?).is_some(),
                Some(_) | None => false,
            };
            if is_again {
                return Err(wrong("says the same thing twice"));
            }
        }
        answer.code = answer.code.filter(|code| !code.expose().is_empty());
        Ok(answer)
    }
}

fn secret(value: &str) -> Result<Secret, Error> {
    text(value).map(Secret::new)
}

fn text(value: &str) -> Result<String, Error> {
    decoded(value).ok_or_else(|| wrong("is not encoded as addresses are"))
}

/// A name or value of `application/x-www-form-urlencoded`, decoded; nothing where that is not UTF-8.
fn decoded(text: &str) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        match byte {
            b'+' => out.push(b' '),
            b'%' => {
                out.push(triplet(after)?);
                rest = &after[2..];
            }
            _ => out.push(byte),
        }
    }
    String::from_utf8(out).ok()
}

#[cfg(test)]
mod tests;
