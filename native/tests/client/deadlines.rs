//! Does a call end when its time is up, whatever it waits for, and only then?

use std::time::Duration;

use hallpass::Client;
use hallpass_testbed::{Action, Config, Point, Rule, Testbed};

use crate::support::{alice, kind, pool, quick, signed_in, status, testbed};

const SHORT: Duration = Duration::from_millis(60);

#[tokio::test]
async fn a_total_deadline_ends_a_call_wherever_it_waits() {
    let (testbed, client, session) = signed_in().await;
    for at in [Point::Before, Point::Answered, Point::Head] {
        testbed.script(Rule::on("/api/items", Action::Stall { at })).expect("a rule");
        let error = session.get("/api/items/1").timeout(SHORT).send().await.expect_err("nothing comes");
        assert_eq!(error.kind(), "timeout", "{at:?}: {error}");
    }
    // In backoff there is nothing to wait for that ends in time, so the call ends with what it has.
    let answer = session.get("/odd/503?retry_after=5&key=a").timeout(SHORT).send().await.expect("answers");
    assert_eq!((answer.status().as_u16(), answer.attempts()), (503, 1));
    drop(answer);
    // At the gate.
    testbed.script(Rule::on("/oauth/token", Action::Delay { ms: 400 })).expect("a rule");
    testbed.expire("alice");
    assert_eq!(kind(session.get("/api/items/1").timeout(SHORT).send().await), "timeout");
    assert_eq!(kind(session.get("/api/items/2").timeout(SHORT).send().await), "timeout");
    assert_eq!(status(&session, "/api/items/3").await, 200);
    assert_eq!((session.generation(), testbed.stats().token_requests.total), (2, 1));
    pool(&client, |stats| stats.in_use == 0).await;
}

#[tokio::test]
async fn no_time_at_all_and_all_the_time_in_the_world_are_deadlines_too() {
    let (_testbed, _client, session) = signed_in().await;
    assert_eq!(kind(session.get("/api/items/1").timeout(Duration::ZERO).send().await), "timeout");
    assert_eq!(session.get("/api/items/1").timeout(Duration::MAX).send().await.expect("answers").status(), 200);
    assert_eq!(status(&session, "/api/items/2").await, 200);
}

#[tokio::test]
async fn the_total_deadline_ends_at_the_head_and_silence_in_the_body_has_its_own_limit() {
    let (testbed, _client, session) = signed_in().await;
    let path = "/api/slow?chunk_ms=60&chunks=4";
    let answer = session.get(path).timeout(Duration::from_millis(100)).send().await.expect("the head is quick");
    assert_eq!(answer.bytes().await.expect("the body takes longer").len(), 4);
    drop(testbed);

    let testbed = Testbed::start(Config::default()).await.expect("starts");
    let client = Client::builder().chunk_timeout(SHORT).build().expect("a client");
    let session = client.sign_in(&quick(&testbed.url(), ""), "alice", alice()).await.expect("signs in");
    testbed.script(Rule::on("/api/bytes", Action::Stall { at: Point::Body })).expect("a rule");
    let answer = session.get("/api/bytes/500000").send().await.expect("the head arrives");
    assert_eq!(kind(answer.bytes().await), "chunk_timeout");
}

#[tokio::test]
async fn a_silent_server_costs_the_first_byte_limit_an_attempt() {
    let testbed = testbed().await;
    let client = Client::builder().first_byte_timeout(SHORT).build().expect("a client");
    let session = client.sign_in(&quick(&testbed.url(), ""), "alice", alice()).await.expect("signs in");
    testbed.script(Rule::on("/api/items", Action::Stall { at: Point::Before })).expect("a rule");
    let answer = session.get("/api/items/1").send().await.expect("the second attempt is answered");
    assert_eq!((answer.status().as_u16(), answer.attempts()), (200, 2));
    testbed.script(Rule::on("/api/items", Action::Stall { at: Point::Before })).expect("a rule");
    assert_eq!(kind(session.post("/api/items/1").send().await), "first_byte_timeout");
}

#[tokio::test]
async fn a_connection_that_cannot_be_made_costs_the_connect_limit() {
    let (_testbed, _client, _session) = signed_in().await;
    let client = Client::builder().connect_timeout(SHORT).build().expect("a client");
    // TEST-NET-1 (RFC 5737): nobody answers there, unless the network says so at once.
    let text = crate::support::BEARER.replace("http://127.0.0.1:8080", "http://192.0.2.1:9");
    let platform = hallpass::Platform::from_toml(&text).expect("a platform");
    let error = client.sign_in(&platform, "alice", hallpass::Credentials::bearer("x")).await;
    // Who the account is stays unknown, which does not end a session.
    let session = error.expect("an unknown identity is no refusal");
    let error = session.post("/x").timeout(Duration::from_secs(20)).send().await.expect_err("nobody is there");
    assert!(["connect_timeout", "connect"].contains(&error.kind()), "{error}");
}
