//! What counts as a refusal, whose token it spends, and what becomes of the call.

use std::time::Duration;

use hallpass_conformance::dialogue::{Pair, arrival, tokens};
use hallpass_core::credentials::{Credentials, Secret};
use hallpass_core::effect::{Arrival, FailureKind, Purpose, Sent};
use hallpass_core::machine::{Body, Notice, Reply, Session, State, Verdict};
use http::Method;

use super::platforms::{BEARER, JSON, OAUTH, PROBED, oauth, signed_in_with, start};

fn verdict(reply: Result<Reply, hallpass_core::error::Error>) -> Verdict {
    reply.expect("an answer").answered().expect("an answer").verdict
}

#[test]
fn a_refused_call_renews_and_is_sent_once_more() {
    let mut pair = oauth(3600);
    let call = pair.get("/a");
    let first = pair.exchange();
    pair.answer(first, 401, &[], "");
    let renewal = pair.own(Purpose::Renewal);
    assert!(!pair.has_reply(call));
    pair.answer(renewal, 200, JSON, &tokens(2, 3600));
    let second = pair.exchange();
    assert_eq!((second.attempt, second.generation), (2, 2));
    assert_eq!(second.headers["authorization"], "Bearer a2");
    pair.answer(second, 200, &[], "");
    assert_eq!(pair.status(call), 200);
    assert_eq!((pair.session.stats().renewals, pair.session.stats().replays), (1, 1));
}

#[test]
fn a_revoked_token_renews_once_however_many_calls_are_refused() {
    let mut pair = oauth(3600);
    let calls: Vec<_> = (0..100).map(|_| pair.get("/a")).collect();
    let exchanges: Vec<_> = (0..100).map(|_| pair.exchange()).collect();
    let mut late = exchanges;
    let early: Vec<_> = late.drain(..60).collect();
    for exchange in early {
        pair.answer(exchange, 401, &[], "");
    }
    let renewal = pair.own(Purpose::Renewal);
    assert!(pair.is_idle());
    pair.answer(renewal, 200, JSON, &tokens(2, 3600));
    for exchange in late {
        pair.answer(exchange, 401, &[], "");
    }
    for _ in 0..100 {
        let exchange = pair.exchange();
        assert_eq!(exchange.generation, 2);
        pair.answer(exchange, 200, &[], "");
    }
    for call in calls {
        assert_eq!(pair.status(call), 200);
    }
    assert!(pair.is_idle());
    assert_eq!(pair.session.stats().renewals, 1);
    assert_eq!(pair.notices.iter().filter(|notice| matches!(notice, Notice::Refused(_))).count(), 1);
}

#[test]
fn a_fresh_generation_that_is_refused_again_is_rejected() {
    let mut pair = oauth(3600);
    let call = pair.get("/a");
    let first = pair.exchange();
    pair.answer(first, 401, &[], "");
    let renewal = pair.own(Purpose::Renewal);
    pair.answer(renewal, 200, JSON, &tokens(2, 3600));
    let second = pair.exchange();
    pair.answer(second, 401, &[], "");
    assert_eq!(verdict(pair.reply(call)), Verdict::Rejected);
    assert_eq!(pair.session.state(), State::Rejected);
    assert!(pair.is_idle());
    let next = pair.get("/b");
    assert_eq!(pair.error(next), "rejected");
}

#[test]
fn a_body_that_can_be_sent_once_is_never_sent_truncated() {
    let mut pair = oauth(3600);
    let mut head = pair.head(Method::POST, "/a");
    head.body = Body::Once;
    let call = pair.call(head);
    let exchange = pair.exchange();
    pair.answer(exchange, 401, &[], "");
    assert_eq!(pair.error(call), "body_not_replayable");
    let renewal = pair.own(Purpose::Renewal);
    pair.answer(renewal, 200, JSON, &tokens(2, 3600));
    assert!(pair.is_idle(), "the renewal goes on for others, the call is not sent");
}

#[test]
fn a_refusal_ends_a_session_that_nothing_can_renew() {
    let mut pair = signed_in_with(BEARER);
    let call = pair.get("/a");
    let exchange = pair.exchange();
    pair.answer(exchange, 401, &[], "");
    assert_eq!(verdict(pair.reply(call)), Verdict::Refused);
    assert_eq!(pair.session.state(), State::Expired);
    let next = pair.get("/b");
    assert_eq!(pair.error(next), "expired");
}

#[test]
fn a_header_can_be_a_refusal() {
    for (headers, refused) in [(&[("x-auth", "gone")][..], true), (&[("x-auth", "fine")][..], false)] {
        let mut pair = signed_in_with(
            r#""sign_in": {"bearer": {}}, "refused": {"headers": [{"name": "x-auth", "value": "gone"}]}"#,
        );
        let call = pair.get("/a");
        let exchange = pair.exchange();
        pair.answer(exchange, 200, headers, "");
        assert_eq!(verdict(pair.reply(call)) == Verdict::Refused, refused);
    }
}

#[test]
fn a_redirect_to_the_sign_in_page_is_a_refusal_and_is_not_followed() {
    let mut pair = signed_in_with(r#""sign_in": {"bearer": {}}, "refused": {"redirect_to": ["/login"]}"#);
    let call = pair.get("/a");
    let exchange = pair.exchange();
    pair.answer(exchange, 302, &[("location", "/login?next=/a")], "");
    assert_eq!(verdict(pair.reply(call)), Verdict::Refused);
    assert!(pair.is_idle());
}

const CODED: &str = r#""sign_in": {"bearer": {}},
    "refused": {"bodies": [{"status": [200], "pointer": "/code", "values": ["1001"], "cap": 64}]}"#;

#[test]
fn a_code_in_a_small_body_is_a_refusal() {
    for (body, refused) in [(r#"{"code": 1001}"#, true), (r#"{"code": 0}"#, false)] {
        let mut pair = signed_in_with(CODED);
        let call = pair.get("/a");
        let exchange = pair.exchange();
        assert_eq!(exchange.read.cap_for(http::StatusCode::OK, &arrival(200, JSON, "").headers), Some(64));
        pair.answer(exchange, 200, JSON, body);
        assert_eq!(verdict(pair.reply(call)) == Verdict::Refused, refused);
    }
}

#[test]
fn a_body_over_its_cap_or_not_parsable_is_no_refusal_and_a_notice() {
    for unread in [true, false] {
        let mut pair = signed_in_with(CODED);
        let call = pair.get("/a");
        let exchange = pair.exchange();
        let whole = arrival(200, JSON, "{\"code\": 10");
        let told = if unread { Arrival { body: None, over_cap: true, ..whole } } else { whole };
        pair.session.complete(exchange.ticket, Ok(told), pair.now);
        pair.drain();
        assert_eq!(verdict(pair.reply(call)), Verdict::Served);
        assert!(pair.notices.contains(&Notice::NotInspected(call)));
    }
}

#[test]
fn a_deleted_credential_cookie_is_a_refusal() {
    for line in ["sid=; Max-Age=0", "sid=deleted", "sid=x; Expires=Thu, 01 Jan 1970 00:00:00 GMT"] {
        let mut pair = Pair::new(
            r#""sign_in": {"bundle": {}}, "credential": {"cookie": "sid"}, "refused": {"cookie_deleted": true}"#,
        );
        pair.sign_in(Credentials { cookies: Some(Secret::new("sid=1")), ..Credentials::default() });
        let call = pair.get("/a");
        let exchange = pair.exchange();
        pair.answer(exchange, 200, &[("set-cookie", line)], "");
        assert_eq!(verdict(pair.reply(call)), Verdict::Refused, "{line}");
    }
}

fn probed() -> Pair {
    let mut pair = Pair::new(PROBED);
    let id = pair.sign_in(Credentials::refresh_token("r0"));
    let exchange = pair.exchange();
    pair.answer(exchange, 200, JSON, &tokens(1, 3600));
    let probe = pair.exchange();
    pair.answer(probe, 200, JSON, r#"{"id": "u1"}"#);
    pair.done(id);
    pair
}

#[test]
fn a_suspicion_asks_the_probe_and_a_refused_probe_renews() {
    let mut pair = probed();
    let calls = [pair.get("/a"), pair.get("/b")];
    for _ in 0..2 {
        let exchange = pair.exchange();
        pair.answer(exchange, 403, &[], "");
    }
    assert_eq!(pair.session.state(), State::Suspect);
    let probe = pair.own(Purpose::Probe);
    assert!(pair.is_idle(), "one probe for both");
    pair.answer(probe, 401, &[], "");
    let renewal = pair.own(Purpose::Renewal);
    pair.answer(renewal, 200, JSON, &tokens(2, 3600));
    for call in calls {
        let exchange = pair.exchange();
        pair.answer(exchange, 200, &[], "");
        assert_eq!(pair.status(call), 200);
    }
}

#[test]
fn a_probe_that_is_itself_answered_with_what_makes_others_suspicious_refuses() {
    let rules = PROBED.replace(r#""oauth2_refresh": {}"#, r#""bearer": {}"#);
    let mut pair = Pair::new(&rules.replace(r#""renew": {"token_url": "/token"},"#, ""));
    let id = pair.sign_in(Credentials::bearer("t1"));
    let probe = pair.own(Purpose::Probe);
    pair.answer(probe, 200, JSON, r#"{"id": "u1"}"#);
    pair.done(id);
    let call = pair.get("/a");
    let exchange = pair.exchange();
    pair.answer(exchange, 403, &[], "");
    let probe = pair.own(Purpose::Probe);
    pair.answer(probe, 403, &[], "");
    assert_eq!(verdict(pair.reply(call)), Verdict::Refused);
    assert_eq!(pair.session.state(), State::Expired);
}

#[test]
fn a_suspicious_answer_that_takes_the_credential_away_brings_no_newer_one() {
    let mut pair = Pair::new(
        r#""sign_in": {"bundle": {}}, "credential": {"cookie": "sid"}, "identity": {"path": "/me", "account_id": "/id"},
           "refused": {"suspect": [403]}"#,
    );
    let id = pair.sign_in(Credentials { cookies: Some(Secret::new("sid=1")), ..Credentials::default() });
    let probe = pair.own(Purpose::Probe);
    pair.answer(probe, 200, JSON, r#"{"id": "u1"}"#);
    pair.done(id);
    let call = pair.get("/a");
    let exchange = pair.exchange();
    let gone = [("set-cookie", "sid=; Max-Age=0")];
    pair.answer(exchange, 403, &gone, "");
    let probe = pair.own(Purpose::Probe);
    assert!(!probe.headers.contains_key("cookie"));
    pair.answer(probe, 403, &[], "");
    assert_eq!(verdict(pair.reply(call)), Verdict::Refused);
    assert_eq!((pair.session.state(), pair.session.generation()), (State::Expired, 1));
}

#[test]
fn a_suspicion_that_the_probe_does_not_share_is_the_calls_own_answer() {
    let mut pair = probed();
    let call = pair.get("/a");
    let exchange = pair.exchange();
    pair.answer(exchange, 403, &[], "");
    let probe = pair.own(Purpose::Probe);
    pair.answer(probe, 200, JSON, r#"{"id": "u1"}"#);
    assert_eq!(verdict(pair.reply(call)), Verdict::Declined);
    let second = pair.get("/b");
    let exchange = pair.exchange();
    pair.answer(exchange, 403, &[], "");
    assert_eq!(pair.status(second), 403, "a valid answer is remembered for a while");
    assert!(pair.is_idle());
}

#[test]
fn a_suspicion_of_what_is_being_renewed_is_not_asked_about_but_waits_for_the_renewal() {
    let mut pair = probed();
    let calls = [pair.get("/a"), pair.get("/b")];
    let [first, late] = [pair.exchange(), pair.exchange()];
    pair.answer(first, 401, &[], "");
    let renewal = pair.own(Purpose::Renewal);
    pair.answer(late, 403, &[], "");
    assert!(pair.is_idle(), "nobody is asked who the session was");
    pair.answer(renewal, 200, JSON, &tokens(2, 3600));
    for call in calls {
        let exchange = pair.exchange();
        assert_eq!(exchange.generation, 2);
        pair.answer(exchange, 200, &[], "");
        assert_eq!(pair.status(call), 200);
    }
}

#[test]
fn a_late_suspicion_of_a_session_that_has_ended_is_a_refusal() {
    let rules = PROBED.replace(r#""oauth2_refresh": {}"#, r#""bearer": {}"#);
    let mut pair = Pair::new(&rules.replace(r#""renew": {"token_url": "/token"},"#, ""));
    let id = pair.sign_in(Credentials::bearer("t1"));
    let probe = pair.own(Purpose::Probe);
    pair.answer(probe, 200, JSON, r#"{"id": "u1"}"#);
    pair.done(id);
    let calls = [pair.get("/a"), pair.get("/b")];
    for status in [401, 403] {
        let exchange = pair.exchange();
        pair.answer(exchange, status, &[], "");
    }
    for call in calls {
        assert_eq!(verdict(pair.reply(call)), Verdict::Refused);
    }
    assert!(pair.is_idle());
}

#[test]
fn a_probe_that_fails_ends_nothing() {
    let mut pair = probed();
    let call = pair.get("/a");
    let exchange = pair.exchange();
    pair.answer(exchange, 403, &[], "");
    let probe = pair.own(Purpose::Probe);
    pair.fail(probe, FailureKind::ConnectionLost, Sent::Maybe);
    assert_eq!(pair.status(call), 403);
    assert_eq!(pair.session.state(), State::Active);
}

#[test]
fn a_probe_that_finds_another_account_rejects_the_session() {
    let mut pair = probed();
    let call = pair.get("/a");
    let exchange = pair.exchange();
    pair.answer(exchange, 403, &[], "");
    let probe = pair.own(Purpose::Probe);
    pair.answer(probe, 200, JSON, r#"{"id": "stranger"}"#);
    assert_eq!(verdict(pair.reply(call)), Verdict::Rejected);
    let next = pair.get("/b");
    assert_eq!(pair.error(next), "account_mismatch");
}

#[test]
fn a_call_in_doubt_is_answered_when_a_sign_in_takes_over() {
    let mut pair = probed();
    let call = pair.get("/a");
    let exchange = pair.exchange();
    pair.answer(exchange, 403, &[], "");
    let _probe = pair.own(Purpose::Probe);
    pair.sign_in(Credentials::refresh_token("new"));
    assert_eq!(pair.status(call), 403);
    assert_eq!(pair.abandoned.len(), 1, "the probe");
}

#[test]
fn an_end_leaves_no_renewal_pending() {
    let mut pair = start(Pair::new(OAUTH), 3600);
    let call = pair.get("/a");
    let exchange = pair.exchange();
    pair.answer(exchange, 401, &[], "");
    let renewal = pair.own(Purpose::Renewal);
    pair.answer(renewal, 200, JSON, &tokens(2, 3600));
    let second = pair.exchange();
    let forced = pair.command(Session::renew);
    let _renewal = pair.own(Purpose::Renewal);
    pair.answer(second, 401, &[], "");
    assert!(pair.has_reply(call));
    assert!(pair.has_reply(forced));
    let close = pair.command(Session::close);
    pair.advance(Duration::from_secs(1));
    pair.done(close);
    assert_eq!(pair.session.pending(), 0);
}
