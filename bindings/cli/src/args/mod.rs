//! What can be written on the command line? The texts here are what people read first.

mod completions;
mod demo;
mod fetch;
mod import;
mod keys;
mod login;
mod platform;
mod saved;
mod top;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

pub(crate) use self::completions::Completions;
pub(crate) use self::demo::Demo;
pub(crate) use self::fetch::Fetch;
pub(crate) use self::import::{ImportCommand, ImportRedis};
pub(crate) use self::keys::{KeysCommand, ListKeys, NewKey, Retire, Rotate, Spaces};
pub(crate) use self::login::{Import, Login};
pub(crate) use self::platform::{CheckFile, New, PlatformCommand, Recipe};
pub(crate) use self::saved::{
    Check, Export, ExportSessions, ImportSessions, Logout, Refresh, Sessions, SessionsCommand,
};
pub(crate) use self::top::Top;
use crate::report::Errors;

/// curl that stays signed in.
///
/// Sign an account in once; every later call resumes its saved session, renews it when it has to, and saves it again, sealed.
#[derive(Debug, Parser)]
#[command(name = "hallpass", version, after_help = EXIT_CODES, after_long_help = LONG)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What every command takes.
#[derive(Debug, Args)]
pub(crate) struct Common {
    /// Folder of the saved sessions, or URL of a Redis that has them [default: hallpass/sessions in the user's data folder]
    #[arg(long, global = true, value_name = "DIR|URL", env = "HALLPASS_STORE", hide_env_values = true)]
    pub(crate) store: Option<PathBuf>,
    /// File with the key that seals sessions; goes before HALLPASS_KEY and the like [default: hallpass/key in the configuration folder]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) key_file: Option<PathBuf>,
    /// How errors are written to standard error
    #[arg(long, global = true, value_enum, value_name = "FORM", env = "HALLPASS_ERRORS", default_value_t = Errors::Text)]
    pub(crate) errors: Errors,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Sign an account in and save its session
    Login(Login),
    /// Make a call as a saved session; the answer's body goes to standard output
    Fetch(Fetch),
    /// Ask the platform now whether a saved session is good
    Check(Check),
    /// Renew a saved session now
    Refresh(Refresh),
    /// List the saved sessions, or export and import them
    Sessions(Sessions),
    /// A live view of saved sessions and their connections
    Top(Top),
    /// Write a saved session's cookies as a cookies.txt
    Export(Export),
    /// Sign out at the platform and remove the saved session
    Logout(Logout),
    /// Take over sessions that other programs saved
    #[command(subcommand)]
    Import(ImportCommand),
    /// Make, list, rotate and retire the keys that seal sessions
    #[command(subcommand)]
    Keys(KeysCommand),
    /// Check platform files, or write a new one
    #[command(subcommand)]
    Platform(PlatformCommand),
    /// Print what makes a shell complete this command
    Completions(Completions),
    /// Three accounts against a real platform on loopback that expires, rotates, throttles and drops
    Demo(Demo),
}

/// Which session.
#[derive(Debug, Args)]
pub(crate) struct Whose {
    /// A platform file (TOML or JSON), or the name of one in the configuration folder
    pub(crate) platform: String,
    /// The account's name, as you like to call it
    pub(crate) account: String,
}

impl Arguments {
    /// How errors are written: a command that prints JSON writes its errors so, too.
    pub(crate) fn errors(&self) -> Errors {
        let prints_json = match &self.command {
            Command::Login(wanted) => wanted.json,
            Command::Check(wanted) => wanted.json,
            Command::Refresh(wanted) => wanted.json,
            Command::Sessions(wanted) => match &wanted.command {
                None => wanted.json,
                Some(SessionsCommand::Export(wanted)) => wanted.json,
                Some(SessionsCommand::Import(wanted)) => wanted.json,
            },
            Command::Top(wanted) => wanted.json,
            Command::Export(wanted) => wanted.json,
            Command::Platform(PlatformCommand::Check(wanted)) => wanted.json,
            Command::Platform(PlatformCommand::New(wanted)) => wanted.json,
            Command::Import(ImportCommand::Redis(wanted)) => wanted.json,
            Command::Keys(KeysCommand::New(wanted)) => wanted.json,
            Command::Keys(KeysCommand::List(wanted)) => wanted.json,
            Command::Keys(KeysCommand::Rotate(wanted)) => wanted.json,
            Command::Keys(KeysCommand::Retire(wanted)) => wanted.json,
            Command::Logout(wanted) => wanted.json,
            Command::Demo(wanted) => wanted.json,
            Command::Fetch(_) | Command::Completions(_) => false,
        };
        if prints_json { Errors::Json } else { self.common.errors }
    }
}

/// The exit codes, for both helps.
macro_rules! exit_codes {
    () => {
        "\
Exit codes:
  0  served (1xx to 3xx), or done
  1  something else went wrong, such as writing the output
  2  the command line, platform file, credentials or request cannot be
  3  the account must sign in: no session, expired, refused
  4  the platform declined the request (a 4xx of its own)
  5  the platform failed, throttles or answers what its file does not allow for
  6  the network: no connection, broken off, too slow
  7  the store or the keys
130  interrupted; the session was saved"
    };
}

const EXIT_CODES: &str = exit_codes!();

const LONG: &str = concat!(
    exit_codes!(),
    "

Files:
  $XDG_CONFIG_HOME/hallpass/platforms/NAME.toml   platforms by name
  $XDG_CONFIG_HOME/hallpass/key                   the key, made by the first login
  $XDG_DATA_HOME/hallpass/sessions                the sealed sessions

Environment:
  HALLPASS_KEY              id:base64 of 32 bytes, the sealing key first, commas between several
  HALLPASS_KEY_FILE         or: a file that holds them, which only its owner reads
  HALLPASS_KEY_COMMAND      or: a command that prints them, of a password manager or a key management service
  HALLPASS_PASSPHRASE_FILE  a file with the passphrases of keys that are made from one, one a line
  HALLPASS_STORE            as --store; the place for a URL with a password (redis://user:password@host, docs/redis-store.md)
  HALLPASS_ERRORS           as --errors
  HALLPASS_FIELD_NAME       the secret NAME for `login`, such as HALLPASS_FIELD_PASSWORD

An error is one line, `hallpass: WHAT (KIND)`; with --errors json one object, {\"error\":{\"kind\",\"detail\",\"retry\"}}. KIND is
the same word as in the libraries."
);
