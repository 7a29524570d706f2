//! What time it is on the platform: the machine's time, or one that a test moves by hand.
//!
//! **Invariant:** lifetimes of tokens and sessions are judged by this clock alone. Delays and stalls wait in real time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::error::ClockIsReal;

/// The platform's clock; clones share it.
#[derive(Clone, Debug)]
pub struct Clock(Kind);

#[derive(Clone, Debug)]
enum Kind {
    System { started: Instant, at: u64 },
    Manual(Arc<AtomicU64>),
}

impl Clock {
    /// The machine's time, read once and then carried on by the monotonic clock, so it never goes back.
    pub fn system() -> Self {
        let at = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        Self(Kind::System { started: Instant::now(), at: u64::try_from(at).unwrap_or(u64::MAX) })
    }

    /// A clock that stands still until [`advance`](Self::advance) moves it; it starts at 2026-01-01 00:00 UTC.
    pub fn manual() -> Self {
        Self(Kind::Manual(Arc::new(AtomicU64::new(MANUAL_START))))
    }

    /// Moves a manual clock forward and returns the new time in unix milliseconds.
    pub fn advance(&self, by: Duration) -> Result<u64, ClockIsReal> {
        match &self.0 {
            Kind::System { .. } => Err(ClockIsReal),
            Kind::Manual(at) => {
                let by = millis(by);
                Ok(at.fetch_add(by, Ordering::SeqCst).saturating_add(by))
            }
        }
    }

    /// The time in unix milliseconds.
    pub fn unix_millis(&self) -> u64 {
        match &self.0 {
            Kind::System { started, at } => at.saturating_add(millis(started.elapsed())),
            Kind::Manual(at) => at.load(Ordering::SeqCst),
        }
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::system()
    }
}

pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

const MANUAL_START: u64 = 1_767_225_600_000;
