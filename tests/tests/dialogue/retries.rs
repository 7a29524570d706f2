//! Which calls are tried again, when, and what ends them.

use std::time::Duration;

use hallpass_core::effect::{FailureKind, PermitAnswer, Sent};
use hallpass_core::machine::{Body, Repeatable, Verdict};
use http::{HeaderValue, Method};

use super::platforms::bearer;

#[test]
fn a_failed_get_is_tried_again() {
    let mut pair = bearer();
    let call = pair.get("/a");
    let exchange = pair.exchange();
    pair.answer(exchange, 503, &[], "");
    assert!(!pair.has_reply(call));
    pair.advance(Duration::from_millis(250));
    let again = pair.exchange();
    assert_eq!(again.attempt, 2);
    pair.answer(again, 200, &[], "");
    assert_eq!(pair.status(call), 200);
    assert_eq!(pair.session.stats().retries, 1);
}

#[test]
fn a_failed_post_is_not_tried_again() {
    let mut pair = bearer();
    let mut head = pair.head(Method::POST, "/a");
    head.body = Body::Replayable;
    let call = pair.call(head);
    let exchange = pair.exchange();
    pair.answer(exchange, 503, &[], "");
    assert_eq!(pair.status(call), 503);
}

#[test]
fn a_post_with_an_idempotency_key_or_a_yes_is_tried_again() {
    for keyed in [true, false] {
        let mut pair = bearer();
        let mut head = pair.head(Method::POST, "/a");
        head.body = Body::Replayable;
        if keyed {
            head.headers.insert("idempotency-key", HeaderValue::from_static("k"));
        } else {
            head.options.repeat = Some(Repeatable::Yes);
        }
        let call = pair.call(head);
        let exchange = pair.exchange();
        pair.fail(exchange, FailureKind::ConnectionLost, Sent::Maybe);
        pair.advance(Duration::from_secs(1));
        let again = pair.exchange();
        pair.answer(again, 201, &[], "");
        assert_eq!(pair.status(call), 201);
    }
}

#[test]
fn a_post_that_never_left_is_tried_again() {
    let mut pair = bearer();
    let head = pair.head(Method::POST, "/a");
    pair.call(head);
    let exchange = pair.exchange();
    pair.fail(exchange, FailureKind::Connect, Sent::No);
    pair.advance(Duration::from_secs(1));
    assert_eq!(pair.exchange().attempt, 2);
}

#[test]
fn a_throttled_call_waits_at_least_as_long_as_it_is_told() {
    let mut pair = bearer();
    pair.get("/a");
    let exchange = pair.exchange();
    pair.answer(exchange, 429, &[("retry-after", "3")], "");
    pair.advance(Duration::from_millis(2999));
    assert!(pair.is_idle());
    pair.advance(Duration::from_millis(100));
    assert_eq!(pair.exchange().attempt, 2);
}

#[test]
fn a_wait_beyond_the_deadline_ends_the_call_now_and_says_when_to_try_again() {
    for status in [429, 503] {
        let mut pair = bearer();
        let call = pair.get("/a");
        let exchange = pair.exchange();
        pair.answer(exchange, status, &[("retry-after", "120")], "");
        let answered = pair.reply(call).expect("an answer").answered().expect("an answer");
        assert_eq!(answered.verdict, Verdict::Throttled(Some(pair.now.wall + Duration::from_secs(120))));
    }
}

#[test]
fn attempts_are_counted_and_end() {
    let mut pair = bearer();
    let call = pair.get("/a");
    for _ in 0..4 {
        let exchange = pair.exchange();
        pair.answer(exchange, 500, &[], "");
        pair.advance(Duration::from_secs(3));
    }
    let answered = pair.reply(call).expect("an answer").answered().expect("an answer");
    assert_eq!((answered.status.as_u16(), answered.attempts, answered.verdict), (500, 4, Verdict::Failed));
    assert!(pair.is_idle());
}

#[test]
fn a_spent_budget_ends_the_call_with_what_it_has() {
    let mut pair = bearer();
    pair.permits = Some(PermitAnswer::Denied);
    let call = pair.get("/a");
    let exchange = pair.exchange();
    pair.answer(exchange, 503, &[], "");
    assert_eq!(pair.status(call), 503);
    let call = pair.get("/b");
    let exchange = pair.exchange();
    pair.fail(exchange, FailureKind::Connect, Sent::No);
    assert_eq!(pair.error(call), "connect");
}

#[test]
fn a_certificate_that_is_not_trusted_is_not_tried_again() {
    let mut pair = bearer();
    let call = pair.get("/a");
    let exchange = pair.exchange();
    pair.fail(exchange, FailureKind::Tls, Sent::No);
    assert_eq!(pair.error(call), "tls");
}
