//! Signing in by each recipe, and stopping at the first definite refusal.

use std::time::Duration;

use hallpass_conformance::dialogue::{Pair, tokens};
use hallpass_core::credentials::{Credentials, Secret};
use hallpass_core::effect::{Exchange, FailureKind, Purpose, SendBody, Sent};
use hallpass_core::machine::{Notice, State};

use super::platforms::{BEARER, JSON, OAUTH, PROBED, oauth};

fn body(exchange: &Exchange) -> String {
    match &exchange.body {
        SendBody::Bytes(bytes) => String::from_utf8(bytes.to_vec()).expect("text"),
        SendBody::Empty | SendBody::Callers => panic!("no body of the session's own"),
    }
}

const FORM: &str = r#""sign_in": {"form": {"path": "/login", "fields": {"user": "{username}", "pass": "{password}"},
    "csrf": {"path": "/form", "from": {"input": "_xsrf"}, "to": {"field": "_xsrf"}}}}"#;

#[test]
fn a_bundle_is_worn_as_it_is() {
    let mut pair = Pair::new(r#""sign_in": {"bundle": {"required_headers": ["x-bc"]}}"#);
    let mut credentials = Credentials { cookies: Some(Secret::new("sid=1; b=2")), ..Credentials::default() };
    credentials.user_agent = Some("Mozilla/5.0".to_owned());
    credentials.headers.insert("x-bc".to_owned(), Secret::new("device"));
    let id = pair.sign_in(credentials);
    pair.done(id);
    pair.get("/a");
    let exchange = pair.exchange();
    assert_eq!(exchange.headers["cookie"], "sid=1; b=2");
    assert_eq!(exchange.headers["user-agent"], "Mozilla/5.0");
    assert_eq!(exchange.headers["x-bc"], "device");
    assert_eq!(exchange.generation, 1);
}

#[test]
fn credentials_that_lack_what_the_recipe_needs_are_not_sent() {
    let mut pair = Pair::new(FORM);
    let id = pair.sign_in(Credentials::bearer("x"));
    assert_eq!(pair.error(id), "credentials_invalid");
    assert!(pair.is_idle());
}

#[test]
fn a_form_sends_the_token_of_its_hidden_input_and_the_cookies_of_its_page() {
    let mut pair = Pair::new(FORM);
    let id = pair.sign_in(Credentials::password("bob", "p&w"));
    let page = pair.own(Purpose::Csrf);
    assert_eq!(page.uri.path(), "/form");
    pair.answer(page, 200, &[("set-cookie", "pre=1")], r#"<form><input name="_xsrf" value="abc"></form>"#);
    let submit = pair.own(Purpose::SignIn);
    assert_eq!(body(&submit), "pass=p%26w&user=bob&_xsrf=abc");
    assert_eq!(submit.headers["cookie"], "pre=1");
    pair.answer(submit, 302, &[("set-cookie", "sid=9"), ("location", "/home")], "");
    pair.done(id);
    pair.get("/a");
    assert_eq!(pair.exchange().headers["cookie"], "pre=1; sid=9");
}

#[test]
fn a_ban_says_nothing_about_the_credentials_and_is_asked_once() {
    let mut pair = Pair::new(
        r#""sign_in": {"form": {"path": "/login", "fields": {"p": "{password}"},
        "success": {"status": [200], "body": "Ok.", "throttled": [403]}}}"#,
    );
    let id = pair.sign_in(Credentials::password("bob", "pw"));
    let submit = pair.own(Purpose::SignIn);
    pair.answer(submit, 403, &[], "banned");
    assert_eq!(pair.error(id), "throttled");
    assert!(pair.is_idle());
    let id = pair.sign_in(Credentials::password("bob", "pw"));
    let submit = pair.own(Purpose::SignIn);
    pair.answer(submit, 200, &[], "Ok.");
    pair.done(id);
}

#[test]
fn a_cross_site_token_travels_from_cookie_to_header() {
    let mut pair = Pair::new(
        r#""sign_in": {"json": {"path": "/login", "fields": {"u": "{username}", "p": "{password}"},
        "csrf": {"path": "/", "from": {"cookie": "csrf"}, "to": {"header": "x-csrf"}},
        "tokens": {"access_token": "/data/token", "expires_in": "/data/ttl"}}}"#,
    );
    let id = pair.sign_in(Credentials::password("bob", "pw"));
    let page = pair.own(Purpose::Csrf);
    pair.answer(page, 200, &[("set-cookie", "csrf=xyz")], "");
    let submit = pair.own(Purpose::SignIn);
    assert_eq!(submit.headers["x-csrf"], "xyz");
    assert_eq!(body(&submit), r#"{"p":"pw","u":"bob"}"#);
    pair.answer(submit, 200, JSON, r#"{"data": {"token": "tok", "ttl": 60}}"#);
    pair.done(id);
    pair.get("/a");
    assert_eq!(pair.exchange().headers["authorization"], "Bearer tok");
}

#[test]
fn a_cross_site_token_travels_from_header_to_field() {
    let mut pair = Pair::new(
        r#""sign_in": {"form": {"path": "/login", "fields": {"p": "{password}"},
        "csrf": {"path": "/", "from": {"header": "x-csrf"}, "to": {"field": "t"}}, "success": {"cookie": "sid"}}}"#,
    );
    let id = pair.sign_in(Credentials::password("bob", "pw"));
    let page = pair.own(Purpose::Csrf);
    pair.answer(page, 200, &[("x-csrf", "h1")], "");
    let submit = pair.own(Purpose::SignIn);
    assert_eq!(body(&submit), "p=pw&t=h1");
    pair.answer(submit, 200, &[], "try again");
    assert_eq!(pair.error(id), "credentials_refused", "a success sets a cookie");
}

#[test]
fn a_page_without_the_promised_token_is_an_unexpected_answer() {
    let mut pair = Pair::new(FORM);
    let id = pair.sign_in(Credentials::password("bob", "pw"));
    let page = pair.own(Purpose::Csrf);
    pair.answer(page, 200, &[("content-type", "text/html")], "<html>under construction</html>");
    assert_eq!(pair.error(id), "unexpected_answer");
}

#[test]
fn a_refresh_token_is_exchanged_at_sign_in() {
    let mut pair = Pair::new(OAUTH);
    let id = pair.sign_in(Credentials::refresh_token("r0"));
    let exchange = pair.own(Purpose::SignIn);
    assert_eq!(body(&exchange), "grant_type=refresh_token&refresh_token=r0");
    assert!(!exchange.headers.contains_key("authorization"), "an old access token has no business here");
    pair.answer(exchange, 200, JSON, &tokens(1, 3600));
    pair.done(id);
    assert_eq!((pair.session.generation(), pair.session.state()), (1, State::Active));
}

#[test]
fn a_bearer_token_is_worn() {
    let mut pair = Pair::new(BEARER);
    let id = pair.sign_in(Credentials::bearer("tok"));
    pair.done(id);
    pair.get("/a");
    assert_eq!(pair.exchange().headers["authorization"], "Bearer tok");
}

#[test]
fn refused_credentials_stop_at_once() {
    let mut pair = Pair::new(r#""sign_in": {"json": {"path": "/login", "fields": {"p": "{password}"}}}"#);
    let id = pair.sign_in(Credentials::password("bob", "wrong"));
    let exchange = pair.own(Purpose::SignIn);
    pair.answer(exchange, 401, JSON, r#"{"error": "invalid_grant"}"#);
    pair.advance(Duration::from_secs(3600));
    assert!(pair.is_idle(), "exactly one exchange");
    assert_eq!(pair.error(id), "credentials_refused");
    assert_eq!(pair.session.state(), State::Fresh);
}

#[test]
fn a_throttled_sign_in_waits_as_long_as_it_is_told() {
    let mut pair = Pair::new(r#""sign_in": {"json": {"path": "/login", "fields": {"p": "{password}"}}}"#);
    pair.sign_in(Credentials::password("bob", "pw"));
    let exchange = pair.exchange();
    pair.answer(exchange, 429, &[("retry-after", "7")], "");
    pair.advance(Duration::from_millis(6999));
    assert!(pair.is_idle());
    pair.advance(Duration::from_secs(6));
    let again = pair.exchange();
    assert_eq!(again.attempt, 2);
}

#[test]
fn a_password_is_not_sent_again_when_its_answer_is_lost() {
    let mut pair = Pair::new(r#""sign_in": {"json": {"path": "/login", "fields": {"p": "{password}"}}}"#);
    let id = pair.sign_in(Credentials::password("bob", "pw"));
    let exchange = pair.exchange();
    pair.fail(exchange, FailureKind::ConnectionLost, Sent::Maybe);
    assert_eq!(pair.error(id), "connection_lost");
}

#[test]
fn a_probe_that_knows_the_account_proves_it() {
    let mut pair = Pair::new(PROBED);
    let id = pair.sign_in(Credentials::refresh_token("r0"));
    let exchange = pair.exchange();
    pair.answer(exchange, 200, JSON, &tokens(1, 3600));
    let probe = pair.own(Purpose::Probe);
    assert_eq!(probe.headers["authorization"], "Bearer a1");
    pair.answer(probe, 200, JSON, r#"{"id": 42}"#);
    pair.done(id);
    assert_eq!(pair.session.account_id(), Some("42"));
}

#[test]
fn a_probe_that_is_refused_refuses_the_credentials() {
    let mut pair = Pair::new(PROBED);
    let id = pair.sign_in(Credentials::refresh_token("r0"));
    let exchange = pair.exchange();
    pair.answer(exchange, 200, JSON, &tokens(1, 3600));
    let probe = pair.own(Purpose::Probe);
    pair.answer(probe, 401, &[], "");
    assert_eq!(pair.error(id), "credentials_refused");
    assert!(pair.is_idle());
}

#[test]
fn a_probe_that_does_not_know_does_not_stand_in_the_way() {
    let mut pair = Pair::new(PROBED);
    let id = pair.sign_in(Credentials::refresh_token("r0"));
    let exchange = pair.exchange();
    pair.answer(exchange, 200, JSON, &tokens(1, 3600));
    for _ in 0..4 {
        let probe = pair.own(Purpose::Probe);
        pair.answer(probe, 502, &[], "");
        pair.advance(Duration::from_secs(30));
    }
    pair.done(id);
    assert!(pair.notices.iter().any(|notice| matches!(notice, Notice::ProbeUnknown(_))));
}

#[test]
fn a_session_of_somebody_else_is_an_account_mismatch() {
    let mut pair = Pair::new(PROBED);
    let credentials = Credentials { account_id: Some("7".to_owned()), ..Credentials::refresh_token("r0") };
    let id = pair.sign_in(credentials);
    let exchange = pair.exchange();
    pair.answer(exchange, 200, JSON, &tokens(1, 3600));
    let probe = pair.own(Purpose::Probe);
    pair.answer(probe, 200, JSON, r#"{"id": 42}"#);
    assert_eq!(pair.error(id), "account_mismatch");
}

#[test]
fn a_refused_sign_in_leaves_an_active_session_as_it_was() {
    let mut pair = oauth(3600);
    let id = pair.sign_in(Credentials::refresh_token("other"));
    let waiting = pair.get("/a");
    let exchange = pair.own(Purpose::SignIn);
    pair.answer(exchange, 400, JSON, r#"{"error": "invalid_grant"}"#);
    assert_eq!(pair.error(id), "credentials_refused");
    let call = pair.exchange();
    assert_eq!((call.headers["authorization"].to_str().unwrap(), call.generation), ("Bearer a1", 1));
    pair.answer(call, 200, &[], "");
    assert_eq!(pair.status(waiting), 200);
}

#[test]
fn answers_to_the_session_before_do_not_colour_the_one_being_signed_in() {
    let mut pair = Pair::new(r#""sign_in": {"json": {"path": "/login", "fields": {"p": "{password}"}}}"#);
    let first = pair.sign_in(Credentials::password("a", "1"));
    let exchange = pair.exchange();
    pair.answer(exchange, 200, &[("set-cookie", "sid=old")], "");
    pair.done(first);
    pair.get("/slow");
    pair.get("/slower");
    let (slow, slower) = (pair.exchange(), pair.exchange());
    let second = pair.sign_in(Credentials::password("b", "2"));
    let exchange = pair.exchange();
    assert!(!exchange.headers.contains_key("cookie"), "a new bundle starts with an empty jar");
    pair.answer(slow, 200, &[("set-cookie", "sid=older"), ("set-cookie", "mine=1")], "");
    pair.answer(exchange, 200, &[("set-cookie", "sid=new")], "");
    pair.done(second);
    pair.answer(slower, 200, &[("set-cookie", "sid=older"), ("set-cookie", "mine=1")], "");
    pair.get("/a");
    assert_eq!(pair.exchange().headers["cookie"], "sid=new");
}

#[test]
fn a_second_sign_in_joins_the_first() {
    let mut pair = Pair::new(OAUTH);
    let first = pair.sign_in(Credentials::refresh_token("r0"));
    let second = pair.sign_in(Credentials::refresh_token("r0"));
    let exchange = pair.exchange();
    assert!(pair.is_idle());
    pair.answer(exchange, 200, JSON, &tokens(1, 3600));
    pair.done(first);
    pair.done(second);
}
