//! How a record is sealed and opened, so that a store never sees plaintext and never swaps one record for another.
//!
//! **Invariant:** every sealed record has its own AES key, bound to its logical key; a failure to open is an error with its
//! own kind, never "no record". The bytes are described in `docs/envelope.md`. Nothing here detects that a store returns an
//! older record of the same key; versions are the caller's to compare.
//!
//! ```
//! use hallpass_core::{envelope::{self, Keyring}, seed::Seed, store::RecordKey};
//!
//! let keyring = Keyring::new("k1", [7; 32])?;
//! let key = RecordKey::session("app", "example", "alice");
//! let sealed = envelope::seal(&keyring, &key, 1, b"payload", &mut Seed::new([1; 32]).rng("seal"));
//! assert_eq!(envelope::open(&keyring, &key, &sealed)?.plaintext.as_slice(), b"payload");
//!
//! let other = RecordKey::session("app", "example", "bob");
//! assert_eq!(envelope::open(&keyring, &other, &sealed).unwrap_err().kind(), "wrong_context");
//! # Ok::<(), hallpass_core::error::Error>(())
//! ```

use std::fmt;

use zeroize::Zeroizing;

use crate::error::{Error, Kind};
use crate::seed::Rng;
use crate::store::RecordKey;

pub use keyring::Keyring;

pub mod aead;
mod derive;
mod format;
mod keyring;

use derive::Derived;
use format::Parsed;

/// A record that was opened.
pub struct Opened {
    /// The payload's schema, as given to [`seal`].
    pub schema: u8,
    /// The payload; wiped when dropped.
    pub plaintext: Zeroizing<Vec<u8>>,
    /// The key that opened it; another than [`Keyring::primary_id`] means that the record should be sealed again.
    pub key_id: String,
}

/// What an envelope says about itself, readable without a key and not yet proven.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// The payload's schema.
    pub schema: u8,
    /// The key that would open it.
    pub key_id: String,
}

/// Seals a payload under the primary key, for one logical key.
///
/// Draws one block from `rng`. The same generator state, keyring, key, schema and payload give the same bytes; a repeated
/// generator state with anything else different gives another salt, so never the same AES key.
///
/// # Panics
///
/// When the payload is larger than AES-GCM allows (64 GiB).
pub fn seal(keyring: &Keyring, key: &RecordKey, schema: u8, plaintext: &[u8], rng: &mut Rng) -> Vec<u8> {
    let master = keyring.primary();
    let logical = key.encode();
    let mut sealed = format::prefix(schema, master.id(), plaintext.len());
    let salt = master.salt(&rng.block(), &sealed, &logical, plaintext);
    let derived = Derived::new(master.secret(), &salt);
    sealed.extend_from_slice(&salt);
    sealed.extend_from_slice(&derived.context(&logical));
    let commitment = derived.commitment(&sealed);
    sealed.extend_from_slice(&commitment);
    let aad = associated_data(&sealed, &logical);
    aead::seal_raw(&derived.aes_key(), &aead::ZERO_NONCE, &aad, plaintext, &mut sealed)
        .expect("a payload in memory is below AES-GCM's limit of 64 GiB");
    sealed
}

/// Opens a sealed record that was stored under `key`.
///
/// # Errors
///
/// - [`Kind::VersionUnknown`]: the version or algorithm is not one that this release reads;
/// - [`Kind::KeyUnknown`]: the record names a key that the keyring does not hold;
/// - [`Kind::WrongContext`]: the record is whole, and was sealed for another logical key;
/// - [`Kind::Damaged`]: anything else: cut short, altered, not an envelope, or sealed with another key of the same name.
pub fn open(keyring: &Keyring, key: &RecordKey, sealed: &[u8]) -> Result<Opened, Error> {
    let Parsed { schema, key_id, salt, context, commitment, committed, header, ciphertext } = Parsed::read(sealed)?;
    let Some(master) = keyring.find(key_id) else {
        return Err(Error::new(
            Kind::KeyUnknown,
            format!("opening a sealed record: its key `{key_id}` is not in the keyring; add it as an older key"),
        ));
    };
    let derived = Derived::new(master.secret(), salt);
    if !derive::same(&derived.commitment(committed), commitment) {
        return Err(Error::new(
            Kind::Damaged,
            format!("opening a sealed record: it is altered, or its key is not the key that is named `{key_id}` here"),
        ));
    }
    let logical = key.encode();
    if !derive::same(&derived.context(&logical), context) {
        return Err(Error::new(
            Kind::WrongContext,
            format!("opening the record of {key:?}: it was sealed for another account, platform or namespace"),
        ));
    }
    let aad = associated_data(header, &logical);
    let plaintext = aead::open_raw(&derived.aes_key(), &aead::ZERO_NONCE, &aad, ciphertext)
        .map_err(|_| Error::new(Kind::Damaged, "opening a sealed record: it is cut short or altered"))?;
    Ok(Opened { schema, plaintext, key_id: key_id.to_owned() })
}

/// Reads an envelope's label without opening it: which key it needs, which schema it claims.
///
/// # Errors
///
/// [`Kind::VersionUnknown`] or [`Kind::Damaged`], as for [`open`].
pub fn peek(sealed: &[u8]) -> Result<Label, Error> {
    let parsed = Parsed::read(sealed)?;
    Ok(Label { schema: parsed.schema, key_id: parsed.key_id.to_owned() })
}

impl fmt::Debug for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opened")
            .field("schema", &self.schema)
            .field("key_id", &self.key_id)
            .field("bytes", &self.plaintext.len())
            .finish_non_exhaustive()
    }
}

/// The whole header and the logical key; both delimit themselves, so no two pairs give the same bytes.
fn associated_data(header: &[u8], logical: &[u8]) -> Vec<u8> {
    [header, logical].concat()
}

#[cfg(test)]
mod tests;
