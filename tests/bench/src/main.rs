//! What does Hallpass cost? `cargo xtask bench NAME` runs this program; every figure comes from one run.
//!
//! **Invariant:** a figure that could not be measured, or that missed its target, is printed as such and never left out.

mod call;
mod canned;
mod cores;
mod figure;
mod instructions;
mod lines;
mod memory;
mod race;
mod server;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::figure::Failure;
use crate::lines::Contender;

/// Measures, and prints figures with their targets.
#[derive(Debug, Parser)]
#[command(version, name = "hallpass-bench")]
struct Arguments {
    #[command(subcommand)]
    bench: Bench,
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
    match run(&Arguments::parse().bench) {
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
