//! What do CI and people run? `cargo xtask help` lists it.
//!
//! Every check of this repository is one of these commands, so that a machine and a person run the same thing. Nothing is skipped
//! silently: what is missing is installed where that is possible, and is a failure that says how to get it everywhere else.

mod checks;
mod deny;
mod figures;
mod node;
mod npm;
mod python;
mod real;
mod shell;
mod stores;
mod suite;
mod tally;
mod tidy;
mod tools;
mod wasm;

use std::process::ExitCode;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::real::Servers;
use crate::shell::Result;

/// What CI runs and what you run.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Install what is missing, then build and pass every test, or the parts that are named.
    Test {
        /// Only these parts: --only rust,wasm or --only rust --only wasm.
        #[arg(long, value_enum, value_delimiter = ',', num_args = 1..)]
        only: Vec<suite::Part>,
        /// Against every real server, the heavy ones too; without --only, nothing else.
        #[arg(long)]
        real: bool,
    },
    /// Everything that must hold before a change lands: fmt, clippy, tidy, deny and all of `test`.
    Ci,
    /// Check the house rules that no compiler knows.
    Tidy,
    /// Check licences, duplicate and banned crates, and where crates come from.
    Deny,
    /// Check the format of every Rust file.
    Fmt,
    /// Run clippy with its warnings as errors and the core's bans.
    Clippy,
    /// Measure: prints figures with their targets.
    Bench(Figures),
    /// Run vectors and other people's test suites: prints how many cases pass, and against which floor.
    Conformance(Figures),
    /// Build the npm package with its wasm module, or run its tests too.
    Npm {
        /// What to do.
        #[arg(value_enum, default_value = "test")]
        what: NpmStep,
    },
    /// Build the wasm module into `bindings/npm/wasm`.
    Wasm,
    /// Write the vector files that are generated from the code, for example after adding an error kind.
    Vectors,
    /// Write `docs/platform.schema.json`, the JSON Schema of platform files, from the code.
    Schema,
}

#[derive(Debug, Args)]
struct Figures {
    /// Which one; an unknown name lists the known ones.
    name: Option<String>,
    /// Fewer rounds: ends within 40 seconds once built.
    #[arg(long)]
    quick: bool,
    /// Print one JSON array on standard output and nothing else.
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum NpmStep {
    /// Build only.
    Build,
    /// Build and test.
    Test,
}

fn main() -> ExitCode {
    match run(&Arguments::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("xtask: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: &Command) -> Result {
    match command {
        Command::Test { only, real: true } if only.is_empty() => suite::test(&[suite::Part::Real], Servers::All),
        Command::Test { only, real: true } => suite::test(only, Servers::All),
        Command::Test { only, real: false } => suite::test(only, Servers::Cheap),
        Command::Ci => suite::ci(),
        Command::Tidy => tidy::check_workspace(),
        Command::Deny => deny::check(),
        Command::Fmt => checks::fmt(),
        Command::Clippy => checks::clippy(),
        Command::Bench(figures) => figures::bench(figures),
        Command::Conformance(figures) => figures::conformance(figures),
        Command::Npm { what: NpmStep::Build } => npm::build(),
        Command::Npm { what: NpmStep::Test } => suite::test(&[suite::Part::Npm], Servers::Cheap),
        Command::Wasm => wasm::build().map(drop),
        Command::Vectors => checks::write_vectors(),
        Command::Schema => checks::write_schema(),
    }
}
