//! What does the house ask of one file?
//!
//! Rules that no compiler knows, each with a sentence that says what to do instead. A rule looks at code without literals and comments,
//! or at comments alone, so a rule's own words in a string break nothing.

use std::path::{Component, Path};

use super::text::{Language, Text};

/// Something that must not be so, at a line of the file (0: the file as a whole).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) line: usize,
    pub(crate) says: String,
    pub(crate) weight: Weight,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Weight {
    /// Tidy fails.
    Error,
    /// Worth a look.
    Note,
}

/// Checks one file, given by its path in the repository.
pub(crate) fn check_file(path: &Path, source: &str) -> Vec<Finding> {
    let mut findings = name(path);
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("rs") => findings.extend(rust(path, source)),
        Some("ts" | "mts" | "cts") => findings.extend(typescript(source)),
        _ if path.ends_with("Cargo.toml") => findings.extend(manifest(source)),
        _ => {}
    }
    findings
}

fn rust(path: &Path, source: &str) -> Vec<Finding> {
    let text = Text::read(source, Language::Rust);
    let mut findings = length(&text);
    if !source.starts_with("//! ") {
        findings.push(error(1, "begins without `//!`: one sentence with the question this file answers"));
    }
    findings.extend(unfinished(&text));
    findings.extend(each(&text.code, ANYWHERE));
    if !is_test(path) {
        let code = text.code_outside_tests();
        findings.extend(each(&code, OUTSIDE_TESTS));
        if path.starts_with("core/src") {
            findings.extend(each(&code, CORE));
            // The one place that says in which order a driver performs effects; the driver brings the runtime.
            if !path.ends_with("host.rs") {
                findings.extend(each(&code, CORE_BUT_HOST));
            }
        }
    }
    findings
}

fn typescript(source: &str) -> Vec<Finding> {
    let text = Text::read(source, Language::TypeScript);
    let mut findings = length(&text);
    let first = source.trim_start_matches("#!/usr/bin/env node\n");
    if !first.starts_with("//") && !first.starts_with("/**") {
        findings.push(error(1, "begins without a comment: one sentence with the question this file answers"));
    }
    findings.extend(unfinished(&text));
    findings
}

fn manifest(source: &str) -> Vec<Finding> {
    let named_core = |line: &str| {
        line.split_once('=').is_some_and(|(key, value)| key.trim() == "name" && value.trim() == "\"core\"")
    };
    lines_where(source, named_core, "a crate called `core` breaks `core::` paths in whatever depends on it")
}

/// Names that say nothing about what is inside.
fn name(path: &Path) -> Vec<Finding> {
    let vague = |part: &str| {
        let stem = part.split('.').next().unwrap_or(part);
        VAGUE.contains(&stem.to_ascii_lowercase().as_str())
    };
    path.components()
        .filter_map(|component| if let Component::Normal(part) = component { part.to_str() } else { None })
        .filter(|part| vague(part))
        .map(|part| error(0, &format!("`{part}` says nothing: name it after the question it answers")))
        .collect()
}

fn length(text: &Text) -> Vec<Finding> {
    let lines = text.code.lines().filter(|line| !line.trim().is_empty()).count();
    if lines > LIMIT {
        vec![error(0, &format!("{lines} lines of code, the limit is {LIMIT}: split it by state or by question"))]
    } else if lines > NORM {
        vec![Finding { line: 0, says: format!("{lines} lines of code, the norm is {NORM}"), weight: Weight::Note }]
    } else {
        Vec::new()
    }
}

fn unfinished(text: &Text) -> Vec<Finding> {
    let marked = |line: &str| ["TODO", "FIXME", "XXX"].iter().any(|mark| words(line).any(|word| word == *mark));
    lines_where(&text.comments, marked, "unfinished: finish it, or file an issue and say here what holds today")
}

/// Every rule on every line: a rule is a piece of code and what to say where it stands.
fn each(code: &str, rules: &[(&str, &str)]) -> Vec<Finding> {
    rules.iter().flat_map(|(piece, says)| lines_where(code, |line| has(line, piece), says)).collect()
}

/// Whether the line holds the piece, not as the end of a longer word.
fn has(line: &str, piece: &str) -> bool {
    let begins_word = piece.starts_with(|c: char| c.is_alphanumeric());
    line.match_indices(piece).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !begins_word || !before.is_some_and(|c| c.is_alphanumeric() || c == '_')
    })
}

fn lines_where(text: &str, matches: impl Fn(&str) -> bool, says: &str) -> Vec<Finding> {
    text.lines().enumerate().filter(|(_, line)| matches(line)).map(|(at, _)| error(at + 1, says)).collect()
}

fn words(line: &str) -> impl Iterator<Item = &str> {
    line.split(|c: char| !c.is_alphanumeric())
}

fn error(line: usize, says: &str) -> Finding {
    Finding { line, says: says.to_owned(), weight: Weight::Error }
}

/// Whether every line of this file is a test: a package's `tests` or `benches` folder, or the tests of a module in a file of their own.
fn is_test(path: &Path) -> bool {
    let in_package = path.strip_prefix("tests").unwrap_or(path);
    let folder =
        in_package.components().any(|part| ["tests", "benches", "fuzz"].iter().any(|name| part.as_os_str() == *name));
    folder || path.file_name().is_some_and(|name| name == "tests.rs")
}

const NORM: usize = 250;
const LIMIT: usize = 400;
const VAGUE: [&str; 4] = ["util", "utils", "helper", "helpers"];

const ANYWHERE: &[(&str, &str)] = &[
    ("#[allow(", "use `#[expect(lint, reason = \"…\")]`: it tells when it is no longer needed"),
    ("#![allow(", "use `#![expect(lint, reason = \"…\")]`: it tells when it is no longer needed"),
    ("todo!", "unfinished code does not land"),
    ("unimplemented!", "unfinished code does not land"),
    ("dbg!", "left over from debugging"),
];

const OUTSIDE_TESTS: &[(&str, &str)] =
    &[(".unwrap()", "return an error, or `expect` with the reason why it cannot happen")];

const CORE: &[(&str, &str)] = &[
    ("cfg(target", "the core is the same on every target"),
    ("std::env", "the driver reads the environment"),
    ("Instant", "time is an argument: `Now`"),
    ("SystemTime::now", "time is an argument: `Now`"),
    ("thread::", "the driver waits and spawns"),
    ("RandomState", "draws randomness; a `BTreeMap` needs none"),
    ("std::fs", "the driver does IO"),
    ("TcpStream", "the driver does IO"),
    ("UdpSocket", "the driver does IO"),
];

const CORE_BUT_HOST: &[(&str, &str)] = &[("async ", "the core is sans-IO: an effect, not a future")];
