//! Does a provider that others wrote take the proofs of possession (DPoP, RFC 9449), with the nonce that it wants in each?
//!
//! The server checks every proof itself, keys and replays included, and its own counters are the judge.

use std::path::Path;
use std::time::Duration;

use hallpass::store::FileStore;
use hallpass::{Answer, Client, Credentials, Declined, Keyring, Platform, Question, Secret};
use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::provider::Provider;
use crate::{keep_calling, walk};

fn described(provider: &Provider) -> String {
    let text = include_str!("../../../examples/platforms/oidc-provider-dpop.toml");
    text.replace("http://127.0.0.1:3000", provider.url())
}

fn platform(text: &str) -> Platform {
    Platform::from_toml(text).expect("the example is a platform")
}

/// A client whose person agrees, and whose sessions are kept in this folder.
fn client(folder: &Path) -> Client {
    let ask = |_: String, question: Question| async move {
        let Question::Authorize { url, .. } = question else {
            return Err(Declined { why: "asked something else".to_owned() });
        };
        Ok(Answer::Redirected(Secret::new(walk::sent_to(&url).await)))
    };
    let store = FileStore::open(folder).expect("the folder opens");
    let keyring = Keyring::new("k1", [7; 32]).expect("a key");
    Client::builder().ask(ask).store(store).keyring(keyring).build().expect("the client builds")
}

fn credentials() -> Credentials {
    Credentials::default().with("redirect_uri", "http://127.0.0.1:7777/callback")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs npm's oidc-provider: cargo xtask test --only real"]
async fn bound_tokens_are_proved_renewed_and_resumed_with_one_key() {
    let provider = Provider::start().await;
    let platform = platform(&described(&provider));
    let folder = tempfile::tempdir().expect("a folder");
    let first = client(folder.path());
    let session = first.sign_in(&platform, "bob", credentials()).await.expect("signs in");
    assert_eq!(session.account_id().as_deref(), Some(walk::LOGIN));
    let until = Instant::now() + LENGTH;
    let mut tasks = JoinSet::new();
    for _ in 0..TASKS {
        tasks.spawn(keep_calling(session.clone(), until));
    }
    let served: u64 = tasks.join_all().await.into_iter().sum();
    assert!(session.generation() >= 3, "tokens of 5 s for 12 s: {}", session.generation());
    session.renew().await.expect("renews");
    session.close().await.expect("everything is saved");
    drop(first);

    // The key travels with the session, sealed; the nonce does not, and is asked for again.
    let second = client(folder.path());
    let session = second.resume(&platform, "bob").await.expect("resumes");
    assert_eq!(session.get("/me").send().await.expect("answers").status(), 200);
    session.renew().await.expect("the refresh token is bound to the same key");
    assert_eq!(session.get("/me").send().await.expect("answers").status(), 200);
    session.close().await.expect("everything is saved");
    assert_eq!(session.stats().refusals, 0, "a demand for a nonce is no refusal");
    let generation = session.generation();
    let stats = provider.stats().await;
    println!("{served} calls, generation {generation}, server: {stats}");
    assert_eq!(stats["keys"], 1);
    // The sign-in asked once who it is.
    assert_eq!(stats["proved"], json!({ "/token": generation, "/me": served + 3 }));
    assert_eq!(stats["grants"], json!({ "authorization_code 200": 1, "refresh_token 200": generation - 1 }));
    assert_eq!(stats["nonces"], json!({ "/token 400": 1, "/me 401": 1 }));
    assert_eq!((&stats["usedTwice"], &stats["revoked"]), (&0.into(), &0.into()));
}

#[tokio::test]
#[ignore = "needs npm's oidc-provider: cargo xtask test --only real"]
async fn a_provider_that_binds_its_tokens_gives_none_without_a_proof() {
    let provider = Provider::start().await;
    let folder = tempfile::tempdir().expect("a folder");
    let client = client(folder.path());
    let unproved = platform(&described(&provider).replace("[dpop]", ""));
    let error = client.sign_in(&unproved, "bob", credentials()).await.expect_err("no proof, no tokens");
    assert_eq!(error.kind(), "credentials_refused", "{error}");
    let stats = provider.stats().await;
    assert_eq!((&stats["proved"], &stats["errors"]), (&json!({}), &json!({ "invalid_grant": 1 })));
}

const TASKS: u32 = 8;
const LENGTH: Duration = Duration::from_secs(12);
