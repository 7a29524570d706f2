//! Do the stores that need a server keep their promises?
//!
//! `tests/tests/stores/main.rs` and the command's `redis.rs` hold the tests, ignored in a plain `cargo test`; each starts the servers it needs. **Invariant:** without
//! the servers' programs the part fails, it is never skipped.

use crate::shell::{Result, cargo};
use crate::suite::counted;
use crate::tally::Tally;
use crate::tools;

/// Installs Redis where it is missing and runs the tests.
pub(crate) fn test(tally: &mut Tally) -> Result {
    tools::redis("to test the Redis store against")?;
    let laws = ["test", "--locked", "--package", "hallpass-conformance", "--test", "stores", "--", "--ignored"];
    let command = ["test", "--locked", "--package", "hallpass-cli", "--test", "command", "redis::", "--", "--ignored"];
    // Both run, whatever the first one says.
    let held = counted(&mut cargo(&laws), tally);
    held.and(counted(&mut cargo(&command), tally))
}
