//! Deadlines, cancelling, the queue at the gate, and requests that are no requests.

use std::time::Duration;

use hallpass_conformance::dialogue::{Pair, Shelf, kept, platform, tokens};
use hallpass_core::credentials::Credentials;
use hallpass_core::effect::Purpose;
use hallpass_core::machine::{Body, Session, Settings, State};
use http::Method;

use super::platforms::{JSON, OAUTH, bearer, oauth, start};

#[test]
fn a_call_before_any_session_says_so() {
    let mut pair = Pair::new(OAUTH);
    let call = pair.get("/a");
    assert_eq!(pair.error(call), "no_session");
}

#[test]
fn a_deadline_ends_a_call_in_flight() {
    let mut pair = bearer();
    let call = pair.get("/a");
    let exchange = pair.exchange();
    pair.advance(Duration::from_secs(60));
    assert_eq!(pair.error(call), "timeout");
    assert_eq!(pair.abandoned, [exchange.ticket.id()]);
}

#[test]
fn a_deadline_ends_a_call_at_the_gate_and_nothing_else() {
    let mut pair = oauth(3600);
    pair.command(Session::renew);
    let mut head = pair.head(Method::GET, "/a");
    head.options.timeout = Some(Duration::from_secs(1));
    let (short, long) = (pair.call(head), pair.get("/b"));
    pair.advance(Duration::from_secs(1));
    assert_eq!(pair.error(short), "timeout");
    let renewal = pair.own(Purpose::Renewal);
    pair.answer(renewal, 200, JSON, &tokens(2, 3600));
    let exchange = pair.exchange();
    pair.answer(exchange, 200, &[], "");
    assert_eq!(pair.status(long), 200);
}

#[test]
fn a_deadline_ends_a_call_in_backoff() {
    let mut pair = bearer();
    let mut head = pair.head(Method::GET, "/a");
    head.options.timeout = Some(Duration::from_millis(3100));
    let call = pair.call(head);
    let exchange = pair.exchange();
    pair.answer(exchange, 429, &[("retry-after", "3")], "");
    pair.advance(Duration::from_secs(5));
    // Either it was sent in its last moments and cut off, or it waited too long: it has ended at its deadline.
    assert_eq!(pair.error(call), "timeout");
}

#[test]
fn cancelling_the_call_that_caused_a_renewal_leaves_the_renewal() {
    let mut pair = oauth(3600);
    let call = pair.get("/a");
    let exchange = pair.exchange();
    pair.answer(exchange, 401, &[], "");
    let renewal = pair.own(Purpose::Renewal);
    pair.cancel(call);
    assert_eq!(pair.error(call), "cancelled");
    assert!(pair.abandoned.is_empty());
    pair.answer(renewal, 200, JSON, &tokens(2, 3600));
    assert_eq!((pair.session.generation(), pair.session.state()), (2, State::Active));
}

#[test]
fn new_calls_wait_while_a_refused_session_renews() {
    let mut pair = oauth(3600);
    pair.get("/a");
    let exchange = pair.exchange();
    pair.answer(exchange, 401, &[], "");
    let renewal = pair.own(Purpose::Renewal);
    pair.get("/b");
    assert!(pair.is_idle());
    assert_eq!(pair.session.state(), State::Renewing);
    pair.answer(renewal, 200, JSON, &tokens(2, 3600));
    assert_eq!(pair.exchange().generation, 2);
    assert_eq!(pair.exchange().generation, 2);
}

#[test]
fn the_queue_at_the_gate_is_bounded_and_counts_the_living() {
    let settings = Settings { parked: 2, ..kept() };
    let mut pair = start(Pair::with(platform(OAUTH), settings, Shelf::default()), 3600);
    pair.command(Session::renew);
    let calls = [pair.get("/a"), pair.get("/b"), pair.get("/c")];
    assert_eq!(pair.error(calls[2]), "overloaded");
    pair.cancel(calls[0]);
    let next = pair.get("/d");
    assert!(!pair.has_reply(next), "the cancelled call has left its place");
}

#[test]
fn a_request_that_is_none_is_told_so() {
    let mut pair = bearer();
    let mut head = pair.head(Method::GET, "/a");
    head.body = Body::Replayable;
    let call = pair.call(head);
    assert_eq!(pair.error(call), "request_invalid");
    let mut head = pair.head(Method::GET, "/a");
    head.uri = "/relative".parse().expect("a URI");
    let call = pair.call(head);
    assert_eq!(pair.error(call), "request_invalid");
    let mut head = pair.head(Method::GET, "/a");
    head.uri = "https://user:planted@api.example/".parse().expect("a URI");
    let call = pair.call(head);
    assert_eq!(pair.error(call), "request_invalid");
    assert!(!pair.shown.contains("planted"));
}

#[test]
fn a_call_to_another_origin_goes_without_credentials() {
    let mut pair = bearer();
    pair.get("https://other.example/x");
    let exchange = pair.exchange();
    assert_eq!((exchange.generation, exchange.headers.len()), (0, 0));
    pair.answer(exchange, 401, &[], "");
    assert_eq!(pair.session.state(), State::Active, "a foreign refusal says nothing");
}

#[test]
fn a_call_during_a_sign_in_waits_for_it() {
    let mut pair = Pair::new(OAUTH);
    pair.sign_in(Credentials::refresh_token("r0"));
    let sign_in = pair.exchange();
    let call = pair.get("/a");
    assert!(pair.is_idle());
    pair.answer(sign_in, 200, JSON, &tokens(1, 3600));
    let exchange = pair.exchange();
    pair.answer(exchange, 200, &[], "");
    assert_eq!(pair.status(call), 200);
}
