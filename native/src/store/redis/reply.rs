//! What does a script's answer say?
//!
//! **Invariant:** nothing reads as absent but what the script calls absent.

use std::time::Duration;

use hallpass_core::time::Wall;
use redis::{Value, from_redis_value};

use crate::store::{Expiry, LeaseNumber, Record, RecordKey, StoreError, Version};

pub(super) fn record(answer: Value, key: &RecordKey) -> Result<Option<Record>, StoreError> {
    let Some(mut parts) = parts(answer)? else { return Ok(None) };
    match &mut parts[..] {
        [Value::BulkString(version), Value::BulkString(name), Value::BulkString(sealed)] if *name == key.encode() => {
            Ok(Some(Record { version: self::version(version)?, sealed: std::mem::take(sealed) }))
        }
        _ => Err(damaged()),
    }
}

pub(super) fn touched(answer: Value, key: &RecordKey) -> Result<Option<Version>, StoreError> {
    let Some(parts) = parts(answer)? else { return Ok(None) };
    match &parts[..] {
        [Value::BulkString(version), Value::BulkString(name)] if *name == key.encode() => {
            self::version(version).map(Some)
        }
        _ => Err(damaged()),
    }
}

pub(super) fn expiry(answer: Value, key: &RecordKey) -> Result<Option<(Version, Expiry)>, StoreError> {
    let Some(parts) = parts(answer)? else { return Ok(None) };
    match &parts[..] {
        [Value::BulkString(version), Value::BulkString(name), Value::BulkString(idle), Value::BulkString(absolute)]
            if *name == key.encode() =>
        {
            let idle = millis(idle)?.map(i64::unsigned_abs).map(Duration::from_millis);
            let expiry = Expiry { idle, absolute: millis(absolute)?.map(Wall::from_millis) };
            Ok(Some((self::version(version)?, expiry)))
        }
        _ => Err(damaged()),
    }
}

pub(super) fn saved(answer: Value) -> Result<Version, StoreError> {
    match &worded(answer)? {
        (word, Some(version)) if word == "saved" => Ok(*version),
        (word, present) if word == "conflict" => Err(StoreError::Conflict(*present)),
        (word, _) if word == "damaged" => Err(damaged()),
        _ => Err(unread()),
    }
}

pub(super) fn removed(answer: Value) -> Result<Option<Version>, StoreError> {
    match &worded(answer)? {
        (word, Some(version)) if word == "removed" => Ok(Some(*version)),
        (word, None) if word == "absent" => Ok(None),
        (word, present) if word == "conflict" => Err(StoreError::Conflict(*present)),
        (word, _) if word == "damaged" => Err(damaged()),
        _ => Err(unread()),
    }
}

pub(super) fn leased(answer: Value) -> Result<Option<LeaseNumber>, StoreError> {
    match answer {
        Value::Nil => Ok(None),
        Value::BulkString(number) => version(&number).map(|number| Some(LeaseNumber(number.0))),
        _ => Err(unread()),
    }
}

pub(super) fn released(answer: &Value) -> Result<bool, StoreError> {
    match answer {
        Value::Int(count) => Ok(*count == 1),
        _ => Err(unread()),
    }
}

fn parts(answer: Value) -> Result<Option<Vec<Value>>, StoreError> {
    match answer {
        Value::Nil => Ok(None),
        Value::Array(parts) => Ok(Some(parts)),
        _ => Err(unread()),
    }
}

/// A word, and a version where there is one.
fn worded(answer: Value) -> Result<(String, Option<Version>), StoreError> {
    let mut parts = parts(answer)?.ok_or_else(unread)?.into_iter();
    let word: String = from_redis_value(parts.next().unwrap_or_default()).map_err(|_| unread())?;
    let version = match parts.next() {
        None | Some(Value::Nil) => None,
        Some(Value::BulkString(number)) => Some(version(&number)?),
        Some(_) => return Err(unread()),
    };
    Ok((word, version))
}

fn version(digits: &[u8]) -> Result<Version, StoreError> {
    std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok()).map(Version).ok_or_else(damaged)
}

/// A number of milliseconds, where there is one.
fn millis(digits: &[u8]) -> Result<Option<i64>, StoreError> {
    if digits.is_empty() {
        return Ok(None);
    }
    std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok()).map(Some).ok_or_else(damaged)
}

fn damaged() -> StoreError {
    StoreError::Damaged(
        "the key holds what this store did not write; something else writes under this prefix".to_owned(),
    )
}

fn unread() -> StoreError {
    StoreError::Unavailable("Redis answered with what this store does not read".to_owned())
}
