//! What do ten thousand calls cost a platform when the session they share ends under them? One renewal.

use std::num::NonZeroUsize;
use std::time::Duration;

use hallpass::Client;
use hallpass::http::TransportSettings;
use hallpass_testbed::{Action, Rule};
use tokio::task::JoinSet;

use crate::support::{alice, quick, testbed};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_calls_whose_session_ends_under_them_renew_once_and_are_all_served() {
    let testbed = testbed().await;
    let mut connections = TransportSettings::default();
    connections.max_per_host = NonZeroUsize::new(64);
    let client = Client::builder().transport(connections).connect_timeout(PATIENCE).first_byte_timeout(PATIENCE);
    let client = client.build().expect("a client");
    let platform = quick(&testbed.url(), "");
    let session = client.sign_in(&platform, "alice", alice()).await.expect("signs in");
    testbed.expire("alice");
    // The first answers come late, so that several calls are under way when the first of them is refused.
    let late = Action::Delay { ms: 300 };
    testbed.script(Rule::on("/api/items/1", late).times(64)).expect("a rule");
    let mut calls = JoinSet::new();
    for _ in 0..CALLS {
        let session = session.clone();
        calls.spawn(async move {
            let answer = session.get("/api/items/1").timeout(PATIENCE).send().await;
            answer.map(|answer| answer.status().as_u16())
        });
    }
    let ends = calls.join_all().await;
    let unserved: Vec<_> = ends.iter().filter(|end| !matches!(end, Ok(200))).collect();
    assert_eq!(ends.len(), CALLS);
    assert!(unserved.is_empty(), "{} of {CALLS}, first {:?}", unserved.len(), unserved.first());

    let seen = testbed.stats();
    assert_eq!((seen.token_requests.total, seen.token_requests.refused, seen.refresh_reuses), (1, 0, 0));
    assert!(seen.refusals.total > 1, "several were under way when it ended");
    let connections = client.connections().expect("a network");
    assert!(connections.open <= 64 && connections.waiting == 0, "{connections:?}");
    let counted = session.stats();
    assert_eq!((counted.renewals, counted.replays), (1, seen.refusals.total));
    assert_eq!((session.generation(), counted.calls), (2, CALLS as u64));
}

const CALLS: usize = 10_000;
/// Ten thousand wait for sixty-four connections, on a machine that may have other work.
const PATIENCE: Duration = Duration::from_secs(300);
