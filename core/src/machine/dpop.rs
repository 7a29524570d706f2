//! Proofs of possession (DPoP, RFC 9449): what a proof says, and which nonce it must hold.
//!
//! **Invariant:** a demand for a nonce is no refusal: the request goes out again with it, at most five times in a row, and no retry is
//! counted. The private key is never put out but in a request to sign with it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use base64ct::{Base64UrlUnpadded, Encoding};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header};
use sha2::{Digest, Sha256};

use super::session::Session;
use super::sign_in::json_string;
use super::token;
use crate::effect::{Arrival, CallId, EffectId, Exchange, KeyPair, Purpose, SendBody};
use crate::error::{Error, Kind};
use crate::seed::{Rng, Seed};
use crate::time::Now;
use crate::url::Origin;

/// What a session remembers for its proofs, besides its key.
#[derive(Debug)]
pub(super) struct Dpop {
    /// Makes proofs unlike each other.
    ids: Rng,
    /// The latest nonce of each origin (RFC 9449 §8.2).
    nonces: Vec<(Origin, HeaderValue)>,
    /// Proved exchanges of the session's own that were not answered yet.
    sent: BTreeMap<u64, Sent>,
}

/// An exchange of the session's own, as it can be made again.
#[derive(Debug)]
struct Sent {
    attempt: u32,
    method: http::Method,
    uri: Uri,
    headers: HeaderMap,
    body: SendBody,
    /// How often it was made again for a nonce.
    again: u32,
}

/// How often in a row a new nonce is heeded: servers change them, and calls that are made at once learn of it one by one.
const MOST: u32 = 5;

const DPOP: HeaderName = HeaderName::from_static("dpop");
const NONCE: HeaderName = HeaderName::from_static("dpop-nonce");

impl Dpop {
    pub(super) fn new(seed: &Seed) -> Self {
        Self { ids: seed.rng("dpop"), nonces: Vec::new(), sent: BTreeMap::new() }
    }

    /// Remembers the nonce of an answer. A nonce is text without spaces (RFC 9449 §8.1), or it is none.
    fn learn(&mut self, uri: &Uri, headers: &HeaderMap) {
        let Some(nonce) = headers.get(NONCE) else { return };
        let is_plain = nonce.len() <= 512
            && nonce.as_bytes().iter().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\'));
        let Ok(origin) = Origin::of(uri) else { return };
        if !is_plain || nonce.is_empty() {
            return;
        }
        match self.nonces.iter_mut().find(|(known, _)| *known == origin) {
            Some(known) => known.1.clone_from(nonce),
            None => self.nonces.push((origin, nonce.clone())),
        }
    }

    fn nonce(&self, uri: &Uri) -> Option<&str> {
        let known = self.nonces.iter().find(|(origin, _)| origin.matches(uri))?;
        known.1.to_str().ok()
    }
}

impl Session {
    /// Whether an exchange to the platform must prove possession: it asks for tokens, or shows one that is bound to the key.
    pub(super) fn wants_proof(&self, exchange: &Exchange) -> bool {
        self.dpop.is_some() && (self.asks_for_tokens(exchange) || self.shows_bound_token(&exchange.headers))
    }

    fn asks_for_tokens(&self, exchange: &Exchange) -> bool {
        exchange.owner.call().is_none() && self.token_endpoint() == Some(&exchange.uri)
    }

    fn shows_bound_token(&self, headers: &HeaderMap) -> bool {
        let shown = headers.get(self.compiled.header());
        self.tokens.key.is_some() && shown.is_some() && shown == self.tokens.authorization.as_ref()
    }

    /// What is signed: the header and the claims of the proof (RFC 9449 §4.2).
    pub(super) fn proof_input(&mut self, exchange: &Exchange, key: &KeyPair, now: Now) -> String {
        let access = if self.shows_bound_token(&exchange.headers) { self.tokens.access.as_ref() } else { None };
        let ath = access.map(|access| encoded(&Sha256::digest(access.expose().as_bytes())));
        let Some(dpop) = &mut self.dpop else { return String::new() };
        let id = encoded(&dpop.ids.block()[..16]);
        let (x, y) = (encoded(&key.public[1..33]), encoded(&key.public[33..]));
        let header =
            format!(r#"{{"typ":"dpop+jwt","alg":"ES256","jwk":{{"kty":"EC","crv":"P-256","x":"{x}","y":"{y}"}}}}"#);
        let uri = &exchange.uri;
        let (scheme, authority) =
            (uri.scheme_str().unwrap_or_default(), uri.authority().map_or("", |host| host.as_str()));
        let issued = now.wall.as_millis().div_euclid(1000);
        let mut claims = format!(r#"{{"jti":"{id}","iat":{issued},"htm":"{}","htu":"#, exchange.method);
        json_string(&mut claims, &format!("{scheme}://{authority}{}", uri.path()));
        if let Some(ath) = ath {
            let _ = write!(claims, r#","ath":"{ath}""#);
        }
        if let Some(nonce) = dpop.nonce(uri) {
            let _ = write!(claims, r#","nonce":"{nonce}""#);
        }
        claims.push('}');
        format!("{}.{}", encoded(header.as_bytes()), encoded(claims.as_bytes()))
    }

    /// Remembers an exchange of the session's own, in case a nonce is wanted of it.
    pub(super) fn note_proved(&mut self, exchange: &Exchange) {
        let (None, Some(dpop)) = (exchange.owner.call(), &mut self.dpop) else { return };
        let (method, uri) = (exchange.method.clone(), exchange.uri.clone());
        let (headers, body) = (exchange.headers.clone(), exchange.body.clone());
        let again = dpop.sent.get(&exchange.ticket.id().raw()).map_or(0, |sent| sent.again);
        let sent = Sent { attempt: exchange.attempt, method, uri, headers, body, again };
        dpop.sent.insert(exchange.ticket.id().raw(), sent);
    }

    /// An exchange of the session's own is not waited for any more.
    pub(super) fn forget_proved(&mut self, exchange: EffectId) {
        if let Some(dpop) = &mut self.dpop {
            dpop.sent.remove(&exchange.raw());
        }
    }

    /// Looks at the answer to a call's attempt for a nonce; true if it demanded one and the call goes on with it.
    pub(super) fn nonce_demanded(&mut self, id: CallId, arrival: &Arrival, now: Now) -> bool {
        let Some(uri) = self.call_at(id).map(|call| call.head.uri.clone()) else { return false };
        let Some(dpop) = &mut self.dpop else { return false };
        dpop.learn(&uri, &arrival.headers);
        let Some(call) = self.call_mut(id) else { return false };
        if !is_demanded_of_call(arrival) {
            call.nonces = 0;
            return false;
        }
        if call.nonces >= MOST {
            return false;
        }
        if !call.can_send() {
            let what = "the platform wants another DPoP nonce, and the body can be sent only once; give it as bytes";
            self.reply(id, Err(Error::new(Kind::BodyNotReplayable, what)));
            return true;
        }
        call.nonces += 1;
        call.tries -= 1;
        self.begin(id, now);
        true
    }

    /// Looks at the answer to an exchange of the session's own for a nonce; true if it demanded one and was made again with it.
    pub(super) fn own_nonce_demanded(
        &mut self,
        purpose: Purpose,
        effect: EffectId,
        arrival: &Arrival,
        now: Now,
    ) -> bool {
        let Some(sent) = self.dpop.as_mut().and_then(|dpop| dpop.sent.remove(&effect.raw())) else { return false };
        if let Some(dpop) = &mut self.dpop {
            dpop.learn(&sent.uri, &arrival.headers);
        }
        if !is_demanded_of_own(arrival) || sent.again >= MOST || self.is_late(effect) {
            return false;
        }
        let mut headers = sent.headers;
        headers.remove(DPOP);
        let (uri, body) = (sent.uri, sent.body);
        let name = self.own_exchange(
            purpose,
            sent.attempt,
            sent.method.clone(),
            uri.clone(),
            headers.clone(),
            body.clone(),
            now,
        );
        if let Some(dpop) = &mut self.dpop {
            let again = Sent { attempt: sent.attempt, method: sent.method, uri, headers, body, again: sent.again + 1 };
            dpop.sent.insert(name.raw(), again);
        }
        self.renewal_sent_again(effect, name);
        true
    }
}

/// Adds the proof, of which `input` was signed, to an exchange.
pub(super) fn attach(headers: &mut HeaderMap, input: &str, signature: &[u8; 64]) {
    if let Ok(mut proof) = HeaderValue::try_from(format!("{input}.{}", encoded(signature))) {
        proof.set_sensitive(true);
        headers.insert(DPOP, proof);
    }
}

/// Refuses tokens that are not bound to the session's key although the platform binds them (RFC 9449 §5).
pub(super) fn check_bound(arrival: &Arrival) -> Result<(), Error> {
    let document = token::document(arrival)?;
    let told = document.pointer("/token_type").and_then(crate::document::Node::as_str).unwrap_or_default();
    if told.eq_ignore_ascii_case("dpop") {
        return Ok(());
    }
    Err(token::unexpected(
        arrival,
        "gives tokens that are not bound to the session's key (its `token_type` is not DPoP)",
    ))
}

/// RFC 9449 §9: a 401 whose challenge names the error.
fn is_demanded_of_call(arrival: &Arrival) -> bool {
    arrival.status == StatusCode::UNAUTHORIZED && arrival.headers.contains_key(NONCE) && {
        let mut challenges = arrival.headers.get_all(header::WWW_AUTHENTICATE).iter();
        challenges.any(|challenge| challenge.to_str().is_ok_and(|text| text.contains(DEMAND)))
    }
}

/// RFC 9449 §8: a 400 of the token endpoint, or a 401 as anywhere else.
fn is_demanded_of_own(arrival: &Arrival) -> bool {
    let is_told = || token::error_code(arrival).as_deref() == Some(DEMAND);
    let is_error = matches!(arrival.status.as_u16(), 400 | 401) && arrival.headers.contains_key(NONCE);
    is_demanded_of_call(arrival) || (is_error && is_told())
}

fn encoded(bytes: &[u8]) -> String {
    Base64UrlUnpadded::encode_string(bytes)
}

const DEMAND: &str = "use_dpop_nonce";
