//! Whether this store obeys the laws that Hallpass publishes.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use hallpass::store::{Expected, Expiry, RecordKey, Store, WallClock};
use hallpass_conformance::laws::{self, ManualClock, Subject};
use third_party_store::JournalStore;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_journal_obeys_every_law() {
    let folder = tempfile::tempdir().unwrap();
    let next = AtomicUsize::new(0);
    laws::all(|| {
        let clock = ManualClock::new();
        let path = folder.path().join(next.fetch_add(1, Ordering::Relaxed).to_string());
        Subject { store: Arc::new(JournalStore::open(&path, clock.wall_clock()).unwrap()), clock }
    })
    .await;
}

#[tokio::test]
async fn what_was_cut_off_at_any_byte_leaves_the_old_record() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    let key = RecordKey::session("app", "example", "alice");
    let open = || JournalStore::open(&path, WallClock::system()).unwrap();
    let first = open().save(&key, b"first".to_vec(), Expected::Absent, Expiry::default()).await.unwrap();
    let before = std::fs::read(&path).unwrap();
    open().save(&key, b"second".to_vec(), Expected::Version(first), Expiry::default()).await.unwrap();
    let after = std::fs::read(&path).unwrap();
    for end in before.len()..after.len() {
        std::fs::write(&path, &after[..end]).unwrap();
        assert_eq!(open().load(&key).await.unwrap().unwrap().sealed, b"first", "cut to {end}");
    }
}
