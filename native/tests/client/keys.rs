//! Are keys taken only from where they are safe, and made only where nothing is sealed yet?

use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use hallpass::keys;
use hallpass::store::FileStore;

use crate::support::{alice, client_at, kind, quick, testbed};

#[test]
fn a_key_file_that_others_can_read_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("key");
    assert!(keys::from_file(&path).expect("a missing file is no error").is_none());
    let text = hallpass::Keyring::render_key("k9", &[3; 32]).expect("a key");
    std::fs::write(&path, format!("# made for a test\n\n  {}  \n", text.as_str())).expect("written");
    for mode in [0o644, 0o640, 0o604, 0o660] {
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).expect("set");
        let error = keys::from_file(&path).expect_err("others can read it");
        assert_eq!(error.kind(), "key_invalid");
        assert!(error.to_string().contains("chmod 600"), "{error}");
        assert!(!error.to_string().contains(text.as_str()));
    }
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("set");
    assert_eq!(keys::from_file(&path).expect("reads").expect("a keyring").primary_id(), "k9");
    for wrong in ["", "k9", "k9:AAAA", "not a key at all", "k9:%%%"] {
        std::fs::write(&path, wrong).expect("written");
        let error = keys::from_file(&path).expect_err(wrong);
        assert_eq!(error.kind(), "key_invalid", "{wrong}");
    }
}

#[tokio::test]
async fn a_key_is_made_once_for_its_owner_alone_and_only_where_nothing_is_sealed() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("made/here/key");
    let store = FileStore::open(folder.path().join("sessions")).expect("opens");
    let made = keys::mint(&path, &store, "hallpass").await.expect("makes a key");
    assert_eq!(std::fs::metadata(&path).expect("a file").permissions().mode() & 0o777, 0o600);
    assert_eq!(keys::from_file(&path).expect("reads").expect("a keyring").primary_id(), made.primary_id());
    let again = keys::mint(&path, &store, "hallpass").await.expect("the key that is there");
    assert_eq!(again.primary_id(), made.primary_id(), "it never replaces one");
    let other = folder.path().join("other");
    let second = keys::mint(&other, &store, "hallpass").await.expect("makes a key");
    assert_ne!(std::fs::read(&path).expect("a file"), std::fs::read(&other).expect("a file"));
    assert_ne!(made.primary_id(), second.primary_id());

    let testbed = testbed().await;
    let client = client_at(&folder.path().join("sessions"));
    client.sign_in(&quick(&testbed.url(), ""), "alice", alice()).await.expect("signs in");
    client.close().await.expect("closes");
    let third = folder.path().join("third");
    assert_eq!(kind(keys::mint(&third, &store, "hallpass").await), "key_missing");
    assert!(!third.exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn all_who_make_a_key_at_once_get_the_same_one() {
    for _ in 0..20 {
        let folder = Arc::new(tempfile::tempdir().expect("a folder"));
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..16 {
            let folder = Arc::clone(&folder);
            tasks.spawn(async move {
                let store = FileStore::open(folder.path().join("sessions")).expect("opens");
                let made =
                    keys::mint(&folder.path().join("key"), &store, "hallpass").await.expect("makes or finds a key");
                made.primary_id().to_owned()
            });
        }
        let ids = tasks.join_all().await;
        assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
        let left = std::fs::read_dir(folder.path()).expect("a folder").count();
        assert_eq!(left, 2, "the key and the sessions, and no other file with a key in it");
    }
}

#[test]
fn the_environment_may_hold_a_key() {
    // Another process, for a process's own environment is shared by all its tests.
    let told = |value: Option<&str>| {
        let mut program = std::process::Command::new(std::env::current_exe().expect("this program"));
        program.args(["--exact", "keys::tells_the_key_in_its_environment", "--ignored", "--nocapture"]);
        match value {
            Some(value) => program.env(keys::VARIABLE, value),
            None => program.env_remove(keys::VARIABLE),
        };
        String::from_utf8(program.output().expect("runs").stdout).expect("text")
    };
    let key = hallpass::Keyring::render_key("k9", &[3; 32]).expect("a key");
    let older = hallpass::Keyring::render_key("k8", &[2; 32]).expect("a key");
    assert!(told(None).contains("key: none"));
    assert!(told(Some(" ")).contains("key: none"));
    assert!(told(Some(key.as_str())).contains("key: k9"));
    assert!(told(Some(&format!("{},{}", key.as_str(), older.as_str()))).contains("key: k9"));
    assert!(told(Some("nonsense")).contains("key: key_invalid"));
}

#[test]
#[ignore = "run by the_environment_may_hold_a_key"]
fn tells_the_key_in_its_environment() {
    match keys::from_environment() {
        Ok(None) => println!("key: none"),
        Ok(Some(keyring)) => println!("key: {}", keyring.primary_id()),
        Err(error) => println!("key: {}", error.kind()),
    }
}
