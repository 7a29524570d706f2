//! How does JupyterHub get here? From PyPI into an environment of its own under `target`, its proxy from npm; both at fixed versions.

use std::fs;
use std::path::{Path, PathBuf};

use crate::node::{Node, is_newer};
use crate::shell::{Failure, Result, command, root, run, target};
use crate::tools;

/// Installs it where that was not done for these versions; the folder with its programs.
pub(super) fn install(node: &Node) -> Result<PathBuf> {
    let folder = root().join("tests/real/jupyterhub");
    node.install(&folder)?;
    let wanted = folder.join("requirements.txt");
    let environment = target().join("real/jupyterhub");
    let programs = environment.join("bin");
    // Written last, so an interrupted installation does not have it.
    let installed = environment.join("installed.txt");
    if is_newer(&installed, &wanted) {
        return Ok(programs);
    }
    let python = Path::new("python3");
    if !tools::is_on_path("python3") || make(python, &environment).is_err() {
        tools::apt(&["python3", "python3-venv"], "to run JupyterHub")?;
        make(python, &environment)?;
    }
    let mut pip = command(programs.join("python"), &folder);
    run(pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"]).arg(&wanted))?;
    fs::copy(&wanted, &installed)
        .map_err(|error| Failure::new(format!("cannot write {}: {error}", installed.display())))?;
    Ok(programs)
}

fn make(python: &Path, environment: &Path) -> Result {
    run(command(python, &root()).args(["-m", "venv", "--clear"]).arg(environment))
}
