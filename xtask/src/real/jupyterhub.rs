//! How does JupyterHub get here? From PyPI into an environment of its own under `target`, its proxy from npm; both at fixed versions.

use std::path::PathBuf;

use crate::node::Node;
use crate::python;
use crate::shell::{Result, root};

/// Installs it where that was not done for these versions; the folder with its programs.
pub(super) fn install(node: &Node) -> Result<PathBuf> {
    let folder = root().join("tests/real/jupyterhub");
    node.install(&folder)?;
    python::install("real/jupyterhub", &folder.join("requirements.txt"), "to run JupyterHub")
}
