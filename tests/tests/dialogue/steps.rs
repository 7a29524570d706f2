//! Is a sign-in of several steps carried out as the platform file says, and does nothing of it leave for elsewhere?

use hallpass_conformance::dialogue::Pair;
use hallpass_core::credentials::Credentials;
use hallpass_core::effect::{Exchange, Purpose, SendBody};
use hallpass_core::machine::{Reply, State};
use http::Method;

use crate::platforms::JSON;

const STEPS: &str = r#""sign_in": {"steps": {"step": [
    {"path": "/start", "extract": {
        "meta": {"html": {"element": "meta", "where": {"name": "csrf-token"}, "take": "content"}},
        "hidden": {"input": "form_id"}, "nonce": {"header": "x-nonce"}, "pre": {"cookie": "pre"}}},
    {"path": "/users/{username}/login?r={nonce}", "form": {"p": "{password}", "id": "{hidden}"},
        "headers": {"x-csrf": "{meta}:{pre}"}, "extract": {"ticket": {"json": "/ticket"}}},
    {"path": "/token", "json": {"ticket": "{ticket}"}, "tokens": {}}]}}"#;

fn body(exchange: &Exchange) -> String {
    match &exchange.body {
        SendBody::Bytes(bytes) => String::from_utf8(bytes.to_vec()).expect("text"),
        SendBody::Empty => String::new(),
        SendBody::Callers => panic!("a call's body"),
    }
}

fn header<'a>(exchange: &'a Exchange, name: &str) -> &'a str {
    exchange.headers.get(name).map_or("", |value| value.to_str().expect("text"))
}

#[test]
fn each_step_sends_what_the_ones_before_it_took() {
    let mut pair = Pair::new(STEPS);
    let id = pair.sign_in(Credentials::password("a b/c", "p&w"));
    let start = pair.own(Purpose::SignIn);
    assert_eq!((start.method.clone(), start.uri.path()), (Method::GET, "/start"));
    let page =
        "<head><META name=other content=x><meta content='m&amp;1' name=csrf-token></head><input name=form_id value=7>";
    pair.answer(start, 200, &[("set-cookie", "pre=c1; Path=/"), ("x-nonce", "n/1")], page);
    let login = pair.own(Purpose::SignIn);
    assert_eq!(login.method, Method::POST);
    assert_eq!(login.uri.to_string(), "https://api.example/users/a%20b%2Fc/login?r=n%2F1");
    assert_eq!(body(&login), "id=7&p=p%26w");
    assert_eq!((header(&login, "x-csrf"), header(&login, "cookie")), ("m&1:c1", "pre=c1"));
    pair.answer(login, 200, JSON, r#"{"ticket": "t\"1"}"#);
    let token = pair.own(Purpose::SignIn);
    assert_eq!(body(&token), r#"{"ticket":"t\"1"}"#);
    pair.answer(token, 200, JSON, r#"{"access_token": "a1"}"#);
    pair.done(id);
    pair.get("/x");
    let call = pair.exchange();
    assert_eq!(header(&call, "authorization"), "Bearer a1");
    assert!(!pair.shown.contains("p&w") && !pair.shown.contains("p%26w") && !pair.shown.contains("a1"));
}

#[test]
fn a_step_that_shows_no_credentials_refuses_none() {
    let mut pair = Pair::new(STEPS);
    let id = pair.sign_in(Credentials::password("bob", "x"));
    let start = pair.exchange();
    pair.answer(start, 404, &[], "");
    assert_eq!(pair.error(id), "unexpected_answer");
    let id = pair.sign_in(Credentials::password("bob", "x"));
    let start = pair.exchange();
    let page = "<meta name=csrf-token content=m><input name=form_id value=7>";
    pair.answer(start, 200, &[("set-cookie", "pre=c1"), ("x-nonce", "n")], page);
    let login = pair.exchange();
    pair.answer(login, 404, &[], "");
    assert_eq!(pair.error(id), "credentials_refused");
    assert!(pair.is_idle());
}

#[test]
fn what_a_step_should_take_and_is_not_there_is_named() {
    let mut pair = Pair::new(STEPS);
    let id = pair.sign_in(Credentials::password("bob", "x"));
    let start = pair.exchange();
    pair.answer(start, 200, &[("set-cookie", "pre=c1"), ("x-nonce", "n")], "<input name=form_id value=7>");
    let error = pair.reply(id).expect_err("nothing to send");
    assert_eq!(error.kind(), "unexpected_answer");
    assert!(error.detail().contains("has no `meta` element with `content`"), "{error}");
}

#[test]
fn redirects_of_a_step_are_followed_with_get_and_other_origins_get_nothing() {
    let mut pair = Pair::new(
        r#""sign_in": {"steps": {"step": [{"path": "/login", "form": {"p": "{password}"}, "follow": true,
            "success": {"cookie": "sid"}}]}}"#,
    );
    let id = pair.sign_in(Credentials::password("bob", "planted"));
    let login = pair.exchange();
    pair.answer(login, 302, &[("set-cookie", "a=1; Path=/"), ("location", "https://sso.example/go?x=1")], "");
    let there = pair.exchange();
    assert_eq!((there.method.clone(), there.uri.host()), (Method::GET, Some("sso.example")));
    assert!(there.headers.is_empty() && body(&there).is_empty(), "{:?}", there.headers);
    pair.answer(there, 303, &[("set-cookie", "b=2; Path=/"), ("location", "https://api.example/back")], "");
    let back = pair.exchange();
    assert_eq!((header(&back, "cookie"), body(&back)), ("a=1", String::new()));
    pair.answer(back, 200, &[("set-cookie", "sid=3; Path=/")], "");
    pair.done(id);
    pair.get("/x");
    assert_eq!(header(&pair.exchange(), "cookie"), "a=1; sid=3");
}

#[test]
fn redirects_that_would_send_the_body_on_or_never_end_are_not_followed() {
    let rest = r#""sign_in": {"steps": {"step": [{"path": "/login", "form": {"p": "{password}"}, "follow": true}]}}"#;
    let mut pair = Pair::new(rest);
    let id = pair.sign_in(Credentials::password("bob", "planted"));
    let login = pair.exchange();
    pair.answer(login, 307, &[("location", "/elsewhere")], "");
    assert_eq!(pair.error(id), "redirect_invalid");
    let id = pair.sign_in(Credentials::password("bob", "planted"));
    for _ in 0..11 {
        let next = pair.exchange();
        pair.answer(next, 302, &[("location", "/again")], "");
    }
    assert_eq!(pair.error(id), "too_many_redirects");
    assert!(pair.is_idle());
}

#[test]
fn a_handshake_sends_the_step_once_more_with_the_token_that_came() {
    let rest = r#""sign_in": {"steps": {"step": [
        {"path": "/rpc", "json": {"u": "{username}"}, "handshake": {"header": "x-session"}}]}}"#;
    let mut pair = Pair::new(rest);
    let id = pair.sign_in(Credentials::password("bob", "x"));
    let first = pair.exchange();
    assert_eq!(header(&first, "x-session"), "");
    pair.answer(first, 409, &[("x-session", "h1")], "");
    let second = pair.exchange();
    assert_eq!((header(&second, "x-session"), body(&second)), ("h1", r#"{"u":"bob"}"#.to_owned()));
    pair.answer(second, 409, &[("x-session", "h2")], "");
    assert_eq!(pair.error(id), "credentials_refused");
    assert!(pair.is_idle());
}

#[test]
fn basic_credentials_are_on_every_attempt_at_the_platform_and_nowhere_else() {
    let mut pair = Pair::new(r#""sign_in": {"basic": {}}, "identity": {"path": "/me"}"#);
    let colon = pair.sign_in(Credentials::password("a:b", "x"));
    assert_eq!(pair.error(colon), "credentials_invalid");
    let id = pair.sign_in(Credentials::password("Aladdin", "öpen"));
    let probe = pair.own(Purpose::Probe);
    // "Aladdin:öpen" in UTF-8.
    assert_eq!(header(&probe, "authorization"), "Basic QWxhZGRpbjrDtnBlbg==");
    pair.answer(probe, 200, &[], "");
    pair.done(id);
    pair.get("https://elsewhere.example/");
    assert_eq!(header(&pair.exchange(), "authorization"), "");
    let refused = pair.sign_in(Credentials::password("Aladdin", "wrong"));
    let probe = pair.own(Purpose::Probe);
    pair.answer(probe, 401, &[], "");
    assert_eq!(pair.error(refused), "credentials_refused");
}

#[test]
fn an_api_key_in_the_query_is_added_to_attempts_and_shown_nowhere() {
    let mut pair = Pair::new(r#""sign_in": {"api_key": {"query": "api key"}}"#);
    let id = pair.sign_in(Credentials::default().with("api_key", "k&planted"));
    pair.done(id);
    let call = pair.get("/x?a=1&api%20key=mine");
    let exchange = pair.exchange();
    assert_eq!(exchange.uri.query(), Some("a=1&api%20key=k%26planted"));
    pair.answer(exchange, 302, &[("location", "/y?api%20key=k%26planted&b=2")], "");
    let exchange = pair.exchange();
    assert_eq!(exchange.uri.query(), Some("b=2&api%20key=k%26planted"));
    pair.answer(exchange, 302, &[("location", "https://elsewhere.example/z?api%20key=k%26planted")], "");
    let exchange = pair.exchange();
    assert_eq!(exchange.uri.to_string(), "https://elsewhere.example/z");
    pair.answer(exchange, 200, &[], "");
    match pair.reply(call).expect("an answer") {
        Reply::Answered(answered) => assert_eq!(answered.uri.query(), None),
        Reply::Done => panic!("a call"),
    }
    let call = pair.get("/x");
    let exchange = pair.exchange();
    pair.answer(exchange, 200, &[], "");
    match pair.reply(call).expect("an answer") {
        Reply::Answered(answered) => assert_eq!(answered.uri.to_string(), "https://api.example/x"),
        Reply::Done => panic!("a call"),
    }
    assert!(!pair.shown.contains("planted"), "{}", pair.shown);
}

#[test]
fn an_api_key_in_a_header_replaces_the_callers() {
    let mut pair = Pair::new(r#""sign_in": {"api_key": {"header": "X-Api-Key"}}"#);
    let id = pair.sign_in(Credentials::default().with("api_key", "k1"));
    pair.done(id);
    let mut head = pair.head(Method::GET, "/x");
    head.headers.insert("x-api-key", http::HeaderValue::from_static("mine"));
    pair.call(head);
    assert_eq!(header(&pair.exchange(), "x-api-key"), "k1");
}

#[test]
fn a_guest_needs_no_credentials_and_may_still_need_steps() {
    let mut pair = Pair::new(r#""sign_in": {"guest": {}}"#);
    let id = pair.sign_in(Credentials::default());
    pair.done(id);
    assert_eq!(pair.session.state(), State::Active);
    let mut pair = Pair::new(r#""sign_in": {"guest": {"step": [{"path": "/guest", "method": "POST"}]}}"#);
    let id = pair.sign_in(Credentials::default());
    let step = pair.exchange();
    assert_eq!((step.method.clone(), body(&step)), (Method::POST, String::new()));
    pair.answer(step, 200, &[("set-cookie", "guest=1")], "");
    pair.done(id);
    pair.get("/x");
    assert_eq!(header(&pair.exchange(), "cookie"), "guest=1");
}
