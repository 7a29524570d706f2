//! The redb store from inside: who may open it, what it refuses, what it survives.

use super::*;

fn key() -> RecordKey {
    RecordKey::session("app", "example", "alice")
}

async fn save(store: &RedbStore, expected: Expected) -> Result<Version, StoreError> {
    store.save(&key(), b"sealed".to_vec(), expected, Expiry::default()).await
}

#[tokio::test]
async fn what_was_saved_is_there_after_reopening_and_versions_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sessions.redb");
    let mut last = Version(0);
    for _ in 0..3 {
        let store = RedbStore::open(&path).unwrap();
        let version = save(&store, Expected::Absent).await.unwrap();
        assert!(version > last);
        drop(store);
        let store = RedbStore::open(&path).unwrap();
        assert_eq!(store.load(&key()).await.unwrap().unwrap().version, version);
        assert_eq!(store.remove(&key(), Expected::Version(version)).await, Ok(Some(version)));
        last = version;
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is beside the file");
}

#[tokio::test]
async fn who_opens_it_twice_is_told_that_it_is_held() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sessions.redb");
    let store = RedbStore::open(&path).unwrap();
    for second in [RedbStore::open(&path), RedbStore::open_shared(&path)] {
        let StoreError::Unavailable(what) = second.unwrap_err() else { panic!("it is a failure of the store") };
        assert!(what.contains("is held by another process"), "{what}");
    }
    save(&store, Expected::Absent).await.unwrap();
    drop(store);
    RedbStore::open(&path).unwrap();
}

#[tokio::test]
async fn a_database_that_failed_is_opened_anew() {
    let folder = tempfile::tempdir().unwrap();
    let store = RedbStore::open(folder.path().join("sessions.redb")).unwrap();
    let version = save(&store, Expected::Absent).await.unwrap();
    for _ in 0..3 {
        assert!(matches!(store.base.failed(&Error::PreviousIo), StoreError::Unavailable(_)));
        assert!(store.base.open.read().unwrap().is_none());
        assert_eq!(store.load(&key()).await.unwrap().unwrap().version, version);
    }
    assert!(save(&store, Expected::Version(version)).await.unwrap() > version);
}

#[test]
fn a_file_that_is_no_database_is_damage_and_stays() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sessions.redb");
    fs::write(&path, b"something else entirely").unwrap();
    assert!(matches!(RedbStore::open(&path), Err(StoreError::Damaged(_))));
    assert_eq!(fs::read(&path).unwrap(), b"something else entirely");
    assert!(matches!(RedbStore::open(folder.path().join("missing").join("x")), Err(StoreError::Unavailable(_))));
}

#[tokio::test]
async fn a_row_of_something_else_is_damage_is_listed_and_yields_to_any() {
    let folder = tempfile::tempdir().unwrap();
    let store = RedbStore::open(folder.path().join("sessions.redb")).unwrap();
    let version = save(&store, Expected::Absent).await.unwrap();
    for (row, newer) in
        [(&b"\x01cut"[..], false), (b"\x01\x04and an unknown flag....................", false), (b"\x02new", true)]
    {
        store.base.with(|database| tables::put_row(database, &key().encode(), row)).unwrap();
        let error = store.load(&key()).await.unwrap_err();
        assert!(if newer {
            matches!(error, StoreError::Unsupported(_))
        } else {
            matches!(error, StoreError::Damaged(_))
        });
        assert_eq!(store.list("app", None, NonZeroUsize::MIN).await.unwrap().damaged.len(), 1);
        assert!(save(&store, Expected::Version(version)).await.is_err());
        assert_eq!(save(&store, Expected::Any).await.is_ok(), !newer);
    }
}

#[cfg(unix)]
#[test]
fn only_its_owner_can_read_the_file() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sessions.redb");
    RedbStore::open(&path).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
}
