//! The end of a credential is learned from the first source that tells it; what was only read ends nothing.

use std::time::Duration;

use base64ct::{Base64UrlUnpadded, Encoding};
use hallpass_conformance::dialogue::{Pair, START};
use hallpass_core::credentials::Credentials;
use hallpass_core::effect::Purpose;
use hallpass_core::machine::State;

use super::platforms::{BEARER, JSON, OAUTH};

fn jwt(claims: &str) -> String {
    format!("e30.{}.c2ln", Base64UrlUnpadded::encode_string(claims.as_bytes()))
}

/// When the session ends, in seconds after the script's beginning.
fn ends(pair: &Pair) -> Option<i64> {
    pair.session.expires_at().map(|at| (at.as_millis() - START) / 1000)
}

/// Signed in by a refresh token under these rules, with this token answer.
fn exchanged(rest: &str, answer: &str) -> Pair {
    let mut pair = Pair::new(rest);
    let id = pair.sign_in(Credentials::refresh_token("r0"));
    let exchange = pair.own(Purpose::SignIn);
    pair.answer(exchange, 200, JSON, answer);
    pair.done(id);
    pair
}

#[test]
fn a_jwt_without_a_lifetime_beside_it_is_renewed_ahead_of_its_end() {
    // Its issuer's clock is a year off.
    let token = jwt(r#"{"iat": 1728464000, "exp": 1728467600}"#);
    let mut pair = exchanged(OAUTH, &format!(r#"{{"access_token": "{token}", "refresh_token": "r1"}}"#));
    assert_eq!(ends(&pair), Some(3600));
    pair.advance(Duration::from_secs(3600 - 721));
    assert!(pair.is_idle());
    pair.advance(Duration::from_secs(2));
    pair.own(Purpose::Renewal);
}

#[test]
fn what_comes_with_the_token_goes_first_unless_the_file_says_otherwise() {
    let token = jwt(r#"{"iat": 1760000000, "exp": 1760000500}"#);
    let answer = format!(r#"{{"access_token": "{token}", "expires_in": 900}}"#);
    for (order, expected) in [
        ("", Some(900)),
        (r#", "credential": {"expires_from": ["jwt", "expires_in"]}"#, Some(500)),
        (r#", "credential": {"expires_from": ["lifetime", "jwt"], "lifetime": 70}"#, Some(70)),
        (r#", "credential": {"expires_from": ["cookie"]}"#, None),
        (r#", "credential": {"expires_from": []}"#, None),
    ] {
        assert_eq!(ends(&exchanged(&format!("{OAUTH}{order}"), &answer)), expected, "{order}");
    }
}

#[test]
fn a_token_that_is_over_by_its_own_word_is_sent_all_the_same_and_the_platform_decides() {
    let mut pair = Pair::new(BEARER);
    let id = pair.sign_in(Credentials::bearer(jwt(r#"{"exp": 1759999000}"#)));
    pair.done(id);
    assert_eq!(ends(&pair), Some(-1000));
    let call = pair.get("/a");
    let exchange = pair.exchange();
    pair.answer(exchange, 200, &[], "");
    assert_eq!(pair.status(call), 200);
    pair.get("/a");
    let exchange = pair.exchange();
    pair.answer(exchange, 401, &[], "");
    assert_eq!(pair.session.state(), State::Expired);
}

const FORM: &str =
    r#""sign_in": {"form": {"path": "/login", "fields": {"p": "{password}"}}}, "credential": {"cookie": "sid"}"#;

#[test]
fn a_cookies_date_ends_the_session_that_it_is_and_moves_with_it() {
    let mut pair = Pair::new(FORM);
    let id = pair.sign_in(Credentials::password("alice", "p"));
    let login = pair.own(Purpose::SignIn);
    pair.answer(login, 302, &[("set-cookie", "sid=1; Max-Age=600"), ("location", "/")], "");
    pair.done(id);
    assert_eq!(ends(&pair), Some(600));
    pair.advance(Duration::from_secs(500));
    let call = pair.get("/a");
    let exchange = pair.exchange();
    pair.answer(exchange, 200, &[("set-cookie", "sid=1; Max-Age=600")], "");
    assert_eq!(pair.status(call), 200);
    assert_eq!(ends(&pair), Some(1100));
    pair.advance(Duration::from_secs(601));
    let late = pair.get("/a");
    assert_eq!(pair.error(late), "expired", "without asking: the cookie would not be sent");
    assert!(pair.is_idle());
}
