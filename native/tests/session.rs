//! The whole path on real input: sign in, call, renew once, resume, over a real server that counts.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use hallpass::store::{FileStore, MemoryStore};
use hallpass::{Client, Credentials, Keyring, Platform, State};
use hallpass_testbed::{Action, Config, Rule, Testbed};

fn platform(testbed: &Testbed) -> Platform {
    let text =
        include_str!("../../examples/platforms/testbed-json.toml").replace("http://127.0.0.1:8080", &testbed.url());
    Platform::from_toml(&text).expect("the example is a platform")
}

fn credentials() -> Credentials {
    Credentials::password("alice", "alice-password")
}

#[tokio::test]
async fn a_signed_in_session_fetches() {
    let testbed = Testbed::start(Config::default()).await.expect("starts");
    let client = Client::builder().build().expect("builds");
    let session = client.sign_in(&platform(&testbed), "alice", credentials()).await.expect("signs in");
    let answer = session.get("/api/items/7").send().await.expect("answers");
    assert_eq!(answer.status(), 200);
    let item: serde_json::Value = answer.json().await.expect("is JSON");
    assert_eq!(item["account"], "alice", "{item}");
    assert_eq!(session.account_id().as_deref(), Some("acct-alice"));
    session.close().await.expect("closes");
    assert_eq!(session.state(), State::Closed);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_token_renews_once_however_many_calls_are_refused() {
    let testbed = Testbed::start(Config::default()).await.expect("starts");
    let client = Client::builder().build().expect("builds");
    let session = client.sign_in(&platform(&testbed), "alice", credentials()).await.expect("signs in");
    testbed.expire("alice");
    let calls: Vec<_> = (0..64)
        .map(|number| {
            let session = session.clone();
            tokio::spawn(
                async move { session.get(&format!("/api/items/{number}")).send().await.expect("answers").status() },
            )
        })
        .collect();
    for call in calls {
        assert_eq!(call.await.expect("ends"), 200);
    }
    let stats = testbed.stats();
    assert_eq!(stats.token_requests.total, 1, "{stats:?}");
    assert_eq!(stats.refresh_reuses, 0);
    assert_eq!(session.stats().renewals, 1);
}

#[tokio::test]
async fn a_saved_session_is_resumed_without_signing_in() {
    let testbed = Testbed::start(Config::default()).await.expect("starts");
    let folder = tempfile::tempdir().expect("a folder");
    let keyring = || Keyring::new("k1", [7; 32]).expect("a key");
    let platform = platform(&testbed);
    {
        let store = FileStore::open(folder.path()).expect("opens");
        let client = Client::builder().store(store).keyring(keyring()).build().expect("builds");
        let session = client.sign_in(&platform, "alice", credentials()).await.expect("signs in");
        session.renew().await.expect("renews");
        client.close().await.expect("closes");
    }
    let store = FileStore::open(folder.path()).expect("opens");
    let client = Client::builder().store(store).keyring(keyring()).build().expect("builds");
    let session = client.resume(&platform, "alice").await.expect("resumes");
    assert_eq!(session.generation(), 2);
    assert_eq!(session.get("/api/items/1").send().await.expect("answers").status(), 200);
    assert_eq!(testbed.stats().sign_ins.total, 1);
    assert_eq!(client.saved().await.expect("lists").len(), 1);
}

#[tokio::test]
async fn dropping_the_call_that_noticed_leaves_the_renewal_alone() {
    let testbed = Testbed::start(Config::default()).await.expect("starts");
    let store = Arc::new(MemoryStore::new(NonZeroUsize::new(16).expect("not zero")));
    let keyring = Keyring::new("k1", [7; 32]).expect("a key");
    let client = Client::builder().shared_store(store).keyring(keyring).build().expect("builds");
    let session = client.sign_in(&platform(&testbed), "alice", credentials()).await.expect("signs in");
    testbed.expire("alice");
    testbed.script(Rule::on("/oauth/token", Action::Delay { ms: 200 })).expect("a rule");
    let call = tokio::time::timeout(Duration::from_millis(100), session.get("/api/items/1").send());
    assert!(call.await.is_err(), "the call still waits for the renewal");
    let answer = session.get("/api/items/2").send().await.expect("answers");
    assert_eq!((answer.status().as_u16(), answer.generation()), (200, 2));
    assert_eq!(testbed.stats().token_requests.total, 1);
}
