//! Whether a disk that takes no more is an error that loses nothing, and is over when there is room again.
#![cfg(unix)]

use std::path::Path;
use std::process::Command;

use hallpass::store::{Expected, Expiry, Version};
use hallpass_conformance::{backend, pattern};

/// Changes a record where no file may grow beyond so many blocks of 512 bytes; the last step that it told, and why it ended.
///
/// That limit is what fails for everybody: whoever is root may write in any folder, and a full disk takes a disk to fill.
fn change_within(blocks: u32, path: &Path) -> (Option<u64>, String) {
    let done = Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -f \"$1\"; shift; exec \"$@\"", "sh", &blocks.to_string()])
        .arg(env!("CARGO_BIN_EXE_store-changer"))
        .arg(path)
        .arg("0")
        .output()
        .unwrap();
    assert!(!done.status.success());
    let told = String::from_utf8(done.stdout).unwrap();
    let last = told.lines().last().map(|line| line.split_once(' ').unwrap().0.parse().unwrap());
    (last, String::from_utf8(done.stderr).unwrap())
}

async fn fills_up_and_goes_on(path: &Path, blocks: u32) {
    let (last, why) = change_within(blocks, path);
    assert!(why.starts_with("store-changer: the store is unavailable: "), "{why}");
    let store = backend::open(path).unwrap();
    let key = pattern::key();
    let present = store.load(&key).await.unwrap();
    let sealed = present.as_ref().map(|record| &record.sealed);
    let (old, new) = (last.and_then(pattern::left_by), pattern::left_by(last.map_or(0, |last| last + 1)));
    assert!(sealed == old.as_ref() || sealed == new.as_ref(), "after step {last:?} the old record or the new one");
    let version = present.map_or(Version(0), |record| record.version);
    assert!(store.save(&key, vec![7; 100_000], Expected::Any, Expiry::default()).await.unwrap() > version);
}

#[tokio::test]
async fn the_file_store_loses_nothing_when_the_disk_is_full() {
    let folder = tempfile::tempdir().unwrap();
    fills_up_and_goes_on(folder.path(), 96).await;
    let names = std::fs::read_dir(folder.path().join(pattern::key().digest())).unwrap();
    let names: Vec<_> = names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert!(names.iter().all(|name| !name.starts_with("tmp-")), "what could not be written is gone: {names:?}");
}

#[tokio::test]
async fn the_redb_store_loses_nothing_when_the_disk_is_full() {
    let folder = tempfile::tempdir().unwrap();
    fills_up_and_goes_on(&folder.path().join("sessions.redb"), 200).await;
}

#[tokio::test]
async fn where_nothing_can_be_written_what_was_saved_still_loads() {
    for name in ["sessions", "sessions.redb"] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        let store = backend::open(&path).unwrap();
        let version = store.save(&pattern::key(), b"kept".to_vec(), Expected::Absent, Expiry::default()).await.unwrap();
        drop(store);
        let (last, why) = change_within(0, &path);
        assert_eq!(last, None, "{name}");
        assert!(why.contains("unavailable"), "{name}: {why}");
        let record = backend::open(&path).unwrap().load(&pattern::key()).await.unwrap().unwrap();
        assert_eq!((record.version, &record.sealed[..]), (version, &b"kept"[..]), "{name}");
    }
}
