//! A planted secret is shown nowhere.

use std::time::Duration;

use hallpass_conformance::dialogue::{Pair, Shelf, kept, platform};
use hallpass_core::credentials::{Credentials, Secret};
use hallpass_core::effect::{FailureKind, Purpose, Sent};

use super::platforms::{JSON, PROBED};

const PLANTED: &str = "pl4nted-s3cret";

fn clean(pair: &mut Pair) {
    let trace = pair.session.take_trace().join("\n");
    let session = format!("{:?}", pair.session);
    for (place, text) in [("the trace", &trace), ("the session", &session), ("an output", &pair.shown)] {
        assert!(!text.contains(PLANTED), "{place}: {text}");
    }
    assert!(!trace.is_empty());
}

#[test]
fn a_planted_secret_is_shown_by_no_output_error_notice_or_trace() {
    let settings = hallpass_core::machine::Settings { trace: true, ..kept() };
    let tokens = format!(r#"{{"access_token": "a-{PLANTED}", "refresh_token": "r-{PLANTED}", "expires_in": 60}}"#);
    let mut pair = Pair::with(platform(PROBED), settings, Shelf::default());
    let mut credentials = Credentials::refresh_token(PLANTED).with("password", PLANTED);
    credentials.cookies = Some(Secret::new(format!("sid={PLANTED}")));
    credentials.headers.insert("x-bc".to_owned(), Secret::new(PLANTED));
    assert!(!format!("{credentials:?}").contains(PLANTED));
    pair.sign_in(credentials);
    let exchange = pair.own(Purpose::SignIn);
    pair.answer(exchange, 200, JSON, &tokens);
    let probe = pair.own(Purpose::Probe);
    pair.answer(probe, 200, JSON, r#"{"id": 1}"#);
    let call = pair.get(&format!("/a?key={PLANTED}"));
    let exchange = pair.exchange();
    assert!(!format!("{exchange:?}").contains(PLANTED));
    pair.answer(exchange, 200, &[("set-cookie", &format!("sid={PLANTED}"))], PLANTED);
    let reply = pair.reply(call);
    assert!(!format!("{reply:?}").contains(PLANTED));
    pair.get(&format!("/b?key={PLANTED}"));
    let exchange = pair.exchange();
    pair.fail(exchange, FailureKind::Tls, Sent::No);
    pair.get("/c");
    let exchange = pair.exchange();
    pair.answer(exchange, 302, &[("location", &format!("http://api.example/?key={PLANTED}"))], "");
    pair.advance(Duration::from_secs(50));
    let renewal = pair.own(Purpose::Renewal);
    pair.answer(renewal, 400, JSON, &format!(r#"{{"error": "{PLANTED}", "error_description": "{PLANTED}"}}"#));
    pair.advance(Duration::from_secs(50));
    let call = pair.get("/d");
    assert!(pair.has_reply(call));
    clean(&mut pair);
}

#[test]
fn a_planted_password_is_shown_by_no_refused_sign_in() {
    let rules = r#""sign_in": {"form": {"path": "/login", "fields": {"p": "{password}"}, "success": {"body": "yes"}}}"#;
    let settings = hallpass_core::machine::Settings { trace: true, ..kept() };
    let mut pair = Pair::with(platform(rules), settings, Shelf::default());
    pair.sign_in(Credentials::password("bob", PLANTED));
    let exchange = pair.exchange();
    pair.answer(exchange, 200, &[], &format!("your password {PLANTED} is wrong"));
    clean(&mut pair);
}
