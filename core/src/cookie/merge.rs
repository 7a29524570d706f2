//! Which cookies remain when two jars of one session meet? Per cookie the later update, deletions counted as updates.
//!
//! **Invariant:** merging is commutative and idempotent, and never brings back what one side knows to be deleted.

use std::cmp::Ordering;
use std::time::Duration;

use super::{Cookie, Jar, Key};
use crate::time::Wall;

/// The memory of a deletion.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Tombstone {
    pub(super) key: Key,
    pub(super) at: Wall,
}

impl Tombstone {
    /// Processes that share a session meet far more often than this.
    pub(super) const LONGEST_LIFE: Duration = Duration::from_secs(7 * 24 * 60 * 60);
}

impl Jar {
    /// Takes from `other` every cookie and deletion that is newer than its own.
    ///
    /// Of two updates in one millisecond a deletion wins, then the greater content: both sides choose alike. The receiver's
    /// public suffix list stays.
    pub fn merge(&mut self, other: &Self) {
        for tombstone in &other.tombstones {
            let held = self.cookies.iter().position(|cookie| cookie.key == tombstone.key);
            match held {
                Some(at) if self.cookies[at].updated > tombstone.at => {}
                Some(at) => {
                    self.cookies.remove(at);
                    self.bury(tombstone.key.clone(), tombstone.at);
                }
                None => self.bury(tombstone.key.clone(), tombstone.at),
            }
        }
        for cookie in &other.cookies {
            if let Ok(at) = self.grave(&cookie.key) {
                if self.tombstones[at].at >= cookie.updated {
                    continue;
                }
                self.tombstones.remove(at);
            }
            match self.cookies.iter().position(|held| held.key == cookie.key) {
                Some(at) if self.cookies[at].precedence(cookie).is_ge() => {}
                Some(at) => {
                    self.cookies.remove(at);
                    self.insert(cookie.clone());
                }
                None => self.insert(cookie.clone()),
            }
        }
        self.next_seq = self.next_seq.max(other.next_seq);
        self.fit();
    }

    /// Remembers the deletion of `key`; tombstones stand in the order of their keys, one for each.
    pub(super) fn bury(&mut self, key: Key, at: Wall) {
        match self.grave(&key) {
            Ok(index) => self.tombstones[index].at = self.tombstones[index].at.max(at),
            Err(index) => self.tombstones.insert(index, Tombstone { key, at }),
        }
    }

    fn grave(&self, key: &Key) -> Result<usize, usize> {
        self.tombstones.binary_search_by(|tombstone| tombstone.key.cmp(key))
    }
}

impl Cookie {
    /// A total order on all that a cookie of one key can be; the later update is the greater.
    fn precedence(&self, other: &Self) -> Ordering {
        let rank = |cookie: &Self| {
            (
                cookie.updated,
                cookie.expires,
                cookie.is_secure,
                cookie.is_http_only,
                cookie.same_site,
                cookie.created,
                cookie.seq,
            )
        };
        rank(self).cmp(&rank(other)).then_with(|| self.value.cmp(&other.value))
    }
}
