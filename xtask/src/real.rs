//! Do sessions survive servers that others wrote?
//!
//! Two of them are cheap and run everywhere: oidc-provider from npm (`tests/real/package-lock.json`, on Node 22 or newer) and Debian's
//! qbittorrent-nox. Redis stands beside them, where processes share a session. JupyterHub is 200 MB and half a minute to install; it runs
//! in CI and where all are asked for. With `HALLPASS_LONG=1` processes share a session for a minute each time, otherwise for 20 seconds.
//! `tests/tests/real/main.rs` holds the Rust side, ignored in a plain `cargo test`; a `test` script in `tests/real/package.json` the JavaScript side. Both find Node by `HALLPASS_NODE` and the built
//! programs by `HALLPASS_BIN_DIR`. **Invariant:** a server that was left out is named.

mod jupyterhub;

use std::fs;
use std::path::Path;

use crate::shell::{self, Failure, Result, cargo, root};
use crate::suite::{build_programs, counted};
use crate::tally::Tally;
use crate::{node, npm, tools};

/// Which servers to test against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Servers {
    /// Those that cost a few megabytes and seconds.
    Cheap,
    /// Those, and JupyterHub.
    All,
}

/// Installs the servers and runs the tests against them.
pub(crate) fn test(servers: Servers, tally: &mut Tally) -> Result {
    let folder = root().join("tests/real");
    let package = folder.join("package.json");
    if !package.is_file() {
        return Err(Failure::new(format!("{} is missing: there is no real server to test against", package.display())));
    }
    let node = node::at_least_22()?;
    node.install(&folder)?;
    if !tools::is_on_path("qbittorrent-nox") {
        tools::apt(&["qbittorrent-nox"], "as a real server to test against")?;
    }
    tools::redis("to share sessions between processes")?;
    npm::build_where_missing()?;
    build_programs()?;
    let mut tests =
        cargo(&["test", "--locked", "--package", "hallpass-conformance", "--test", "real", "--", "--ignored"]);
    tests.env("PATH", node.path()).env("HALLPASS_NODE", node.program()).env("HALLPASS_BIN_DIR", npm::programs());
    match servers {
        Servers::Cheap => tests.args(["--skip", "jupyterhub::"]),
        Servers::All => tests.env("HALLPASS_JUPYTERHUB", jupyterhub::install(&node)?),
    };
    shell::say(servers.shown());
    let rust = counted(&mut tests, tally);
    // Both sides run, whatever the first one says.
    let script = if has_test_script(&package)? { script(&node, &folder, tally) } else { Ok(()) };
    shell::say(servers.shown());
    rust.and(script)
}

fn script(node: &node::Node, folder: &Path, tally: &mut Tally) -> Result {
    let mut tests = node.npm(folder, &["test", "--loglevel=error"]);
    counted(tests.env("HALLPASS_NODE", node.program()).env("HALLPASS_BIN_DIR", npm::programs()), tally)
}

impl Servers {
    const fn shown(self) -> &'static str {
        match self {
            Self::Cheap => {
                "real servers: oidc-provider, qbittorrent-nox; left out: JupyterHub (200 MB; `cargo xtask test --real` runs it too)"
            }
            Self::All => "real servers: oidc-provider, qbittorrent-nox, JupyterHub; none left out",
        }
    }
}

fn has_test_script(package: &Path) -> Result<bool> {
    let text = fs::read_to_string(package)
        .map_err(|error| Failure::new(format!("cannot read {}: {error}", package.display())))?;
    let package: serde_json::Value =
        serde_json::from_str(&text).map_err(|error| Failure::new(format!("{}: {error}", package.display())))?;
    Ok(package["scripts"]["test"].is_string())
}
