//! Laws of expiry: idle and absolute, set with the save, moved only as promised.

use std::time::Duration;

use hallpass::store::{Expected, Expiry, Store, StoreError, Version};

use super::{Subject, key, limit, save};

const IDLE: Duration = Duration::from_secs(60);

async fn save_with(store: &dyn Store, expected: Expected, expiry: Expiry) -> Version {
    store.save(&key("alice"), b"sealed".to_vec(), expected, expiry).await.expect("the save is accepted")
}

async fn is_live(store: &dyn Store) -> bool {
    store.load(&key("alice")).await.expect("it loads").is_some()
}

/// A record ends when its idle time has passed, and not before.
pub async fn idle_time_ends_a_record(subject: &Subject) {
    let store = &*subject.store;
    save_with(store, Expected::Absent, Expiry { idle: Some(IDLE), absolute: None }).await;
    subject.clock.advance_almost(IDLE);
    // A load may begin the idle time anew; a listing does not.
    assert_eq!(store.list("laws", None, limit(10)).await.expect("it lists").entries.len(), 1);
    subject.clock.advance(subject.clock.slack());
    assert!(!is_live(store).await);
}

/// A touch begins the idle time anew; bytes and version stay.
pub async fn a_touch_extends_without_rewriting(subject: &Subject) {
    let store = &*subject.store;
    let version = save_with(store, Expected::Absent, Expiry { idle: Some(IDLE), absolute: None }).await;
    let before = store.load(&key("alice")).await;
    for _ in 0..5 {
        subject.clock.advance_almost(IDLE);
        assert_eq!(store.touch(&key("alice")).await, Ok(Some(version)));
    }
    assert_eq!(store.load(&key("alice")).await, before);
    subject.clock.advance(IDLE);
    assert_eq!(store.touch(&key("alice")).await, Ok(None));
    assert!(!is_live(store).await);
}

/// No touch keeps a record beyond its absolute end.
pub async fn the_absolute_end_is_never_moved(subject: &Subject) {
    let store = &*subject.store;
    let end = subject.clock.now() + IDLE * 3;
    save_with(store, Expected::Absent, Expiry { idle: Some(IDLE), absolute: Some(end) }).await;
    for _ in 0..5 {
        subject.clock.advance(IDLE / 2);
        assert!(store.touch(&key("alice")).await.expect("it is touched").is_some());
    }
    subject.clock.advance_almost(IDLE / 2);
    assert!(is_live(store).await);
    subject.clock.advance(subject.clock.slack());
    assert_eq!(store.touch(&key("alice")).await, Ok(None));
    assert!(!is_live(store).await);
}

/// A save brings its own expiry, or none.
pub async fn a_save_replaces_the_expiry(subject: &Subject) {
    let store = &*subject.store;
    let end = subject.clock.now() + IDLE;
    let first = save_with(store, Expected::Absent, Expiry { idle: Some(IDLE), absolute: Some(end) }).await;
    let second = save_with(store, Expected::Version(first), Expiry::default()).await;
    subject.clock.advance(IDLE * 1000);
    assert_eq!(store.touch(&key("alice")).await, Ok(Some(second)));
    let now = subject.clock.now();
    save_with(store, Expected::Version(second), Expiry { idle: None, absolute: Some(now) }).await;
    assert!(!is_live(store).await);
}

/// An ended record is absent to every method, and the key's versions go on growing.
pub async fn an_ended_record_is_absent_to_every_method(subject: &Subject) {
    let store = &*subject.store;
    let alice = key("alice");
    let ended = save_with(store, Expected::Absent, Expiry { idle: Some(IDLE), absolute: None }).await;
    subject.clock.advance(IDLE);
    assert_eq!(store.load(&alice).await, Ok(None));
    assert_eq!(store.touch(&alice).await, Ok(None));
    assert_eq!(store.remove(&alice, Expected::Any).await, Ok(None));
    assert_eq!(store.list("laws", None, limit(10)).await.expect("it lists").entries, []);
    let stale = store.save(&alice, b"stale".to_vec(), Expected::Version(ended), Expiry::default()).await;
    assert_eq!(stale, Err(StoreError::Conflict(None)));
    assert!(save(store, &alice, b"again", Expected::Absent).await > ended);
}

/// A store that tells when a record ends tells it as it was saved, with the version, for as long as the record lives.
pub async fn the_expiry_that_is_told_is_the_one_that_was_saved(subject: &Subject) {
    let store = &*subject.store;
    let end = subject.clock.now() + IDLE * 3;
    let first = Expiry { idle: Some(IDLE), absolute: Some(end) };
    let version = save_with(store, Expected::Absent, first).await;
    let told = match store.expiry(&key("alice")).await {
        Err(StoreError::Unsupported(_)) => return,
        told => told,
    };
    assert_eq!(told, Ok(Some((version, first))));
    assert_eq!(store.expiry(&key("bob")).await, Ok(None));
    let second = save_with(store, Expected::Version(version), Expiry::default()).await;
    assert_eq!(store.expiry(&key("alice")).await, Ok(Some((second, Expiry::default()))));
    let idle = Expiry { idle: Some(IDLE), absolute: None };
    let third = save_with(store, Expected::Version(second), idle).await;
    subject.clock.advance_almost(IDLE);
    assert_eq!(store.expiry(&key("alice")).await, Ok(Some((third, idle))), "the whole time, not what is left of it");
    subject.clock.advance(subject.clock.slack());
    assert_eq!(store.expiry(&key("alice")).await, Ok(None), "asking has not begun the idle time anew");
}
