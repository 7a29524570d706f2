//! How is a store written outside of Hallpass? One journal, replayed into memory when it is opened; for one process.
//!
//! **Invariant:** memory changes only after the line that tells the change is synced, so whoever is killed leaves the old record or the
//! new one; a last line without its end was never accepted.

#![forbid(unsafe_code)]

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hallpass::core::store::hex;
use hallpass::core::time::Wall;
use hallpass::store::{
    Capabilities, Cursor, Entry, Expected, Expiry, Page, Record, RecordKey, Store, StoreError, StoreFuture, Version,
    WallClock,
};

/// A store in a journal: every change is a line, appended and synced.
#[derive(Debug)]
pub struct JournalStore {
    clock: WallClock,
    journal: Mutex<Journal>,
}

#[derive(Debug)]
struct Journal {
    file: File,
    /// Versions come from one counter, so that they grow across removals.
    last: u64,
    records: BTreeMap<Vec<u8>, Slot>,
}

#[derive(Clone, Debug)]
struct Slot {
    record: Record,
    expiry: Expiry,
    touched: Wall,
}

impl JournalStore {
    /// Opens a journal, or begins one.
    ///
    /// # Errors
    ///
    /// `Unavailable` when the file cannot be read, `Damaged` when a whole line of it is not one of ours.
    pub fn open(path: &Path, clock: WallClock) -> Result<Self, StoreError> {
        let mut file =
            File::options().read(true).write(true).create(true).truncate(false).open(path).map_err(unavailable)?;
        let mut text = String::new();
        file.read_to_string(&mut text).map_err(unavailable)?;
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        let mut journal = Journal { file, last: 0, records: BTreeMap::new() };
        for line in text[..whole].lines() {
            journal.replay(line).ok_or_else(|| StoreError::Damaged("a line is not one of this journal".to_owned()))?;
        }
        // What was cut off while it was written goes, so that the next line begins at its own place.
        let end = whole as u64;
        journal.file.set_len(end).and_then(|()| journal.file.seek(io::SeekFrom::Start(end))).map_err(unavailable)?;
        Ok(Self { clock, journal: Mutex::new(journal) })
    }

    fn journal(&self) -> MutexGuard<'_, Journal> {
        self.journal.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for JournalStore {
    fn capabilities(&self) -> Capabilities {
        // What is declared is tested; a store without leases is refused for platforms whose tokens rotate.
        Capabilities { cas: true, lease: false, touch: true, ttl_min: None, max_value: None }
    }

    fn load<'a>(&'a self, key: &'a RecordKey) -> StoreFuture<'a, Option<Record>> {
        Box::pin(
            async move { Ok(self.journal().live(&key.encode(), self.clock.now()).map(|slot| slot.record.clone())) },
        )
    }

    fn save<'a>(
        &'a self,
        key: &'a RecordKey,
        sealed: Vec<u8>,
        expected: Expected,
        expiry: Expiry,
    ) -> StoreFuture<'a, Version> {
        Box::pin(async move {
            let (mut journal, name, now) = (self.journal(), key.encode(), self.clock.now());
            journal.check(&name, expected, now)?;
            let version = Version(journal.last + 1);
            journal.keep(&name, Slot { record: Record { version, sealed }, expiry, touched: now })?;
            Ok(version)
        })
    }

    fn touch<'a>(&'a self, key: &'a RecordKey) -> StoreFuture<'a, Option<Version>> {
        Box::pin(async move {
            let (mut journal, name, now) = (self.journal(), key.encode(), self.clock.now());
            let Some(slot) = journal.live(&name, now).cloned() else { return Ok(None) };
            let version = slot.record.version;
            journal.keep(&name, Slot { touched: slot.touched.max(now), ..slot })?;
            Ok(Some(version))
        })
    }

    fn remove<'a>(&'a self, key: &'a RecordKey, expected: Expected) -> StoreFuture<'a, Option<Version>> {
        Box::pin(async move {
            let (mut journal, name) = (self.journal(), key.encode());
            let live = journal.check(&name, expected, self.clock.now())?;
            if live.is_some() {
                journal.tell(&format!("remove {}", hex(&name)))?;
            }
            Ok(live)
        })
    }

    fn list<'a>(&'a self, namespace: &'a str, after: Option<&'a Cursor>, limit: NonZeroUsize) -> StoreFuture<'a, Page> {
        Box::pin(async move {
            let (journal, now, mut page) = (self.journal(), self.clock.now(), Page::default());
            for (name, slot) in &journal.records {
                let key = RecordKey::decode(name).filter(|key| key.namespace == namespace && slot.is_live(now));
                let Some(key) = key.filter(|_| after.is_none_or(|after| hex(name) > after.0)) else { continue };
                if page.entries.len() == limit.get() {
                    page.next = page.entries.last().map(|last| Cursor(hex(&last.key.encode())));
                    break;
                }
                page.entries.push(Entry { key, version: slot.record.version });
            }
            Ok(page)
        })
    }
}

impl Journal {
    fn live(&self, name: &[u8], now: Wall) -> Option<&Slot> {
        self.records.get(name).filter(|slot| slot.is_live(now))
    }

    /// The live version, if it is the expected one.
    fn check(&self, name: &[u8], expected: Expected, now: Wall) -> Result<Option<Version>, StoreError> {
        let live = self.live(name, now).map(|slot| slot.record.version);
        let is_met = match expected {
            Expected::Any => true,
            Expected::Absent => live.is_none(),
            Expected::Version(version) => live == Some(version),
        };
        if is_met { Ok(live) } else { Err(StoreError::Conflict(live)) }
    }

    fn keep(&mut self, name: &[u8], slot: Slot) -> Result<(), StoreError> {
        let shown = |number: Option<i128>| number.map_or("-".to_owned(), |number| number.to_string());
        let idle = shown(slot.expiry.idle.map(|idle| i128::try_from(idle.as_millis()).unwrap_or(i128::MAX)));
        let absolute = shown(slot.expiry.absolute.map(|end| i128::from(end.as_millis())));
        let (version, touched) = (slot.record.version.0, slot.touched.as_millis());
        self.tell(&format!("keep {} {version} {idle} {absolute} {touched} {}", hex(name), hex(&slot.record.sealed)))
    }

    /// Appends a line, syncs it, and only then does what it says. A line that may be half written is taken back.
    fn tell(&mut self, line: &str) -> Result<(), StoreError> {
        let end = self.file.stream_position().map_err(unavailable)?;
        let told = self.file.write_all(format!("{line}\n").as_bytes()).and_then(|()| self.file.sync_data());
        if let Err(error) = told {
            self.file.set_len(end).and_then(|()| self.file.seek(io::SeekFrom::Start(end))).map_err(unavailable)?;
            return Err(unavailable(error));
        }
        self.replay(line).ok_or_else(|| StoreError::Damaged("what was written does not read".to_owned()))
    }

    fn replay(&mut self, line: &str) -> Option<()> {
        let mut words = line.split(' ');
        let (verb, name) = (words.next()?, unhex(words.next()?)?);
        if verb == "remove" {
            self.records.remove(&name);
            return Some(());
        }
        let version = Version(words.next()?.parse().ok()?);
        let mut number = || match words.next()? {
            "-" => Some(None),
            number => number.parse::<i64>().ok().map(Some),
        };
        let idle = number()?.map(|idle| Duration::from_millis(idle.unsigned_abs()));
        let absolute = number()?.map(Wall::from_millis);
        let touched = Wall::from_millis(number()??);
        let record = Record { version, sealed: unhex(words.next()?)? };
        self.last = self.last.max(version.0);
        self.records.insert(name, Slot { record, expiry: Expiry { idle, absolute }, touched });
        (verb == "keep").then_some(())
    }
}

impl Slot {
    fn is_live(&self, now: Wall) -> bool {
        let is_idle = self.expiry.idle.is_some_and(|idle| now >= self.touched + idle);
        !is_idle && self.expiry.absolute.is_none_or(|end| now < end)
    }
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let pairs = text.as_bytes().chunks(2);
    pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}

fn unavailable(error: io::Error) -> StoreError {
    StoreError::Unavailable(error.to_string())
}
