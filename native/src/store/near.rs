//! Records that are used again and again, kept in memory in front of a store that is far away.
//!
//! **Invariant:** what another process changed is seen within the bound at the latest, and at once after a lease, a conflict or a failure
//! here; a failure of the far store is never answered from memory once the bound has passed.

use std::collections::HashMap;
use std::fmt;
use std::num::NonZeroUsize;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hallpass_core::time::Wall;

use super::{
    Capabilities, Cursor, Expected, Expiry, LeaseNumber, Page, Record, RecordKey, Store, StoreError, StoreFuture,
    Version, WallClock,
};

/// A first level in memory over another store, bounded in number and in age.
///
/// A record that was loaded or saved less than `bound` ago costs no round trip. An older one is asked about by its version alone
/// ([`Store::touch`]), and loaded anew only where that has changed. So whatever is changed elsewhere, removals and ends included, is seen after
/// `bound` at the latest. Writes go through, and their compare-and-set is the far store's: what is old here can make a save conflict, never
/// win. A lease that is granted makes the next load of its key go all the way.
///
/// Needs a far store that can touch; over one that cannot, every load goes all the way.
///
/// ```
/// use std::num::NonZeroUsize;
/// use std::time::Duration;
///
/// use hallpass::store::{Expected, Expiry, MemoryStore, NearStore, RecordKey, Store};
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let far = MemoryStore::new(NonZeroUsize::new(1000).unwrap());
/// let store = NearStore::new(far, Duration::from_secs(1), NonZeroUsize::new(100).unwrap());
/// let key = RecordKey::session("app", "example", "alice");
/// let version = store.save(&key, b"sealed".to_vec(), Expected::Absent, Expiry::default()).await?;
/// assert_eq!(store.load(&key).await?.unwrap().version, version);
/// # Ok::<(), hallpass::store::StoreError>(())
/// # }).unwrap();
/// ```
pub struct NearStore<S> {
    far: S,
    bound: Duration,
    limit: NonZeroUsize,
    clock: WallClock,
    kept: Mutex<Shelf>,
}

#[derive(Default)]
struct Shelf {
    records: HashMap<RecordKey, Kept>,
    /// Grows with whatever makes an answer that is still on its way too old to be kept.
    epoch: u64,
}

struct Kept {
    record: Record,
    /// When the far store last said that this is what it holds; it was asked then or later.
    known: Wall,
    /// Until when it is given without asking.
    young_until: Wall,
}

impl<S: Store> NearStore<S> {
    /// Keeps at most `limit` records of this store in memory, none for longer than `bound` without asking.
    pub fn new(far: S, bound: Duration, limit: NonZeroUsize) -> Self {
        Self { far, bound, limit, clock: WallClock::system(), kept: Mutex::default() }
    }

    /// The same store by another clock.
    pub fn with_clock(mut self, clock: WallClock) -> Self {
        self.clock = clock;
        self
    }

    /// The store behind it.
    pub fn far(&self) -> &S {
        &self.far
    }

    /// A panic under the lock leaves every record whole: each change is one insertion or removal.
    fn kept(&self) -> MutexGuard<'_, Shelf> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is kept of a key, and whether it is young enough to be given without asking. A clock that was set back makes it old.
    fn recall(&self, key: &RecordKey, now: Wall) -> Option<(Record, bool)> {
        let kept = self.kept();
        let found = kept.records.get(key)?;
        Some((found.record.clone(), now >= found.known && now < found.young_until))
    }

    /// Keeps what the far store said at `known`, which ends by itself at `ends`, if nothing has happened since that `epoch`.
    fn keep(&self, key: &RecordKey, record: Record, (known, ends): (Wall, Option<Wall>), epoch: u64) {
        let mut kept = self.kept();
        let Shelf { records, epoch: present } = &mut *kept;
        if *present != epoch {
            return;
        }
        if records.len() >= self.limit.get() && !records.contains_key(key) {
            let oldest = records.iter().min_by_key(|(_, found)| found.known).map(|(key, _)| key.clone());
            oldest.and_then(|oldest| records.remove(&oldest));
        }
        let young_until = ends.map_or(known + self.bound, |ends| ends.min(known + self.bound));
        records.insert(key.clone(), Kept { record, known, young_until });
    }

    /// Forgets a record, and whatever is on its way of it; answers the epoch that begins.
    fn forget(&self, key: &RecordKey) -> u64 {
        let mut kept = self.kept();
        kept.records.remove(key);
        kept.epoch += 1;
        kept.epoch
    }

    /// Passes an answer on; one that is a failure may mean that something else is there.
    fn heeding<T>(&self, key: &RecordKey, answer: Result<T, StoreError>) -> Result<T, StoreError> {
        if answer.is_err() {
            self.forget(key);
        }
        answer
    }

    async fn load_far(&self, key: &RecordKey, now: Wall) -> Result<Option<Record>, StoreError> {
        let epoch = self.forget(key);
        let found = self.heeding(key, self.far.load(key).await)?;
        if let Some(record) = &found {
            self.keep(key, record.clone(), (now, None), epoch);
        }
        Ok(found)
    }
}

impl<S: Store> Store for NearStore<S> {
    fn capabilities(&self) -> Capabilities {
        self.far.capabilities()
    }

    fn load<'a>(&'a self, key: &'a RecordKey) -> StoreFuture<'a, Option<Record>> {
        Box::pin(async move {
            let now = self.clock.now();
            let Some((record, is_young)) = self.recall(key, now) else { return self.load_far(key, now).await };
            if is_young {
                return Ok(Some(record));
            }
            if !self.far.capabilities().touch {
                return self.load_far(key, now).await;
            }
            let epoch = self.kept().epoch;
            let present = self.heeding(key, self.far.touch(key).await)?;
            if present != Some(record.version) {
                return self.load_far(key, now).await;
            }
            self.keep(key, record.clone(), (now, None), epoch);
            Ok(Some(record))
        })
    }

    fn save<'a>(
        &'a self,
        key: &'a RecordKey,
        sealed: Vec<u8>,
        expected: Expected,
        expiry: Expiry,
    ) -> StoreFuture<'a, Version> {
        Box::pin(async move {
            let (now, copy) = (self.clock.now(), sealed.clone());
            let ends = [expiry.absolute, expiry.idle.map(|idle| now + idle)].into_iter().flatten().min();
            let epoch = self.forget(key);
            let version = self.heeding(key, self.far.save(key, sealed, expected, expiry).await)?;
            // Answers that set out before this save may be of what it replaced.
            let mut kept = self.kept();
            let is_quiet = kept.epoch == epoch;
            kept.epoch += 1;
            let epoch = kept.epoch;
            drop(kept);
            if is_quiet {
                self.keep(key, Record { version, sealed: copy }, (now, ends), epoch);
            }
            Ok(version)
        })
    }

    fn touch<'a>(&'a self, key: &'a RecordKey) -> StoreFuture<'a, Option<Version>> {
        Box::pin(async move {
            let present = self.heeding(key, self.far.touch(key).await)?;
            if present.is_none() {
                self.forget(key);
            }
            Ok(present)
        })
    }

    fn remove<'a>(&'a self, key: &'a RecordKey, expected: Expected) -> StoreFuture<'a, Option<Version>> {
        Box::pin(async move {
            // Also before: a load at the same time must not be answered with what is gone.
            self.forget(key);
            let removed = self.far.remove(key, expected).await;
            self.forget(key);
            removed
        })
    }

    fn lease<'a>(&'a self, key: &'a RecordKey, hold: Duration) -> StoreFuture<'a, Option<LeaseNumber>> {
        Box::pin(async move {
            let granted = self.far.lease(key, hold).await;
            self.forget(key);
            granted
        })
    }

    fn release<'a>(&'a self, key: &'a RecordKey, number: LeaseNumber) -> StoreFuture<'a, bool> {
        self.far.release(key, number)
    }

    fn expiry<'a>(&'a self, key: &'a RecordKey) -> StoreFuture<'a, Option<(Version, Expiry)>> {
        Box::pin(async move {
            let told = self.heeding(key, self.far.expiry(key).await)?;
            let is_kept = |version| self.kept().records.get(key).is_some_and(|kept| kept.record.version == version);
            if !told.is_some_and(|(version, _)| is_kept(version)) {
                // Somebody else has saved: whoever asks on is not answered with what was there before.
                self.forget(key);
            }
            Ok(told)
        })
    }

    fn list<'a>(&'a self, namespace: &'a str, after: Option<&'a Cursor>, limit: NonZeroUsize) -> StoreFuture<'a, Page> {
        self.far.list(namespace, after, limit)
    }
}

impl<S: fmt::Debug> fmt::Debug for NearStore<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NearStore")
            .field("far", &self.far)
            .field("bound", &self.bound)
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}
