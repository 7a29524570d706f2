//! What a session tells and counts of itself.

use std::time::Duration;

use hallpass_core::effect::{FailureKind, Purpose, Sent};
use hallpass_core::error::Kind;
use hallpass_core::machine::{Notice, UnderWay};
use http::{Method, StatusCode};

use super::platforms::{bearer, oauth};

#[test]
fn a_busy_platform_is_told_before_the_retry_and_where_no_retry_follows() {
    let mut pair = bearer();
    let call = pair.get("/a");
    let exchange = pair.exchange();
    pair.answer(exchange, 429, &[("retry-after", "3")], "");
    let wait = Duration::from_secs(3);
    let told = Notice::Throttled {
        call,
        status: StatusCode::TOO_MANY_REQUESTS,
        wait: Some(wait),
        until: Some(pair.now.wall + wait),
    };
    assert_eq!(pair.notices[pair.notices.len() - 2], told);
    assert_eq!(pair.notices.last().map(Notice::name), Some("retried"));
    pair.advance(Duration::from_secs(5));
    let again = pair.exchange();
    pair.answer(again, 503, &[("retry-after", "3600")], "");
    assert_eq!(pair.status(call), 503);
    assert!(
        matches!(pair.notices.last(), Some(Notice::Throttled { status, .. }) if *status == StatusCode::SERVICE_UNAVAILABLE)
    );
    assert_eq!((pair.session.stats().throttled, pair.session.stats().errors), (2, 1));

    let call = pair.get("/a");
    let exchange = pair.exchange();
    pair.answer(exchange, 503, &[], "");
    assert_eq!(pair.session.stats().throttled, 2, "a failure that names no time is none");
    pair.cancel(call);
}

#[test]
fn every_call_is_under_way_answered_an_error_or_given_up() {
    let mut pair = oauth(3600);
    let served = pair.get("/served");
    let exchange = pair.exchange();
    pair.answer(exchange, 200, &[], "");
    assert_eq!(pair.status(served), 200);
    assert_eq!(pair.session.last_error(), None);
    let missing = pair.get("/missing");
    let exchange = pair.exchange();
    pair.answer(exchange, 404, &[], "");
    assert_eq!(pair.status(missing), 404);
    let broken = pair.call(pair.head(Method::POST, "/broken"));
    let exchange = pair.exchange();
    pair.fail(exchange, FailureKind::ConnectionLost, Sent::Maybe);
    assert_eq!(pair.error(broken), "connection_lost");
    assert_eq!(pair.session.last_error(), Some(Kind::ConnectionLost));
    let given_up = pair.get("/given-up");
    pair.cancel(given_up);
    let _on_the_wire = pair.get("/on-the-wire");
    let refused = pair.get("/refused");
    let (_, exchange) = (pair.exchange(), pair.exchange());
    pair.answer(exchange, 401, &[], "");
    let _behind_the_gate = pair.get("/behind-the-gate");
    assert!(!pair.has_reply(refused));

    let (stats, under_way) = (pair.session.stats(), pair.session.under_way());
    assert_eq!(under_way, UnderWay { in_flight: 1, waiting: 2 });
    assert_eq!((stats.errors, stats.cancelled), (1, 1));
    assert_eq!(stats.calls, 2 + stats.errors + stats.cancelled + 3, "none is counted twice or not at all");

    let renewal = pair.own(Purpose::Renewal);
    pair.answer(renewal, 400, &[("content-type", "application/json")], r#"{"error":"invalid_grant"}"#);
    assert_eq!(pair.error(refused), "expired");
    assert_eq!(pair.session.under_way(), UnderWay { in_flight: 1, waiting: 0 });
    assert_eq!(pair.session.stats().errors, 3);
    assert_eq!(pair.session.last_error(), Some(Kind::Expired));
}
