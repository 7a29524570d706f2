//! Who measures, and who counts cases?
//!
//! Nobody here: the programs `hallpass-bench`, `hallpass-bench-sessions`, `hallpass-bench-stores` and `conformance` know their targets. This file builds and starts them; what they
//! print on standard output is passed on untouched.

use crate::Figures;
use crate::shell::{Failure, Result, cargo, output, run_quietly};

/// `cargo xtask bench`: the release build of one bench program, or of all of them.
pub(crate) fn bench(figures: &Figures) -> Result {
    let wanted: Vec<_> =
        BENCHES.iter().filter(|(name, _)| figures.name.as_deref().is_none_or(|n| n == *name)).collect();
    if wanted.is_empty() {
        let names: Vec<_> = BENCHES.iter().map(|(name, _)| *name).collect();
        return Err(Failure::new(format!("there is no such bench; the names are: {}", names.join(", "))));
    }
    if !figures.json || wanted.len() == 1 {
        return wanted.into_iter().try_for_each(|(_, package)| run_quietly(&mut program(package, figures)));
    }
    // One array, whoever measured.
    let mut all = Vec::new();
    for (name, package) in wanted {
        let told = output(program(package, figures).stderr(std::process::Stdio::inherit()));
        let read = told.and_then(|told| serde_json::from_str::<Vec<serde_json::Value>>(&told).ok());
        all.extend(read.ok_or_else(|| Failure::new(format!("the bench `{name}` failed")))?);
    }
    println!("{:#}", serde_json::Value::Array(all));
    Ok(())
}

fn program(package: &str, figures: &Figures) -> std::process::Command {
    let mut program = cargo(&["run", "--quiet", "--release", "--locked", "--package", package, "--"]);
    program.args(figures.quick.then_some("--quick")).args(figures.json.then_some("--json"));
    program
}

/// `cargo xtask conformance`.
pub(crate) fn conformance(figures: &Figures) -> Result {
    let program = ["run", "--quiet", "--locked", "--package", "hallpass-conformance", "--bin", "conformance", "--"];
    dispatch("hallpass-conformance", &program, figures)
}

fn dispatch(package: &str, program: &[&str], figures: &Figures) -> Result {
    if output(cargo(&["pkgid", "--package", package]).arg("--locked")).is_none() {
        return Err(Failure::new(format!("the workspace has no package `{package}`, so there is nothing to run")));
    }
    run_quietly(cargo(program).args(arguments(figures)))
}

fn arguments(figures: &Figures) -> Vec<&str> {
    let mut arguments: Vec<&str> = figures.name.as_deref().into_iter().collect();
    arguments.extend(figures.quick.then_some("--quick"));
    arguments.extend(figures.json.then_some("--json"));
    arguments
}

/// Every bench by its name, and the package that measures it.
const BENCHES: [(&str, &str); 3] =
    [("call", "hallpass-bench"), ("sessions", "hallpass-bench-sessions"), ("stores", "hallpass-bench-stores")];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_and_the_flags_are_passed_on_and_nothing_else() {
        let figures = Figures { name: Some("call".to_owned()), quick: true, json: true };
        assert_eq!(arguments(&figures), ["call", "--quick", "--json"]);
        assert!(arguments(&Figures { name: None, quick: false, json: false }).is_empty());
    }
}
