//! Do the stores that need a server keep their promises?
//!
//! `tests/tests/stores/main.rs` and the command's `redis.rs` hold the tests, ignored in a plain `cargo test`; each starts the servers it
//! needs. So do the command's tests in `from_python.rs`: what others saved in Redis, sealed by Python's `cryptography` (`tests/python`).
//! **Invariant:** without the servers' programs the part fails, it is never skipped.

use crate::python;
use crate::shell::{Result, cargo, root};
use crate::suite::counted;
use crate::tally::Tally;
use crate::tools;

/// Installs Redis and Python where they are missing and runs the tests.
pub(crate) fn test(tally: &mut Tally) -> Result {
    tools::redis("to test the Redis store against")?;
    let laws = ["test", "--locked", "--package", "hallpass-conformance", "--test", "stores", "--", "--ignored"];
    // Both run, whatever the first one says.
    let held = counted(&mut cargo(&laws), tally);
    let requirements = root().join("tests/python/requirements.txt");
    let python = python::install("python", &requirements, "to make Fernet tokens")?.join("python");
    let mut command = cargo(&["test", "--locked", "--package", "hallpass-cli", "--test", "command"]);
    command.args(["--", "--ignored", "redis::", "from_python::"]).env("HALLPASS_CRYPTOGRAPHY", python);
    held.and(counted(&mut command, tally))
}
