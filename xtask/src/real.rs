//! Do sessions survive servers that others wrote?
//!
//! The servers come from npm (`tests/real/package-lock.json`) and run on Node 22 or newer. `tests/tests/real/main.rs` holds the Rust side,
//! ignored in a plain `cargo test`; a `test` script in `tests/real/package.json` the JavaScript side. Both find Node by `HALLPASS_NODE`.

use std::fs;
use std::path::Path;

use crate::shell::{Failure, Result, cargo, root};
use crate::suite::{build_programs, counted};
use crate::tally::Tally;
use crate::{node, npm};

/// Installs the servers and runs the tests against them.
pub(crate) fn test(tally: &mut Tally) -> Result {
    let folder = root().join("tests/real");
    let package = folder.join("package.json");
    if !package.is_file() {
        return Err(Failure::new(format!("{} is missing: there is no real server to test against", package.display())));
    }
    let node = node::at_least_22()?;
    node.install(&folder)?;
    let mut tests =
        cargo(&["test", "--locked", "--package", "hallpass-conformance", "--test", "real", "--", "--ignored"]);
    let rust = counted(tests.env("PATH", node.path()).env("HALLPASS_NODE", node.program()), tally);
    if !has_test_script(&package)? {
        return rust;
    }
    // Both sides run, whatever the first one says.
    let script = npm::build_where_missing().and_then(|()| build_programs()).and_then(|()| {
        let mut tests = node.npm(&folder, &["test", "--loglevel=error"]);
        counted(tests.env("HALLPASS_NODE", node.program()).env("HALLPASS_BIN_DIR", npm::programs()), tally)
    });
    rust.and(script)
}

fn has_test_script(package: &Path) -> Result<bool> {
    let text = fs::read_to_string(package)
        .map_err(|error| Failure::new(format!("cannot read {}: {error}", package.display())))?;
    let package: serde_json::Value =
        serde_json::from_str(&text).map_err(|error| Failure::new(format!("{}: {error}", package.display())))?;
    Ok(package["scripts"]["test"].is_string())
}
