//! Where do keys come from? The environment, a file that only its owner reads, a command, a passphrase; or a new one where nothing is
//! sealed yet. `docs/keys.md` says what each protects against.

use std::io::Write;
use std::num::NonZeroUsize;
use std::path::Path;

use hallpass_core::credentials::Secret;
use hallpass_core::envelope::Keyring;
use hallpass_core::error::{Error, Kind};
use zeroize::Zeroizing;

use crate::client::from_store;
use crate::store::Store;

pub use file::{Entry, KeyFile};
pub use passphrase::{Ask, Stretching};
pub use rotation::{Census, Rotated, Turn, census, rotate, rotate_telling};
pub use source::Source;

mod file;
mod passphrase;
mod rotation;
mod source;

/// The environment variable that holds a keyring, as `id:base64` of 32 bytes, commas between several.
pub const VARIABLE: &str = "HALLPASS_KEY";
/// The environment variable that names a key file.
pub const FILE: &str = "HALLPASS_KEY_FILE";
/// The environment variable that holds a command whose standard output is a keyring.
pub const COMMAND: &str = "HALLPASS_KEY_COMMAND";
/// The environment variable that names a file with passphrases, one a line, for keys that are made from one.
pub const PASSPHRASE_FILE: &str = "HALLPASS_PASSPHRASE_FILE";

/// The keyring that [`VARIABLE`], [`FILE`] or [`COMMAND`] gives; `None` when none of them is set. Blocks while a command runs.
///
/// # Errors
///
/// `key_invalid` when it cannot be read or more than one is set, `key_missing` when the file that is named is not there.
pub fn from_environment() -> Result<Option<Keyring>, Error> {
    let Some(source) = Source::from_environment()? else { return Ok(None) };
    match (source.read()?, source.path()) {
        (None, Some(path)) => {
            Err(Error::new(Kind::KeyMissing, format!("there is no key file {} ({FILE})", path.display())))
        }
        (keyring, _) => Ok(keyring),
    }
}

/// The keyring in a file; `None` when there is no such file.
///
/// # Errors
///
/// `key_invalid` when it cannot be read, or when others than its owner may.
pub fn from_file(path: &Path) -> Result<Option<Keyring>, Error> {
    Source::file(path).read()
}

/// The passphrases in the file that [`PASSPHRASE_FILE`] names, in its order; none when it names none.
///
/// # Errors
///
/// `key_invalid` when it cannot be read, is empty, or others than its owner may read it.
pub fn passphrases() -> Result<Vec<Secret>, Error> {
    source::passphrases_of_the_environment()
}

/// A new key with a new id, as `id:base64`.
///
/// # Errors
///
/// `config_invalid` when the system's generator fails.
pub fn generate() -> Result<Entry, Error> {
    let mut secret = Zeroizing::new([0; 32]);
    random(secret.as_mut())?;
    let id = new_id()?;
    Ok(Entry::new(Keyring::render_key(&id, &secret)?, id))
}

/// A new key with a new id that is made from a passphrase; what it returns holds neither.
///
/// # Errors
///
/// As [`Stretching::entry`].
pub fn from_passphrase(passphrase: &Secret, how: Stretching) -> Result<Entry, Error> {
    let id = new_id()?;
    Ok(Entry::new(Zeroizing::new(how.entry(&id, passphrase)?), id))
}

/// Makes a key and writes it to a new file that only its owner may read, unless the store holds anything: what it holds was
/// sealed with another key.
///
/// # Errors
///
/// `key_missing` when the store holds records, `key_invalid` when the file cannot be written, otherwise the store's. Where
/// another process made the file in the meantime, its key is the one.
pub async fn mint(path: &Path, store: &dyn Store, namespace: &str) -> Result<Keyring, Error> {
    let page = store.list(namespace, None, NonZeroUsize::MIN).await.map_err(|error| from_store(&error))?;
    if !page.entries.is_empty() || !page.damaged.is_empty() {
        let what = format!(
            "there is no key at {}, but the store holds sealed sessions; give their key by {VARIABLE} or a key file",
            path.display()
        );
        return Err(Error::new(Kind::KeyMissing, what));
    }
    let unwritable = |error: &dyn std::fmt::Display| {
        Error::new(Kind::KeyInvalid, format!("the key file {} cannot be written: {error}", path.display()))
    };
    let made = generate()?;
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(|error| unwritable(&error))?;
    }
    place(path, made.id(), made.text()).map_err(|error| unwritable(&error))?;
    match from_file(path)? {
        Some(keyring) => Ok(keyring),
        None => Err(unwritable(&"it is gone again")),
    }
}

/// Puts a key file in place, whole; where another task or process was first, its file stays.
fn place(path: &Path, id: &str, text: &str) -> std::io::Result<()> {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{id}.tmp"));
    let temporary = std::path::PathBuf::from(name);
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    let written = options.open(&temporary).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.write_all(b"\n")?;
        file.sync_all()
    });
    let placed = written.and_then(|()| std::fs::hard_link(&temporary, path));
    // It holds the key, so it may not stay; where it was never made there is nothing to remove.
    drop(std::fs::remove_file(&temporary));
    match placed {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists && path.exists() => Ok(()),
        placed => placed,
    }
}

/// The entries of a keyring's text: lines, in each of them commas between several; lines that begin with `#` are remarks.
fn entries(text: &str) -> impl Iterator<Item = &str> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.flat_map(|line| line.split(',')).map(str::trim)
}

/// The id of an entry.
fn id_of(entry: &str) -> Result<String, Error> {
    match entry.split_once(':') {
        // Refuses what is no id; the key itself is not looked at.
        Some((id, _)) => Keyring::render_key(id, &[0; 32]).map(|_| id.to_owned()),
        None => Err(Error::new(Kind::KeyInvalid, "an entry of the keyring is not `id:base64`")),
    }
}

fn new_id() -> Result<String, Error> {
    let mut id = [0; 4];
    random(&mut id)?;
    Ok(format!("k{:08x}", u32::from_be_bytes(id)))
}

fn random(bytes: &mut [u8]) -> Result<(), Error> {
    getrandom::fill(bytes)
        .map_err(|error| Error::new(Kind::ConfigInvalid, format!("the system's random generator failed: {error}")))
}
