//! Does the repository keep the house rules that no compiler knows?
//!
//! Walks the files that are written by hand, asks [`rules`] about each, and prints every finding before it fails. Not here: what rustfmt,
//! clippy or cargo-deny can see.

mod rules;
mod text;

use std::fs;
use std::path::{Path, PathBuf};

use crate::shell::{Failure, Result, root};

use self::rules::{Weight, check_file};

/// Checks the whole repository.
pub(crate) fn check_workspace() -> Result {
    let root = root();
    let files = files(&root)?;
    let mut errors = licences(&root);
    let mut notes = 0;
    for path in &files {
        let shown = path.strip_prefix(&root).unwrap_or(path);
        let bytes =
            fs::read(path).map_err(|error| Failure::new(format!("cannot read {}: {error}", shown.display())))?;
        for finding in check_file(shown, &String::from_utf8_lossy(&bytes)) {
            match finding.weight {
                Weight::Error => errors.push(format!("{}:{}: {}", shown.display(), finding.line, finding.says)),
                Weight::Note => {
                    notes += 1;
                    eprintln!("note: {}: {}", shown.display(), finding.says);
                }
            }
        }
    }
    for error in &errors {
        eprintln!("error: {error}");
    }
    eprintln!("   {} files, {} errors, {notes} notes", files.len(), errors.len());
    if errors.is_empty() { Ok(()) } else { Err(Failure::new(format!("tidy: {} errors", errors.len()))) }
}

/// Both licences are there with our name, and the manifest names both.
fn licences(root: &Path) -> Vec<String> {
    let wanted = [
        ("LICENSE-MIT", "The Hallpass authors"),
        ("LICENSE-APACHE", "The Hallpass authors"),
        ("Cargo.toml", "license = \"MIT OR Apache-2.0\""),
    ];
    wanted
        .iter()
        .filter(|(file, text)| !fs::read_to_string(root.join(file)).is_ok_and(|found| found.contains(text)))
        .map(|(file, text)| format!("{file}: missing, or without `{text}`"))
        .collect()
}

/// Every file written by hand, in the order of its path.
fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let failure = |error: std::io::Error| Failure::new(format!("cannot list {}: {error}", folder.display()));
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(failure)? {
        let path = entry.map_err(failure)?.path();
        if is_generated(&path) {
            continue;
        }
        if path.is_dir() {
            found.extend(files(&path)?);
        } else {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

fn is_generated(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let hidden = name.starts_with('.');
    hidden
        || name == "target"
        || name.starts_with("target-")
        || ["node_modules", "dist"].contains(&&*name)
        || path.ends_with("bindings/npm/wasm")
        || path.ends_with("bindings/npm/src/generated")
        || path.ends_with("tests/vectors/external")
}

#[cfg(test)]
mod tests;
