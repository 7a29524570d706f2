//! A program that asks whether its session is good is told what the platform says, and nothing else ends the session.

use hallpass_conformance::dialogue::{Pair, Shelf, tokens};
use hallpass_core::credentials::Credentials;
use hallpass_core::effect::{FailureKind, Purpose, Sent};
use hallpass_core::machine::{Notice, Session, State};

use super::platforms::{JSON, OAUTH, PROBED, start};

const ME: &str = r#"{"id": "7"}"#;

/// Signed in with a refresh token and a probe that answered.
fn probed() -> Pair {
    let mut pair = Pair::new(PROBED);
    let id = pair.sign_in(Credentials::refresh_token("r0"));
    let token = pair.own(Purpose::SignIn);
    pair.answer(token, 200, JSON, &tokens(1, 3600));
    let probe = pair.own(Purpose::Probe);
    pair.answer(probe, 200, JSON, ME);
    pair.done(id);
    pair
}

#[test]
fn a_good_session_is_valid_and_whoever_asks_meanwhile_joins_the_same_probe() {
    let mut pair = probed();
    let first = pair.command(Session::validate);
    let second = pair.command(Session::validate);
    assert_eq!(pair.session.state(), State::Suspect);
    let probe = pair.own(Purpose::Probe);
    assert!(pair.is_idle(), "one probe for both");
    pair.answer(probe, 200, JSON, ME);
    pair.done(first);
    pair.done(second);
    assert_eq!(pair.session.state(), State::Active);
}

#[test]
fn a_refusal_renews_once_and_the_renewed_session_is_asked_about_again() {
    let mut pair = probed();
    let validate = pair.command(Session::validate);
    let probe = pair.own(Purpose::Probe);
    pair.answer(probe, 401, &[], "");
    assert!(!pair.has_reply(validate));
    let renewal = pair.own(Purpose::Renewal);
    pair.answer(renewal, 200, JSON, &tokens(2, 3600));
    let probe = pair.own(Purpose::Probe);
    assert_eq!(probe.headers["authorization"], "Bearer a2");
    pair.answer(probe, 200, JSON, ME);
    pair.done(validate);
    assert_eq!(pair.session.stats().renewals, 1);
}

#[test]
fn a_renewed_session_that_is_refused_again_is_rejected() {
    let mut pair = probed();
    let validate = pair.command(Session::validate);
    let probe = pair.own(Purpose::Probe);
    pair.answer(probe, 401, &[], "");
    let renewal = pair.own(Purpose::Renewal);
    pair.answer(renewal, 200, JSON, &tokens(2, 3600));
    let probe = pair.own(Purpose::Probe);
    pair.answer(probe, 401, &[], "");
    assert_eq!(pair.error(validate), "rejected");
    assert_eq!(pair.session.state(), State::Rejected);
    assert!(pair.is_idle(), "no storm");
}

#[test]
fn a_refusal_with_nothing_to_renew_with_is_expired() {
    let rest = r#""sign_in": {"bearer": {}}, "identity": {"path": "/me"}"#;
    let mut pair = Pair::new(rest);
    pair.sign_in(Credentials::bearer("t1"));
    let probe = pair.own(Purpose::Probe);
    pair.answer(probe, 200, &[], "");
    let validate = pair.command(Session::validate);
    let probe = pair.own(Purpose::Probe);
    pair.answer(probe, 401, &[], "");
    assert_eq!(pair.error(validate), "expired");
    assert_eq!(pair.session.state(), State::Expired);
    let later = pair.command(Session::validate);
    assert_eq!(pair.error(later), "expired");
}

#[test]
fn what_is_unknown_is_told_with_its_kind_and_ends_nothing() {
    let mut pair = probed();
    let validate = pair.command(Session::validate);
    let probe = pair.own(Purpose::Probe);
    pair.answer(probe, 503, &[("retry-after", "7")], "");
    assert_eq!(pair.error(validate), "platform_failed");
    let validate = pair.command(Session::validate);
    let probe = pair.own(Purpose::Probe);
    pair.fail(probe, FailureKind::ConnectionLost, Sent::Maybe);
    assert_eq!(pair.error(validate), "connection_lost");
    assert_eq!(pair.session.state(), State::Active);
    let unknown = pair.notices.iter().filter(|notice| matches!(notice, Notice::ProbeUnknown(_))).count();
    assert_eq!(unknown, 2);
}

#[test]
fn somebody_elses_session_is_a_mismatch_and_ends() {
    let mut pair = probed();
    let validate = pair.command(Session::validate);
    let probe = pair.own(Purpose::Probe);
    pair.answer(probe, 200, JSON, r#"{"id": "8"}"#);
    assert_eq!(pair.error(validate), "account_mismatch");
    assert_eq!(pair.session.state(), State::Rejected);
}

#[test]
fn where_nobody_can_be_asked_that_is_said() {
    let mut pair = start(Pair::kept(OAUTH, &Shelf::default()), 3600);
    let validate = pair.command(Session::validate);
    assert_eq!(pair.error(validate), "platform_invalid");
    let mut fresh = Pair::new(PROBED);
    let validate = fresh.command(Session::validate);
    assert_eq!(fresh.error(validate), "no_session");
}

#[test]
fn asking_during_a_sign_in_waits_for_it_and_asking_at_the_end_is_closed() {
    let mut pair = Pair::new(PROBED);
    pair.sign_in(Credentials::refresh_token("r0"));
    let validate = pair.command(Session::validate);
    let token = pair.own(Purpose::SignIn);
    pair.answer(token, 200, JSON, &tokens(1, 3600));
    let probe = pair.own(Purpose::Probe);
    pair.answer(probe, 200, JSON, ME);
    let probe = pair.own(Purpose::Probe);
    assert!(!pair.has_reply(validate), "the sign-in's probe was another question");
    let close = pair.command(Session::close);
    pair.done(close);
    assert_eq!(pair.error(validate), "closed");
    assert!(pair.abandoned.contains(&probe.ticket.id()));
    assert_eq!(pair.session.pending(), 0);
}
