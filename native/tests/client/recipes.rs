//! Does each way to sign in work over the wire, and does each way in which it fails have its own name?

use std::fmt::Write;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use hallpass::{Answer, Client, Credentials, Declined, Platform, Question, Secret};
use hallpass_testbed::{Action, Rule, Testbed};

use crate::support::{alice, client, client_at, kind, platform, status, testbed};

const STEPS: &str = include_str!("../../../examples/platforms/testbed-steps.toml");
const MFA: &str = include_str!("../../../examples/platforms/testbed-mfa.toml");
const BASIC: &str = include_str!("../../../examples/platforms/testbed-basic.toml");
const KEY: &str = include_str!("../../../examples/platforms/testbed-api-key.toml");
const GUEST: &str = include_str!("../../../examples/platforms/testbed-guest.toml");

const RIGHT: &str = "246810";

fn routes(testbed: &Testbed, route: &str) -> u64 {
    testbed.stats().requests.by_route.get(route).copied().unwrap_or(0)
}

fn codes(testbed: &Testbed, what: &str) -> u64 {
    testbed.stats().proofs.get(what).copied().unwrap_or(0)
}

/// What was asked: tries left, and codes refused so far.
type Asked = Arc<Mutex<Vec<(Option<u32>, u32)>>>;

/// A client whose person gives these codes, one after the other.
fn with_codes(codes: &'static [&'static str]) -> (Client, Asked) {
    let asked = Asked::default();
    let (told, next) = (Arc::clone(&asked), AtomicUsize::new(0));
    let ask = move |_: String, question: Question| {
        let code = codes.get(next.fetch_add(1, Ordering::Relaxed)).copied();
        if let Question::SecondFactor { tries_left, refused } = question {
            told.lock().expect("whole").push((tries_left, refused));
        }
        async move {
            let code = code.ok_or_else(|| Declined { why: "no more of them".to_owned() })?;
            Ok(Answer::Code(Secret::new(code)))
        }
    };
    (Client::builder().ask(ask).build().expect("a client"), asked)
}

#[tokio::test]
async fn a_token_that_the_sign_in_was_asked_for_spares_calls_the_same_question() {
    let testbed = testbed().await;
    let text = r#"
        id = "rpc"
        base_url = "http://127.0.0.1:8080"
        sign_in.json = { path = "/rpc/login", fields = { username = "{username}", password = "{password}" }, success = { cookie = "sid" } }
        csrf = { header = "x-session-token", handshake = 409 }
    "#;
    let session = client().sign_in(&platform(text, &testbed.url()), "alice", alice()).await.expect("signs in");
    let answer = session.post("/rpc").body("{}").send().await.expect("answers");
    assert_eq!(answer.status(), 200);
    let seen = testbed.stats().requests;
    assert_eq!((seen.by_route["POST /rpc/login"], seen.by_route["POST /rpc"], seen.by_status[&409]), (2, 1, 1));
}

#[tokio::test]
async fn steps_carry_what_a_page_brought_to_where_it_is_wanted() {
    let testbed = testbed().await;
    let platform = platform(STEPS, &testbed.url());
    let session = client().sign_in(&platform, "alice", alice()).await.expect("signs in");
    assert_eq!(session.account_id(), Some("acct-alice".to_owned()));
    assert_eq!(status(&session, "/api/items/1").await, 200);
    let wrong = client().sign_in(&platform, "alice", Credentials::password("alice", "wrong")).await;
    assert_eq!(kind(wrong), "credentials_refused");
    let stats = testbed.stats();
    assert_eq!((stats.sign_ins.total, stats.sign_ins.refused), (1, 1));
    assert_eq!(stats.requests.by_status.get(&403), None, "all that the page brought came back");
    assert_eq!(routes(&testbed, "POST /meta-csrf/session"), 1);
}

#[tokio::test]
async fn a_call_that_is_answered_409_is_repeated_with_the_token_which_is_kept() {
    let testbed = testbed().await;
    let platform = platform(STEPS, &testbed.url());
    let folder = tempfile::tempdir().expect("a folder");
    let first = client_at(folder.path());
    let session = first.sign_in(&platform, "alice", alice()).await.expect("signs in");
    for sent in [2, 3] {
        let answer = session.post("/rpc").body("{\"a\": 1}").send().await.expect("answers");
        assert_eq!((answer.status().as_u16(), routes(&testbed, "POST /rpc")), (200, sent));
    }
    session.close().await.expect("closes");
    drop(first);
    let session = client_at(folder.path()).resume(&platform, "alice").await.expect("resumes");
    assert_eq!(session.post("/rpc").body("{}").send().await.expect("answers").status(), 200);
    assert_eq!(routes(&testbed, "POST /rpc"), 4);
    assert_eq!((testbed.stats().requests.by_status[&409], testbed.stats().writes["POST /rpc"]), (1, 3));
    assert_eq!(testbed.stats().sign_ins.total, 1);
}

#[tokio::test]
async fn a_step_that_is_answered_409_is_repeated_with_the_token() {
    let testbed = testbed().await;
    let text = r#"
        id = "rpc"
        base_url = "http://127.0.0.1:8080"
        [[sign_in.steps.step]]
        path = "/rpc/login"
        json = { username = "{username}", password = "{password}" }
        handshake = { header = "x-session-token" }
        success = { cookie = "sid" }
    "#;
    let session = client().sign_in(&platform(text, &testbed.url()), "alice", alice()).await.expect("signs in");
    assert_eq!(status(&session, "/me").await, 200);
    assert_eq!((routes(&testbed, "POST /rpc/login"), testbed.stats().sign_ins.total), (2, 1));
}

#[tokio::test]
async fn basic_credentials_open_the_door_with_every_call_and_wrong_ones_are_refused_at_once() {
    let testbed = testbed().await;
    let platform = platform(BASIC, &testbed.url());
    let session = client().sign_in(&platform, "alice", alice()).await.expect("signs in");
    assert_eq!(status(&session, "/basic/items/7").await, 200);
    let wrong = client().sign_in(&platform, "alice", Credentials::password("alice", "wrong")).await;
    assert_eq!(kind(wrong), "credentials_refused");
    assert_eq!((routes(&testbed, "GET /basic/items/{n}"), testbed.stats().refusals.total), (3, 1));
}

#[tokio::test]
async fn an_api_key_goes_in_the_header_or_in_the_query_and_shows_nowhere() {
    let testbed = testbed().await;
    let in_query =
        KEY.replace("header = \"x-api-key\"", "query = \"api_key\"").replace("/apikey/header/", "/apikey/query/");
    for (text, path) in [(KEY, "/apikey/header/items/7"), (in_query.as_str(), "/apikey/query/items/7?a=1")] {
        let platform = platform(text, &testbed.url());
        let key = Credentials::default().with("api_key", "key-alice");
        let session = client().sign_in(&platform, "alice", key).await.expect("signs in");
        let answer = session.get(path).send().await.expect("answers");
        assert_eq!(answer.status(), 200);
        let mut shown = format!("{answer:?} {session:?} {} ", answer.uri());
        assert!(shown.contains("/items/7"), "{shown}");
        testbed
            .script(Rule::on("/api/", Action::Reset { at: hallpass_testbed::Point::Before }).times(0))
            .expect("a rule");
        let error = session.post("/api/items/1").send().await.expect_err("reset");
        write!(shown, "{error} {error:?}").expect("a string takes it");
        let wrong = client().sign_in(&platform, "alice", Credentials::default().with("api_key", "nokey-alice")).await;
        let error = wrong.expect_err("no such key");
        assert_eq!(error.kind(), "credentials_refused");
        write!(shown, "{error} {error:?}").expect("a string takes it");
        assert!(!shown.contains("key-alice"), "{shown}");
    }
    assert_eq!(testbed.stats().refusals.total, 2);
}

#[tokio::test]
async fn a_guest_has_the_cookie_that_it_was_given_and_no_more() {
    let testbed = testbed().await;
    let platform = platform(GUEST, &testbed.url());
    let session = client().sign_in(&platform, "anybody", Credentials::default()).await.expect("signs in");
    let seen = session.get("/cookies").send().await.expect("answers").text().await.expect("a body");
    assert_eq!(seen, r#"{"cookies":{"visitor":"1"}}"#);
    assert_eq!(testbed.stats().credentials_seen.authorization, 0);
    let text = session.cookies_txt();
    let text = std::str::from_utf8(&text).expect("text");
    assert!(text.lines().any(|line| line.ends_with("\tvisitor\t1")), "{text}");
}

#[tokio::test]
async fn a_sign_in_of_the_programs_own_brings_the_session() {
    let testbed = testbed().await;
    let text = "id = \"own\"\nbase_url = \"http://127.0.0.1:8080\"\n[sign_in.custom]\n[identity]\npath = \"/me\"\naccount_id = \"/id\"";
    let platform: Platform = platform(text, &testbed.url());
    let ask = |account: String, question: Question| async move {
        let Question::Custom { credentials } = question else { return Err(Declined { why: "what?".to_owned() }) };
        assert_eq!(credentials.field("pin"), Some("1"));
        Ok(Answer::SignedIn(Box::new(Credentials::bearer(format!("static-{account}")))))
    };
    let asking = Client::builder().ask(ask).build().expect("a client");
    let session = asking.sign_in(&platform, "bob", Credentials::default().with("pin", "1")).await.expect("signs in");
    assert_eq!(session.account_id(), Some("acct-bob".to_owned()));
    assert_eq!(status(&session, "/api/items/1").await, 200);
    assert_eq!(kind(client().sign_in(&platform, "bob", Credentials::default()).await), "challenge_required");
}

#[tokio::test]
async fn a_secret_in_the_credentials_answers_the_second_factor_without_asking() {
    let testbed = testbed().await;
    let platform = platform(MFA, &testbed.url());
    let (client, asked) = with_codes(&[]);
    let secret = alice().with("totp_secret", "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
    let session = client.sign_in(&platform, "alice", secret).await.expect("signs in");
    assert_eq!(status(&session, "/api/items/1").await, 200);
    let other =
        client.sign_in(&platform, "bob", Credentials::password("bob", "bob-password").with("totp_secret", "AAAA"));
    assert_eq!(kind(other.await), "challenge_refused");
    assert!(asked.lock().expect("whole").is_empty());
    assert_eq!((codes(&testbed, "code_taken"), codes(&testbed, "code_wrong")), (1, 1));
}

#[tokio::test]
async fn a_wrong_code_is_asked_for_again_and_the_right_one_signs_in() {
    let testbed = testbed().await;
    let (client, asked) = with_codes(&["000000", RIGHT]);
    let session = client.sign_in(&platform(MFA, &testbed.url()), "alice", alice()).await.expect("signs in");
    assert_eq!(status(&session, "/api/items/1").await, 200);
    assert_eq!(*asked.lock().expect("whole"), [(Some(3), 0), (Some(2), 1)]);
    assert_eq!((codes(&testbed, "code_taken"), codes(&testbed, "code_wrong")), (1, 1));
    assert_eq!(testbed.stats().sign_ins.by_account["alice"], 1);
}

#[tokio::test]
async fn codes_that_stay_wrong_end_before_the_platform_locks_anybody_out_by_more() {
    let testbed = testbed().await;
    let platform = platform(MFA, &testbed.url());
    let (client, asked) = with_codes(&["000000", "000001", "000002", RIGHT]);
    assert_eq!(kind(client.sign_in(&platform, "alice", alice()).await), "challenge_exhausted");
    assert_eq!(asked.lock().expect("whole").len(), 3);
    assert_eq!((codes(&testbed, "code_wrong"), codes(&testbed, "code_locked")), (3, 0));
    assert_eq!(kind(client.sign_in(&platform, "alice", alice()).await), "credentials_refused");
    assert_eq!(testbed.stats().requests.by_status[&423], 1);
    testbed
        .script(Rule::on("/mfa/code", Action::Status { status: 423, headers: [].into(), body: String::new() }))
        .expect("a rule");
    let bob = Credentials::password("bob", "bob-password");
    assert_eq!(kind(client.sign_in(&platform, "bob", bob).await), "challenge_refused");
}

/// The same with less patience.
fn hasty(url: &str) -> Platform {
    platform(&MFA.replace("challenge = \"5m\"", "challenge = \"50ms\""), url)
}

#[tokio::test]
async fn a_question_that_is_declined_or_left_or_nobodys_has_its_own_kind() {
    let testbed = testbed().await;
    let platform = platform(MFA, &testbed.url());
    assert_eq!(kind(with_codes(&[]).0.sign_in(&platform, "alice", alice()).await), "challenge_cancelled");
    assert_eq!(kind(client().sign_in(&platform, "alice", alice()).await), "challenge_required");
    let ask = |_: String, _: Question| std::future::pending::<Result<Answer, Declined>>();
    let silent = Client::builder().ask(ask).build().expect("a client");
    assert_eq!(kind(silent.sign_in(&hasty(&testbed.url()), "alice", alice()).await), "challenge_overdue");
    assert_eq!(routes(&testbed, "POST /mfa/code"), 0);
    assert_eq!(routes(&testbed, "POST /mfa/login"), 3);
}
