//! Do the stores that need a server keep their promises?
//!
//! `tests/tests/stores/main.rs` holds the tests, ignored in a plain `cargo test`; each starts the servers it needs. **Invariant:** without
//! the servers' programs the part fails, it is never skipped.

use crate::shell::{Result, cargo};
use crate::suite::counted;
use crate::tally::Tally;
use crate::tools;

/// Installs Redis where it is missing and runs the tests.
pub(crate) fn test(tally: &mut Tally) -> Result {
    if !(tools::is_on_path("redis-server") && tools::is_on_path("redis-cli")) {
        tools::apt(&["redis-server"], "to test the Redis store against")?;
    }
    let arguments = ["test", "--locked", "--package", "hallpass-conformance", "--test", "stores", "--", "--ignored"];
    counted(&mut cargo(&arguments), tally)
}
