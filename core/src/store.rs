//! What a store keeps and promises, as plain data; the stores themselves live with their drivers.
//!
//! **Invariant:** a store sees sealed bytes only, and an error is never a miss.

use std::fmt;
use std::time::Duration;

use sha2::{Digest, Sha256};

use crate::time::Wall;

/// What a record is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum RecordKind {
    /// A sealed session.
    Session,
    /// A cached response.
    Response,
}

/// The logical key of a record: independent of any backend's prefix or path.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RecordKey {
    /// Separates programs that share a store.
    pub namespace: String,
    /// What the record is about.
    pub kind: RecordKind,
    /// The platform's id.
    pub platform: String,
    /// The account's name.
    pub account: String,
}

/// The number that compare-and-set uses; grows with every write of a key, also across removals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Version(pub u64);

/// Sealed bytes under a key.
#[derive(Clone, PartialEq, Eq)]
pub struct Record {
    /// The version under which these bytes were saved.
    pub version: Version,
    /// The envelope.
    pub sealed: Vec<u8>,
}

/// When a record ends by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Expiry {
    /// Ends this long after the last save or touch.
    pub idle: Option<Duration>,
    /// Ends at this moment whatever happens; never extended by a touch.
    pub absolute: Option<Wall>,
}

/// What a compare-and-set save compares against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// The key holds no live record.
    Absent,
    /// The key holds exactly this version.
    Version(Version),
    /// Whatever the key holds, even damage: the last writer wins.
    Any,
}

/// Which holding of a record's lease: grows with every lease of a key that was granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LeaseNumber(pub u64);

/// Where a listing goes on; opaque, and good only for the store that gave it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor(pub String);

/// One live record of a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its logical key.
    pub key: RecordKey,
    /// Its present version.
    pub version: Version,
}

/// One page of a listing.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Page {
    /// Live records of the namespace that was asked for.
    pub entries: Vec<Entry>,
    /// The backend's names of records that could not be read, whichever namespace they belong to.
    pub damaged: Vec<String>,
    /// Where the next page begins; `None` after the last.
    pub next: Option<Cursor>,
}

/// What a store can do beyond load, save and remove.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// Saves compare versions atomically.
    pub cas: bool,
    /// Leases are exclusive between processes.
    pub lease: bool,
    /// Idle expiry can be extended without rewriting.
    pub touch: bool,
    /// The shortest expiry that the backend keeps, if it has one.
    pub ttl_min: Option<Duration>,
    /// The largest value in bytes, if there is a limit.
    pub max_value: Option<usize>,
}

/// Why a store did not answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Someone else saved first; the present version where the backend tells (`None`: no live record).
    #[error("another writer saved this record first")]
    Conflict(Option<Version>),
    /// The backend failed or cannot be reached.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
    /// The bytes under the key are not what this backend writes.
    #[error("the stored record is damaged: {0}")]
    Damaged(String),
    /// The backend cannot do what was asked.
    #[error("the store cannot do this: {0}")]
    Unsupported(String),
}

impl RecordKind {
    /// The stable word in encoded keys.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::Response => "response",
        }
    }

    /// Reads the stable word.
    pub fn from_word(word: &str) -> Option<Self> {
        match word {
            "session" => Some(Self::Session),
            "response" => Some(Self::Response),
            _ => None,
        }
    }
}

impl RecordKey {
    /// The key of an account's session.
    pub fn session(namespace: &str, platform: &str, account: &str) -> Self {
        Self {
            namespace: namespace.to_owned(),
            kind: RecordKind::Session,
            platform: platform.to_owned(),
            account: account.to_owned(),
        }
    }

    /// The one byte form: namespace, kind, platform, account, each as a big-endian u32 length and its UTF-8 bytes.
    pub fn encode(&self) -> Vec<u8> {
        let parts = [self.namespace.as_str(), self.kind.as_str(), self.platform.as_str(), self.account.as_str()];
        let mut bytes = Vec::with_capacity(parts.iter().map(|part| part.len() + 4).sum());
        for part in parts {
            bytes.extend_from_slice(&u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes());
            bytes.extend_from_slice(part.as_bytes());
        }
        bytes
    }

    /// Reads the byte form back; `None` when it is not one.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let mut rest = bytes;
        let mut part = || -> Option<String> {
            let (length, after) = rest.split_first_chunk::<4>()?;
            let (text, after) = after.split_at_checked(u32::from_be_bytes(*length) as usize)?;
            rest = after;
            String::from_utf8(text.to_vec()).ok()
        };
        let key =
            Self { namespace: part()?, kind: RecordKind::from_word(&part()?)?, platform: part()?, account: part()? };
        rest.is_empty().then_some(key)
    }

    /// SHA-256 of the byte form, in lower-case hexadecimal: a name for backends whose keys others can see.
    pub fn digest(&self) -> String {
        hex(&Sha256::digest(self.encode()))
    }
}

/// Bytes in lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]).map(|digit| char::from(DIGITS[usize::from(digit)])).collect()
}

impl fmt::Debug for RecordKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}/{}", self.namespace, self.kind.as_str(), self.platform, self.account)
    }
}

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Record").field("version", &self.version).field("bytes", &self.sealed.len()).finish()
    }
}
