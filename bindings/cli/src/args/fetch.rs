//! What can be written after `hallpass fetch`?

use std::path::PathBuf;

use clap::Args;

use super::Whose;

/// Make a call as a saved session; the answer's body goes to standard output, and nothing else does.
#[derive(Debug, Args)]
#[command(after_help = FETCH)]
pub(crate) struct Fetch {
    #[command(flatten)]
    pub(crate) whose: Whose,
    /// A path on the platform, or an address with its scheme; credentials go to the platform's origins only
    #[arg(value_name = "PATH-OR-URL")]
    pub(crate) address: String,
    /// The method [default: GET, or POST with a body]
    #[arg(short = 'X', long = "request", value_name = "METHOD")]
    pub(crate) method: Option<String>,
    /// A form body; `@FILE` reads a file without its line breaks, `@-` standard input. Several are joined with `&`
    #[arg(short = 'd', long, value_name = "DATA", conflicts_with = "json")]
    pub(crate) data: Vec<String>,
    /// As --data, but files are sent as they are
    #[arg(long, value_name = "DATA", conflicts_with = "json")]
    pub(crate) data_binary: Vec<String>,
    /// A JSON body, with the headers for it; `@FILE` and `@-` as above. Several are joined
    #[arg(long, value_name = "DATA")]
    pub(crate) json: Vec<String>,
    /// A header; may be repeated
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE")]
    pub(crate) headers: Vec<String>,
    /// The longest that everything may take, body included
    #[arg(short = 'm', long, value_name = "SECONDS", value_parser = seconds)]
    pub(crate) max_time: Option<std::time::Duration>,
    /// Write to a file, which appears when all of it is there; `-` is standard output
    #[arg(short = 'o', long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Take a redirect as the answer instead of following it
    #[arg(long)]
    pub(crate) no_location: bool,
    /// Write the head of the answer before its body; secrets in it are left out
    #[arg(short = 'i', long)]
    pub(crate) include: bool,
    /// Tell on standard error what happens: every request and answer, the session's own too; secrets in them are left out
    #[arg(short = 'v', long)]
    pub(crate) verbose: bool,
}

pub(super) fn seconds(text: &str) -> Result<std::time::Duration, String> {
    let number: f64 = text.parse().map_err(|_| "it is a number of seconds, such as 2.5".to_owned())?;
    match std::time::Duration::try_from_secs_f64(number) {
        Ok(limit) if !limit.is_zero() => Ok(limit),
        Ok(_) | Err(_) => Err("it is a number of seconds above 0".to_owned()),
    }
}

const FETCH: &str = "\
Examples:
  hallpass fetch example alice /api/items/1
  hallpass fetch example alice /api/items/1 -X DELETE
  hallpass fetch example alice /api/items --json '{\"name\": \"n\"}' | jq .
  hallpass fetch example alice /upload --data-binary @- -H 'Content-Type: text/csv' <table.csv
The body is written whatever the status; the exit code says what came of it (hallpass --help).";
