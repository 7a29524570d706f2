//! Does anything stay behind: tasks, connections, timers?

use std::time::Duration;

use hallpass::http::TransportSettings;
use hallpass::{Client, Session};
use hallpass_testbed::{Action, Config, Rule, Testbed};
use tokio::runtime::{Builder, Handle, Runtime};

use crate::support::{alice, client_at, eventually, kind, pool, quick, status};

/// A testbed in a runtime of its own, so that the tasks counted here are the client's.
struct Apart {
    testbed: Testbed,
    runtime: Option<Runtime>,
}

impl Apart {
    fn start() -> Self {
        let start = || {
            let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
            let testbed = runtime.block_on(Testbed::start(Config::default())).expect("starts");
            Self { testbed, runtime: Some(runtime) }
        };
        // A runtime cannot be entered from within another.
        std::thread::spawn(start).join().expect("starts")
    }
}

impl Drop for Apart {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

fn tasks() -> usize {
    Handle::current().metrics().num_alive_tasks()
}

async fn sign_in(client: &Client, apart: &Apart) -> Session {
    client.sign_in(&quick(&apart.testbed.url(), ""), "alice", alice()).await.expect("signs in")
}

#[tokio::test]
async fn a_client_that_is_dropped_leaves_no_task_behind() {
    let apart = Apart::start();
    let folder = tempfile::tempdir().expect("a folder");
    for closes in [true, false] {
        let before = tasks();
        let client = client_at(folder.path());
        let session = sign_in(&client, &apart).await;
        apart.testbed.expire("alice");
        assert_eq!(status(&session, "/api/items/1").await, 200);
        let unread = session.get("/api/bytes/900000").send().await.expect("answers");
        assert!(tasks() > before);
        if closes {
            client.close().await.expect("closes");
        }
        drop((session, client, unread));
        eventually(|| tasks() == before).await;
    }
    eventually(|| apart.testbed.stats().connections.open == 0).await;
}

#[tokio::test]
async fn a_session_that_is_dropped_saves_in_the_background_and_closing_the_client_waits_for_it() {
    let apart = Apart::start();
    let folder = tempfile::tempdir().expect("a folder");
    let client = client_at(folder.path());
    let session = sign_in(&client, &apart).await;
    assert_eq!(status(&session, "/cookies/set?fresh=1&attributes=Path%3D%2F").await, 200);
    let saves = session.stats().saves;
    drop(session);
    client.close().await.expect("closes");
    assert_eq!(saves, 1, "the cookie was not saved yet when the session was dropped");
    let session = client_at(folder.path()).resume(&quick(&apart.testbed.url(), ""), "alice").await.expect("resumes");
    let cookies = session.get("/cookies").send().await.expect("answers").text().await.expect("a body");
    assert!(cookies.contains("fresh"), "{cookies}");
}

#[tokio::test]
async fn closing_lets_calls_under_way_end_and_takes_no_new_ones() {
    let apart = Apart::start();
    let client = crate::support::client();
    let session = sign_in(&client, &apart).await;
    apart.testbed.script(Rule::on("/api/items/1", Action::Delay { ms: 100 })).expect("a rule");
    let slow = tokio::spawn(session.get("/api/items/1").send());
    eventually(|| apart.testbed.stats().requests.concurrent == 1).await;
    let closing = tokio::spawn({
        let session = session.clone();
        async move { session.close().await }
    });
    tokio::task::yield_now().await;
    assert_eq!(kind(session.get("/api/items/2").send().await), "closed");
    assert_eq!(slow.await.expect("a task").expect("answers").status(), 200);
    closing.await.expect("a task").expect("closes");
    assert_eq!(session.state(), hallpass::State::Closed);
    assert!(client.session("testbed-json", "alice").is_none(), "a closed session is never handed out");
    assert!(client.sessions().is_empty());
    let again = sign_in(&client, &apart).await;
    assert_eq!(status(&again, "/api/items/2").await, 200);
    assert_eq!(kind(session.get("/api/items/2").send().await), "closed");
}

#[tokio::test]
async fn two_thousand_calls_leave_connections_and_tasks_as_few_as_ten_did() {
    let apart = Apart::start();
    let client = crate::support::client();
    let session = sign_in(&client, &apart).await;
    let batch = async |count: u32| {
        let mut calls = tokio::task::JoinSet::new();
        for number in 0..count {
            let session = session.clone();
            calls.spawn(async move { status(&session, &format!("/api/items/{number}")).await });
        }
        while let Some(ended) = calls.join_next().await {
            assert_eq!(ended.expect("a task"), 200);
        }
    };
    batch(10).await;
    pool(&client, |stats| stats.in_use == 0).await;
    let (tasks_of_ten, open) = (tasks(), client.connections().expect("a network").open);
    for _ in 0..200 {
        batch(10).await;
    }
    pool(&client, |stats| stats.in_use == 0).await;
    assert!(client.connections().expect("a network").open <= open, "{:?}", client.connections());
    assert!(tasks() <= tasks_of_ten, "{} > {tasks_of_ten}", tasks());
    assert_eq!(session.stats().calls, 2010);
}

#[tokio::test]
async fn idle_connections_are_closed_after_their_time() {
    let apart = Apart::start();
    let mut settings = TransportSettings::default();
    settings.idle_timeout = Duration::from_millis(30);
    let client = Client::builder().transport(settings).build().expect("a client");
    let session = sign_in(&client, &apart).await;
    assert_eq!(status(&session, "/api/items/1").await, 200);
    pool(&client, |stats| stats.open == 0).await;
    assert_eq!(status(&session, "/api/items/1").await, 200);
}

#[test]
fn a_client_needs_a_runtime_and_says_so() {
    assert_eq!(kind(Client::builder().build()), "config_invalid");
}

#[test]
fn a_runtime_that_ends_with_sessions_alive_ends_quietly() {
    let apart = Apart::start();
    let folder = tempfile::tempdir().expect("a folder");
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    let (client, session) = runtime.block_on(async {
        let client = client_at(folder.path());
        let session = sign_in(&client, &apart).await;
        assert_eq!(status(&session, "/api/items/1").await, 200);
        (client, session)
    });
    drop(runtime);
    drop(session);
    drop(client);
}
