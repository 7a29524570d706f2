//! Attempts that the program's signer signs: when it is asked, what it sees, and what becomes of a call that it will not sign.

use std::time::Duration;

use hallpass_conformance::dialogue::{Pair, Shelf, kept, platform, tokens};
use hallpass_core::credentials::Credentials;
use hallpass_core::effect::{
    BodyWanted, Declined, Effect, Outcome, Owner, Purpose, SendBody, Sign, SignWork, Signed, Unsigned,
};
use hallpass_core::machine::{Body, Session, Settings};
use http::{HeaderMap, HeaderValue, Method};

use super::platforms::{JSON, bearer};

const SIGNED: &str = r#""sign_in": {"bearer": {}}, "signer": {}"#;
const OAUTH: &str =
    r#""sign_in": {"oauth2_refresh": {}}, "renew": {"token_url": "/token"}, "signer": {"body": "sha256", "own": true}"#;

fn signer() -> Settings {
    Settings { signer: true, ..Settings::default() }
}

fn signed_in(rest: &str) -> Pair {
    let mut pair = Pair::with(platform(rest), signer(), Shelf::default());
    let id = pair.sign_in(Credentials::bearer("t1"));
    pair.done(id);
    pair
}

/// The oldest signature that is asked for, and what of.
fn asked(pair: &mut Pair) -> (Sign, Unsigned) {
    match pair.other() {
        Effect::Sign(sign) => {
            let Sign { ticket, owner, deadline, work } = *sign;
            match work {
                SignWork::Attempt(unsigned) => (Sign { ticket, owner, deadline, work: SignWork::NewKey }, *unsigned),
                other => panic!("{other:?}"),
            }
        }
        other => panic!("{other:?}"),
    }
}

fn sign(pair: &mut Pair, with: &str) -> Unsigned {
    let (sign, unsigned) = asked(pair);
    let mut headers = HeaderMap::new();
    headers.insert("x-signed", HeaderValue::from_str(with).expect("a value"));
    pair.finish(sign.ticket.id(), Outcome::Sign(Ok(Signed::Headers(headers))));
    unsigned
}

#[test]
fn every_attempt_to_the_platform_is_signed_anew_just_before_it_leaves() {
    let mut pair = signed_in(SIGNED);
    let call = pair.get("/a?q=1");
    assert!(pair.effects.iter().all(|effect| !matches!(effect, Effect::Exchange(_))), "nothing leaves unsigned");
    let unsigned = sign(&mut pair, "one");
    assert_eq!((unsigned.method, unsigned.uri.to_string().as_str()), (Method::GET, "https://api.example/a?q=1"));
    assert_eq!((unsigned.attempt, unsigned.generation, unsigned.account.as_str()), (1, 1, "alice"));
    assert_eq!(unsigned.headers["authorization"], "Bearer t1", "as dressed so far");
    assert_eq!(unsigned.now, pair.now.wall);
    assert!(matches!(unsigned.body, SendBody::Empty));
    let exchange = pair.exchange();
    assert_eq!((exchange.headers["x-signed"].to_str().ok(), exchange.attempt), (Some("one"), 1));
    assert!(exchange.headers["x-signed"].is_sensitive());
    pair.answer(exchange, 503, &[], "");
    pair.advance(Duration::from_secs(2));
    assert_eq!(sign(&mut pair, "two").attempt, 2);
    let exchange = pair.exchange();
    assert_eq!((exchange.headers["x-signed"].to_str().ok(), exchange.attempt), (Some("two"), 2));
    pair.answer(exchange, 200, &[], "");
    assert_eq!(pair.status(call), 200);
    assert_eq!(pair.session.stats().attempts, 2);
}

#[test]
fn what_a_redirect_leads_to_elsewhere_is_not_signed() {
    let mut pair = signed_in(SIGNED);
    let call = pair.get("/a");
    sign(&mut pair, "one");
    let exchange = pair.exchange();
    pair.answer(exchange, 302, &[("location", "https://other.example/b")], "");
    let foreign = pair.exchange();
    assert!(foreign.headers.is_empty(), "{:?}", foreign.headers);
    pair.answer(foreign, 302, &[("location", "https://api.example/c")], "");
    assert_eq!(sign(&mut pair, "three").uri.path(), "/c");
    let home = pair.exchange();
    pair.answer(home, 200, &[], "");
    assert_eq!(pair.status(call), 200);
}

#[test]
fn a_platform_that_does_not_ask_for_signatures_gets_none() {
    let mut pair = Pair::with(platform(r#""sign_in": {"bearer": {}}"#), signer(), Shelf::default());
    let id = pair.sign_in(Credentials::bearer("t1"));
    pair.done(id);
    pair.get("/a");
    assert!(!pair.exchange().headers.contains_key("x-signed"));
}

#[test]
fn a_program_without_a_signer_is_told_at_sign_in_and_at_resuming() {
    let mut pair = Pair::with(platform(SIGNED), kept(), Shelf::default());
    let (sign_in, resume) = (pair.sign_in(Credentials::bearer("t1")), pair.command(Session::resume));
    assert_eq!((pair.error(sign_in), pair.error(resume)), ("config_invalid", "config_invalid"));
    let mut pair = Pair::new(r#""sign_in": {"bearer": {}}, "signer": {"required": false}"#);
    let id = pair.sign_in(Credentials::bearer("t1"));
    pair.done(id);
    pair.get("/a");
    pair.exchange();
}

#[test]
fn a_signer_that_declines_ends_the_call_with_its_words_and_nothing_is_sent() {
    let mut pair = signed_in(SIGNED);
    let call = pair.get("/a");
    let (sign, _) = asked(&mut pair);
    pair.finish(sign.ticket.id(), Outcome::Sign(Err(Declined { why: "the rules are gone".to_owned() })));
    let error = pair.reply(call).expect_err("declined");
    assert_eq!(error.kind(), "signer_failed");
    assert!(error.to_string().contains("the rules are gone"), "{error}");
    assert!(pair.is_idle());
    assert_eq!(pair.session.stats().attempts, 0);
}

#[test]
fn a_signer_that_does_not_answer_ends_the_call_after_its_own_deadline() {
    let mut pair = signed_in(SIGNED);
    let call = pair.get("/a");
    let (sign, _) = asked(&mut pair);
    pair.advance(Duration::from_secs(10));
    assert_eq!(pair.error(call), "signer_failed");
    assert_eq!(pair.abandoned, [sign.ticket.id()]);
    let call = pair.get("/b");
    let (sign, _) = asked(&mut pair);
    pair.cancel(call);
    assert_eq!(pair.error(call), "cancelled");
    assert_eq!(pair.abandoned.last(), Some(&sign.ticket.id()));
}

#[test]
fn a_signer_cannot_write_what_frames_the_request() {
    let mut pair = signed_in(SIGNED);
    let call = pair.get("/a");
    let (sign, _) = asked(&mut pair);
    let mut headers = HeaderMap::new();
    headers.insert("content-length", HeaderValue::from_static("5"));
    pair.finish(sign.ticket.id(), Outcome::Sign(Ok(Signed::Headers(headers))));
    assert_eq!(pair.error(call), "signer_failed");
}

#[test]
fn a_body_that_can_be_sent_once_cannot_be_shown_to_a_signer_that_wants_it() {
    let rules = [("none", None), ("sha256", Some("body_not_signable")), ("bytes", Some("body_not_signable"))];
    for (wanted, expected) in rules {
        let mut pair = signed_in(&format!(r#""sign_in": {{"bearer": {{}}}}, "signer": {{"body": "{wanted}"}}"#));
        let mut head = pair.head(Method::POST, "/a");
        head.body = Body::Once;
        let call = pair.call(head);
        match expected {
            Some(kind) => assert_eq!(pair.error(call), kind),
            None => assert!(matches!(sign(&mut pair, "x").body, SendBody::Callers)),
        }
        let mut head = pair.head(Method::POST, "https://other.example/");
        head.body = Body::Once;
        pair.call(head);
        assert!(matches!(pair.effects.pop_back(), Some(Effect::Exchange(_))), "elsewhere it just leaves");
    }
}

#[test]
fn a_session_that_changes_while_an_attempt_is_signed_signs_it_again() {
    let mut pair = Pair::with(platform(&OAUTH.replace("true", "false")), signer(), Shelf::default());
    let id = pair.sign_in(Credentials::refresh_token("r0"));
    let exchange = pair.exchange();
    pair.answer(exchange, 200, JSON, &tokens(1, 3600));
    pair.done(id);
    let call = pair.get("/a");
    let (held, first) = asked(&mut pair);
    assert_eq!((first.generation, first.wants), (1, BodyWanted::Sha256));
    pair.command(Session::renew);
    let renewal = pair.own(Purpose::Renewal);
    pair.finish(held.ticket.id(), Outcome::Sign(Ok(Signed::Headers(HeaderMap::new()))));
    assert!(pair.is_idle(), "no attempt leaves while calls wait for a renewal");
    pair.answer(renewal, 200, JSON, &tokens(2, 3600));
    let second = sign(&mut pair, "two");
    assert_eq!((second.generation, second.attempt), (2, 1));
    let exchange = pair.exchange();
    assert_eq!(exchange.headers["authorization"], "Bearer a2");
    pair.answer(exchange, 200, &[], "");
    assert_eq!(pair.status(call), 200);
    assert_eq!(pair.session.stats().attempts, 1);
}

#[test]
fn the_sessions_own_requests_are_signed_where_the_platform_says_so() {
    let mut pair = Pair::with(platform(OAUTH), signer(), Shelf::default());
    let id = pair.sign_in(Credentials::refresh_token("r0"));
    let unsigned = sign(&mut pair, "own");
    assert!(matches!(&unsigned.body, SendBody::Bytes(bytes) if bytes.starts_with(b"grant_type=")));
    let exchange = pair.own(Purpose::SignIn);
    assert_eq!(exchange.headers["x-signed"], "own");
    pair.answer(exchange, 200, JSON, &tokens(1, 3600));
    pair.done(id);
    // A renewal that is not signed has not spent its token.
    let renew = pair.command(Session::renew);
    let (held, _) = asked(&mut pair);
    assert_eq!(held.owner, Owner::Session(Purpose::Renewal));
    pair.finish(held.ticket.id(), Outcome::Sign(Err(Declined { why: "not now".to_owned() })));
    assert_eq!(pair.error(renew), "signer_failed");
    pair.advance(Duration::from_secs(60));
    let renew = pair.command(Session::renew);
    sign(&mut pair, "again");
    let exchange = pair.own(Purpose::Renewal);
    pair.answer(exchange, 200, JSON, &tokens(2, 3600));
    pair.done(renew);
}

#[test]
fn a_renewal_that_is_given_up_before_it_is_signed_has_lost_nothing() {
    let mut pair = Pair::with(platform(OAUTH), signer(), Shelf::default());
    let id = pair.sign_in(Credentials::refresh_token("r0"));
    sign(&mut pair, "own");
    let exchange = pair.exchange();
    pair.answer(exchange, 200, JSON, &tokens(1, 3600));
    pair.done(id);
    pair.command(Session::renew);
    let (held, _) = asked(&mut pair);
    let again = pair.sign_in(Credentials::refresh_token("wrong"));
    assert_eq!(pair.abandoned, [held.ticket.id()]);
    sign(&mut pair, "own");
    let exchange = pair.own(Purpose::SignIn);
    pair.answer(exchange, 400, JSON, r#"{"error": "invalid_grant"}"#);
    assert_eq!(pair.error(again), "credentials_refused");
    // The session of before goes on with the token that was not sent.
    pair.command(Session::renew);
    let unsigned = sign(&mut pair, "own");
    assert!(matches!(&unsigned.body, SendBody::Bytes(bytes) if bytes.windows(2).any(|two| two == b"r1")));
}

#[test]
fn an_unsigned_call_asks_for_nothing() {
    let mut pair = bearer();
    pair.get("/a");
    assert!(matches!(pair.effects.pop_front(), Some(Effect::Exchange(_))));
    assert!(pair.is_idle());
}
