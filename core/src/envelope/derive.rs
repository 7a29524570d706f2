//! Which keys one sealed record gets, from the master key, the salt and the logical key.
//!
//! **Invariant:** no two different records share an AES key, even when the generator repeats itself; comparisons take the same
//! time wherever the bytes differ.

use ctutils::CtEq;
use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

/// Length of the salt.
pub(super) const SALT: usize = 24;
/// Length of the tag that names the logical key.
pub(super) const CONTEXT: usize = 16;
/// Length of the commitment to the key.
pub(super) const COMMITMENT: usize = 32;

const SALT_LABEL: &[u8] = b"hallpass/envelope/1/salt";
const KEY_LABEL: &[u8] = b"hallpass/envelope/1/key";
const CONTEXT_LABEL: &[u8] = b"hallpass/envelope/1/context";
const COMMITMENT_LABEL: &[u8] = b"hallpass/envelope/1/commitment";

/// What one master key and one salt give.
pub(super) struct Derived(Hkdf<Sha256>);

impl Derived {
    pub(super) fn new(master: &[u8; 32], salt: &[u8; SALT]) -> Self {
        Self(Hkdf::new(Some(salt), master))
    }

    pub(super) fn aes_key(&self) -> Zeroizing<[u8; 32]> {
        let mut key = Zeroizing::new([0; 32]);
        expand(&self.0, &[KEY_LABEL], key.as_mut_slice());
        key
    }

    /// Names the logical key to whoever holds the master key, and to nobody else.
    pub(super) fn context(&self, logical: &[u8]) -> [u8; CONTEXT] {
        let mut tag = [0; CONTEXT];
        expand(&self.0, &[CONTEXT_LABEL, logical], &mut tag);
        tag
    }

    /// Commits to the master key, the salt and every header byte before it.
    pub(super) fn commitment(&self, committed: &[u8]) -> [u8; COMMITMENT] {
        let mut commitment = [0; COMMITMENT];
        expand(&self.0, &[COMMITMENT_LABEL, committed], &mut commitment);
        commitment
    }
}

/// The key under which a master key makes salts.
pub(super) fn salt_key(master: &[u8; 32]) -> Zeroizing<[u8; 32]> {
    let hkdf = Hkdf::<Sha256>::from_prk(master).expect("32 bytes are SHA-256's length");
    let mut key = Zeroizing::new([0; 32]);
    expand(&hkdf, &[SALT_LABEL], key.as_mut_slice());
    key
}

/// The salt of one record: the first bytes of a MAC over all that must not repeat, each with its length before it.
pub(super) fn salt(salt_key: &[u8; 32], parts: [&[u8]; 4]) -> [u8; SALT] {
    let mut mac = Hmac::<Sha256>::new_from_slice(salt_key).expect("HMAC takes keys of any length");
    for part in parts {
        mac.update(&(part.len() as u64).to_be_bytes());
        mac.update(part);
    }
    let full: [u8; 32] = mac.finalize().into_bytes().into();
    let mut salt = [0; SALT];
    salt.copy_from_slice(&full[..SALT]);
    salt
}

/// Compares in constant time.
pub(super) fn same(left: &[u8], right: &[u8]) -> bool {
    left.ct_eq(right).to_bool()
}

fn expand(hkdf: &Hkdf<Sha256>, info: &[&[u8]], out: &mut [u8]) {
    hkdf.expand_multi_info(info, out).expect("at most 32 bytes are asked for, and HKDF gives 8160");
}
