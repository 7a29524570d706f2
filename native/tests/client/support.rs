//! What the other files start from: the testbed's platforms, its accounts, a folder with sessions, a pool to be looked at.

use std::path::Path;

use hallpass::http::PoolStats;
use hallpass::store::FileStore;
use hallpass::{Client, Credentials, Error, Keyring, Platform, Secret, Session};
use hallpass_testbed::{Bundle, Config, Testbed};

pub(crate) const JSON: &str = include_str!("../../../examples/platforms/testbed-json.toml");
pub(crate) const FORM: &str = include_str!("../../../examples/platforms/testbed-form.toml");
pub(crate) const OAUTH: &str = include_str!("../../../examples/platforms/testbed-oauth.toml");
pub(crate) const BUNDLE: &str = include_str!("../../../examples/platforms/testbed-bundle.toml");
pub(crate) const BEARER: &str = include_str!("../../../examples/platforms/testbed-bearer.toml");

pub(crate) async fn testbed() -> Testbed {
    Testbed::start(Config::default()).await.expect("the testbed starts")
}

/// One of the examples, at this address.
pub(crate) fn platform(text: &str, url: &str) -> Platform {
    Platform::from_toml(&text.replace("http://127.0.0.1:8080", url)).expect("it is a platform")
}

/// The JSON example with quick retries, and `more` after it.
pub(crate) fn quick(url: &str, more: &str) -> Platform {
    platform(&format!("{}\n{more}", JSON.replace("base = \"250ms\"", "base = \"1ms\"")), url)
}

pub(crate) fn alice() -> Credentials {
    Credentials::password("alice", "alice-password")
}

/// What a browser exported.
pub(crate) fn bundle(issued: &Bundle) -> Credentials {
    Credentials {
        cookies: Some(Secret::new(issued.cookie.clone())),
        user_agent: Some(issued.user_agent.clone()),
        headers: [("x-bc".to_owned(), Secret::new(issued.x_bc.clone()))].into(),
        ..Credentials::default()
    }
}

pub(crate) fn keyring() -> Keyring {
    Keyring::new("k1", [7; 32]).expect("a key")
}

pub(crate) fn client() -> Client {
    Client::builder().build().expect("a client")
}

/// A client whose sessions live in this folder.
pub(crate) fn client_at(folder: &Path) -> Client {
    let store = FileStore::open(folder).expect("the folder opens");
    Client::builder().store(store).keyring(keyring()).build().expect("a client")
}

/// A testbed, a client, and alice signed in by JSON with quick retries.
pub(crate) async fn signed_in() -> (Testbed, Client, Session) {
    let testbed = testbed().await;
    let client = client();
    let session = client.sign_in(&quick(&testbed.url(), ""), "alice", alice()).await.expect("signs in");
    (testbed, client, session)
}

pub(crate) async fn status(session: &Session, path: &str) -> u16 {
    session.get(path).send().await.expect("answers").status().as_u16()
}

pub(crate) fn kind<T: std::fmt::Debug>(result: Result<T, Error>) -> &'static str {
    result.expect_err("fails").kind()
}

/// Waits until the pool is as it should be; a test that waits for ever has failed.
pub(crate) async fn pool(client: &Client, is_so: impl Fn(&PoolStats) -> bool) {
    eventually(|| is_so(&client.connections().expect("a network"))).await;
}

/// Lets the runtime go on until something holds.
pub(crate) async fn eventually(holds: impl Fn() -> bool) {
    let patience = tokio::time::Instant::now() + std::time::Duration::from_secs(20);
    while !holds() {
        assert!(tokio::time::Instant::now() < patience, "it never came to be");
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
}
