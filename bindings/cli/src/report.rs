//! How are errors and remarks written to standard error?
//!
//! **Invariant:** nothing here is written to standard output, and no error carries a secret.

use std::ffi::OsString;
use std::io::Write;
use std::time::Duration;

use clap::ValueEnum;
use hallpass::Retry;
use hallpass::core::time::Wall;
use serde_json::{Value, json};

use crate::outcome::Failure;

/// The forms of errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Errors {
    /// A line for people, and a hint
    Text,
    /// One JSON object
    Json,
}

/// Writes a failure.
pub(crate) fn failure(failure: &Failure, errors: Errors) {
    match errors {
        Errors::Text => {
            remark(&failure.error.to_string());
            if let Some(hint) = &failure.hint {
                line(&format!("  hint: {hint}"));
            }
        }
        Errors::Json => line(&json!({ "error": object(failure) }).to_string()),
    }
}

/// Writes a remark: one line that begins with the program's name.
pub(crate) fn remark(text: &str) {
    line(&format!("hallpass: {text}"));
}

/// Writes a line, unless nobody reads it any more.
pub(crate) fn line(text: &str) {
    drop(writeln!(std::io::stderr().lock(), "{text}"));
}

/// How errors are wished for by a command line that could not be read.
pub(crate) fn wished_for(words: impl Iterator<Item = OsString>) -> Errors {
    let words: Vec<_> = words.map(|word| word.to_string_lossy().into_owned()).collect();
    let by_flag = words.iter().any(|word| word == "--errors=json")
        || words.windows(2).any(|pair| pair[0] == "--errors" && pair[1] == "json");
    let by_command = words.iter().any(|word| word == "--json") && words.iter().all(|word| word != "fetch");
    let by_environment = std::env::var_os("HALLPASS_ERRORS").is_some_and(|value| value == "json");
    if by_flag || by_command || by_environment { Errors::Json } else { Errors::Text }
}

/// How long a moment is ahead or ago, for people.
pub(crate) fn from_now(at: Wall, now: Wall) -> String {
    if at > now { format!("in {}", span(at.since(now))) } else { format!("{} ago", span(now.since(at))) }
}

/// The present moment.
pub(crate) fn now() -> Wall {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Wall::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

fn span(length: Duration) -> String {
    let seconds = length.as_secs();
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        7200..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} d", seconds / 86_400),
    }
}

fn object(failure: &Failure) -> Value {
    let (retry, at) = match failure.error.retry() {
        Retry::Now => ("now", None),
        Retry::After(at) => ("after", Some(at.as_millis())),
        Retry::GaveUp => ("gave_up", None),
        // Never, or advice that a later release adds.
        _ => ("never", None),
    };
    let mut object = json!({ "kind": failure.error.kind(), "detail": failure.error.detail(), "retry": retry });
    if let Some(at) = at {
        object["retry_at"] = at.into();
    }
    if let Some(hint) = &failure.hint {
        object["hint"] = hint.as_str().into();
    }
    object
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_told_in_the_unit_that_fits() {
        for (seconds, told) in [(0, "0 s"), (119, "119 s"), (120, "2 min"), (7200, "2 h"), (200_000, "2 d")] {
            assert_eq!(span(Duration::from_secs(seconds)), told);
        }
    }

    #[test]
    fn a_command_line_that_cannot_be_read_still_says_how_errors_are_wished_for() {
        let of = |line: &str| wished_for(line.split(' ').map(OsString::from));
        assert_eq!(of("fetch p a /x --errors json"), Errors::Json);
        assert_eq!(of("--errors=json nonsense"), Errors::Json);
        assert_eq!(of("sessions --json --nonsense"), Errors::Json);
        assert_eq!(of("fetch p a --json {}"), Errors::Text);
    }
}
