//! The one cipher of the envelope: AES-256-GCM with a 96-bit nonce and a 128-bit tag behind the ciphertext.
//!
//! **Invariant:** nothing is decrypted before its tag is proven. Public so that conformance suites run the cipher exactly as
//! the envelope uses it; programs want [`super::seal`], which never uses a key twice.

use aes_gcm::{AeadInOut, Aes256Gcm, Key, KeyInit, Nonce, Tag};
use zeroize::Zeroizing;

/// Length of the tag behind the ciphertext.
pub const TAG: usize = 16;

/// The envelope's nonce: every derived key seals one message.
pub const ZERO_NONCE: [u8; 12] = [0; 12];

/// The input is too long, or the tag does not prove it; deliberately without detail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the ciphertext is not authentic")]
pub struct Refused;

/// Encrypts `plaintext` and appends ciphertext and tag to `out`.
///
/// # Errors
///
/// [`Refused`] when the plaintext or the associated data exceed GCM's limits; `out` is then as it was.
pub fn seal_raw(
    key: &[u8; 32],
    nonce: &[u8; 12],
    aad: &[u8],
    plaintext: &[u8],
    out: &mut Vec<u8>,
) -> Result<(), Refused> {
    let start = out.len();
    out.reserve(plaintext.len() + TAG);
    out.extend_from_slice(plaintext);
    let cipher = Aes256Gcm::new(&Key::<Aes256Gcm>::from(*key));
    let Ok(tag) = cipher.encrypt_inout_detached(&Nonce::from(*nonce), aad, (&mut out[start..]).into()) else {
        out.truncate(start);
        return Err(Refused);
    };
    out.extend_from_slice(&tag);
    Ok(())
}

/// Proves and decrypts a ciphertext with its tag behind it.
///
/// # Errors
///
/// [`Refused`] when it is shorter than a tag, or altered, or sealed with another key, nonce or associated data.
pub fn open_raw(key: &[u8; 32], nonce: &[u8; 12], aad: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Refused> {
    let (ciphertext, tag) = sealed.split_last_chunk::<TAG>().ok_or(Refused)?;
    let mut plaintext = Zeroizing::new(ciphertext.to_vec());
    Aes256Gcm::new(&Key::<Aes256Gcm>::from(*key))
        .decrypt_inout_detached(&Nonce::from(*nonce), aad, plaintext.as_mut_slice().into(), &Tag::from(*tag))
        .map_err(|_| Refused)?;
    Ok(plaintext)
}
