//! What is saved, when, and over whom.

use std::time::Duration;

use hallpass_conformance::dialogue::{Mode, Pair, Shelf, kept as settings, platform, tokens};
use hallpass_core::credentials::{Credentials, Secret};
use hallpass_core::effect::{Effect, Purpose};
use hallpass_core::machine::{Notice, Session, Settings, State};

use super::platforms::{JSON, OAUTH, kept, start};

fn resumed(shelf: &Shelf) -> Pair {
    let mut pair = Pair::kept(OAUTH, shelf);
    let id = pair.command(Session::resume);
    pair.done(id);
    pair
}

#[test]
fn rotated_tokens_are_saved_before_their_first_use() {
    let mut pair = kept(3600, &Shelf::default());
    pair.shelf.mode = Mode::Held;
    let call = pair.get("/a");
    let exchange = pair.exchange();
    pair.answer(exchange, 401, &[], "");
    let renewal = pair.own(Purpose::Renewal);
    pair.answer(renewal, 200, JSON, &tokens(2, 3600));
    let save = pair.other();
    assert!(pair.is_idle(), "no attempt before the save is answered");
    pair.perform(&save);
    let exchange = pair.exchange();
    assert_eq!(exchange.generation, 2);
    pair.answer(exchange, 200, &[], "");
    assert_eq!(pair.status(call), 200);
}

#[test]
fn a_save_of_something_older_does_not_open_the_gate() {
    let mut pair = kept(3600, &Shelf::default());
    pair.shelf.mode = Mode::Held;
    pair.get("/a");
    let exchange = pair.exchange();
    pair.answer(exchange, 200, &[("set-cookie", "seen=1")], "");
    pair.advance(Duration::from_millis(500));
    let older = pair.other();
    pair.get("/b");
    let exchange = pair.exchange();
    pair.answer(exchange, 401, &[], "");
    let renewal = pair.own(Purpose::Renewal);
    pair.answer(renewal, 200, JSON, &tokens(2, 3600));
    pair.perform(&older);
    let newer = pair.other();
    assert!(pair.is_idle(), "the new tokens are not saved yet");
    pair.perform(&newer);
    assert_eq!(pair.exchange().generation, 2);
}

#[test]
fn cookies_are_taken_and_saved_together_after_a_while() {
    let shelf = Shelf::default();
    let mut pair = kept(3600, &shelf);
    for number in 0..5 {
        let call = pair.get("/a");
        let exchange = pair.exchange();
        pair.answer(exchange, 200, &[("set-cookie", &format!("c{number}=1"))], "");
        assert_eq!(pair.status(call), 200);
    }
    pair.advance(Duration::from_millis(500));
    assert_eq!(pair.session.stats().saves, 2, "the sign-in, and all cookies at once");
    let mut other = resumed(&shelf);
    other.get("/a");
    assert_eq!(other.exchange().headers["cookie"], "c0=1; c1=1; c2=1; c3=1; c4=1");
}

#[test]
fn while_the_store_is_away_calls_go_on_and_the_next_renewal_is_blocked() {
    let mut pair = kept(3600, &Shelf::default());
    pair.shelf.mode = Mode::Down;
    let forced = pair.command(Session::renew);
    let renewal = pair.own(Purpose::Renewal);
    pair.answer(renewal, 200, JSON, &tokens(2, 3600));
    pair.done(forced);
    let call = pair.get("/a");
    let exchange = pair.exchange();
    assert_eq!(exchange.generation, 2);
    pair.answer(exchange, 200, &[], "");
    assert_eq!(pair.status(call), 200);
    let forced = pair.command(Session::renew);
    assert_eq!(pair.error(forced), "store_unavailable");
    pair.advance(Duration::from_secs(3601));
    assert!(pair.is_idle(), "no renewal");
    let call = pair.get("/b");
    assert_eq!(pair.error(call), "store_unavailable");
    assert_eq!(pair.session.state(), State::Active);
    pair.shelf.mode = Mode::Up;
    pair.advance(Duration::from_secs(31));
    let _renewal = pair.own(Purpose::Renewal);
}

#[test]
fn a_program_may_decide_to_renew_without_the_store() {
    let mut pair = start(
        Pair::with(platform(OAUTH), Settings { renew_without_store: true, ..settings() }, Shelf::default()),
        3600,
    );
    pair.shelf.mode = Mode::Down;
    for generation in 2..5 {
        let forced = pair.command(Session::renew);
        let renewal = pair.own(Purpose::Renewal);
        pair.answer(renewal, 200, JSON, &tokens(generation, 3600));
        pair.done(forced);
    }
}

#[test]
fn a_newer_generation_that_somebody_else_saved_is_taken_over() {
    let shelf = Shelf::default();
    let mut first = kept(3600, &shelf);
    let mut second = resumed(&shelf);
    let forced = second.command(Session::renew);
    let renewal = second.own(Purpose::Renewal);
    second.answer(renewal, 200, JSON, &tokens(2, 3600));
    second.done(forced);
    first.get("/a");
    let exchange = first.exchange();
    first.answer(exchange, 200, &[("set-cookie", "mine=1")], "");
    let save = first.command(Session::save);
    first.done(save);
    assert!(first.notices.contains(&Notice::Adopted(2)));
    first.get("/b");
    assert_eq!(first.exchange().headers["authorization"], "Bearer a2");
}

#[test]
fn a_refused_refresh_token_looks_whether_somebody_was_first() {
    let shelf = Shelf::default();
    let mut first = kept(3600, &shelf);
    let mut second = resumed(&shelf);
    second.command(Session::renew);
    let renewal = second.own(Purpose::Renewal);
    second.answer(renewal, 200, JSON, &tokens(2, 3600));
    let call = first.get("/a");
    let exchange = first.exchange();
    first.answer(exchange, 401, &[], "");
    let renewal = first.own(Purpose::Renewal);
    first.answer(renewal, 400, JSON, r#"{"error": "invalid_grant"}"#);
    let exchange = first.exchange();
    assert_eq!((exchange.headers["authorization"].to_str().unwrap(), exchange.generation), ("Bearer a2", 2));
    first.answer(exchange, 200, &[], "");
    assert_eq!(first.status(call), 200);
}

#[test]
fn a_refused_refresh_token_is_not_sent_again_while_the_store_is_away() {
    let mut pair = kept(3600, &Shelf::default());
    pair.shelf.mode = Mode::Down;
    let call = pair.get("/a");
    let exchange = pair.exchange();
    pair.answer(exchange, 401, &[], "");
    let renewal = pair.own(Purpose::Renewal);
    pair.answer(renewal, 400, JSON, "{}");
    assert_eq!(pair.error(call), "store_unavailable");
    pair.advance(Duration::from_secs(5));
    let call = pair.get("/b");
    assert_eq!(pair.error(call), "store_unavailable");
    assert!(pair.is_idle());
    pair.shelf.mode = Mode::Up;
    pair.advance(Duration::from_secs(5));
    let call = pair.get("/c");
    assert_eq!(pair.error(call), "expired");
    assert!(pair.is_idle(), "it is asked for in the store only");
}

#[test]
fn cookies_of_two_processes_are_merged() {
    let shelf = Shelf::default();
    let mut first = kept(3600, &shelf);
    let mut second = resumed(&shelf);
    for (pair, line) in [(&mut first, "one=1"), (&mut second, "two=2")] {
        pair.get("/a");
        let exchange = pair.exchange();
        pair.answer(exchange, 200, &[("set-cookie", line)], "");
        let save = pair.command(Session::save);
        pair.done(save);
    }
    let mut third = resumed(&shelf);
    third.get("/a");
    let line = third.exchange().headers["cookie"].to_str().expect("text").to_owned();
    assert!(line.contains("one=1") && line.contains("two=2"), "{line}");
}

#[test]
fn without_tokens_too_a_lower_generation_never_overwrites_a_higher_one() {
    let rules = r#""sign_in": {"bundle": {}}, "credential": {"cookie": "sid"}"#;
    let shelf = Shelf::default();
    let mut first = Pair::kept(rules, &shelf);
    first.sign_in(Credentials { cookies: Some(Secret::new("sid=1")), ..Credentials::default() });
    let mut second = Pair::kept(rules, &shelf);
    second.command(Session::resume);
    second.get("/a");
    let exchange = second.exchange();
    second.answer(exchange, 200, &[("set-cookie", "sid=2")], "");
    second.advance(Duration::from_secs(1));
    assert_eq!(second.session.generation(), 2);
    first.get("/a");
    let exchange = first.exchange();
    first.answer(exchange, 200, &[("set-cookie", "other=1")], "");
    first.advance(Duration::from_secs(1));
    assert_eq!(first.session.generation(), 2, "taken over");
    first.get("/a");
    assert_eq!(first.exchange().headers["cookie"], "sid=2");
}

#[test]
fn a_sign_in_overwrites_whatever_was_there() {
    let shelf = Shelf::default();
    let mut first = kept(3600, &shelf);
    for generation in 2..5 {
        first.command(Session::renew);
        let renewal = first.own(Purpose::Renewal);
        first.answer(renewal, 200, JSON, &tokens(generation, 3600));
    }
    let second = kept(3600, &shelf);
    assert_eq!(second.session.generation(), 5, "later than what it replaced");
    assert_eq!(resumed(&shelf).session.generation(), 5);
}

#[test]
fn tokens_that_nothing_has_proved_are_not_saved() {
    let shelf = Shelf::default();
    let mut pair = kept(3600, &shelf);
    pair.get("/a");
    let exchange = pair.exchange();
    pair.answer(exchange, 200, &[("set-cookie", "seen=1")], "");
    let id = pair.sign_in(Credentials::refresh_token("other"));
    let sign_in = pair.own(Purpose::SignIn);
    pair.advance(Duration::from_secs(10));
    assert_eq!(pair.session.stats().saves, 1);
    pair.answer(sign_in, 400, JSON, "{}");
    assert_eq!(pair.error(id), "credentials_refused");
    assert_eq!(pair.session.stats().saves, 2, "what was put off");
    let mut other = resumed(&shelf);
    other.get("/a");
    let exchange = other.exchange();
    assert_eq!(exchange.headers["authorization"], "Bearer a1");
    assert_eq!(exchange.headers["cookie"], "seen=1");
}

#[test]
fn a_sign_in_while_a_conflict_is_looked_at_ends() {
    let shelf = Shelf::default();
    let mut first = kept(3600, &shelf);
    let mut second = resumed(&shelf);
    second.command(Session::renew);
    let renewal = second.own(Purpose::Renewal);
    second.answer(renewal, 200, JSON, &tokens(2, 3600));
    first.get("/a");
    let exchange = first.exchange();
    first.answer(exchange, 200, &[("set-cookie", "mine=1")], "");
    first.shelf.mode = Mode::Held;
    first.command(Session::save);
    let save = first.other();
    first.perform(&save);
    let load = first.other();
    assert!(matches!(load, Effect::Load(_)));
    let id = first.sign_in(Credentials::refresh_token("new"));
    let sign_in = first.own(Purpose::SignIn);
    first.perform(&load);
    first.shelf.mode = Mode::Up;
    first.answer(sign_in, 200, JSON, &tokens(9, 3600));
    first.done(id);
    assert_eq!(first.session.generation(), 3);
    assert_eq!(resumed(&shelf).session.generation(), 3);
}

#[test]
fn a_save_command_ends_even_when_another_session_is_taken_over() {
    let shelf = Shelf::default();
    let mut first = kept(3600, &shelf);
    let mut second = resumed(&shelf);
    second.command(Session::renew);
    let renewal = second.own(Purpose::Renewal);
    second.answer(renewal, 200, JSON, &tokens(2, 3600));
    first.get("/a");
    let exchange = first.exchange();
    let forced = first.command(Session::renew);
    let _renewal = first.own(Purpose::Renewal);
    first.answer(exchange, 200, &[("set-cookie", "mine=1")], "");
    let save = first.command(Session::save);
    first.done(save);
    first.done(forced);
    assert_eq!(first.session.generation(), 2);
}

#[test]
fn saving_what_is_kept_nowhere_is_an_error() {
    let mut pair = super::platforms::oauth(3600);
    let save = pair.command(Session::save);
    assert_eq!(pair.error(save), "store_unfit");
}

#[test]
fn a_credential_cookie_that_only_lives_longer_is_the_same_generation() {
    let mut pair = Pair::new(r#""sign_in": {"bundle": {}}, "credential": {"cookie": "sid"}"#);
    let id = pair.sign_in(Credentials { cookies: Some(Secret::new("sid=1")), ..Credentials::default() });
    pair.done(id);
    let mut generations = Vec::new();
    for line in ["sid=2; Max-Age=60", "sid=2; Max-Age=600", "sid=2; Max-Age=6000", "sid=3; Max-Age=60"] {
        pair.get("/a");
        let exchange = pair.exchange();
        pair.answer(exchange, 200, &[("set-cookie", line)], "");
        generations.push(pair.session.generation());
    }
    assert_eq!(generations, [2, 2, 2, 3]);
}
