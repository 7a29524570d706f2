//! When a session is renewed, and what a lost, late or failed renewal leads to.

use std::time::Duration;

use hallpass_conformance::dialogue::{Pair, tokens};
use hallpass_core::credentials::Credentials;
use hallpass_core::effect::{FailureKind, Purpose, Sent};
use hallpass_core::machine::{Notice, Session, State};

use super::platforms::{JSON, OAUTH, oauth, start};

const MINUTE: Duration = Duration::from_secs(60);

#[test]
fn in_the_advisory_window_calls_go_on_while_one_renewal_runs() {
    let mut pair = oauth(3600);
    pair.advance(49 * MINUTE);
    let renewal = pair.own(Purpose::Renewal);
    let call = pair.get("/a");
    let exchange = pair.exchange();
    assert_eq!(exchange.generation, 1);
    assert!(pair.is_idle());
    pair.answer(renewal, 200, JSON, &tokens(2, 3600));
    pair.answer(exchange, 200, &[], "");
    assert_eq!(pair.status(call), 200);
    pair.get("/b");
    assert_eq!(pair.exchange().generation, 2);
}

#[test]
fn in_the_mandatory_window_calls_wait() {
    let mut pair = oauth(5);
    pair.advance(Duration::from_secs(4));
    let renewal = pair.own(Purpose::Renewal);
    pair.get("/a");
    let _early = pair.exchange();
    pair.advance(Duration::from_millis(600));
    pair.get("/b");
    assert!(pair.is_idle(), "no attempt leaves in the last half second");
    pair.answer(renewal, 200, JSON, &tokens(2, 5));
    assert_eq!(pair.exchange().generation, 2);
}

#[test]
fn a_failed_advisory_renewal_serves_the_present_token_and_tries_again_later() {
    let mut pair = oauth(3600);
    pair.advance(48 * MINUTE);
    for _ in 0..4 {
        let renewal = pair.own(Purpose::Renewal);
        pair.fail(renewal, FailureKind::Connect, Sent::No);
        pair.advance(Duration::from_secs(2));
    }
    assert!(pair.notices.iter().any(|notice| matches!(notice, Notice::RenewalFailed(_))));
    let call = pair.get("/a");
    let exchange = pair.exchange();
    pair.answer(exchange, 200, &[], "");
    assert_eq!(pair.status(call), 200);
    pair.advance(4 * MINUTE);
    assert!(pair.is_idle(), "not before five minutes");
    pair.advance(6 * MINUTE + Duration::from_secs(30));
    let _again = pair.own(Purpose::Renewal);
}

#[test]
fn a_throttled_renewal_waits_as_long_as_it_is_told_even_for_calls() {
    let mut pair = oauth(3600);
    let forced = pair.command(Session::renew);
    let renewal = pair.own(Purpose::Renewal);
    pair.answer(renewal, 429, &[("retry-after", "120")], "");
    assert_eq!(pair.error(forced), "throttled");
    let call = pair.get("/a");
    let exchange = pair.exchange();
    pair.answer(exchange, 401, &[], "");
    assert_eq!(pair.error(call), "throttled");
    assert!(pair.is_idle(), "two minutes are two minutes");
    pair.advance(Duration::from_secs(121));
    pair.get("/b");
    let _renewal = pair.own(Purpose::Renewal);
}

#[test]
fn a_lost_renewal_is_its_own_error_and_its_token_is_never_sent_again() {
    let mut pair = oauth(3600);
    let call = pair.get("/a");
    let exchange = pair.exchange();
    pair.answer(exchange, 401, &[], "");
    let renewal = pair.own(Purpose::Renewal);
    pair.fail(renewal, FailureKind::ConnectionLost, Sent::Maybe);
    assert_eq!(pair.error(call), "renewal_lost");
    for _ in 0..3 {
        let call = pair.get("/b");
        assert_eq!(pair.error(call), "renewal_lost");
        pair.advance(60 * MINUTE);
    }
    assert!(pair.is_idle());
}

#[test]
fn a_lost_advisory_renewal_serves_the_present_token_to_its_end() {
    let mut pair = oauth(3600);
    pair.advance(48 * MINUTE);
    let renewal = pair.own(Purpose::Renewal);
    pair.fail(renewal, FailureKind::FirstByteTimeout, Sent::Maybe);
    pair.advance(11 * MINUTE);
    let call = pair.get("/a");
    let exchange = pair.exchange();
    pair.answer(exchange, 200, &[], "");
    assert_eq!(pair.status(call), 200);
    pair.advance(MINUTE);
    let call = pair.get("/b");
    assert_eq!(pair.error(call), "renewal_lost");
    assert_eq!(pair.session.state(), State::Expired);
}

#[test]
fn where_reuse_is_safe_a_lost_renewal_is_sent_again() {
    let safe = r#""sign_in": {"oauth2_refresh": {}}, "renew": {"token_url": "/token", "reuse_safe": true}"#;
    let mut pair = start(Pair::new(safe), 3600);
    pair.command(Session::renew);
    let renewal = pair.own(Purpose::Renewal);
    pair.fail(renewal, FailureKind::ConnectionLost, Sent::Maybe);
    pair.advance(Duration::from_secs(1));
    assert_eq!(pair.own(Purpose::Renewal).attempt, 2);
}

#[test]
fn a_late_answer_to_a_renewal_is_taken() {
    let mut pair = oauth(3600);
    let forced = pair.command(Session::renew);
    let renewal = pair.own(Purpose::Renewal);
    pair.advance(Duration::from_secs(30));
    assert_eq!(pair.error(forced), "renewal_lost");
    pair.advance(Duration::from_secs(5));
    pair.answer(renewal, 200, JSON, &tokens(2, 3600));
    assert_eq!(pair.session.generation(), 2);
    pair.get("/a");
    assert_eq!(pair.exchange().headers["authorization"], "Bearer a2");
    let forced = pair.command(Session::renew);
    let renewal = pair.own(Purpose::Renewal);
    pair.answer(renewal, 200, JSON, &tokens(3, 3600));
    pair.done(forced);
}

#[test]
fn a_late_answer_revives_a_session_that_ended_for_want_of_it() {
    let mut pair = oauth(3600);
    let call = pair.get("/a");
    let exchange = pair.exchange();
    pair.answer(exchange, 401, &[], "");
    let renewal = pair.own(Purpose::Renewal);
    pair.advance(Duration::from_secs(30));
    assert_eq!(pair.error(call), "renewal_lost");
    assert_eq!(pair.session.state(), State::Expired);
    pair.answer(renewal, 200, JSON, &tokens(2, 3600));
    assert_eq!(pair.session.state(), State::Active);
}

#[test]
fn a_late_answer_never_reaches_another_identity() {
    let mut pair = oauth(3600);
    pair.command(Session::renew);
    let renewal = pair.own(Purpose::Renewal);
    let id = pair.sign_in(Credentials::refresh_token("other"));
    let sign_in = pair.own(Purpose::SignIn);
    pair.answer(sign_in, 200, JSON, r#"{"access_token": "b1", "refresh_token": "q1", "expires_in": 3600}"#);
    pair.done(id);
    pair.advance(Duration::from_secs(31));
    pair.answer(renewal, 200, JSON, &tokens(2, 3600));
    pair.get("/a");
    assert_eq!(pair.exchange().headers["authorization"], "Bearer b1");
}

#[test]
fn a_renewal_given_up_for_a_sign_in_that_fails_is_taken_and_not_repeated() {
    let mut pair = oauth(3600);
    let forced = pair.command(Session::renew);
    let renewal = pair.own(Purpose::Renewal);
    let id = pair.sign_in(Credentials::refresh_token("other"));
    assert_eq!(pair.error(forced), "cancelled");
    let sign_in = pair.own(Purpose::SignIn);
    pair.answer(renewal, 200, JSON, &tokens(2, 3600));
    pair.answer(sign_in, 400, JSON, "{}");
    assert_eq!(pair.error(id), "credentials_refused");
    pair.get("/a");
    assert_eq!(pair.exchange().headers["authorization"], "Bearer a2");
    assert!(pair.is_idle());
}

#[test]
fn an_answer_of_an_earlier_renewal_is_not_taken_for_the_present_one() {
    let safe = r#""sign_in": {"oauth2_refresh": {}}, "renew": {"token_url": "/token", "reuse_safe": true}"#;
    let mut pair = start(Pair::new(safe), 3600);
    let forced = pair.command(Session::renew);
    let first = pair.own(Purpose::Renewal);
    pair.advance(Duration::from_secs(31));
    let second = pair.own(Purpose::Renewal);
    pair.fail(first, FailureKind::ConnectionLost, Sent::Maybe);
    assert!(!pair.has_reply(forced));
    pair.answer(second, 200, JSON, &tokens(2, 3600));
    pair.done(forced);
}

#[test]
fn an_issuer_that_gives_no_lifetime_is_not_renewed_without_end() {
    let mut pair = oauth(0);
    let call = pair.get("/a");
    let exchange = pair.exchange();
    pair.answer(exchange, 200, &[], "");
    assert_eq!(pair.status(call), 200);
    assert!(pair.is_idle());
}

#[test]
fn a_redirecting_token_endpoint_has_not_used_the_token() {
    let mut pair = oauth(3600);
    let forced = pair.command(Session::renew);
    let renewal = pair.own(Purpose::Renewal);
    pair.answer(renewal, 302, &[("location", "https://portal.example/")], "");
    assert_eq!(pair.error(forced), "unexpected_answer");
    pair.command(Session::renew);
    let _again = pair.own(Purpose::Renewal);
}

#[test]
fn a_page_where_tokens_were_promised_loses_the_renewal() {
    let mut pair = oauth(3600);
    let forced = pair.command(Session::renew);
    let renewal = pair.own(Purpose::Renewal);
    pair.answer(renewal, 200, &[("content-type", "text/html")], "<html>");
    assert_eq!(pair.error(forced), "renewal_lost");
}

#[test]
fn forced_renewals_join_the_one_in_flight() {
    let mut pair = Pair::new(OAUTH);
    let early = pair.command(Session::renew);
    assert_eq!(pair.error(early), "no_session");
    let mut pair = start(pair, 3600);
    let forced: Vec<_> = (0..3).map(|_| pair.command(Session::renew)).collect();
    let renewal = pair.own(Purpose::Renewal);
    assert!(pair.is_idle());
    pair.answer(renewal, 200, JSON, &tokens(2, 3600));
    for command in forced {
        pair.done(command);
    }
}
