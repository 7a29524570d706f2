//! Records in this process's memory: gone with it, bounded by their number.
//!
//! **Invariant:** nothing live is ever dropped to make room, since that would look like a miss; a full store refuses.

use std::collections::BTreeMap;
use std::fmt;
use std::num::NonZeroUsize;
use std::ops::Bound;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hallpass_core::store::hex;
use hallpass_core::time::Wall;

use super::{
    Capabilities, Cursor, Entry, Expected, Expiry, LeaseNumber, Page, Record, RecordKey, RecordKind, Store, StoreError,
    StoreFuture, Version, WallClock,
};

/// A store that lives and ends with the process.
///
/// ```
/// use hallpass::store::{Expected, Expiry, MemoryStore, RecordKey, Store};
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let store = MemoryStore::new(std::num::NonZeroUsize::new(1000).unwrap());
/// let key = RecordKey::session("app", "example", "alice");
/// let version = store.save(&key, b"sealed".to_vec(), Expected::Absent, Expiry::default()).await?;
/// assert_eq!(store.load(&key).await?.unwrap().version, version);
/// # Ok::<(), hallpass::store::StoreError>(())
/// # }).unwrap();
/// ```
pub struct MemoryStore {
    clock: WallClock,
    limit: NonZeroUsize,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    records: BTreeMap<RecordKey, Slot>,
    /// One counter for all keys: versions grow across removals without a trace of what was removed.
    last: u64,
    /// Until when each lease is held, under its number. One that has ended makes room with the next that is taken.
    leases: BTreeMap<RecordKey, (LeaseNumber, Wall)>,
}

struct Slot {
    record: Record,
    expiry: Expiry,
    touched: Wall,
}

impl MemoryStore {
    /// A store of at most `limit` records.
    pub fn new(limit: NonZeroUsize) -> Self {
        Self { clock: WallClock::system(), limit, kept: Mutex::default() }
    }

    /// The same store by another clock.
    pub fn with_clock(mut self, clock: WallClock) -> Self {
        self.clock = clock;
        self
    }

    /// A panic under the lock cannot leave a record half changed: each change is one insertion or removal.
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn save_now(
        &self,
        key: &RecordKey,
        sealed: Vec<u8>,
        expected: Expected,
        expiry: Expiry,
    ) -> Result<Version, StoreError> {
        let now = self.clock.now();
        let mut kept = self.kept();
        kept.check(key, expected, now)?;
        if kept.records.len() >= self.limit.get() && !kept.records.contains_key(key) {
            kept.records.retain(|_, slot| slot.is_live(now));
            if kept.records.len() >= self.limit.get() {
                return Err(StoreError::Unavailable(format!("the memory store is full with {} records", self.limit)));
            }
        }
        kept.last += 1;
        let version = Version(kept.last);
        kept.records.insert(key.clone(), Slot { record: Record { version, sealed }, expiry, touched: now });
        Ok(version)
    }

    fn remove_now(&self, key: &RecordKey, expected: Expected) -> Result<Option<Version>, StoreError> {
        let mut kept = self.kept();
        let live = kept.check(key, expected, self.clock.now())?;
        kept.records.remove(key);
        Ok(live)
    }

    fn touch_now(&self, key: &RecordKey) -> Option<Version> {
        let now = self.clock.now();
        let mut kept = self.kept();
        let slot = kept.records.get_mut(key).filter(|slot| slot.is_live(now))?;
        slot.touched = slot.touched.max(now);
        Some(slot.record.version)
    }

    fn lease_now(&self, key: &RecordKey, hold: Duration) -> Option<LeaseNumber> {
        let now = self.clock.now();
        let mut kept = self.kept();
        kept.leases.retain(|_, (_, until)| *until > now);
        if kept.leases.contains_key(key) {
            return None;
        }
        kept.last += 1;
        let number = LeaseNumber(kept.last);
        kept.leases.insert(key.clone(), (number, now + hold));
        Some(number)
    }

    fn release_now(&self, key: &RecordKey, number: LeaseNumber) -> bool {
        let now = self.clock.now();
        let mut kept = self.kept();
        let is_held = kept.leases.get(key).is_some_and(|(held, until)| *held == number && *until > now);
        if is_held {
            kept.leases.remove(key);
        }
        is_held
    }

    fn list_now(&self, namespace: &str, after: Option<&Cursor>, limit: NonZeroUsize) -> Result<Page, StoreError> {
        let now = self.clock.now();
        let start = match after {
            None => Bound::Included(first_of(namespace)),
            Some(cursor) => Bound::Excluded(read_cursor(cursor)?),
        };
        let kept = self.kept();
        let mut page = Page::default();
        for (key, slot) in kept.records.range((start, Bound::Unbounded)) {
            if key.namespace != namespace {
                break;
            }
            if !slot.is_live(now) {
                continue;
            }
            if let (true, Some(last)) = (page.entries.len() == limit.get(), page.entries.last()) {
                page.next = Some(write_cursor(&last.key));
                break;
            }
            page.entries.push(Entry { key: key.clone(), version: slot.record.version });
        }
        Ok(page)
    }
}

impl Store for MemoryStore {
    fn capabilities(&self) -> Capabilities {
        Capabilities { cas: true, lease: true, touch: true, ttl_min: None, max_value: None }
    }

    fn load<'a>(&'a self, key: &'a RecordKey) -> StoreFuture<'a, Option<Record>> {
        Box::pin(async move {
            let now = self.clock.now();
            Ok(self.kept().records.get(key).filter(|slot| slot.is_live(now)).map(|slot| slot.record.clone()))
        })
    }

    fn save<'a>(
        &'a self,
        key: &'a RecordKey,
        sealed: Vec<u8>,
        expected: Expected,
        expiry: Expiry,
    ) -> StoreFuture<'a, Version> {
        Box::pin(async move { self.save_now(key, sealed, expected, expiry) })
    }

    fn touch<'a>(&'a self, key: &'a RecordKey) -> StoreFuture<'a, Option<Version>> {
        Box::pin(async move { Ok(self.touch_now(key)) })
    }

    fn remove<'a>(&'a self, key: &'a RecordKey, expected: Expected) -> StoreFuture<'a, Option<Version>> {
        Box::pin(async move { self.remove_now(key, expected) })
    }

    fn lease<'a>(&'a self, key: &'a RecordKey, hold: Duration) -> StoreFuture<'a, Option<LeaseNumber>> {
        Box::pin(async move { Ok(self.lease_now(key, hold)) })
    }

    fn release<'a>(&'a self, key: &'a RecordKey, number: LeaseNumber) -> StoreFuture<'a, bool> {
        Box::pin(async move { Ok(self.release_now(key, number)) })
    }

    fn expiry<'a>(&'a self, key: &'a RecordKey) -> StoreFuture<'a, Option<(Version, Expiry)>> {
        Box::pin(async move {
            let now = self.clock.now();
            let kept = self.kept();
            Ok(kept.records.get(key).filter(|slot| slot.is_live(now)).map(|slot| (slot.record.version, slot.expiry)))
        })
    }

    fn list<'a>(&'a self, namespace: &'a str, after: Option<&'a Cursor>, limit: NonZeroUsize) -> StoreFuture<'a, Page> {
        Box::pin(async move { self.list_now(namespace, after, limit) })
    }
}

impl Kept {
    /// The live version, if it is the expected one.
    fn check(&self, key: &RecordKey, expected: Expected, now: Wall) -> Result<Option<Version>, StoreError> {
        let live = self.records.get(key).filter(|slot| slot.is_live(now)).map(|slot| slot.record.version);
        if super::meets(expected, live) { Ok(live) } else { Err(StoreError::Conflict(live)) }
    }
}

impl Slot {
    fn is_live(&self, now: Wall) -> bool {
        !super::has_ended(self.expiry, self.touched, now)
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore").field("limit", &self.limit).finish_non_exhaustive()
    }
}

/// A key that no key of the namespace comes before.
fn first_of(namespace: &str) -> RecordKey {
    RecordKey {
        namespace: namespace.to_owned(),
        kind: RecordKind::Session,
        platform: String::new(),
        account: String::new(),
    }
}

fn write_cursor(key: &RecordKey) -> Cursor {
    Cursor(hex(&key.encode()))
}

fn read_cursor(cursor: &Cursor) -> Result<RecordKey, StoreError> {
    let digits = cursor
        .0
        .as_bytes()
        .chunks(2)
        .map(|pair| std::str::from_utf8(pair).ok().and_then(|pair| u8::from_str_radix(pair, 16).ok()));
    digits
        .collect::<Option<Vec<_>>>()
        .and_then(|bytes| RecordKey::decode(&bytes))
        .ok_or_else(|| StoreError::Unsupported("this cursor is not from this store".to_owned()))
}
