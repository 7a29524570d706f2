//! How is a key file changed? Whole or not at all, by one at a time, and never so that a key is lost by the way.
//!
//! **Invariant:** the file is readable by its owner alone from its first byte on; readers see the old file or the new one, also when the
//! writer is killed or the power fails. Writers wait for each other at `FILE.lock`, which stays and is empty.

use std::fmt;
use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use hallpass_core::error::{Error, Kind};
use zeroize::Zeroizing;

use super::{place, source};

/// One key as a key file holds it: `id:base64`, or how a passphrase becomes one.
#[derive(Clone, PartialEq, Eq)]
pub struct Entry {
    id: String,
    text: Zeroizing<String>,
}

/// A key file that is changed.
#[derive(Clone, Debug)]
pub struct KeyFile {
    path: PathBuf,
}

/// A line of it.
enum Line {
    /// A remark or an empty line, kept as it is.
    Other(Zeroizing<String>),
    Key(Entry),
}

impl Entry {
    pub(super) fn new(text: Zeroizing<String>, id: String) -> Self {
        Self { id, text }
    }

    /// The key's id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The whole entry, which is secret unless it is made from a passphrase.
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl KeyFile {
    /// The key file at a path, whether or not it is there.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Adds a key that opens and does not seal; to a file that is not there yet, as its first and sealing one.
    ///
    /// # Errors
    ///
    /// `key_invalid` when the file holds a key of this id already, or cannot be read or written.
    pub fn add(&self, entry: &Entry) -> Result<(), Error> {
        if let Some(folder) = self.path.parent() {
            std::fs::create_dir_all(folder).map_err(|error| self.unwritable(&error))?;
        }
        let _lock = self.lock()?;
        let Some(mut lines) = self.read()? else {
            place(&self.path, entry.id(), entry.text()).map_err(|error| self.unwritable(&error))?;
            return match self.read()? {
                Some(lines) if keys(&lines).any(|key| key == entry) => Ok(()),
                // Somebody who does not know of the lock was faster: mint.
                _ => Err(self.refuse("was made by somebody else in the meantime")),
            };
        };
        if keys(&lines).any(|key| key.id == entry.id) {
            return Err(self.refuse(&format!("holds a key `{}` already", entry.id)));
        }
        lines.push(Line::Key(entry.clone()));
        self.write(&lines)
    }

    /// Makes a key the sealing one, adding it where it is not there, unless the sealing key is another than `instead_of` by now: then
    /// somebody else has changed it, and theirs stays. The id of the sealing key as it is now.
    ///
    /// # Errors
    ///
    /// `key_invalid` when the file is not there, or cannot be read or written.
    pub fn seal_with(&self, entry: &Entry, instead_of: &str) -> Result<String, Error> {
        let _lock = self.lock()?;
        let mut lines = self.read_existing()?;
        let primary = keys(&lines).next().map(|key| key.id.clone()).unwrap_or_default();
        if primary != instead_of {
            return Ok(primary);
        }
        lines.retain(|line| !matches!(line, Line::Key(key) if key.id == entry.id));
        let first = lines.iter().position(|line| matches!(line, Line::Key(_))).unwrap_or(lines.len());
        lines.insert(first, Line::Key(entry.clone()));
        self.write(&lines)?;
        Ok(entry.id.clone())
    }

    /// Makes a key that is in the file the sealing one.
    ///
    /// # Errors
    ///
    /// `key_unknown` when it is not in the file; `key_invalid` when that cannot be read or written.
    pub fn promote(&self, id: &str) -> Result<(), Error> {
        let _lock = self.lock()?;
        let mut lines = self.read_existing()?;
        let Some(at) = position(&lines, id) else { return Err(self.unknown(id)) };
        let first = lines.iter().position(|line| matches!(line, Line::Key(_))).unwrap_or(at);
        if first == at {
            return Ok(());
        }
        let line = lines.remove(at);
        lines.insert(first, line);
        self.write(&lines)
    }

    /// Takes a key out of the file. Whether a record still needs it is for the caller to know: see [`census`](super::census).
    ///
    /// # Errors
    ///
    /// `key_unknown` when it is not in the file, `key_invalid` for the sealing key, and when the file cannot be read or written.
    pub fn retire(&self, id: &str) -> Result<(), Error> {
        let _lock = self.lock()?;
        let mut lines = self.read_existing()?;
        let Some(at) = position(&lines, id) else { return Err(self.unknown(id)) };
        if keys(&lines).next().is_some_and(|primary| primary.id == id) {
            return Err(self.refuse(&format!("seals with `{id}`; make another key the sealing one first")));
        }
        lines.remove(at);
        self.write(&lines)
    }

    /// The entries, the sealing one first; `None` when there is no file.
    ///
    /// # Errors
    ///
    /// `key_invalid` when it cannot be read.
    pub fn entries(&self) -> Result<Option<Vec<Entry>>, Error> {
        Ok(self.read()?.map(|lines| keys(&lines).cloned().collect()))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn read(&self) -> Result<Option<Vec<Line>>, Error> {
        let Some(text) = source::read_private(&self.path, "key file")? else { return Ok(None) };
        let mut lines = Vec::new();
        for line in text.lines() {
            let trimmed = line.trim();
            if trimmed.is_empty() || trimmed.starts_with('#') {
                lines.push(Line::Other(Zeroizing::new(line.to_owned())));
                continue;
            }
            for entry in super::entries(line) {
                lines.push(Line::Key(Entry::new(Zeroizing::new(entry.to_owned()), super::id_of(entry)?)));
            }
        }
        Ok(Some(lines))
    }

    fn read_existing(&self) -> Result<Vec<Line>, Error> {
        self.read()?
            .ok_or_else(|| Error::new(Kind::KeyMissing, format!("there is no key file {}", self.path.display())))
    }

    fn write(&self, lines: &[Line]) -> Result<(), Error> {
        let texts = || lines.iter().map(Line::text);
        let mut content = Zeroizing::new(String::with_capacity(texts().map(|text| text.len() + 1).sum()));
        for text in texts() {
            content.push_str(text);
            content.push('\n');
        }
        // What a link leads to is replaced, not the link.
        let target = std::fs::canonicalize(&self.path).map_err(|error| self.unwritable(&error))?;
        replace(&target, content.as_bytes()).map_err(|error| self.unwritable(&error))
    }

    /// Held until it is dropped, or its process ends.
    fn lock(&self) -> Result<File, Error> {
        let lock = private_file().truncate(false).create(true).open(beside(&self.path, ".lock"));
        let lock = lock.map_err(|error| self.unwritable(&error))?;
        lock.lock().map_err(|error| self.unwritable(&error))?;
        Ok(lock)
    }

    fn unknown(&self, id: &str) -> Error {
        Error::new(Kind::KeyUnknown, format!("the key file {} holds no key `{id}`", self.path.display()))
    }

    fn refuse(&self, how: &str) -> Error {
        Error::new(Kind::KeyInvalid, format!("the key file {} {how}", self.path.display()))
    }

    fn unwritable(&self, error: &std::io::Error) -> Error {
        self.refuse(&format!("cannot be written: {error}"))
    }
}

impl Line {
    fn text(&self) -> &str {
        match self {
            Self::Other(text) => text,
            Self::Key(entry) => entry.text(),
        }
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry").field("id", &self.id).finish_non_exhaustive()
    }
}

fn keys(lines: &[Line]) -> impl Iterator<Item = &Entry> {
    lines.iter().filter_map(|line| match line {
        Line::Key(entry) => Some(entry),
        Line::Other(_) => None,
    })
}

fn position(lines: &[Line], id: &str) -> Option<usize> {
    lines.iter().position(|line| matches!(line, Line::Key(key) if key.id == id))
}

/// Replaces a file by a new one, whole. Only one writer at a time comes here, so what a killed one left is taken over.
fn replace(target: &Path, content: &[u8]) -> std::io::Result<()> {
    let temporary = beside(target, ".new");
    match std::fs::remove_file(&temporary) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let written = private_file().create_new(true).open(&temporary).and_then(|mut file| {
        file.write_all(content)?;
        file.sync_all()
    });
    let placed = written.and_then(|()| std::fs::rename(&temporary, target));
    if placed.is_err() {
        // It holds keys, so it may not stay.
        drop(std::fs::remove_file(&temporary));
    }
    placed?;
    #[cfg(unix)]
    if let Some(folder) = target.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}

fn private_file() -> std::fs::OpenOptions {
    let mut options = File::options();
    options.write(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    options
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}
