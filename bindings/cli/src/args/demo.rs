//! What can be written after `hallpass demo`?

use clap::Args;

/// Three accounts sign in at once and fetch while the platform expires tokens, rotates refresh tokens, answers 429 and drops
/// connections. Half way the program ends; the next one resumes all sessions from the sealed store without signing in.
#[derive(Debug, Args)]
#[command(after_help = DEMO)]
pub(crate) struct Demo {
    /// Repeats the faults of a run with the same number; keys are random all the same
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
    /// How many accounts
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=100))]
    pub(crate) accounts: u64,
    /// How many resources each fetches
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u64).range(2..=100_000))]
    pub(crate) calls: u64,
    /// Print the closing table as JSON, without progress, and errors too
    #[arg(long)]
    pub(crate) json: bool,
}

const DEMO: &str = "\
Ends with 0 only if every call was served and the platform's own counts agree with ours.";
