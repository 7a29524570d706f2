//! Does a client say truly how its sessions stand, also of those that are gone?

use hallpass::{Client, Credentials, Kind, State};
use hallpass_testbed::{Action, Point, Rule};

use crate::support::{OAUTH, alice, client_at, eventually, kind, platform, quick, signed_in, status, testbed};

#[tokio::test]
async fn a_snapshot_counts_what_the_platform_counted() {
    let (testbed, client, session) = signed_in().await;
    for number in 0..5 {
        assert_eq!(status(&session, &format!("/api/items/{number}")).await, 200);
    }
    testbed.script(Rule::on("/api/items", Action::Throttle { count: 1, retry_after: 0 })).expect("a rule");
    assert_eq!(status(&session, "/api/items/5").await, 200);
    assert_eq!(status(&session, "/nowhere").await, 404);
    let snapshot = client.snapshot();
    let one = &snapshot.sessions[0];
    assert_eq!((one.platform.as_str(), one.account.as_str(), one.state), ("testbed-json", "alice", State::Active));
    assert_eq!((one.stats.calls, one.stats.attempts, one.stats.retries, one.stats.throttled), (7, 8, 1, 1));
    assert_eq!((one.stats.errors, one.in_flight, one.waiting, one.last_error), (0, 0, 0, None));
    assert_eq!((one.generation, one.is_saved), (1, None));
    assert!(one.age.is_some_and(|age| age.as_secs() < 60));
    assert_eq!((session.snapshot().stats, session.snapshot().state), (one.stats, one.state));
    let pool = snapshot.connections.expect("a network");
    assert_eq!(pool.created, testbed.stats().connections.accepted);
    assert_eq!(snapshot.totals.stats, one.stats);
}

#[tokio::test]
async fn totals_outlive_their_sessions_and_never_go_back() {
    let testbed = testbed().await;
    let client = crate::support::client();
    let mut calls = 0;
    for _ in 0..3 {
        let session = client.sign_in(&quick(&testbed.url(), ""), "alice", alice()).await.expect("signs in");
        assert_eq!(status(&session, "/api/items/1").await, 200);
        calls += 1;
        let told = client.snapshot();
        assert_eq!((told.totals.sessions, told.totals.stats.calls), (1, calls));
        session.close().await.expect("closes");
        let told = client.snapshot();
        assert_eq!(
            (told.totals.sessions, told.sessions.len(), told.totals.stats.calls),
            (0, 0, calls),
            "closed, but held"
        );
        drop(session);
        assert_eq!(client.snapshot().totals.stats.calls, calls);
    }
    assert_eq!(client.snapshot().platforms["testbed-json"].stats.sign_ins, 3);
}

#[tokio::test]
async fn calls_under_way_are_seen_and_the_last_error_is_named() {
    let (testbed, client, session) = signed_in().await;
    testbed.script(Rule::on("/api/items", Action::Stall { at: Point::Before })).expect("a rule");
    let call = session.get("/api/items/1").send();
    let hanging = tokio::spawn(call);
    eventually(|| client.snapshot().totals.in_flight == 1).await;
    hanging.abort();
    eventually(|| client.snapshot().totals.in_flight == 0).await;
    assert_eq!(client.snapshot().totals.stats.cancelled, 1);
    testbed.stop().await;
    assert_eq!(kind(session.get("/api/items/1").send().await), "connect");
    let one = session.snapshot();
    assert_eq!((one.last_error.map(Kind::as_str), one.stats.errors), (Some("connect"), 1));
}

#[tokio::test]
async fn a_snapshot_is_written_flat_in_milliseconds_and_without_secrets() {
    let (testbed, folder) = (testbed().await, tempfile::tempdir().expect("a folder"));
    let client: Client = client_at(folder.path());
    let grant = testbed.issue_refresh_token("alice").expect("a grant");
    let oauth = platform(OAUTH, &testbed.url());
    let session = client.sign_in(&oauth, "alice", Credentials::refresh_token(grant.clone())).await.expect("signs in");
    assert_eq!(status(&session, "/api/items/1?key=PLANTED").await, 200);
    let written = serde_json::to_value(client.snapshot()).expect("JSON");
    let one = &written["sessions"][0];
    for key in [
        "platform",
        "account",
        "state",
        "generation",
        "age",
        "expires_at",
        "in_flight",
        "waiting",
        "last_error",
        "is_saved",
    ] {
        assert!(one.get(key).is_some(), "{key} in {one}");
    }
    for name in hallpass::Stats::NAMES {
        assert!(one[name].is_u64() && written["totals"][name].is_u64(), "{name} in {written}");
    }
    assert_eq!((&one["state"], &one["is_saved"], &one["calls"]), (&"active".into(), &true.into(), &1.into()));
    assert!(written["at"].as_i64().is_some_and(|at| at > 1_600_000_000_000));
    assert_eq!(written["connections"]["open"], 1);
    let text = format!("{written} {:?}", client.snapshot());
    assert!(!text.contains("PLANTED") && !text.contains(&grant), "{text}");
}
