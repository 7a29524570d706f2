//! What do several clients on one folder make of each other's sessions, and of files that are not theirs?

use std::path::{Path, PathBuf};

use hallpass::store::FileStore;
use hallpass::{Client, Keyring, Platform, State};
use hallpass_testbed::{Listener, Testbed};

use crate::support::{JSON, alice, client_at, keyring, kind, platform, quick, status, testbed};

/// A testbed, and a folder in which alice is signed in.
async fn saved() -> (Testbed, tempfile::TempDir) {
    let (testbed, folder) = (testbed().await, tempfile::tempdir().expect("a folder"));
    let client = client_at(folder.path());
    client.sign_in(&quick(&testbed.url(), ""), "alice", alice()).await.expect("signs in");
    client.close().await.expect("closes");
    (testbed, folder)
}

fn with_keys(folder: &Path, keyring: Keyring) -> Client {
    Client::builder().store(FileStore::open(folder).expect("opens")).keyring(keyring).build().expect("a client")
}

/// The files with sealed records in them.
fn records(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(records(&path));
        } else if std::fs::read(&path).expect("a file").len() > 100 {
            found.push(path);
        }
    }
    found
}

#[tokio::test]
async fn the_one_that_renewed_second_takes_over_what_the_first_saved() {
    let (testbed, folder) = saved().await;
    let platform = quick(&testbed.url(), "");
    let (first, second) = (client_at(folder.path()), client_at(folder.path()));
    let one = first.resume(&platform, "alice").await.expect("resumes");
    let two = second.resume(&platform, "alice").await.expect("resumes");
    one.renew().await.expect("renews");
    // Saved things that were read before are stale now; what follows must not lose what the first one saved.
    assert_eq!(status(&two, "/cookies/set?second=1&attributes=Path%3D%2F").await, 200);
    two.save().await.expect("saves");
    assert_eq!((two.generation(), two.state()), (2, State::Active), "the newer generation was taken over");
    testbed.expire("alice");
    assert_eq!(status(&two, "/api/items/1").await, 200);
    assert_eq!((two.generation(), testbed.stats().refresh_reuses), (3, 0));
    one.save().await.expect("nothing to save");
    two.close().await.expect("closes");
    assert_eq!(status(&one, "/cookies/set?first=1&attributes=Path%3D%2F").await, 200);
    one.save().await.expect("saves");
    // What came from an older generation is not written over a newer one.
    assert_eq!((one.generation(), status(&one, "/api/items/1").await), (3, 200));
    assert_eq!(testbed.stats().refresh_reuses, 0);
}

#[tokio::test]
async fn a_refresh_token_that_another_client_used_first_is_looked_up_in_the_store() {
    // Without rotation the refusal of a used token is all there is; the testbed kills the grant, so the newer record is what helps.
    let (testbed, folder) = saved().await;
    let platform = quick(&testbed.url(), "");
    let (first, second) = (client_at(folder.path()), client_at(folder.path()));
    let one = first.resume(&platform, "alice").await.expect("resumes");
    let two = second.resume(&platform, "alice").await.expect("resumes");
    let refused = hallpass_testbed::Action::Status {
        status: 400,
        headers: [].into(),
        body: "{\"error\":\"invalid_grant\"}".to_owned(),
    };
    one.renew().await.expect("renews");
    testbed.script(hallpass_testbed::Rule::on("/oauth/token", refused)).expect("a rule");
    two.renew().await.expect("what the other one saved is as good as a renewal");
    assert_eq!((two.generation(), status(&two, "/api/items/1").await), (2, 200));
    assert_eq!(testbed.stats().refresh_reuses, 0);
}

#[tokio::test]
async fn what_cannot_be_opened_is_told_apart() {
    let (testbed, folder) = saved().await;
    let platform = quick(&testbed.url(), "");
    assert_eq!(kind(client_at(folder.path()).resume(&platform, "bob").await), "no_session");
    let stranger = Keyring::new("k2", [7; 32]).expect("a key");
    assert_eq!(kind(with_keys(folder.path(), stranger).resume(&platform, "alice").await), "key_unknown");
    let wrong = Keyring::new("k1", [8; 32]).expect("a key");
    let wrong = kind(with_keys(folder.path(), wrong).resume(&platform, "alice").await);
    assert!(["wrong_context", "damaged", "key_unknown"].contains(&wrong), "{wrong}");
    let bare = Client::builder().build().expect("a client");
    assert_eq!(kind(bare.resume(&platform, "alice").await), "key_missing");
    let keyless = Client::builder().store(FileStore::open(folder.path()).expect("opens")).build();
    assert_eq!(kind(keyless), "key_missing");
    let elsewhere =
        Client::builder().store(FileStore::open(folder.path()).expect("opens")).keyring(keyring()).namespace("other");
    assert_eq!(kind(elsewhere.build().expect("a client").resume(&platform, "alice").await), "no_session");
    let rotated = Keyring::new("k2", [9; 32]).expect("a key").with_older("k1", [7; 32]).expect("keys");
    let session = with_keys(folder.path(), rotated).resume(&platform, "alice").await.expect("an older key opens it");
    assert_eq!(status(&session, "/api/items/1").await, 200);
    assert_eq!(testbed.stats().sign_ins.total, 1);
}

#[tokio::test]
async fn damaged_truncated_and_foreign_files_are_errors_and_never_no_session() {
    let (testbed, folder) = saved().await;
    let platform = quick(&testbed.url(), "");
    let [record] = &records(folder.path())[..] else { panic!("{:?}", records(folder.path())) };
    let good = std::fs::read(record).expect("a file");
    let mut kinds = std::collections::BTreeSet::new();
    let mut damage: Vec<Vec<u8>> =
        [0, 1, 7, good.len() / 2, good.len() - 1].map(|length| good[..length].to_vec()).to_vec();
    for at in (0..good.len()).step_by(7) {
        let mut flipped = good.clone();
        flipped[at] ^= 0x40;
        damage.push(flipped);
    }
    damage.push([&good[..], b"more"].concat());
    damage.push(b"[Desktop Entry]\nName=Something else entirely, of a length that could be a record\n".to_vec());
    for bytes in damage {
        std::fs::write(record, &bytes).expect("written");
        let kind = kind(client_at(folder.path()).resume(&platform, "alice").await);
        assert!(
            ["damaged", "version_unknown", "key_unknown", "wrong_context"].contains(&kind),
            "{kind}: {} bytes",
            bytes.len()
        );
        kinds.insert(kind);
    }
    assert!(kinds.contains("damaged"), "{kinds:?}");
    // Signing in anew writes over it.
    std::fs::write(record, &good[..good.len() / 2]).expect("written");
    let client = client_at(folder.path());
    client.sign_in(&platform, "alice", alice()).await.expect("signs in");
    client.close().await.expect("closes");
    client_at(folder.path()).resume(&platform, "alice").await.expect("resumes");
}

#[tokio::test]
async fn another_accounts_record_under_this_accounts_name_does_not_open() {
    let (testbed, folder) = saved().await;
    let client = client_at(folder.path());
    let platform = quick(&testbed.url(), "");
    let [of_alice] = &records(folder.path())[..] else { panic!("one record") };
    let bob = hallpass::Credentials::password("bob", "bob-password");
    client.sign_in(&platform, "bob", bob).await.expect("signs in");
    client.close().await.expect("closes");
    let all = records(folder.path());
    let of_bob = all.iter().find(|path| *path != of_alice).expect("two records");
    std::fs::copy(of_bob, of_alice).expect("copied");
    let kind = kind(client_at(folder.path()).resume(&platform, "alice").await);
    assert!(["wrong_context", "damaged"].contains(&kind), "{kind}");
}

#[tokio::test]
async fn a_platform_file_that_names_another_origin_gets_nothing() {
    let (testbed, folder) = saved().await;
    let hostile = Listener::start().await.expect("listens");
    let client = client_at(folder.path());
    assert_eq!(kind(client.resume(&platform(JSON, &hostile.url()), "alice").await), "platform_changed");
    let sneaky = [
        ("[sign_in.json]", format!("origins = [\"{}\"]\n[sign_in.json]", hostile.url())),
        ("token_url = \"/oauth/token\"", format!("token_url = \"{}/oauth/token\"", hostile.url())),
        ("path = \"/me\"", format!("path = \"{}/me\"", hostile.url())),
        ("path = \"/json/login\"", format!("path = \"{}/json/login\"", hostile.url())),
    ];
    for (from, to) in sneaky {
        let text = JSON.replace(from, &to);
        assert_ne!(text, JSON);
        // Some are refused as they are read.
        let Ok(described) = Platform::from_toml(&text.replace("http://127.0.0.1:8080", &testbed.url())) else {
            continue;
        };
        match client.resume(&described, "alice").await {
            Err(error) => assert_eq!(error.kind(), "platform_changed", "{to}"),
            Ok(session) => {
                testbed.expire("alice");
                let _ = session.get("/api/items/1").send().await;
                session.close().await.expect("closes");
            }
        }
    }
    assert!(hostile.heads().iter().all(|head| !head.carries_credentials()), "{:?}", hostile.heads());
    assert_eq!(testbed.stats().sign_ins.total, 1);
    // Limits, rules and names may change.
    let session = client
        .resume(&quick(&testbed.url(), "[[refused.headers]]\nname = \"x-gone\""), "alice")
        .await
        .expect("resumes");
    assert_eq!(status(&session, "/api/items/1").await, 200);
}

#[tokio::test]
async fn forgetting_removes_the_record_and_tells_nobody() {
    let (testbed, folder) = saved().await;
    let platform = quick(&testbed.url(), "");
    let client = client_at(folder.path());
    assert_eq!(client.saved().await.expect("lists").len(), 1);
    let before = testbed.stats().requests.total;
    client.resume(&platform, "alice").await.expect("resumes").forget().await.expect("forgets");
    assert_eq!((client.saved().await.expect("lists").len(), testbed.stats().requests.total), (0, before));
    assert_eq!(kind(client.resume(&platform, "alice").await), "no_session");
    assert!(!client.forget("testbed-json", "alice").await.expect("nothing to forget"));
}
