//! Does a session survive a server that answers a wrong password with 200, forgets whoever is idle, and bans whoever guesses?
//!
//! The server's own log is the judge. `cargo xtask test --only real` installs it and runs these tests.

mod server;

use std::time::Duration;

use hallpass::store::FileStore;
use hallpass::{Client, Credentials, Keyring, Kind, Platform, State, Verdict};
use server::{PASSWORD, Qbittorrent, SignIns, USER};
use tokio::task::JoinSet;

use crate::command::Command;

fn described(server: &Qbittorrent) -> String {
    include_str!("../../../examples/platforms/qbittorrent.toml").replace("http://127.0.0.1:8080", server.url())
}

fn platform(server: &Qbittorrent) -> Platform {
    Platform::from_toml(&described(server)).expect("the example is a platform")
}

fn right() -> Credentials {
    Credentials::password(USER, PASSWORD)
}

fn wrong() -> Credentials {
    Credentials::password(USER, "a guess")
}

#[tokio::test]
#[ignore = "needs Debian's qbittorrent-nox: cargo xtask test --only real"]
async fn one_sign_in_serves_many_calls_and_the_next_process() {
    let server = Qbittorrent::start().await;
    let folder = tempfile::tempdir().expect("a folder");
    let client = || {
        let store = FileStore::open(folder.path()).expect("the folder opens");
        let keyring = Keyring::new("k1", [7; 32]).expect("a key");
        Client::builder().store(store).keyring(keyring).build().expect("the client builds")
    };
    let first = client();
    let session = first.sign_in(&platform(&server), "admin", right()).await.expect("signs in");
    let mut calls = JoinSet::new();
    for _ in 0..32 {
        let session = session.clone();
        calls.spawn(async move { session.get("/api/v2/app/version").send().await.expect("answers").status() });
    }
    assert!(calls.join_all().await.iter().all(|status| *status == 200));
    session.close().await.expect("everything is saved");

    let second = client();
    let session = second.resume(&platform(&server), "admin").await.expect("resumes");
    let answer = session.get("/api/v2/app/version").send().await.expect("answers");
    assert_eq!((answer.status().as_u16(), answer.verdict()), (200, Verdict::Served));
    assert!(answer.text().await.expect("text").starts_with('v'));
    second.close().await.expect("closes");
    assert_eq!(server.sign_ins().await, SignIns { accepted: 1, refused: 0 });
}

#[tokio::test]
#[ignore = "needs Debian's qbittorrent-nox: cargo xtask test --only real"]
async fn a_wrong_password_is_one_try_and_never_brings_about_the_ban() {
    let server = Qbittorrent::start().await;
    let client = Client::builder().build().expect("the client builds");
    let platform = platform(&server);
    // Sixteen at once want the same account: three tries of theirs would be a ban.
    let mut wanted = JoinSet::new();
    for _ in 0..16 {
        let (client, platform) = (client.clone(), platform.clone());
        wanted.spawn(async move { client.sign_in(&platform, "admin", wrong()).await.map(drop) });
    }
    for result in wanted.join_all().await {
        let error = result.expect_err("the password is wrong");
        assert_eq!(error.code(), Kind::CredentialsRefused, "{error}");
        assert!(!error.to_string().contains("a guess"));
    }
    assert_eq!(server.sign_ins().await, SignIns { accepted: 0, refused: 1 });
    let session = client.sign_in(&platform, "admin", right()).await.expect("nobody is banned");
    assert_eq!(session.get("/api/v2/app/version").send().await.expect("answers").status(), 200);
    assert_eq!(server.sign_ins().await, SignIns { accepted: 1, refused: 1 });
}

#[tokio::test]
#[ignore = "needs Debian's qbittorrent-nox: cargo xtask test --only real"]
async fn a_ban_is_told_as_one_and_not_as_a_wrong_password() {
    let server = Qbittorrent::start().await;
    let client = Client::builder().build().expect("the client builds");
    let platform = platform(&server);
    for _ in 0..3 {
        let error = client.sign_in(&platform, "admin", wrong()).await.expect_err("the password is wrong");
        assert_eq!(error.code(), Kind::CredentialsRefused, "{error}");
    }
    let error = client.sign_in(&platform, "admin", right()).await.expect_err("the address is banned");
    assert_eq!(error.code(), Kind::Throttled, "{error}");
    tokio::time::sleep(BAN).await;
    client.sign_in(&platform, "admin", right()).await.expect("the ban is over");
    // Three guesses, and one right password while the ban lasted.
    assert_eq!(server.sign_ins().await, SignIns { accepted: 1, refused: 4 });
}

#[tokio::test]
#[ignore = "needs Debian's qbittorrent-nox: cargo xtask test --only real"]
async fn an_idle_session_is_told_as_ended_and_nobody_signs_in_unasked() {
    let server = Qbittorrent::start().await;
    let client = Client::builder().build().expect("the client builds");
    let session = client.sign_in(&platform(&server), "admin", right()).await.expect("signs in");
    tokio::time::sleep(IDLE).await;
    let answer = session.get("/api/v2/app/version").send().await.expect("it answers");
    assert_eq!((answer.status().as_u16(), answer.verdict()), (403, Verdict::Refused));
    assert_eq!(session.state(), State::Expired);
    let error = session.get("/api/v2/app/version").send().await.expect_err("the session has ended");
    assert_eq!(error.code(), Kind::Expired, "{error}");
    assert_eq!(server.sign_ins().await, SignIns { accepted: 1, refused: 0 });

    let again = client.sign_in(&platform(&server), "admin", right()).await.expect("signs in again");
    assert_eq!(again.get("/api/v2/app/version").send().await.expect("answers").status(), 200);
}

#[tokio::test]
#[ignore = "needs Debian's qbittorrent-nox: cargo xtask test --only real"]
async fn a_session_that_is_kept_alive_outlasts_the_servers_patience_without_a_call() {
    let server = Qbittorrent::start().await;
    let client = Client::builder().build().expect("the client builds");
    let described = described(&server).replace("every = \"20m\"", "every = \"1s\"");
    let platform = Platform::from_toml(&described).expect("the example is a platform");
    let session = client.sign_in(&platform, "admin", right()).await.expect("signs in");
    tokio::time::sleep(2 * IDLE).await;
    assert_eq!((session.state(), session.generation(), session.stats().attempts), (State::Active, 1, 0));
    let answer = session.get("/api/v2/app/version").send().await.expect("it answers");
    assert_eq!((answer.status().as_u16(), answer.verdict()), (200, Verdict::Served));
    assert_eq!(server.sign_ins().await, SignIns { accepted: 1, refused: 0 });
}

#[tokio::test]
#[ignore = "needs Debian's qbittorrent-nox: cargo xtask test --only real"]
async fn the_command_line_signs_in_once_and_tells_a_guess_from_an_end() {
    let server = Qbittorrent::start().await;
    let command = Command::knowing("qbittorrent", &described(&server));
    let login = ["login", "qbittorrent", "admin", "--json"];
    let fetch = ["fetch", "qbittorrent", "admin", "/api/v2/app/version"];
    let as_user = |password| vec![("HALLPASS_FIELD_USERNAME", USER), ("HALLPASS_FIELD_PASSWORD", password)];

    let ran = command.run(&login, &as_user("a guess")).await;
    assert_eq!(ran.code, 3, "{ran:?}");
    assert!(ran.err.contains("credentials_refused") && !ran.err.contains("a guess"), "{ran:?}");
    let ran = command.run(&login, &as_user(PASSWORD)).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    for _ in 0..3 {
        let ran = command.run(&fetch, &[]).await;
        assert_eq!((ran.code, ran.out.starts_with('v')), (0, true), "{ran:?}");
    }
    assert_eq!(server.sign_ins().await, SignIns { accepted: 1, refused: 1 });

    tokio::time::sleep(IDLE).await;
    let ran = command.run(&fetch, &[]).await;
    assert_eq!(ran.code, 3, "{ran:?}");
    assert_eq!(server.sign_ins().await, SignIns { accepted: 1, refused: 1 });
}

/// Longer than the server's four seconds: its look at who is idle is its own.
const IDLE: Duration = Duration::from_secs(6);
const BAN: Duration = Duration::from_millis(2_500);
