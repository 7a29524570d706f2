//! How a conformance run is told: to people as text, to programs as figures, against a floor that only rises.
//!
//! **Invariant:** every case of the data is passed, failed or deliberate; none is dropped silently.

use std::path::Path;

use serde::Serialize;

/// What one set of conformance data came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The set's name on the command line.
    pub name: &'static str,
    /// Cases answered as the data says.
    pub passed: usize,
    /// Every case in the data: passed, failed and deliberate.
    pub total: usize,
    /// Cases that are deliberately not run or answered otherwise, each with its reason.
    pub deliberate: Vec<String>,
    /// Cases answered otherwise, each with what happened; also why the data could not be read.
    pub failed: Vec<String>,
}

/// One figure in the form that every `--json` output of the project has.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Figure {
    /// What was measured.
    pub name: &'static str,
    /// How much it came to.
    pub value: usize,
    /// What it counts.
    pub unit: &'static str,
    /// What it must reach.
    pub target: usize,
    /// Whether it does.
    pub holds: bool,
    /// Cases passed.
    pub passed: usize,
    /// Cases in the data.
    pub total: usize,
    /// The deliberate differences.
    pub deliberate: Vec<String>,
}

impl Report {
    /// The report as a figure whose target is the checked-in floor.
    pub fn figure(&self, floor: usize) -> Figure {
        Figure {
            name: self.name,
            value: self.passed,
            unit: "cases",
            target: floor,
            holds: self.passed >= floor,
            passed: self.passed,
            total: self.total,
            deliberate: self.deliberate.clone(),
        }
    }
}

/// The floor of a set in a file such as `tests/conformance-floor.json`.
///
/// # Errors
///
/// What is wrong with the file, or that it does not name the set: a set without a floor could sink unseen.
pub fn floor(file: &Path, name: &str) -> Result<usize, String> {
    let text = std::fs::read_to_string(file).map_err(|error| format!("reading {}: {error}", file.display()))?;
    let floors: serde_json::Value =
        serde_json::from_str(&text).map_err(|error| format!("reading {}: {error}", file.display()))?;
    floors[name]
        .as_u64()
        .map(|floor| floor as usize)
        .ok_or_else(|| format!("{} names no floor for {name}", file.display()))
}
