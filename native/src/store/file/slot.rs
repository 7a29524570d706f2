//! One key's folder: which version is present, and how the next one takes its place.
//!
//! **Invariant:** the file of the present (highest) version is never removed, so a reader always finds the old record or the
//! new one, whole. The steps and the reasons for them are in `docs/file-store.md`.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hallpass_core::time::Wall;

use super::super::{RecordKey, StoreError, clock};
use super::format::{self, Body};
use super::lease;

/// The folder of one key.
pub(super) struct Slot {
    root: PathBuf,
    digest: String,
}

/// One version's file, read.
pub(super) struct Found {
    pub(super) key: RecordKey,
    pub(super) body: Body,
    pub(super) modified: Wall,
}

/// What became of an attempt to put a version in place.
pub(super) enum Placed {
    Accepted,
    /// Another writer was first; nothing changed.
    Lost,
}

/// The names of a key's folder.
#[derive(Default)]
pub(super) struct Scan {
    versions: Vec<u64>,
    pub(super) leases: Vec<u64>,
    temporary: Vec<PathBuf>,
}

impl Slot {
    pub(super) fn new(root: &Path, digest: String) -> Self {
        Self { root: root.to_owned(), digest }
    }

    /// The present version; 0 where the key was never saved.
    pub(super) fn present(&self) -> Result<u64, StoreError> {
        for _ in 0..2 {
            if let Some(version) = self.scan()?.versions.into_iter().max() {
                return Ok(version);
            }
        }
        Ok(0)
    }

    /// Reads the present version's file; `None` when another took its place meanwhile.
    pub(super) fn read(&self, version: u64) -> Result<Option<Found>, StoreError> {
        self.open(version)?.map(|(file, bytes)| self.decode(version, &file, &bytes)).transpose()
    }

    /// Reads the present version's file in order to replace it, and marks it, so that its writer knows that it was present.
    pub(super) fn take_up(&self, version: u64) -> Result<Option<Found>, StoreError> {
        let opened = self.open(version)?;
        if let Some((file, _)) = &opened {
            mark(file);
        }
        opened.map(|(file, bytes)| self.decode(version, &file, &bytes)).transpose()
    }

    fn open(&self, version: u64) -> Result<Option<(File, Vec<u8>)>, StoreError> {
        let path = self.path(version);
        let failed = |error| unavailable("reading", &path, &error);
        let mut file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(error)),
        };
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(failed)?;
        // Where a higher one is there by now, this file may be one that a late writer has linked and nobody should see.
        Ok((self.present()? == version).then_some((file, bytes)))
    }

    fn decode(&self, version: u64, file: &File, bytes: &[u8]) -> Result<Found, StoreError> {
        let path = self.path(version);
        let modified = file.metadata().and_then(|metadata| metadata.modified());
        let modified = modified.map_err(|error| unavailable("reading", &path, &error))?;
        let (key, body) = format::decode(bytes).map_err(|error| at(error, &path))?;
        if key.digest() != self.digest {
            return Err(at(StoreError::Damaged("it holds another record's key".to_owned()), &path));
        }
        Ok(Found { key, body, modified: clock::wall(modified) })
    }

    /// Puts a version in place whose predecessor was seen to be the present one.
    pub(super) fn place(&self, version: u64, content: &[u8], now: Wall) -> Result<Placed, StoreError> {
        self.create()?;
        let temporary = self.write_temporary(content, now)?;
        let placed = match self.link(&temporary, version) {
            Ok(Placed::Accepted) => self.settle(&temporary, version, now),
            lost @ (Ok(Placed::Lost) | Err(_)) => lost,
        };
        // A second name of the accepted file, or of one that nobody can find: losing it costs a prune at worst.
        drop(fs::remove_file(&temporary));
        placed
    }

    /// Begins the idle time anew; `false` when the file is gone, because a higher version took its place.
    pub(super) fn touch(&self, version: u64, now: Wall) -> Result<bool, StoreError> {
        let path = self.path(version);
        let touched = File::options().write(true).open(&path).and_then(|file| file.set_modified(system(now)));
        match touched {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(unavailable("touching", &path, &error)),
        }
    }

    pub(super) fn link(&self, temporary: &Path, version: u64) -> Result<Placed, StoreError> {
        let path = self.path(version);
        match fs::hard_link(temporary, &path) {
            Ok(()) => Ok(Placed::Accepted),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(Placed::Lost),
            Err(error) => Err(unavailable("saving", &path, &error)),
        }
    }

    /// Decides whether what was linked came in time: it did where it was the present version for however short a while.
    pub(super) fn settle(&self, temporary: &Path, version: u64, now: Wall) -> Result<Placed, StoreError> {
        let scan = self.scan()?;
        if scan.versions.iter().any(|other| *other > version) && !is_marked(temporary) {
            drop(fs::remove_file(self.path(version)));
            return Ok(Placed::Lost);
        }
        sync_folder(&self.folder())?;
        if version == 1 {
            sync_folder(&self.root)?;
        }
        self.prune(&scan, version, now);
        Ok(Placed::Accepted)
    }

    /// Removes what was replaced, and what killed writers left. Failing to is no failure of the save.
    fn prune(&self, scan: &Scan, version: u64, now: Wall) {
        for lower in scan.versions.iter().filter(|lower| **lower < version) {
            drop(fs::remove_file(self.path(*lower)));
        }
        scan.prune_temporary(now);
    }

    pub(super) fn scan(&self) -> Result<Scan, StoreError> {
        let folder = self.folder();
        let failed = |error| unavailable("listing", &folder, &error);
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                // A key without a folder was never saved, but only where the store itself is there.
                fs::metadata(&self.root).map_err(|error| unavailable("finding", &self.root, &error))?;
                return Ok(Scan::default());
            }
            Err(error) => return Err(failed(error)),
        };
        let mut scan = Scan::default();
        for entry in entries {
            let entry = entry.map_err(failed)?;
            let name = entry.file_name();
            let Some(name) = name.to_str() else { continue };
            if name.starts_with(TEMPORARY) {
                scan.temporary.push(entry.path());
            } else if let Some(version) = read_version(name) {
                scan.versions.push(version);
            } else if let Some(number) = name.strip_prefix(lease::LEASE).and_then(read_version) {
                scan.leases.push(number);
            }
        }
        Ok(scan)
    }

    pub(super) fn create(&self) -> Result<(), StoreError> {
        let folder = self.folder();
        match private_folder().create(&folder) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(unavailable("creating", &folder, &error)),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    pub(super) fn write_temporary(&self, content: &[u8], now: Wall) -> Result<PathBuf, StoreError> {
        let (path, mut file) = self.create_temporary()?;
        let written =
            file.write_all(content).and_then(|()| file.set_modified(system(now))).and_then(|()| file.sync_all());
        written.map(|()| path.clone()).map_err(|error| {
            drop(fs::remove_file(&path));
            unavailable("writing", &path, &error)
        })
    }

    pub(super) fn create_temporary(&self) -> Result<(PathBuf, File), StoreError> {
        loop {
            let unique = NEXT.fetch_add(1, Ordering::Relaxed);
            let path = self.folder().join(format!("{TEMPORARY}{}-{unique}", process::id()));
            match private_file().open(&path) {
                Ok(file) => return Ok((path, file)),
                // Left by a killed process that had this one's number.
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(unavailable("creating", &path, &error)),
            }
        }
    }

    pub(super) fn folder(&self) -> PathBuf {
        self.root.join(&self.digest)
    }

    fn path(&self, version: u64) -> PathBuf {
        self.folder().join(version.to_string())
    }
}

impl Scan {
    /// Removes the files of those that were killed while they wrote. Failing to is no failure.
    pub(super) fn prune_temporary(&self, now: Wall) {
        for path in &self.temporary {
            let modified = fs::metadata(path).and_then(|metadata| metadata.modified());
            if modified.is_ok_and(|modified| now.since(clock::wall(modified)) > ABANDONED) {
                drop(fs::remove_file(path));
            }
        }
    }
}

/// An error of the file system, told with what was being done.
pub(super) fn unavailable(doing: &str, path: &Path, error: &io::Error) -> StoreError {
    StoreError::Unavailable(format!("{doing} {}: {error}", path.display()))
}

/// Creates folders that only their owner can enter.
pub(super) fn private_folder() -> fs::DirBuilder {
    #[cfg_attr(not(unix), expect(unused_mut, reason = "only Unix has modes"))]
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
}

fn private_file() -> fs::OpenOptions {
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Tells the writer of a file that it was the present version; without the mark it may believe that it came too late.
fn mark(file: &File) {
    #[cfg(unix)]
    drop(file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o700)));
    #[cfg(not(unix))]
    let _ = file;
}

fn is_marked(path: &Path) -> bool {
    #[cfg(unix)]
    let is_marked = |metadata: fs::Metadata| std::os::unix::fs::MetadataExt::mode(&metadata) & 0o100 != 0;
    #[cfg(not(unix))]
    let is_marked = |_: fs::Metadata| false;
    fs::metadata(path).is_ok_and(is_marked)
}

/// Makes a folder's names survive a power failure; Windows has no such call, and journals them.
fn sync_folder(path: &Path) -> Result<(), StoreError> {
    if cfg!(not(unix)) {
        return Ok(());
    }
    File::open(path).and_then(|folder| folder.sync_all()).map_err(|error| unavailable("syncing", path, &error))
}

/// Reads a version or the number of a lease: decimal, no leading zero, within what JavaScript counts exactly.
fn read_version(name: &str) -> Option<u64> {
    let plain = name.bytes().all(|byte| byte.is_ascii_digit()) && !name.starts_with('0');
    name.parse().ok().filter(|version| plain && *version <= LAST)
}

/// A civil time as the file system takes it.
pub(super) fn system(wall: Wall) -> SystemTime {
    let millis = wall.as_millis();
    let distance = Duration::from_millis(millis.unsigned_abs());
    let time = if millis < 0 { UNIX_EPOCH.checked_sub(distance) } else { UNIX_EPOCH.checked_add(distance) };
    time.unwrap_or(UNIX_EPOCH)
}

fn at(error: StoreError, path: &Path) -> StoreError {
    match error {
        StoreError::Damaged(how) => StoreError::Damaged(format!("{how} ({})", path.display())),
        StoreError::Unsupported(how) => StoreError::Unsupported(format!("{how} ({})", path.display())),
        other => other,
    }
}

/// The last version that a key can have, and its last lease: what JavaScript still counts exactly.
pub(super) const LAST: u64 = (1 << 53) - 1;
const TEMPORARY: &str = "tmp-";
/// After this long a temporary file's writer is dead.
const ABANDONED: Duration = Duration::from_secs(3600);
static NEXT: AtomicU64 = AtomicU64::new(0);
