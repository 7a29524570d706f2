//! Which byte of an envelope means what.
//!
//! **Invariant:** version and algorithm are judged before anything after them, so that a later release's format is
//! [`Kind::VersionUnknown`] and never [`Kind::Damaged`]. Layout: `docs/envelope.md`.

use super::{aead, derive, keyring};
use crate::error::{Error, Kind};

const MAGIC: &[u8; 4] = b"HPSS";
const VERSION: u8 = 1;
/// AES-256-GCM under keys that HKDF-SHA256 derives.
const ALGORITHM: u8 = 1;

/// An envelope taken apart, nothing of it proven yet.
pub(super) struct Parsed<'a> {
    pub(super) schema: u8,
    pub(super) key_id: &'a str,
    pub(super) salt: &'a [u8; derive::SALT],
    pub(super) context: &'a [u8; derive::CONTEXT],
    pub(super) commitment: &'a [u8; derive::COMMITMENT],
    /// The header up to the commitment: what the commitment covers.
    pub(super) committed: &'a [u8],
    /// The header with the commitment: what the tag covers.
    pub(super) header: &'a [u8],
    /// The encrypted payload with its tag.
    pub(super) ciphertext: &'a [u8],
}

/// The header up to the salt, in a buffer with room for the whole envelope of a payload of `payload` bytes.
pub(super) fn prefix(schema: u8, key_id: &str, payload: usize) -> Vec<u8> {
    let fixed = MAGIC.len() + 4 + derive::SALT + derive::CONTEXT + derive::COMMITMENT + aead::TAG;
    let mut bytes = Vec::with_capacity(fixed + key_id.len() + payload);
    bytes.extend_from_slice(MAGIC);
    let length = u8::try_from(key_id.len()).expect("a keyring refuses ids longer than 32 bytes");
    bytes.extend_from_slice(&[VERSION, ALGORITHM, schema, length]);
    bytes.extend_from_slice(key_id.as_bytes());
    bytes
}

impl<'a> Parsed<'a> {
    /// Takes an envelope apart.
    pub(super) fn read(sealed: &'a [u8]) -> Result<Self, Error> {
        let Some(([version, algorithm], rest)) = sealed.strip_prefix(MAGIC).and_then(<[u8]>::split_first_chunk::<2>)
        else {
            return Err(damaged("it does not begin like one"));
        };
        if *version != VERSION || *algorithm != ALGORITHM {
            return Err(Error::new(
                Kind::VersionUnknown,
                format!(
                    "reading a sealed record: format {version}, algorithm {algorithm} is not known to this release; \
                     use a newer one"
                ),
            ));
        }
        Self::read_known(sealed, rest).ok_or_else(|| damaged("it is cut short or altered"))
    }

    fn read_known(sealed: &'a [u8], rest: &'a [u8]) -> Option<Self> {
        let ([schema, length], rest) = rest.split_first_chunk()?;
        let (key_id, rest) = rest.split_at_checked(usize::from(*length))?;
        let key_id = std::str::from_utf8(key_id).ok().filter(|id| keyring::is_id(id))?;
        let (salt, rest) = rest.split_first_chunk()?;
        let (context, rest) = rest.split_first_chunk()?;
        let committed = &sealed[..sealed.len() - rest.len()];
        let (commitment, ciphertext) = rest.split_first_chunk()?;
        let header = &sealed[..sealed.len() - ciphertext.len()];
        (ciphertext.len() >= aead::TAG).then_some(Self {
            schema: *schema,
            key_id,
            salt,
            context,
            commitment,
            committed,
            header,
            ciphertext,
        })
    }
}

fn damaged(how: &'static str) -> Error {
    Error::new(Kind::Damaged, format!("reading a sealed record: {how}"))
}
