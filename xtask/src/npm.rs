//! How is the npm package built and tested?
//!
//! The wasm module first, then the package's own scripts `build` and `test`. Its tests drive the command line and the testbed too, so
//! both are built before; `HALLPASS_BIN_DIR` tells where they are.

use std::path::PathBuf;

use crate::node::{self, Node};
use crate::shell::{Failure, Result, root, run, target};
use crate::suite::{build_programs, counted};
use crate::tally::Tally;
use crate::wasm;

/// Builds the wasm module and the package around it.
pub(crate) fn build() -> Result {
    wasm::build()?;
    build_package(&node::of_the_machine()?)
}

/// Builds everything and runs the package's tests.
pub(crate) fn test(tally: &mut Tally) -> Result {
    build()?;
    build_programs()?;
    let node = node::of_the_machine()?;
    counted(node.npm(&folder(), &["test", "--loglevel=error"]).env("HALLPASS_BIN_DIR", programs()), tally)
}

/// Builds the package unless an earlier build is there.
pub(crate) fn build_where_missing() -> Result {
    if wasm::is_built() && folder().join("dist").is_dir() { Ok(()) } else { build() }
}

/// Where those programs are.
pub(crate) fn programs() -> PathBuf {
    target().join("debug")
}

fn build_package(node: &Node) -> Result {
    if !folder().join("package.json").is_file() {
        return Err(Failure::new(format!(
            "{} is missing: there is no npm package to build",
            folder().join("package.json").display()
        )));
    }
    node.install(&folder())?;
    run(&mut node.npm(&folder(), &["run", "build", "--loglevel=error"]))
}

fn folder() -> PathBuf {
    root().join("bindings/npm")
}
