//! What does a store cost, sealing included, beside what it is made of? `cargo xtask bench stores`.
//!
//! Redis: a load with opening and decoding beside a bare `GET`, a sealed save beside a bare `SET`, and what a Python program does with
//! redis-py and cryptography; by one task and by 64. **Invariant:** a figure that could not be measured, or that missed its target, is
//! printed as such and never left out.

mod python;
mod rates;
mod redis_store;

use std::process::ExitCode;

use clap::Parser;
use hallpass_bench::figure::{self, Failure};

/// Measures, and prints figures with their targets.
#[derive(Debug, Parser)]
#[command(version, name = "hallpass-bench-stores")]
struct Arguments {
    /// Shorter rounds.
    #[arg(long)]
    quick: bool,
    /// Print one JSON array and nothing else.
    #[arg(long)]
    json: bool,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("bench: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), Failure> {
    let effort = if arguments.quick { rates::Effort::QUICK } else { rates::Effort::FULL };
    let figures = tokio::runtime::Runtime::new()?.block_on(redis_store::measure(effort))?;
    println!("{}", if arguments.json { figure::json(&figures)? } else { figure::table(&figures) });
    Ok(())
}
