//! A token against cross-site requests on calls: from a cookie, or from an answer that brings it.
//!
//! **Invariant:** the token goes to the platform's origins only, and an answer that brings one has its call repeated once.

use http::header::HeaderName;
use http::{HeaderMap, HeaderValue, Method, Uri};

use super::call::{Body, Call};
use super::life::Phase;
use super::session::Session;
use crate::effect::{Arrival, CallId, Failure, Purpose};
use crate::error::{Error, Kind};
use crate::time::Now;

impl Session {
    /// Puts the token onto a request to the platform, in place of what is there.
    pub(super) fn guard(&self, headers: &mut HeaderMap, method: &Method, uri: &Uri, now: Now) {
        let (Some(rules), Some(name)) = (&self.compiled.platform().csrf, self.compiled.csrf_header()) else { return };
        if let Some(token) = &self.tokens.csrf {
            headers.insert(name.clone(), token.clone());
        } else if let Some(cookie) = &rules.cookie
            && !method.is_safe()
            && let Some(value) = self.jar.value(uri, cookie, now.wall)
            && let Ok(mut value) = HeaderValue::from_bytes(&decoded(value))
        {
            value.set_sensitive(true);
            headers.insert(name.clone(), value);
        }
    }

    /// Takes the token that an answer brings; whether it brings one that was asked for.
    pub(super) fn learn_token(&mut self, arrival: &Arrival, now: Now) -> bool {
        let Some(token) = self.offered(arrival) else { return false };
        if self.tokens.csrf.as_ref() != Some(&token) {
            self.tokens.csrf = Some(token);
            self.revision += 1;
            self.save_soon(now);
        }
        true
    }

    fn offered(&self, arrival: &Arrival) -> Option<HeaderValue> {
        let status = self.compiled.platform().csrf.as_ref()?.handshake?;
        let name: &HeaderName = self.compiled.csrf_header()?;
        let mut token = arrival.headers.get(name).filter(|_| arrival.status.as_u16() == status)?.clone();
        token.set_sensitive(true);
        Some(token)
    }

    /// Repeats a call whose answer brings a token; whether it did.
    pub(super) fn shook_hands(&mut self, id: CallId, arrival: &Arrival, now: Now) -> bool {
        let is_new = |call: &Call| !call.handshaken && call.generation >= self.signed_in_since;
        let is_home = |call: &Call| self.compiled.names(&call.head.uri);
        if !self.call_at(id).is_some_and(|call| is_new(call) && is_home(call)) || !self.learn_token(arrival, now) {
            return false;
        }
        let Some(call) = self.call_mut(id) else { return false };
        if call.head.body == Body::Once {
            let what = "the platform wants a token that it has just given, and the body can be sent only once; give it as bytes";
            self.reply(id, Err(Error::new(Kind::BodyNotReplayable, what)));
            return true;
        }
        call.handshaken = true;
        call.tries -= 1;
        self.begin(id, now);
        true
    }

    /// Repeats a request of the session's own whose answer brings a token; whether it did.
    pub(super) fn own_shook_hands(&mut self, purpose: Purpose, result: &Result<Arrival, Failure>, now: Now) -> bool {
        let (Ok(arrival), Purpose::Probe | Purpose::KeepAlive | Purpose::SignOut) = (result, purpose) else {
            return false;
        };
        self.handshaken = !self.handshaken && self.learn_token(arrival, now);
        if self.handshaken {
            match (purpose, &self.phase) {
                (Purpose::SignOut, _) => self.send_sign_out(now),
                (Purpose::KeepAlive, _) => self.repeat_keep_alive(now),
                (_, Phase::SigningIn(_)) => self.send_sign_in(now),
                _ => self.send_probe(1, now),
            }
        }
        self.handshaken
    }
}

/// A cookie's value without percent-encoding, as pages read it before they send it back.
fn decoded(value: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        let digits = after.get(..2).filter(|digits| byte == b'%' && digits.iter().all(u8::is_ascii_hexdigit));
        let triplet = digits.and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok());
        out.push(triplet.unwrap_or(byte));
        if triplet.is_some() {
            rest = &after[2..];
        }
    }
    out
}
