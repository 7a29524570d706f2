//! Whether the stores of this house obey the laws.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hallpass::store::{
    Capabilities, Cursor, Expected, Expiry, FileStore, LeaseNumber, MemoryStore, NearStore, Page, Record, RecordKey,
    RedbStore, Store, StoreError, StoreFuture, Version,
};
use hallpass_conformance::laws::{self, ManualClock, Subject};

fn memory(limit: usize) -> (MemoryStore, ManualClock) {
    let clock = ManualClock::new();
    (MemoryStore::new(NonZeroUsize::new(limit).unwrap()).with_clock(clock.wall_clock()), clock)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_memory_store_obeys_every_law() {
    laws::all(|| {
        let (store, clock) = memory(100);
        Subject { store: Arc::new(store), clock }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_file_store_obeys_every_law() {
    let folders = Mutex::new(Vec::new());
    laws::all(|| {
        let clock = ManualClock::new();
        let folder = tempfile::tempdir().unwrap();
        let store = FileStore::open(folder.path()).unwrap().with_clock(clock.wall_clock());
        folders.lock().unwrap().push(folder);
        Subject { store: Arc::new(store), clock }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_redb_store_obeys_every_law() {
    redb_laws(RedbStore::open).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_shared_redb_store_obeys_every_law() {
    redb_laws(RedbStore::open_shared).await;
}

async fn redb_laws(open: impl Fn(PathBuf) -> Result<RedbStore, StoreError>) {
    let folder = tempfile::tempdir().unwrap();
    let next = AtomicUsize::new(0);
    laws::all(|| {
        let clock = ManualClock::new();
        let path = folder.path().join(next.fetch_add(1, Ordering::Relaxed).to_string());
        Subject { store: Arc::new(open(path).unwrap().with_clock(clock.wall_clock())), clock }
    })
    .await;
}

/// With every age that a record kept near may have, from none to more than the laws wait for.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_near_store_obeys_every_law_within_its_bound() {
    for bound in [0, 1] {
        laws::all(|| {
            let (far, clock) = memory(100);
            let near = NearStore::new(far, Duration::from_millis(bound), NonZeroUsize::new(10).unwrap());
            Subject { store: Arc::new(near.with_clock(clock.wall_clock())), clock }
        })
        .await;
    }
}

/// Counts the round trips to a store in memory, which several near stores share.
#[derive(Clone, Debug)]
struct Far(Arc<(MemoryStore, AtomicUsize)>);

impl Far {
    fn trips(&self) -> usize {
        self.0.1.swap(0, Ordering::SeqCst)
    }

    fn go(&self) -> &MemoryStore {
        self.0.1.fetch_add(1, Ordering::SeqCst);
        &self.0.0
    }
}

impl Store for Far {
    fn capabilities(&self) -> Capabilities {
        self.0.0.capabilities()
    }

    fn load<'a>(&'a self, key: &'a RecordKey) -> StoreFuture<'a, Option<Record>> {
        self.go().load(key)
    }

    fn save<'a>(
        &'a self,
        key: &'a RecordKey,
        sealed: Vec<u8>,
        expected: Expected,
        expiry: Expiry,
    ) -> StoreFuture<'a, Version> {
        self.go().save(key, sealed, expected, expiry)
    }

    fn touch<'a>(&'a self, key: &'a RecordKey) -> StoreFuture<'a, Option<Version>> {
        self.go().touch(key)
    }

    fn remove<'a>(&'a self, key: &'a RecordKey, expected: Expected) -> StoreFuture<'a, Option<Version>> {
        self.go().remove(key, expected)
    }

    fn lease<'a>(&'a self, key: &'a RecordKey, hold: Duration) -> StoreFuture<'a, Option<LeaseNumber>> {
        self.go().lease(key, hold)
    }

    fn release<'a>(&'a self, key: &'a RecordKey, number: LeaseNumber) -> StoreFuture<'a, bool> {
        self.go().release(key, number)
    }

    fn list<'a>(&'a self, namespace: &'a str, after: Option<&'a Cursor>, limit: NonZeroUsize) -> StoreFuture<'a, Page> {
        self.go().list(namespace, after, limit)
    }
}

#[tokio::test]
async fn a_record_kept_near_costs_no_round_trip_and_a_change_elsewhere_is_seen_within_the_bound() {
    let bound = Duration::from_secs(1);
    let (memory, clock) = memory(100);
    let far = Far(Arc::new((memory, AtomicUsize::new(0))));
    let near = || NearStore::new(far.clone(), bound, NonZeroUsize::new(2).unwrap()).with_clock(clock.wall_clock());
    let (one, other) = (near(), near());
    let key = |account| RecordKey::session("app", "example", account);
    let alice = key("alice");
    let first = one.save(&alice, b"first".to_vec(), Expected::Absent, Expiry::default()).await.unwrap();
    assert_eq!(far.trips(), 1);
    for _ in 0..100 {
        assert_eq!(one.load(&alice).await.unwrap().unwrap().sealed, b"first");
    }
    assert_eq!(far.trips(), 0, "what was just saved is near");
    let second = other.save(&alice, b"second".to_vec(), Expected::Version(first), Expiry::default()).await.unwrap();
    clock.advance(Duration::from_millis(999));
    assert_eq!(one.load(&alice).await.unwrap().unwrap().version, first, "the bound is not over");
    clock.advance(Duration::from_millis(1));
    assert_eq!(one.load(&alice).await.unwrap().unwrap().version, second);
    far.trips();
    clock.advance(bound);
    one.load(&alice).await.unwrap();
    assert_eq!(far.trips(), 1, "a version that is the same is not loaded again");

    // What is old here conflicts and is forgotten at once; a lease makes the next load go all the way.
    let third = other.save(&alice, b"third".to_vec(), Expected::Version(second), Expiry::default()).await.unwrap();
    let stale = one.save(&alice, b"lost".to_vec(), Expected::Version(second), Expiry::default()).await;
    assert_eq!(stale, Err(StoreError::Conflict(Some(third))));
    assert_eq!(one.load(&alice).await.unwrap().unwrap().version, third);
    let fourth = other.save(&alice, b"fourth".to_vec(), Expected::Version(third), Expiry::default()).await.unwrap();
    one.lease(&alice, bound).await.unwrap().unwrap();
    assert_eq!(one.load(&alice).await.unwrap().unwrap().version, fourth);

    // No more is kept than was asked for.
    for account in ["bob", "carol"] {
        clock.advance(Duration::from_millis(1));
        one.save(&key(account), b"sealed".to_vec(), Expected::Absent, Expiry::default()).await.unwrap();
    }
    far.trips();
    for account in ["carol", "bob", "alice"] {
        one.load(&key(account)).await.unwrap();
    }
    assert_eq!(far.trips(), 1, "alice made room");
}

#[tokio::test]
async fn a_full_memory_store_refuses_and_drops_only_what_has_ended() {
    let (store, clock) = memory(2);
    let key = |account| RecordKey::session("app", "example", account);
    let brief = Expiry { idle: Some(std::time::Duration::from_secs(1)), absolute: None };
    let save = async |account, expiry| store.save(&key(account), b"sealed".to_vec(), Expected::Any, expiry).await;
    save("alice", Expiry::default()).await.unwrap();
    save("bob", brief).await.unwrap();
    assert!(matches!(save("carol", brief).await, Err(StoreError::Unavailable(_))));
    save("alice", Expiry::default()).await.unwrap();
    clock.advance(std::time::Duration::from_secs(1));
    save("carol", brief).await.unwrap();
    assert!(store.load(&key("alice")).await.unwrap().is_some());
}

#[tokio::test]
async fn a_cursor_of_another_store_is_refused() {
    let (store, _) = memory(2);
    let cursor = hallpass::store::Cursor("not a cursor".to_owned());
    let listed = store.list("app", Some(&cursor), NonZeroUsize::MIN).await;
    assert!(matches!(listed, Err(StoreError::Unsupported(_))));
}
