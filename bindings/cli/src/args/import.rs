//! What can be written after `hallpass import`?

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// Take over sessions that other programs saved: docs/from-python.md.
#[derive(Debug, Subcommand)]
pub(crate) enum ImportCommand {
    /// From a Redis where a Python session manager saved them, as JSON or Fernet tokens
    Redis(Box<ImportRedis>),
}

/// Take over what a session manager saved in Redis: `SETEX session:USER`, plain JSON or Fernet tokens.
///
/// Only tells what would be done, unless --write is given. Then each account is signed in with what was found, as `login --bundle` does, and
/// its session is sealed and saved. Redis is only read: SCAN and GETRANGE.
#[derive(Debug, Args)]
#[command(after_help = REDIS)]
pub(crate) struct ImportRedis {
    /// redis://[USER:PASSWORD@]HOST:PORT/DB, or rediss:// with TLS; where it holds a password, give it by REDIS_URL
    #[arg(long, env = "REDIS_URL", hide_env_values = true, value_name = "URL")]
    pub(crate) url: String,
    /// Which keys, in the form that Redis matches
    #[arg(long, default_value = "session:*", value_name = "PATTERN")]
    pub(crate) pattern: String,
    /// A platform file (TOML or JSON), or the name of one in the configuration folder
    #[arg(long, value_name = "FILE")]
    pub(crate) platform: String,
    /// Where in a key the account's name is: a regular expression with one group [default: what the pattern's one `*` stands for]
    #[arg(long, value_name = "REGEX")]
    pub(crate) account_from: Option<String>,
    /// A Fernet key; may be repeated, and each is tried. Other users of the machine can read it while this runs: rather give a file
    #[arg(long, value_name = "KEY")]
    pub(crate) fernet_key: Vec<String>,
    /// A file with Fernet keys, one a line; may be repeated, `-` is standard input
    #[arg(long, value_name = "FILE")]
    pub(crate) fernet_key_file: Vec<PathBuf>,
    /// Leave out Fernet tokens that are older
    #[arg(long, value_name = "SECONDS")]
    pub(crate) fernet_max_age: Option<u64>,
    /// Only tell what would be done, which is so unless --write is given
    #[arg(long, conflicts_with = "write")]
    pub(crate) dry_run: bool,
    /// Sign the accounts in and save their sessions
    #[arg(long)]
    pub(crate) write: bool,
    /// Replace sessions that are saved already; otherwise they stay
    #[arg(long, requires = "write")]
    pub(crate) replace: bool,
    /// Print what was found and done as JSON, and errors too
    #[arg(long)]
    pub(crate) json: bool,
}

const REDIS: &str = "\
Examples:
  hallpass import redis --url redis://localhost:6379/0 --platform example --fernet-key-file fernet.key
  hallpass import redis --platform example --pattern 'app:*:session' --account-from '^app:(.*):session$' --write";
