//! A token request and what its answer holds (RFC 6749 §5 and §6).

use std::time::Duration;

use base64ct::{Base64, Encoding};
use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue};

use super::dpop;
use super::expiry::Issued;
use super::payload::Tokens;
use super::session::Session;
use crate::credentials::Secret;
use crate::document::{Node, json};
use crate::effect::Arrival;
use crate::error::{Error, Kind};
use crate::platform::{ClientAuth, ClientCredentials, OAuthRefresh, TokenPointers};
use crate::time::Now;
use crate::url::push_encoded;

/// A token request, ready to be sent.
pub(super) struct Request {
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

/// What an answer with tokens holds.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) access: Secret,
    pub(super) refresh: Option<Secret>,
    pub(super) lifetime: Option<Duration>,
    /// Whom an ID token beside them names, where that is asked for.
    pub(super) account_id: Option<String>,
}

/// The fields of a request that exchanges a refresh token.
pub(super) fn refresh(rules: &OAuthRefresh, tokens: &Tokens) -> Form {
    let mut form = Form::default();
    form.add("grant_type", "refresh_token");
    form.add("refresh_token", tokens.refresh.as_ref().map_or("", Secret::expose));
    form.add_some("scope", rules.scope.as_deref());
    form
}

/// The fields of a request for tokens of the client's own (RFC 6749 §4.4.2).
pub(super) fn as_client(rules: &OAuthRefresh, recipe: &ClientCredentials) -> Form {
    let mut form = Form::default();
    form.add("grant_type", "client_credentials");
    form.add_some("scope", recipe.scope.as_deref().or(rules.scope.as_deref()));
    for (name, value) in &recipe.parameters {
        form.add(name, value);
    }
    form
}

/// A request with these fields, with which the client shows itself.
pub(super) fn request(rules: &OAuthRefresh, mut form: Form, secret: Option<&Secret>) -> Request {
    let id = rules.client_id.as_deref().unwrap_or_default();
    let secret = secret.map_or("", Secret::expose);
    let mut headers = HeaderMap::new();
    match rules.client_auth {
        ClientAuth::None if rules.client_id.is_some() => form.add("client_id", id),
        ClientAuth::None => {}
        ClientAuth::Body => {
            form.add("client_id", id);
            form.add("client_secret", secret);
        }
        ClientAuth::Basic => {
            let pair = format!("{}:{}", encoded(id), encoded(secret));
            let value = format!("Basic {}", Base64::encode_string(pair.as_bytes()));
            if let Ok(mut value) = HeaderValue::try_from(value) {
                value.set_sensitive(true);
                headers.insert(AUTHORIZATION, value);
            }
        }
    }
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
    Request { headers, body: form.into_bytes() }
}

/// Reads a token endpoint's successful answer.
pub(super) fn read(arrival: &Arrival) -> Result<Answer, Error> {
    read_at(arrival, &TokenPointers::default())
}

/// Reads tokens at these places of a JSON answer.
pub(super) fn read_at(arrival: &Arrival, pointers: &TokenPointers) -> Result<Answer, Error> {
    let document = document(arrival)?;
    let text = |pointer: &str| document.pointer(pointer).and_then(Node::as_str).filter(|text| !text.is_empty());
    let access = text(&pointers.access_token)
        .ok_or_else(|| unexpected(arrival, &format!("has no access token at `{}`", pointers.access_token)))?;
    if HeaderValue::from_str(access).is_err() {
        return Err(unexpected(arrival, "has an access token that cannot be sent as a header"));
    }
    // A lifetime of nothing is how some issuers say that they do not tell.
    let lifetime = document.pointer(&pointers.expires_in).and_then(Node::text).and_then(seconds);
    let lifetime = lifetime.filter(|lifetime| !lifetime.is_zero());
    let refresh = text(&pointers.refresh_token).map(Secret::new);
    Ok(Answer { access: Secret::new(access), refresh, lifetime, account_id: None })
}

/// The JSON document of an answer.
pub(super) fn document(arrival: &Arrival) -> Result<Node, Error> {
    if arrival.over_cap {
        return Err(Error::new(Kind::AnswerTooLarge, "the answer is larger than 1 MiB"));
    }
    let body = arrival.body.as_deref().unwrap_or_default();
    json::read(body).map_err(|_| unexpected(arrival, "is not JSON"))
}

/// The error code of an answer, where it has one (RFC 6749 §5.2).
pub(super) fn error_code(arrival: &Arrival) -> Option<String> {
    document(arrival).ok()?.pointer("/error").and_then(Node::as_str).map(str::to_owned)
}

/// What an answer says of a failure, where it is a short code that is safe to show.
pub(super) fn told(arrival: &Arrival) -> String {
    error_code(arrival).map_or_else(String::new, |code| shown(&code))
}

/// An error code, where it is one that is safe to show (RFC 6749 §4.1.2.1, §5.2).
pub(super) fn shown(code: &str) -> String {
    let is_plain = (1..=64).contains(&code.len()) && code.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    if is_plain { format!(" (`{code}`)") } else { String::new() }
}

/// An answer that is not what the platform's description promises.
pub(super) fn unexpected(arrival: &Arrival, why: &str) -> Error {
    let media = arrival.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("no content type");
    let media: String = media.chars().take(60).collect();
    let what = format!("the answer ({}, {media}) {why}; check the platform file", arrival.status.as_u16());
    Error::new(Kind::UnexpectedAnswer, what)
}

impl Session {
    /// Reads a token endpoint's successful answer, which must bind its tokens where the platform says that it does.
    pub(super) fn read_tokens(&self, arrival: &Arrival) -> Result<Answer, Error> {
        if self.dpop.is_some() {
            dpop::check_bound(arrival)?;
        }
        Ok(Answer { account_id: self.named(arrival)?, ..read(arrival)? })
    }

    /// Takes new tokens over; those that were not given anew stay.
    pub(super) fn take_tokens(&mut self, answer: Answer, now: Now) {
        self.tokens.access = Some(answer.access);
        if answer.refresh.is_some() {
            self.tokens.refresh = answer.refresh;
        }
        if answer.account_id.is_some() {
            self.tokens.account_id = answer.account_id;
        }
        self.tokens.authorize(&self.compiled.platform().credential);
        self.learn_expiry(Issued::Now(answer.lifetime), now);
    }
}

/// An `application/x-www-form-urlencoded` body in the making.
#[derive(Default)]
pub(super) struct Form(String);

impl Form {
    pub(super) fn add(&mut self, name: &str, value: &str) {
        if !self.0.is_empty() {
            self.0.push('&');
        }
        self.0.push_str(&encoded(name));
        self.0.push('=');
        self.0.push_str(&encoded(value));
    }

    pub(super) fn add_some(&mut self, name: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.add(name, value);
        }
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    pub(super) fn into_bytes(self) -> Bytes {
        Bytes::from(self.0)
    }
}

/// `application/x-www-form-urlencoded` of one name or value (WHATWG URL §5.2).
fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'*' | b'-' | b'.' | b'_' => out.push(char::from(byte)),
            b' ' => out.push('+'),
            _ => push_encoded(&mut out, byte),
        }
    }
    out
}

/// Seconds as issuers write them: a whole or decimal number, or a string of one.
pub(super) fn seconds(text: &str) -> Option<Duration> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let millis = format!("{:0<3}", fraction.get(..fraction.len().min(3))?);
    let whole = Duration::from_secs(whole.parse().ok()?);
    whole.checked_add(Duration::from_millis(millis.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_read_as_issuers_write_them() {
        assert_eq!(seconds("5"), Some(Duration::from_secs(5)));
        assert_eq!(seconds("3599.5"), Some(Duration::from_millis(3_599_500)));
        assert_eq!(seconds("0.2504"), Some(Duration::from_millis(250)));
        assert_eq!(seconds("-1"), None);
        assert_eq!(seconds("soon"), None);
    }

    #[test]
    fn a_form_is_encoded_as_browsers_encode_it() {
        let mut form = Form::default();
        form.add("user name", "a&b=c ü");
        assert_eq!(form.into_bytes(), "user+name=a%26b%3Dc+%C3%BC");
    }

    proptest::proptest! {
        #[test]
        fn no_token_answer_makes_it_panic(body in r#"[{}":,\[\]a-z_0-9.e-]{0,40}|\{"access_token": ?"[^"]{0,9}", "expires_in": "?[0-9.-]{0,9}"?\}"#) {
            let arrival = Arrival::whole(http::StatusCode::OK, HeaderMap::new(), Bytes::from(body));
            let _ = (read(&arrival), told(&arrival));
        }
    }
}
