//! Tokens that are bound to a key of the session's (RFC 9449): what a proof says, when it is made, and how nonces are heeded.

use base64ct::{Base64UrlUnpadded, Encoding};
use hallpass_conformance::dialogue::{Pair, Shelf};
use hallpass_conformance::scenario::signs::made;
use hallpass_core::credentials::Credentials;
use hallpass_core::effect::{Effect, Exchange, Outcome, Purpose, SignWork};
use hallpass_core::machine::{Body, Session, State};
use http::Method;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::platforms::JSON;

const DPOP: &str = r#""sign_in": {"oauth2_refresh": {}}, "renew": {"token_url": "/token"}, "dpop": {}"#;

/// Makes every key and signature that is asked for; how many keys and how many proofs.
fn make(pair: &mut Pair) -> (u32, u32) {
    let (mut keys, mut proofs) = (0, 0);
    while let Some(at) = pair.effects.iter().position(|effect| matches!(effect, Effect::Sign(_))) {
        let Some(Effect::Sign(sign)) = pair.effects.remove(at) else { unreachable!("it was seen") };
        match &sign.work {
            SignWork::NewKey => keys += 1,
            SignWork::Es256 { .. } => proofs += 1,
            SignWork::Attempt(_) => panic!("{sign:?}"),
        }
        pair.finish(sign.ticket.id(), Outcome::Sign(Ok(made(&sign.work))));
    }
    (keys, proofs)
}

fn tokens(number: u32) -> String {
    format!(
        r#"{{"access_token": "a{number}", "refresh_token": "r{number}", "expires_in": 3600, "token_type": "DPoP"}}"#
    )
}

fn signed_in(mut pair: Pair) -> Pair {
    let id = pair.sign_in(Credentials::refresh_token("r0"));
    assert_eq!(make(&mut pair), (1, 1));
    let exchange = pair.own(Purpose::SignIn);
    pair.answer(exchange, 200, JSON, &tokens(1));
    pair.done(id);
    pair
}

/// The claims of an exchange's proof, once its header and its signature have been looked at.
fn proof(exchange: &Exchange) -> Value {
    let proof = exchange.headers["dpop"].to_str().expect("text");
    let parts: Vec<_> = proof.split('.').collect();
    let decode = |part: &str| Base64UrlUnpadded::decode_vec(part).expect("base64url");
    let header: Value = serde_json::from_slice(&decode(parts[0])).expect("JSON");
    assert_eq!((header["typ"].as_str(), header["alg"].as_str()), (Some("dpop+jwt"), Some("ES256")));
    assert_eq!((header["jwk"]["kty"].as_str(), header["jwk"]["crv"].as_str()), (Some("EC"), Some("P-256")));
    assert_eq!(header["jwk"].as_object().map(serde_json::Map::len), Some(4), "nothing of the private key");
    let signed: [u8; 32] = Sha256::digest(format!("{}.{}", parts[0], parts[1])).into();
    assert_eq!(decode(parts[2]), [signed, signed].concat());
    serde_json::from_slice(&decode(parts[1])).expect("JSON")
}

fn thumbprint(exchange: &Exchange) -> String {
    let proof = exchange.headers["dpop"].to_str().expect("text");
    let header = Base64UrlUnpadded::decode_vec(proof.split('.').next().expect("a part")).expect("base64url");
    let jwk = &serde_json::from_slice::<Value>(&header).expect("JSON")["jwk"];
    // RFC 7638 §3.2: the required members, in order of name, without spaces.
    let text = format!(r#"{{"crv":{},"kty":{},"x":{},"y":{}}}"#, jwk["crv"], jwk["kty"], jwk["x"], jwk["y"]);
    Base64UrlUnpadded::encode_string(&Sha256::digest(text))
}

#[test]
fn token_requests_and_calls_carry_proofs_of_one_key() {
    let mut pair = Pair::new(DPOP);
    let id = pair.sign_in(Credentials::refresh_token("r0"));
    assert_eq!(make(&mut pair), (1, 1));
    let exchange = pair.own(Purpose::SignIn);
    let claims = proof(&exchange);
    let key = thumbprint(&exchange);
    assert_eq!((claims["htm"].as_str(), claims["htu"].as_str()), (Some("POST"), Some("https://api.example/token")));
    assert_eq!(claims["iat"].as_i64(), Some(pair.now.wall.as_millis() / 1000));
    assert_eq!((claims.get("ath"), claims.get("nonce")), (None, None));
    pair.answer(exchange, 200, JSON, &tokens(1));
    pair.done(id);
    let call = pair.get("/a/b?q=secret");
    assert_eq!(make(&mut pair), (0, 1));
    let exchange = pair.exchange();
    let second = proof(&exchange);
    assert_eq!(exchange.headers["authorization"], "DPoP a1");
    assert_eq!(second["htu"].as_str(), Some("https://api.example/a/b"), "neither query nor fragment");
    assert_eq!(second["ath"].as_str(), Some(Base64UrlUnpadded::encode_string(&Sha256::digest("a1")).as_str()));
    assert_ne!(claims["jti"], second["jti"]);
    assert_eq!(thumbprint(&exchange), key);
    pair.answer(exchange, 302, &[("location", "https://other.example/")], "");
    let foreign = pair.exchange();
    assert!(!foreign.headers.contains_key("dpop") && !foreign.headers.contains_key("authorization"));
    pair.answer(foreign, 200, &[], "");
    assert_eq!(pair.status(call), 200);
}

#[test]
fn the_key_outlives_renewal_and_resuming_and_a_new_sign_in_has_a_new_one() {
    let shelf = Shelf::default();
    let mut pair = signed_in(Pair::kept(DPOP, &shelf));
    let renew = pair.command(Session::renew);
    assert_eq!(make(&mut pair), (0, 1));
    let renewal = pair.own(Purpose::Renewal);
    assert!(proof(&renewal).get("ath").is_none(), "a token request shows no access token");
    pair.answer(renewal, 200, JSON, &tokens(2));
    pair.done(renew);
    let mut other = Pair::kept(DPOP, &shelf);
    let resume = other.command(Session::resume);
    other.done(resume);
    other.get("/a");
    assert_eq!(make(&mut other), (0, 1));
    let exchange = other.exchange();
    proof(&exchange);
    assert_eq!(exchange.headers["authorization"], "DPoP a2");
    other.sign_in(Credentials::refresh_token("r9"));
    assert_eq!(make(&mut other), (1, 1), "tokens that are not bound to the old key get a key of their own");
}

#[test]
fn a_resource_that_wants_a_nonce_is_no_refusal_and_no_retry() {
    let mut pair = signed_in(Pair::new(DPOP));
    let call = pair.get("/a");
    make(&mut pair);
    let exchange = pair.exchange();
    let demand = [("www-authenticate", r#"DPoP error="use_dpop_nonce""#), ("dpop-nonce", "n1")];
    pair.answer(exchange, 401, &demand, "");
    assert_eq!(make(&mut pair), (0, 1));
    let exchange = pair.exchange();
    assert_eq!(proof(&exchange)["nonce"].as_str(), Some("n1"));
    pair.answer(exchange, 200, &[("dpop-nonce", "n2")], "");
    assert_eq!(pair.status(call), 200);
    let stats = pair.session.stats();
    assert_eq!((stats.refusals, stats.retries, stats.renewals, stats.attempts), (0, 0, 0, 2));
    pair.get("/b");
    make(&mut pair);
    let exchange = pair.exchange();
    assert_eq!(proof(&exchange)["nonce"].as_str(), Some("n2"), "the latest of every answer");
}

#[test]
fn a_token_endpoint_that_wants_a_nonce_is_asked_again_with_the_same_token() {
    let mut pair = Pair::new(DPOP);
    let id = pair.sign_in(Credentials::refresh_token("r0"));
    make(&mut pair);
    let demand = |nonce: &'static str| [("content-type", "application/json"), ("dpop-nonce", nonce)];
    let exchange = pair.own(Purpose::SignIn);
    pair.answer(exchange, 400, &demand("n1"), r#"{"error": "use_dpop_nonce"}"#);
    assert_eq!(make(&mut pair), (0, 1));
    let exchange = pair.own(Purpose::SignIn);
    assert_eq!((proof(&exchange)["nonce"].as_str(), exchange.attempt), (Some("n1"), 1));
    pair.answer(exchange, 200, JSON, &tokens(1));
    pair.done(id);
    let renew = pair.command(Session::renew);
    make(&mut pair);
    let exchange = pair.own(Purpose::Renewal);
    pair.answer(exchange, 400, &demand("n2"), r#"{"error": "use_dpop_nonce"}"#);
    make(&mut pair);
    let exchange = pair.own(Purpose::Renewal);
    assert_eq!(proof(&exchange)["nonce"].as_str(), Some("n2"));
    pair.answer(exchange, 200, JSON, &tokens(2));
    pair.done(renew);
    assert_eq!(pair.session.generation(), 2);
}

#[test]
fn a_platform_that_is_never_content_with_a_nonce_is_not_asked_for_ever() {
    let mut pair = Pair::new(DPOP);
    let id = pair.sign_in(Credentials::refresh_token("r0"));
    let headers = [("content-type", "application/json"), ("dpop-nonce", "n")];
    for _ in 0..6 {
        make(&mut pair);
        let exchange = pair.own(Purpose::SignIn);
        pair.answer(exchange, 400, &headers, r#"{"error": "use_dpop_nonce"}"#);
    }
    assert_eq!(pair.error(id), "credentials_refused");
    let mut pair = signed_in(Pair::new(DPOP));
    pair.get("/a");
    for _ in 0..6 {
        make(&mut pair);
        let exchange = pair.exchange();
        pair.answer(exchange, 401, &[("www-authenticate", r#"DPoP error="use_dpop_nonce""#), ("dpop-nonce", "n")], "");
    }
    make(&mut pair);
    assert_eq!(pair.session.state(), State::Renewing, "then it is a refusal as any other");
}

#[test]
fn a_one_shot_body_cannot_be_sent_again_for_a_nonce() {
    let mut pair = signed_in(Pair::new(DPOP));
    let mut head = pair.head(Method::POST, "/a");
    head.body = Body::Once;
    let call = pair.call(head);
    make(&mut pair);
    let exchange = pair.exchange();
    pair.answer(exchange, 401, &[("www-authenticate", r#"DPoP error="use_dpop_nonce""#), ("dpop-nonce", "n")], "");
    assert_eq!(pair.error(call), "body_not_replayable");
    assert_eq!(pair.session.state(), State::Active);
}

#[test]
fn tokens_that_are_not_bound_are_not_taken() {
    let mut pair = Pair::new(DPOP);
    let id = pair.sign_in(Credentials::refresh_token("r0"));
    make(&mut pair);
    let exchange = pair.exchange();
    pair.answer(exchange, 200, JSON, r#"{"access_token": "a1", "token_type": "Bearer"}"#);
    assert_eq!(pair.error(id), "unexpected_answer");
}

#[test]
fn a_nonce_with_odd_characters_is_none() {
    let mut pair = signed_in(Pair::new(DPOP));
    for odd in ["a\"b", "a b", "a\\b"] {
        pair.get("/a");
        make(&mut pair);
        let exchange = pair.exchange();
        assert!(proof(&exchange).get("nonce").is_none(), "{odd}");
        pair.answer(exchange, 200, &[("dpop-nonce", odd)], "");
    }
}

#[test]
fn neither_key_nor_token_nor_proof_is_shown() {
    let mut pair = signed_in(Pair::new(DPOP));
    pair.get("/a?q=planted");
    make(&mut pair);
    let exchange = pair.exchange();
    let proof = exchange.headers["dpop"].to_str().expect("text").to_owned();
    assert!(exchange.headers["dpop"].is_sensitive());
    for secret in ["scripted key", "planted", "DPoP a1", proof.as_str()] {
        assert!(!pair.shown.contains(secret), "{secret}");
    }
}
