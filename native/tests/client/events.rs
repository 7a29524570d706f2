//! What does a program hear of its sessions, and what does listening cost the sessions?

use std::num::NonZeroUsize;
use std::task::{Context, Poll, Waker};

use hallpass::{Client, Credentials, Event, Events, Lagged, Notice};
use hallpass_testbed::{Action, Rule};

use crate::support::{OAUTH, alice, client, client_at, kind, platform, quick, signed_in, status, testbed};

/// Everything that lies ready, without waiting.
fn ready(events: &mut Events) -> Vec<Result<Event, Lagged>> {
    let mut found = Vec::new();
    let mut context = Context::from_waker(Waker::noop());
    while let Poll::Ready(Some(one)) = futures_core::Stream::poll_next(std::pin::Pin::new(&mut *events), &mut context) {
        found.push(one);
    }
    found
}

fn names(events: &mut Events) -> Vec<String> {
    let told = |event: Event| format!("{} {} {}", event.account, event.kind.name(), event.generation);
    ready(events).into_iter().map(|one| told(one.expect("none was lost"))).collect()
}

#[tokio::test]
async fn a_life_is_told_in_order_to_each_who_listens() {
    let (testbed, folder) = (testbed().await, tempfile::tempdir().expect("a folder"));
    let client = client_at(folder.path());
    let (mut one, mut other) = (client.events(), client.events());
    let grant = testbed.issue_refresh_token("alice").expect("a grant");
    let oauth = platform(&OAUTH.replace("base = \"250ms\"", "base = \"1ms\""), &testbed.url());
    let session = client.sign_in(&oauth, "alice", Credentials::refresh_token(grant)).await.expect("signs in");
    testbed.expire("alice");
    assert_eq!(status(&session, "/api/items/1").await, 200);
    testbed.script(Rule::on("/api/items", Action::Throttle { count: 1, retry_after: 0 })).expect("a rule");
    assert_eq!(status(&session, "/api/items/1").await, 200);
    session.close().await.expect("closes");
    drop(session);
    let session = client.resume(&oauth, "alice").await.expect("it is saved");
    testbed.revoke("alice");
    assert_eq!(kind(session.get("/api/items/1").send().await), "expired");
    session.close().await.expect("closes");

    let heard = names(&mut one);
    assert_eq!(names(&mut other), heard);
    let expected = [
        "saved 1",
        "signed_in 1",
        "refused 1",
        // That the token is about to be sent.
        "saved 1",
        "saved 2",
        "renewed 2",
        "throttled 2",
        "retried 2",
        "closed 2",
        "restored 2",
        "refused 2",
        "saved 2",
        "renewal_failed 2",
        "expired 2",
        "closed 2",
    ];
    assert_eq!(heard, expected.map(|line| format!("alice {line}")));
    drop((session, client));
    assert_eq!(one.next().await, None, "it ends with the client");
}

#[tokio::test]
async fn events_of_one_session_are_its_own_and_end_with_it() {
    let (testbed, client, session) = signed_in().await;
    let mut events = session.events();
    let bob = Credentials::password("bob", "bob-password");
    let other = client.sign_in(&quick(&testbed.url(), ""), "bob", bob).await.expect("signs in");
    testbed.expire("alice");
    assert_eq!(status(&session, "/api/items/1").await, 200);
    other.close().await.expect("closes");
    drop(session);
    let mut heard = Vec::new();
    while let Some(event) = events.next().await {
        heard.push(event.map(|event| (event.account.to_string(), event.kind)).expect("none was lost"));
    }
    let told = [Notice::Refused(1), Notice::SignedIn(2), Notice::Closed];
    let told = told.into_iter().filter(|one| heard.iter().any(|(_, heard)| heard == one)).count();
    assert!(heard.iter().all(|(account, _)| account == "alice"), "{heard:?}");
    assert_eq!(heard.last().map(|(_, kind)| kind), Some(&Notice::Closed));
    assert!(told >= 2, "{heard:?}");
}

#[tokio::test]
async fn a_reader_that_does_not_read_loses_the_oldest_and_is_told_how_many() {
    let testbed = testbed().await;
    let client = Client::builder().event_buffer(NonZeroUsize::new(4).expect("four")).build().expect("a client");
    let (mut slow, mut gone) = (client.events(), client.events());
    let session = client.sign_in(&quick(&testbed.url(), ""), "alice", alice()).await.expect("signs in");
    for _ in 0..5 {
        testbed.script(Rule::on("/api/items", Action::Throttle { count: 1, retry_after: 0 })).expect("a rule");
        assert_eq!(status(&session, "/api/items/1").await, 200);
    }
    let found = ready(&mut slow);
    assert_eq!(found[0], Err(Lagged(7)), "signed in, four times throttled and retried are 11; four are kept");
    let kept: Vec<_> = found[1..].iter().map(|one| one.as_ref().expect("whole").kind.name()).collect();
    assert_eq!(kept, ["throttled", "retried", "throttled", "retried"]);
    assert!(ready(&mut slow).is_empty());
    assert!(matches!(gone.next().await, Some(Err(Lagged(7)))), "each has its own count");
}

#[tokio::test]
async fn a_waiting_reader_is_woken_and_a_dropped_one_is_forgotten() {
    let testbed = testbed().await;
    let client = client();
    drop(client.events());
    let mut events = client.events();
    let reader = tokio::spawn(async move { events.next().await });
    let session = client.sign_in(&quick(&testbed.url(), ""), "alice", alice()).await.expect("signs in");
    let event = reader.await.expect("ends").expect("an event").expect("none was lost");
    assert_eq!((event.kind, event.generation), (Notice::SignedIn(1), session.generation()));
}

#[tokio::test]
async fn an_event_is_written_under_the_names_that_javascript_has() {
    let (testbed, client, session) = signed_in().await;
    let mut events = client.events();
    testbed.script(Rule::on("/api/items", Action::Throttle { count: 1, retry_after: 1 })).expect("a rule");
    assert_eq!(status(&session, "/api/items/1").await, 200);
    let written: Vec<serde_json::Value> = ready(&mut events)
        .iter()
        .map(|one| serde_json::to_value(one.as_ref().expect("whole")).expect("JSON"))
        .collect();
    let keys = |at: usize| -> Vec<&str> { written[at].as_object().expect("flat").keys().map(String::as_str).collect() };
    assert_eq!(keys(0), ["account", "at", "delay", "generation", "platform", "status", "type", "until"]);
    assert_eq!(keys(1), ["account", "at", "delay", "generation", "kind", "platform", "type"]);
    assert_eq!(written[0]["type"], "throttled");
    assert_eq!((&written[0]["status"], &written[0]["delay"]), (&429.into(), &1_000.into()));
    assert_eq!((&written[1]["type"], &written[1]["kind"]), (&"retried".into(), &"throttled".into()));
}
