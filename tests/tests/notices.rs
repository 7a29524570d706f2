//! Are the names of what happens to sessions still the ones that programs match on?
//!
//! `tests/vectors/notices.json` is read by Rust and JavaScript alike. A name that changes or disappears breaks programs, so this file
//! changes on purpose only: `cargo xtask vectors` writes it anew.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use hallpass_core::machine::Notice;

#[test]
fn the_vector_file_lists_every_name_in_order() {
    let lines: Vec<String> = Notice::NAMES.iter().map(|name| format!("  \"{name}\"")).collect();
    let expected = format!("[\n{}\n]\n", lines.join(",\n"));
    if std::env::var_os("HALLPASS_WRITE_VECTORS").is_some() {
        fs::write(vector(), &expected).expect("the vector file can be written");
    }
    let found = fs::read_to_string(vector()).expect("tests/vectors/notices.json");
    assert_eq!(found, expected, "changing a name breaks programs; if it is meant: `cargo xtask vectors`");
}

#[test]
fn no_two_names_are_alike_and_every_name_is_lower_case() {
    let names: BTreeSet<&str> = Notice::NAMES.iter().copied().collect();
    assert_eq!(names.len(), Notice::NAMES.len());
    assert!(names.iter().all(|name| name.chars().all(|c| c.is_ascii_lowercase() || c == '_')), "{names:?}");
}

fn vector() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("vectors/notices.json")
}
