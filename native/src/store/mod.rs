//! Where sealed records live: the interface, and the backends that come with this crate.
//!
//! **Invariant:** a store sees sealed bytes only, and an error is never a miss. The laws of [`Store`] are functions in the
//! package `hallpass-conformance` that any backend can run.

use std::fmt;
use std::future::Future;
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use hallpass_core::time::Wall;

pub use hallpass_core::store::{
    Capabilities, Cursor, Entry, Expected, Expiry, LeaseNumber, Page, Record, RecordKey, RecordKind, StoreError,
    Version,
};

#[cfg(feature = "redb")]
pub use self::redb::RedbStore;
pub use clock::WallClock;
pub use file::FileStore;
pub use memory::MemoryStore;
pub use near::NearStore;
#[cfg(feature = "redis")]
pub use redis::{RedisSettings, RedisStore, RedisTls};

mod clock;
mod file;
mod memory;
mod near;
#[cfg(feature = "redb")]
mod redb;
#[cfg(feature = "redis")]
mod redis;

/// What a store's methods return: does nothing until polled.
pub type StoreFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// Keeps sealed records under logical keys, each with a version.
///
/// The laws, which every backend is held to as far as its [`Capabilities`] reach:
///
/// 1. What was saved is loaded, byte for byte, with the version that the save returned.
/// 2. A save or removal whose [`Expected`] does not hold changes nothing and is [`StoreError::Conflict`]; of any number of
///    writers that expect the same version, exactly one succeeds.
/// 3. Versions of a key only grow, also across removals and expiries; no two accepted saves share one.
/// 4. A removed or ended record is absent to every method.
/// 5. Expiry is set with the save, atomically. A touch begins the idle time anew, changes neither the bytes nor the version,
///    and never moves the absolute expiry. A load may do as a touch does, where that costs nothing.
/// 6. A listing sees its own namespace only; whatever is live throughout is listed exactly once, however it is paged.
/// 7. A backend that fails, or finds what it did not write, answers with an error, never with "absent".
/// 8. A save that returned survives whatever the backend promises to survive; one that was cut off at any point leaves the old
///    record or the new one, whole.
/// 9. A lease is granted to one at a time, whether or not its key holds a record, and ends by itself after its time; each that is granted has a
///    greater number than those before. Letting go of a lease that has another number by now changes nothing.
///
/// A future that was polled and then dropped may still have its effect.
pub trait Store: Send + Sync + fmt::Debug + 'static {
    /// What this store can do beyond load, save and remove.
    fn capabilities(&self) -> Capabilities;

    /// The live record of a key, if there is one.
    fn load<'a>(&'a self, key: &'a RecordKey) -> StoreFuture<'a, Option<Record>>;

    /// Replaces the record of a key and its expiry, if the key holds what is expected; returns the new version.
    fn save<'a>(
        &'a self,
        key: &'a RecordKey,
        sealed: Vec<u8>,
        expected: Expected,
        expiry: Expiry,
    ) -> StoreFuture<'a, Version>;

    /// Begins the idle time of a live record anew; returns its version, or `None` where there is none.
    fn touch<'a>(&'a self, key: &'a RecordKey) -> StoreFuture<'a, Option<Version>>;

    /// Removes the record of a key, if the key holds what is expected; returns the version that was removed, or `None` where
    /// there was none to remove.
    fn remove<'a>(&'a self, key: &'a RecordKey, expected: Expected) -> StoreFuture<'a, Option<Version>>;

    /// Takes the lease of a key for `hold`; `None` when somebody else holds it.
    ///
    /// The default is for a store that declares no leases.
    fn lease<'a>(&'a self, _key: &'a RecordKey, _hold: Duration) -> StoreFuture<'a, Option<LeaseNumber>> {
        Box::pin(async { Err(no_leases()) })
    }

    /// Lets a lease go, if it is still this one; whether it was.
    fn release<'a>(&'a self, _key: &'a RecordKey, _number: LeaseNumber) -> StoreFuture<'a, bool> {
        Box::pin(async { Err(no_leases()) })
    }

    /// When the live record of a key ends by itself, as it was saved, and the version that it was saved under: for whoever moves records
    /// or seals them anew. The idle time is the whole one, not what is left of it; asking does not begin it anew.
    ///
    /// The default is for a store that does not tell; its records cannot be moved.
    fn expiry<'a>(&'a self, _key: &'a RecordKey) -> StoreFuture<'a, Option<(Version, Expiry)>> {
        Box::pin(async { Err(StoreError::Unsupported("it does not tell when a record ends".to_owned())) })
    }

    /// The live records of a namespace, at most `limit` at a time, from the beginning or from where a page ended.
    fn list<'a>(&'a self, namespace: &'a str, after: Option<&'a Cursor>, limit: NonZeroUsize) -> StoreFuture<'a, Page>;
}

/// A shared store is a store.
impl<S: Store + ?Sized> Store for Arc<S> {
    fn capabilities(&self) -> Capabilities {
        (**self).capabilities()
    }

    fn load<'a>(&'a self, key: &'a RecordKey) -> StoreFuture<'a, Option<Record>> {
        (**self).load(key)
    }

    fn save<'a>(
        &'a self,
        key: &'a RecordKey,
        sealed: Vec<u8>,
        expected: Expected,
        expiry: Expiry,
    ) -> StoreFuture<'a, Version> {
        (**self).save(key, sealed, expected, expiry)
    }

    fn touch<'a>(&'a self, key: &'a RecordKey) -> StoreFuture<'a, Option<Version>> {
        (**self).touch(key)
    }

    fn remove<'a>(&'a self, key: &'a RecordKey, expected: Expected) -> StoreFuture<'a, Option<Version>> {
        (**self).remove(key, expected)
    }

    fn lease<'a>(&'a self, key: &'a RecordKey, hold: Duration) -> StoreFuture<'a, Option<LeaseNumber>> {
        (**self).lease(key, hold)
    }

    fn release<'a>(&'a self, key: &'a RecordKey, number: LeaseNumber) -> StoreFuture<'a, bool> {
        (**self).release(key, number)
    }

    fn expiry<'a>(&'a self, key: &'a RecordKey) -> StoreFuture<'a, Option<(Version, Expiry)>> {
        (**self).expiry(key)
    }

    fn list<'a>(&'a self, namespace: &'a str, after: Option<&'a Cursor>, limit: NonZeroUsize) -> StoreFuture<'a, Page> {
        (**self).list(namespace, after, limit)
    }
}

fn no_leases() -> StoreError {
    StoreError::Unsupported("it has no leases".to_owned())
}

/// Whether what a key holds is what a writer expects.
fn meets(expected: Expected, live: Option<Version>) -> bool {
    match expected {
        Expected::Any => true,
        Expected::Absent => live.is_none(),
        Expected::Version(version) => live == Some(version),
    }
}

/// Whether a record that was last touched at `touched` has ended.
fn has_ended(expiry: Expiry, touched: Wall, now: Wall) -> bool {
    expiry.idle.is_some_and(|idle| now >= touched + idle) || expiry.absolute.is_some_and(|end| now >= end)
}

/// When a lease ends that is taken now: a hold is cut to the longest.
fn until(now: Wall, hold: Duration) -> Wall {
    now + hold.min(LONGEST_HOLD)
}

/// Whether a lease with this end is held. One that would end later than any may was taken before the clock was set back.
fn is_held(end: Wall, now: Wall) -> bool {
    now < end && end.since(now) <= LONGEST_HOLD + CLOCK_SLACK
}

/// How far a clock may be set back, or lag behind another's, without ending the longest hold.
const CLOCK_SLACK: Duration = Duration::from_secs(60);
/// The longest hold of a store whose leases outlive its process.
const LONGEST_HOLD: Duration = Duration::from_secs(600);
