//! Which checks does the Rust toolchain itself make?
//!
//! Format, clippy and documentation, each with warnings as errors, and the vector files and the JSON Schema that
//! tests keep in step with the code.

use crate::shell::{Result, cargo, run};
use crate::tools::rust_component;

/// Every file is formatted.
pub(crate) fn fmt() -> Result {
    rust_component("rustfmt", "fmt")?;
    run(&mut cargo(&["fmt", "--all", "--check"]))
}

/// No warning anywhere, and in the core no loop over a hash map: the bans of `core/clippy.toml` see calls only.
pub(crate) fn clippy() -> Result {
    rust_component("clippy", "clippy")?;
    run(&mut cargo(&["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"]))?;
    let core = ["clippy", "--package", "hallpass-core", "--lib", "--locked", "--"];
    run(cargo(&core).args(["-D", "warnings", "-D", "clippy::iter_over_hash_type"]))
}

/// The documentation builds without a warning.
pub(crate) fn docs() -> Result {
    let mut docs = cargo(&["doc", "--workspace", "--no-deps", "--lib", "--locked"]);
    run(docs.env("RUSTDOCFLAGS", "-D warnings"))
}

/// Writes the generated vector files anew.
pub(crate) fn write_vectors() -> Result {
    let mut test =
        cargo(&["test", "--locked", "--package", "hallpass-conformance", "--test", "error_kinds", "--test", "notices"]);
    run(test.env("HALLPASS_WRITE_VECTORS", "1"))
}

/// Writes the JSON Schema of platform files anew.
pub(crate) fn write_schema() -> Result {
    let mut test =
        cargo(&["test", "--locked", "--package", "hallpass-conformance", "--test", "platform_schema", "file_is"]);
    run(test.env("HALLPASS_WRITE_SCHEMA", "1"))
}
