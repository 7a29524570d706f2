//! Which attempts are made again, when, and how often?

use std::sync::{Arc, Mutex};
use std::time::Duration;

use hallpass::{Client, Notice, Repeatable, Retry, Verdict};
use hallpass_testbed::{Action, Point, Rule, Testbed};

use crate::support::{alice, kind, quick, signed_in, status, testbed};

fn busy(status: u16, retry_after: Option<&str>) -> Action {
    let headers = retry_after.map(|after| ("retry-after".to_owned(), after.to_owned()));
    Action::Status { status, headers: headers.into_iter().collect(), body: String::new() }
}

fn fired(testbed: &Testbed) -> u64 {
    testbed.rules().iter().map(|rule| rule.fired).sum()
}

fn requests(testbed: &Testbed, route: &str) -> u64 {
    testbed.stats().requests.by_route.get(route).copied().unwrap_or_default()
}

#[tokio::test]
async fn a_throttled_call_waits_as_long_as_it_is_asked_to_and_longer_waits_are_told() {
    let testbed = testbed().await;
    let waits = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&waits);
    let observer = move |_: &str, notice: &Notice| {
        if let Notice::Retried(_, wait, kind) = notice {
            heard.lock().expect("whole").push((*wait, kind.as_str()));
        }
    };
    let client = Client::builder().on_notice(observer).build().expect("a client");
    let session = client.sign_in(&quick(&testbed.url(), ""), "alice", alice()).await.expect("signs in");
    testbed.script(Rule::on("/api/items", Action::Throttle { count: 2, retry_after: 1 })).expect("a rule");
    let answer = session.get("/api/items/1").send().await.expect("answers");
    assert_eq!((answer.status().as_u16(), answer.attempts()), (200, 3));
    let waits: Vec<_> = waits.lock().expect("whole").clone();
    assert_eq!(waits.len(), 2);
    assert!(waits.iter().all(|(wait, kind)| *wait >= Duration::from_secs(1) && *kind == "throttled"), "{waits:?}");

    testbed.script(Rule::on("/api/items", busy(429, Some("3600")))).expect("a rule");
    let answer = session.get("/api/items/1").send().await.expect("a final 429 is an answer");
    assert!(matches!(answer.verdict(), Verdict::Throttled(Some(_))));
    let at = answer.retry_at().expect("the platform told when");
    let error = answer.error_for_verdict().expect_err("throttled");
    assert_eq!((error.kind(), error.retry()), ("throttled", Retry::After(at)));
    assert_eq!(session.state(), hallpass::State::Active, "429 is not the session's fault");
}

#[tokio::test]
async fn all_forms_of_a_date_are_understood_and_a_200_asks_for_nothing() {
    let (_testbed, _client, session) = signed_in().await;
    for date in ["imf", "rfc850", "asctime"] {
        let answer = session
            .get(&format!("/odd/503?count=1&retry_after=1&date={date}&key={date}"))
            .send()
            .await
            .expect("answers");
        assert_eq!((answer.status().as_u16(), answer.attempts()), (200, 2), "{date}");
    }
    let answer = session.get("/odd/retry-after-200/items/1").send().await.expect("answers");
    assert_eq!((answer.status().as_u16(), answer.attempts()), (200, 1));
}

#[tokio::test]
async fn idempotent_calls_are_made_again_as_often_as_the_rules_allow_and_no_more() {
    let (testbed, _client, session) = signed_in().await;
    testbed.script(Rule { times: 0, ..Rule::on("/api/items", busy(503, None)) }).expect("a rule");
    let answer = session.get("/api/items/1").send().await.expect("a final 503 is an answer");
    assert_eq!((answer.status().as_u16(), answer.verdict(), answer.attempts()), (503, Verdict::Failed, 4));
    assert_eq!(fired(&testbed), 4);
    assert_eq!(answer.error_for_verdict().expect_err("failed").retry(), Retry::GaveUp);
    for status in [400, 404, 422, 501] {
        testbed.clear_script();
        testbed.script(Rule { times: 0, ..Rule::on("/api/items", busy(status, None)) }).expect("a rule");
        assert_eq!(session.get("/api/items/1").send().await.expect("answers").attempts(), 1, "{status}");
    }
}

#[tokio::test]
async fn a_write_is_not_repeated_once_it_may_have_been_carried_out() {
    let (testbed, _client, session) = signed_in().await;
    testbed.script(Rule::on("/api/items", Action::Reset { at: Point::Answered })).expect("a rule");
    assert_eq!(kind(session.post("/api/items/1").send().await), "connection_lost");
    assert_eq!(testbed.stats().writes["POST /api/items/1"], 1);

    testbed.script(Rule::on("/api/items", Action::Reset { at: Point::Answered })).expect("a rule");
    let answer = session.post("/api/items/2").idempotency_key("k-1").send().await.expect("answers");
    assert_eq!((answer.status().as_u16(), answer.attempts()), (201, 2));
    assert_eq!((testbed.stats().writes["POST /api/items/2"], testbed.stats().idempotent_replays), (1, 1));

    testbed.script(Rule::on("/api/items", Action::Reset { at: Point::Before })).expect("a rule");
    let answer = session.post("/api/items/3").repeatable(Repeatable::Yes).send().await.expect("answers");
    assert_eq!(answer.status(), 201);
    testbed.script(Rule::on("/api/items", Action::Reset { at: Point::Before })).expect("a rule");
    assert_eq!(kind(session.get("/api/items/4").repeatable(Repeatable::No).send().await), "connection_lost");
    // A 429 was not acted upon, so even a POST may come again.
    testbed.script(Rule::on("/api/items", busy(429, Some("0")))).expect("a rule");
    assert_eq!(session.post("/api/items/5").send().await.expect("answers").status(), 201);
    assert_eq!(requests(&testbed, "POST /api/items/{n}"), 7);
}

#[tokio::test]
async fn a_refused_connection_is_tried_again_and_named_in_the_end() {
    let testbed = testbed().await;
    let (url, platform) = (testbed.url(), quick(&testbed.url(), ""));
    let client = crate::support::client();
    let session = client.sign_in(&platform, "alice", alice()).await.expect("signs in");
    testbed.stop().await;
    let error = session.post("/api/items/1").send().await.expect_err("nobody listens");
    assert_eq!((error.kind(), error.retry()), ("connect", Retry::GaveUp), "{error}");
    assert_eq!(session.stats().retries, 3);
    assert!(error.to_string().contains(&url), "{error}");
}

#[tokio::test]
async fn retries_of_many_calls_do_not_multiply_an_outage() {
    let (testbed, _client, session) = signed_in().await;
    testbed.script(Rule { times: 0, ..Rule::on("/api/items", busy(503, None)) }).expect("a rule");
    for number in 0..200 {
        assert_eq!(status(&session, &format!("/api/items/{number}")).await, 503);
    }
    let attempts = requests(&testbed, "GET /api/items/{n}");
    assert!((200..400).contains(&attempts), "{attempts} attempts for 200 calls");
}
