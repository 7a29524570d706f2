//! Is every crate we ship allowed to be there?
//!
//! cargo-deny with `deny.toml`: licences, banned and duplicate crates, and where crates come from. Advisories are not checked here: their
//! database is a download from outside the registries, so that `cargo deny check advisories` is for machines that can reach it.

use std::path::PathBuf;

use crate::shell::{Failure, Result, cargo, command, output, root, run, target};

/// Installs cargo-deny where it is missing and runs it.
pub(crate) fn check() -> Result {
    let program = program()?;
    let mut deny = command(program, &root());
    // The workspace's features all at once, the same graph for every member.
    run(deny.args(["--locked", "--all-features", "check", "--hide-inclusion-graph", "licenses", "bans", "sources"]))?;
    pure("hallpass-core", "all")?;
    pure("hallpass-wasm", "wasm32-unknown-unknown")?;
    eprintln!("   not checked: advisories (`cargo deny check advisories`, where their database can be reached)");
    Ok(())
}

/// No crate that reads a clock, draws randomness or runs tasks is under this package.
fn pure(package: &str, target: &str) -> Result {
    let mut tree = cargo(&["tree", "--locked", "--edges", "normal", "--prefix", "none", "--all-features"]);
    let tree = output(tree.args(["--package", package, "--target", target]))
        .ok_or_else(|| Failure::new(format!("`cargo tree --package {package}` failed")))?;
    let found: Vec<&str> = impure_in(&tree);
    if found.is_empty() {
        return Ok(());
    }
    Err(Failure::new(format!("{package} is sans-IO and must not depend on {}", found.join(", "))))
}

fn impure_in(tree: &str) -> Vec<&str> {
    let mut found: Vec<&str> =
        tree.lines().filter_map(|line| line.split(' ').next()).filter(|name| IMPURE.contains(name)).collect();
    found.sort_unstable();
    found.dedup();
    found
}

fn program() -> Result<PathBuf> {
    let ours = target().join("tools/bin/cargo-deny");
    for candidate in [PathBuf::from("cargo-deny"), ours.clone()] {
        if is_right(candidate.clone()) {
            return Ok(candidate);
        }
    }
    let folder = target().join("tools");
    // The unoptimised build takes a third of the time of the other and checks this workspace within a second.
    let mut install =
        cargo(&["install", "cargo-deny", "--version", VERSION, "--locked", "--debug", "--quiet", "--root"]);
    run(install.arg(&folder).env_remove("CARGO_TARGET_DIR"))?;
    if is_right(ours.clone()) { Ok(ours) } else { Err(Failure::new(format!("{} does not run", ours.display()))) }
}

/// Whether this is a cargo-deny whose file format is ours.
fn is_right(program: PathBuf) -> bool {
    output(command(program, &root()).arg("--version")).is_some_and(|version| version.starts_with("cargo-deny 0.20."))
}

/// What sans-IO rules out: host calls, clocks, randomness, runtimes.
const IMPURE: [&str; 11] =
    ["async-std", "chrono", "fastrand", "getrandom", "hyper", "jiff", "rand", "time", "tokio", "web-sys", "web-time"];
const VERSION: &str = "0.20.2";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn impure_crates_are_found_by_their_whole_name() {
        let tree = "hallpass-core v0.1.0\nrand_core v0.9.0\ntokio v1.54.0\ntimely v1.0.0\ngetrandom v0.4.3 (*)\ntokio v1.54.0 (*)";
        assert_eq!(impure_in(tree), ["getrandom", "tokio"]);
        assert!(impure_in("hallpass-core v0.1.0\nbytes v1.12.2").is_empty());
    }
}
