//! Resuming: what is found, what is not, and what is refused.

use std::time::Duration;

use hallpass_conformance::dialogue::{Mode, Pair, Shelf, kept as settings, platform, tokens};
use hallpass_core::effect::Purpose;
use hallpass_core::effect::{FailureKind, Sent};
use hallpass_core::envelope::Keyring;
use hallpass_core::machine::{Leases, Persist, Session, Settings, State};
use hallpass_core::platform::Platform;

use super::platforms::{JSON, OAUTH, kept, oauth, start};

fn resume(mut pair: Pair) -> Result<Pair, &'static str> {
    let id = pair.command(Session::resume);
    match pair.reply(id) {
        Ok(_) => Ok(pair),
        Err(error) => Err(error.kind()),
    }
}

fn refused(pair: Pair) -> &'static str {
    resume(pair).map(|_| ()).expect_err("it does not resume")
}

#[test]
fn a_saved_session_is_resumed_without_signing_in() {
    let shelf = Shelf::default();
    kept(3600, &shelf);
    let mut pair = resume(Pair::kept(OAUTH, &shelf)).expect("resumed");
    assert!(pair.is_idle());
    pair.get("/a");
    let exchange = pair.exchange();
    assert_eq!((exchange.headers["authorization"].to_str().unwrap(), exchange.generation), ("Bearer a1", 1));
}

#[test]
fn what_is_not_there_is_no_session() {
    assert_eq!(refused(Pair::kept(OAUTH, &Shelf::default())), "no_session");
}

#[test]
fn a_store_that_is_away_is_not_no_session() {
    let shelf = Shelf::in_mode(Mode::Down);
    assert_eq!(refused(Pair::kept(OAUTH, &shelf)), "store_unavailable");
}

#[test]
fn a_store_that_never_answers_is_unavailable() {
    let mut pair = Pair::kept(OAUTH, &Shelf::in_mode(Mode::Held));
    let id = pair.command(Session::resume);
    let call = pair.get("/a");
    pair.advance(Duration::from_secs(5));
    assert_eq!(pair.error(id), "store_unavailable");
    assert_eq!(pair.error(call), "store_unavailable");
}

#[test]
fn a_damaged_record_is_damaged_and_a_sign_in_replaces_it() {
    let shelf = Shelf::default();
    kept(3600, &shelf);
    let mut sealed = shelf.record().expect("a record").sealed;
    *sealed.last_mut().expect("bytes") ^= 1;
    shelf.damage(&sealed);
    assert_eq!(refused(Pair::kept(OAUTH, &shelf)), "damaged");
    kept(3600, &shelf);
    resume(Pair::kept(OAUTH, &shelf)).expect("whole again");
}

#[test]
fn another_key_is_a_key_that_is_unknown() {
    let shelf = Shelf::default();
    kept(3600, &shelf);
    let keyring = Keyring::new("k2", [8; 32]).expect("an id").into();
    let persist = Some(Persist { keyring, namespace: "tests".to_owned(), leases: Leases::NotNeeded });
    let pair = Pair::with(platform(OAUTH), Settings { persist, ..Settings::default() }, shelf);
    assert_eq!(refused(pair), "key_unknown");
}

#[test]
fn a_session_without_a_store_has_no_key() {
    assert_eq!(refused(Pair::new(OAUTH)), "key_missing");
}

#[test]
fn a_hostile_base_url_receives_nothing() {
    let shelf = Shelf::default();
    kept(3600, &shelf);
    for text in [
        r#"{"id": "p", "base_url": "https://hostile.example", "sign_in": {"oauth2_refresh": {}}, "renew": {"token_url": "/token"}}"#,
        r#"{"id": "p", "base_url": "https://api.example", "origins": ["https://hostile.example"], "sign_in": {"oauth2_refresh": {}}, "renew": {"token_url": "https://hostile.example/token"}}"#,
        r#"{"id": "p", "base_url": "https://api.example", "origins": ["https://hostile.example"], "sign_in": {"oauth2_refresh": {}}, "renew": {"token_url": "/token"}}"#,
    ] {
        let mut pair = Pair::with(Platform::from_json(text).expect("valid"), settings(), shelf.clone());
        let id = pair.command(Session::resume);
        assert_eq!(pair.error(id), "platform_changed");
        let call = pair.get("/a");
        assert_eq!(pair.error(call), "no_session");
        pair.advance(Duration::from_secs(7200));
        assert!(pair.is_idle(), "zero exchanges");
    }
}

#[test]
fn a_sign_in_under_the_changed_platform_replaces_the_record() {
    let shelf = Shelf::default();
    kept(3600, &shelf);
    let text = r#"{"id": "p", "base_url": "https://moved.example", "sign_in": {"oauth2_refresh": {}}, "renew": {"token_url": "/token"}}"#;
    let moved = || Pair::with(Platform::from_json(text).expect("valid"), settings(), shelf.clone());
    start(moved(), 3600);
    resume(moved()).expect("resumed where it was signed in");
}

#[test]
fn edits_of_limits_are_no_change_of_platform() {
    let shelf = Shelf::default();
    kept(3600, &shelf);
    let edited = format!(r#"{OAUTH}, "retry": {{"attempts": 2}}, "timeouts": {{"total": "5s"}}"#);
    resume(Pair::kept(&edited, &shelf)).expect("resumed");
}

#[test]
fn an_expired_session_is_renewed_when_resumed() {
    let shelf = Shelf::default();
    kept(60, &shelf);
    let mut pair = Pair::kept(OAUTH, &shelf);
    pair.advance(Duration::from_secs(3600));
    let mut pair = resume(pair).expect("resumed");
    let renewal = pair.own(Purpose::Renewal);
    let call = pair.get("/a");
    pair.answer(renewal, 200, JSON, &tokens(2, 3600));
    let exchange = pair.exchange();
    pair.answer(exchange, 200, &[], "");
    assert_eq!(pair.status(call), 200);
}

#[test]
fn resuming_does_not_bring_back_a_token_that_may_be_used_up() {
    let shelf = Shelf::default();
    let mut pair = kept(3600, &shelf);
    pair.get("/a");
    let exchange = pair.exchange();
    pair.answer(exchange, 401, &[], "");
    let renewal = pair.own(Purpose::Renewal);
    pair.fail(renewal, FailureKind::ConnectionLost, Sent::Maybe);
    assert_eq!(pair.session.state(), State::Expired);
    let id = pair.command(Session::resume);
    assert_eq!(pair.error(id), "renewal_lost");
    assert!(pair.is_idle());
    let mut other = kept(3600, &shelf);
    other.command(Session::save);
    let id = pair.command(Session::resume);
    pair.done(id);
    assert_eq!(pair.session.generation(), 2, "what another process signed in");
}

#[test]
fn resuming_what_is_active_does_nothing() {
    let mut pair = kept(3600, &Shelf::default());
    let id = pair.command(Session::resume);
    pair.done(id);
    let mut pair = oauth(3600);
    let id = pair.command(Session::resume);
    assert_eq!(pair.error(id), "key_missing");
}
