//! Signing out tells the platform, removes the record and ends the session, whatever the platform says; closing tells nobody.

use std::time::Duration;

use hallpass_conformance::dialogue::{Mode, Pair, Shelf, tokens};
use hallpass_core::credentials::Credentials;
use hallpass_core::effect::{Exchange, FailureKind, Purpose, SendBody, Sent};
use hallpass_core::machine::{Notice, Session, State};

use super::platforms::{JSON, start};

const TOLD: &str = r#""sign_in": {"oauth2_refresh": {}},
    "renew": {"token_url": "/token", "client_id": "c", "client_auth": "basic"},
    "sign_out": {"path": "/logout", "revoke": "/revoke"}"#;

fn signed_in(shelf: &Shelf) -> Pair {
    let mut pair = Pair::kept(TOLD, shelf);
    let id = pair.sign_in(Credentials::refresh_token("r0").with("client_secret", "s"));
    let exchange = pair.exchange();
    pair.answer(exchange, 200, JSON, &tokens(1, 3600));
    pair.done(id);
    pair
}

fn body(exchange: &Exchange) -> &str {
    match &exchange.body {
        SendBody::Bytes(bytes) => std::str::from_utf8(bytes).expect("text"),
        SendBody::Empty | SendBody::Callers => "",
    }
}

#[test]
fn the_platform_is_told_in_order_then_the_record_goes_then_the_session() {
    let shelf = Shelf::default();
    let mut pair = signed_in(&shelf);
    let call = pair.get("/a");
    let under_way = pair.exchange();
    let out = pair.command(Session::sign_out);
    assert!(pair.is_idle(), "calls under way end first");
    let late = pair.get("/b");
    assert_eq!(pair.error(late), "closed");
    pair.answer(under_way, 200, &[], "");
    assert_eq!(pair.status(call), 200);
    let logout = pair.own(Purpose::SignOut);
    assert_eq!((logout.method.as_str(), logout.uri.path()), ("POST", "/logout"));
    assert_eq!(logout.headers["authorization"], "Bearer a1");
    pair.answer(logout, 302, &[("location", "/")], "");
    let refresh = pair.own(Purpose::SignOut);
    assert_eq!((refresh.uri.path(), body(&refresh)), ("/revoke", "token=r1&token_type_hint=refresh_token"));
    assert_eq!(refresh.headers["authorization"], "Basic Yzpz", "the client shows itself, not the session");
    pair.answer(refresh, 200, &[], "");
    let access = pair.own(Purpose::SignOut);
    assert_eq!(body(&access), "token=a1&token_type_hint=access_token");
    assert!(shelf.record().is_some());
    pair.answer(access, 400, JSON, r#"{"error": "unsupported_token_type"}"#);
    pair.done(out);
    assert!(pair.notices.contains(&Notice::SignedOut) && pair.notices.contains(&Notice::Closed));
    assert_eq!((pair.session.state(), shelf.record()), (State::Closed, None));
}

#[test]
fn a_platform_that_cannot_be_told_is_said_and_the_session_is_gone_all_the_same() {
    let shelf = Shelf::default();
    let mut pair = signed_in(&shelf);
    let out = pair.command(Session::sign_out);
    for _ in 0..4 {
        let logout = pair.own(Purpose::SignOut);
        pair.fail(logout, FailureKind::Connect, Sent::No);
        pair.advance(Duration::from_secs(20));
    }
    // One that is gone already needs no telling.
    let refresh = pair.own(Purpose::SignOut);
    pair.answer(refresh, 200, &[], "");
    let access = pair.own(Purpose::SignOut);
    pair.answer(access, 200, &[], "");
    let error = pair.reply(out).expect_err("the logout failed");
    assert_eq!(error.kind(), "connect");
    assert!(error.detail().contains("ended here"), "{error}");
    assert_eq!((pair.session.state(), shelf.record()), (State::Closed, None));
    assert!(pair.wait.is_none());
}

#[test]
fn a_session_that_the_platform_has_ended_already_is_signed_out() {
    let mut pair = signed_in(&Shelf::default());
    let out = pair.command(Session::sign_out);
    for status in [401, 200, 200] {
        let told = pair.own(Purpose::SignOut);
        pair.answer(told, status, &[], "");
    }
    pair.done(out);
}

#[test]
fn nobody_answering_takes_no_longer_than_the_deadlines() {
    let mut pair = signed_in(&Shelf::default());
    let out = pair.command(Session::sign_out);
    pair.advance(Duration::from_secs(600));
    assert!(pair.reply(out).is_err());
    assert_eq!((pair.session.state(), pair.wait), (State::Closed, None));
}

#[test]
fn a_record_that_cannot_be_removed_is_what_is_told() {
    let mut pair = signed_in(&Shelf::default());
    pair.shelf.mode = Mode::Down;
    let out = pair.command(Session::sign_out);
    for _ in 0..3 {
        let told = pair.own(Purpose::SignOut);
        pair.answer(told, 404, &[], "");
    }
    assert_eq!(pair.error(out), "store_unavailable");
    assert!(pair.notices.iter().any(|notice| matches!(notice, Notice::SignOutFailed(_))));
}

#[test]
fn a_renewal_under_way_is_waited_for_and_its_tokens_are_the_ones_revoked() {
    let shelf = Shelf::default();
    let mut pair = signed_in(&shelf);
    pair.command(Session::renew);
    let renewal = pair.own(Purpose::Renewal);
    let out = pair.command(Session::sign_out);
    pair.answer(renewal, 200, JSON, &tokens(2, 3600));
    let logout = pair.own(Purpose::SignOut);
    pair.answer(logout, 200, &[], "");
    let refresh = pair.own(Purpose::SignOut);
    assert!(body(&refresh).contains("token=r2"));
    pair.answer(refresh, 200, &[], "");
    let access = pair.own(Purpose::SignOut);
    pair.answer(access, 200, &[], "");
    pair.done(out);
    assert!(shelf.record().is_none());
}

#[test]
fn where_there_is_no_way_to_tell_it_the_session_is_forgotten() {
    let shelf = Shelf::default();
    let mut pair = super::platforms::kept(3600, &shelf);
    let out = pair.command(Session::sign_out);
    pair.done(out);
    assert!(pair.is_idle() && shelf.record().is_none());
    assert!(!pair.notices.contains(&Notice::SignedOut));
}

#[test]
fn closing_and_forgetting_tell_the_platform_nothing() {
    for command in [Session::close, Session::forget] {
        let mut pair = signed_in(&Shelf::default());
        let end = pair.command(command);
        pair.done(end);
        assert!(pair.is_idle());
    }
}

#[test]
fn forgetting_in_the_middle_of_a_renewal_ends() {
    let shelf = Shelf::default();
    let mut pair = start(Pair::kept(super::platforms::OAUTH, &shelf), 3600);
    let renew = pair.command(Session::renew);
    let renewal = pair.own(Purpose::Renewal);
    let forget = pair.command(Session::forget);
    pair.answer(renewal, 200, JSON, &tokens(2, 3600));
    pair.done(renew);
    pair.done(forget);
    assert!(shelf.record().is_none());
}

const ISSUER: &str = r#""sign_in": {"oauth2_refresh": {}}, "renew": {"token_url": "/token", "client_id": "c"},
    "oauth": {"issuer": "https://api.example"}"#;

/// A session that a later process has resumed, and that is signing out.
fn leaving(platform: &str) -> (Pair, hallpass_core::effect::CallId) {
    let shelf = Shelf::default();
    let mut first = Pair::kept(platform, &shelf);
    let id = first.sign_in(Credentials::refresh_token("r0"));
    let exchange = first.exchange();
    first.answer(exchange, 200, JSON, &tokens(1, 3600));
    first.done(id);
    let mut pair = Pair::kept(platform, &shelf);
    let resumed = pair.command(Session::resume);
    pair.done(resumed);
    let out = pair.command(Session::sign_out);
    (pair, out)
}

fn metadata(rest: &str) -> String {
    format!(r#"{{"issuer": "https://api.example", "token_endpoint": "https://api.example/token"{rest}}}"#)
}

#[test]
fn a_resumed_session_asks_its_issuer_where_tokens_are_revoked() {
    let (mut pair, out) = leaving(ISSUER);
    let asked = pair.own(Purpose::Discovery);
    assert_eq!(
        (asked.uri.path(), asked.headers.get("authorization")),
        ("/.well-known/oauth-authorization-server", None)
    );
    pair.answer(asked, 404, &[], "");
    let asked = pair.own(Purpose::Discovery);
    pair.answer(asked, 503, &[], "");
    pair.advance(Duration::from_secs(20));
    let asked = pair.own(Purpose::Discovery);
    assert_eq!(asked.uri.path(), "/.well-known/openid-configuration");
    pair.answer(asked, 200, JSON, &metadata(r#", "revocation_endpoint": "https://api.example/gone""#));
    for sent in
        ["token=r1&token_type_hint=refresh_token&client_id=c", "token=a1&token_type_hint=access_token&client_id=c"]
    {
        let revoked = pair.own(Purpose::SignOut);
        assert_eq!((revoked.uri.path(), body(&revoked)), ("/gone", sent));
        pair.answer(revoked, 200, &[], "");
    }
    pair.done(out);
    assert!(pair.notices.contains(&Notice::SignedOut) && pair.shelf.record().is_none());
}

#[test]
fn an_issuer_that_revokes_nothing_leaves_nothing_to_tell_and_one_that_is_silent_is_said() {
    let (mut pair, out) = leaving(ISSUER);
    let asked = pair.own(Purpose::Discovery);
    pair.answer(asked, 200, JSON, &metadata(""));
    pair.done(out);
    assert!(pair.is_idle() && !pair.notices.contains(&Notice::SignedOut));
    // Tokens go to origins that the platform names, whatever the issuer says.
    let (mut pair, out) = leaving(ISSUER);
    let asked = pair.own(Purpose::Discovery);
    pair.answer(asked, 200, JSON, &metadata(r#", "revocation_endpoint": "https://evil.example/gone""#));
    pair.done(out);
    assert!(pair.is_idle());

    let (mut pair, out) = leaving(ISSUER);
    pair.advance(Duration::from_secs(600));
    assert!(pair.reply(out).is_err());
    assert!(pair.notices.iter().any(|notice| matches!(notice, Notice::SignOutFailed(_))));
    assert_eq!((pair.session.state(), pair.shelf.record()), (State::Closed, None));
}
