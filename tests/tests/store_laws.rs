//! Whether the stores of this house obey the laws.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use hallpass::store::{Expected, Expiry, FileStore, MemoryStore, RecordKey, RedbStore, Store, StoreError};
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
