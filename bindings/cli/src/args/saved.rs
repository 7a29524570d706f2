//! What can be written after the commands about saved sessions?

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::Whose;

/// List the saved sessions, with what the key at hand tells about each. Nobody is asked over the network.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Sessions {
    /// Print them as JSON, and errors too
    #[arg(long)]
    pub(crate) json: bool,
    #[command(subcommand)]
    pub(crate) command: Option<SessionsCommand>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SessionsCommand {
    /// Write saved sessions to a file, sealed, for a backup or another machine
    Export(ExportSessions),
    /// Save the sessions in a file; what is saved already and is as new stays
    Import(ImportSessions),
}

/// Write saved sessions to a file, sealed as they are: whoever opens it needs the key that seals them (`hallpass keys list`). They stay
/// saved, too; where the platform rotates refresh tokens, only one copy of a session can go on renewing.
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("which").required(true))]
pub(crate) struct ExportSessions {
    /// The account whose sessions are exported; may be repeated
    #[arg(long, value_name = "ACCOUNT", group = "which")]
    pub(crate) account: Vec<String>,
    /// Every session
    #[arg(long, group = "which", conflicts_with = "account")]
    pub(crate) all: bool,
    /// Only sessions of this platform: its file, its name or its id
    #[arg(long, value_name = "PLATFORM")]
    pub(crate) platform: Option<String>,
    /// The new file, which only its owner can read
    #[arg(long, value_name = "FILE")]
    pub(crate) to: PathBuf,
    /// Open to whoever reads the file: no key is needed, and whoever has it is signed in
    #[arg(long)]
    pub(crate) plaintext: bool,
    /// Replace a file that is there
    #[arg(long)]
    pub(crate) force: bool,
    /// Print what was done as JSON, and errors too
    #[arg(long)]
    pub(crate) json: bool,
}

/// Save the sessions in a file that `sessions export` wrote, of this release or an earlier one.
#[derive(Debug, Args)]
pub(crate) struct ImportSessions {
    /// The file; `-` is standard input
    pub(crate) file: PathBuf,
    /// Replace sessions that are as new or newer, or that cannot be read
    #[arg(long)]
    pub(crate) replace: bool,
    /// Print what was done as JSON, and errors too
    #[arg(long)]
    pub(crate) json: bool,
}

/// Sign out: the platform is told, as `[sign_out]` of its file says, and the saved session is removed in any case.
#[derive(Debug, Args)]
pub(crate) struct Logout {
    /// A platform file, the name of one, or the platform's id where the file is gone
    pub(crate) platform: String,
    /// The account's name
    pub(crate) account: String,
    /// Only remove what is saved; the platform is not told
    #[arg(long)]
    pub(crate) local: bool,
    /// Print what was done as JSON, and errors too
    #[arg(long)]
    pub(crate) json: bool,
}

/// Renew a saved session now, whatever its token's age, and save it.
#[derive(Debug, Args)]
pub(crate) struct Refresh {
    #[command(flatten)]
    pub(crate) whose: Whose,
    /// Print what was done as JSON, and errors too
    #[arg(long)]
    pub(crate) json: bool,
}

/// Ask the platform now whether a saved session is good. Where it has to be renewed for that, it is, and is saved.
#[derive(Debug, Args)]
#[command(after_help = CHECK)]
pub(crate) struct Check {
    #[command(flatten)]
    pub(crate) whose: Whose,
    /// Also tell how credentials in this file, in any form that `login --bundle` takes, differ from the saved ones: names, no values
    #[arg(long, value_name = "FILE")]
    pub(crate) bundle: Option<PathBuf>,
    /// Print what was found out as JSON, and errors too
    #[arg(long)]
    pub(crate) json: bool,
}

/// Write the cookies of a saved session as a cookies.txt, in plaintext: whoever reads the file is signed in. Nobody is asked over the
/// network, and the session stays as it is.
#[derive(Debug, Args)]
#[command(after_help = EXPORT)]
pub(crate) struct Export {
    #[command(flatten)]
    pub(crate) whose: Whose,
    /// The new file, which only its owner can read; `-` is standard output
    #[arg(short = 'o', long, value_name = "FILE")]
    pub(crate) output: PathBuf,
    /// Replace a file that is there
    #[arg(long)]
    pub(crate) force: bool,
    /// Print what was done as JSON, and errors too
    #[arg(long)]
    pub(crate) json: bool,
}

const CHECK: &str = "\
Exit codes:
  0  valid, perhaps after a renewal
  2  the platform file has no [identity] to ask with, or the bundle cannot be read
  3  no session, or it has ended: log in again
  5  unknown: the platform failed or throttles; the session stays
  6  unknown: the network; the session stays
  7  the store or the keys";

const EXPORT: &str = "\
Examples:
  hallpass export example alice -o cookies.txt && curl -b cookies.txt https://example.com/me
Access tokens and device headers are not in such a file.";
