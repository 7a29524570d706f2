//! `conformance [NAME] [--quick] [--json]`: runs the conformance data of others and compares with the checked-in floor.
//!
//! Ends with 0 when every floor holds, 1 when one is missed, 2 when it cannot tell.

use std::path::Path;
use std::process::ExitCode;

use hallpass_conformance::aes_gcm;
use hallpass_conformance::report::{self, Figure, Report};

type Run = fn(&Path) -> Report;
type Set = (&'static str, Run);

const SETS: &[Set] = &[(aes_gcm::NAME, aes_gcm::run)];

#[derive(Clone, Copy)]
enum Form {
    Text,
    Json,
}

fn main() -> ExitCode {
    match run(std::env::args().skip(1)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("conformance: {error}");
            ExitCode::from(2)
        }
    }
}

/// Whether every floor holds.
fn run(arguments: impl Iterator<Item = String>) -> Result<bool, String> {
    let (form, chosen) = choose(arguments)?;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut figures = Vec::new();
    for (name, run) in chosen {
        let floor = report::floor(&folder.join("conformance-floor.json"), name)?;
        let report = run(&folder.join("vectors/external"));
        let figure = report.figure(floor);
        match form {
            Form::Text => print_text(&report, &figure),
            Form::Json => report.failed.iter().for_each(|failure| eprintln!("failed: {failure}")),
        }
        figures.push(figure);
    }
    if let Form::Json = form {
        println!("{}", serde_json::to_string_pretty(&figures).map_err(|error| error.to_string())?);
    }
    Ok(figures.iter().all(|figure| figure.holds))
}

fn choose(arguments: impl Iterator<Item = String>) -> Result<(Form, Vec<Set>), String> {
    let mut form = Form::Text;
    let mut chosen = Vec::new();
    for argument in arguments {
        if argument == "--json" {
            form = Form::Json;
        } else if argument == "--quick" {
            // Taken as everywhere; every set here is quick.
        } else if let Some(set) = SETS.iter().find(|(name, _)| *name == argument) {
            chosen.push(*set);
        } else {
            let names: Vec<_> = SETS.iter().map(|(name, _)| *name).collect();
            return Err(format!("`{argument}` is not one of {}, nor --json", names.join(", ")));
        }
    }
    if chosen.is_empty() {
        chosen.extend_from_slice(SETS);
    }
    Ok((form, chosen))
}

fn print_text(report: &Report, figure: &Figure) {
    let verdict = if figure.holds { "holds" } else { "MISSED" };
    println!(
        "{}: {} of {} cases passed, {} deliberately not, {} failed; floor {}: {verdict}",
        report.name,
        report.passed,
        report.total,
        report.deliberate.len(),
        report.failed.len(),
        figure.target,
    );
    report.deliberate.iter().for_each(|case| println!("  deliberate: {case}"));
    report.failed.iter().for_each(|case| println!("  failed: {case}"));
}
