//! Closing drains and saves; forgetting removes; neither leaves anything behind.

use std::time::Duration;

use hallpass_conformance::dialogue::{Mode, Pair, Shelf, tokens};
use hallpass_core::credentials::Credentials;
use hallpass_core::effect::{FailureKind, Purpose, Sent};
use hallpass_core::machine::{Session, State};

use super::platforms::{JSON, OAUTH, bearer, kept, oauth};

#[test]
fn closing_lets_calls_end_and_takes_no_new_ones() {
    let mut pair = bearer();
    let call = pair.get("/a");
    let exchange = pair.exchange();
    let close = pair.command(Session::close);
    let late = pair.get("/b");
    assert_eq!(pair.error(late), "closed");
    assert!(!pair.has_reply(close));
    pair.answer(exchange, 302, &[("location", "/c")], "");
    let exchange = pair.exchange();
    pair.answer(exchange, 503, &[], "");
    pair.advance(Duration::from_secs(1));
    let exchange = pair.exchange();
    pair.answer(exchange, 200, &[], "");
    assert_eq!(pair.status(call), 200);
    pair.done(close);
    assert_eq!(pair.session.state(), State::Closed);
    let again = pair.command(Session::close);
    pair.done(again);
}

#[test]
fn closing_saves_what_is_not_saved() {
    let shelf = Shelf::default();
    let mut pair = kept(3600, &shelf);
    pair.get("/a");
    let exchange = pair.exchange();
    pair.answer(exchange, 200, &[("set-cookie", "seen=1")], "");
    let close = pair.command(Session::close);
    pair.done(close);
    assert_eq!(pair.session.stats().saves, 2);
}

#[test]
fn closing_reports_that_it_could_not_save() {
    let mut pair = kept(3600, &Shelf::default());
    pair.get("/a");
    let exchange = pair.exchange();
    pair.answer(exchange, 200, &[("set-cookie", "seen=1")], "");
    pair.shelf.mode = Mode::Down;
    let close = pair.command(Session::close);
    assert_eq!(pair.error(close), "store_unavailable");
    assert_eq!(pair.session.state(), State::Closed);
    pair.shelf.mode = Mode::Up;
    pair.advance(Duration::from_secs(600));
    assert_eq!(pair.session.stats().saves, 1, "nothing is saved after the end");
}

#[test]
fn closing_tries_to_save_even_after_a_failure() {
    let mut pair = kept(3600, &Shelf::default());
    pair.shelf.mode = Mode::Down;
    pair.get("/a");
    let exchange = pair.exchange();
    pair.answer(exchange, 200, &[("set-cookie", "seen=1")], "");
    pair.advance(Duration::from_millis(500));
    pair.shelf.mode = Mode::Up;
    let close = pair.command(Session::close);
    pair.done(close);
    assert_eq!(pair.session.stats().saves, 2);
}

#[test]
fn closing_waits_for_a_renewal_that_is_on_its_way_and_saves_its_tokens() {
    let shelf = Shelf::default();
    let mut pair = kept(3600, &shelf);
    pair.command(Session::renew);
    let renewal = pair.own(Purpose::Renewal);
    let close = pair.command(Session::close);
    assert!(!pair.has_reply(close));
    pair.answer(renewal, 200, JSON, &tokens(2, 3600));
    pair.done(close);
    let mut other = Pair::kept(OAUTH, &shelf);
    other.command(Session::resume);
    assert_eq!(other.session.generation(), 2);
}

#[test]
fn closing_does_not_wait_for_a_renewal_in_backoff() {
    let mut pair = oauth(3600);
    let forced = pair.command(Session::renew);
    let renewal = pair.own(Purpose::Renewal);
    pair.answer(renewal, 429, &[("retry-after", "30")], "");
    let close = pair.command(Session::close);
    pair.done(close);
    assert!(pair.has_reply(forced));
    pair.advance(Duration::from_secs(60));
    assert!(pair.is_idle());
}

#[test]
fn closing_while_loading_ends() {
    let mut pair = Pair::kept(OAUTH, &Shelf::in_mode(Mode::Held));
    let resume = pair.command(Session::resume);
    let close = pair.command(Session::close);
    pair.done(close);
    assert_eq!(pair.error(resume), "cancelled");
}

#[test]
fn closing_while_signing_in_ends() {
    let mut pair = Pair::new(OAUTH);
    let sign_in = pair.sign_in(Credentials::refresh_token("r0"));
    let waiting = pair.get("/a");
    let close = pair.command(Session::close);
    pair.done(close);
    assert_eq!((pair.error(sign_in), pair.error(waiting)), ("closed", "closed"));
    assert_eq!(pair.session.pending(), 0);
}

#[test]
fn closing_ends_when_the_last_call_ends_after_its_backoff() {
    let mut pair = bearer();
    let call = pair.get("/a");
    let exchange = pair.exchange();
    pair.fail(exchange, FailureKind::Connect, Sent::No);
    let close = pair.command(Session::close);
    pair.advance(Duration::from_secs(1));
    let exchange = pair.exchange();
    pair.fail(exchange, FailureKind::Tls, Sent::No);
    assert_eq!(pair.error(call), "tls");
    pair.done(close);
}

#[test]
fn forgetting_removes_the_record_and_nothing_brings_it_back() {
    let shelf = Shelf::default();
    let mut pair = kept(3600, &shelf);
    pair.get("/a");
    let exchange = pair.exchange();
    pair.answer(exchange, 200, &[("set-cookie", "seen=1")], "");
    pair.shelf.mode = Mode::Held;
    let forget = pair.command(Session::forget);
    pair.advance(Duration::from_secs(2));
    let remove = pair.other();
    assert!(pair.is_idle(), "no save meanwhile");
    pair.perform(&remove);
    pair.done(forget);
    pair.advance(Duration::from_secs(60));
    assert!(pair.is_idle() && shelf.record().is_none());
}

#[test]
fn forgetting_after_closing_still_removes() {
    let shelf = Shelf::default();
    let mut pair = kept(3600, &shelf);
    let close = pair.command(Session::close);
    pair.done(close);
    let forget = pair.command(Session::forget);
    pair.done(forget);
    assert!(shelf.record().is_none());
}

#[test]
fn forgetting_reports_a_store_that_is_away() {
    let mut pair = kept(3600, &Shelf::default());
    pair.shelf.mode = Mode::Down;
    let forget = pair.command(Session::forget);
    assert_eq!(pair.error(forget), "store_unavailable");
}

#[test]
fn calls_that_outlast_a_closes_deadline_end_and_what_changed_is_saved() {
    let shelf = Shelf::default();
    let mut pair = kept(3600, &shelf);
    let quick = pair.get("/a");
    let slow = pair.get("/b");
    let first = pair.exchange();
    let second = pair.exchange();
    let close = pair.command(|session, now| session.close_within(Duration::from_secs(2), now));
    pair.answer(first, 200, &[("set-cookie", "seen=1")], "");
    assert_eq!(pair.status(quick), 200);
    pair.advance(Duration::from_millis(1_999));
    assert!(!pair.has_reply(slow) && !pair.has_reply(close));
    pair.advance(Duration::from_millis(1));
    assert_eq!(pair.error(slow), "closed");
    assert!(pair.abandoned.contains(&second.ticket.id()));
    pair.done(close);
    assert_eq!((pair.session.stats().saves, pair.session.state()), (2, State::Closed));
    assert!(pair.wait.is_none());
}

#[test]
fn a_later_and_stricter_deadline_holds_and_a_close_without_one_is_not_hurried_by_nothing() {
    let mut pair = bearer();
    let call = pair.get("/a");
    pair.exchange();
    let patient = pair.command(Session::close);
    let strict = pair.command(|session, now| session.close_within(Duration::from_secs(1), now));
    let lax = pair.command(|session, now| session.close_within(Duration::from_secs(9), now));
    pair.advance(Duration::from_secs(1));
    assert_eq!(pair.error(call), "closed");
    for close in [patient, strict, lax] {
        pair.done(close);
    }
}
