//! Tokens bound to a key, and what they open: every request proves possession (RFC 9449), with a nonce of the server's.
//!
//! **Invariant:** a proof counts once: its signature, address, method, age, token and nonce are all looked at, and its `jti` is good
//! for one request.

use std::collections::{HashMap, HashSet};

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use base64ct::{Base64UrlUnpadded, Encoding};
use http::{HeaderName, Method, StatusCode, header};
use serde::Deserialize;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::{is_read, token};
use crate::answer::{self, Answer};
use crate::counters::bump;
use crate::exchange::Exchange;
use crate::platform::World;
use crate::route::Signed;

/// What is remembered of proofs.
#[derive(Default)]
pub(crate) struct Proofs {
    /// Every `jti` so far.
    seen: HashSet<String>,
    /// The thumbprint of the key that a token is bound to.
    bound: HashMap<String, String>,
    /// The nonce that is wanted, and the one before it, which is still good.
    nonce: (String, String),
    /// Proofs since the nonce changed.
    uses: u32,
}

/// Why a proof is none.
#[derive(Clone, Copy)]
enum Bad {
    Nonce,
    Proof(&'static str),
}

#[derive(Deserialize)]
struct Header {
    typ: String,
    alg: String,
    jwk: Jwk,
}

#[derive(Deserialize)]
struct Jwk {
    kty: String,
    crv: String,
    x: String,
    y: String,
    d: Option<String>,
}

#[derive(Deserialize)]
struct Claims {
    jti: String,
    htm: String,
    htu: String,
    iat: u64,
    ath: Option<String>,
    nonce: Option<String>,
}

pub(super) fn serve(world: &mut World, signed: Signed, exchange: &Exchange, now: u64) -> Answer {
    let answer = match signed {
        Signed::DpopToken => {
            world.counters.token_requests += 1;
            let answer = trade(world, exchange, now);
            if answer.status() != StatusCode::OK {
                world.counters.token_requests_refused += 1;
            }
            answer
        }
        Signed::DpopItem(number) => item(world, number, exchange, now),
        Signed::HmacItem(_) => answer::not_found(),
    };
    answer::with(answer, NONCE, &world.proofs.nonce.0)
}

fn trade(world: &mut World, exchange: &Exchange, now: u64) -> Answer {
    if exchange.method != Method::POST {
        return answer::not_allowed("POST");
    }
    let key = match proved(world, exchange, None, now) {
        Ok(key) => key,
        Err(Bad::Nonce) => return answer::error(StatusCode::BAD_REQUEST, "use_dpop_nonce"),
        Err(Bad::Proof(_)) => return answer::error(StatusCode::BAD_REQUEST, "invalid_dpop_proof"),
    };
    let Some(refresh) = exchange.field("refresh_token") else {
        return answer::bad_request("refresh_token is missing");
    };
    if world.proofs.bound.get(&refresh).is_some_and(|bound| *bound != key) {
        bump(&mut world.counters.proofs, "other_key");
        return answer::error(StatusCode::BAD_REQUEST, "invalid_grant");
    }
    let Some(issued) = token::renewed(world, &refresh, now) else {
        return answer::error(StatusCode::BAD_REQUEST, "invalid_grant");
    };
    world.counters.issued_access_token(&issued.account);
    world.counters.account(&issued.account).token_requests += 1;
    let next = issued.refresh.unwrap_or(refresh);
    world.proofs.bound.insert(issued.access.clone(), key.clone());
    world.proofs.bound.insert(next.clone(), key);
    let lifetime = world.settings.token_lifetime.div_ceil(1000);
    let (access, kind) = (issued.access, "DPoP");
    answer::ok(&json!({ "access_token": access, "token_type": kind, "expires_in": lifetime, "refresh_token": next }))
}

fn item(world: &mut World, number: u64, exchange: &Exchange, now: u64) -> Answer {
    let shown = exchange.header("authorization").and_then(|shown| shown.split_once(' '));
    let Some(("DPoP", access)) = shown else { return challenge("missing_token", StatusCode::UNAUTHORIZED) };
    let key = match proved(world, exchange, Some(access), now) {
        Ok(key) => key,
        Err(Bad::Nonce) => return challenge("use_dpop_nonce", StatusCode::UNAUTHORIZED),
        Err(Bad::Proof(_)) => return challenge("invalid_dpop_proof", StatusCode::UNAUTHORIZED),
    };
    if world.proofs.bound.get(access) != Some(&key) {
        bump(&mut world.counters.proofs, "other_key");
        return challenge("invalid_token", StatusCode::UNAUTHORIZED);
    }
    match world.grants.check(access, now) {
        Err(refusal) => {
            let claimed = world.grants.account_of_access(access);
            world.counters.refused(refusal, claimed.as_ref());
            challenge("invalid_token", StatusCode::UNAUTHORIZED)
        }
        Ok(account) if is_read(&exchange.method) => answer::ok(&json!({ "account": &*account, "number": number })),
        Ok(account) => {
            world.counters.wrote(&exchange.method, exchange.path());
            answer::ok(&json!({ "account": &*account, "number": number, "length": exchange.body.len() }))
        }
    }
}

/// The thumbprint (RFC 7638) of the key that a request's proof was made with.
fn proved(world: &mut World, exchange: &Exchange, access: Option<&str>, now: u64) -> Result<String, Bad> {
    if world.proofs.nonce.0.is_empty() {
        world.proofs.nonce.0 = world.grants.mint("nonce");
    }
    let result = look(&mut world.proofs, exchange, access, now);
    let counted = match &result {
        Ok(_) => "verified",
        Err(Bad::Nonce) => "nonce_demanded",
        Err(Bad::Proof(why)) => why,
    };
    bump(&mut world.counters.proofs, counted);
    if result.is_ok() {
        world.proofs.uses += 1;
        if world.proofs.uses >= USES {
            let next = world.grants.mint("nonce");
            world.proofs.nonce.1 = std::mem::replace(&mut world.proofs.nonce.0, next);
            world.proofs.uses = 0;
        }
    }
    result
}

fn look(proofs: &mut Proofs, exchange: &Exchange, access: Option<&str>, now: u64) -> Result<String, Bad> {
    let proof = exchange.header("dpop").ok_or(Bad::Proof("missing"))?;
    let (input, signature) = proof.rsplit_once('.').ok_or(Bad::Proof("malformed"))?;
    let (header, claims) = input.split_once('.').ok_or(Bad::Proof("malformed"))?;
    let header: Header = part(header)?;
    let claims: Claims = part(claims)?;
    let jwk = &header.jwk;
    let is_form = (header.typ.as_str(), header.alg.as_str(), jwk.kty.as_str(), jwk.crv.as_str())
        == ("dpop+jwt", "ES256", "EC", "P-256");
    if !is_form || jwk.d.is_some() {
        return Err(Bad::Proof("wrong_header"));
    }
    let (x, y, signature) = (decoded(&jwk.x)?, decoded(&jwk.y)?, decoded(signature)?);
    let point = [&[4], x.as_slice(), y.as_slice()].concat();
    let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, &point);
    key.verify(input.as_bytes(), &signature).map_err(|_| Bad::Proof("wrong_signature"))?;
    if claims.htm != exchange.method.as_str() {
        return Err(Bad::Proof("wrong_method"));
    }
    if claims.htu != format!("http://{}{}", exchange.host(), exchange.path()) {
        return Err(Bad::Proof("wrong_address"));
    }
    if claims.iat.abs_diff(now / 1000) > OLDEST {
        return Err(Bad::Proof("wrong_age"));
    }
    let expected = access.map(|access| Base64UrlUnpadded::encode_string(&Sha256::digest(access)));
    if claims.ath != expected {
        return Err(Bad::Proof("wrong_token"));
    }
    let (present, before) = &proofs.nonce;
    if !claims.nonce.as_ref().is_some_and(|nonce| !nonce.is_empty() && (nonce == present || nonce == before)) {
        return Err(Bad::Nonce);
    }
    if !proofs.seen.insert(claims.jti) {
        return Err(Bad::Proof("replayed"));
    }
    let canonical = format!(r#"{{"crv":"P-256","kty":"EC","x":"{}","y":"{}"}}"#, jwk.x, jwk.y);
    Ok(Base64UrlUnpadded::encode_string(&Sha256::digest(canonical)))
}

fn part<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, Bad> {
    serde_json::from_slice(&decoded(text)?).map_err(|_| Bad::Proof("malformed"))
}

fn decoded(text: &str) -> Result<Vec<u8>, Bad> {
    Base64UrlUnpadded::decode_vec(text).map_err(|_| Bad::Proof("malformed"))
}

fn challenge(error: &str, status: StatusCode) -> Answer {
    let answer = answer::error(status, error);
    answer::with(answer, header::WWW_AUTHENTICATE, format!("DPoP error=\"{error}\", algs=\"ES256\""))
}

const NONCE: HeaderName = HeaderName::from_static("dpop-nonce");

/// Proofs until the nonce changes.
const USES: u32 = 5;

/// The age of a proof, in seconds, beyond which it is none.
const OLDEST: u64 = 300;
