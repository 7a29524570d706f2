//! Which cookies make room when there are too many? RFC 6265bis §5.7, by last update instead of last use.
//!
//! **Invariant:** what is dropped follows from the jar's contents alone, so that two processes drop the same.

use std::collections::BTreeMap;

use super::merge::Tombstone;
use super::{Cookie, Jar};
use crate::time::Wall;

/// Cookies of one domain; browsers keep about as many.
pub(super) const MOST_PER_DOMAIN: usize = 180;
/// Cookies of one jar.
pub(super) const MOST: usize = 3000;
/// Deletions that are remembered for merging.
pub(super) const MOST_TOMBSTONES: usize = 256;

impl Jar {
    /// Drops what has expired (remembering it for merging) and what is too much.
    pub(super) fn evict(&mut self, now: Wall) {
        if self.cookies.iter().any(|cookie| cookie.is_expired(now)) {
            let all = std::mem::take(&mut self.cookies);
            let (expired, kept): (Vec<Cookie>, _) = all.into_iter().partition(|cookie| cookie.is_expired(now));
            self.cookies = kept;
            for cookie in expired {
                self.bury(cookie.key, cookie.updated);
            }
        }
        self.tombstones.retain(|tombstone| now.since(tombstone.at) <= Tombstone::LONGEST_LIFE);
        self.fit();
    }

    /// Drops what is too much: cookies that are not Secure first, then those longest not updated.
    pub(super) fn fit(&mut self) {
        if self.cookies.len() > MOST_PER_DOMAIN {
            self.fit_cookies();
        }
        if self.tombstones.len() > MOST_TOMBSTONES {
            self.tombstones.sort_by(|a, b| (b.at, &b.key).cmp(&(a.at, &a.key)));
            self.tombstones.truncate(MOST_TOMBSTONES);
            self.tombstones.sort_by(|a, b| a.key.cmp(&b.key));
        }
    }

    /// One ranking for both limits, so that a cookie dropped for one cannot come back by a merge under the other.
    fn fit_cookies(&mut self) {
        let rank = |at: &usize| {
            let cookie = &self.cookies[*at];
            (cookie.is_secure, cookie.updated, &cookie.key)
        };
        let mut ranked: Vec<usize> = (0..self.cookies.len()).collect();
        ranked.sort_by(|a, b| rank(b).cmp(&rank(a)));
        let mut keeps = vec![false; self.cookies.len()];
        let mut kept = 0;
        let mut kept_of = BTreeMap::<&str, usize>::new();
        for at in ranked {
            let of_domain = kept_of.entry(&self.cookies[at].key.domain).or_default();
            if kept < MOST && *of_domain < MOST_PER_DOMAIN {
                *of_domain += 1;
                kept += 1;
                keeps[at] = true;
            }
        }
        let mut keeps = keeps.into_iter();
        self.cookies.retain(|_| keeps.next().unwrap_or(true));
    }
}
