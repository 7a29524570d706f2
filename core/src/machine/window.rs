//! When a token is renewed ahead of its end: the mandatory window and the advisory one before it.

use std::time::Duration;

use crate::platform::ExpirySource;
use crate::time::Wall;

/// How long before a token's end each window begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Windows {
    /// Calls wait for the renewal.
    pub(super) mandatory: Duration,
    /// Calls go on with the present token while one renewal runs.
    pub(super) advisory: Duration,
}

/// Where a moment lies relative to a token's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Freshness {
    Fresh,
    Advisory,
    Mandatory,
    Ended,
}

/// When a token was issued and when it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Life {
    pub(super) issued: Wall,
    pub(super) ends: Wall,
    /// What told.
    pub(super) from: ExpirySource,
}

impl Windows {
    /// Mandatory: min(60 s, lifetime / 10). Advisory: min(table, lifetime / 5), where the table says 5 min for lifetimes up
    /// to 20 min, 15 min below 90 min, 60 min otherwise.
    pub(super) fn of(lifetime: Duration) -> Self {
        const MINUTE: Duration = Duration::from_secs(60);
        let table = if lifetime <= 20 * MINUTE {
            5 * MINUTE
        } else if lifetime < 90 * MINUTE {
            15 * MINUTE
        } else {
            60 * MINUTE
        };
        Self { mandatory: MINUTE.min(lifetime / 10), advisory: table.min(lifetime / 5) }
    }
}

impl Life {
    pub(super) fn windows(self) -> Windows {
        Windows::of(self.ends.since(self.issued))
    }

    pub(super) fn left(self, now: Wall) -> Duration {
        self.ends.since(now)
    }

    pub(super) fn freshness(self, now: Wall) -> Freshness {
        let left = self.left(now);
        let windows = self.windows();
        if left.is_zero() && self.from == ExpirySource::Jwt {
            // Read, not trusted: it is renewed if it can be, and goes on until the platform refuses it.
            Freshness::Mandatory
        } else if left.is_zero() {
            Freshness::Ended
        } else if left <= windows.mandatory {
            Freshness::Mandatory
        } else if left <= windows.advisory {
            Freshness::Advisory
        } else {
            Freshness::Fresh
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_follow_the_table_by_lifetime() {
        let of = |secs| {
            let windows = Windows::of(Duration::from_secs(secs));
            (windows.mandatory.as_secs_f64(), windows.advisory.as_secs_f64())
        };
        assert_eq!(of(5), (0.5, 1.0));
        assert_eq!(of(20 * 60), (60.0, 240.0));
        assert_eq!(of(60 * 60), (60.0, 720.0));
        assert_eq!(of(100 * 60), (60.0, 1200.0));
        assert_eq!(of(24 * 60 * 60), (60.0, 3600.0));
    }
}
