//! Which tests are there, and did all of them pass?
//!
//! **Invariant:** every part that was asked for ends with a line of its own, whatever happened before it; a part that cannot run, or
//! that runs no test, counts as one failure; the last line is `N passed, N failed` over everything.

use std::fmt;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use clap::ValueEnum;

use crate::real::Servers;
use crate::shell::{self, Failure, Result, cargo, root, run, run_reading};
use crate::tally::Tally;
use crate::{checks, deny, npm, real, stores, tidy, wasm};

/// A part of the tests that can be run alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    /// Every crate's tests on this machine, documentation examples included.
    Rust,
    /// Build the wasm module and load it in Node.
    Wasm,
    /// Build the npm package and run its tests.
    Npm,
    /// The tests against real servers: the cheap ones, unless all are asked for.
    Real,
    /// The stores against servers that are started for them: Redis, alone and in company.
    Stores,
    /// The documentation, warnings denied.
    Docs,
}

/// Runs the named parts, or all of them, and prints totals.
pub(crate) fn test(only: &[Part], servers: Servers) -> Result {
    let mut report = Report::default();
    run_parts(only, servers, &mut report);
    report.close()
}

/// Runs every check and every part of the tests, and prints totals.
pub(crate) fn ci() -> Result {
    let mut report = Report::default();
    report.check("fmt", checks::fmt);
    report.check("tidy", tidy::check_workspace);
    report.check("clippy", checks::clippy);
    report.check("deny", deny::check);
    run_parts(&[], Servers::All, &mut report);
    report.close()
}

fn run_parts(only: &[Part], servers: Servers, report: &mut Report) {
    for part in Part::value_variants() {
        if only.is_empty() || only.contains(part) {
            match part {
                Part::Rust => report.tests("rust", rust),
                Part::Wasm => report.tests("wasm", wasm_in_node),
                Part::Npm => report.tests("npm", npm::test),
                Part::Real => report.tests("real", |tally| real::test(servers, tally)),
                Part::Stores => report.tests("stores", stores::test),
                Part::Docs => report.check("docs", checks::docs),
            }
        }
    }
}

/// Runs a command whose output has totals and adds them; fails where it fails, where a test failed, and where none was run.
pub(crate) fn counted(command: &mut Command, tally: &mut Tally) -> Result {
    let mut seen = Tally::default();
    let ended = run_reading(command, |line| seen.read_line(line))?;
    *tally += seen;
    match ended {
        Err(failure) => Err(failure),
        Ok(()) if seen.failed > 0 => Err(Failure::new("tests failed")),
        Ok(()) if seen.is_empty() => Err(Failure::new(format!("{} ran no test", command.get_program().display()))),
        Ok(()) => Ok(()),
    }
}

/// Builds the programs that tests start, together with the tests: so both have the same features and nothing is built twice.
pub(crate) fn build_programs() -> Result {
    run(&mut cargo(&["build", "--workspace", "--locked", "--lib", "--bins", "--tests", "--examples"]))
}

fn rust(tally: &mut Tally) -> Result {
    build_programs()?;
    let all = counted(&mut cargo(&["test", "--workspace", "--locked", "--no-fail-fast"]), tally);
    // What is not a default feature of any crate.
    let metrics = ["test", "--locked", "-p", "hallpass", "--features", "metrics", "--test", "metrics"];
    // A store of somebody else's, outside of the workspace, held to the published laws.
    let theirs =
        ["test", "--locked", "--manifest-path", "examples/third-party-store/Cargo.toml", "--target-dir", "target"];
    all.and(counted(&mut cargo(&metrics), tally)).and(counted(&mut cargo(&theirs), tally))
}

fn wasm_in_node(tally: &mut Tally) -> Result {
    let module = wasm::build()?;
    let node = crate::node::of_the_machine()?;
    let mut command = node.node(&root());
    command.args(["--test", "--test-reporter=tap"]).arg(Path::new("xtask/smoke/wasm.test.mjs"));
    counted(command.env("HALLPASS_WASM", module), tally)
}

/// What happened, in order.
#[derive(Debug, Default)]
struct Report {
    lines: Vec<Line>,
}

#[derive(Debug)]
struct Line {
    name: &'static str,
    tally: Option<Tally>,
    failure: Option<Failure>,
    took: Duration,
}

impl Report {
    /// A check that counts only where it fails.
    fn check(&mut self, name: &'static str, check: impl FnOnce() -> Result) {
        shell::say(name);
        let started = Instant::now();
        let failure = check().err();
        self.end(Line { name, tally: None, failure, took: started.elapsed() });
    }

    /// A part that runs tests.
    fn tests(&mut self, name: &'static str, part: impl FnOnce(&mut Tally) -> Result) {
        shell::say(name);
        let started = Instant::now();
        let mut tally = Tally::default();
        let failure = part(&mut tally).err();
        self.end(Line { name, tally: Some(tally), failure, took: started.elapsed() });
    }

    fn end(&mut self, line: Line) {
        if let Some(failure) = &line.failure {
            eprintln!("xtask: {}: {failure}", line.name);
        }
        self.lines.push(line);
    }

    /// A failure that no test reported still counts as one.
    fn total(&self) -> Tally {
        let mut total = Tally::default();
        for line in &self.lines {
            let tally = line.tally.unwrap_or_default();
            total += tally;
            total.failed += u64::from(line.failure.is_some() && tally.failed == 0);
        }
        total
    }

    fn close(&self) -> Result {
        let total = self.total();
        println!("\n{self}{total}");
        if total.failed == 0 { Ok(()) } else { Err(Failure::new("not everything holds; see the lines above")) }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.lines {
            write!(f, "{:<8}", line.name)?;
            match (&line.tally, &line.failure) {
                (Some(tally), _) => write!(f, "{tally}")?,
                (None, None) => f.write_str("holds")?,
                (None, Some(_)) => f.write_str("FAILED")?,
            }
            if let Some(left_out) = line.tally.map(|tally| tally.left_out).filter(|count| *count > 0) {
                write!(f, ", {left_out} left out")?;
            }
            write!(f, " ({} s)", line.took.as_secs())?;
            if let Some(failure) = &line.failure {
                write!(f, ": {failure}")?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_that_cannot_run_counts_as_one_failure() {
        let mut report = Report::default();
        report.tests("rust", |tally| {
            tally.passed = 3;
            Ok(())
        });
        report.tests("npm", |_| Err(Failure::new("no node")));
        report.check("docs", || Err(Failure::new("broken link")));
        assert_eq!(report.total(), Tally { passed: 3, failed: 2, left_out: 0 });
        assert!(report.close().is_err());
    }

    #[test]
    fn failed_tests_are_counted_once_and_a_check_that_holds_counts_nothing() {
        let mut report = Report::default();
        report.check("fmt", || Ok(()));
        report.tests("rust", |tally| {
            *tally = Tally { passed: 1, failed: 2, left_out: 1 };
            Err(Failure::new("tests failed"))
        });
        assert_eq!(report.total(), Tally { passed: 1, failed: 2, left_out: 1 });
        assert!(report.to_string().contains("1 passed, 2 failed, 1 left out (0 s): tests failed"));
    }
}
