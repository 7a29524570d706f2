//! What does a machine lack, and how is it got?
//!
//! As root on Debian the packages are installed; anywhere else the failure names them and the command. **Invariant:** nothing is
//! installed outside the repository except by the machine's own package manager and rustup.

use std::path::Path;

use crate::shell::{self, Failure, Result, cargo, command, root, run};

/// Makes sure that rustfmt and clippy belong to the toolchain in use.
pub(crate) fn rust_component(name: &str, subcommand: &str) -> Result {
    if shell::output(cargo(&[subcommand, "--version"]).current_dir(root())).is_some() {
        return Ok(());
    }
    run(command("rustup", &root()).args(["component", "add", name])).map_err(|failure| {
        Failure::new(format!("{name} is missing; get it with `rustup component add {name}` ({failure})"))
    })
}

/// Installs Debian packages, or says why not. `purpose` completes "needed …".
pub(crate) fn apt(packages: &[&str], purpose: &str) -> Result {
    let list = packages.join(" ");
    if !Path::new("/usr/bin/apt-get").exists() {
        return Err(Failure::new(format!("missing, needed {purpose}: {list} (Debian's names; no apt-get here)")));
    }
    if !is_root() {
        return Err(Failure::new(format!("missing, needed {purpose}: run `sudo apt-get install {list}`")));
    }
    shell::say(&format!("installing {list}, needed {purpose}"));
    run(apt_get().arg("update"))?;
    run(apt_get().args(["install", "-y", "--no-install-recommends"]).args(packages))
}

/// Makes sure that there is a Redis with its own tool. `purpose` completes "needed …".
pub(crate) fn redis(purpose: &str) -> Result {
    let is_there = is_on_path("redis-server") && is_on_path("redis-cli");
    if is_there { Ok(()) } else { apt(&["redis-server"], purpose) }
}

/// Whether a program of this name is on the path.
pub(crate) fn is_on_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

fn apt_get() -> std::process::Command {
    let mut command = command("apt-get", &root());
    command.arg("-qq").env("DEBIAN_FRONTEND", "noninteractive");
    command
}

fn is_root() -> bool {
    shell::output(command("id", &root()).arg("-u")).as_deref() == Some("0")
}
