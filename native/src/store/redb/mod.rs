//! Records in one file, a redb database, of one process or of several.
//!
//! **Invariant:** a save that returned survives a power failure, and whoever is killed leaves the old record or the new one, since
//! each is one transaction. Everything that touches the disk runs on the runtime's blocking threads.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use redb::{Builder, ConcurrencyMode, Database, DatabaseError, Durability, Error};

use super::{
    Capabilities, Cursor, Expected, Expiry, LeaseNumber, Page, Record, RecordKey, Store, StoreError, StoreFuture,
    Version, WallClock,
};

mod row;
mod tables;

/// A store in one file, with everything in it: records, expiries, leases.
///
/// The file belongs to one process, and a second one that opens it is told so, unless all of them open it [shared](Self::open_shared).
/// After an I/O error, such as a full disk, the file is opened anew by the next method. A lease lasts ten minutes at most.
///
/// Its methods need a tokio runtime. A save that has begun is finished even when its future is dropped.
///
/// ```no_run
/// use hallpass::store::{Expected, Expiry, RecordKey, RedbStore, Store};
///
/// # async fn run() -> Result<(), hallpass::store::StoreError> {
/// let store = RedbStore::open("/var/lib/app/sessions.redb")?;
/// let key = RecordKey::session("app", "example", "alice");
/// let version = store.save(&key, b"sealed".to_vec(), Expected::Absent, Expiry::default()).await?;
/// assert_eq!(store.load(&key).await?.unwrap().version, version);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct RedbStore {
    base: Arc<Base>,
    clock: WallClock,
}

struct Base {
    path: PathBuf,
    mode: ConcurrencyMode,
    /// None after a failure that a database does not recover from while it is open.
    open: RwLock<Option<Database>>,
}

impl RedbStore {
    /// Opens the store in a file, creating it (mode 0600) if it is not there; blocks for as long as that takes, which after a crash
    /// includes checking the whole file.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] when another process holds the file, or it cannot be opened; [`StoreError::Damaged`] when it is
    /// no such file; [`StoreError::Unsupported`] when a newer release wrote it.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, StoreError> {
        Self::open_in(path.into(), ConcurrencyMode::ExclusiveWriter)
    }

    /// Opens the store in a file that several processes may open in this way, and none in the other. One writes at a time; the others
    /// wait for it.
    ///
    /// # Errors
    ///
    /// As [`RedbStore::open`] says.
    pub fn open_shared(path: impl Into<PathBuf>) -> Result<Self, StoreError> {
        Self::open_in(path.into(), ConcurrencyMode::MultiWriter)
    }

    fn open_in(path: PathBuf, mode: ConcurrencyMode) -> Result<Self, StoreError> {
        let base = Base { path, mode, open: RwLock::default() };
        base.with(|_| Ok(Ok(())))?;
        Ok(Self { base: Arc::new(base), clock: WallClock::system() })
    }

    /// The same store by another clock.
    pub fn with_clock(self, clock: WallClock) -> Self {
        Self { clock, ..self }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.base.path
    }

    fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Database, &WallClock) -> Result<Result<T, StoreError>, Error> + Send + 'static,
    ) -> StoreFuture<'_, T> {
        let (base, clock) = (Arc::clone(&self.base), self.clock.clone());
        Box::pin(async move {
            let work = move || base.with(|database| work(database, &clock));
            let done = tokio::task::spawn_blocking(work).await;
            done.unwrap_or_else(|error| Err(StoreError::Unavailable(format!("the work ended early: {error}"))))
        })
    }
}

impl Store for RedbStore {
    fn capabilities(&self) -> Capabilities {
        Capabilities { cas: true, lease: true, touch: true, ttl_min: None, max_value: Some(LARGEST) }
    }

    fn load<'a>(&'a self, key: &'a RecordKey) -> StoreFuture<'a, Option<Record>> {
        let key = key.encode();
        self.blocking(move |database, clock| tables::load(database, &key, clock))
    }

    fn save<'a>(
        &'a self,
        key: &'a RecordKey,
        sealed: Vec<u8>,
        expected: Expected,
        expiry: Expiry,
    ) -> StoreFuture<'a, Version> {
        let key = key.encode();
        self.blocking(move |database, clock| tables::save(database, &key, &sealed, (expected, expiry), clock))
    }

    fn touch<'a>(&'a self, key: &'a RecordKey) -> StoreFuture<'a, Option<Version>> {
        let (key, mode) = (key.encode(), self.base.mode);
        self.blocking(move |database, clock| tables::touch(database, &key, clock, of_a_touch(mode)))
    }

    fn remove<'a>(&'a self, key: &'a RecordKey, expected: Expected) -> StoreFuture<'a, Option<Version>> {
        let key = key.encode();
        self.blocking(move |database, clock| tables::remove(database, &key, expected, clock))
    }

    fn lease<'a>(&'a self, key: &'a RecordKey, hold: Duration) -> StoreFuture<'a, Option<LeaseNumber>> {
        let key = key.encode();
        self.blocking(move |database, clock| tables::lease(database, &key, hold, clock))
    }

    fn release<'a>(&'a self, key: &'a RecordKey, number: LeaseNumber) -> StoreFuture<'a, bool> {
        let key = key.encode();
        self.blocking(move |database, clock| tables::release(database, &key, number, clock))
    }

    fn expiry<'a>(&'a self, key: &'a RecordKey) -> StoreFuture<'a, Option<(Version, Expiry)>> {
        let key = key.encode();
        self.blocking(move |database, clock| tables::expiry(database, &key, clock))
    }

    fn list<'a>(&'a self, namespace: &'a str, after: Option<&'a Cursor>, limit: NonZeroUsize) -> StoreFuture<'a, Page> {
        let (namespace, after) = (namespace.to_owned(), after.cloned());
        self.blocking(move |database, clock| tables::list(database, &namespace, after.as_ref(), limit, clock))
    }
}

impl Base {
    /// Works with the database, which is opened first where it is not, and given up where it failed for good.
    fn with<T>(&self, work: impl FnOnce(&Database) -> Result<Result<T, StoreError>, Error>) -> Result<T, StoreError> {
        loop {
            let open = self.open.read().unwrap_or_else(PoisonError::into_inner);
            if let Some(database) = &*open {
                let done = work(database);
                drop(open);
                return done.unwrap_or_else(|error| Err(self.failed(&error)));
            }
            drop(open);
            let mut open = self.open.write().unwrap_or_else(PoisonError::into_inner);
            if open.is_none() {
                *open = Some(self.reopen()?);
            }
        }
    }

    fn reopen(&self) -> Result<Database, StoreError> {
        if !self.path.try_exists().map_err(|error| self.unavailable(&error))? {
            self.create()?;
        }
        let database = self.open_file(&self.path)?;
        tables::prepare(&database).map_err(|error| self.explain(&error))??;
        Ok(database)
    }

    fn open_file(&self, path: &Path) -> Result<Database, StoreError> {
        let opened = Builder::new().set_concurrency_mode(self.mode).create(path);
        opened.map_err(|error| match error {
            DatabaseError::DatabaseAlreadyOpen => {
                let what = format!("{} is held by another process, or open twice in this one", path.display());
                StoreError::Unavailable(what)
            }
            error => self.explain(&error.into()),
        })
    }

    /// Makes a new database, which only its owner can read, and gives it its name once it is whole: one that is cut off while it
    /// is made is no database. Where somebody else was first, theirs stays.
    fn create(&self) -> Result<(), StoreError> {
        let mut name = self.path.clone().into_os_string();
        name.push(format!(".new-{}-{}", process::id(), NEXT.fetch_add(1, Ordering::Relaxed)));
        let temporary = PathBuf::from(name);
        let made = self.create_as(&temporary);
        drop(fs::remove_file(&temporary));
        made
    }

    fn create_as(&self, temporary: &Path) -> Result<(), StoreError> {
        let mut options = File::options();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options.open(temporary).map_err(|error| self.unavailable(&error))?;
        // An empty file becomes a database.
        let database = self.open_file(temporary)?;
        tables::prepare(&database).map_err(|error| self.explain(&error))??;
        database.close().map_err(|error| self.unavailable(&error))?;
        let placed = match fs::hard_link(temporary, &self.path) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
            Ok(()) => sync_folder_of(&self.path),
            Err(error) => Err(error),
        };
        placed.map_err(|error| self.unavailable(&error))
    }

    /// Gives the database up where its failure lasts for as long as it is open.
    fn failed(&self, error: &Error) -> StoreError {
        if matches!(error, Error::Io(_) | Error::Backend(_) | Error::PreviousIo | Error::LockPoisoned(_)) {
            *self.open.write().unwrap_or_else(PoisonError::into_inner) = None;
        }
        self.explain(error)
    }

    fn explain(&self, error: &Error) -> StoreError {
        match error {
            Error::Io(error) if error.kind() == ErrorKind::InvalidData => {
                StoreError::Damaged(format!("{} is no database of this store", self.path.display()))
            }
            Error::Corrupted(_) | Error::TableTypeMismatch { .. } => {
                StoreError::Damaged(format!("{error} ({})", self.path.display()))
            }
            Error::ValueTooLarge(_) => StoreError::Unsupported("a record of the redb store is below 1 GiB".to_owned()),
            error => self.unavailable(error),
        }
    }

    fn unavailable(&self, error: &dyn fmt::Display) -> StoreError {
        StoreError::Unavailable(format!("{}: {error}", self.path.display()))
    }
}

impl fmt::Debug for RedbStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedbStore").field("path", &self.base.path).finish_non_exhaustive()
    }
}

/// A touch lost to a power failure ends a record sooner, never later; but other processes see durable commits only.
fn of_a_touch(mode: ConcurrencyMode) -> Durability {
    if matches!(mode, ConcurrencyMode::ExclusiveWriter) { Durability::None } else { Durability::Immediate }
}

/// Makes a new file's name survive a power failure; Windows has no such call, and journals it.
fn sync_folder_of(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(_) if cfg!(not(unix)) => Ok(()),
        Some(folder) if folder.as_os_str().is_empty() => File::open(".")?.sync_all(),
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

const LARGEST: usize = 1 << 30;
static NEXT: AtomicU64 = AtomicU64::new(0);

#[cfg(test)]
mod tests;
