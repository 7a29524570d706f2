//! Whether processes that share a folder, and are killed in it, lose nothing and repeat nothing.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use hallpass::store::{Expected, Expiry, FileStore, Store, Version, WallClock};
use hallpass_conformance::pattern;
use hallpass_core::seed::Seed;
use hallpass_core::time::Wall;

fn writer(folder: &Path, count: u64) -> (Child, BufReader<ChildStdout>) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_store-writer"))
        .arg(folder)
        .arg(count.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let told = BufReader::new(child.stdout.take().unwrap());
    (child, told)
}

/// The last version told in whole lines, if any; a line cut off by the kill was not told.
fn last_told(text: &str) -> Option<u64> {
    text.rsplit_once('\n').and_then(|(whole, _)| whole.lines().last()?.parse().ok())
}

#[tokio::test]
async fn a_writer_killed_at_any_point_leaves_the_old_record_or_the_new_one() {
    let folder = tempfile::tempdir().unwrap();
    let store = FileStore::open(folder.path()).unwrap();
    let mut rng = Seed::new([9; 32]).rng("kills");
    let mut before = 0;
    for kill in 0..50 {
        let (mut child, mut told) = writer(folder.path(), u64::MAX);
        let mut text = String::new();
        for _ in 0..rng.below(6) {
            told.read_line(&mut text).unwrap();
        }
        // Any moment will do; this only spreads the kills over the steps of a save.
        for _ in 0..rng.below(3_000_000) {
            std::hint::spin_loop();
        }
        child.kill().unwrap();
        child.wait().unwrap();
        told.read_to_string(&mut text).unwrap();

        let accepted = last_told(&text).unwrap_or(before);
        let record = store.load(&pattern::key()).await.unwrap();
        let version = record.as_ref().map_or(0, |record| record.version.0);
        assert!(version == accepted || version == accepted + 1, "kill {kill}: {version} after {accepted}");
        if let Some(record) = record {
            assert_eq!(record.sealed, pattern::bytes(version), "kill {kill}: the record is whole");
        }
        before = version;
    }
    assert!(before > 0, "some save was accepted");

    let later = WallClock::new({
        let now = WallClock::system().now() + Duration::from_secs(7200);
        move || now
    });
    let store = store.with_clock(later);
    let expected = Expected::Version(Version(before));
    store.save(&pattern::key(), b"last".to_vec(), expected, Expiry::default()).await.unwrap();
    let left: Vec<_> = std::fs::read_dir(folder.path().join(pattern::key().digest())).unwrap().collect();
    assert_eq!(left.len(), 1, "what killed writers left is pruned: {left:?}");
}

#[tokio::test]
async fn processes_that_write_one_key_never_share_a_version() {
    let folder = tempfile::tempdir().unwrap();
    let writers: Vec<_> = (0..3).map(|_| writer(folder.path(), 60)).collect();
    let mut accepted = BTreeSet::new();
    for (mut child, mut told) in writers {
        let mut text = String::new();
        told.read_to_string(&mut text).unwrap();
        assert!(child.wait().unwrap().success());
        let versions: Vec<u64> = text.lines().map(|line| line.parse().unwrap()).collect();
        assert_eq!(versions.len(), 60);
        assert!(versions.is_sorted_by(|one, next| one < next), "{versions:?}");
        for version in versions {
            assert!(accepted.insert(version), "version {version} was accepted twice");
        }
    }
    let store = FileStore::open(folder.path()).unwrap();
    let record = store.load(&pattern::key()).await.unwrap().unwrap();
    assert!(accepted.last().is_some_and(|last| record.version.0 >= *last));
    if cfg!(unix) {
        assert!(accepted.into_iter().eq(1..=180), "whoever's version was present was told so");
    }
    assert_eq!(record.sealed, pattern::bytes(record.version.0));
}

#[tokio::test]
async fn a_touched_file_keeps_its_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let store = FileStore::open(folder.path()).unwrap();
    let expiry = Expiry { idle: Some(Duration::from_secs(60)), absolute: None };
    let at = |millis| store.clone().with_clock(WallClock::new(move || Wall::from_millis(millis)));
    at(1_000).save(&pattern::key(), b"sealed".to_vec(), Expected::Absent, expiry).await.unwrap();
    let path = folder.path().join(pattern::key().digest()).join("1");
    let before = std::fs::read(&path).unwrap();
    assert_eq!(at(60_999).touch(&pattern::key()).await.unwrap(), Some(Version(1)));
    assert_eq!(std::fs::read(&path).unwrap(), before);
    let modified = std::fs::metadata(&path).unwrap().modified().unwrap();
    assert_eq!(modified.duration_since(std::time::UNIX_EPOCH).unwrap(), Duration::from_millis(60_999));
    assert!(at(120_998).load(&pattern::key()).await.unwrap().is_some());
    assert!(at(120_999).load(&pattern::key()).await.unwrap().is_none());
}
