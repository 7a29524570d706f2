//! What can be written after the commands about saved sessions?

use std::path::PathBuf;

use clap::Args;

use super::Whose;

/// List the saved sessions, with what the key at hand tells about each. Nobody is asked over the network.
#[derive(Debug, Args)]
pub(crate) struct Sessions {
    /// Print them as JSON, and errors too
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

const EXPORT: &str = "\
Examples:
  hallpass export example alice -o cookies.txt && curl -b cookies.txt https://example.com/me
Access tokens and device headers are not in such a file.";
