//! Where redirects lead and what goes along.

use hallpass_conformance::dialogue::Pair;
use hallpass_core::credentials::{Credentials, Secret};
use hallpass_core::effect::SendBody;
use hallpass_core::machine::{Body, Redirect};
use http::{HeaderValue, Method};

use super::platforms::{bearer, signed_in_with};

#[test]
fn ten_redirects_are_followed_and_no_more() {
    let mut pair = bearer();
    let call = pair.get("/0");
    for hop in 1..=10 {
        let exchange = pair.exchange();
        pair.answer(exchange, 302, &[("location", &format!("/{hop}"))], "");
    }
    let exchange = pair.exchange();
    assert_eq!(exchange.uri.path(), "/10");
    pair.answer(exchange, 302, &[("location", "/11")], "");
    assert_eq!(pair.error(call), "too_many_redirects");
}

#[test]
fn credentials_do_not_cross_to_another_origin_and_come_back_with_the_first() {
    let mut pair = bearer();
    let mut head = pair.head(Method::GET, "/a");
    head.headers.insert("cookie", HeaderValue::from_static("program=1"));
    head.headers.insert("accept", HeaderValue::from_static("text/plain"));
    let call = pair.call(head);
    let exchange = pair.exchange();
    assert!(!exchange.headers.contains_key("cookie"), "the session's jar, not the program's line");
    pair.answer(exchange, 302, &[("location", "https://other.example/b"), ("set-cookie", "s=1")], "");
    let foreign = pair.exchange();
    assert_eq!(foreign.generation, 0);
    let names: Vec<_> = foreign.headers.keys().map(http::HeaderName::as_str).collect();
    assert_eq!(names, ["accept"]);
    pair.answer(foreign, 302, &[("location", "https://api.example/c"), ("set-cookie", "evil=1")], "");
    let home = pair.exchange();
    assert_eq!(home.headers["authorization"], "Bearer t1");
    assert_eq!(home.headers["cookie"], "s=1", "taken on the first hop, nothing from the foreign one");
    pair.answer(home, 200, &[], "");
    assert_eq!(pair.status(call), 200);
}

#[test]
fn what_the_program_sets_under_the_name_of_a_device_header_stays_as_well() {
    let mut pair = Pair::new(r#""sign_in": {"bundle": {}}"#);
    let mut credentials = Credentials::default();
    credentials.headers.insert("x-bc".to_owned(), Secret::new("d1"));
    credentials.cookies = Some(Secret::new("sid=1"));
    let id = pair.sign_in(credentials);
    pair.done(id);
    let mut head = pair.head(Method::GET, "/a");
    head.headers.insert("x-bc", HeaderValue::from_static("the program's"));
    pair.call(head);
    let exchange = pair.exchange();
    assert_eq!(exchange.headers["x-bc"], "d1", "the session's, not the program's");
    pair.answer(exchange, 302, &[("location", "https://other.example/b")], "");
    assert!(!pair.exchange().headers.contains_key("x-bc"));
}

#[test]
fn another_port_or_a_subdomain_is_another_origin() {
    for target in ["https://api.example:8443/b", "https://evil.api.example/b", "https://api.example.evil/b"] {
        let mut pair = bearer();
        pair.get("/a");
        let exchange = pair.exchange();
        pair.answer(exchange, 307, &[("location", target)], "");
        assert!(!pair.exchange().headers.contains_key("authorization"), "{target}");
    }
}

#[test]
fn a_named_origin_gets_credentials() {
    let mut pair = signed_in_with(r#""sign_in": {"bearer": {}}, "origins": ["https://cdn.example"]"#);
    pair.get("/a");
    let exchange = pair.exchange();
    pair.answer(exchange, 302, &[("location", "https://cdn.example/b")], "");
    assert_eq!(pair.exchange().headers["authorization"], "Bearer t1");
}

#[test]
fn a_see_other_becomes_a_get_without_a_body() {
    let mut pair = bearer();
    let mut head = pair.head(Method::PUT, "/a");
    head.body = Body::Once;
    head.headers.insert("content-type", HeaderValue::from_static("text/plain"));
    pair.call(head);
    let exchange = pair.exchange();
    pair.answer(exchange, 303, &[("location", "/b")], "");
    let exchange = pair.exchange();
    assert_eq!(exchange.method, Method::GET);
    assert!(matches!(exchange.body, SendBody::Empty));
    assert!(!exchange.headers.contains_key("content-type"));
}

#[test]
fn a_temporary_redirect_keeps_method_and_body_where_it_can() {
    for (body, follows) in [(Body::Replayable, true), (Body::Once, false)] {
        let mut pair = bearer();
        let mut head = pair.head(Method::POST, "/a");
        head.body = body;
        let call = pair.call(head);
        let exchange = pair.exchange();
        pair.answer(exchange, 307, &[("location", "/b")], "");
        if follows {
            let exchange = pair.exchange();
            assert!(exchange.method == Method::POST && matches!(exchange.body, SendBody::Callers));
        } else {
            assert_eq!(pair.error(call), "body_not_replayable");
        }
    }
}

#[test]
fn a_redirect_from_https_to_http_is_not_followed() {
    let mut pair = bearer();
    let call = pair.get("/a");
    let exchange = pair.exchange();
    pair.answer(exchange, 302, &[("location", "http://api.example/b")], "");
    assert_eq!(pair.error(call), "redirect_invalid");
    assert!(pair.is_idle());
}

#[test]
fn the_program_decides_about_redirects() {
    for (redirect, expected) in [(Redirect::Manual, None), (Redirect::Refuse, Some("redirect_invalid"))] {
        let mut pair = bearer();
        let mut head = pair.head(Method::GET, "/a");
        head.options.redirect = redirect;
        let call = pair.call(head);
        let exchange = pair.exchange();
        pair.answer(exchange, 302, &[("location", "/b")], "");
        match expected {
            None => assert_eq!(pair.status(call), 302),
            Some(kind) => assert_eq!(pair.error(call), kind),
        }
    }
}

#[test]
fn not_modified_is_no_redirect_even_with_a_location() {
    let mut pair = bearer();
    let mut head = pair.head(Method::GET, "/a");
    head.options.redirect = Redirect::Refuse;
    let call = pair.call(head);
    let exchange = pair.exchange();
    pair.answer(exchange, 304, &[("location", "/b")], "");
    assert_eq!(pair.status(call), 304);
}
