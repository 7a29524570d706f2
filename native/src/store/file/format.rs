//! Which byte of a version file means what: `docs/file-store.md`, format 1.
//!
//! **Invariant:** a file that is not exactly what this store writes is an error, never a record and never a miss.

use std::time::Duration;

use hallpass_core::time::Wall;
use sha2::{Digest, Sha256};

use super::super::{Expiry, RecordKey, StoreError};

const MAGIC: &[u8; 4] = b"HPFR";
const FORMAT: u8 = 1;
const TOMBSTONE: u8 = 1;
const IDLE: u8 = 2;
const ABSOLUTE: u8 = 4;
const DIGEST: usize = 32;

/// What one version of a key is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Body {
    /// A record and when it ends.
    Sealed(Vec<u8>, Expiry),
    /// The trace of a removal.
    Tombstone,
}

/// Writes a version file's content.
pub(super) fn encode(key: &RecordKey, body: &Body) -> Result<Vec<u8>, StoreError> {
    let (sealed, expiry, mut flags) = match body {
        Body::Sealed(sealed, expiry) => (sealed.as_slice(), *expiry, 0),
        Body::Tombstone => (&[][..], Expiry::default(), TOMBSTONE),
    };
    let idle = expiry.idle.map(|idle| u64::try_from(idle.as_millis()).unwrap_or(u64::MAX));
    flags |= if idle.is_some() { IDLE } else { 0 };
    flags |= if expiry.absolute.is_some() { ABSOLUTE } else { 0 };
    let logical = key.encode();
    let mut bytes = Vec::with_capacity(30 + logical.len() + sealed.len() + DIGEST);
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&[FORMAT, flags]);
    bytes.extend_from_slice(&idle.unwrap_or(0).to_be_bytes());
    bytes.extend_from_slice(&expiry.absolute.map_or(0, Wall::as_millis).to_be_bytes());
    for part in [&logical[..], sealed] {
        let length = u32::try_from(part.len())
            .map_err(|_| StoreError::Unsupported("a record of the file store is below 4 GiB".to_owned()))?;
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes.extend_from_slice(part);
    }
    let digest = Sha256::digest(&bytes);
    bytes.extend_from_slice(&digest);
    Ok(bytes)
}

/// Reads a version file's content.
pub(super) fn decode(bytes: &[u8]) -> Result<(RecordKey, Body), StoreError> {
    let Some(([format], _)) = bytes.strip_prefix(MAGIC).and_then(<[u8]>::split_first_chunk::<1>) else {
        return Err(damaged("it does not begin like one of the file store"));
    };
    if *format != FORMAT {
        return Err(StoreError::Unsupported(format!(
            "this record's file has format {format}, which a newer release wrote"
        )));
    }
    let Some((content, digest)) = bytes.split_last_chunk::<DIGEST>() else {
        return Err(damaged("it is cut short"));
    };
    if Sha256::digest(content).as_slice() != digest {
        return Err(damaged("it is cut short or altered"));
    }
    read_fields(&content[MAGIC.len() + 1..]).ok_or_else(|| damaged("its fields contradict each other"))
}

fn read_fields(rest: &[u8]) -> Option<(RecordKey, Body)> {
    let ([flags], rest) = rest.split_first_chunk()?;
    let (idle, rest) = rest.split_first_chunk()?;
    let (absolute, rest) = rest.split_first_chunk()?;
    let (logical, rest) = split_part(rest)?;
    let (sealed, rest) = split_part(rest)?;
    let (idle, absolute) = (u64::from_be_bytes(*idle), i64::from_be_bytes(*absolute));
    let whole = rest.is_empty()
        && flags & !(TOMBSTONE | IDLE | ABSOLUTE) == 0
        && (flags & IDLE != 0 || idle == 0)
        && (flags & ABSOLUTE != 0 || absolute == 0)
        && (flags & TOMBSTONE == 0 || (*flags == TOMBSTONE && sealed.is_empty()));
    if !whole {
        return None;
    }
    let key = RecordKey::decode(logical)?;
    if flags & TOMBSTONE != 0 {
        return Some((key, Body::Tombstone));
    }
    let expiry = Expiry {
        idle: (flags & IDLE != 0).then(|| Duration::from_millis(idle)),
        absolute: (flags & ABSOLUTE != 0).then(|| Wall::from_millis(absolute)),
    };
    Some((key, Body::Sealed(sealed.to_vec(), expiry)))
}

fn split_part(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk()?;
    rest.split_at_checked(u32::from_be_bytes(*length) as usize)
}

fn damaged(how: &str) -> StoreError {
    StoreError::Damaged(how.to_owned())
}
