//! How are files written? Whole or not at all.
//!
//! **Invariant:** until a file is whole, what was there before stays; what is no regular file (a pipe, a device) is written to directly.

use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use hallpass::{Error, Kind};
use tempfile::NamedTempFile;

use crate::commands::unwritable;
use crate::outcome::Failure;

/// A file that appears when it is whole.
#[derive(Debug)]
pub(crate) enum Output {
    /// Under another name in the same folder until then.
    Pending(NamedTempFile, PathBuf),
    /// Not a regular file.
    Direct(File, PathBuf),
}

/// Whether a file that is there may be replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Replaces {
    Yes,
    No,
}

impl Output {
    /// Begins a file for everybody, as the user's mask has it.
    pub(crate) fn begin(path: &Path) -> Result<Self, Failure> {
        let failed = |error: std::io::Error| unwritable(&path.display().to_string(), &error);
        // What a link leads to is replaced, not the link.
        let target = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        match std::fs::metadata(&target) {
            Ok(there) if !there.is_file() => {
                Ok(Self::Direct(File::options().write(true).open(&target).map_err(failed)?, path.to_owned()))
            }
            there => {
                let mut builder = tempfile::Builder::new();
                for_everybody(&mut builder);
                let file = builder.prefix(".hallpass-").tempfile_in(folder_of(&target)).map_err(failed)?;
                if let Ok(there) = there {
                    file.as_file().set_permissions(there.permissions()).map_err(failed)?;
                }
                Ok(Self::Pending(file, target))
            }
        }
    }

    /// Writes a part.
    pub(crate) fn write(&mut self, part: &[u8]) -> std::io::Result<()> {
        match self {
            Self::Pending(file, _) => file.write_all(part),
            Self::Direct(file, _) => file.write_all(part),
        }
    }

    /// Lets it appear.
    pub(crate) fn finish(self) -> Result<(), Failure> {
        match self {
            Self::Pending(file, path) => {
                let persisted = file.persist(&path).map(drop).map_err(|error| error.error);
                persisted.map_err(|error| unwritable(&path.display().to_string(), &error))
            }
            Self::Direct(mut file, path) => {
                file.flush().map_err(|error| unwritable(&path.display().to_string(), &error))
            }
        }
    }

    /// Its name.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Pending(_, path) | Self::Direct(_, path) => path.display().to_string(),
        }
    }
}

/// Writes a file that its owner alone can read.
pub(crate) fn write_secret(path: &Path, content: &[u8], replaces: Replaces) -> Result<(), Failure> {
    // Made with the permissions 0600.
    place(NamedTempFile::new_in(folder_of(path)), path, content, replaces)
}

/// Writes a file for everybody, as the user's mask has it.
pub(crate) fn write_new(path: &Path, content: &[u8], replaces: Replaces) -> Result<(), Failure> {
    let mut builder = tempfile::Builder::new();
    for_everybody(&mut builder);
    place(builder.tempfile_in(folder_of(path)), path, content, replaces)
}

fn place(made: std::io::Result<NamedTempFile>, path: &Path, content: &[u8], replaces: Replaces) -> Result<(), Failure> {
    let failed = |error: &std::io::Error| unwritable(&path.display().to_string(), error);
    let mut file = made.map_err(|error| failed(&error))?;
    file.write_all(content).and_then(|()| file.as_file().sync_all()).map_err(|error| failed(&error))?;
    let persisted = match replaces {
        Replaces::Yes => file.persist(path),
        Replaces::No => file.persist_noclobber(path),
    };
    match persisted {
        Ok(_) => Ok(()),
        Err(error) if error.error.kind() == ErrorKind::AlreadyExists => {
            let what = format!("{} is there already", path.display());
            Err(Failure::from(Error::new(Kind::ConfigInvalid, what)).with_hint("--force replaces it"))
        }
        Err(error) => Err(failed(&error.error)),
    }
}

#[cfg(unix)]
fn for_everybody(builder: &mut tempfile::Builder<'_, '_>) {
    use std::os::unix::fs::PermissionsExt;
    builder.permissions(std::fs::Permissions::from_mode(0o666));
}

#[cfg(not(unix))]
fn for_everybody(_: &mut tempfile::Builder<'_, '_>) {}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}
