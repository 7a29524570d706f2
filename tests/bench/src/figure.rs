//! How is a measurement told, and against what? One name, one value, one unit, and a target where there is one.

use std::fmt::Write as _;

use serde::{Serialize, Serializer};

/// Why nothing, or not everything, could be measured.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// One measurement.
#[derive(Debug, Serialize)]
pub struct Figure {
    name: String,
    /// `None`: it could not be measured, which holds no target.
    value: Option<f64>,
    unit: &'static str,
    target: Target,
    holds: Option<bool>,
}

/// What a value is judged by.
#[derive(Clone, Copy, Debug)]
pub enum Target {
    /// Nothing: it is told, not judged.
    None,
    /// A value that may not be exceeded.
    AtMost(f64),
    /// A value that must be reached.
    AtLeast(f64),
}

impl Figure {
    /// A measured value, and whether it holds its target.
    pub fn new(name: impl Into<String>, value: f64, unit: &'static str, target: Target) -> Self {
        let holds = match target {
            Target::None => None,
            Target::AtMost(most) => Some(value <= most),
            Target::AtLeast(least) => Some(value >= least),
        };
        Self { name: name.into(), value: Some(value), unit, target, holds }
    }

    /// A figure that could not be measured; its target is missed.
    pub fn missing(name: impl Into<String>, unit: &'static str, target: Target) -> Self {
        Self { name: name.into(), value: None, unit, target, holds: Some(false) }
    }
}

impl Serialize for Target {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::None => serializer.serialize_none(),
            Self::AtMost(bound) | Self::AtLeast(bound) => serializer.serialize_f64(*bound),
        }
    }
}

/// The figures as one JSON array.
///
/// # Errors
///
/// A value that is no number.
pub fn json(figures: &[Figure]) -> Result<String, Failure> {
    Ok(serde_json::to_string_pretty(figures)?)
}

/// The figures as people read them.
pub fn table(figures: &[Figure]) -> String {
    let mut text = String::new();
    for figure in figures {
        let value = figure.value.map_or_else(|| "missing".to_owned(), digits);
        let (target, verdict) = match (figure.target, figure.holds) {
            (Target::None, _) => (String::new(), ""),
            (Target::AtMost(bound), holds) => (format!("≤ {}", digits(bound)), word(holds)),
            (Target::AtLeast(bound), holds) => (format!("≥ {}", digits(bound)), word(holds)),
        };
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{:<42} {value:>12} {:<13} {target:<12} {verdict}", figure.name, figure.unit);
    }
    text.truncate(text.trim_end().len());
    text
}

fn word(holds: Option<bool>) -> &'static str {
    match holds {
        Some(true) => "holds",
        Some(false) | None => "MISSED",
    }
}

fn digits(value: f64) -> String {
    if value.abs() >= 1000.0 { format!("{value:.0}") } else { format!("{value:.3}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missed_target_and_a_missing_value_are_both_told() {
        let figures = [
            Figure::new("a", 2.0, "ratio", Target::AtMost(1.0)),
            Figure::missing("b", "instructions", Target::AtMost(9.0)),
            Figure::new("c", 1.0, "ratio", Target::AtLeast(1.0)),
            Figure::new("d", 1.0, "µs", Target::None),
        ];
        let text = table(&figures);
        let lines: Vec<_> = text.lines().collect();
        assert!(lines[0].contains("MISSED") && lines[1].contains("missing") && lines[1].contains("MISSED"), "{text}");
        assert!(lines[2].contains("holds") && !lines[3].contains("MISSED"), "{text}");
        let read: serde_json::Value = serde_json::from_str(&json(&figures).expect("is JSON")).expect("is JSON");
        assert_eq!(
            read[0],
            serde_json::json!({"name": "a", "value": 2.0, "unit": "ratio", "target": 1.0, "holds": false})
        );
        assert_eq!(read[1]["value"], serde_json::Value::Null);
        assert_eq!(read[3]["holds"], serde_json::Value::Null);
    }
}
