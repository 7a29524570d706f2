//! Which byte of a row of the redb store means what?
//!
//! ```text
//! format: 1 | flags: idle 1, absolute 2 | version u64 | idle in ms u64 | absolute in ms since 1970 i64 | sealed bytes
//! ```
//!
//! Numbers are big-endian. **Invariant:** a row that is not exactly what this store writes is an error, never a record and never a
//! miss.

use std::time::Duration;

use hallpass_core::time::Wall;

use super::super::{Expiry, StoreError, Version};

const FORMAT: u8 = 1;
const IDLE: u8 = 1;
const ABSOLUTE: u8 = 2;

/// A row, read.
pub(super) struct Row<'a> {
    pub(super) version: Version,
    pub(super) expiry: Expiry,
    pub(super) sealed: &'a [u8],
}

/// Writes a row.
pub(super) fn encode(version: Version, expiry: Expiry, sealed: &[u8]) -> Vec<u8> {
    let idle = expiry.idle.map(|idle| u64::try_from(idle.as_millis()).unwrap_or(u64::MAX));
    let mut flags = if idle.is_some() { IDLE } else { 0 };
    flags |= if expiry.absolute.is_some() { ABSOLUTE } else { 0 };
    let mut bytes = Vec::with_capacity(26 + sealed.len());
    bytes.extend_from_slice(&[FORMAT, flags]);
    bytes.extend_from_slice(&version.0.to_be_bytes());
    bytes.extend_from_slice(&idle.unwrap_or(0).to_be_bytes());
    bytes.extend_from_slice(&expiry.absolute.map_or(0, Wall::as_millis).to_be_bytes());
    bytes.extend_from_slice(sealed);
    bytes
}

/// Reads a row.
pub(super) fn decode(bytes: &[u8]) -> Result<Row<'_>, StoreError> {
    match bytes.first() {
        Some(&FORMAT) => read_fields(&bytes[1..]).ok_or_else(|| StoreError::Damaged("a row is cut short".to_owned())),
        Some(format) => {
            Err(StoreError::Unsupported(format!("this record's row has format {format}, which a newer release wrote")))
        }
        None => Err(StoreError::Damaged("a row is empty".to_owned())),
    }
}

fn read_fields(rest: &[u8]) -> Option<Row<'_>> {
    let ([flags], rest) = rest.split_first_chunk()?;
    let (version, rest) = rest.split_first_chunk()?;
    let (idle, rest) = rest.split_first_chunk()?;
    let (absolute, sealed) = rest.split_first_chunk()?;
    let expiry = Expiry {
        idle: (flags & IDLE != 0).then(|| Duration::from_millis(u64::from_be_bytes(*idle))),
        absolute: (flags & ABSOLUTE != 0).then(|| Wall::from_millis(i64::from_be_bytes(*absolute))),
    };
    let known = flags & !(IDLE | ABSOLUTE) == 0;
    known.then_some(Row { version: Version(u64::from_be_bytes(*version)), expiry, sealed })
}
