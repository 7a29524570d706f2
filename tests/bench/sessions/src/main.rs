//! What do ten thousand, a hundred thousand and a million sessions cost in one process? `cargo xtask bench sessions`.
//!
//! No network: a script answers, so every byte and every microsecond is Hallpass's own, but for those of the script and of tokio.
//! **Invariant:** a missed target is printed as missed, and a count that is not what it must be (renewals, refusals) ends the run with an
//! error.

mod crowd;
mod hour;
mod issuer;
mod lookup;
mod spent;
mod storm;

use std::process::ExitCode;

use clap::Parser;
use hallpass_bench::figure::{self, Failure, Figure};
use peak_alloc::PeakAlloc;

/// Counts the bytes that are asked for, wherever that happens.
#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

/// Measures, and prints figures with their targets.
#[derive(Debug, Parser)]
#[command(version, name = "hallpass-bench-sessions")]
struct Arguments {
    /// Up to a hundred thousand sessions only.
    #[arg(long)]
    quick: bool,
    /// Only this part.
    #[arg(long, value_enum)]
    only: Option<Part>,
    /// Print one JSON array and nothing else.
    #[arg(long)]
    json: bool,
}

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    /// Bytes, creating, look-ups.
    Crowd,
    /// An hour in which every token ends.
    Hour,
    /// Ten thousand refused calls.
    Storm,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match measure(&arguments) {
        Ok(figures) => {
            let text = if arguments.json { figure::json(&figures) } else { Ok(figure::table(&figures)) };
            match text {
                Ok(text) => println!("{text}"),
                Err(failure) => return failed(&failure),
            }
            ExitCode::SUCCESS
        }
        Err(failure) => failed(&failure),
    }
}

fn measure(arguments: &Arguments) -> Result<Vec<Figure>, Failure> {
    let sizes = if arguments.quick { &SIZES[..2] } else { &SIZES };
    let wanted = |part| arguments.only.is_none_or(|only| only == part);
    let mut figures = Vec::new();
    if wanted(Part::Crowd) {
        for size in sizes {
            figures.extend(crowd::measure(*size)?);
        }
    }
    if wanted(Part::Hour) {
        figures.extend(hour::measure(sizes)?);
    }
    if wanted(Part::Storm) {
        figures.extend(storm::measure()?);
    }
    Ok(figures)
}

fn failed(failure: &Failure) -> ExitCode {
    eprintln!("bench: {failure}");
    ExitCode::FAILURE
}

const SIZES: [usize; 3] = [10_000, 100_000, 1_000_000];
