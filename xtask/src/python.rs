//! How does a Python with packages get here? From PyPI into an environment of its own under `target`, at fixed versions.

use std::fs;
use std::path::{Path, PathBuf};

use crate::node::is_newer;
use crate::shell::{Failure, Result, command, root, run, target};
use crate::tools;

/// Installs what a file of requirements names into `target/NAME`, where that was not done for these versions; the folder with its
/// programs. `purpose` completes "needed …".
pub(crate) fn install(name: &str, requirements: &Path, purpose: &str) -> Result<PathBuf> {
    let environment = target().join(name);
    let programs = environment.join("bin");
    // Written last, so an interrupted installation does not have it.
    let installed = environment.join("installed.txt");
    if is_newer(&installed, requirements) {
        return Ok(programs);
    }
    let python = Path::new("python3");
    if !tools::is_on_path("python3") || make(python, &environment).is_err() {
        tools::apt(&["python3", "python3-venv"], purpose)?;
        make(python, &environment)?;
    }
    let mut pip = command(programs.join("python"), &root());
    run(pip
        .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"])
        .arg(requirements))?;
    fs::copy(requirements, &installed)
        .map_err(|error| Failure::new(format!("cannot write {}: {error}", installed.display())))?;
    Ok(programs)
}

fn make(python: &Path, environment: &Path) -> Result {
    run(command(python, &root()).args(["-m", "venv", "--clear"]).arg(environment))
}
