//! Laws of writers and readers at the same time, on threads of their own.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use hallpass::store::{Expected, Expiry, Store, StoreError, Version};
use tokio::sync::Barrier;

use super::{Subject, key, save};

const WRITERS: usize = 8;
const ROUNDS: usize = 20;

/// Of any number of writers that expect the same, exactly one is accepted, and its bytes are what is there.
pub async fn of_writers_that_expect_the_same_exactly_one_wins(subject: &Subject) {
    let mut expected = Expected::Absent;
    let mut accepted = BTreeSet::new();
    for round in 0..ROUNDS {
        let outcomes = race(&subject.store, expected, round).await;
        let winners: Vec<_> = outcomes
            .iter()
            .enumerate()
            .filter_map(|(writer, outcome)| Some((writer, outcome.as_ref().ok()?)))
            .collect();
        let [(winner, version)] = winners[..] else { panic!("round {round}: {outcomes:?}") };
        for outcome in &outcomes {
            assert!(matches!(outcome, Ok(_) | Err(StoreError::Conflict(_))), "round {round}: {outcome:?}");
        }
        assert!(accepted.last().is_none_or(|last| last < version), "round {round}: versions grow");
        accepted.insert(*version);
        let record = subject.store.load(&key("alice")).await.expect("it loads").expect("it is there");
        assert_eq!((record.version, record.sealed), (*version, format!("{round} {winner}").into_bytes()));
        expected = Expected::Version(*version);
    }
}

/// A record that is being replaced all the time is never absent, never torn, and its versions never go back.
pub async fn a_reader_never_misses_a_record_that_is_being_replaced(subject: &Subject) {
    let alice = key("alice");
    let mut version = save(&*subject.store, &alice, &[0; 1000], Expected::Absent).await;
    let done = Arc::new(AtomicBool::new(false));
    let readers: Vec<_> = (0..4)
        .map(|_| {
            let (store, done) = (Arc::clone(&subject.store), Arc::clone(&done));
            tokio::spawn(async move {
                let mut last = Version(0);
                while !done.load(Ordering::SeqCst) {
                    let record = store.load(&key("alice")).await.expect("it loads").expect("it is there");
                    assert!(record.version >= last, "{:?} after {last:?}", record.version);
                    assert!(record.sealed.len() == 1000 && record.sealed.iter().all(|byte| *byte == record.sealed[0]));
                    last = record.version;
                }
            })
        })
        .collect();
    for round in 0..200_u8 {
        version = save(&*subject.store, &alice, &[round; 1000], Expected::Version(version)).await;
    }
    done.store(true, Ordering::SeqCst);
    for reader in readers {
        reader.await.expect("no reader saw a record missing, torn or older");
    }
}

/// Of a removal and a save that expect the same version, one is refused.
pub async fn a_removal_and_a_save_of_one_version_do_not_both_win(subject: &Subject) {
    let alice = key("alice");
    for round in 0..ROUNDS {
        let version = save(&*subject.store, &alice, b"sealed", Expected::Any).await;
        let barrier = Arc::new(Barrier::new(2));
        let (store, gate) = (Arc::clone(&subject.store), Arc::clone(&barrier));
        let removal = tokio::spawn(async move {
            gate.wait().await;
            store.remove(&key("alice"), Expected::Version(version)).await
        });
        let (store, gate) = (Arc::clone(&subject.store), Arc::clone(&barrier));
        let saving = tokio::spawn(async move {
            gate.wait().await;
            store.save(&key("alice"), b"newer".to_vec(), Expected::Version(version), Expiry::default()).await
        });
        let removed = removal.await.expect("it ends");
        let saved = saving.await.expect("it ends");
        let live = subject.store.load(&alice).await.expect("it loads").map(|record| record.version);
        match (removed, saved) {
            (Ok(Some(gone)), Err(StoreError::Conflict(_))) => assert_eq!((gone, live), (version, None)),
            (Err(StoreError::Conflict(_)), Ok(newer)) => assert_eq!(live, Some(newer)),
            both => panic!("round {round}: {both:?}"),
        }
    }
}

async fn race(store: &Arc<dyn Store>, expected: Expected, round: usize) -> Vec<Result<Version, StoreError>> {
    let barrier = Arc::new(Barrier::new(WRITERS));
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let (store, barrier) = (Arc::clone(store), Arc::clone(&barrier));
            tokio::spawn(async move {
                barrier.wait().await;
                let sealed = format!("{round} {writer}").into_bytes();
                store.save(&key("alice"), sealed, expected, Expiry::default()).await
            })
        })
        .collect();
    let mut outcomes = Vec::new();
    for writer in writers {
        outcomes.push(writer.await.expect("it ends"));
    }
    outcomes
}
