//! The laws that every store obeys, as ordinary functions that any backend can run.
//!
//! Each law takes a [`Subject`] with an empty store and panics when the law is broken. [`all`] runs every one, each on a fresh
//! subject.

use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use hallpass::store::{Expected, Expiry, RecordKey, Store, Version, WallClock};
use hallpass_core::time::Wall;

pub mod concurrency;
pub mod expiry;
pub mod leases;
pub mod listing;
pub mod records;

/// A store under test and the clock that it reads.
#[derive(Debug)]
pub struct Subject {
    /// The store, empty.
    pub store: Arc<dyn Store>,
    /// Its clock.
    pub clock: ManualClock,
}

/// A civil clock that a law moves: one that stands still until then, or one of a backend that keeps its own time.
#[derive(Clone)]
pub struct ManualClock {
    read: Arc<dyn Fn() -> Wall + Send + Sync>,
    advance: Arc<dyn Fn(Duration) + Send + Sync>,
    slack: Duration,
}

impl ManualClock {
    /// A clock that shows the beginning of 2026 and stands still until it is moved.
    pub fn new() -> Self {
        let millis = Arc::new(AtomicI64::new(1_767_225_600_000));
        let moved = Arc::clone(&millis);
        let read = move || Wall::from_millis(millis.load(Ordering::SeqCst));
        let advance = move |by: Duration| {
            moved.fetch_add(i64::try_from(by.as_millis()).expect("a test's time"), Ordering::SeqCst);
        };
        Self::of_backend(read, advance, Duration::from_millis(1))
    }

    /// The clock of a backend that keeps its own time, which may also go on by itself, by less than `slack` within a law.
    ///
    /// Where the backend's time cannot be moved, `advance` brings every end that it keeps nearer by as much.
    pub fn of_backend(
        read: impl Fn() -> Wall + Send + Sync + 'static,
        advance: impl Fn(Duration) + Send + Sync + 'static,
        slack: Duration,
    ) -> Self {
        Self { read: Arc::new(read), advance: Arc::new(advance), slack }
    }

    /// What it shows.
    pub fn now(&self) -> Wall {
        (self.read)()
    }

    /// Moves it on.
    pub fn advance(&self, by: Duration) {
        (self.advance)(by);
    }

    /// Moves it on to just before so much time has passed.
    pub fn advance_almost(&self, by: Duration) {
        self.advance(by.saturating_sub(self.slack));
    }

    /// How near to a moment a law can be sure to be before it.
    pub fn slack(&self) -> Duration {
        self.slack
    }

    /// The same clock, as stores read it.
    pub fn wall_clock(&self) -> WallClock {
        let clock = self.clone();
        WallClock::new(move || clock.now())
    }
}

impl Default for ManualClock {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for ManualClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ManualClock({})", self.now())
    }
}

/// Runs every law that the store's capabilities reach, each on a subject of its own. Needs a multi-threaded runtime.
pub async fn all(fresh: impl Fn() -> Subject) {
    records::what_was_saved_is_loaded(&fresh()).await;
    records::a_stale_or_wrong_expectation_changes_nothing(&fresh()).await;
    records::keys_that_differ_in_one_part_are_apart(&fresh()).await;
    records::what_was_removed_is_absent(&fresh()).await;
    records::a_removal_refuses_a_wrong_expectation(&fresh()).await;
    records::versions_grow_across_removals(&fresh()).await;
    records::any_takes_whatever_is_there(&fresh()).await;
    records::futures_that_are_never_polled_do_nothing(&fresh()).await;
    expiry::idle_time_ends_a_record(&fresh()).await;
    expiry::a_touch_extends_without_rewriting(&fresh()).await;
    expiry::the_absolute_end_is_never_moved(&fresh()).await;
    expiry::a_save_replaces_the_expiry(&fresh()).await;
    expiry::an_ended_record_is_absent_to_every_method(&fresh()).await;
    expiry::the_expiry_that_is_told_is_the_one_that_was_saved(&fresh()).await;
    listing::pages_hold_every_record_once(&fresh()).await;
    listing::a_listing_sees_its_own_namespace_only(&fresh()).await;
    listing::a_listing_holds_what_loads(&fresh()).await;
    listing::records_live_throughout_are_listed_while_others_change(&fresh()).await;
    concurrency::of_writers_that_expect_the_same_exactly_one_wins(&fresh()).await;
    concurrency::a_reader_never_misses_a_record_that_is_being_replaced(&fresh()).await;
    concurrency::a_removal_and_a_save_of_one_version_do_not_both_win(&fresh()).await;
    if !fresh().store.capabilities().lease {
        return leases::a_store_without_leases_says_so(&fresh()).await;
    }
    leases::of_those_that_ask_at_once_exactly_one_holds_the_lease(&fresh()).await;
    leases::a_lease_ends_by_its_time(&fresh()).await;
    leases::numbers_of_leases_only_grow(&fresh()).await;
    leases::letting_go_of_an_old_lease_changes_nothing(&fresh()).await;
    leases::a_lease_is_no_record(&fresh()).await;
    leases::a_lease_blocks_no_other_method(&fresh()).await;
    leases::leases_of_two_keys_are_apart(&fresh()).await;
}

fn key(account: &str) -> RecordKey {
    RecordKey::session("laws", "example", account)
}

fn limit(limit: usize) -> NonZeroUsize {
    NonZeroUsize::new(limit).expect("a test's limit")
}

/// Saves under what is expected, without expiry.
async fn save(store: &dyn Store, key: &RecordKey, sealed: &[u8], expected: Expected) -> Version {
    store.save(key, sealed.to_vec(), expected, Expiry::default()).await.expect("the save is accepted")
}
