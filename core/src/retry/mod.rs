//! Whether, and after how long, an attempt is made again.
//!
//! Three questions, a file each: whose fault it was and whether repeating is safe ([`classify`]), how long to wait when
//! nobody says ([`backoff`]), and how long the server asks to wait ([`after`]). How many retries an origin may see is
//! [`limit`](crate::limit)'s question; counting attempts and deadlines is the call's own.

pub mod after;
pub mod backoff;
pub mod classify;

pub use after::retry_after;
pub use backoff::delay;
pub use classify::{Classified, Repeat, Safety, safety};
