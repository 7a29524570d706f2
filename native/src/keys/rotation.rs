//! How does every record come under the sealing key, while others read and write? One by one, each by compare-and-set.
//!
//! **Invariant:** a record is replaced only by what it held, sealed anew, and only if nobody has saved in between; whoever is killed
//! leaves every record whole, under the old key or the new one, so a rotation is resumed by beginning it again. Memory is
//! bounded by a page of the listing.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;

use hallpass_core::envelope::{self, Keyring};
use hallpass_core::error::Error;
use hallpass_core::seed::{Rng, Seed};
use hallpass_core::store::{Cursor, Expected, RecordKey, StoreError};

use crate::client::from_store;
use crate::store::Store;

/// What a rotation did, in records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Rotated {
    /// Sealed with the sealing key before.
    pub current: u64,
    /// Sealed anew.
    pub rewritten: u64,
    /// Removed, or ended, while the rotation was at them.
    pub gone: u64,
    /// Replaced by others faster than they could be sealed anew; another rotation finds them.
    pub contended: u64,
    /// Not opened: damaged, or sealed with a key that is not in the keyring.
    pub unreadable: u64,
}

/// What a rotation did with one record.
#[derive(Debug)]
#[non_exhaustive]
pub enum Turn<'a> {
    /// It was sealed with the sealing key already.
    Current(&'a RecordKey),
    /// It was sealed anew.
    Rewritten(&'a RecordKey),
    /// It was removed, or ended, in the meantime.
    Gone(&'a RecordKey),
    /// Others kept replacing it.
    Contended(&'a RecordKey),
    /// It could not be opened, and stays as it is.
    Unreadable(&'a RecordKey, &'a Error),
    /// The store cannot read what it calls by this name.
    Damaged(&'a str),
}

/// Which keys a namespace's records need.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Census {
    /// How many records each key seals, by its id.
    pub sealed: BTreeMap<String, u64>,
    /// How many records do not tell their key: any may be the one.
    pub unreadable: u64,
    /// Some of those, by name.
    pub examples: Vec<String>,
}

enum Done {
    Current,
    Rewritten,
    Gone,
    Contended,
    Unreadable(Error),
}

/// Seals every record of a namespace with the keyring's primary key, where it is sealed with an older one.
///
/// Run it in a task of its own: other tasks and processes go on reading and writing meanwhile, if they have the new key already. When it
/// was interrupted, run it again. An idle time of a record that is sealed anew begins anew.
///
/// ```
/// use hallpass::store::{Expected, Expiry, MemoryStore, RecordKey, Store};
/// use hallpass::{Keyring, core::{envelope, seed::Seed}, keys};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let (store, key) = (MemoryStore::new(100.try_into()?), RecordKey::session("app", "example", "alice"));
/// let sealed = envelope::seal(&Keyring::new("2025", [1; 32])?, &key, 1, b"a session", &mut Seed::new([0; 32]).rng("doc"));
/// store.save(&key, sealed, Expected::Absent, Expiry::default()).await?;
///
/// let keyring = Keyring::new("2026", [2; 32])?.with_older("2025", [1; 32])?;
/// assert_eq!(keys::rotate(&store, &keyring, "app").await?.rewritten, 1);
/// assert_eq!(keys::rotate(&store, &keyring, "app").await?.current, 1);
/// assert!(!keys::census(&store, "app").await?.needs("2025"));
/// # Ok(()) }
/// ```
///
/// # Errors
///
/// The store's: `store_unavailable`, or `store_unfit` for one that does not tell when its records end. Records that do not open are no
/// errors, they are counted.
pub async fn rotate(store: &dyn Store, keyring: &Keyring, namespace: &str) -> Result<Rotated, Error> {
    rotate_telling(store, keyring, namespace, |_| {}).await
}

/// As [`rotate`], telling each record.
///
/// # Errors
///
/// As [`rotate`].
pub async fn rotate_telling(
    store: &dyn Store,
    keyring: &Keyring,
    namespace: &str,
    mut tell: impl FnMut(Turn<'_>),
) -> Result<Rotated, Error> {
    let mut seed = [0; 32];
    super::random(&mut seed)?;
    let mut rng = Seed::new(seed).rng("rotate");
    let mut rotated = Rotated::default();
    let mut after: Option<Cursor> = None;
    loop {
        let page = store.list(namespace, after.as_ref(), PAGE).await.map_err(|error| from_store(&error))?;
        for name in &page.damaged {
            rotated.unreadable += 1;
            tell(Turn::Damaged(name));
        }
        for entry in &page.entries {
            let key = &entry.key;
            match turn(store, keyring, key, &mut rng).await.map_err(|error| from_store(&error))? {
                Done::Current => (rotated.current += 1, tell(Turn::Current(key))).1,
                Done::Rewritten => (rotated.rewritten += 1, tell(Turn::Rewritten(key))).1,
                Done::Gone => (rotated.gone += 1, tell(Turn::Gone(key))).1,
                Done::Contended => (rotated.contended += 1, tell(Turn::Contended(key))).1,
                Done::Unreadable(error) => (rotated.unreadable += 1, tell(Turn::Unreadable(key, &error))).1,
            }
        }
        after = page.next;
        if after.is_none() {
            return Ok(rotated);
        }
    }
}

/// Counts which keys the records of a namespace need, without opening any.
///
/// # Errors
///
/// The store's. Records that do not tell their key are no errors, they are counted.
pub async fn census(store: &dyn Store, namespace: &str) -> Result<Census, Error> {
    let mut census = Census::default();
    let mut after: Option<Cursor> = None;
    loop {
        let page = store.list(namespace, after.as_ref(), PAGE).await.map_err(|error| from_store(&error))?;
        page.damaged.into_iter().for_each(|name| census.unreadable(name));
        for entry in &page.entries {
            match store.load(&entry.key).await {
                Ok(None) => {}
                Ok(Some(record)) => match envelope::peek(&record.sealed) {
                    Ok(label) => *census.sealed.entry(label.key_id).or_default() += 1,
                    Err(_) => census.unreadable(format!("{:?}", entry.key)),
                },
                Err(StoreError::Damaged(_) | StoreError::Unsupported(_)) => {
                    census.unreadable(format!("{:?}", entry.key));
                }
                Err(error) => return Err(from_store(&error)),
            }
        }
        after = page.next;
        if after.is_none() {
            return Ok(census);
        }
    }
}

impl Census {
    /// Whether a record may be lost without this key: one that it seals, or one that does not tell its key.
    pub fn needs(&self, id: &str) -> bool {
        self.unreadable > 0 || self.sealed.get(id).is_some_and(|records| *records > 0)
    }

    fn unreadable(&mut self, name: String) {
        self.unreadable += 1;
        if self.examples.len() < EXAMPLES {
            self.examples.push(name);
        }
    }
}

/// One record's turn. Looks again whenever somebody else saved.
async fn turn(store: &dyn Store, keyring: &Keyring, key: &RecordKey, rng: &mut Rng) -> Result<Done, StoreError> {
    for _ in 0..ROUNDS {
        let record = match store.load(key).await {
            Ok(Some(record)) => record,
            Ok(None) => return Ok(Done::Gone),
            Err(error @ (StoreError::Damaged(_) | StoreError::Unsupported(_))) => {
                return Ok(Done::Unreadable(from_store(&error)));
            }
            Err(error) => return Err(error),
        };
        let is_current = |label: envelope::Label| label.key_id == keyring.primary_id();
        match envelope::peek(&record.sealed).map(is_current) {
            Ok(true) => return Ok(Done::Current),
            Ok(false) => {}
            Err(error) => return Ok(Done::Unreadable(error)),
        }
        let opened = match envelope::open(keyring, key, &record.sealed) {
            Ok(opened) => opened,
            Err(error) => return Ok(Done::Unreadable(error)),
        };
        let Some((version, expiry)) = store.expiry(key).await? else { continue };
        if version != record.version {
            continue;
        }
        let sealed = envelope::seal(keyring, key, opened.schema, &opened.plaintext, rng);
        match store.save(key, sealed, Expected::Version(version), expiry).await {
            Ok(_) => return Ok(Done::Rewritten),
            Err(StoreError::Conflict(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(Done::Contended)
}

const PAGE: NonZeroUsize = NonZeroUsize::MIN.saturating_add(255);
/// How often a record that others replace is looked at again.
const ROUNDS: usize = 64;
const EXAMPLES: usize = 16;
