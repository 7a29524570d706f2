//! A session that nobody uses is asked after at a jittered pace; one that is used is not; errors end nothing.

use std::time::Duration;

use hallpass_conformance::dialogue::{Pair, Shelf, platform};
use hallpass_core::credentials::Credentials;
use hallpass_core::effect::{FailureKind, Purpose, Sent};
use hallpass_core::machine::{Session, Settings, State};

const MINUTE: Duration = Duration::from_secs(60);

const KEPT_ALIVE: &str = r#""sign_in": {"bearer": {}}, "keep_alive": {"every": "5m", "path": "/ping"}"#;

fn alive(seed: u8) -> Pair {
    let mut pair = Pair::seeded([seed; 32], platform(KEPT_ALIVE), Settings::default(), Shelf::default());
    let id = pair.sign_in(Credentials::bearer("t1"));
    pair.done(id);
    pair
}

/// Lets a second at a time pass until something is asked; how long that took.
fn until_asked(pair: &mut Pair) -> Duration {
    let begin = pair.now.mono;
    while pair.is_idle() {
        pair.advance(Duration::from_millis(500));
        assert!(pair.now.mono.since(begin) < 60 * MINUTE, "it never asks");
    }
    pair.now.mono.since(begin)
}

#[test]
fn it_asks_within_a_fifth_of_its_pace_and_not_all_sessions_at_once() {
    let mut waits = Vec::new();
    for seed in 0..24 {
        let mut pair = alive(seed);
        for _ in 0..3 {
            let wait = until_asked(&mut pair);
            assert!((4 * MINUTE..=6 * MINUTE + MINUTE / 60).contains(&wait), "{wait:?}");
            waits.push(wait);
            let ping = pair.own(Purpose::KeepAlive);
            assert_eq!(
                (ping.uri.path(), &ping.headers["authorization"]),
                ("/ping", &"Bearer t1".parse().expect("text"))
            );
            pair.answer(ping, 204, &[], "");
        }
    }
    waits.sort();
    waits.dedup();
    assert!(waits.len() > 40, "{} different waits of 72", waits.len());
}

#[test]
fn a_session_whose_calls_prove_it_is_not_asked_after() {
    let mut pair = alive(1);
    for _ in 0..60 {
        pair.advance(3 * MINUTE);
        let call = pair.get("/a");
        let exchange = pair.exchange();
        assert!(pair.is_idle());
        pair.answer(exchange, 200, &[], "");
        assert_eq!(pair.status(call), 200);
    }
    // Calls that prove nothing are no reason not to ask.
    pair.advance(3 * MINUTE);
    pair.get("/b");
    let exchange = pair.exchange();
    pair.answer(exchange, 404, &[], "");
    assert!(until_asked(&mut pair) <= 4 * MINUTE);
}

#[test]
fn errors_end_nothing_and_bring_the_next_question_forward_at_first() {
    let mut pair = alive(2);
    until_asked(&mut pair);
    for (number, pace) in [5 * MINUTE / 4, 5 * MINUTE / 2, 5 * MINUTE, 5 * MINUTE].into_iter().enumerate() {
        let ping = pair.own(Purpose::KeepAlive);
        match number % 2 {
            0 => pair.fail(ping, FailureKind::Connect, Sent::No),
            _ => pair.answer(ping, 500, &[], ""),
        }
        let wait = until_asked(&mut pair);
        assert!((pace * 4 / 5..=pace * 6 / 5 + Duration::from_secs(1)).contains(&wait), "{number}: {wait:?}");
        assert_eq!(pair.session.state(), State::Active);
    }
    let ping = pair.own(Purpose::KeepAlive);
    pair.answer(ping, 429, &[("retry-after", "1800")], "");
    assert!(until_asked(&mut pair) >= 30 * MINUTE, "it does not beat `Retry-After`");
}

#[test]
fn a_refusal_ends_what_cannot_be_renewed_and_then_nothing_is_asked_any_more() {
    let mut pair = alive(3);
    until_asked(&mut pair);
    let ping = pair.own(Purpose::KeepAlive);
    pair.answer(ping, 401, &[], "");
    assert_eq!(pair.session.state(), State::Expired);
    assert!(pair.wait.is_none());
    pair.advance(60 * MINUTE);
    assert!(pair.is_idle());
}

#[test]
fn it_ends_with_the_session_and_sets_one_alarm_whatever_happens() {
    let mut pair = alive(4);
    for _ in 0..500 {
        let call = pair.get("/a");
        let exchange = pair.exchange();
        pair.answer(exchange, 200, &[("set-cookie", "a=1")], "");
        pair.status(call);
    }
    until_asked(&mut pair);
    let ping = pair.own(Purpose::KeepAlive);
    let close = pair.command(Session::close);
    pair.done(close);
    assert!(pair.abandoned.contains(&ping.ticket.id()));
    assert!(pair.wait.is_none(), "a closed session waits for nothing");
}

#[test]
fn without_a_path_of_its_own_it_is_the_identity_probe_and_a_stranger_is_found_out() {
    let rest =
        r#""sign_in": {"bearer": {}}, "identity": {"path": "/me", "account_id": "/id"}, "keep_alive": {"every": "5m"}"#;
    let mut pair = Pair::new(rest);
    let id = pair.sign_in(Credentials::bearer("t1"));
    for answer in [r#"{"id": 7}"#, r#"{"id": 7}"#, r#"{"id": 8}"#] {
        until_asked(&mut pair);
        let probe = pair.own(Purpose::Probe);
        pair.answer(probe, 200, &[], answer);
    }
    pair.done(id);
    assert_eq!(pair.session.state(), State::Rejected);
    assert!(pair.wait.is_none());
}
