//! Is a document that signers need fetched once, kept, and still had when its host is gone?

use std::time::Duration;

use hallpass::RulesDocument;
use hallpass_testbed::{Config, Testbed};

use crate::support::{client, kind, testbed};

fn plain(testbed: &Testbed, lifetime: Duration) -> RulesDocument {
    RulesDocument::new(&client(), &format!("{}/plain/rules.json", testbed.url()), lifetime).expect("an address")
}

#[tokio::test]
async fn however_many_ask_it_is_fetched_once_without_credentials() {
    let testbed = testbed().await;
    let rules = plain(&testbed, Duration::from_secs(60));
    let asking = (0..20).map(|_| {
        let rules = rules.clone();
        tokio::spawn(async move { rules.current().await.expect("it is had") })
    });
    for asked in asking.collect::<Vec<_>>() {
        let document = asked.await.expect("no panic");
        assert!(!document.is_stale && document.bytes.starts_with(b"{\"plain\""));
    }
    let stats = testbed.stats();
    assert_eq!((stats.requests.total, stats.credentials_seen.requests), (1, 0));
}

#[tokio::test]
async fn one_who_stops_fetching_leaves_it_to_the_next() {
    let testbed = testbed().await;
    let rule = r#"{"path": "/head", "nth": 1, "action": {"kind": "stall", "at": "before"}}"#;
    testbed.script(serde_json::from_str(rule).expect("a rule")).expect("a rule");
    let address = format!("{}/head", testbed.url());
    let rules = RulesDocument::new(&client(), &address, Duration::from_secs(60)).expect("an address");
    let stalled = tokio::spawn({
        let rules = rules.clone();
        async move { rules.current().await }
    });
    crate::support::eventually(|| testbed.stats().requests.total == 1).await;
    let waiting = tokio::spawn(async move { rules.current().await });
    tokio::task::yield_now().await;
    stalled.abort();
    let document = waiting.await.expect("no panic").expect("it is had");
    let head = String::from_utf8_lossy(&document.bytes).to_lowercase();
    assert!(!head.contains("authorization") && !head.contains("cookie"), "{head}");
    assert_eq!(testbed.stats().requests.total, 2);
}

#[tokio::test]
async fn the_last_good_one_outlives_its_host() {
    let testbed = Testbed::start(Config::default()).await.expect("it starts");
    let rules = plain(&testbed, Duration::from_millis(1));
    let first = rules.current().await.expect("it is had");
    let gone = plain(&testbed, Duration::from_secs(1));
    testbed.stop().await;
    // Its lifetime is over by the time that a connection could be made.
    let last = loop {
        let document = rules.current().await.expect("the last good one");
        if document.is_stale {
            break document;
        }
    };
    assert_eq!((last.bytes, last.fetched), (first.bytes, first.fetched));
    assert_eq!(kind(gone.current().await), "connect");
}
