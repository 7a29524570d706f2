//! A session that has ended signs in again by itself, once, with what the program let it keep, and never with what was refused.

use std::time::Duration;

use hallpass_conformance::dialogue::{Mode, Pair, Shelf, kept, platform};
use hallpass_core::credentials::{Credentials, Secret};
use hallpass_core::effect::{Exchange, FailureKind, Purpose, SendBody, Sent};
use hallpass_core::envelope;
use hallpass_core::machine::{Body, KeepCredentials, Notice, Session, Settings, State};
use http::Method;

use super::platforms::JSON;

const FORM: &str = r#""sign_in": {"form": {"path": "/login", "fields": {"user": "{username}", "pass": "{password}"},
    "success": {"status": [200], "cookie": "sid"}}}, "credential": {"cookie": "sid"}"#;

const PROBED: &str = r#""sign_in": {"form": {"path": "/login", "fields": {"user": "{username}", "pass": "{password}"}}},
    "identity": {"path": "/me", "account_id": "/id"}, "lifetime": {"absolute": "1h"}"#;

const SECRET: &str = "pl4nted-p4ssword";

const MINUTE: Duration = Duration::from_secs(60);

fn keeping(rest: &str, choice: KeepCredentials, shelf: &Shelf) -> Pair {
    let settings = Settings { keep_credentials: choice, trace: true, ..kept() };
    Pair::with(platform(rest), settings, shelf.clone())
}

fn submitted(exchange: &Exchange) -> String {
    match &exchange.body {
        SendBody::Bytes(bytes) => String::from_utf8(bytes.to_vec()).expect("text"),
        SendBody::Empty | SendBody::Callers => panic!("a sign-in has a body"),
    }
}

/// The form is sent with this password, and taken.
fn submit(pair: &mut Pair, password: &str, sid: &str) {
    let exchange = pair.own(Purpose::SignIn);
    assert_eq!(submitted(&exchange), format!("pass={password}&user=bob"));
    pair.answer(exchange, 200, &[("set-cookie", &format!("sid={sid}"))], "");
}

fn signed_in(choice: KeepCredentials, shelf: &Shelf) -> Pair {
    let mut pair = keeping(FORM, choice, shelf);
    let id = pair.sign_in(Credentials::password("bob", SECRET));
    submit(&mut pair, SECRET, "1");
    pair.done(id);
    pair
}

/// One call that the platform refuses.
fn refuse(pair: &mut Pair) -> hallpass_core::effect::CallId {
    let call = pair.get("/a");
    let exchange = pair.exchange();
    pair.answer(exchange, 401, &[], "");
    call
}

/// What the one record holds, opened.
fn plain(shelf: &Shelf, pair: &Pair) -> String {
    let persist = kept().persist.expect("kept");
    let key = pair.session.record_key().expect("kept");
    let sealed = shelf.record().expect("a record").sealed;
    assert!(!String::from_utf8_lossy(&sealed).contains(SECRET), "the store sees sealed bytes only");
    let opened = envelope::open(&persist.keyring, &key, &sealed).expect("opens");
    String::from_utf8_lossy(&opened.plaintext).into_owned()
}

#[test]
fn however_many_calls_are_refused_one_sign_in_follows_and_all_are_replayed() {
    for choice in [KeepCredentials::InMemory, KeepCredentials::Sealed] {
        let mut pair = signed_in(choice, &Shelf::default());
        let calls: Vec<_> = (0..64).map(|_| pair.get("/a")).collect();
        let exchanges: Vec<_> = (0..64).map(|_| pair.exchange()).collect();
        for exchange in exchanges {
            assert_eq!(exchange.headers["cookie"], "sid=1");
            pair.answer(exchange, 401, &[], "");
        }
        assert_eq!(pair.session.state(), State::SigningIn);
        let late = pair.get("/late");
        submit(&mut pair, SECRET, "2");
        for call in calls.into_iter().chain([late]) {
            let exchange = pair.exchange();
            assert_eq!((exchange.generation, &exchange.headers["cookie"]), (2, &"sid=2".parse().expect("a value")));
            pair.answer(exchange, 200, &[], "");
            assert_eq!(pair.status(call), 200);
        }
        assert!(pair.is_idle());
        let told: Vec<_> = pair.notices.iter().filter(|notice| !matches!(notice, Notice::Saved(_))).collect();
        assert_eq!(told, [&Notice::SignedIn(1), &Notice::Refused(1), &Notice::SignedIn(2)]);
        assert_eq!(pair.session.stats().sign_ins, 2);
    }
}

#[test]
fn a_suspicious_answer_that_comes_while_the_session_signs_in_again_waits_for_the_new_one() {
    let suspecting = format!(r#"{PROBED}, "refused": {{"suspect": [403]}}"#);
    let mut pair = keeping(&suspecting, KeepCredentials::InMemory, &Shelf::default());
    let id = pair.sign_in(Credentials::password("bob", SECRET));
    let identify = |pair: &mut Pair| {
        submit(pair, SECRET, "1");
        let probe = pair.own(Purpose::Probe);
        pair.answer(probe, 200, JSON, r#"{"id": "u1"}"#);
    };
    identify(&mut pair);
    pair.done(id);
    let calls = [pair.get("/a"), pair.get("/b")];
    let [first, late] = [pair.exchange(), pair.exchange()];
    pair.answer(first, 403, &[], "");
    let probe = pair.own(Purpose::Probe);
    pair.answer(probe, 403, &[], "");
    assert_eq!(pair.session.state(), State::SigningIn);
    pair.answer(late, 403, &[], "");
    identify(&mut pair);
    for call in calls {
        let exchange = pair.exchange();
        assert_eq!(exchange.generation, 2);
        pair.answer(exchange, 200, &[], "");
        assert_eq!(pair.status(call), 200);
    }
    assert!(pair.is_idle());
    assert_eq!(pair.session.stats().sign_ins, 2);
}

#[test]
fn nothing_is_kept_where_the_program_did_not_say_so() {
    let shelf = Shelf::default();
    let mut pair = signed_in(KeepCredentials::Never, &shelf);
    let call = refuse(&mut pair);
    assert_eq!(pair.status(call), 401);
    assert_eq!(pair.session.state(), State::Expired);
    assert!(pair.is_idle());
    assert!(!plain(&shelf, &pair).contains(SECRET));
    let in_memory = signed_in(KeepCredentials::InMemory, &shelf);
    assert!(!plain(&shelf, &in_memory).contains(SECRET));
}

#[test]
fn a_wrong_password_is_sent_once_and_then_no_more() {
    let shelf = Shelf::default();
    let mut pair = signed_in(KeepCredentials::Sealed, &shelf);
    assert!(plain(&shelf, &pair).contains(SECRET));
    let call = refuse(&mut pair);
    let attempt = pair.own(Purpose::SignIn);
    pair.answer(attempt, 403, &[], "");
    assert_eq!(pair.error(call), "credentials_refused");
    assert_eq!(pair.session.state(), State::Rejected);
    assert!(pair.notices.iter().any(|notice| notice.name() == "rejected"));
    assert!(!plain(&shelf, &pair).contains(SECRET), "the record has forgotten it");
    for _ in 0..5 {
        pair.advance(20 * MINUTE);
        let call = pair.get("/a");
        assert_eq!(pair.error(call), "credentials_refused");
        assert!(pair.is_idle(), "nothing more on the wire");
    }
    let mut other = keeping(FORM, KeepCredentials::Sealed, &shelf);
    let resume = other.command(Session::resume);
    other.done(resume);
    let call = refuse(&mut other);
    assert_eq!(other.status(call), 401);
    assert!(other.is_idle());
}

#[test]
fn trouble_on_the_way_ends_the_session_until_a_call_after_a_pause() {
    let mut pair = signed_in(KeepCredentials::InMemory, &Shelf::default());
    let call = refuse(&mut pair);
    let attempt = pair.own(Purpose::SignIn);
    pair.fail(attempt, FailureKind::ConnectionLost, Sent::Maybe);
    assert_eq!(pair.error(call), "connection_lost");
    assert_eq!(pair.session.state(), State::Expired);
    let early = pair.get("/a");
    let error = pair.reply(early).expect_err("it has ended");
    assert_eq!(error.kind(), "expired");
    assert!(error.detail().contains("signing in again by itself failed"), "{error}");
    assert!(matches!(error.retry(), hallpass_core::error::Retry::After(at) if at > pair.now.wall));
    assert!(pair.is_idle());
    pair.advance(MINUTE);
    assert!(pair.is_idle(), "nobody asks for it");
    let call = pair.get("/a");
    submit(&mut pair, SECRET, "2");
    let exchange = pair.exchange();
    pair.answer(exchange, 200, &[], "");
    assert_eq!(pair.status(call), 200);
}

#[test]
fn a_platform_that_takes_the_password_and_refuses_every_session_is_asked_ever_more_seldom() {
    let mut pair = signed_in(KeepCredentials::InMemory, &Shelf::default());
    let mut sign_ins = 0;
    for _ in 0..720 {
        let call = pair.get("/a");
        while let Some(exchange) = (!pair.is_idle()).then(|| pair.exchange()) {
            if exchange.owner == hallpass_core::effect::Owner::Session(Purpose::SignIn) {
                sign_ins += 1;
                pair.answer(exchange, 200, &[("set-cookie", "sid=2")], "");
            } else {
                pair.answer(exchange, 401, &[], "");
            }
        }
        assert!(pair.reply(call).err().is_none_or(|error| error.kind() == "expired"));
        pair.advance(Duration::from_secs(5));
    }
    assert!((3..40).contains(&sign_ins), "{sign_ins} in an hour");
}

#[test]
fn a_resumed_session_signs_in_again_with_what_was_sealed() {
    let shelf = Shelf::default();
    signed_in(KeepCredentials::Sealed, &shelf);
    let mut pair = keeping(FORM, KeepCredentials::Sealed, &shelf);
    let resume = pair.command(Session::resume);
    pair.done(resume);
    let call = refuse(&mut pair);
    submit(&mut pair, SECRET, "2");
    let exchange = pair.exchange();
    pair.answer(exchange, 200, &[], "");
    assert_eq!(pair.status(call), 200);
    assert!(plain(&shelf, &pair).contains(SECRET), "and they are still there");
    // A program that does not allow it neither uses nor keeps them.
    let mut strict = keeping(FORM, KeepCredentials::Never, &shelf);
    let resume = strict.command(Session::resume);
    strict.done(resume);
    let call = strict.get("/a");
    let exchange = strict.exchange();
    strict.answer(exchange, 200, &[("set-cookie", "seen=1")], "");
    assert_eq!(strict.status(call), 200);
    strict.advance(MINUTE);
    assert!(!plain(&shelf, &strict).contains(SECRET));
}

#[test]
fn a_session_that_is_too_old_signs_in_again_when_it_is_used_or_resumed() {
    let shelf = Shelf::default();
    let mut pair = keeping(PROBED, KeepCredentials::Sealed, &shelf);
    let id = pair.sign_in(Credentials::password("bob", SECRET));
    submit(&mut pair, SECRET, "1");
    let probe = pair.own(Purpose::Probe);
    pair.answer(probe, 200, JSON, r#"{"id": "u1"}"#);
    pair.done(id);
    pair.advance(61 * MINUTE);
    assert_eq!(pair.session.state(), State::Expired);
    assert!(pair.is_idle(), "nobody uses it");
    let call = pair.get("/a");
    submit(&mut pair, SECRET, "2");
    let probe = pair.own(Purpose::Probe);
    assert!(!pair.has_reply(call));
    pair.answer(probe, 200, JSON, r#"{"id": "u1"}"#);
    assert_eq!(pair.exchange().generation, 2);

    let mut later = keeping(PROBED, KeepCredentials::Sealed, &shelf);
    later.advance(180 * MINUTE);
    let resume = later.command(Session::resume);
    assert_eq!(later.session.state(), State::SigningIn);
    submit(&mut later, SECRET, "3");
    // Whoever the platform says it is now, it must be who it was.
    let probe = later.own(Purpose::Probe);
    later.answer(probe, 200, JSON, r#"{"id": "u2"}"#);
    assert_eq!(later.error(resume), "account_mismatch");
    assert!(!plain(&shelf, &later).contains(SECRET));
    later.advance(20 * MINUTE);
    let call = later.get("/a");
    assert_eq!(later.error(call), "account_mismatch");
    assert!(later.is_idle());
}

#[test]
fn what_cannot_be_signed_in_with_by_itself_is_not_kept() {
    let bundle = r#""sign_in": {"bundle": {}}, "credential": {"cookie": "sid"}"#;
    let bearer = r#""sign_in": {"bearer": {}}"#;
    let key = r#""sign_in": {"api_key": {"header": "x-key"}}"#;
    let basic = r#""sign_in": {"basic": {}}"#;
    let given = Credentials::password("bob", SECRET).with("access_token", SECRET).with("api_key", SECRET);
    for rest in [bundle, bearer, key, basic] {
        let mut credentials = given.clone();
        credentials.cookies = Some(Secret::new("sid=1"));
        let mut pair = keeping(rest, KeepCredentials::Sealed, &Shelf::default());
        let id = pair.sign_in(credentials);
        pair.done(id);
        let call = refuse(&mut pair);
        assert_eq!(pair.status(call), 401, "{rest}");
        assert_eq!(pair.session.state(), State::Expired, "{rest}");
        assert!(pair.is_idle(), "{rest}");
    }
}

#[test]
fn a_second_factor_is_computed_again_and_a_refused_one_ends_it_for_good() {
    let rest = r#""sign_in": {"steps": {"step": [
        {"path": "/login", "form": {"p": "{password}"}, "challenge": {"status": [401]}},
        {"path": "/code", "form": {"code": "{code}"}}]}}"#;
    let mut pair = keeping(rest, KeepCredentials::Sealed, &Shelf::default());
    let totp = "JBSWY3DPEHPK3PXP";
    let id = pair.sign_in(Credentials::password("bob", SECRET).with("totp_secret", totp));
    let mut codes = Vec::new();
    let mut go = |pair: &mut Pair, status| {
        let login = pair.own(Purpose::SignIn);
        pair.answer(login, 401, &[], "");
        if pair.is_idle() {
            // The code of this time step was sent already.
            pair.advance(Duration::from_secs(30));
        }
        let code = pair.own(Purpose::SignIn);
        codes.push(submitted(&code));
        pair.answer(code, status, &[], "");
    };
    go(&mut pair, 200);
    pair.done(id);
    let call = refuse(&mut pair);
    go(&mut pair, 200);
    let exchange = pair.exchange();
    pair.answer(exchange, 200, &[], "");
    assert_eq!(pair.status(call), 200);
    pair.advance(MINUTE);
    let call = refuse(&mut pair);
    go(&mut pair, 403);
    assert_eq!(pair.error(call), "challenge_refused");
    assert!(codes[0] != codes[1] && codes[1] != codes[2], "{codes:?}");
    pair.advance(60 * MINUTE);
    let call = pair.get("/a");
    assert_eq!(pair.error(call), "challenge_refused");
    assert!(pair.is_idle());
}

#[test]
fn a_new_sign_in_takes_the_place_of_an_automatic_one_and_of_what_was_kept() {
    let shelf = Shelf::default();
    let mut pair = signed_in(KeepCredentials::Sealed, &shelf);
    let call = refuse(&mut pair);
    let automatic = pair.own(Purpose::SignIn);
    let id = pair.sign_in(Credentials::password("bob", "other"));
    assert!(pair.abandoned.contains(&automatic.ticket.id()));
    submit(&mut pair, "other", "2");
    pair.done(id);
    let exchange = pair.exchange();
    pair.answer(exchange, 200, &[], "");
    assert_eq!(pair.status(call), 200);
    assert!(!plain(&shelf, &pair).contains(SECRET));
    pair.advance(MINUTE);
    refuse(&mut pair);
    // The same ones again only join.
    let id = pair.sign_in(Credentials::password("bob", "other"));
    submit(&mut pair, "other", "3");
    pair.done(id);
    assert_eq!(pair.session.stats().sign_ins, 3);
}

#[test]
fn a_sign_in_that_fails_leaves_what_was_kept() {
    let mut pair = signed_in(KeepCredentials::InMemory, &Shelf::default());
    let id = pair.sign_in(Credentials::password("bob", "wrong"));
    let attempt = pair.own(Purpose::SignIn);
    pair.answer(attempt, 401, &[], "");
    assert_eq!(pair.error(id), "credentials_refused");
    let call = refuse(&mut pair);
    submit(&mut pair, SECRET, "2");
    let exchange = pair.exchange();
    pair.answer(exchange, 200, &[], "");
    assert_eq!(pair.status(call), 200);
}

#[test]
fn a_body_that_can_be_sent_once_is_not_sent_again() {
    let mut pair = signed_in(KeepCredentials::InMemory, &Shelf::default());
    let mut head = pair.head(Method::POST, "/a");
    head.body = Body::Once;
    let call = pair.call(head);
    let exchange = pair.exchange();
    pair.answer(exchange, 401, &[], "");
    assert_eq!(pair.error(call), "body_not_replayable");
    submit(&mut pair, SECRET, "2");
    assert_eq!(pair.session.state(), State::Active);
    assert!(pair.is_idle());
}

#[test]
fn an_ending_session_does_not_sign_in_again() {
    let shelf = Shelf::default();
    let mut pair = signed_in(KeepCredentials::Sealed, &shelf);
    let call = pair.get("/a");
    let exchange = pair.exchange();
    let close = pair.command(Session::close);
    pair.answer(exchange, 401, &[], "");
    assert_eq!(pair.status(call), 401);
    pair.done(close);
    assert!(pair.is_idle());
    assert!(plain(&shelf, &pair).contains(SECRET), "what is sealed stays");

    let mut pair = signed_in(KeepCredentials::Sealed, &Shelf::default());
    let call = refuse(&mut pair);
    let automatic = pair.own(Purpose::SignIn);
    let forget = pair.command(Session::forget);
    assert_eq!(pair.error(call), "closed");
    assert!(pair.abandoned.contains(&automatic.ticket.id()));
    pair.done(forget);
    assert!(pair.shelf.record().is_none());
}

#[test]
fn a_kept_secret_is_shown_nowhere() {
    let shelf = Shelf::default();
    let mut pair = signed_in(KeepCredentials::Sealed, &shelf);
    let call = refuse(&mut pair);
    let attempt = pair.own(Purpose::SignIn);
    pair.answer(attempt, 200, &[], &format!("no cookie for {SECRET}"));
    assert_eq!(pair.error(call), "credentials_refused");
    let trace = pair.session.take_trace().join("\n");
    let session = format!("{:?}", pair.session);
    for text in [&trace, &session, &pair.shown] {
        assert!(!text.contains(SECRET), "{text}");
    }
    plain(&shelf, &pair);
}

#[test]
fn a_record_that_cannot_be_saved_keeps_no_call_waiting() {
    let mut pair = signed_in(KeepCredentials::Sealed, &Shelf::default());
    pair.shelf.mode = Mode::Down;
    let call = refuse(&mut pair);
    submit(&mut pair, SECRET, "2");
    let exchange = pair.exchange();
    pair.answer(exchange, 200, &[], "");
    assert_eq!(pair.status(call), 200);
}
