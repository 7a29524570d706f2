//! Does a rotation bring every record under the sealing key, losing nothing that others save meanwhile?

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use hallpass::core::envelope;
use hallpass::core::seed::{Rng, Seed};
use hallpass::core::time::Wall;
use hallpass::keys::{self, Turn};
use hallpass::store::{Expected, Expiry, FileStore, MemoryStore, RecordKey, Store, StoreError};
use hallpass::{Keyring, Kind};

const RECORDS: u64 = 24;
const EXPIRY: Expiry =
    Expiry { idle: Some(Duration::from_secs(3600)), absolute: Some(Wall::from_millis(i64::MAX / 2)) };

fn old() -> Keyring {
    Keyring::new("old", [1; 32]).and_then(|ring| ring.with_older("new", [2; 32])).expect("a keyring")
}

fn new() -> Keyring {
    Keyring::new("new", [2; 32]).and_then(|ring| ring.with_older("old", [1; 32])).expect("a keyring")
}

fn rng(seed: u64) -> Rng {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_be_bytes());
    Seed::new(bytes).rng("test")
}

fn key(number: u64) -> RecordKey {
    RecordKey::session("app", "example", &format!("account-{number}"))
}

fn memory() -> MemoryStore {
    MemoryStore::new(NonZeroUsize::new(1000).expect("a limit"))
}

async fn fill(store: &dyn Store, keyring: &Keyring) {
    let mut rng = rng(0);
    for number in 0..RECORDS {
        let sealed = envelope::seal(keyring, &key(number), 7, &0_u64.to_be_bytes(), &mut rng);
        store.save(&key(number), sealed, Expected::Absent, EXPIRY).await.expect("saves");
    }
}

/// The count in a record.
async fn count(store: &dyn Store, number: u64) -> u64 {
    let record = store.load(&key(number)).await.expect("loads").expect("a record");
    let opened = envelope::open(&new(), &key(number), &record.sealed).expect("opens");
    assert_eq!(opened.schema, 7);
    u64::from_be_bytes(opened.plaintext.as_slice().try_into().expect("a count"))
}

/// Adds one to a random record, until told to stop; every accepted save is counted.
async fn write(store: Arc<dyn Store>, keyring: Keyring, seed: u64, stop: Arc<AtomicBool>, saved: Arc<Vec<AtomicU64>>) {
    let mut rng = rng(seed);
    while !stop.load(Ordering::SeqCst) {
        let number = rng.below(RECORDS);
        let record = store.load(&key(number)).await.expect("loads").expect("a record is never missing");
        let opened = envelope::open(&keyring, &key(number), &record.sealed).expect("a record always opens");
        let counted = u64::from_be_bytes(opened.plaintext.as_slice().try_into().expect("a count"));
        for _ in 0..rng.below(3) {
            tokio::task::yield_now().await;
        }
        let sealed = envelope::seal(&keyring, &key(number), 7, &(counted + 1).to_be_bytes(), &mut rng);
        match store.save(&key(number), sealed, Expected::Version(record.version), EXPIRY).await {
            Ok(_) => drop(saved[number as usize].fetch_add(1, Ordering::SeqCst)),
            Err(StoreError::Conflict(_)) => {}
            Err(error) => panic!("{error}"),
        }
        tokio::task::yield_now().await;
    }
}

/// Rotates, twice at once, among four writers, of which two do not know yet that another key seals.
async fn storm(store: Arc<dyn Store>, seed: u64) {
    fill(&*store, &old()).await;
    let (stop, saved) = (Arc::new(AtomicBool::new(false)), Arc::new((0..RECORDS).map(|_| AtomicU64::new(0)).collect()));
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..4 {
        let keyring = if writer < 2 { old() } else { new() };
        let (stop, saved) = (Arc::clone(&stop), Arc::clone(&saved));
        writers.spawn(write(Arc::clone(&store), keyring, seed * 4 + writer + 1, stop, saved));
    }
    let (ring, twin) = (new(), new());
    let (one, two) = tokio::join!(keys::rotate(&*store, &ring, "app"), keys::rotate(&*store, &twin, "app"));
    for rotated in [one.expect("rotates"), two.expect("rotates")] {
        assert_eq!(rotated.current + rotated.rewritten + rotated.contended, RECORDS, "{rotated:?}");
        assert_eq!((rotated.gone, rotated.unreadable), (0, 0), "{rotated:?}");
    }
    stop.store(true, Ordering::SeqCst);
    writers.join_all().await;
    for number in 0..RECORDS {
        assert_eq!(
            count(&*store, number).await,
            saved[number as usize].load(Ordering::SeqCst),
            "seed {seed}: a save is lost"
        );
    }
    // Once everybody seals with the new key, one more rotation leaves nothing to the old one.
    keys::rotate(&*store, &new(), "app").await.expect("rotates");
    let census = keys::census(&*store, "app").await.expect("counts");
    assert_eq!(census.sealed.into_iter().collect::<Vec<_>>(), [("new".to_owned(), RECORDS)], "seed {seed}");
    for number in 0..RECORDS {
        let (_, expiry) = store.expiry(&key(number)).await.expect("tells").expect("a record");
        assert_eq!(expiry, EXPIRY);
        assert_eq!(count(&*store, number).await, saved[number as usize].load(Ordering::SeqCst));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_rotations_at_once_among_four_writers_lose_no_save() {
    for seed in 0..200 {
        storm(Arc::new(memory()), seed).await;
    }
    for seed in 200..208 {
        let folder = tempfile::tempdir().expect("a folder");
        storm(Arc::new(FileStore::open(folder.path()).expect("opens")), seed).await;
    }
}

#[tokio::test]
async fn what_does_not_open_stays_as_it_is_and_keeps_every_key_in_need() {
    let store = memory();
    fill(&store, &old()).await;
    let lost = Keyring::new("lost", [9; 32]).expect("a keyring");
    let put = async |number: u64, sealed: Vec<u8>| {
        store.save(&key(number), sealed, Expected::Any, EXPIRY).await.expect("saves");
    };
    put(0, envelope::seal(&lost, &key(0), 7, b"x", &mut rng(1))).await;
    put(1, envelope::seal(&old(), &key(2), 7, b"x", &mut rng(1))).await;
    put(2, b"no envelope".to_vec()).await;
    let other = RecordKey::session("other", "example", "alice");
    store.save(&other, b"not ours".to_vec(), Expected::Absent, EXPIRY).await.expect("saves");
    let before =
        [store.load(&key(0)).await, store.load(&key(1)).await, store.load(&key(2)).await, store.load(&other).await];

    let (mut kinds, ring) = (Vec::new(), new());
    let rotated = keys::rotate_telling(&store, &ring, "app", |turn| {
        if let Turn::Unreadable(_, error) = turn {
            kinds.push(error.code());
        }
    });
    let rotated = rotated.await.expect("rotates");
    assert_eq!((rotated.rewritten, rotated.unreadable), (RECORDS - 3, 3));
    assert_eq!(kinds, [Kind::KeyUnknown, Kind::WrongContext, Kind::Damaged]);
    let after =
        [store.load(&key(0)).await, store.load(&key(1)).await, store.load(&key(2)).await, store.load(&other).await];
    assert_eq!(before, after);

    let census = keys::census(&store, "app").await.expect("counts");
    let sealed: Vec<_> = census.sealed.iter().map(|(id, records)| (id.as_str(), *records)).collect();
    assert_eq!(sealed, [("lost", 1), ("new", RECORDS - 3), ("old", 1)]);
    assert_eq!(census.examples, ["app/session/example/account-2"]);
    assert!(["lost", "new", "old", "any"].iter().all(|id| census.needs(id)), "the unreadable one may need any");
}
