//! One key's leases: empty files whose modification time is the moment when the lease ends.
//!
//! **Invariant:** the file of the highest lease is never removed, so numbers only grow, and of those that saw the same lease end
//! `link(2)` lets one take the next. The steps and the reasons for them are in `docs/file-store.md`.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::PathBuf;
use std::time::Duration;

use hallpass_core::time::Wall;

use super::super::{StoreError, WallClock, clock, is_held, until};
use super::slot::{self, LAST, Slot};

impl Slot {
    /// Takes the lease for a time that begins now; `None` when somebody else holds it.
    pub(super) fn lease(&self, hold: Duration, clock: &WallClock) -> Result<Option<u64>, StoreError> {
        let highest = self.highest_lease()?;
        // After the look: whoever took what was seen has read its clock before.
        let now = clock.now();
        let number = match highest {
            Some((_, end)) if is_held(end, now) => return Ok(None),
            Some((LAST, _)) => {
                return Err(StoreError::Unsupported("this key was leased as often as numbers can count".to_owned()));
            }
            Some((number, _)) => number + 1,
            None => 1,
        };
        let taken = self.take_lease(number, until(now, hold), clock)?;
        Ok(taken.then_some(number))
    }

    /// Takes the lease of this number, whose predecessor was seen to be over; `false` when others were faster.
    pub(super) fn take_lease(&self, number: u64, end: Wall, clock: &WallClock) -> Result<bool, StoreError> {
        self.create()?;
        let (temporary, file) = self.create_temporary()?;
        let placed = file
            .set_modified(slot::system(end))
            .and_then(|()| match fs::hard_link(&temporary, self.lease_path(number)) {
                Ok(()) => Ok(true),
                Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
                Err(error) => Err(error),
            })
            .map_err(|error| slot::unavailable("leasing", &self.lease_path(number), &error));
        // A second name of the lease's file, or of one that nobody can find.
        drop(fs::remove_file(&temporary));
        if !placed? {
            return Ok(false);
        }
        let scan = self.scan()?;
        if scan.leases.iter().any(|other| *other > number) {
            drop(fs::remove_file(self.lease_path(number)));
            return Ok(false);
        }
        for lower in scan.leases.iter().filter(|lower| **lower < number) {
            drop(fs::remove_file(self.lease_path(*lower)));
        }
        let now = clock.now();
        scan.prune_temporary(now);
        Ok(is_held(end, now))
    }

    /// Ends a lease now, if it is the highest and has not ended by itself; whether it was.
    pub(super) fn release(&self, number: u64, clock: &WallClock) -> Result<bool, StoreError> {
        match self.highest_lease()? {
            Some((highest, end)) if highest == number && is_held(end, clock.now()) => self.end_lease(number),
            Some(_) | None => Ok(false),
        }
    }

    fn end_lease(&self, number: u64) -> Result<bool, StoreError> {
        let path = self.lease_path(number);
        let ended = File::options().write(true).open(&path).and_then(|file| file.set_modified(slot::system(OVER)));
        match ended {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(slot::unavailable("releasing", &path, &error)),
        }
    }

    /// The highest lease and when it ends.
    fn highest_lease(&self) -> Result<Option<(u64, Wall)>, StoreError> {
        super::settle(|| {
            let Some(number) = self.scan()?.leases.into_iter().max() else { return Ok(Some(None)) };
            let path = self.lease_path(number);
            match fs::metadata(&path).and_then(|metadata| metadata.modified()) {
                Ok(end) => Ok(Some(Some((number, clock::wall(end))))),
                Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
                Err(error) => Err(slot::unavailable("reading", &path, &error)),
            }
        })
    }

    fn lease_path(&self, number: u64) -> PathBuf {
        self.folder().join(format!("{LEASE}{number}"))
    }
}

/// What the names of leases begin with.
pub(super) const LEASE: &str = "lease-";
/// The end of a lease that was let go.
const OVER: Wall = Wall::from_millis(0);

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicI64, Ordering};

    use super::super::super::{LONGEST_HOLD, RecordKey};
    use super::*;

    const HOLD: Duration = Duration::from_secs(30);

    fn open() -> (tempfile::TempDir, Slot, Arc<AtomicI64>, WallClock) {
        let folder = tempfile::tempdir().unwrap();
        let slot = Slot::new(folder.path(), RecordKey::session("app", "example", "alice").digest());
        let millis = Arc::new(AtomicI64::new(1_767_225_600_000));
        let read = Arc::clone(&millis);
        (folder, slot, millis, WallClock::new(move || Wall::from_millis(read.load(Ordering::SeqCst))))
    }

    fn names(folder: &Path) -> Vec<String> {
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn leases_leave_one_file_whose_time_is_their_end() {
        let (_guard, slot, millis, clock) = open();
        for number in 1..=10 {
            assert_eq!(slot.lease(HOLD, &clock), Ok(Some(number)));
            assert_eq!(names(&slot.folder()), [format!("lease-{number}")]);
            let end = fs::metadata(slot.lease_path(number)).unwrap().modified().unwrap();
            assert_eq!(clock::wall(end), clock.now() + HOLD);
            millis.fetch_add(30_000, Ordering::SeqCst);
        }
        slot.lease(HOLD, &clock).unwrap();
        assert_eq!(slot.release(11, &clock), Ok(true));
        assert_eq!(clock::wall(fs::metadata(slot.lease_path(11)).unwrap().modified().unwrap()), OVER);
    }

    #[test]
    fn a_taker_stopped_until_its_number_was_taken_and_pruned_gets_nothing_and_takes_nothing() {
        let (_guard, slot, millis, clock) = open();
        for _ in 0..3 {
            slot.lease(HOLD, &clock).unwrap().unwrap();
            millis.fetch_add(30_000, Ordering::SeqCst);
        }
        let fourth = slot.lease(HOLD, &clock).unwrap().unwrap();
        // Saw the second end, and comes only now; the third's name is free again.
        assert_eq!(slot.take_lease(3, clock.now() + HOLD, &clock), Ok(false));
        assert_eq!(names(&slot.folder()), ["lease-4"]);
        assert_eq!(slot.release(fourth, &clock), Ok(true));
    }

    #[test]
    fn a_taker_stopped_past_the_end_of_what_it_took_gets_nothing() {
        let (_guard, slot, millis, clock) = open();
        let end = clock.now() + HOLD;
        millis.fetch_add(30_000, Ordering::SeqCst);
        assert_eq!(slot.take_lease(1, end, &clock), Ok(false));
        assert_eq!(slot.lease(HOLD, &clock), Ok(Some(2)), "and nobody else waits for it");
    }

    #[test]
    fn a_hold_is_cut_to_the_longest_and_an_end_beyond_it_holds_nobody_up() {
        let (_guard, slot, millis, clock) = open();
        slot.lease(Duration::MAX, &clock).unwrap().unwrap();
        let end = clock::wall(fs::metadata(slot.lease_path(1)).unwrap().modified().unwrap());
        assert_eq!(end, clock.now() + LONGEST_HOLD);
        assert_eq!(slot.lease(HOLD, &clock), Ok(None));
        millis.fetch_sub(60_000, Ordering::SeqCst);
        assert_eq!(slot.lease(HOLD, &clock), Ok(None), "clocks differ a little");
        millis.fetch_sub(1, Ordering::SeqCst);
        assert_eq!(slot.release(1, &clock), Ok(false));
        assert_eq!(slot.lease(HOLD, &clock), Ok(Some(2)), "the clock was set back");
    }

    #[test]
    fn only_the_stores_own_names_are_leases() {
        let (_guard, slot, _millis, clock) = open();
        slot.create().unwrap();
        for name in ["lease-", "lease-07", "lease-x", "lease-9007199254740992", "leases"] {
            fs::write(slot.folder().join(name), b"rubbish").unwrap();
        }
        assert_eq!(slot.lease(HOLD, &clock), Ok(Some(1)));
        assert_eq!(names(&slot.folder()).len(), 6);
        fs::rename(slot.lease_path(1), slot.lease_path(LAST)).unwrap();
        assert_eq!(slot.release(LAST, &clock), Ok(true));
        assert!(matches!(slot.lease(HOLD, &clock), Err(StoreError::Unsupported(_))), "numbers ran out");
    }
}
