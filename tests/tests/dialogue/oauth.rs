//! Signing in by OAuth 2 grants, and asking an issuer for its endpoints before.

use std::time::Duration;

use hallpass_conformance::dialogue::{Pair, Shelf, tokens};
use hallpass_core::credentials::Credentials;
use hallpass_core::effect::{Exchange, FailureKind, Purpose, SendBody, Sent};

use super::platforms::{JSON, start};

fn body(exchange: &Exchange) -> &str {
    match &exchange.body {
        SendBody::Bytes(bytes) => std::str::from_utf8(bytes).expect("text"),
        SendBody::Empty | SendBody::Callers => panic!("no body of the session's own"),
    }
}

/// A program that signs in as itself.
const CLIENT: &str = r#""sign_in": {"client_credentials": {"scope": "read write", "parameters": {"audience": "https://api.example/"}}},
    "renew": {"token_url": "/token", "client_id": "c 1", "client_auth": "basic"}"#;

/// A refresh token whose token endpoint only the issuer names.
const DISCOVERED: &str = r#""sign_in": {"oauth2_refresh": {}}, "renew": {"client_id": "c"},
    "oauth": {"issuer": "https://api.example/realm"}"#;

fn secret() -> Credentials {
    Credentials::default().with("client_secret", "p:w")
}

fn metadata(token_endpoint: &str) -> String {
    format!(r#"{{"issuer": "https://api.example/realm", "token_endpoint": "{token_endpoint}"}}"#)
}

#[test]
fn a_client_signs_in_as_itself_and_renews_by_doing_so_again() {
    let mut pair = Pair::new(CLIENT);
    let id = pair.sign_in(secret());
    let request = pair.own(Purpose::SignIn);
    assert_eq!(request.uri, "https://api.example/token");
    assert_eq!(request.headers["authorization"], "Basic YysxOnAlM0F3");
    let asked = "grant_type=client_credentials&scope=read+write&audience=https%3A%2F%2Fapi.example%2F";
    assert_eq!(body(&request), asked);
    pair.answer(request, 200, JSON, r#"{"access_token": "a1", "token_type": "bearer", "expires_in": 3600}"#);
    pair.done(id);
    let call = pair.get("/a");
    let refused = pair.exchange();
    assert_eq!(refused.headers["authorization"], "Bearer a1");
    pair.answer(refused, 401, &[], "");
    let renewal = pair.own(Purpose::Renewal);
    assert_eq!(
        (body(&renewal), &renewal.headers["authorization"]),
        (asked, &"Basic YysxOnAlM0F3".parse().expect("valid"))
    );
    pair.fail(renewal, FailureKind::ConnectionLost, Sent::Maybe);
    pair.advance(Duration::from_secs(1));
    let again = pair.own(Purpose::Renewal);
    pair.answer(again, 200, JSON, r#"{"access_token": "a2", "expires_in": 3600}"#);
    let replayed = pair.exchange();
    assert_eq!(replayed.headers["authorization"], "Bearer a2");
    pair.answer(replayed, 200, &[], "");
    assert_eq!(pair.status(call), 200);
}

#[test]
fn a_client_with_a_wrong_secret_is_told_so_and_does_not_try_again() {
    let mut pair = Pair::new(CLIENT);
    let id = pair.sign_in(secret());
    let request = pair.exchange();
    pair.answer(request, 401, JSON, r#"{"error": "invalid_client"}"#);
    let error = pair.reply(id).expect_err("refused");
    assert_eq!(error.kind(), "credentials_refused");
    assert!(error.detail().ends_with("refused the client's credentials with 401 (`invalid_client`)"), "{error}");
    assert!(pair.is_idle());
    assert!(!pair.shown.contains("p:w"));
}

#[test]
fn a_resumed_client_renews_with_the_secret_that_was_kept_with_it() {
    let shelf = Shelf::default();
    let mut first = Pair::kept(CLIENT, &shelf);
    let id = first.sign_in(secret());
    let request = first.exchange();
    first.answer(request, 200, JSON, r#"{"access_token": "a1", "expires_in": 3600}"#);
    first.done(id);
    let mut second = Pair::kept(CLIENT, &shelf);
    let id = second.command(hallpass_core::machine::Session::resume);
    second.done(id);
    let renewal = second.command(hallpass_core::machine::Session::renew);
    let request = second.own(Purpose::Renewal);
    assert_eq!(request.headers["authorization"], "Basic YysxOnAlM0F3");
    second.answer(request, 200, JSON, r#"{"access_token": "a2", "expires_in": 3600}"#);
    second.done(renewal);
}

#[test]
fn an_issuer_is_asked_for_its_endpoints_before_anything_is_sent_to_them_and_once_only() {
    let mut pair = Pair::new(DISCOVERED);
    let id = pair.sign_in(Credentials::refresh_token("r0"));
    let first = pair.own(Purpose::Discovery);
    assert_eq!(first.uri, "https://api.example/.well-known/oauth-authorization-server/realm");
    assert!(!first.headers.contains_key("authorization"));
    pair.answer(first, 200, &[("content-type", "text/html")], "<html>the app's own page for everything</html>");
    let second = pair.own(Purpose::Discovery);
    assert_eq!(second.uri, "https://api.example/realm/.well-known/openid-configuration");
    pair.answer(second, 200, JSON, &metadata("https://api.example/oidc/token"));
    let request = pair.own(Purpose::SignIn);
    assert_eq!(request.uri, "https://api.example/oidc/token");
    assert_eq!(body(&request), "grant_type=refresh_token&refresh_token=r0&client_id=c");
    pair.answer(request, 200, JSON, &tokens(1, 3600));
    pair.done(id);
    pair.command(hallpass_core::machine::Session::renew);
    assert_eq!(pair.own(Purpose::Renewal).uri, "https://api.example/oidc/token");
}

#[test]
fn metadata_of_another_issuer_and_a_token_endpoint_elsewhere_get_no_byte_of_the_token() {
    let foreign = metadata("https://evil.example/token");
    let other = metadata("https://api.example/token").replace("/realm", "/realm/");
    for (metadata, kind) in [(foreign, "platform_invalid"), (other, "unexpected_answer")] {
        let mut pair = Pair::new(DISCOVERED);
        let id = pair.sign_in(Credentials::refresh_token("r0-secret"));
        let discovery = pair.own(Purpose::Discovery);
        pair.answer(discovery, 200, JSON, &metadata);
        assert_eq!(pair.error(id), kind);
        assert!(pair.is_idle(), "nothing was sent anywhere");
        assert!(!pair.shown.contains("r0-secret"));
    }
}

#[test]
fn an_issuer_that_is_away_for_a_moment_is_asked_again_and_one_without_metadata_is_not() {
    let mut pair = Pair::new(DISCOVERED);
    let id = pair.sign_in(Credentials::refresh_token("r0"));
    let away = pair.own(Purpose::Discovery);
    pair.fail(away, FailureKind::ConnectionLost, Sent::Maybe);
    pair.advance(Duration::from_secs(1));
    let busy = pair.own(Purpose::Discovery);
    pair.answer(busy, 503, &[("retry-after", "7")], "");
    pair.advance(Duration::from_secs(6));
    assert!(pair.is_idle(), "not before the issuer asks for");
    pair.advance(Duration::from_secs(2));
    for _ in 0..2 {
        let absent = pair.own(Purpose::Discovery);
        pair.answer(absent, 404, &[], "");
    }
    assert_eq!(pair.error(id), "unexpected_answer");
    assert!(pair.is_idle());
}

#[test]
fn a_resumed_session_asks_the_issuer_again_before_it_renews() {
    let shelf = Shelf::default();
    let mut first = Pair::kept(DISCOVERED, &shelf);
    let id = first.sign_in(Credentials::refresh_token("r0"));
    let discovery = first.own(Purpose::Discovery);
    first.answer(discovery, 200, JSON, &metadata("https://api.example/token"));
    let request = first.exchange();
    first.answer(request, 200, JSON, &tokens(1, 60));
    first.done(id);
    let mut second = Pair::kept(DISCOVERED, &shelf);
    let id = second.command(hallpass_core::machine::Session::resume);
    second.done(id);
    second.advance(Duration::from_secs(57));
    let away = second.own(Purpose::Discovery);
    let call = second.get("/a");
    assert!(second.is_idle(), "calls wait in the last seconds");
    second.fail(away, FailureKind::Connect, Sent::No);
    second.advance(Duration::from_secs(1));
    let discovery = second.own(Purpose::Discovery);
    second.answer(discovery, 200, JSON, &metadata("https://api.example/token"));
    let renewal = second.own(Purpose::Renewal);
    assert_eq!(body(&renewal), "grant_type=refresh_token&refresh_token=r1&client_id=c");
    second.answer(renewal, 200, JSON, &tokens(2, 60));
    let exchange = second.exchange();
    assert_eq!((exchange.generation, &exchange.headers["authorization"]), (2, &"Bearer a2".parse().expect("valid")));
    second.answer(exchange, 200, &[], "");
    assert_eq!(second.status(call), 200);
}

#[test]
fn closing_while_the_issuer_is_asked_for_its_endpoints_waits_for_nothing() {
    let shelf = Shelf::default();
    let mut first = Pair::kept(
        r#""sign_in": {"oauth2_refresh": {}}, "renew": {"client_id": "c", "token_url": "/token"},
        "oauth": {"issuer": "https://api.example/realm"}"#,
        &shelf,
    );
    first = start(first, 3600);
    drop(first);
    let mut pair = Pair::kept(DISCOVERED, &shelf);
    let id = pair.command(hallpass_core::machine::Session::resume);
    pair.done(id);
    let renewal = pair.command(hallpass_core::machine::Session::renew);
    let _discovery = pair.own(Purpose::Discovery);
    let close = pair.command(hallpass_core::machine::Session::close);
    pair.done(close);
    assert_eq!(pair.error(renewal), "cancelled");
}
