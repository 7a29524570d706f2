//! Two processes that hold one session over one store: who renews, who waits, and what is left when one of them is gone.

use std::time::Duration;

use hallpass_conformance::dialogue::{Mode, Pair, Shelf, kept as settings, platform, tokens};
use hallpass_core::effect::{CallId, FailureKind, Purpose, Sent};
use hallpass_core::machine::{Leases, Notice, Session, Settings, State};

use super::platforms::{JSON, OAUTH, start};

/// Longer than another process is waited for before the store is looked at again.
const PAUSE: Duration = Duration::from_millis(400);
/// Longer than an intent is waited out: a lease, an exchange and an answer of the store.
const LONG: Duration = Duration::from_secs(180);

fn leased() -> Settings {
    let mut settings = settings();
    settings.persist.as_mut().expect("it is kept").leases = Leases::Granted;
    settings
}

/// Two processes with the same session.
fn two(shelf: &Shelf) -> (Pair, Pair) {
    let first = start(Pair::seeded([1; 32], platform(OAUTH), leased(), shelf.clone()), 3600);
    let mut second = Pair::seeded([2; 32], platform(OAUTH), leased(), shelf.clone());
    let resumed = second.command(Session::resume);
    second.done(resumed);
    (first, second)
}

fn renew(pair: &mut Pair) -> CallId {
    pair.command(Session::renew)
}

fn pass(pairs: [&mut Pair; 2], by: Duration) {
    for pair in pairs {
        pair.advance(by);
    }
}

#[test]
fn one_renews_and_the_other_adopts_what_it_saved() {
    let (mut first, mut second) = two(&Shelf::default());
    let renewing = renew(&mut first);
    let sent = first.own(Purpose::Renewal);
    let waiting = renew(&mut second);
    for _ in 0..5 {
        pass([&mut first, &mut second], PAUSE);
        assert!(second.is_idle() && !second.has_reply(waiting), "it waits and sends nothing");
    }
    first.answer(sent, 200, JSON, &tokens(2, 3600));
    first.done(renewing);
    pass([&mut first, &mut second], PAUSE);
    second.done(waiting);
    assert_eq!((second.session.generation(), second.session.stats().renewals), (2, 0));
    assert!(second.notices.contains(&Notice::Adopted(2)) && second.is_idle());
}

#[test]
fn whoever_is_next_adopts_before_it_sends() {
    let (mut first, mut second) = two(&Shelf::default());
    let renewing = renew(&mut first);
    let sent = first.own(Purpose::Renewal);
    first.answer(sent, 200, JSON, &tokens(2, 3600));
    first.done(renewing);
    let adopting = renew(&mut second);
    second.done(adopting);
    assert_eq!((second.session.generation(), second.is_idle()), (2, true));
    let again = renew(&mut second);
    let sent = second.own(Purpose::Renewal);
    second.answer(sent, 200, JSON, &tokens(3, 3600));
    second.done(again);
    assert_eq!(second.session.generation(), 3, "the lease was let go both times");
}

#[test]
fn one_that_is_killed_before_its_intent_is_followed_once_its_lease_has_ended() {
    let shelf = Shelf::default();
    let (first, mut second) = two(&shelf);
    let key = first.session.record_key().expect("it is kept");
    shelf.take_lease(&key).expect("granted");
    let waiting = renew(&mut second);
    second.advance(10 * PAUSE);
    assert!(second.is_idle());
    shelf.end_lease(&key);
    second.advance(PAUSE);
    let sent = second.own(Purpose::Renewal);
    second.answer(sent, 200, JSON, &tokens(2, 3600));
    second.done(waiting);
}

#[test]
fn one_that_is_killed_after_sending_loses_the_token_and_nobody_sends_it_again() {
    let shelf = Shelf::default();
    let (mut first, mut second) = two(&shelf);
    renew(&mut first);
    let _never_answered = first.own(Purpose::Renewal);
    shelf.end_lease(&first.session.record_key().expect("it is kept"));
    let waiting = renew(&mut second);
    second.advance(Duration::from_secs(20));
    assert!(second.is_idle() && !second.has_reply(waiting), "its answer may still come");
    second.advance(LONG);
    assert_eq!(second.error(waiting), "renewal_lost");
    assert_eq!(second.session.state(), State::Active, "the access token is good");
    let again = renew(&mut second);
    assert_eq!(second.error(again), "renewal_lost");
    assert!(second.is_idle(), "nothing was sent");
}

#[test]
fn the_answer_of_one_that_was_stopped_beyond_its_lease_is_saved_and_adopted() {
    let shelf = Shelf::default();
    let (mut first, mut second) = two(&shelf);
    let renewing = renew(&mut first);
    let sent = first.own(Purpose::Renewal);
    shelf.end_lease(&first.session.record_key().expect("it is kept"));
    let waiting = renew(&mut second);
    second.advance(10 * PAUSE);
    first.answer(sent, 200, JSON, &tokens(2, 3600));
    first.done(renewing);
    second.advance(PAUSE);
    second.done(waiting);
    assert_eq!((second.session.generation(), second.is_idle()), (2, true));
}

#[test]
fn an_intent_is_withdrawn_where_the_token_was_certainly_not_used() {
    let (mut first, mut second) = two(&Shelf::default());
    let renewing = renew(&mut first);
    for _ in 0..4 {
        let sent = first.own(Purpose::Renewal);
        first.fail(sent, FailureKind::Connect, Sent::No);
        first.advance(Duration::from_secs(5));
    }
    assert_eq!(first.error(renewing), "connect");
    first.advance(Duration::from_secs(1));
    let next = renew(&mut second);
    let sent = second.own(Purpose::Renewal);
    second.answer(sent, 200, JSON, &tokens(2, 3600));
    second.done(next);
}

#[test]
fn without_a_store_a_rotating_token_is_sent_only_if_the_program_says_so() {
    for (bold, sends) in [(false, false), (true, true)] {
        let shelf = Shelf::default();
        let settings = Settings { renew_without_store: bold, ..leased() };
        let mut pair = start(Pair::seeded([1; 32], platform(OAUTH), settings, shelf), 3600);
        pair.shelf.mode = Mode::Down;
        let renewing = renew(&mut pair);
        assert_eq!(pair.is_idle(), !sends);
        if sends {
            let sent = pair.own(Purpose::Renewal);
            pair.answer(sent, 200, JSON, &tokens(2, 3600));
            pair.done(renewing);
        } else {
            assert_eq!(pair.error(renewing), "store_unavailable");
            assert_eq!(pair.session.state(), State::Active);
        }
    }
}

#[test]
fn a_token_that_does_not_rotate_needs_no_intent() {
    let shelf = Shelf::default();
    let rules = r#""sign_in": {"oauth2_refresh": {}}, "renew": {"token_url": "/token", "rotates": false}"#;
    let mut pair = start(Pair::seeded([1; 32], platform(rules), leased(), shelf.clone()), 3600);
    let saved = pair.session.stats().saves;
    let renewing = renew(&mut pair);
    let sent = pair.own(Purpose::Renewal);
    assert_eq!(pair.session.stats().saves, saved);
    assert!(shelf.take_lease(&pair.session.record_key().expect("it is kept")).is_none(), "the lease is held");
    pair.answer(sent, 200, JSON, &tokens(2, 3600));
    pair.done(renewing);
}

#[test]
fn a_session_that_is_closed_in_the_middle_lets_its_lease_go() {
    let shelf = Shelf::default();
    let (mut first, _second) = two(&shelf);
    renew(&mut first);
    let sent = first.own(Purpose::Renewal);
    let closing = first.command(Session::close);
    assert!(!first.has_reply(closing), "a token that is on its way is waited for");
    first.answer(sent, 200, JSON, &tokens(2, 3600));
    first.done(closing);
    assert!(shelf.take_lease(&first.session.record_key().expect("it is kept")).is_some());
}

#[test]
fn what_another_process_renewed_may_have_ended_by_then_and_is_renewed_once_more() {
    let (mut first, mut second) = two(&Shelf::default());
    let renewing = renew(&mut first);
    let sent = first.own(Purpose::Renewal);
    first.answer(sent, 200, JSON, &tokens(2, 3600));
    first.done(renewing);
    let call = second.get("/a");
    for generation in [1, 2] {
        let exchange = second.exchange();
        assert_eq!(exchange.generation, generation);
        second.answer(exchange, 401, &[], "");
    }
    let sent = second.own(Purpose::Renewal);
    second.answer(sent, 200, JSON, &tokens(3, 3600));
    let exchange = second.exchange();
    assert_eq!(exchange.generation, 3);
    second.answer(exchange, 401, &[], "");
    assert_eq!((second.status(call), second.session.state()), (401, State::Rejected), "this one was fresh");
}
