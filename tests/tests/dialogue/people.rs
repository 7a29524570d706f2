//! Grants that a person takes part in: at another device, and in a browser.

use std::time::Duration;

use hallpass_conformance::dialogue::{Pair, Shelf, platform, tokens};
use hallpass_core::credentials::{Credentials, Secret};
use hallpass_core::effect::{
    Answer, Ask, CallId, Declined, Effect, Exchange, FailureKind, Outcome, Purpose, Question, SendBody, Sent,
};
use hallpass_core::machine::{Settings, State};

use super::platforms::JSON;

const DEVICE: &str = r#""sign_in": {"device_code": {"device_url": "/device", "scope": "offline"}},
    "renew": {"token_url": "/token", "client_id": "tv"}"#;

const CODE: &str = r#""sign_in": {"authorization_code": {"scope": "openid", "parameters": {"prompt": "consent"}}},
    "renew": {"client_id": "cli"}, "oauth": {"issuer": "https://api.example"}"#;

const GRANTED: &str = r#"{"device_code": "dev-secret", "user_code": "WDJB-MJHT", "verification_uri": "https://api.example/activate",
    "expires_in": 60, "interval": 5}"#;

const REDIRECT: &str = "http://127.0.0.1:7777/callback";

fn body(exchange: &Exchange) -> &str {
    match &exchange.body {
        SendBody::Bytes(bytes) => std::str::from_utf8(bytes).expect("text"),
        SendBody::Empty | SendBody::Callers => panic!("no body of the session's own"),
    }
}

fn asking(rest: &str) -> Pair {
    Pair::with(platform(rest), Settings { asks: true, ..Settings::default() }, Shelf::default())
}

fn question(pair: &mut Pair) -> Ask {
    match pair.other() {
        Effect::Ask(ask) => *ask,
        other => panic!("no question: {other:?}"),
    }
}

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

/// A device whose person has been shown the code.
fn shown() -> (Pair, CallId) {
    let mut pair = asking(DEVICE);
    let id = pair.sign_in(Credentials::default());
    let request = pair.own(Purpose::SignIn);
    assert_eq!((request.uri.path(), body(&request)), ("/device", "scope=offline&client_id=tv"));
    pair.answer(request, 200, JSON, GRANTED);
    let ask = question(&mut pair);
    let Question::DeviceCode { user_code, verification_uri, expires_in, .. } = &ask.question else {
        panic!("another question");
    };
    assert_eq!(
        (&**user_code, &**verification_uri, *expires_in),
        ("WDJB-MJHT", "https://api.example/activate", seconds(60))
    );
    pair.finish(ask.ticket.id(), Outcome::Ask(Ok(Answer::Shown)));
    (pair, id)
}

/// Waits for the next poll, which must not come before so many seconds are over.
fn poll_after(pair: &mut Pair, wait: u64) -> Exchange {
    pair.advance(Duration::from_millis(1000 * wait - 1));
    assert!(pair.is_idle(), "not before {wait} s");
    pair.advance(Duration::from_millis(1));
    let poll = pair.own(Purpose::SignIn);
    let sent = "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Adevice_code&device_code=dev-secret&client_id=tv";
    assert_eq!((poll.uri.path(), body(&poll)), ("/token", sent));
    poll
}

fn refuse(pair: &mut Pair, poll: Exchange, code: &str) {
    pair.answer(poll, 400, JSON, &format!(r#"{{"error": "{code}"}}"#));
}

#[test]
fn polls_keep_the_interval_and_slow_down_adds_five_seconds_for_good() {
    let (mut pair, id) = shown();
    assert_eq!(pair.session.state(), State::Challenged);
    for (wait, told) in
        [(5, "authorization_pending"), (5, "slow_down"), (10, "authorization_pending"), (10, "slow_down")]
    {
        let poll = poll_after(&mut pair, wait);
        refuse(&mut pair, poll, told);
    }
    let poll = poll_after(&mut pair, 15);
    pair.answer(poll, 200, JSON, &tokens(1, 3600));
    pair.done(id);
    assert_eq!(pair.session.state(), State::Active);
    let renewal = pair.command(hallpass_core::machine::Session::renew);
    let request = pair.own(Purpose::Renewal);
    assert_eq!(body(&request), "grant_type=refresh_token&refresh_token=r1&client_id=tv");
    pair.answer(request, 200, JSON, &tokens(2, 3600));
    pair.done(renewal);
    assert!(!pair.shown.contains("dev-secret") && !pair.shown.contains("WDJB"));
}

#[test]
fn polls_without_an_answer_become_rarer_and_go_on() {
    let (mut pair, id) = shown();
    let poll = poll_after(&mut pair, 5);
    pair.fail(poll, FailureKind::FirstByteTimeout, Sent::Maybe);
    let poll = poll_after(&mut pair, 10);
    pair.answer(poll, 503, &[("retry-after", "25")], "");
    let poll = poll_after(&mut pair, 25);
    pair.answer(poll, 200, JSON, &tokens(1, 3600));
    pair.done(id);
}

#[test]
fn a_code_that_expires_or_is_denied_ends_the_sign_in_with_its_own_kind() {
    for (told, kind) in [
        ("expired_token", "challenge_overdue"),
        ("access_denied", "credentials_refused"),
        ("invalid_grant", "credentials_refused"),
    ] {
        let (mut pair, id) = shown();
        let poll = poll_after(&mut pair, 5);
        refuse(&mut pair, poll, told);
        assert_eq!(pair.error(id), kind);
        pair.advance(seconds(100));
        assert!(pair.is_idle(), "no poll after the end");
    }
}

#[test]
fn nobody_polls_beyond_the_end_of_the_code() {
    let (mut pair, id) = shown();
    for _ in 0..11 {
        let poll = poll_after(&mut pair, 5);
        refuse(&mut pair, poll, "authorization_pending");
    }
    pair.advance(seconds(5));
    assert_eq!(pair.error(id), "challenge_overdue");
    assert!(pair.is_idle());
}

#[test]
fn declining_to_show_a_code_stops_the_polls_at_once() {
    let mut pair = asking(DEVICE);
    let id = pair.sign_in(Credentials::default());
    let request = pair.exchange();
    pair.answer(request, 200, JSON, GRANTED);
    let ask = question(&mut pair);
    let _poll = poll_after(&mut pair, 5);
    pair.finish(ask.ticket.id(), Outcome::Ask(Err(Declined { why: "closed the window".to_owned() })));
    assert_eq!(pair.error(id), "challenge_cancelled");
    assert_eq!(pair.abandoned.len(), 1, "the poll under way");
    pair.advance(seconds(100));
    assert!(pair.is_idle());
}

#[test]
fn tokens_take_an_unanswered_question_back() {
    let mut pair = asking(DEVICE);
    let id = pair.sign_in(Credentials::default());
    let request = pair.exchange();
    pair.answer(request, 200, JSON, GRANTED);
    let ask = question(&mut pair);
    let poll = poll_after(&mut pair, 5);
    pair.answer(poll, 200, JSON, &tokens(1, 3600));
    pair.done(id);
    assert_eq!(pair.abandoned, [ask.ticket.id()]);
}

/// A sign-in whose browser is at the issuer, the parameters that it took along, and the question.
fn sent_away(names_itself: bool) -> (Pair, CallId, Vec<(String, String)>, Ask) {
    let mut pair = asking(CODE);
    let id = pair.sign_in(Credentials::default().with("redirect_uri", REDIRECT));
    let metadata = format!(
        r#"{{"issuer": "https://api.example", "token_endpoint": "https://api.example/token",
            "authorization_endpoint": "https://login.example/authorize",
            "authorization_response_iss_parameter_supported": {names_itself}}}"#
    );
    let discovery = pair.own(Purpose::Discovery);
    pair.answer(discovery, 200, JSON, &metadata);
    let ask = question(&mut pair);
    let Question::Authorize { url, redirect_uri } = &ask.question else { panic!("another question") };
    assert_eq!(redirect_uri, REDIRECT);
    let (place, query) = url.split_once('?').expect("a query");
    assert_eq!(place, "https://login.example/authorize");
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let parameters = pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    (pair, id, parameters, ask)
}

fn parameter<'a>(of: &'a [(String, String)], name: &str) -> &'a str {
    of.iter().find(|(this, _)| this == name).map_or_else(|| panic!("no {name}"), |(_, value)| value)
}

fn come_back(pair: &mut Pair, ask: &Ask, address: String) {
    pair.finish(ask.ticket.id(), Outcome::Ask(Ok(Answer::Redirected(Secret::new(address)))));
}

#[test]
fn a_browsers_code_is_traded_with_the_verifier_of_its_challenge() {
    use base64ct::Encoding;
    use sha2::Digest;

    let (mut pair, id, sent, ask) = sent_away(true);
    assert_eq!(pair.session.state(), State::Challenged);
    assert_eq!((parameter(&sent, "code_challenge_method"), parameter(&sent, "prompt")), ("S256", "consent"));
    let state = parameter(&sent, "state").to_owned();
    come_back(&mut pair, &ask, format!("{REDIRECT}?code=c0de&state={state}&iss=https%3A%2F%2Fapi.example"));
    let request = pair.own(Purpose::SignIn);
    let sent_body = body(&request).to_owned();
    let (rest, verifier) = sent_body.split_once("&code_verifier=").expect("a verifier");
    assert_eq!(rest, "grant_type=authorization_code&code=c0de&redirect_uri=http%3A%2F%2F127.0.0.1%3A7777%2Fcallback");
    let verifier = verifier.strip_suffix("&client_id=cli").expect("the client");
    let challenge = base64ct::Base64UrlUnpadded::encode_string(&sha2::Sha256::digest(verifier));
    assert_eq!(challenge, parameter(&sent, "code_challenge"));
    pair.answer(request, 200, JSON, &tokens(1, 3600));
    pair.done(id);
    for secret in ["c0de", verifier, &state] {
        assert!(!pair.shown.contains(secret), "{secret}");
    }
}

#[test]
fn an_answer_of_another_sign_in_or_another_issuer_is_sent_nowhere() {
    for (query, kind) in [
        ("code=c&state=mine&iss=https%3A%2F%2Fapi.example", "challenge_refused"),
        ("code=c&state=STATE&iss=https%3A%2F%2Fevil.example", "challenge_refused"),
        ("code=c&state=STATE", "challenge_refused"),
        ("error=access_denied&state=STATE&iss=https%3A%2F%2Fapi.example", "credentials_refused"),
    ] {
        let (mut pair, id, sent, ask) = sent_away(true);
        let query = query.replace("STATE", parameter(&sent, "state"));
        come_back(&mut pair, &ask, format!("{REDIRECT}?{query}"));
        assert_eq!(pair.error(id), kind, "{query}");
        assert!(pair.is_idle(), "nothing was sent");
    }
    let (mut pair, _, sent, ask) = sent_away(false);
    come_back(&mut pair, &ask, format!("{REDIRECT}?code=c&state={}", parameter(&sent, "state")));
    assert_eq!(
        pair.own(Purpose::SignIn).uri,
        "https://api.example/token",
        "an issuer that does not say `iss` need not"
    );
}

#[test]
fn a_code_whose_answer_is_lost_is_not_sent_again() {
    let (mut pair, id, sent, ask) = sent_away(false);
    come_back(&mut pair, &ask, format!("{REDIRECT}?code=c&state={}", parameter(&sent, "state")));
    let request = pair.own(Purpose::SignIn);
    pair.fail(request, FailureKind::Connect, Sent::No);
    pair.advance(seconds(1));
    let request = pair.own(Purpose::SignIn);
    pair.fail(request, FailureKind::ConnectionLost, Sent::Maybe);
    assert_eq!(pair.error(id), "connection_lost");
    pair.advance(seconds(100));
    assert!(pair.is_idle());
}

#[test]
fn a_person_who_never_comes_back_and_a_program_without_a_person_have_their_own_kinds() {
    let (mut pair, id, _, _ask) = sent_away(true);
    pair.advance(seconds(301));
    assert_eq!(pair.error(id), "challenge_overdue");
    let mut alone = Pair::new(DEVICE);
    let id = alone.sign_in(Credentials::default());
    let request = alone.exchange();
    alone.answer(request, 200, JSON, GRANTED);
    assert_eq!(alone.error(id), "challenge_required");
    alone.advance(seconds(100));
    assert!(alone.is_idle());
}

#[test]
fn every_sign_in_draws_another_state_and_verifier() {
    let (mut pair, _, first, ask) = sent_away(true);
    pair.finish(ask.ticket.id(), Outcome::Ask(Err(Declined { why: "not now".to_owned() })));
    pair.sign_in(Credentials::default().with("redirect_uri", REDIRECT));
    let Question::Authorize { url, .. } = question(&mut pair).question else { panic!("another question") };
    for name in ["state", "code_challenge"] {
        assert!(!url.contains(parameter(&first, name)), "{name}");
    }
}
