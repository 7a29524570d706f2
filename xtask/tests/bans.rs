//! Do the core's bans bite? A small crate under the core's own `clippy.toml` breaks each of them once.
//!
//! **Invariant:** a ban that is added without a line here that breaks it fails this test, and so does one that clippy does not see.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const BREAKS: &str = r#"//! Breaks every ban of the core, once.
use std::collections::HashMap;

/// Everything that the core must not do.
pub fn everything(map: &HashMap<u8, u8>, mut other: HashMap<u8, u8>, wait: std::time::Duration) -> usize {
    let _: std::time::Instant = std::time::Instant::now();
    let _ = std::time::SystemTime::now();
    let _ = (std::env::var("HOME"), std::env::var_os("HOME"), std::env::vars().count());
    std::thread::sleep(wait);
    let _ = std::collections::hash_map::RandomState::new();
    map.iter().count() + map.keys().count() + map.values().count() + other.drain().count()
}
"#;

#[test]
fn every_ban_of_the_core_is_seen_by_clippy() {
    let bans = bans();
    assert!(bans.len() > 5, "core/clippy.toml names bans: {bans:?}");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let said = clippy_on(folder.path(), BREAKS);
    let unseen: Vec<&String> = bans.iter().filter(|ban| !said.contains(&format!("`{ban}`"))).collect();
    assert!(unseen.is_empty(), "not seen: {unseen:?}, in:\n{said}");
}

#[test]
fn a_crate_that_breaks_no_ban_is_clean() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let said = clippy_on(folder.path(), "//! Breaks nothing.\n");
    assert!(!said.contains("disallowed"), "{said}");
}

/// The core's manifest and its bans stand in one folder, where clippy looks first.
#[test]
fn the_bans_stand_beside_the_manifest_of_the_core() {
    assert!(root().join("core/Cargo.toml").is_file() && root().join("core/clippy.toml").is_file());
    assert!(!root().join("core/.clippy.toml").exists(), "would hide core/clippy.toml");
}

/// The paths that `core/clippy.toml` disallows.
fn bans() -> Vec<String> {
    let file = fs::read_to_string(root().join("core/clippy.toml")).expect("core/clippy.toml");
    let path = |line: &str| line.split_once("path = \"")?.1.split('"').next().map(str::to_owned);
    file.lines().filter_map(path).collect()
}

/// What clippy says about `code`, a crate that lies under a workspace as the core does.
fn clippy_on(folder: &Path, code: &str) -> String {
    let package = folder.join("core");
    let manifest = "[package]\nname = \"bans\"\nversion = \"0.0.0\"\nedition = \"2024\"\n";
    fs::create_dir_all(package.join("src")).expect("a folder");
    fs::write(folder.join("Cargo.toml"), "[workspace]\nresolver = \"3\"\nmembers = [\"core\"]\n").expect("a manifest");
    fs::copy(root().join("clippy.toml"), folder.join("clippy.toml")).expect("the workspace's clippy.toml");
    fs::write(package.join("Cargo.toml"), manifest).expect("a manifest");
    fs::copy(root().join("core/clippy.toml"), package.join("clippy.toml")).expect("the core's clippy.toml");
    fs::write(package.join("src/lib.rs"), code).expect("a file");

    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut clippy = Command::new(cargo);
    clippy
        .args(["clippy", "--offline", "--workspace"])
        .current_dir(folder)
        .env("CARGO_TARGET_DIR", folder.join("target"));
    for variable in ["CLIPPY_CONF_DIR", "CARGO_MANIFEST_DIR", "RUSTFLAGS"] {
        clippy.env_remove(variable);
    }
    let output = clippy.output().expect("cargo clippy runs; get it with `rustup component add clippy`");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "the fixture compiles: {said}");
    said
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the workspace").to_path_buf()
}
