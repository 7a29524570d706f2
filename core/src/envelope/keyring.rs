//! Which keys seal and open records: one primary that seals, and older ones that only open.
//!
//! **Invariant:** key material is wiped when dropped and appears in no error, `Debug` or `Display`; share a keyring with `Arc`.

use std::fmt;

use base64ct::{Base64, Base64Unpadded, Encoding};
use zeroize::Zeroizing;

use super::derive;
use crate::error::{Error, Kind};

/// Ids are short enough that no key in base64 or hexadecimal passes for one.
const ID_MAX: usize = 32;

/// The named keys of a program.
///
/// ```
/// use hallpass_core::envelope::Keyring;
///
/// let text = "2026:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=,2025:ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8";
/// let keyring = Keyring::parse(text)?;
/// assert_eq!(keyring.primary_id(), "2026");
/// assert_eq!(keyring.ids().collect::<Vec<_>>(), ["2026", "2025"]);
/// assert_eq!(format!("{keyring:?}"), r#"Keyring(["2026", "2025"])"#);
/// # Ok::<(), hallpass_core::error::Error>(())
/// ```
pub struct Keyring {
    primary: Master,
    older: Vec<Master>,
}

/// One named key.
pub(super) struct Master {
    id: String,
    secret: Zeroizing<[u8; 32]>,
    salt_key: Zeroizing<[u8; 32]>,
}

impl Keyring {
    /// A keyring of one key. Ids are 1 to 32 of the characters `A-Z a-z 0-9 . _ -`.
    ///
    /// # Errors
    ///
    /// [`Kind::KeyInvalid`] when the id is not of that form.
    pub fn new(id: &str, secret: [u8; 32]) -> Result<Self, Error> {
        let secret = Zeroizing::new(secret);
        check_id(id)?;
        Ok(Self { primary: Master::new(id, secret), older: Vec::new() })
    }

    /// The same keyring with one more key that opens and does not seal.
    ///
    /// # Errors
    ///
    /// [`Kind::KeyInvalid`] when the id is not of the form, or is there already.
    pub fn with_older(mut self, id: &str, secret: [u8; 32]) -> Result<Self, Error> {
        let secret = Zeroizing::new(secret);
        check_id(id)?;
        if self.find(id).is_some() {
            return Err(invalid(&format!("the keyring names `{id}` twice")));
        }
        self.older.push(Master::new(id, secret));
        Ok(self)
    }

    /// Reads `id:base64` of 32 bytes, commas between several, the first being the primary; the form of `HALLPASS_KEY`.
    ///
    /// The base64 is the standard alphabet, with or without its one `=`. White space around an entry is ignored.
    ///
    /// # Errors
    ///
    /// [`Kind::KeyInvalid`], naming the entry by position (and by id where that is known to be one), never its text.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let mut keyring: Option<Self> = None;
        for (position, entry) in (1..).zip(text.split(',')) {
            let (id, secret) = parse_entry(position, entry.trim())?;
            keyring = Some(match keyring {
                None => Self::new(id, *secret)?,
                Some(keyring) => keyring.with_older(id, *secret)?,
            });
        }
        Ok(keyring.expect("splitting a text gives at least one part"))
    }

    /// One key as `id:base64`, the form that [`Keyring::parse`] reads: for a key file.
    ///
    /// # Errors
    ///
    /// [`Kind::KeyInvalid`] when the id is not of the form.
    pub fn render_key(id: &str, secret: &[u8; 32]) -> Result<Zeroizing<String>, Error> {
        check_id(id)?;
        let mut buffer = Zeroizing::new([0; 44]);
        let text = Base64::encode(secret, buffer.as_mut_slice()).expect("32 bytes are 44 characters");
        let mut entry = Zeroizing::new(String::with_capacity(id.len() + 1 + text.len()));
        entry.push_str(id);
        entry.push(':');
        entry.push_str(text);
        Ok(entry)
    }

    /// The key that seals.
    pub fn primary_id(&self) -> &str {
        &self.primary.id
    }

    /// Every key's id, the primary first.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.masters().map(|master| master.id.as_str())
    }

    pub(super) fn primary(&self) -> &Master {
        &self.primary
    }

    pub(super) fn find(&self, id: &str) -> Option<&Master> {
        self.masters().find(|master| master.id == id)
    }

    fn masters(&self) -> impl Iterator<Item = &Master> {
        std::iter::once(&self.primary).chain(&self.older)
    }
}

impl Master {
    fn new(id: &str, secret: Zeroizing<[u8; 32]>) -> Self {
        Self { id: id.to_owned(), salt_key: derive::salt_key(&secret), secret }
    }

    pub(super) fn id(&self) -> &str {
        &self.id
    }

    pub(super) fn secret(&self) -> &[u8; 32] {
        &self.secret
    }

    /// The salt of one record; differs whenever any of these differ.
    pub(super) fn salt(
        &self,
        random: &[u8; 32],
        prefix: &[u8],
        logical: &[u8],
        plaintext: &[u8],
    ) -> [u8; derive::SALT] {
        derive::salt(&self.salt_key, [random, prefix, logical, plaintext])
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Keyring").field(&self.ids().collect::<Vec<_>>()).finish()
    }
}

/// Whether a text has the form of a key id.
pub(super) fn is_id(text: &str) -> bool {
    (1..=ID_MAX).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
}

fn parse_entry(position: usize, entry: &str) -> Result<(&str, Zeroizing<[u8; 32]>), Error> {
    let Some((id, text)) = entry.split_once(':') else {
        return Err(invalid(&format!("entry {position} is not `id:base64`")));
    };
    if !is_id(id) {
        return Err(invalid(&format!("entry {position} has an id that is not {ID_FORM}")));
    }
    let mut secret = Zeroizing::new([0; 32]);
    match Base64Unpadded::decode(text.strip_suffix('=').unwrap_or(text), secret.as_mut_slice()) {
        Ok(bytes) if bytes.len() == 32 => Ok((id, secret)),
        Ok(_) | Err(_) => Err(invalid(&format!("entry {position} (`{id}`) is not 32 bytes in standard base64"))),
    }
}

fn check_id(id: &str) -> Result<(), Error> {
    // The id itself is left out: a key given in its place must not be shown.
    if is_id(id) { Ok(()) } else { Err(invalid(&format!("a key's id must be {ID_FORM}"))) }
}

const ID_FORM: &str = "1 to 32 of the characters A-Z a-z 0-9 . _ -";

fn invalid(how: &str) -> Error {
    Error::new(Kind::KeyInvalid, format!("reading the keyring: {how}"))
}
