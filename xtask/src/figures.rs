//! Who measures, and who counts cases?
//!
//! Nobody here: the programs `hallpass-bench` and `conformance` know their names and targets. This file builds and starts them; what they
//! print on standard output is passed on untouched.

use crate::Figures;
use crate::shell::{Failure, Result, cargo, output, run_quietly};

/// `cargo xtask bench`: the release build of the bench program.
pub(crate) fn bench(figures: &Figures) -> Result {
    dispatch(
        "hallpass-bench",
        &["run", "--quiet", "--release", "--locked", "--package", "hallpass-bench", "--"],
        figures,
    )
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
