//! Whether processes that share a redb file, and are killed in it, lose nothing and repeat nothing.

use std::collections::BTreeSet;
use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use hallpass::store::{RedbStore, Store};
use hallpass_conformance::pattern;
use hallpass_core::seed::Seed;

fn start(program: &str, path: &Path, count: u64) -> Child {
    Command::new(program).arg(path).arg(count.to_string()).stdout(Stdio::piped()).spawn().unwrap()
}

/// The numbers that a program told before it ended well.
fn told(mut child: Child) -> Vec<u64> {
    let mut text = String::new();
    child.stdout.take().unwrap().read_to_string(&mut text).unwrap();
    assert!(child.wait().unwrap().success());
    let numbers: Vec<u64> = text.lines().map(|line| line.parse().unwrap()).collect();
    assert!(numbers.is_sorted_by(|one, next| one < next), "{numbers:?}");
    numbers
}

const WRITER: &str = env!("CARGO_BIN_EXE_store-writer");
const HOLDER: &str = env!("CARGO_BIN_EXE_store-holder");

#[tokio::test]
async fn processes_that_share_a_redb_file_never_share_a_version_or_a_lease() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sessions.shared.redb");
    drop(RedbStore::open_shared(&path).unwrap());
    let writers: Vec<_> = (0..3).map(|_| start(WRITER, &path, 40)).collect();
    let holders: Vec<_> = (0..2).map(|_| start(HOLDER, &path, 40)).collect();
    let versions: Vec<_> = writers.into_iter().flat_map(told).collect();
    let leases: Vec<_> = holders.into_iter().flat_map(told).collect();
    let numbers: BTreeSet<_> = versions.iter().chain(&leases).collect();
    assert_eq!((versions.len(), leases.len(), numbers.len()), (120, 80, 200), "one counter, and nobody told twice");
    let record = RedbStore::open_shared(&path).unwrap().load(&pattern::key()).await.unwrap().unwrap();
    assert_eq!(Some(&record.version.0), versions.iter().max());
}

#[test]
fn a_writer_goes_on_while_others_of_its_file_are_killed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sessions.shared.redb");
    drop(RedbStore::open_shared(&path).unwrap());
    let mut rng = Seed::new([7; 32]).rng("kills");
    let steady = start(WRITER, &path, 200);
    let killed: BTreeSet<u64> = (0..60)
        .flat_map(|_| {
            let mut child = start(WRITER, &path, u64::MAX);
            std::thread::sleep(std::time::Duration::from_millis(rng.below(40)));
            child.kill().unwrap();
            let mut text = String::new();
            child.stdout.take().unwrap().read_to_string(&mut text).unwrap();
            child.wait().unwrap();
            let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
            whole.lines().map(|line| line.parse().unwrap()).collect::<Vec<u64>>()
        })
        .collect();
    let versions = told(steady);
    assert_eq!(versions.len(), 200);
    assert!(versions.iter().all(|version| !killed.contains(version)), "no version is told twice");
}
