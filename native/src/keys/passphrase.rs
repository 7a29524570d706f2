//! How does a passphrase become a key? By Argon2id, with parameters and salt that are written down beside the key's id.
//!
//! ```text
//! id:argon2id:MEMORY:PASSES:LANES:SALT:CHECK        MEMORY in KiB; SALT and CHECK in base64
//! ```
//!
//! Argon2id (RFC 9106, version 0x13) gives 40 bytes: the first 32 are the key, the last 8 are CHECK, which tells a wrong passphrase from a
//! damaged record. **Invariant:** neither the passphrase nor the key is in what is written down.

use argon2::{Algorithm, Argon2, Params, Version};
use base64ct::{Base64Unpadded, Encoding};
use hallpass_core::credentials::Secret;
use hallpass_core::envelope::Keyring;
use hallpass_core::error::{Error, Kind};
use zeroize::Zeroizing;

/// What is asked for the passphrase of a key, by its id; `None` when nobody knows it.
pub type Ask<'a> = &'a mut dyn FnMut(&str) -> Result<Option<Secret>, Error>;

/// How a passphrase is stretched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stretching {
    /// Memory in KiB.
    pub memory: u32,
    /// How often the memory is gone through.
    pub passes: u32,
    /// How many lanes there are in it.
    pub lanes: u32,
}

/// A key's entry without its passphrase.
pub(super) struct Stretched<'a> {
    id: &'a str,
    how: Stretching,
    salt: Vec<u8>,
    check: [u8; CHECK],
}

/// Passphrases that were told, and who knows more.
pub(super) struct Passphrases<'a> {
    known: Vec<Secret>,
    ask: Ask<'a>,
}

impl Stretching {
    /// 64 MiB, three passes, four lanes: the second recommended option of RFC 9106 §4.
    pub const RECOMMENDED: Self = Self { memory: 64 * 1024, passes: 3, lanes: 4 };

    /// The entry of a new key that this passphrase opens, with a new salt, for a key file.
    ///
    /// # Errors
    ///
    /// `key_invalid` for an empty passphrase, an id that is none, or parameters that Argon2 does not take.
    pub fn entry(self, id: &str, passphrase: &Secret) -> Result<String, Error> {
        if passphrase.expose().is_empty() {
            return Err(invalid("an empty passphrase protects nothing"));
        }
        let mut salt = [0; 16];
        super::random(&mut salt)?;
        let whole = self.stretch(passphrase, &salt)?;
        // Refuses an id that is none.
        Keyring::render_key(id, &key_of(&whole))?;
        let Self { memory, passes, lanes } = self;
        let (salt, check) = (Base64Unpadded::encode_string(&salt), Base64Unpadded::encode_string(&whole[KEY..]));
        Ok(format!("{id}:{WORD}:{memory}:{passes}:{lanes}:{salt}:{check}"))
    }

    fn stretch(self, passphrase: &Secret, salt: &[u8]) -> Result<Zeroizing<[u8; KEY + CHECK]>, Error> {
        let unfit = |error: argon2::Error| invalid(&format!("Argon2 does not take these parameters: {error}"));
        let Self { memory, passes, lanes } = self;
        let params = Params::new(memory, passes, lanes, Some(KEY + CHECK)).map_err(unfit)?;
        let mut whole = Zeroizing::new([0; KEY + CHECK]);
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into(passphrase.expose().as_bytes(), salt, whole.as_mut_slice())
            .map_err(unfit)?;
        Ok(whole)
    }
}

impl<'a> Stretched<'a> {
    /// Reads an entry; `None` when it is none that needs a passphrase.
    pub(super) fn parse(entry: &'a str) -> Option<Result<Self, Error>> {
        let mut parts = entry.split(':');
        let (id, word) = (parts.next()?, parts.next()?);
        if word != WORD {
            return None;
        }
        let mut number = || parts.next()?.parse::<u32>().ok();
        let how = (number(), number(), number());
        let mut bytes = || Base64Unpadded::decode_vec(parts.next()?).ok();
        let (salt, check) = (bytes(), bytes().and_then(|check| check.try_into().ok()));
        let is_whole = parts.next().is_none();
        Some(match (how, salt, check) {
            ((Some(memory), Some(passes), Some(lanes)), Some(salt), Some(check)) if is_whole => {
                let how = Stretching { memory, passes, lanes };
                if memory > MEMORY_MAX {
                    Err(invalid(&format!("a key asks for {memory} KiB; more than {MEMORY_MAX} is refused")))
                } else {
                    Ok(Self { id, how, salt, check })
                }
            }
            _ => Err(invalid(&format!("an entry is not `id:{WORD}:MEMORY:PASSES:LANES:SALT:CHECK`"))),
        })
    }

    /// The key, as `id:base64`, once somebody tells the passphrase.
    pub(super) fn open(&self, passphrases: &mut Passphrases<'_>) -> Result<Zeroizing<String>, Error> {
        for known in &passphrases.known {
            if let Some(key) = self.try_with(known)? {
                return Ok(key);
            }
        }
        let id = self.id;
        let Some(told) = (passphrases.ask)(id)? else {
            let what = if passphrases.known.is_empty() {
                format!("the key `{id}` is made from a passphrase; give it by {}", super::PASSPHRASE_FILE)
            } else {
                format!("no passphrase in {} is the one of the key `{id}`", super::PASSPHRASE_FILE)
            };
            return Err(Error::new(Kind::KeyMissing, what));
        };
        let key = self.try_with(&told)?;
        passphrases.known.push(told);
        key.ok_or_else(|| invalid(&format!("that is not the passphrase of the key `{id}`")))
    }

    fn try_with(&self, passphrase: &Secret) -> Result<Option<Zeroizing<String>>, Error> {
        let whole = self.how.stretch(passphrase, &self.salt)?;
        // Not secret: the check is written down beside the salt.
        if whole[KEY..] != self.check {
            return Ok(None);
        }
        Keyring::render_key(self.id, &key_of(&whole)).map(Some)
    }
}

impl<'a> Passphrases<'a> {
    pub(super) fn new(known: Vec<Secret>, ask: Ask<'a>) -> Self {
        Self { known, ask }
    }
}

fn key_of(whole: &Zeroizing<[u8; KEY + CHECK]>) -> Zeroizing<[u8; KEY]> {
    let mut key = Zeroizing::new([0; KEY]);
    key.copy_from_slice(&whole[..KEY]);
    key
}

fn invalid(what: &str) -> Error {
    Error::new(Kind::KeyInvalid, what.to_owned())
}

const WORD: &str = "argon2id";
const KEY: usize = 32;
const CHECK: usize = 8;
/// 4 GiB: an entry that was damaged must not take all of the machine.
const MEMORY_MAX: u32 = 4 * 1024 * 1024;
