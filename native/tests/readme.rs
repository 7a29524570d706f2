//! Does the README's Rust example do what the README says, word for word, and is its platform file the example that it explains?

use std::path::Path;
use std::process::Command;

use hallpass::Platform;
use hallpass_testbed::{Config, Testbed};

const README: &str = include_str!("../../README.md");
const EXAMPLE: &str = include_str!("../examples/quickstart.rs");
const PLATFORM: &str = include_str!("../../examples/platforms/testbed-json.toml");

/// The README's first block in a language.
fn block(language: &str) -> &'static str {
    let fence = format!("```{language}\n");
    let block = README.split(&fence).nth(1).and_then(|rest| rest.split("```").next());
    block.unwrap_or_else(|| panic!("README has no {language} block"))
}

#[test]
fn the_example_in_the_readme_is_the_one_that_is_compiled() {
    let code: String = EXAMPLE.lines().filter(|line| !line.starts_with("//!")).collect::<Vec<_>>().join("\n");
    assert_eq!(block("rust").trim(), code.trim());
}

#[test]
fn the_platform_file_that_the_readme_explains_says_what_the_example_says() {
    let explained = Platform::from_toml(block("toml")).expect("the README's platform is read");
    let example = Platform::from_toml(PLATFORM).expect("the example is read");
    let (explained, example) = (explained.definition(), example.definition());
    assert_eq!((&explained.id, &explained.base_url), (&example.id, &example.base_url));
    assert_eq!(explained.sign_in, example.sign_in);
    assert_eq!(explained.renew, example.renew);
    assert_eq!(explained.identity, example.identity);
    assert_eq!(explained.refused, example.refused);
}

#[tokio::test]
async fn the_example_signs_in_the_first_time_and_resumes_the_second() {
    let testbed = Testbed::start(Config::default()).await.expect("starts");
    let folder = tempfile::tempdir().expect("a folder");
    let platforms = folder.path().join("examples/platforms");
    std::fs::create_dir_all(&platforms).expect("makes the folder");
    let platform = PLATFORM.replace("http://127.0.0.1:8080", &testbed.url());
    std::fs::write(platforms.join("testbed-json.toml"), platform).expect("writes");

    let tests = std::env::current_exe().expect("this test is a file");
    let built = tests.parent().and_then(Path::parent).expect("target/PROFILE/deps");
    let example = built.join("examples").join(format!("quickstart{}", std::env::consts::EXE_SUFFIX));
    for run in 0..2 {
        let mut command = Command::new(&example);
        command.current_dir(folder.path()).env("HALLPASS_KEY", "k1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=");
        let output = tokio::task::spawn_blocking(move || command.output()).await.expect("runs").expect("starts");
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "run {run}: {}", String::from_utf8_lossy(&output.stderr));
        assert!(printed.starts_with("200 OK"), "run {run}: {printed}");
    }
    assert_eq!(testbed.stats().sign_ins.total, 1);
}
