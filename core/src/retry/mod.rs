//! Whether, and after how long, an attempt is made again.
//!
//! Three questions, a file each: whose fault it was and whether repeating is safe ([`classify`]), how long to wait when
//! nobody says ([`backoff`]), and how long the server asks to wait ([`after`]). What
//! comes of the last two is [`wait`]. How many retries an origin may see is
//! [`limit`](crate::limit)'s question; counting attempts and deadlines is the call's own.

pub mod after;
pub mod backoff;
pub mod classify;

use std::time::Duration;

pub use after::retry_after;
pub use backoff::delay;
pub use classify::{Classified, Repeat, Safety, safety};

/// How long to wait before the next attempt: never shorter than the server asks, and longer by a jitter then, so that a burst
/// does not come back as one.
#[must_use]
pub fn wait(asked: Option<Duration>, backoff: Duration) -> Duration {
    asked.map_or(backoff, |asked| asked.saturating_add(backoff / 4))
}
