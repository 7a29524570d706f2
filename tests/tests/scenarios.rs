//! Does every runner give the one trace that a scenario's file expects?

use hallpass_conformance::scenario::{Scenario, bare, tokio};

fn compare(runner: &str, run: fn(&Scenario) -> Vec<String>) {
    let files = Scenario::files();
    assert!(files.len() >= 8, "the scenarios are there");
    for path in files {
        let expected = std::fs::read_to_string(path.with_extension("trace")).expect("an expected trace");
        let seen = run(&Scenario::read(&path));
        let expected: Vec<_> = expected.lines().collect();
        for (number, (seen, expected)) in seen.iter().zip(&expected).enumerate() {
            assert_eq!(seen, expected, "{runner}: line {} of {}", number + 1, path.display());
        }
        assert_eq!(seen.len(), expected.len(), "{runner}: the length of {}", path.display());
    }
}

#[test]
fn the_bare_core_gives_the_expected_traces() {
    compare("bare", bare::run);
}

#[test]
fn tokio_gives_the_same_traces() {
    compare("tokio", tokio::run);
}
