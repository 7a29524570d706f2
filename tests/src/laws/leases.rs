//! Laws of leases: one holder at a time, for a time, under numbers that grow.

use std::sync::Arc;
use std::time::Duration;

use hallpass::store::{Expected, LeaseNumber, Store, StoreError};
use tokio::sync::Barrier;

use super::{Subject, key, limit, save};

const RACERS: usize = 8;
const ROUNDS: usize = 20;
const HOLD: Duration = Duration::from_secs(30);

/// A store that declares no leases refuses to give and to take one.
pub async fn a_store_without_leases_says_so(subject: &Subject) {
    let alice = key("alice");
    assert!(matches!(subject.store.lease(&alice, HOLD).await, Err(StoreError::Unsupported(_))));
    assert!(matches!(subject.store.release(&alice, LeaseNumber(1)).await, Err(StoreError::Unsupported(_))));
}

/// Of any number that ask at once, exactly one is given the lease, whether the one before was let go or has ended.
pub async fn of_those_that_ask_at_once_exactly_one_holds_the_lease(subject: &Subject) {
    let mut last = None;
    for round in 0..ROUNDS {
        let granted = race(&subject.store).await;
        let [number] = granted[..] else { panic!("round {round}: {granted:?}") };
        assert!(last < Some(number), "round {round}: {number:?} after {last:?}");
        assert_eq!(race(&subject.store).await, [], "round {round}: it is held");
        last = Some(number);
        if round % 2 == 0 {
            assert_eq!(subject.store.release(&key("alice"), number).await, Ok(true), "round {round}");
        } else {
            subject.clock.advance(HOLD);
        }
    }
}

/// A lease ends when its time has passed, and not before.
pub async fn a_lease_ends_by_its_time(subject: &Subject) {
    let store = &*subject.store;
    let first = take(store, "alice").await;
    subject.clock.advance_almost(HOLD);
    assert_eq!(store.lease(&key("alice"), HOLD).await, Ok(None));
    subject.clock.advance(subject.clock.slack());
    let second = store.lease(&key("alice"), subject.clock.slack()).await.expect("it answers").expect("it has ended");
    assert!(second > first);
    subject.clock.advance(subject.clock.slack());
    assert!(take(store, "alice").await > second, "each has its own time");
}

/// Each lease of a key has a greater number than those before it, however they came to their end.
pub async fn numbers_of_leases_only_grow(subject: &Subject) {
    let store = &*subject.store;
    let mut last = take(store, "alice").await;
    for round in 0..12 {
        match round % 3 {
            0 => assert_eq!(store.release(&key("alice"), last).await, Ok(true)),
            1 => subject.clock.advance(HOLD),
            _ => subject.clock.advance(HOLD * 1000),
        }
        let number = take(store, "alice").await;
        assert!(number > last, "round {round}: {number:?} after {last:?}");
        last = number;
    }
}

/// Letting go under another number, for a second time, or after the end changes nothing.
pub async fn letting_go_of_an_old_lease_changes_nothing(subject: &Subject) {
    let store = &*subject.store;
    let alice = key("alice");
    assert_eq!(store.release(&alice, LeaseNumber(1)).await, Ok(false), "nobody holds it");
    let first = take(store, "alice").await;
    assert_eq!(store.release(&alice, LeaseNumber(first.0 + 1)).await, Ok(false), "a number never given");
    assert_eq!(store.lease(&alice, HOLD).await, Ok(None));
    assert_eq!(store.release(&alice, first).await, Ok(true));
    assert_eq!(store.release(&alice, first).await, Ok(false), "a second time");
    let second = take(store, "alice").await;
    assert_eq!(store.release(&alice, first).await, Ok(false), "an old number");
    assert_eq!(store.lease(&alice, HOLD).await, Ok(None), "the second holds on");
    subject.clock.advance(HOLD);
    assert_eq!(store.release(&alice, second).await, Ok(false), "after its end");
    take(store, "alice").await;
}

/// A lease needs no record, and makes none.
pub async fn a_lease_is_no_record(subject: &Subject) {
    let store = &*subject.store;
    let alice = key("alice");
    let number = take(store, "alice").await;
    assert_eq!(store.load(&alice).await, Ok(None));
    assert_eq!(store.touch(&alice).await, Ok(None));
    assert_eq!(store.remove(&alice, Expected::Any).await, Ok(None));
    assert_eq!(store.list("laws", None, limit(10)).await.expect("it lists").entries, []);
    save(store, &alice, b"sealed", Expected::Absent).await;
    assert_eq!(store.release(&alice, number).await, Ok(true));
    assert!(store.load(&alice).await.expect("it loads").is_some());
}

/// A lease keeps nobody from loading, touching, saving, removing or listing; and none of these ends it.
pub async fn a_lease_blocks_no_other_method(subject: &Subject) {
    let store = &*subject.store;
    let alice = key("alice");
    let number = take(store, "alice").await;
    let first = save(store, &alice, b"first", Expected::Absent).await;
    assert_eq!(store.touch(&alice).await, Ok(Some(first)));
    let second = save(store, &alice, b"second", Expected::Version(first)).await;
    assert_eq!(store.load(&alice).await.expect("it loads").map(|record| record.version), Some(second));
    assert_eq!(store.list("laws", None, limit(10)).await.expect("it lists").entries.len(), 1);
    assert_eq!(store.remove(&alice, Expected::Version(second)).await, Ok(Some(second)));
    assert!(save(store, &alice, b"third", Expected::Absent).await > second);
    assert_eq!(store.lease(&alice, HOLD).await, Ok(None));
    assert_eq!(store.release(&alice, number).await, Ok(true));
}

/// Leases of two keys have nothing to do with each other.
pub async fn leases_of_two_keys_are_apart(subject: &Subject) {
    let store = &*subject.store;
    let alice = take(store, "alice").await;
    let bob = take(store, "bob").await;
    assert_eq!(store.release(&key("bob"), bob).await, Ok(true));
    assert_eq!(store.lease(&key("alice"), HOLD).await, Ok(None));
    let bob = take(store, "bob").await;
    assert_eq!(store.release(&key("alice"), alice).await, Ok(true));
    assert_eq!(store.lease(&key("bob"), HOLD).await, Ok(None));
    assert_eq!(store.release(&key("bob"), bob).await, Ok(true));
}

async fn take(store: &dyn Store, account: &str) -> LeaseNumber {
    store.lease(&key(account), HOLD).await.expect("it answers").expect("nobody holds it")
}

/// The leases that were granted to those who asked at once.
async fn race(store: &Arc<dyn Store>) -> Vec<LeaseNumber> {
    let barrier = Arc::new(Barrier::new(RACERS));
    let racers: Vec<_> = (0..RACERS)
        .map(|_| {
            let (store, barrier) = (Arc::clone(store), Arc::clone(&barrier));
            tokio::spawn(async move {
                barrier.wait().await;
                store.lease(&key("alice"), HOLD).await.expect("it answers")
            })
        })
        .collect();
    let mut granted = Vec::new();
    for racer in racers {
        granted.extend(racer.await.expect("it ends"));
    }
    granted
}
