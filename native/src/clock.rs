//! What time is it? The one place in this crate that reads clocks for the core.

use std::time::{SystemTime, UNIX_EPOCH};

use hallpass_core::time::{Mono, Now, Wall};
use tokio::time::Instant;

/// Reads both clocks together.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    origin: Instant,
    /// Where civil time starts when it follows the monotonic clock (tests with paused time); the system's when absent.
    #[cfg_attr(not(feature = "testing"), expect(dead_code, reason = "only tests pause time"))]
    civil: Option<Wall>,
}

impl Clock {
    /// The system's clocks.
    pub(crate) fn system() -> Self {
        Self { origin: Instant::now(), civil: None }
    }

    /// A clock whose civil time starts at `wall` now and follows tokio's, paused or not.
    #[cfg(feature = "testing")]
    pub(crate) fn starting_at(wall: Wall) -> Self {
        Self { origin: Instant::now(), civil: Some(wall) }
    }

    pub(crate) fn now(&self) -> Now {
        let elapsed = Instant::now().saturating_duration_since(self.origin);
        let mono = Mono::from_nanos(nanos(elapsed));
        #[cfg(feature = "testing")]
        if let Some(start) = self.civil {
            return Now::new(mono, start + elapsed);
        }
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Now::new(mono, Wall::from_millis((since.as_secs() * 1_000).cast_signed() + i64::from(since.subsec_millis())))
    }

    /// The runtime's own form of a moment.
    pub(crate) fn instant(&self, at: Mono) -> Instant {
        let after = std::time::Duration::from_nanos(at.as_nanos());
        self.origin.checked_add(after).unwrap_or_else(|| self.origin + std::time::Duration::from_secs(86_400 * 365))
    }
}

/// In 64 bits, which last for five centuries after a start.
fn nanos(elapsed: std::time::Duration) -> u64 {
    elapsed.as_secs().saturating_mul(1_000_000_000).saturating_add(u64::from(elapsed.subsec_nanos()))
}
