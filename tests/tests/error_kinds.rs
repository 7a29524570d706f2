//! Are the names of errors still the ones that programs match on?
//!
//! `tests/vectors/error-kinds.json` is read by Rust and JavaScript alike. A name that changes or disappears breaks programs, so this file
//! changes on purpose only: `cargo xtask vectors` writes it anew.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use hallpass_core::error::Kind;

#[test]
fn the_vector_file_lists_every_kind_and_its_fault_in_order() {
    let expected = written();
    if std::env::var_os("HALLPASS_WRITE_VECTORS").is_some() {
        fs::write(vector(), &expected).expect("the vector file can be written");
    }
    let found = fs::read_to_string(vector()).expect("tests/vectors/error-kinds.json");
    assert_eq!(found, expected, "changing a kind breaks programs; if it is meant: `cargo xtask vectors`");
}

#[test]
fn no_two_kinds_share_a_name_and_every_name_is_lower_case() {
    let names: BTreeSet<&str> = Kind::ALL.iter().map(|kind| kind.as_str()).collect();
    assert_eq!(names.len(), Kind::ALL.len());
    assert!(names.iter().all(|name| name.chars().all(|c| c.is_ascii_lowercase() || c == '_')), "{names:?}");
}

/// One kind a line, so that a change shows as a line. Names and faults are plain words, which JSON writes as they are.
fn written() -> String {
    let line = |kind: &Kind| {
        let fault = format!("{:?}", kind.fault()).to_lowercase();
        format!("  {{ \"kind\": \"{}\", \"fault\": \"{fault}\" }}", kind.as_str())
    };
    let lines: Vec<String> = Kind::ALL.iter().map(line).collect();
    format!("[\n{}\n]\n", lines.join(",\n"))
}

fn vector() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("vectors/error-kinds.json")
}
