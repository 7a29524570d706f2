//! Do calls carry the token against cross-site requests, to the platform and nowhere else?

use hallpass_conformance::dialogue::{Pair, Shelf};
use hallpass_core::credentials::{Credentials, Secret};
use hallpass_core::effect::Purpose;
use hallpass_core::machine::{Body, Session};
use http::Method;

const COOKIE: &str = r#""sign_in": {"bundle": {}}, "csrf": {"cookie": "XSRF-TOKEN", "header": "x-xsrf-token"}"#;
const HANDSHAKE: &str = r#""sign_in": {"bearer": {}}, "csrf": {"handshake": 409, "header": "x-session-id"}"#;

fn with_cookie(value: &str) -> Pair {
    let mut pair = Pair::new(COOKIE);
    let cookies = format!("XSRF-TOKEN={value}");
    let credentials = Credentials { cookies: Some(Secret::new(cookies)), ..Credentials::default() };
    let id = pair.sign_in(credentials);
    pair.done(id);
    pair
}

#[test]
fn the_cookie_goes_into_the_header_of_what_changes_things() {
    for (value, sent) in [("t1", "t1"), ("a%3D%3D", "a=="), ("100%", "100%")] {
        let mut pair = with_cookie(value);
        for (method, expected) in [(Method::POST, Some(sent)), (Method::DELETE, Some(sent)), (Method::GET, None)] {
            let head = pair.head(method, "/x");
            pair.call(head);
            let exchange = pair.exchange();
            let found = exchange.headers.get("x-xsrf-token").map(|value| value.to_str().expect("text"));
            assert_eq!(found, expected, "{}", exchange.method);
        }
        let head = pair.head(Method::POST, "https://elsewhere.example/x");
        pair.call(head);
        assert!(!pair.exchange().headers.contains_key("x-xsrf-token"));
    }
}

#[test]
fn the_token_of_a_handshake_is_sent_once_more_and_kept() {
    let shelf = Shelf::default();
    let mut pair = Pair::kept(HANDSHAKE, &shelf);
    let id = pair.sign_in(Credentials::bearer("t"));
    pair.done(id);
    let mut head = pair.head(Method::POST, "/rpc");
    head.body = Body::Replayable;
    let call = pair.call(head);
    let first = pair.exchange();
    assert!(!first.headers.contains_key("x-session-id"));
    pair.answer(first, 409, &[("x-session-id", "planted1")], "");
    let second = pair.exchange();
    assert_eq!(second.headers["x-session-id"], "planted1");
    pair.answer(second, 200, &[], "");
    assert_eq!(pair.status(call), 200);
    pair.advance(std::time::Duration::from_secs(1));

    let mut later = Pair::kept(HANDSHAKE, &shelf);
    let id = later.command(Session::resume);
    later.done(id);
    later.get("/x");
    assert_eq!(later.exchange().headers["x-session-id"], "planted1");
    later.get("https://elsewhere.example/");
    assert!(!later.exchange().headers.contains_key("x-session-id"));
    assert!(!pair.shown.contains("planted1"));
}

#[test]
fn a_token_that_a_sign_in_step_brings_is_carried_by_steps_redirects_and_calls() {
    let named = r#""handshake": {"header": "x-session-id"}"#;
    for (own, csrf) in [("", true), (named, true), (named, false)] {
        let step = format!(
            r#"{{"path": "/rpc", "json": {{"u": "{{username}}"}}, "follow": true {} {own}}}"#,
            if own.is_empty() { "" } else { "," }
        );
        let rest = if csrf { r#", "csrf": {"handshake": 409, "header": "x-session-id"}"# } else { "" };
        let mut pair = Pair::new(&format!(r#""sign_in": {{"steps": {{"step": [{step}]}}}} {rest}"#));
        let id = pair.sign_in(Credentials::password("bob", "x"));
        let token = |exchange: &hallpass_core::effect::Exchange| exchange.headers.get("x-session-id").cloned();
        let first = pair.exchange();
        assert_eq!(token(&first), None);
        pair.answer(first, 409, &[("x-session-id", "h1")], "");
        let second = pair.exchange();
        assert_eq!(token(&second).expect("the token"), "h1");
        pair.answer(second, 302, &[("location", "/in")], "");
        let hop = pair.exchange();
        assert_eq!((hop.uri.path(), token(&hop).is_some()), ("/in", csrf));
        pair.answer(hop, 302, &[("location", "https://elsewhere.example/in")], "");
        let away = pair.exchange();
        assert_eq!(token(&away), None);
        pair.answer(away, 200, &[("x-session-id", "planted")], "");
        pair.done(id);
        pair.get("/x");
        let call = pair.exchange();
        assert_eq!(token(&call).map(|token| token == "h1"), csrf.then_some(true), "{own}");
    }
}

#[test]
fn a_handshake_that_brings_nothing_better_is_the_answer() {
    let mut pair = Pair::new(HANDSHAKE);
    let id = pair.sign_in(Credentials::bearer("t"));
    pair.done(id);
    let call = pair.get("/x");
    for token in ["h1", "h2"] {
        let exchange = pair.exchange();
        pair.answer(exchange, 409, &[("x-session-id", token)], "");
    }
    assert_eq!(pair.status(call), 409);
    assert!(pair.is_idle());
    let call = pair.get("/x");
    let exchange = pair.exchange();
    assert_eq!(exchange.headers["x-session-id"], "h1");
    pair.answer(exchange, 409, &[], "");
    assert_eq!(pair.status(call), 409);
    let mut head = pair.head(Method::POST, "/rpc");
    head.body = Body::Once;
    let call = pair.call(head);
    let exchange = pair.exchange();
    pair.answer(exchange, 409, &[("x-session-id", "h3")], "");
    assert_eq!(pair.error(call), "body_not_replayable");
}

#[test]
fn what_the_session_asks_for_itself_shakes_hands_once_as_well() {
    let mut pair = Pair::new(&format!(r#"{HANDSHAKE}, "identity": {{"path": "/me"}}, "sign_out": {{"path": "/out"}}"#));
    let id = pair.sign_in(Credentials::bearer("t"));
    for (token, sent) in [("h1", None), ("h2", Some("h1"))] {
        let probe = pair.own(Purpose::Probe);
        assert_eq!(probe.headers.get("x-session-id").map(|value| value.to_str().expect("text")), sent);
        pair.answer(probe, if sent.is_none() { 409 } else { 200 }, &[("x-session-id", token)], "");
    }
    pair.done(id);
    let out = pair.command(Session::sign_out);
    for (status, sent, token) in [(409, "h1", "h3"), (200, "h3", "h4")] {
        let logout = pair.own(Purpose::SignOut);
        assert_eq!(logout.headers["x-session-id"], sent);
        pair.answer(logout, status, &[("x-session-id", token)], "");
    }
    pair.done(out);
}

#[test]
fn another_origin_has_no_say_in_the_token() {
    let mut pair = Pair::new(HANDSHAKE);
    let id = pair.sign_in(Credentials::bearer("t"));
    pair.done(id);
    let call = pair.get("https://elsewhere.example/");
    let exchange = pair.exchange();
    pair.answer(exchange, 409, &[("x-session-id", "planted")], "");
    assert_eq!(pair.status(call), 409);
    pair.get("/x");
    assert!(!pair.exchange().headers.contains_key("x-session-id"));
}

#[test]
fn a_sign_out_wears_the_cookies_token() {
    let mut pair = Pair::new(&format!(r#"{COOKIE}, "sign_out": {{"path": "/out"}}"#));
    let cookies = Some(Secret::new("XSRF-TOKEN=t1"));
    let id = pair.sign_in(Credentials { cookies, ..Credentials::default() });
    pair.done(id);
    pair.command(Session::sign_out);
    assert_eq!(pair.own(Purpose::SignOut).headers["x-xsrf-token"], "t1");
}
