//! Does the README's Rust example do what the README says, word for word?

use std::path::Path;
use std::process::Command;

use hallpass_testbed::{Config, Testbed};

const README: &str = include_str!("../../README.md");
const EXAMPLE: &str = include_str!("../examples/quickstart.rs");

#[test]
fn the_example_in_the_readme_is_the_one_that_is_compiled() {
    let block =
        README.split("```rust\n").nth(1).and_then(|rest| rest.split("```").next()).expect("README has a Rust block");
    let code: String = EXAMPLE.lines().filter(|line| !line.starts_with("//!")).collect::<Vec<_>>().join("\n");
    assert_eq!(block.trim(), code.trim());
}

#[tokio::test]
async fn the_example_signs_in_the_first_time_and_resumes_the_second() {
    let testbed = Testbed::start(Config::default()).await.expect("starts");
    let folder = tempfile::tempdir().expect("a folder");
    let platforms = folder.path().join("examples/platforms");
    std::fs::create_dir_all(&platforms).expect("makes the folder");
    let platform = include_str!("../../examples/platforms/testbed-json.toml");
    let platform = platform.replace("http://127.0.0.1:8080", &testbed.url());
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
