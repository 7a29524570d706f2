//! Laws of single records: load, save, remove, versions.

use hallpass::store::{Expected, Expiry, Record, RecordKey, RecordKind, StoreError, Version};

use super::{Subject, key, save};

/// What was saved is loaded, byte for byte, whatever its size; absence is `None`.
pub async fn what_was_saved_is_loaded(subject: &Subject) {
    let store = &*subject.store;
    assert_eq!(store.load(&key("alice")).await, Ok(None));
    let mut expected = Expected::Absent;
    for size in [0, 1, 100, 4096, 70_000] {
        let sealed: Vec<u8> = (0..size).map(|at| (at % 251) as u8).collect();
        let version = save(store, &key("alice"), &sealed, expected).await;
        assert_eq!(store.load(&key("alice")).await, Ok(Some(Record { version, sealed })));
        expected = Expected::Version(version);
    }
}

/// A save whose expectation does not hold is a conflict that tells the live version and changes nothing.
pub async fn a_stale_or_wrong_expectation_changes_nothing(subject: &Subject) {
    let store = &*subject.store;
    let alice = key("alice");
    let refuse = async |expected, live| {
        let refused = store.save(&alice, b"refused".to_vec(), expected, Expiry::default()).await;
        assert_eq!(refused, Err(StoreError::Conflict(live)), "{expected:?}");
    };
    refuse(Expected::Version(Version(0)), None).await;
    refuse(Expected::Version(Version(1)), None).await;
    let first = save(store, &alice, b"first", Expected::Absent).await;
    refuse(Expected::Absent, Some(first)).await;
    refuse(Expected::Version(Version(first.0 + 1)), Some(first)).await;
    let second = save(store, &alice, b"second", Expected::Version(first)).await;
    refuse(Expected::Version(first), Some(second)).await;
    assert_eq!(store.load(&alice).await, Ok(Some(Record { version: second, sealed: b"second".to_vec() })));
}

/// Keys that differ in one part, or in where a part ends, hold records of their own.
pub async fn keys_that_differ_in_one_part_are_apart(subject: &Subject) {
    let store = &*subject.store;
    let keys = [
        RecordKey::session("laws", "example", "alice"),
        RecordKey { kind: RecordKind::Response, ..RecordKey::session("laws", "example", "alice") },
        RecordKey::session("law", "sexample", "alice"),
        RecordKey::session("laws", "examplea", "lice"),
        RecordKey::session("laws", "example", "Alice"),
        RecordKey::session("laws", "example", "../alice"),
        RecordKey::session("laws", "example", "al/ice\0 \u{1f3ab}"),
        RecordKey::session("", "", ""),
        RecordKey::session("laws", "example", &"long".repeat(1000)),
    ];
    for (position, key) in keys.iter().enumerate() {
        save(store, key, &[position as u8], Expected::Absent).await;
    }
    for (position, key) in keys.iter().enumerate() {
        let record = store.load(key).await.expect("it loads").expect("it is there");
        assert_eq!(record.sealed, [position as u8], "{key:?}");
    }
}

/// A removed record is absent to every method; removing what is absent does nothing.
pub async fn what_was_removed_is_absent(subject: &Subject) {
    let store = &*subject.store;
    let alice = key("alice");
    assert_eq!(store.remove(&alice, Expected::Any).await, Ok(None));
    let version = save(store, &alice, b"sealed", Expected::Absent).await;
    save(store, &key("bob"), b"bob's", Expected::Absent).await;
    assert_eq!(store.remove(&alice, Expected::Version(version)).await, Ok(Some(version)));
    assert_eq!(store.load(&alice).await, Ok(None));
    assert_eq!(store.touch(&alice).await, Ok(None));
    assert_eq!(store.remove(&alice, Expected::Any).await, Ok(None));
    assert_eq!(store.remove(&alice, Expected::Absent).await, Ok(None));
    assert_eq!(store.list("laws", None, super::limit(10)).await.expect("it lists").entries.len(), 1);
    assert!(store.load(&key("bob")).await.expect("it loads").is_some());
}

/// A removal whose expectation does not hold is a conflict and removes nothing.
pub async fn a_removal_refuses_a_wrong_expectation(subject: &Subject) {
    let store = &*subject.store;
    let alice = key("alice");
    let first = save(store, &alice, b"first", Expected::Absent).await;
    let second = save(store, &alice, b"second", Expected::Version(first)).await;
    for expected in [Expected::Version(first), Expected::Absent] {
        assert_eq!(store.remove(&alice, expected).await, Err(StoreError::Conflict(Some(second))));
    }
    assert_eq!(store.load(&alice).await.expect("it loads").map(|record| record.version), Some(second));
    store.remove(&alice, Expected::Version(second)).await.expect("it is removed");
    let gone = store.remove(&alice, Expected::Version(second)).await;
    assert_eq!(gone, Err(StoreError::Conflict(None)));
}

/// Versions grow across removals, so that an expectation from before one never holds again.
pub async fn versions_grow_across_removals(subject: &Subject) {
    let store = &*subject.store;
    let alice = key("alice");
    let mut last = Version(0);
    for _ in 0..5 {
        let version = save(store, &alice, b"sealed", Expected::Absent).await;
        assert!(version > last, "{version:?} after {last:?}");
        store.remove(&alice, Expected::Version(version)).await.expect("it is removed");
        let stale = store.save(&alice, b"stale".to_vec(), Expected::Version(version), Expiry::default()).await;
        assert_eq!(stale, Err(StoreError::Conflict(None)));
        last = version;
    }
}

/// `Any` saves and removes whatever is there, and versions still grow.
pub async fn any_takes_whatever_is_there(subject: &Subject) {
    let store = &*subject.store;
    let alice = key("alice");
    let first = save(store, &alice, b"first", Expected::Any).await;
    let second = save(store, &alice, b"second", Expected::Any).await;
    assert!(second > first);
    assert_eq!(store.remove(&alice, Expected::Any).await, Ok(Some(second)));
    assert!(save(store, &alice, b"third", Expected::Any).await > second);
}

/// Asking is not doing: a future that is dropped unpolled changes nothing.
pub async fn futures_that_are_never_polled_do_nothing(subject: &Subject) {
    let store = &*subject.store;
    let alice = key("alice");
    drop(store.save(&alice, b"never".to_vec(), Expected::Any, Expiry::default()));
    assert_eq!(store.load(&alice).await, Ok(None));
    let version = save(store, &alice, b"sealed", Expected::Absent).await;
    drop(store.remove(&alice, Expected::Any));
    assert_eq!(store.load(&alice).await.expect("it loads").map(|record| record.version), Some(version));
}
