//! The file store from inside: what a crash or a slow writer leaves behind.

use std::fs::File;
use std::time::{Duration, UNIX_EPOCH};

use super::*;

fn key() -> RecordKey {
    RecordKey::session("app", "example", "alice")
}

fn open() -> (tempfile::TempDir, Folder) {
    let folder = tempfile::tempdir().unwrap();
    let store = FileStore::open(folder.path().join("sessions")).unwrap();
    (folder, Folder::clone(&store.0))
}

fn save(folder: &Folder, expected: Expected) -> Result<Version, StoreError> {
    folder.save(&key(), b"sealed".to_vec(), expected, Expiry::default())
}

fn present(folder: &Folder, version: u64) -> PathBuf {
    folder.root.join(key().digest()).join(version.to_string())
}

fn names(folder: &Folder) -> Vec<String> {
    let entries = fs::read_dir(folder.root.join(key().digest())).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn every_altered_or_cut_file_is_damage_and_never_a_miss() {
    let (_guard, folder) = open();
    save(&folder, Expected::Absent).unwrap();
    let path = present(&folder, 1);
    let whole = fs::read(&path).unwrap();
    for position in 0..whole.len() {
        let mut altered = whole.clone();
        altered[position] ^= 0x10;
        fs::write(&path, &altered).unwrap();
        let error = folder.load(&key()).unwrap_err();
        let newer = position == 4 && matches!(error, StoreError::Unsupported(_));
        assert!(newer || matches!(error, StoreError::Damaged(_)), "byte {position}: {error}");
        fs::write(&path, &whole[..position]).unwrap();
        assert!(matches!(folder.load(&key()), Err(StoreError::Damaged(_))), "cut to {position}");
    }
    fs::write(&path, [&whole[..], b"x"].concat()).unwrap();
    assert!(matches!(folder.load(&key()), Err(StoreError::Damaged(_))));
}

#[test]
fn damage_is_listed_refuses_expectations_and_yields_to_any() {
    let (_guard, folder) = open();
    save(&folder, Expected::Absent).unwrap();
    fs::write(present(&folder, 1), b"HPFR").unwrap();
    let page = folder.list("app", None, NonZeroUsize::MIN).unwrap();
    assert_eq!((page.entries.len(), page.damaged), (0, vec![key().digest()]));
    assert!(matches!(save(&folder, Expected::Absent), Err(StoreError::Damaged(_))));
    assert!(matches!(save(&folder, Expected::Version(Version(1))), Err(StoreError::Damaged(_))));
    assert!(matches!(folder.touch(&key()), Err(StoreError::Damaged(_))));
    assert_eq!(save(&folder, Expected::Any), Ok(Version(2)));
    fs::write(present(&folder, 2), b"").unwrap();
    assert_eq!(folder.remove(&key(), Expected::Any), Ok(Some(Version(2))));
    assert_eq!(folder.load(&key()), Ok(None));
}

#[test]
fn a_file_moved_under_another_key_is_damage() {
    let (_guard, folder) = open();
    save(&folder, Expected::Absent).unwrap();
    let other = RecordKey::session("app", "example", "bob");
    fs::rename(folder.root.join(key().digest()), folder.root.join(other.digest())).unwrap();
    assert!(matches!(folder.load(&other), Err(StoreError::Damaged(_))));
}

#[test]
fn a_format_of_a_newer_release_is_not_overwritten() {
    let (_guard, folder) = open();
    save(&folder, Expected::Absent).unwrap();
    fs::write(present(&folder, 1), b"HPFR\x02and something new").unwrap();
    assert!(matches!(folder.load(&key()), Err(StoreError::Unsupported(_))));
    assert!(matches!(save(&folder, Expected::Any), Err(StoreError::Unsupported(_))));
}

#[test]
fn what_cannot_be_read_is_an_error_and_never_a_miss() {
    let (_guard, folder) = open();
    fs::write(folder.root.join(key().digest()), b"a file where a folder should be").unwrap();
    assert!(matches!(folder.load(&key()), Err(StoreError::Unavailable(_))));
    assert!(matches!(save(&folder, Expected::Any), Err(StoreError::Unavailable(_))));
    assert!(matches!(folder.list("app", None, NonZeroUsize::MIN), Err(StoreError::Unavailable(_))));

    fs::remove_dir_all(&folder.root).or_else(|_| fs::remove_file(&folder.root)).unwrap();
    assert!(matches!(folder.load(&key()), Err(StoreError::Unavailable(_))));
    assert!(matches!(folder.list("app", None, NonZeroUsize::MIN), Err(StoreError::Unavailable(_))));
    fs::write(&folder.root, b"").unwrap();
    assert!(matches!(folder.load(&key()), Err(StoreError::Unavailable(_))));
    assert!(matches!(FileStore::open(&folder.root), Err(StoreError::Unavailable(_))));
}

#[test]
fn a_present_version_that_is_a_folder_is_an_error() {
    let (_guard, folder) = open();
    save(&folder, Expected::Absent).unwrap();
    fs::create_dir(present(&folder, 2)).unwrap();
    assert!(folder.load(&key()).is_err());
}

#[test]
fn a_writer_stopped_until_its_version_was_replaced_and_pruned_is_refused() {
    let (_guard, folder) = open();
    let slot = folder.slot(&key());
    let first = save(&folder, Expected::Absent).unwrap();
    let second = save(&folder, Expected::Version(first)).unwrap();
    let third = save(&folder, Expected::Version(second)).unwrap();
    let content = format::encode(&key(), &Body::Sealed(b"stale".to_vec(), Expiry::default())).unwrap();
    // Looked when the first version was present, and comes only now; the second's name is free again.
    assert!(matches!(slot.place(2, &content, folder.clock.now()), Ok(Placed::Lost)));
    assert_eq!(names(&folder), ["3"]);
    assert_eq!(folder.load(&key()).unwrap().unwrap().version, third);
}

#[test]
fn rubbish_is_ignored_and_only_the_stores_own_is_pruned() {
    let (_guard, folder) = open();
    for version in 1..=3 {
        let expected = if version == 1 { Expected::Absent } else { Expected::Version(Version(version - 1)) };
        save(&folder, expected).unwrap();
    }
    for name in
        ["03", "+9", "9 ", "9007199254740992", "99999999999999999999", "0", "notes.txt", "1", "tmp-old", "tmp-new"]
    {
        fs::write(folder.root.join(key().digest()).join(name), b"rubbish").unwrap();
    }
    fs::write(folder.root.join("README"), b"not a key").unwrap();
    let old = File::options().write(true).open(folder.root.join(key().digest()).join("tmp-old")).unwrap();
    old.set_modified(UNIX_EPOCH + Duration::from_secs(1)).unwrap();
    assert_eq!(save(&folder, Expected::Version(Version(3))), Ok(Version(4)));
    assert_eq!(
        names(&folder),
        ["+9", "0", "03", "4", "9 ", "9007199254740992", "99999999999999999999", "notes.txt", "tmp-new"]
    );
    assert_eq!(folder.list("app", None, NonZeroUsize::MIN).unwrap().entries.len(), 1);
}

#[test]
fn a_key_folder_without_a_version_is_absence() {
    let (_guard, folder) = open();
    fs::create_dir(folder.root.join(key().digest())).unwrap();
    assert_eq!(folder.load(&key()), Ok(None));
    assert_eq!(folder.remove(&key(), Expected::Any), Ok(None));
    assert_eq!(names(&folder), Vec::<String>::new());
    assert_eq!(save(&folder, Expected::Absent), Ok(Version(1)));
}

#[test]
fn versions_that_ran_out_refuse_and_keep_the_record() {
    let (_guard, folder) = open();
    save(&folder, Expected::Absent).unwrap();
    fs::rename(present(&folder, 1), present(&folder, slot::LAST)).unwrap();
    assert!(matches!(save(&folder, Expected::Any), Err(StoreError::Unsupported(_))));
    assert_eq!(folder.load(&key()).unwrap().unwrap().version, Version(slot::LAST));
}

#[cfg(unix)]
#[test]
fn only_the_owner_can_read_folders_and_files() {
    use std::os::unix::fs::PermissionsExt;
    let (_guard, folder) = open();
    save(&folder, Expected::Absent).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&folder.root), 0o700);
    assert_eq!(mode(&folder.root.join(key().digest())), 0o700);
    assert_eq!(mode(&present(&folder, 1)), 0o600);
}

/// What a writer is told that was late to look whether its version stayed, after others saved so often on top of it.
#[cfg(unix)]
fn told_late(others: u64) -> bool {
    let (_guard, folder) = open();
    let slot = folder.slot(&key());
    save(&folder, Expected::Absent).unwrap();
    let content = format::encode(&key(), &Body::Sealed(b"mine".to_vec(), Expiry::default())).unwrap();
    let temporary = slot.write_temporary(&content, folder.clock.now()).unwrap();
    assert!(matches!(slot.link(&temporary, 2), Ok(Placed::Accepted)));
    for version in 2..2 + others {
        assert_eq!(save(&folder, Expected::Version(Version(version))), Ok(Version(version + 1)));
    }
    let placed = slot.settle(&temporary, 2, folder.clock.now()).unwrap();
    assert_eq!(folder.load(&key()).unwrap().unwrap().version, Version(2 + others));
    matches!(placed, Placed::Accepted)
}

#[cfg(unix)]
#[test]
fn a_writer_whose_version_others_built_on_before_it_looked_was_accepted() {
    for others in [0, 1, 2, 7] {
        assert!(told_late(others), "{others} saves later");
    }
}

#[test]
fn what_a_late_writer_linked_is_never_taken_for_the_present_version() {
    let (_guard, folder) = open();
    let slot = folder.slot(&key());
    save(&folder, Expected::Absent).unwrap();
    let content = format::encode(&key(), &Body::Sealed(b"stale".to_vec(), Expiry::default())).unwrap();
    let temporary = slot.write_temporary(&content, folder.clock.now()).unwrap();
    for version in 1..=2 {
        save(&folder, Expected::Version(Version(version))).unwrap();
    }
    assert!(matches!(slot.link(&temporary, 2), Ok(Placed::Accepted)), "the name is free again");
    // Somebody saw the second version in a listing of before, and comes to its name only now.
    assert!(matches!(slot.read(2), Ok(None)));
    assert!(matches!(slot.take_up(2), Ok(None)));
    assert!(matches!(slot.settle(&temporary, 2, folder.clock.now()), Ok(Placed::Lost)));
    assert_eq!(folder.load(&key()).unwrap().unwrap().sealed, b"sealed");
}
