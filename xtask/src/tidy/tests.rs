//! Is every rule of tidy broken by something small, and by nothing else?

use std::path::Path;

use super::rules::{Finding, Weight, check_file};
use super::text::{Language, Text};

/// The errors in a file, as (line, beginning of what is said).
fn errors(path: &str, source: &str) -> Vec<usize> {
    check_file(Path::new(path), source)
        .into_iter()
        .filter(|one| one.weight == Weight::Error)
        .map(|one| one.line)
        .collect()
}

const NONE: [usize; 0] = [];
const NO_FINDING: [Finding; 0] = [];

fn findings(path: &str, source: &str) -> Vec<Finding> {
    check_file(Path::new(path), source)
}

#[test]
fn a_tidy_file_has_no_finding() {
    let source = "//! What is one?\n\n/// One.\npub fn one() -> u8 {\n    1\n}\n";
    assert_eq!(findings("core/src/one.rs", source), NO_FINDING);
}

#[test]
fn a_file_without_a_header_is_refused() {
    assert_eq!(errors("native/src/one.rs", "fn one() {}\n"), [1]);
    assert_eq!(errors("bindings/npm/src/one.ts", "export const one = 1;\n"), [1]);
    assert_eq!(errors("bindings/npm/src/one.ts", "/** What is one? */\nexport const one = 1;\n"), NONE);
    assert_eq!(errors("bindings/npm/src/one.ts", "// What is one?\nexport const one = 1;\n"), NONE);
}

#[test]
fn only_lines_of_code_count_towards_the_limit() {
    let file = |lines: usize| format!("//! How many?\n{}{}", "// why\n\n".repeat(900), "fn one() {}\n".repeat(lines));
    assert_eq!(findings("native/src/one.rs", &file(250)), NO_FINDING);
    assert_eq!(findings("native/src/one.rs", &file(251))[0].weight, Weight::Note);
    assert_eq!(errors("native/src/one.rs", &file(400)), NONE);
    assert_eq!(errors("native/src/one.rs", &file(401)), [0]);
}

#[test]
fn unwrap_is_refused_in_code_and_allowed_in_tests_documentation_and_strings() {
    let refused = "//! Q?\nfn one() { two().unwrap(); }\n";
    assert_eq!(errors("native/src/one.rs", refused), [2]);
    assert_eq!(errors("tests/src/one.rs", refused), [2]);
    assert_eq!(errors("tests/testbed/src/one.rs", refused), [2]);
    for test in ["native/tests/one.rs", "tests/tests/one.rs", "core/src/cookie/tests.rs", "native/benches/one.rs"] {
        assert_eq!(errors(test, refused), NONE, "{test}");
    }
    let allowed = "//! Q?\n/// ```\n/// one().unwrap();\n/// ```\nfn one() -> &'static str { \".unwrap()\" }\n\
                   #[cfg(test)]\nmod tests {\n    fn t() { if true { one().unwrap(); } }\n}\n";
    assert_eq!(errors("native/src/one.rs", allowed), NONE);
    let after_tests = "//! Q?\n#[cfg(test)]\nmod tests;\nfn one() { two().unwrap(); }\n";
    assert_eq!(errors("native/src/one.rs", after_tests), [4]);
}

#[test]
fn a_bare_allow_is_refused_even_in_tests() {
    assert_eq!(errors("native/tests/one.rs", "//! Q?\n#[allow(dead_code)]\nfn one() {}\n"), [2]);
    assert_eq!(errors("native/src/one.rs", "//! Q?\n#![allow(dead_code)]\n"), [2]);
    assert_eq!(errors("native/src/one.rs", "//! Q?\n#[expect(dead_code, reason = \"why\")]\nfn one() {}\n"), NONE);
}

#[test]
fn unfinished_work_is_refused_in_comments_and_macros() {
    assert_eq!(errors("native/src/one.rs", "//! Q?\n// TODO: more\n"), [2]);
    assert_eq!(errors("native/src/one.rs", "//! Q?\n/* FIXME(me) */\n"), [2]);
    assert_eq!(errors("native/src/one.rs", "//! Q?\nfn one() { todo!() }\n"), [2]);
    assert_eq!(errors("native/src/one.rs", "//! Q?\nfn one() { unimplemented!() }\n"), [2]);
    assert_eq!(errors("native/src/one.rs", "//! Q?\nfn one() { dbg!(1); }\n"), [2]);
    assert_eq!(errors("bindings/npm/src/one.ts", "// Q?\n// TODO more\n"), [2]);
    assert_eq!(errors("native/src/one.rs", "//! Q?\nconst TODO: &str = \"TODO\";\n"), NONE);
}

#[test]
fn the_core_reads_no_clock_no_environment_and_knows_no_target() {
    let lines = [
        "#[cfg(target_arch = \"wasm32\")]",
        "use std::env;",
        "use std::time::Instant;",
        "fn now() { SystemTime::now(); }",
        "fn wait() { std::thread::sleep(d); }",
        "type State = RandomState;",
        "async fn go() {}",
    ];
    for line in lines {
        let source = format!("//! Q?\n{line}\n");
        assert_eq!(errors("core/src/one.rs", &source), [2], "{line}");
        assert_eq!(errors("native/src/one.rs", &source), NONE, "{line}");
    }
    assert_eq!(errors("core/src/one.rs", "//! Q?\nstruct FarInstant;\nfn f(t: SystemTime) {}\n"), NONE);
}

#[test]
fn vague_names_are_refused_for_files_and_folders() {
    assert_eq!(errors("native/src/utils.rs", "//! Q?\n"), [0]);
    assert_eq!(errors("native/src/helpers/one.rs", "//! Q?\n"), [0]);
    assert_eq!(errors("bindings/npm/src/util.ts", "// Q?\n"), [0]);
    assert_eq!(errors("native/src/utility_bill.rs", "//! Q?\n"), NONE);
}

#[test]
fn no_crate_is_called_core() {
    assert_eq!(errors("core/Cargo.toml", "[package]\nname = \"core\"\n"), [2]);
    assert_eq!(errors("core/Cargo.toml", "[package]\nname=\"hallpass-core\"\n"), NONE);
}

#[test]
fn literals_and_comments_of_rust_are_told_from_code() {
    let source = r###"let a = "x // y"; // c1 "quoted"
let b = r#"raw " code"#; let c = '"'; let d = '\''; fn e<'a>(f: &'a str) {} /* c2 /* nested */ still */ let for_r = 1;
let g = b"bytes\" more"; let h = br##"x "# y"##;"###;
    let text = Text::read(source, Language::Rust);
    let squeezed = text.code.split_whitespace().collect::<Vec<_>>().join(" ");
    let expected = "let a = \" \"; let b = r#\" \"#; let c = ' '; let d = ' '; fn e<'a>(f: &'a str) {} let for_r = 1; \
                    let g = b\" \"; let h = br##\" \"##;";
    assert_eq!(squeezed, expected);
    assert!(text.comments.contains("c1 \"quoted\"") && text.comments.contains("still"));
    assert_eq!(text.code.lines().count(), 3);
}

#[test]
fn literals_and_comments_of_typescript_are_told_from_code() {
    let source =
        "const a = 'x // y'; const b = `t /* ${c} */`; const d = /[\"'/]\\/ \"/g.test(e); const f = g / h; // TODO\n";
    let text = Text::read(source, Language::TypeScript);
    assert!(text.comments.trim() == "// TODO", "{:?}", text.comments);
    assert!(text.code.contains("g.test(e);") && text.code.contains("g / h;"), "{:?}", text.code);
    assert!(!text.code.contains('x'));
}

#[test]
fn this_repository_is_tidy() {
    super::check_workspace().expect("`cargo xtask tidy` holds");
}
