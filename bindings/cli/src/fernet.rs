//! What is in a Fernet token, as Python's `cryptography` makes them? For taking over what others saved; nothing is sealed with it here.
//!
//! ```text
//! base64url( 0x80 ‖ seconds since 1970, u64 ‖ IV, 16 ‖ AES-128-CBC with PKCS #7 padding ‖ HMAC-SHA256 of all before, 32 )
//! ```
//!
//! **Invariant:** nothing is decrypted whose HMAC does not hold; keys and what was opened are wiped when dropped.

use std::fmt;
use std::time::Duration;

use aes::Aes128;
use aes::cipher::block_padding::Pkcs7;
use aes::cipher::{BlockModeDecrypt, KeyIvInit};
use base64ct::{Base64Url, Encoding};
use hallpass::core::time::Wall;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

/// A Fernet key: half of it signs, half of it encrypts.
pub(crate) struct Fernet(Zeroizing<Vec<u8>>);

/// How old a token may be, and when that is judged.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Age {
    pub(crate) limit: Duration,
    pub(crate) now: Wall,
}

impl Fernet {
    /// Reads a key as `Fernet.generate_key()` writes it: 32 bytes in base64 for addresses.
    pub(crate) fn new(key: &str) -> Option<Self> {
        let key = Zeroizing::new(Base64Url::decode_vec(key.trim()).ok()?);
        (key.len() == 2 * HALF).then_some(Self(key))
    }

    /// What is in a token of this key; nothing where it is none, was altered, or is older than allowed or from the future.
    pub(crate) fn open(&self, token: &str, age: Option<Age>) -> Option<Zeroizing<Vec<u8>>> {
        let token = Zeroizing::new(Base64Url::decode_vec(token.trim()).ok()?);
        let (signed, tag) = token.split_last_chunk::<TAG>()?;
        let (signing, encryption) = self.0.split_at(HALF);
        let mut mac = Hmac::<Sha256>::new_from_slice(signing).ok()?;
        mac.update(signed);
        mac.verify_slice(tag).ok()?;
        let (version, rest) = signed.split_first()?;
        let (seconds, rest) = rest.split_first_chunk::<8>()?;
        let (iv, ciphertext) = rest.split_first_chunk::<HALF>()?;
        if *version != VERSION || age.is_some_and(|age| !age.allows(u64::from_be_bytes(*seconds))) {
            return None;
        }
        let mut text = Zeroizing::new(ciphertext.to_vec());
        let decryptor = cbc::Decryptor::<Aes128>::new_from_slices(encryption, iv).ok()?;
        let length = decryptor.decrypt_padded::<Pkcs7>(&mut text).ok()?.len();
        text.truncate(length);
        Some(text)
    }
}

impl Age {
    fn allows(&self, seconds: u64) -> bool {
        let now = u64::try_from(self.now.as_millis()).unwrap_or_default() / 1000;
        now.saturating_sub(seconds) <= self.limit.as_secs() && seconds <= now + SKEW
    }
}

impl fmt::Debug for Fernet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fernet(redacted)")
    }
}

/// Whether a text looks like a token: its version and a time before 2106 are the same in all of them.
pub(crate) fn looks_like_one(text: &str) -> bool {
    text.starts_with("gAAAA")
}

const VERSION: u8 = 0x80;
const HALF: usize = 16;
const TAG: usize = 32;
/// By how many seconds another machine's clock may be ahead.
const SKEW: u64 = 60;

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn cases(name: &str) -> Vec<Value> {
        let path = format!("{}/../../tests/vectors/external/fernet/{name}.json", env!("CARGO_MANIFEST_DIR"));
        serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
    }

    /// All of the data is of one night, in one zone: `1985-10-26THH:MM:SS-07:00`.
    fn age(case: &Value) -> Age {
        let now = case["now"].as_str().unwrap();
        let clock = now.strip_prefix("1985-10-26T").and_then(|rest| rest.strip_suffix("-07:00")).unwrap();
        let seconds = clock.split(':').fold(0, |sum, part| sum * 60 + part.parse::<i64>().unwrap());
        let limit = Duration::from_secs(case["ttl_sec"].as_u64().unwrap_or(60));
        Age { limit, now: Wall::from_millis((499_132_800 + 7 * 3600 + seconds) * 1000) }
    }

    fn open(case: &Value) -> Option<Zeroizing<Vec<u8>>> {
        let fernet = Fernet::new(case["secret"].as_str().unwrap()).unwrap();
        fernet.open(case["token"].as_str().unwrap(), Some(age(case)))
    }

    #[test]
    fn every_token_of_the_specification_opens_or_is_refused_as_it_says() {
        let (generated, valid, invalid) = (cases("generate"), cases("verify"), cases("invalid"));
        assert_eq!((generated.len(), valid.len(), invalid.len()), (1, 1, 8));
        for case in generated.iter().chain(&valid) {
            assert_eq!(open(case).unwrap().as_slice(), case["src"].as_str().unwrap().as_bytes());
        }
        for case in &invalid {
            assert!(open(case).is_none(), "{}", case["desc"]);
        }
    }

    #[test]
    fn no_bit_of_a_token_can_be_changed_and_no_other_key_opens_it() {
        let case = &cases("verify")[0];
        let fernet = Fernet::new(case["secret"].as_str().unwrap()).unwrap();
        let token = Base64Url::decode_vec(case["token"].as_str().unwrap()).unwrap();
        for bit in 0..token.len() * 8 {
            let mut altered = token.clone();
            altered[bit / 8] ^= 1 << (bit % 8);
            assert!(fernet.open(&Base64Url::encode_string(&altered), None).is_none(), "bit {bit}");
        }
        let other = Fernet::new(&Base64Url::encode_string(&[7; 32])).unwrap();
        assert!(other.open(case["token"].as_str().unwrap(), None).is_none());
        assert!(Fernet::new("c2hvcnQ=").is_none() && Fernet::new("no key").is_none());
        assert_eq!(format!("{other:?}"), "Fernet(redacted)");
    }
}
