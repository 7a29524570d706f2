//! What the core wants done, as plain data.

mod failure;

pub use failure::{Failure, FailureKind, Sent};
