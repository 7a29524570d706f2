//! What each method of the redb store does to the tables, in one transaction.
//!
//! **Invariant:** one counter gives all versions and all numbers of leases, and grows in the transaction that uses it, so both only
//! grow, also across removals, of which no trace is left. An `Err` inside an `Ok` is the store's answer, the outer one the
//! database's. The clock is read once the transaction has begun, since a write waits for those before it.

use std::num::NonZeroUsize;
use std::ops::Bound;
use std::time::Duration;

use hallpass_core::store::hex;
use hallpass_core::time::Wall;
use redb::{Database, Durability, Error, ReadableDatabase, ReadableTable, Table, TableDefinition, WriteTransaction};

use super::super::{
    Cursor, Entry, Expected, Expiry, LeaseNumber, Page, Record, RecordKey, StoreError, Version, WallClock, has_ended,
    is_held, meets, until,
};
use super::row;

/// Rows under the byte form of their keys.
const RECORDS: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("records");
/// When a record was last touched: apart, so that a touch rewrites nothing else.
const TOUCHED: TableDefinition<'_, &[u8], i64> = TableDefinition::new("touched");
/// The number of the present lease of a key, and when it ends.
const LEASES: TableDefinition<'_, &[u8], (u64, i64)> = TableDefinition::new("leases");
/// `format`, and `last`: the counter.
const META: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");
const FORMAT: u64 = 1;

type Answer<T> = Result<Result<T, StoreError>, Error>;

/// Makes the tables of a new database; refuses those of a newer release.
pub(super) fn prepare(database: &Database) -> Answer<()> {
    let transaction = database.begin_write()?;
    {
        let mut meta = transaction.open_table(META)?;
        let format = meta.get("format")?.map(|format| format.value());
        match format {
            Some(FORMAT) => return Ok(Ok(())),
            Some(newer) => {
                let what = format!("the tables have format {newer}, which a newer release wrote");
                return Ok(Err(StoreError::Unsupported(what)));
            }
            None => drop(meta.insert("format", FORMAT)?),
        }
        transaction.open_table(RECORDS)?;
        transaction.open_table(TOUCHED)?;
        transaction.open_table(LEASES)?;
    }
    transaction.commit()?;
    Ok(Ok(()))
}

pub(super) fn load(database: &Database, key: &[u8], clock: &WallClock) -> Answer<Option<Record>> {
    let transaction = database.begin_read()?;
    let now = clock.now();
    let (records, touched) = (transaction.open_table(RECORDS)?, transaction.open_table(TOUCHED)?);
    let Some(bytes) = records.get(key)? else { return Ok(Ok(None)) };
    let since = touched.get(key)?.map(|since| since.value());
    Ok(row::decode(bytes.value()).map(|row| {
        let is_live = is_live(row.expiry, since, now);
        is_live.then(|| Record { version: row.version, sealed: row.sealed.to_vec() })
    }))
}

pub(super) fn expiry(database: &Database, key: &[u8], clock: &WallClock) -> Answer<Option<(Version, Expiry)>> {
    let transaction = database.begin_read()?;
    let now = clock.now();
    let (records, touched) = (transaction.open_table(RECORDS)?, transaction.open_table(TOUCHED)?);
    let Some(bytes) = records.get(key)? else { return Ok(Ok(None)) };
    let since = touched.get(key)?.map(|since| since.value());
    Ok(row::decode(bytes.value()).map(|row| is_live(row.expiry, since, now).then_some((row.version, row.expiry))))
}

pub(super) fn save(
    database: &Database,
    key: &[u8],
    sealed: &[u8],
    (expected, expiry): (Expected, Expiry),
    clock: &WallClock,
) -> Answer<Version> {
    let transaction = database.begin_write()?;
    let now = clock.now();
    let version = {
        let (mut records, mut touched) = (transaction.open_table(RECORDS)?, transaction.open_table(TOUCHED)?);
        if let Err(refused) = check(&records, &touched, key, expected, now)? {
            return Ok(Err(refused));
        }
        let version = Version(next(&transaction)?);
        records.insert(key, row::encode(version, expiry, sealed).as_slice())?;
        touched.insert(key, now.as_millis())?;
        version
    };
    transaction.commit()?;
    Ok(Ok(version))
}

pub(super) fn touch(
    database: &Database,
    key: &[u8],
    clock: &WallClock,
    durability: Durability,
) -> Answer<Option<Version>> {
    let mut transaction = database.begin_write()?;
    let now = clock.now();
    transaction.set_durability(durability)?;
    let version = {
        let (records, mut touched) = (transaction.open_table(RECORDS)?, transaction.open_table(TOUCHED)?);
        let version = match check(&records, &touched, key, Expected::Any, now)? {
            Ok(Some(version)) => version,
            rest @ (Ok(None) | Err(_)) => return Ok(rest),
        };
        let since = touched.get(key)?.map(|since| since.value());
        if since.is_some_and(|since| since >= now.as_millis()) {
            return Ok(Ok(Some(version)));
        }
        touched.insert(key, now.as_millis())?;
        version
    };
    transaction.commit()?;
    Ok(Ok(Some(version)))
}

pub(super) fn remove(
    database: &Database,
    key: &[u8],
    expected: Expected,
    clock: &WallClock,
) -> Answer<Option<Version>> {
    let transaction = database.begin_write()?;
    let now = clock.now();
    let live = {
        let (mut records, mut touched) = (transaction.open_table(RECORDS)?, transaction.open_table(TOUCHED)?);
        let live = match check(&records, &touched, key, expected, now)? {
            Ok(live) => live,
            Err(refused) => return Ok(Err(refused)),
        };
        records.remove(key)?;
        touched.remove(key)?;
        live
    };
    transaction.commit()?;
    Ok(Ok(live))
}

pub(super) fn lease(database: &Database, key: &[u8], hold: Duration, clock: &WallClock) -> Answer<Option<LeaseNumber>> {
    let transaction = database.begin_write()?;
    let now = clock.now();
    let number = {
        let mut leases = transaction.open_table(LEASES)?;
        let is_taken = leases.get(key)?.is_some_and(|lease| is_held(Wall::from_millis(lease.value().1), now));
        if is_taken {
            return Ok(Ok(None));
        }
        let number = next(&transaction)?;
        leases.insert(key, (number, until(now, hold).as_millis()))?;
        LeaseNumber(number)
    };
    transaction.commit()?;
    Ok(Ok(Some(number)))
}

pub(super) fn release(database: &Database, key: &[u8], number: LeaseNumber, clock: &WallClock) -> Answer<bool> {
    let transaction = database.begin_write()?;
    let now = clock.now();
    {
        let mut leases = transaction.open_table(LEASES)?;
        let present = leases.get(key)?.map(|lease| lease.value());
        if !present.is_some_and(|(held, end)| held == number.0 && is_held(Wall::from_millis(end), now)) {
            return Ok(Ok(false));
        }
        leases.remove(key)?;
    }
    transaction.commit()?;
    Ok(Ok(true))
}

pub(super) fn list(
    database: &Database,
    namespace: &str,
    after: Option<&Cursor>,
    limit: NonZeroUsize,
    clock: &WallClock,
) -> Answer<Page> {
    let prefix = prefix_of(namespace);
    let start = match after {
        None => Bound::Included(prefix.clone()),
        Some(cursor) => match read_cursor(cursor) {
            Some(bytes) if bytes.starts_with(&prefix) => Bound::Excluded(bytes),
            Some(_) | None => {
                return Ok(Err(StoreError::Unsupported("this cursor is not from this listing".to_owned())));
            }
        },
    };
    let transaction = database.begin_read()?;
    let now = clock.now();
    let (records, touched) = (transaction.open_table(RECORDS)?, transaction.open_table(TOUCHED)?);
    let mut page = Page::default();
    let mut last = Vec::new();
    for found in records.range::<&[u8]>((start.as_ref().map(Vec::as_slice), Bound::Unbounded))? {
        let (name, bytes) = found?;
        let name = name.value();
        if !name.starts_with(&prefix) {
            break;
        }
        let since = touched.get(name)?.map(|since| since.value());
        let entry = match (RecordKey::decode(name), row::decode(bytes.value())) {
            (Some(_), Ok(row)) if !is_live(row.expiry, since, now) => continue,
            (Some(key), Ok(row)) => Some(Entry { key, version: row.version }),
            (None, _) | (_, Err(_)) => None,
        };
        if page.entries.len() == limit.get() {
            page.next = Some(Cursor(hex(&last)));
            break;
        }
        name.clone_into(&mut last);
        match entry {
            Some(entry) => page.entries.push(entry),
            None => page.damaged.push(hex(name)),
        }
    }
    Ok(Ok(page))
}

/// The live version, if it is the expected one. `Any` is met by damage too.
fn check(
    records: &Table<'_, &[u8], &[u8]>,
    touched: &Table<'_, &[u8], i64>,
    key: &[u8],
    expected: Expected,
    now: Wall,
) -> Answer<Option<Version>> {
    let since = touched.get(key)?.map(|since| since.value());
    let live = match records.get(key)?.map(|bytes| row::decode(bytes.value()).map(|row| (row.version, row.expiry))) {
        Some(Ok((version, expiry))) => is_live(expiry, since, now).then_some(version),
        Some(Err(StoreError::Damaged(_))) if expected == Expected::Any => None,
        Some(Err(error)) => return Ok(Err(error)),
        None => None,
    };
    Ok(if meets(expected, live) { Ok(live) } else { Err(StoreError::Conflict(live)) })
}

/// A record whose touch was lost goes on: better than a miss.
fn is_live(expiry: Expiry, touched: Option<i64>, now: Wall) -> bool {
    !has_ended(expiry, Wall::from_millis(touched.unwrap_or(i64::MAX)), now)
}

/// The next value of the counter.
fn next(transaction: &WriteTransaction) -> Result<u64, Error> {
    let mut meta = transaction.open_table(META)?;
    let next = meta.get("last")?.map_or(0, |last| last.value()) + 1;
    meta.insert("last", next)?;
    Ok(next)
}

/// What the byte forms of a namespace's keys begin with, and no others do.
fn prefix_of(namespace: &str) -> Vec<u8> {
    let length = u32::try_from(namespace.len()).unwrap_or(u32::MAX).to_be_bytes();
    [&length, namespace.as_bytes()].concat()
}

fn read_cursor(cursor: &Cursor) -> Option<Vec<u8>> {
    let pairs = cursor.0.as_bytes().chunks(2);
    pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}

/// Puts bytes where a row should be.
#[cfg(test)]
pub(super) fn put_row(database: &Database, key: &[u8], bytes: &[u8]) -> Answer<()> {
    let transaction = database.begin_write()?;
    transaction.open_table(RECORDS)?.insert(key, bytes)?;
    transaction.commit()?;
    Ok(Ok(()))
}
