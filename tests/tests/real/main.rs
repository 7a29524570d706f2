//! Does a session survive a server that others wrote, one that ends the grant when a refresh token is used twice?
//!
//! The server's own counters are the judge. `cargo xtask test --only real` installs it and runs these tests.

mod command;
mod dpop;
mod grants;
mod jupyterhub;
#[cfg(unix)]
mod processes;
mod provider;
mod qbittorrent;
#[cfg(unix)]
#[path = "../stores/server.rs"]
#[expect(dead_code, reason = "the tests of stores use the rest")]
mod redis;
mod walk;
#[cfg(unix)]
mod workers;

use std::sync::Arc;
use std::time::Duration;

use hallpass::store::FileStore;
use hallpass::{Client, Credentials, Keyring, Platform, Session};
use provider::{CLIENT_SECRET, Provider};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval};

fn client(folder: &std::path::Path) -> Client {
    let store = FileStore::open(folder).expect("the folder opens");
    let keyring = Keyring::new("k1", [7; 32]).expect("a key");
    Client::builder().store(store).keyring(keyring).build().expect("the client builds")
}

fn platform(provider: &Provider) -> Platform {
    let text = include_str!("../../../examples/platforms/oidc-provider.toml");
    Platform::from_toml(&text.replace("http://127.0.0.1:3000", provider.url())).expect("the example is a platform")
}

/// Calls the userinfo endpoint until the end; how many calls were served.
async fn keep_calling(session: Session, until: Instant) -> u64 {
    let mut served = 0;
    let mut pace = interval(PACE);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while Instant::now() < until {
        pace.tick().await;
        let answer = session.get("/me").send().await.expect("the provider answers");
        assert_eq!(answer.status(), 200);
        let claims: serde_json::Value = answer.json().await.expect("claims are JSON");
        assert_eq!(claims["sub"], walk::LOGIN);
        served += 1;
    }
    served
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs npm's oidc-provider: cargo xtask test --only real"]
async fn sixty_four_tasks_keep_one_rotating_grant_alive_for_thirty_seconds() {
    let provider = Provider::start().await;
    let folder = tempfile::tempdir().expect("a folder");
    let refresh_token = walk::authorize(provider.url()).await;
    let first = client(folder.path());
    let credentials = Credentials::refresh_token(refresh_token).with("client_secret", CLIENT_SECRET);
    let session = first.sign_in(&platform(&provider), "bob", credentials).await.expect("signs in");

    let until = Instant::now() + LENGTH;
    let mut tasks = JoinSet::new();
    for _ in 0..TASKS {
        tasks.spawn(keep_calling(session.clone(), until));
    }
    let served: u64 = tasks.join_all().await.into_iter().sum();
    session.close().await.expect("everything is saved");
    // Not before: a renewal may have been under way, and closing waits for it.
    let (generation, counted) = (session.generation(), session.stats());
    drop(first);

    // The token endpoint saw the code once, and from then on each generation's refresh token once.
    let stats = provider.stats().await;
    println!("{served} calls, generation {generation}, {counted:?}, server: {stats}");
    assert!(generation >= 6, "tokens of 5 s for 30 s: {generation}");
    assert_eq!(stats["codeRequests"], 1);
    assert_eq!(stats["refreshRequests"], generation);
    assert_eq!(stats["refreshTokens"], generation);
    assert_eq!(stats["usedTwice"], 0);
    assert_eq!(stats["granted"], generation + 1);
    assert_eq!(stats["revoked"], 0);
    assert_eq!(stats["errors"], serde_json::json!({}));
    assert_eq!((counted.sign_ins, counted.renewals), (1, generation - 1));

    // What was saved is the one refresh token that is still good.
    let second = client(folder.path());
    let session = second.resume(&platform(&provider), "bob").await.expect("resumes");
    assert_eq!(session.generation(), generation);
    session.renew().await.expect("the grant is alive");
    assert_eq!(session.get("/me").send().await.expect("answers").status(), 200);
    second.close().await.expect("closes");
    let stats = provider.stats().await;
    assert_eq!((&stats["refreshRequests"], &stats["usedTwice"]), (&(generation + 1).into(), &0.into()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs npm's oidc-provider: cargo xtask test --only real"]
async fn forced_renewals_from_many_tasks_and_calls_that_are_dropped_never_use_a_token_twice() {
    let provider = Provider::start().await;
    let folder = tempfile::tempdir().expect("a folder");
    let refresh_token = walk::authorize(provider.url()).await;
    let client = Arc::new(client(folder.path()));
    let credentials = Credentials::refresh_token(refresh_token).with("client_secret", CLIENT_SECRET);
    let session = client.sign_in(&platform(&provider), "bob", credentials).await.expect("signs in");
    let mut tasks = JoinSet::new();
    for number in 0..TASKS {
        let session = session.clone();
        tasks.spawn(async move {
            for round in 0..8 {
                // Some give up early: their renewals and calls must neither stop nor double anybody's.
                let patience = Duration::from_millis(if (number + round) % 3 == 0 { 1 } else { 30_000 });
                match number % 2 {
                    0 => drop(tokio::time::timeout(patience, session.renew()).await),
                    _ => drop(tokio::time::timeout(patience, session.get("/me").send()).await),
                }
            }
        });
    }
    tasks.join_all().await;
    assert_eq!(session.get("/me").send().await.expect("answers").status(), 200);
    session.close().await.expect("closes");
    let stats = provider.stats().await;
    println!("generation {}, server: {stats}", session.generation());
    assert_eq!(stats["refreshRequests"], session.generation());
    assert_eq!(stats["usedTwice"], 0);
    assert_eq!(stats["revoked"], 0);
}

const TASKS: u32 = 64;
const LENGTH: Duration = Duration::from_secs(30);
/// How long each task rests between calls: the server has one thread and is the judge, not the one on trial.
const PACE: Duration = Duration::from_millis(50);
