//! Records in Redis or Valkey that processes and machines share: `docs/redis-store.md`.
//!
//! **Invariant:** each operation is one script, atomic and one round trip; expiry is on Redis's clock alone; every key of a record is
//! in one slot of a cluster.

use std::fmt::Write;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use redis::Value;
use sha2::{Digest, Sha256};

use super::{
    Capabilities, Cursor, Expected, Expiry, LeaseNumber, Page, Record, RecordKey, Store, StoreError, StoreFuture,
    Version,
};
use script::Scripts;
use wire::{Again, Run, Wire};

pub use settings::{RedisSettings, RedisTls};

mod dial;
mod fault;
mod line;
mod listing;
mod reply;
mod script;
mod settings;
mod wire;
mod written;

/// A store in Redis (6.2 or newer) or Valkey: one server, a master behind Sentinel, or a cluster.
///
/// Its methods need a tokio runtime. A load begins the idle time of a record anew, in the same round trip. A clone shares the
/// connections.
///
/// ```no_run
/// use hallpass::store::{Expected, Expiry, RecordKey, RedisSettings, RedisStore, Store};
///
/// # async fn run() -> Result<(), hallpass::store::StoreError> {
/// let store = RedisStore::connect(RedisSettings::at("127.0.0.1", 6379)).await?;
/// let key = RecordKey::session("app", "example", "alice");
/// let version = store.save(&key, b"sealed".to_vec(), Expected::Absent, Expiry::default()).await?;
/// assert_eq!(store.load(&key).await?.unwrap().version, version);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct RedisStore(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    wire: Wire,
    scripts: Scripts,
    walks: listing::Walks,
    /// Tells this store's saves and leases from all others, so that one whose answer was lost is known again.
    author: u64,
    count: AtomicU64,
}

impl RedisStore {
    /// A store that connects when it is first used, and again whenever a connection is lost.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unsupported`] when the settings cannot be honoured; [`StoreError::Unavailable`] when the operating system has
    /// no randomness.
    pub fn new(settings: RedisSettings) -> Result<Self, StoreError> {
        settings.check()?;
        let author = getrandom::u64().map_err(|error| StoreError::Unavailable(format!("no randomness: {error}")))?;
        let (scripts, walks, count) = (Scripts::new(), listing::Walks::default(), AtomicU64::new(0));
        Ok(Self(Arc::new(Inner { wire: Wire::new(settings), scripts, walks, author, count })))
    }

    /// A store that is connected; fails where Redis cannot be reached now.
    ///
    /// # Errors
    ///
    /// As [`RedisStore::new`], and [`StoreError::Unavailable`] with what keeps it from connecting.
    pub async fn connect(settings: RedisSettings) -> Result<Self, StoreError> {
        let store = Self::new(settings)?;
        store.0.wire.connect().await.map_err(|fault| fault.error)?;
        Ok(store)
    }

    /// How many records a namespace has. As costly as the first page of a listing: every key of the database is looked at.
    ///
    /// There is nothing to prune in Redis: what has ended is gone by itself.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] when Redis does not answer.
    pub async fn count(&self, namespace: &str) -> Result<usize, StoreError> {
        listing::count(&self.0.wire, &self.0.start(namespace)).await
    }
}

impl Store for RedisStore {
    fn capabilities(&self) -> Capabilities {
        Capabilities { cas: true, lease: true, touch: true, ttl_min: Some(MOMENT), max_value: Some(LARGEST) }
    }

    fn load<'a>(&'a self, key: &'a RecordKey) -> StoreFuture<'a, Option<Record>> {
        Box::pin(async move {
            let place = self.0.place(key);
            let run = Run { script: &self.0.scripts.load, key: &place, arguments: &[], again: Again::Yes };
            reply::record(self.0.run(run).await?, key)
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
            if sealed.len() > LARGEST {
                return Err(StoreError::Unsupported(format!("a record of more than {LARGEST} bytes")));
            }
            let (place, name, expected) = (self.0.place(key), key.encode(), said(expected));
            let idle = expiry.idle.map(idle_millis).unwrap_or_default();
            let absolute = expiry.absolute.map(|end| end.as_millis().clamp(1, FAR).to_string()).unwrap_or_default();
            let word = self.0.word();
            let arguments: [&[u8]; 6] =
                [expected.as_bytes(), &name, &sealed, idle.as_bytes(), absolute.as_bytes(), word.as_bytes()];
            let run = Run { script: &self.0.scripts.save, key: &place, arguments: &arguments, again: Again::Yes };
            let (answer, confirmed) = self.0.wire.write(run).await.map_err(|fault| fault.error)?;
            let version = reply::saved(answer)?;
            self.0.confirmed(confirmed)?;
            Ok(version)
        })
    }

    fn touch<'a>(&'a self, key: &'a RecordKey) -> StoreFuture<'a, Option<Version>> {
        Box::pin(async move {
            let place = self.0.place(key);
            let run = Run { script: &self.0.scripts.touch, key: &place, arguments: &[], again: Again::Yes };
            reply::touched(self.0.run(run).await?, key)
        })
    }

    fn remove<'a>(&'a self, key: &'a RecordKey, expected: Expected) -> StoreFuture<'a, Option<Version>> {
        Box::pin(async move {
            let (place, name, expected) = (self.0.place(key), key.encode(), said(expected));
            let arguments: [&[u8]; 2] = [expected.as_bytes(), &name];
            let run = Run { script: &self.0.scripts.remove, key: &place, arguments: &arguments, again: Again::No };
            reply::removed(self.0.run(run).await?)
        })
    }

    fn lease<'a>(&'a self, key: &'a RecordKey, hold: Duration) -> StoreFuture<'a, Option<LeaseNumber>> {
        Box::pin(async move {
            let (place, hold, word) = (self.0.lease_place(key), idle_millis(hold), self.0.word());
            let arguments: [&[u8]; 2] = [hold.as_bytes(), word.as_bytes()];
            let run = Run { script: &self.0.scripts.lease, key: &place, arguments: &arguments, again: Again::Yes };
            let (answer, confirmed) = self.0.wire.write(run).await.map_err(|fault| fault.error)?;
            let Some(number) = reply::leased(answer)? else { return Ok(None) };
            if let Err(error) = self.0.confirmed(confirmed) {
                // Nobody holds it, so it need not run out. Where this fails too, it does.
                let _ = self.release(key, number).await;
                return Err(error);
            }
            Ok(Some(number))
        })
    }

    fn release<'a>(&'a self, key: &'a RecordKey, number: LeaseNumber) -> StoreFuture<'a, bool> {
        Box::pin(async move {
            let (place, number) = (self.0.lease_place(key), number.0.to_string());
            let arguments: [&[u8]; 1] = [number.as_bytes()];
            let run = Run { script: &self.0.scripts.release, key: &place, arguments: &arguments, again: Again::No };
            reply::released(&self.0.run(run).await?)
        })
    }

    fn expiry<'a>(&'a self, key: &'a RecordKey) -> StoreFuture<'a, Option<(Version, Expiry)>> {
        Box::pin(async move {
            let place = self.0.place(key);
            let run = Run { script: &self.0.scripts.expiry, key: &place, arguments: &[], again: Again::Yes };
            reply::expiry(self.0.run(run).await?, key)
        })
    }

    fn list<'a>(&'a self, namespace: &'a str, after: Option<&'a Cursor>, limit: NonZeroUsize) -> StoreFuture<'a, Page> {
        Box::pin(async move {
            let start = self.0.start(namespace);
            self.0.walks.page(&self.0.wire, &start, namespace, after, limit).await
        })
    }
}

impl Inner {
    async fn run(&self, run: Run<'_>) -> Result<Value, StoreError> {
        self.wire.run(run).await.map_err(|fault| fault.error)
    }

    /// What the keys of a namespace begin with: a digest, so that an access control list can name them and nobody reads them.
    fn start(&self, namespace: &str) -> String {
        let digest = Sha256::digest(namespace.as_bytes());
        let mut start = self.wire.settings().prefix.clone();
        for byte in &digest[..8] {
            let _ = write!(start, "{byte:02x}");
        }
        start.push(':');
        start
    }

    /// The braces are what a cluster takes a key's slot from.
    fn place(&self, key: &RecordKey) -> String {
        format!("{}{{{}}}", self.start(&key.namespace), key.digest())
    }

    fn lease_place(&self, key: &RecordKey) -> String {
        format!("{}:lease", self.place(key))
    }

    fn word(&self) -> String {
        format!("{:x}.{:x}", self.author, self.count.fetch_add(1, Ordering::Relaxed))
    }

    fn confirmed(&self, confirmed: Option<u32>) -> Result<(), StoreError> {
        let wanted = self.wire.settings().confirming();
        match confirmed {
            Some(confirmed) if confirmed < wanted => Err(StoreError::Unavailable(format!(
                "{confirmed} of {wanted} replicas confirmed in time: the outcome is unknown until a load tells; \
                 see to the replicas, or ask for fewer"
            ))),
            Some(_) | None => Ok(()),
        }
    }
}

fn said(expected: Expected) -> String {
    match expected {
        Expected::Any => "any".to_owned(),
        Expected::Absent => "absent".to_owned(),
        Expected::Version(version) => version.0.to_string(),
    }
}

/// Whole milliseconds, rounded up, at least one.
fn idle_millis(time: Duration) -> String {
    time.as_nanos().div_ceil(1_000_000).clamp(1, LONGEST).to_string()
}

/// The shortest time that Redis keeps.
const MOMENT: Duration = Duration::from_millis(1);
/// What Redis takes in one value unless it is told otherwise.
const LARGEST: usize = 512 * 1024 * 1024;
/// Milliseconds that a script's numbers hold exactly, also after the present time is added.
const LONGEST: u128 = 1 << 51;
const FAR: i64 = 1 << 52;
