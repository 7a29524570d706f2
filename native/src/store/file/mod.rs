//! Records in a folder that processes share, in Rust and in JavaScript: `docs/file-store.md`.
//!
//! **Invariant:** a save that returned survives a power failure, and whoever is killed leaves the old record or the new one.
//! Everything that touches the disk runs on the runtime's blocking threads.

use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use hallpass_core::time::Wall;

use super::{
    Capabilities, Cursor, Entry, Expected, Expiry, LeaseNumber, Page, Record, RecordKey, Store, StoreError,
    StoreFuture, Version, WallClock,
};
use format::Body;
use slot::{Found, Placed, Slot};

mod format;
mod lease;
mod slot;

/// The embedded default store: a folder of sealed records.
///
/// Its methods need a tokio runtime. A save that has begun is finished even when its future is dropped. A lease lasts ten minutes
/// at most.
///
/// ```no_run
/// use hallpass::store::{Expected, Expiry, FileStore, RecordKey, Store};
///
/// # async fn run() -> Result<(), hallpass::store::StoreError> {
/// let store = FileStore::open("/var/lib/app/sessions")?;
/// let key = RecordKey::session("app", "example", "alice");
/// let version = store.save(&key, b"sealed".to_vec(), Expected::Absent, Expiry::default()).await?;
/// assert_eq!(store.load(&key).await?.unwrap().version, version);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct FileStore(Arc<Folder>);

#[derive(Clone, Debug)]
struct Folder {
    root: PathBuf,
    clock: WallClock,
}

/// What the present version is to a writer.
enum Standing {
    /// Replaced while it was looked at.
    Vanished,
    Absent,
    Live(Version),
    Damaged(StoreError),
}

impl FileStore {
    /// Opens the store in a folder, creating it (mode 0700) if it is not there; blocks for as long as that takes.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] when the folder cannot be created or is not one.
    pub fn open(folder: impl Into<PathBuf>) -> Result<Self, StoreError> {
        let root = folder.into();
        slot::private_folder()
            .recursive(true)
            .create(&root)
            .map_err(|error| slot::unavailable("creating", &root, &error))?;
        Ok(Self(Arc::new(Folder { root, clock: WallClock::system() })))
    }

    /// The same store by another clock.
    pub fn with_clock(self, clock: WallClock) -> Self {
        Self(Arc::new(Folder { root: self.0.root.clone(), clock }))
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.0.root
    }

    fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Folder) -> Result<T, StoreError> + Send + 'static,
    ) -> StoreFuture<'_, T> {
        let folder = Arc::clone(&self.0);
        Box::pin(async move {
            let done = tokio::task::spawn_blocking(move || work(&folder)).await;
            done.unwrap_or_else(|error| Err(StoreError::Unavailable(format!("the runtime ended the work: {error}"))))
        })
    }
}

impl Store for FileStore {
    fn capabilities(&self) -> Capabilities {
        Capabilities { cas: true, lease: true, touch: true, ttl_min: None, max_value: Some(u32::MAX as usize) }
    }

    fn load<'a>(&'a self, key: &'a RecordKey) -> StoreFuture<'a, Option<Record>> {
        let key = key.clone();
        self.blocking(move |folder| folder.load(&key))
    }

    fn save<'a>(
        &'a self,
        key: &'a RecordKey,
        sealed: Vec<u8>,
        expected: Expected,
        expiry: Expiry,
    ) -> StoreFuture<'a, Version> {
        let key = key.clone();
        self.blocking(move |folder| folder.save(&key, sealed, expected, expiry))
    }

    fn touch<'a>(&'a self, key: &'a RecordKey) -> StoreFuture<'a, Option<Version>> {
        let key = key.clone();
        self.blocking(move |folder| folder.touch(&key))
    }

    fn remove<'a>(&'a self, key: &'a RecordKey, expected: Expected) -> StoreFuture<'a, Option<Version>> {
        let key = key.clone();
        self.blocking(move |folder| folder.remove(&key, expected))
    }

    fn expiry<'a>(&'a self, key: &'a RecordKey) -> StoreFuture<'a, Option<(Version, Expiry)>> {
        let key = key.clone();
        self.blocking(move |folder| folder.expiry(&key))
    }

    fn lease<'a>(&'a self, key: &'a RecordKey, hold: Duration) -> StoreFuture<'a, Option<LeaseNumber>> {
        let key = key.clone();
        self.blocking(move |folder| Ok(folder.slot(&key).lease(hold, &folder.clock)?.map(LeaseNumber)))
    }

    fn release<'a>(&'a self, key: &'a RecordKey, number: LeaseNumber) -> StoreFuture<'a, bool> {
        let key = key.clone();
        self.blocking(move |folder| folder.slot(&key).release(number.0, &folder.clock))
    }

    fn list<'a>(&'a self, namespace: &'a str, after: Option<&'a Cursor>, limit: NonZeroUsize) -> StoreFuture<'a, Page> {
        let (namespace, after) = (namespace.to_owned(), after.cloned());
        self.blocking(move |folder| folder.list(&namespace, after.as_ref(), limit))
    }
}

impl Folder {
    fn load(&self, key: &RecordKey) -> Result<Option<Record>, StoreError> {
        let found = self.find(&self.slot(key))?;
        Ok(found.and_then(|(version, found)| match found.body {
            Body::Sealed(sealed, _) => Some(Record { version, sealed }),
            Body::Tombstone => None,
        }))
    }

    fn save(
        &self,
        key: &RecordKey,
        sealed: Vec<u8>,
        expected: Expected,
        expiry: Expiry,
    ) -> Result<Version, StoreError> {
        let slot = self.slot(key);
        let content = format::encode(key, &Body::Sealed(sealed, expiry))?;
        settle(|| {
            let present = slot.present()?;
            match self.standing(&slot, present)? {
                Standing::Vanished => return Ok(None),
                Standing::Absent => check(expected, None)?,
                Standing::Live(version) => check(expected, Some(version))?,
                Standing::Damaged(_) if expected == Expected::Any => {}
                Standing::Damaged(error) => return Err(error),
            }
            self.replace(&slot, present, &content, expected)
        })
    }

    fn remove(&self, key: &RecordKey, expected: Expected) -> Result<Option<Version>, StoreError> {
        let slot = self.slot(key);
        let content = format::encode(key, &Body::Tombstone)?;
        settle(|| {
            let present = slot.present()?;
            match self.standing(&slot, present)? {
                Standing::Vanished => return Ok(None),
                Standing::Absent => return check(expected, None).map(|()| Some(None)),
                Standing::Live(version) => check(expected, Some(version))?,
                Standing::Damaged(_) if expected == Expected::Any => {}
                Standing::Damaged(error) => return Err(error),
            }
            let replaced = self.replace(&slot, present, &content, expected)?;
            Ok(replaced.map(|_| Some(Version(present))))
        })
    }

    fn touch(&self, key: &RecordKey) -> Result<Option<Version>, StoreError> {
        let slot = self.slot(key);
        settle(|| {
            let Some((version, found)) = self.find(&slot)? else { return Ok(Some(None)) };
            let now = self.clock.now();
            let later = match found.body {
                Body::Sealed(_, Expiry { idle, .. }) => idle.is_some() && now > found.modified,
                Body::Tombstone => false,
            };
            let done = !later || slot.touch(version.0, now)?;
            Ok(done.then_some(Some(version)))
        })
    }

    fn expiry(&self, key: &RecordKey) -> Result<Option<(Version, Expiry)>, StoreError> {
        let found = self.find(&self.slot(key))?;
        Ok(found.and_then(|(version, found)| match found.body {
            Body::Sealed(_, expiry) => Some((version, expiry)),
            Body::Tombstone => None,
        }))
    }

    fn list(&self, namespace: &str, after: Option<&Cursor>, limit: NonZeroUsize) -> Result<Page, StoreError> {
        let mut digests = self.digests()?;
        digests.retain(|digest| after.is_none_or(|after| *digest > after.0));
        digests.sort_unstable();
        let mut page = Page::default();
        let mut rest = digests.into_iter().peekable();
        while let Some(digest) = rest.next() {
            match self.find(&Slot::new(&self.root, digest.clone())) {
                Ok(Some((version, found))) if found.key.namespace == namespace => {
                    page.entries.push(Entry { key: found.key, version });
                }
                Ok(_) => {}
                Err(StoreError::Damaged(_) | StoreError::Unsupported(_)) => page.damaged.push(digest.clone()),
                Err(error) => return Err(error),
            }
            if page.entries.len() == limit.get() {
                page.next = rest.peek().is_some().then_some(Cursor(digest));
                break;
            }
        }
        Ok(page)
    }

    /// The live record of a slot.
    fn find(&self, slot: &Slot) -> Result<Option<(Version, Found)>, StoreError> {
        settle(|| {
            let present = slot.present()?;
            if present == 0 {
                return Ok(Some(None));
            }
            let found = slot.read(present)?;
            Ok(found.map(|found| is_live(&found, self.clock.now()).then_some((Version(present), found))))
        })
    }

    fn standing(&self, slot: &Slot, present: u64) -> Result<Standing, StoreError> {
        if present == 0 {
            return Ok(Standing::Absent);
        }
        match slot.take_up(present) {
            Ok(None) => Ok(Standing::Vanished),
            Ok(Some(found)) if is_live(&found, self.clock.now()) => Ok(Standing::Live(Version(present))),
            Ok(Some(_)) => Ok(Standing::Absent),
            Err(error @ StoreError::Damaged(_)) => Ok(Standing::Damaged(error)),
            Err(error) => Err(error),
        }
    }

    /// Puts the next version in place; `None` when the writer should look again.
    fn replace(
        &self,
        slot: &Slot,
        present: u64,
        content: &[u8],
        expected: Expected,
    ) -> Result<Option<Version>, StoreError> {
        if present == slot::LAST {
            return Err(StoreError::Unsupported("this record was saved as often as versions can count".to_owned()));
        }
        match (slot.place(present + 1, content, self.clock.now())?, expected) {
            (Placed::Accepted, _) => Ok(Some(Version(present + 1))),
            (Placed::Lost, Expected::Any) => Ok(None),
            (Placed::Lost, Expected::Absent | Expected::Version(_)) => {
                Err(StoreError::Conflict(self.find(slot)?.map(|(version, _)| version)))
            }
        }
    }

    fn digests(&self) -> Result<Vec<String>, StoreError> {
        let failed = |error| slot::unavailable("listing", &self.root, &error);
        let mut digests = Vec::new();
        for entry in fs::read_dir(&self.root).map_err(failed)? {
            if let Ok(name) = entry.map_err(failed)?.file_name().into_string()
                && is_digest(&name)
            {
                digests.push(name);
            }
        }
        Ok(digests)
    }

    fn slot(&self, key: &RecordKey) -> Slot {
        Slot::new(&self.root, key.digest())
    }
}

/// Looks again for as long as others keep replacing what is looked at.
fn settle<T>(mut look: impl FnMut() -> Result<Option<T>, StoreError>) -> Result<T, StoreError> {
    for _ in 0..ROUNDS {
        if let Some(settled) = look()? {
            return Ok(settled);
        }
    }
    Err(StoreError::Unavailable("other writers keep replacing this record".to_owned()))
}

fn check(expected: Expected, live: Option<Version>) -> Result<(), StoreError> {
    if super::meets(expected, live) { Ok(()) } else { Err(StoreError::Conflict(live)) }
}

fn is_live(found: &Found, now: Wall) -> bool {
    match &found.body {
        Body::Sealed(_, expiry) => !super::has_ended(*expiry, found.modified, now),
        Body::Tombstone => false,
    }
}

fn is_digest(name: &str) -> bool {
    name.len() == 64 && name.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

const ROUNDS: usize = 64;

#[cfg(test)]
mod tests;
