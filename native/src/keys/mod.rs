//! Where do keys come from? The environment, a file that only its owner reads, or a new one where nothing is sealed yet.

use std::io::Write;
use std::num::NonZeroUsize;
use std::path::Path;

use hallpass_core::envelope::Keyring;
use hallpass_core::error::{Error, Kind};
use zeroize::Zeroizing;

use crate::client::from_store;
use crate::store::Store;

/// The environment variable that holds a keyring, as `id:base64` of 32 bytes, commas between several.
pub const VARIABLE: &str = "HALLPASS_KEY";

/// The keyring in [`VARIABLE`]; `None` when it is not set or empty.
///
/// # Errors
///
/// `key_invalid` when it cannot be read.
pub fn from_environment() -> Result<Option<Keyring>, Error> {
    match std::env::var(VARIABLE) {
        Ok(text) if text.trim().is_empty() => Ok(None),
        Ok(text) => Keyring::parse(Zeroizing::new(text).trim()).map(Some),
        Err(std::env::VarError::NotPresent) => Ok(None),
        Err(std::env::VarError::NotUnicode(_)) => Err(Error::new(Kind::KeyInvalid, format!("{VARIABLE} is not text"))),
    }
}

/// The keyring in a file; `None` when there is no such file.
///
/// # Errors
///
/// `key_invalid` when it cannot be read, or when others than its owner may.
pub fn from_file(path: &Path) -> Result<Option<Keyring>, Error> {
    let shown = path.display();
    let text = match std::fs::read_to_string(path) {
        Ok(text) => Zeroizing::new(text),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => {
            return Err(Error::new(Kind::KeyInvalid, format!("the key file {shown} cannot be read: {error}")));
        }
    };
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(path).map_or(0, |meta| meta.permissions().mode());
        if mode & 0o077 != 0 {
            let what =
                format!("the key file {shown} can be read by others (mode {:o}); run `chmod 600` on it", mode & 0o777);
            return Err(Error::new(Kind::KeyInvalid, what));
        }
    }
    let text = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .collect::<Vec<_>>()
        .join(",");
    Keyring::parse(&Zeroizing::new(text)).map(Some)
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
    let mut secret = Zeroizing::new([0; 32]);
    getrandom::fill(secret.as_mut()).map_err(|error| unwritable(&error))?;
    let mut id = [0; 4];
    getrandom::fill(&mut id).map_err(|error| unwritable(&error))?;
    let id = format!("k{:08x}", u32::from_be_bytes(id));
    let text = Keyring::render_key(&id, &secret)?;
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(|error| unwritable(&error))?;
    }
    place(path, &id, &text).map_err(|error| unwritable(&error))?;
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
