//! The words of `hallpass top`.

use std::time::Duration;

use clap::Args;

/// A live view of saved sessions: state, age, expiry, calls, errors, retries, renewals, what waits, and the connections.
///
/// They are opened in this process as any program would open them, so the numbers are this process's own. On the way out they are
/// saved; nobody is signed out. `?` explains the keys.
#[derive(Debug, Args)]
#[command(after_help = TOP)]
pub(crate) struct Top {
    /// A platform file (TOML or JSON), or the name of one in the configuration folder
    pub(crate) platform: String,
    /// The accounts' names
    #[arg(value_name = "ACCOUNT", required_unless_present = "all", conflicts_with = "all")]
    pub(crate) accounts: Vec<String>,
    /// Every saved account of the platform
    #[arg(long)]
    pub(crate) all: bool,
    /// How often the view is renewed
    #[arg(long, value_name = "SECONDS", value_parser = super::fetch::seconds, default_value = "1")]
    pub(crate) every: Duration,
    /// Print one plain table and end
    #[arg(long)]
    pub(crate) once: bool,
    /// Print one snapshot as JSON and end, and errors too
    #[arg(long)]
    pub(crate) json: bool,
}

const TOP: &str = "\
Examples:
  hallpass top example --all
  hallpass top example alice bob --every 0.5
  hallpass top example --all --once";
