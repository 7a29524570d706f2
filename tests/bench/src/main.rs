//! What does Hallpass cost? `cargo xtask bench NAME` runs this program; every figure comes from one run.
//!
//! **Invariant:** a figure that could not be measured, or that missed its target, is printed as such and never left out.

mod call;
mod canned;
mod cores;
mod instructions;
mod lines;
mod memory;
mod race;
mod server;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::lines::Contender;
use hallpass_bench::figure::{self, Failure};

/// Measures, and prints figures with their targets.
#[derive(Debug, Parser)]
#[command(version, name = "hallpass-bench", args_conflicts_with_subcommands = true)]
#[command(after_help = "Without a name, every bench runs. The names: call.")]
struct Arguments {
    #[command(subcommand)]
    bench: Option<Bench>,
    #[command(flatten)]
    all: Printing,
}

#[derive(Debug, Subcommand)]
enum Bench {
    /// One call on an active session: rate, CPU and instructions, beside hyper, hyper-util and reqwest.
    Call(Printing),
    /// The platform that the other side of a bench talks to, as a process.
    #[command(hide = true)]
    Serve,
    /// So many calls by one contender in one thread, to be counted by callgrind.
    #[command(hide = true)]
    Probe {
        #[arg(value_enum)]
        contender: Contender,
        calls: usize,
    },
}

#[derive(Debug, clap::Args)]
struct Printing {
    /// Fewer rounds: ends within 40 seconds once built.
    #[arg(long)]
    quick: bool,
    /// Print one JSON array on standard output and nothing else.
    #[arg(long)]
    json: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::try_parse().unwrap_or_else(|error| {
        // Naming what there is helps more than naming what there is not.
        let is_unknown = error.kind() == clap::error::ErrorKind::InvalidSubcommand;
        if is_unknown {
            eprintln!("bench: the names are: {}", NAMES.join(", "));
        }
        error.exit()
    });
    match run(&arguments.bench.unwrap_or(Bench::Call(arguments.all))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("bench: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn run(bench: &Bench) -> Result<(), Failure> {
    match bench {
        Bench::Call(printing) => {
            let effort = if printing.quick { call::Effort::Quick } else { call::Effort::Full };
            let figures = call::measure(effort)?;
            let text = if printing.json { figure::json(&figures)? } else { figure::table(&figures) };
            println!("{text}");
            Ok(())
        }
        Bench::Serve => server::serve(),
        Bench::Probe { contender, calls } => instructions::probe(*contender, *calls),
    }
}

/// Every bench there is.
const NAMES: [&str; 1] = ["call"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_name_every_bench_runs_and_the_flags_still_count() {
        let arguments = Arguments::try_parse_from(["bench", "--quick", "--json"]).expect("parses");
        assert!(arguments.bench.is_none() && arguments.all.quick && arguments.all.json);
        let named = Arguments::try_parse_from(["bench", "call", "--quick"]).expect("parses");
        assert!(matches!(named.bench, Some(Bench::Call(Printing { quick: true, json: false }))));
    }

    #[test]
    fn every_name_is_a_bench_and_another_is_not() {
        assert!(NAMES.iter().all(|name| Arguments::try_parse_from(["bench", name]).is_ok()));
        assert!(Arguments::try_parse_from(["bench", "nothing"]).is_err());
    }
}
