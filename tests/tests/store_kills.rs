//! Whether a process that is killed while it saves, removes, prunes or leases leaves the old record or the new one.
//!
//! So many kills for each embedded store as `HALLPASS_KILLS` says, otherwise 200.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use hallpass::store::{Expected, Expiry, FileStore, Store, WallClock};
use hallpass_conformance::{backend, pattern};
use hallpass_core::seed::Seed;

/// Kills the program that changes a record, again and again, and looks at what each kill left; tells how many kills fell between two
/// reports.
async fn kill_at_any_point(path: &Path) {
    let kills: u64 = std::env::var("HALLPASS_KILLS").map_or(KILLS, |kills| kills.parse().unwrap());
    let mut rng = Seed::new([9; 32]).rng("kills");
    let (mut next, mut last_version, mut unreported) = (0_u64, 0, 0);
    for kill in 0..kills {
        let mut child = Command::new(env!("CARGO_BIN_EXE_store-changer"))
            .arg(path)
            .arg(next.to_string())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut told = BufReader::new(child.stdout.take().unwrap());
        let mut text = String::new();
        for _ in 0..rng.below(4) {
            told.read_line(&mut text).unwrap();
        }
        // Any moment will do; this only spreads the kills over the steps of a change.
        for _ in 0..rng.below(1_000_000) {
            std::hint::spin_loop();
        }
        child.kill().unwrap();
        child.wait().unwrap();
        told.read_to_string(&mut text).unwrap();

        let mut done = next.checked_sub(1);
        for line in text.rsplit_once('\n').map_or("", |(whole, _)| whole).lines() {
            let (step, version) = line.split_once(' ').unwrap();
            let (step, version): (u64, u64) = (step.parse().unwrap(), version.parse().unwrap());
            assert_eq!(step, done.map_or(0, |done| done + 1), "kill {kill}: one step after the other");
            if pattern::left_by(step).is_some() {
                assert!(version > last_version, "kill {kill}: {version} after {last_version}");
                last_version = version;
            } else {
                assert_eq!(version, last_version, "kill {kill}: what was removed is what was saved");
            }
            done = Some(step);
        }

        let record = backend::open(path).unwrap().load(&pattern::key()).await.unwrap();
        let sealed = record.as_ref().map(|record| &record.sealed);
        let next_step = done.map_or(0, |done| done + 1);
        if sealed == done.and_then(pattern::left_by).as_ref() {
            assert!(record.is_none_or(|record| record.version.0 == last_version), "kill {kill}: the record of before");
            next = next_step;
        } else {
            assert_eq!(sealed, pattern::left_by(next_step).as_ref(), "kill {kill}: the old record or the new one");
            if let Some(record) = record {
                assert!(record.version.0 > last_version, "kill {kill}: {} after {last_version}", record.version.0);
                last_version = record.version.0;
            }
            next = next_step + 1;
            unreported += 1;
        }
    }
    println!("{kills} kills, {next} steps, {unreported} kills between a change and its report");
    assert!(next > kills / 2, "most programs did something before they were killed");
}

#[tokio::test]
async fn the_file_store_survives_kills_at_any_point() {
    let folder = tempfile::tempdir().unwrap();
    kill_at_any_point(folder.path()).await;

    let now = WallClock::system().now() + Duration::from_secs(7200);
    let store = FileStore::open(folder.path()).unwrap().with_clock(WallClock::new(move || now));
    let key = pattern::key();
    let version = store.save(&key, b"last".to_vec(), Expected::Any, Expiry::default()).await.unwrap();
    let number = store.lease(&key, Duration::from_secs(1)).await.unwrap().unwrap();
    let entries = std::fs::read_dir(folder.path().join(key.digest())).unwrap();
    let mut left: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    left.sort();
    assert_eq!(left, [version.0.to_string(), format!("lease-{}", number.0)], "what killed processes left is pruned");
}

#[tokio::test]
async fn the_redb_store_survives_kills_at_any_point() {
    let folder = tempfile::tempdir().unwrap();
    kill_at_any_point(&folder.path().join("sessions.redb")).await;
}

#[tokio::test]
async fn a_shared_redb_store_survives_kills_at_any_point() {
    let folder = tempfile::tempdir().unwrap();
    kill_at_any_point(&folder.path().join("sessions.shared.redb")).await;
}

const KILLS: u64 = 200;
