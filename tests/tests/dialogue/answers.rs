//! Answers that nobody waits for, and drivers that never answer.

use std::time::Duration;

use hallpass_conformance::dialogue::{Mode, Pair, Shelf, arrival};
use hallpass_core::credentials::Credentials;
use hallpass_core::effect::{Outcome, PermitAnswer};
use hallpass_core::machine::{Misuse, Notice, Session};

use super::platforms::{OAUTH, PROBED, bearer, kept};

#[test]
fn a_second_answer_is_misuse_and_changes_nothing() {
    let mut pair = bearer();
    let call = pair.get("/a");
    let exchange = pair.exchange();
    let effect = exchange.ticket.id();
    pair.answer(exchange, 200, &[], "");
    assert_eq!(pair.status(call), 200);
    let again = pair.session.finish(effect, Outcome::Exchange(Ok(arrival(401, &[], ""))), pair.now);
    assert_eq!(again, Err(Misuse::NotPending));
    pair.drain();
    assert!(pair.is_idle() && pair.replies.is_empty());
}

#[test]
fn an_answer_of_the_wrong_kind_is_misuse_and_changes_nothing() {
    let mut pair = bearer();
    let call = pair.get("/a");
    let exchange = pair.exchange();
    let wrong = pair.session.finish(exchange.ticket.id(), Outcome::Permit(PermitAnswer::Granted), pair.now);
    assert_eq!(wrong, Err(Misuse::WrongKind));
    pair.answer(exchange, 200, &[], "");
    assert_eq!(pair.status(call), 200);
}

#[test]
fn a_ticket_of_another_session_brings_a_notice_and_nothing_else() {
    let mut pair = bearer();
    let rules = hallpass_conformance::dialogue::platform(super::platforms::BEARER);
    let mut other = Pair::seeded([1; 32], rules, hallpass_core::machine::Settings::default(), Shelf::default());
    other.sign_in(Credentials::bearer("x"));
    let call = pair.get("/a");
    other.get("/a");
    let (_ours, theirs) = (pair.exchange(), other.exchange());
    pair.answer(theirs, 401, &[], "");
    assert!(!pair.has_reply(call));
    assert!(matches!(pair.notices.last(), Some(Notice::Misused(_))));
}

#[test]
fn an_answer_to_an_abandoned_effect_is_misuse() {
    let mut pair = bearer();
    let call = pair.get("/a");
    let exchange = pair.exchange();
    pair.cancel(call);
    pair.answer(exchange, 200, &[], "");
    assert_eq!(pair.error(call), "cancelled");
    assert!(matches!(pair.notices.last(), Some(Notice::Misused(_))));
}

#[test]
fn a_driver_that_never_answers_costs_time_and_no_more() {
    // Nothing is ever answered: every command and call ends by its deadline.
    let mut pair = Pair::kept(PROBED, &Shelf::in_mode(Mode::Held));
    pair.permits = None;
    let commands = [pair.command(Session::resume), pair.get("/a")];
    pair.advance(Duration::from_secs(120));
    for command in commands {
        assert!(pair.reply(command).is_err());
    }
    let commands = [pair.sign_in(Credentials::refresh_token("r0")), pair.get("/a")];
    pair.advance(Duration::from_secs(120));
    for command in commands {
        assert!(pair.reply(command).is_err());
    }
    let close = pair.command(Session::close);
    pair.advance(Duration::from_secs(120));
    pair.done(close);
    assert_eq!(pair.session.pending(), 0);
}

#[test]
fn a_permit_that_is_never_answered_ends_with_its_call() {
    let mut pair = bearer();
    pair.permits = None;
    let call = pair.get("/a");
    let exchange = pair.exchange();
    pair.answer(exchange, 503, &[], "");
    pair.advance(Duration::from_secs(60));
    assert_eq!(pair.error(call), "timeout");
}

#[test]
fn an_active_session_survives_a_driver_that_falls_silent() {
    let mut pair = kept(3600, &Shelf::default());
    pair.shelf.mode = Mode::Held;
    let mut commands = vec![pair.get("/a")];
    commands.push(pair.command(Session::renew));
    pair.advance(Duration::from_secs(7200));
    commands.push(pair.get("/b"));
    pair.advance(Duration::from_secs(120));
    commands.push(pair.command(Session::close));
    pair.advance(Duration::from_secs(600));
    for command in commands {
        assert!(pair.has_reply(command), "{command:?}");
    }
    assert_eq!(pair.session.pending(), 0);
}

#[test]
fn the_same_seed_and_the_same_inputs_give_the_same_trace() {
    let run = || {
        let mut settings = hallpass_conformance::dialogue::kept();
        settings.trace = true;
        let rules = hallpass_conformance::dialogue::platform(OAUTH);
        let mut pair = super::platforms::start(Pair::with(rules, settings, Shelf::default()), 3600);
        for _ in 0..5 {
            pair.get("/a");
            let exchange = pair.exchange();
            pair.answer(exchange, 503, &[], "");
            pair.advance(Duration::from_secs(20));
            let exchange = pair.exchange();
            pair.answer(exchange, 200, &[("set-cookie", "a=1")], "");
        }
        pair.session.take_trace()
    };
    assert_eq!(run(), run());
}
