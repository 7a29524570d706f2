//! A session ends when it is too old or was idle for too long, also while nobody looks and across processes.

use std::time::Duration;

use hallpass_conformance::dialogue::{Mode, Pair, Shelf, kept, platform};
use hallpass_core::credentials::Credentials;
use hallpass_core::effect::{Effect, Purpose};
use hallpass_core::machine::{Session, State};
use hallpass_core::store::Expiry;
use hallpass_core::time::Wall;

const HOUR: Duration = Duration::from_secs(3600);

const LIMITED: &str = r#""sign_in": {"bearer": {}}, "lifetime": {"idle": "1h", "absolute": "8h"}"#;

fn limited(shelf: &Shelf) -> Pair {
    let mut pair = Pair::kept(LIMITED, shelf);
    let id = pair.sign_in(Credentials::bearer("t1"));
    pair.done(id);
    pair
}

fn served(pair: &mut Pair) {
    let call = pair.get("/a");
    let exchange = pair.exchange();
    pair.answer(exchange, 200, &[], "");
    assert_eq!(pair.status(call), 200);
}

/// Another process, later: what resuming says, and where the session stands.
fn resumed(shelf: &Shelf, after: Duration) -> (&'static str, State) {
    let mut pair = Pair::kept(LIMITED, shelf);
    pair.advance(after);
    let resume = pair.command(Session::resume);
    let told = pair.reply(resume).map_or_else(|error| error.kind(), |_| "done");
    (told, pair.session.state())
}

#[test]
fn an_idle_session_ends_by_itself_and_calls_keep_it_from_being_idle() {
    let mut pair = limited(&Shelf::default());
    for _ in 0..6 {
        pair.advance(HOUR.saturating_sub(Duration::from_secs(1)));
        served(&mut pair);
    }
    pair.advance(HOUR.saturating_sub(Duration::from_secs(1)));
    assert_eq!(pair.session.state(), State::Active);
    pair.advance(Duration::from_secs(1));
    assert_eq!(pair.session.state(), State::Expired, "without a call");
    let late = pair.get("/a");
    let error = pair.reply(late).expect_err("it has ended");
    assert_eq!(error.kind(), "expired");
    assert!(error.detail().contains("not used for 3600s"), "{error}");
    assert!(pair.wait.is_none());
}

#[test]
fn a_session_in_use_ends_when_it_is_too_old_and_renewals_do_not_prolong_it() {
    let mut pair = limited(&Shelf::default());
    for _ in 0..16 {
        pair.advance((HOUR / 2).saturating_sub(Duration::from_millis(1)));
        served(&mut pair);
    }
    pair.advance(Duration::from_millis(16));
    let late = pair.get("/a");
    let error = pair.reply(late).expect_err("it has ended");
    assert!(error.detail().contains("signed in 28800s ago"), "{error}");
    // Signing in anew begins a new one.
    let again = pair.sign_in(Credentials::bearer("t2"));
    pair.done(again);
    pair.advance(HOUR / 2);
    served(&mut pair);
}

#[test]
fn a_clock_that_jumped_while_the_machine_slept_is_noticed_by_the_next_call() {
    let mut pair = limited(&Shelf::default());
    pair.now.wall = pair.now.wall + 2 * HOUR;
    let late = pair.get("/a");
    assert_eq!(pair.error(late), "expired");
}

#[test]
fn a_resumed_session_knows_its_age_and_its_last_use() {
    let shelf = Shelf::default();
    let mut pair = limited(&shelf);
    assert_eq!(resumed(&shelf, HOUR.saturating_sub(Duration::from_secs(2))), ("done", State::Active));
    assert_eq!(resumed(&shelf, HOUR), ("expired", State::Expired));
    // A use is saved, if it says something new.
    let saves = pair.session.stats().saves;
    pair.advance(Duration::from_secs(10 * 60));
    served(&mut pair);
    served(&mut pair);
    pair.advance(Duration::from_secs(10));
    served(&mut pair);
    pair.advance(Duration::from_secs(10));
    assert_eq!(pair.session.stats().saves, saves + 1);
    assert_eq!(resumed(&shelf, HOUR + Duration::from_secs(9 * 60)), ("done", State::Active));
    assert_eq!(resumed(&shelf, HOUR + Duration::from_secs(11 * 60)), ("expired", State::Expired));
}

#[test]
fn the_store_is_told_when_a_record_ends() {
    let mut pair = Pair::with(platform(LIMITED), kept(), Shelf::in_mode(Mode::Held));
    pair.sign_in(Credentials::bearer("t1"));
    let begin = pair.now.wall;
    let Effect::Save(save) = pair.other() else { panic!("a save") };
    let slack = HOUR / 8;
    assert_eq!(
        save.expiry,
        Expiry { idle: Some(HOUR + slack), absolute: Some(Wall::from_millis(begin.as_millis()) + 8 * HOUR) }
    );
}

#[test]
fn keep_alive_is_no_use_of_a_session() {
    let rest =
        r#""sign_in": {"bearer": {}}, "lifetime": {"idle": "1h"}, "keep_alive": {"every": "25m", "path": "/ping"}"#;
    let mut pair = Pair::new(rest);
    pair.sign_in(Credentials::bearer("t1"));
    for _ in 0..2 {
        pair.advance(HOUR / 2);
        while !pair.is_idle() {
            let ping = pair.own(Purpose::KeepAlive);
            pair.answer(ping, 200, &[], "");
        }
    }
    assert_eq!(pair.session.state(), State::Expired);
}
