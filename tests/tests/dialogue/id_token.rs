//! Whom an ID token names: it stands in for the probe, agrees with it, and never makes a session somebody else's.

use base64ct::{Base64UrlUnpadded, Encoding};
use hallpass_conformance::dialogue::{Pair, Shelf};
use hallpass_core::credentials::Credentials;
use hallpass_core::effect::Purpose;
use hallpass_core::machine::{Session, State};
use hallpass_core::platform::Platform;

use super::platforms::JSON;

const NAMED: &str = r#""sign_in": {"oauth2_refresh": {}}, "renew": {"token_url": "/token", "client_id": "cli"},
    "identity": {"id_token": "/sub"}"#;

/// The answer of a token endpoint, beside whose tokens an ID token makes these claims.
fn tokens(number: u32, claims: &str) -> String {
    let id_token = format!("e30.{}.c2ln", Base64UrlUnpadded::encode_string(claims.as_bytes()));
    format!(
        r#"{{"access_token": "a{number}", "refresh_token": "r{number}", "expires_in": 3600, "id_token": "{id_token}"}}"#
    )
}

fn claims(sub: &str) -> String {
    format!(r#"{{"iss": "https://api.example/", "aud": "cli", "sub": "{sub}"}}"#)
}

fn refresh(claimed: Option<&str>) -> Credentials {
    Credentials { account_id: claimed.map(str::to_owned), ..Credentials::refresh_token("r0") }
}

/// A sign-in whose answer is this.
fn signing_in(rest: &str, claimed: Option<&str>, answer: &str) -> (Pair, hallpass_core::effect::CallId) {
    let mut pair = Pair::new(rest);
    let id = pair.sign_in(refresh(claimed));
    let exchange = pair.own(Purpose::SignIn);
    pair.answer(exchange, 200, JSON, answer);
    (pair, id)
}

#[test]
fn the_token_endpoint_says_who_signed_in_and_nobody_else_is_asked() {
    for claimed in [None, Some("u1")] {
        let (mut pair, id) = signing_in(NAMED, claimed, &tokens(1, &claims("u1")));
        pair.done(id);
        assert_eq!(pair.session.account_id(), Some("u1"));
        assert!(pair.is_idle());
    }
    // A number, and one of several audiences.
    let (mut pair, id) = signing_in(NAMED, None, &tokens(1, r#"{"aud": ["other", "cli"], "sub": 7}"#));
    pair.done(id);
    assert_eq!(pair.session.account_id(), Some("7"));
}

#[test]
fn the_account_id_is_kept_and_checked_by_whoever_resumes() {
    let shelf = Shelf::default();
    let mut pair = Pair::kept(NAMED, &shelf);
    let id = pair.sign_in(refresh(None));
    let exchange = pair.own(Purpose::SignIn);
    pair.answer(exchange, 200, JSON, &tokens(1, &claims("u1")));
    pair.done(id);
    let mut later = Pair::kept(NAMED, &shelf);
    let id = later.command(Session::resume);
    later.done(id);
    assert_eq!(later.session.account_id(), Some("u1"));
    let id = later.command(Session::renew);
    let renewal = later.own(Purpose::Renewal);
    later.answer(renewal, 200, JSON, &tokens(2, &claims("u2")));
    assert_eq!(later.error(id), "account_mismatch");
    assert_eq!((later.session.state(), later.session.generation()), (State::Rejected, 1));
    let call = later.get("/a");
    assert_eq!(later.error(call), "account_mismatch");
    assert!(!later.shown.contains("u2"));
}

#[test]
fn somebody_else_is_not_signed_in() {
    let (mut pair, id) = signing_in(NAMED, Some("u2"), &tokens(1, &claims("u1")));
    assert_eq!(pair.error(id), "account_mismatch");
    assert_eq!((pair.session.state(), pair.session.account_id()), (State::Fresh, None));
}

#[test]
fn a_probe_must_name_the_same_account() {
    let both = NAMED.replace(r#""id_token""#, r#""path": "/me", "account_id": "/id", "id_token""#);
    for (told, expected) in [("u1", None), ("u2", Some("account_mismatch"))] {
        let (mut pair, id) = signing_in(&both, None, &tokens(1, &claims("u1")));
        let probe = pair.own(Purpose::Probe);
        pair.answer(probe, 200, JSON, &format!(r#"{{"id": "{told}"}}"#));
        match expected {
            None => pair.done(id),
            Some(kind) => assert_eq!(pair.error(id), kind),
        }
    }
}

#[test]
fn a_renewal_may_do_without_and_a_sign_in_may_not() {
    let without = r#"{"access_token": "a2", "refresh_token": "r2", "expires_in": 3600}"#;
    let (mut pair, id) = signing_in(NAMED, None, &tokens(1, &claims("u1")));
    pair.done(id);
    let id = pair.command(Session::renew);
    let renewal = pair.own(Purpose::Renewal);
    pair.answer(renewal, 200, JSON, without);
    pair.done(id);
    assert_eq!((pair.session.account_id(), pair.session.generation()), (Some("u1"), 2));

    let (mut pair, id) = signing_in(NAMED, None, without);
    assert_eq!(pair.error(id), "unexpected_answer");
}

#[test]
fn an_id_token_of_another_issuer_for_another_client_or_of_nobody_is_none_of_ours() {
    let issued = format!(r#"{NAMED}, "oauth": {{"issuer": "https://api.example/"}}"#);
    let (mut pair, id) = signing_in(&issued, None, &tokens(1, &claims("u1")));
    pair.done(id);
    for wrong in [
        r#"{"iss": "https://evil.example/", "aud": "cli", "sub": "pl4nted"}"#,
        r#"{"aud": "cli", "sub": "pl4nted"}"#,
        r#"{"iss": "https://api.example/", "aud": "other", "sub": "pl4nted"}"#,
        r#"{"iss": "https://api.example/", "aud": ["other"], "sub": "pl4nted"}"#,
        r#"{"iss": "https://api.example/", "sub": "pl4nted"}"#,
        r#"{"iss": "https://api.example/", "aud": "cli", "sub": ["pl4nted"]}"#,
        r#"{"iss": "https://api.example/", "aud": "cli"}"#,
        "pl4nted",
    ] {
        let (mut pair, id) = signing_in(&issued, None, &tokens(1, wrong));
        assert_eq!(pair.error(id), "unexpected_answer", "{wrong}");
        assert_eq!(pair.session.state(), State::Fresh);
        assert!(!pair.shown.contains("pl4nted"));
    }
}

#[test]
fn a_platform_file_asks_for_an_id_token_only_where_one_can_come() {
    let read = |rest: &str| {
        let text = format!(r#"{{"id": "x", "base_url": "https://api.example", {rest}}}"#);
        Platform::from_json(&text).map(drop).map_err(|error| error.to_string())
    };
    read(NAMED).expect("it is a platform");
    for (wrong, problem) in [
        (r#""sign_in": {"bearer": {}}, "identity": {"id_token": "/sub"}"#, "`identity.id_token` needs a sign-in at"),
        (&NAMED.replace("/sub", "sub"), "`identity.id_token` must be a JSON pointer"),
        (&NAMED.replace(r#""id_token": "/sub""#, ""), "`identity` needs a `path`"),
        (&NAMED.replace("id_token", "account_id"), "`identity.account_id` needs `identity.path`"),
        (&format!(r#"{NAMED}, "refused": {{"suspect": [403]}}"#), "`refused.suspect` needs"),
        (&format!(r#"{NAMED}, "keep_alive": {{"every": "5m"}}"#), "`keep_alive` needs"),
    ] {
        let error = read(wrong).expect_err(problem);
        assert!(error.contains(problem), "{error}");
    }
}
