//! Is a second factor asked for, computed, tried as often as the platform allows, and no more?

use std::time::Duration;

use hallpass_conformance::dialogue::{Pair, Shelf, platform};
use hallpass_core::credentials::{Credentials, Secret};
use hallpass_core::effect::{Answer, Ask, Declined, Effect, Exchange, Outcome, Question, SendBody};
use hallpass_core::machine::{Notice, Settings, State};

use crate::platforms::JSON;

const FORM: &str = r#""sign_in": {"steps": {"step": [
    {"path": "/login", "form": {"u": "{username}", "p": "{password}"}, "extract": {"flow": {"json": "/flow"}},
        "challenge": {"status": [401], "json": {"pointer": "/error", "values": ["mfa_required"]}}},
    {"path": "/mfa", "json": {"flow": "{flow}", "code": "{code}"}, "success": {"cookie": "sid"},
        "code": {"tries_left": "/left", "stop": {"status": [423]}}}]}}"#;

const SECRET: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

fn pair(rest: &str) -> Pair {
    Pair::with(platform(rest), Settings { asks: true, ..Settings::default() }, Shelf::default())
}

fn body(exchange: &Exchange) -> String {
    match &exchange.body {
        SendBody::Bytes(bytes) => String::from_utf8(bytes.to_vec()).expect("text"),
        SendBody::Empty | SendBody::Callers => String::new(),
    }
}

/// Answers the first step with a challenge.
fn challenge(pair: &mut Pair) {
    let login = pair.exchange();
    assert_eq!(body(&login), "p=pw&u=bob");
    pair.answer(login, 401, JSON, r#"{"error": "mfa_required", "flow": "f1"}"#);
}

fn question(pair: &mut Pair) -> Ask {
    match pair.other() {
        Effect::Ask(ask) => *ask,
        other => panic!("{other:?}"),
    }
}

fn give(pair: &mut Pair, ask: Ask, code: &str) {
    pair.session.complete(ask.ticket, Ok(Answer::Code(Secret::new(code))), pair.now);
    pair.drain();
}

fn asked(ask: &Ask) -> (Option<u32>, u32) {
    match ask.question {
        Question::SecondFactor { tries_left, refused } => (tries_left, refused),
        ref other => panic!("{other:?}"),
    }
}

fn bob() -> Credentials {
    Credentials::password("bob", "pw")
}

#[test]
fn calls_wait_while_the_program_is_asked_and_go_on_with_the_code() {
    let mut pair = pair(FORM);
    let id = pair.sign_in(bob());
    challenge(&mut pair);
    let ask = question(&mut pair);
    assert_eq!((asked(&ask), pair.session.state()), ((Some(3), 0), State::Challenged));
    assert_eq!(ask.deadline.since(pair.now.mono), Duration::from_secs(300));
    assert!(pair.notices.contains(&Notice::Challenged));
    let call = pair.get("/x");
    assert!(!pair.has_reply(call) && pair.is_idle());
    give(&mut pair, ask, " 123456\n");
    assert_eq!(pair.session.state(), State::SigningIn);
    let mfa = pair.exchange();
    assert_eq!(body(&mfa), r#"{"code":"123456","flow":"f1"}"#);
    pair.answer(mfa, 200, &[("set-cookie", "sid=1")], "");
    pair.done(id);
    let exchange = pair.exchange();
    pair.answer(exchange, 200, &[], "");
    assert_eq!(pair.status(call), 200);
    assert!(!pair.shown.contains("123456") && !pair.shown.contains("f1"), "{}", pair.shown);
}

#[test]
fn a_platform_that_asks_for_nothing_more_gets_nothing_more() {
    let mut pair = pair(FORM);
    let id = pair.sign_in(bob());
    let login = pair.exchange();
    pair.answer(login, 200, &[("set-cookie", "sid=1")], "");
    pair.done(id);
    assert!(pair.is_idle());
}

#[test]
fn a_wrong_password_is_no_challenge() {
    let mut pair = pair(FORM);
    let id = pair.sign_in(bob());
    let login = pair.exchange();
    pair.answer(login, 401, JSON, r#"{"error": "bad_password"}"#);
    assert_eq!(pair.error(id), "credentials_refused");
    assert!(pair.is_idle());
}

#[test]
fn wrong_codes_are_asked_for_again_until_no_tries_are_left() {
    let mut pair = pair(FORM);
    let id = pair.sign_in(bob());
    challenge(&mut pair);
    for (refused, expected) in [(0, Some(3)), (1, Some(2)), (2, Some(1))] {
        let ask = question(&mut pair);
        assert_eq!(asked(&ask), (expected, refused));
        give(&mut pair, ask, "000000");
        let mfa = pair.exchange();
        pair.answer(mfa, 400, JSON, "{}");
    }
    assert_eq!(pair.error(id), "challenge_exhausted");
    assert!(pair.is_idle());
}

#[test]
fn the_platforms_own_count_of_tries_is_believed() {
    let mut pair = pair(FORM);
    let id = pair.sign_in(bob());
    challenge(&mut pair);
    let ask = question(&mut pair);
    give(&mut pair, ask, "000000");
    let mfa = pair.exchange();
    pair.answer(mfa, 400, JSON, r#"{"left": 9}"#);
    let ask = question(&mut pair);
    assert_eq!(asked(&ask), (Some(9), 1));
    give(&mut pair, ask, "000001");
    let mfa = pair.exchange();
    pair.answer(mfa, 400, JSON, r#"{"left": 0}"#);
    assert_eq!(pair.error(id), "challenge_exhausted");
}

#[test]
fn a_platform_that_locks_the_account_ends_the_sign_in() {
    let mut pair = pair(FORM);
    let id = pair.sign_in(bob());
    challenge(&mut pair);
    let ask = question(&mut pair);
    give(&mut pair, ask, "000000");
    let mfa = pair.exchange();
    pair.answer(mfa, 423, &[], "");
    assert_eq!(pair.error(id), "challenge_refused");
    assert!(pair.is_idle());
}

#[test]
fn nobody_to_ask_declining_and_silence_are_different_errors() {
    let mut alone = Pair::new(FORM);
    let id = alone.sign_in(bob());
    challenge(&mut alone);
    assert_eq!(alone.error(id), "challenge_required");
    assert!(alone.is_idle());

    let mut pair = pair(FORM);
    let id = pair.sign_in(bob());
    let call = pair.get("/x");
    challenge(&mut pair);
    let ask = question(&mut pair);
    pair.finish(ask.ticket.id(), Outcome::Ask(Err(Declined { why: "no phone here".to_owned() })));
    let error = pair.reply(id).expect_err("declined");
    assert_eq!((error.kind(), error.detail().contains("no phone here")), ("challenge_cancelled", true));
    assert_eq!(pair.error(call), "challenge_cancelled");

    let id = pair.sign_in(bob());
    challenge(&mut pair);
    let ask = question(&mut pair);
    pair.advance(Duration::from_secs(301));
    assert_eq!(pair.error(id), "challenge_overdue");
    assert!(pair.abandoned.contains(&ask.ticket.id()));
    assert_eq!(pair.session.state(), State::Fresh);
}

#[test]
fn closing_takes_the_question_back() {
    let mut pair = pair(FORM);
    let id = pair.sign_in(bob());
    challenge(&mut pair);
    let ask = question(&mut pair);
    let close = pair.command(hallpass_core::machine::Session::close);
    assert_eq!(pair.error(id), "closed");
    pair.done(close);
    assert!(pair.abandoned.contains(&ask.ticket.id()));
}

#[test]
fn an_answer_of_another_kind_is_misuse() {
    let mut pair = pair(FORM);
    let id = pair.sign_in(bob());
    challenge(&mut pair);
    let ask = question(&mut pair);
    pair.finish(ask.ticket.id(), Outcome::Ask(Ok(Answer::Shown)));
    assert_eq!(pair.error(id), "misuse");
}

#[test]
fn a_totp_secret_answers_by_itself_and_no_code_is_sent_twice() {
    let mut pair = Pair::new(FORM);
    for again in [false, true] {
        let id = pair.sign_in(bob().with("totp_secret", SECRET));
        challenge(&mut pair);
        if again {
            assert!(pair.is_idle(), "the code of this time step was used");
            // The script begins at a whole period plus 20 s.
            pair.advance(Duration::from_secs(9));
            assert!(pair.is_idle());
            pair.advance(Duration::from_secs(1));
        }
        let mfa = pair.exchange();
        let totp = hallpass_core::credentials::Totp::parse(SECRET).expect("a secret");
        let code = totp.code(totp.step(pair.now.wall));
        assert!(body(&mfa).contains(code.expose()), "{}", body(&mfa));
        pair.answer(mfa, 200, &[("set-cookie", "sid=1")], "");
        pair.done(id);
    }
    assert!(!pair.shown.contains(SECRET));
}

#[test]
fn a_computed_code_that_is_refused_is_not_tried_again() {
    let mut pair = pair(FORM);
    let id = pair.sign_in(bob().with("totp_secret", SECRET));
    challenge(&mut pair);
    let mfa = pair.exchange();
    pair.answer(mfa, 400, JSON, r#"{"left": 2}"#);
    let error = pair.reply(id).expect_err("refused");
    assert_eq!(error.kind(), "challenge_refused");
    assert!(error.detail().contains("clock"), "{error}");
    assert!(pair.is_idle());
}

#[test]
fn a_totp_secret_that_is_none_is_told_before_anything_is_sent() {
    let mut pair = Pair::new(FORM);
    let id = pair.sign_in(bob().with("totp_secret", "no secret!"));
    assert_eq!(pair.error(id), "credentials_invalid");
    assert!(pair.is_idle());
}

#[test]
fn a_step_that_always_wants_a_code_gets_it_before_it_is_sent() {
    let rest = r#""sign_in": {"steps": {"step": [{"path": "/login", "form": {"p": "{password}", "otp": "{code}"}}]}}"#;
    let mut pair = pair(rest);
    let id = pair.sign_in(bob());
    let ask = question(&mut pair);
    give(&mut pair, ask, "424242");
    let login = pair.exchange();
    assert_eq!(body(&login), "otp=424242&p=pw");
    pair.answer(login, 200, &[], "");
    pair.done(id);
}

#[test]
fn a_challenge_is_known_by_redirect_header_and_cookie() {
    for (rule, headers) in [
        (r#""redirect_to": "/2fa""#, &[("location", "/2fa?x")][..]),
        (r#""header": {"name": "x-otp", "value": "required"}"#, &[("x-otp", "required")]),
        (r#""cookie": "pending""#, &[("set-cookie", "pending=1; Path=/")]),
    ] {
        let rest = format!(
            r#""sign_in": {{"steps": {{"step": [{{"path": "/l", "form": {{"p": "{{password}}"}}, "challenge": {{{rule}}}}},
                {{"path": "/2fa", "form": {{"c": "{{code}}"}}}}]}}}}"#
        );
        let mut pair = pair(&rest);
        let id = pair.sign_in(bob());
        let login = pair.exchange();
        pair.answer(login, 302, headers, "");
        let ask = question(&mut pair);
        give(&mut pair, ask, "1");
        let mfa = pair.exchange();
        pair.answer(mfa, 200, &[], "");
        pair.done(id);
    }
}

#[test]
fn the_programs_own_sign_in_brings_what_a_bundle_brings() {
    let mut pair = pair(r#""sign_in": {"custom": {}}, "identity": {"path": "/me", "account_id": "/id"}"#);
    let id = pair.sign_in(bob());
    let ask = question(&mut pair);
    match &ask.question {
        Question::Custom { credentials } => assert_eq!(credentials.field("password"), Some("pw")),
        other => panic!("{other:?}"),
    }
    let mut found = Credentials::bearer("a1").with("expires_in", "3600");
    found.cookies = Some(Secret::new("sid=1"));
    pair.finish(ask.ticket.id(), Outcome::Ask(Ok(Answer::SignedIn(Box::new(found)))));
    let probe = pair.exchange();
    assert_eq!(probe.headers["authorization"], "Bearer a1");
    assert_eq!(probe.headers["cookie"], "sid=1");
    pair.answer(probe, 200, JSON, r#"{"id": 7}"#);
    pair.done(id);
    assert_eq!(pair.session.account_id(), Some("7"));
    assert_eq!(pair.session.expires_at(), Some(pair.now.wall + Duration::from_secs(3600)));
    assert!(!pair.shown.contains("pw"), "{}", pair.shown);
}
