//! What do ten thousand, a hundred thousand and a million sessions cost in one process? `cargo xtask bench sessions`.
//!
//! No network: a script answers, so every byte and every microsecond is Hallpass's own, but for those of the script and of tokio.
//! Each part has a process of its own, so that none lives in memory that another one has left behind. **Invariant:** a missed target is printed as missed, and a count that is not what it must be (renewals, refusals) ends the run with an
//! error.

mod crowd;
mod hour;
mod issuer;
mod lookup;
mod spent;
mod storm;

use std::process::{Command, ExitCode, ExitStatus, Stdio};

use clap::{Parser, ValueEnum};
use hallpass_bench::figure::{self, Failure};
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Bytes, creating, look-ups.
    Crowd,
    /// An hour in which every token ends.
    Hour,
    /// What a renewal costs in memory that another crowd has used and left.
    Reuse,
    /// Ten thousand refused calls.
    Storm,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let told = match arguments.only {
        Some(part) => tell(part, &arguments),
        None => tell_all(&arguments),
    };
    match told {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("bench: {failure}");
            ExitCode::FAILURE
        }
    }
}

/// Measures one part here.
fn tell(part: Part, arguments: &Arguments) -> Result<(), Failure> {
    let sizes = if arguments.quick { &SIZES[..2] } else { &SIZES };
    let figures = match part {
        Part::Crowd => crowd::measure(sizes),
        Part::Hour => hour::measure(sizes),
        Part::Reuse => hour::measure_again(sizes),
        Part::Storm => storm::measure(),
    }?;
    println!("{}", if arguments.json { figure::json(&figures)? } else { figure::table(&figures) });
    Ok(())
}

/// Has each part measured by a process of its own.
fn tell_all(arguments: &Arguments) -> Result<(), Failure> {
    let mut figures: Vec<serde_json::Value> = Vec::new();
    for part in Part::value_variants() {
        let name = part.to_possible_value().ok_or("a part without a name")?;
        let mut program = Command::new(std::env::current_exe()?);
        program.args(["--only", name.get_name()]).args(arguments.quick.then_some("--quick"));
        if !arguments.json {
            done(program.status()?)?;
            continue;
        }
        let told = program.arg("--json").stderr(Stdio::inherit()).output()?;
        done(told.status)?;
        figures.extend(serde_json::from_slice::<Vec<_>>(&told.stdout)?);
    }
    if arguments.json {
        println!("{:#}", serde_json::Value::Array(figures));
    }
    Ok(())
}

fn done(status: ExitStatus) -> Result<(), Failure> {
    if status.success() { Ok(()) } else { Err(format!("a part failed ({status})").into()) }
}

const SIZES: [usize; 3] = [10_000, 100_000, 1_000_000];
