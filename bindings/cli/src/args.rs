//! What can be written on the command line? The texts here are what people read first.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

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
    /// Folder of the saved sessions [default: hallpass/sessions in the user's data folder]
    #[arg(long, global = true, value_name = "DIR", env = "HALLPASS_STORE")]
    pub(crate) store: Option<PathBuf>,
    /// File with the key that seals sessions; goes before HALLPASS_KEY [default: hallpass/key in the configuration folder]
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
    /// List the saved sessions
    Sessions(Sessions),
    /// Remove a saved session; the platform is not told
    Logout(Logout),
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

/// Sign an account in and save its session.
///
/// Secrets come from --bundle, --field-file or HALLPASS_FIELD_NAME in the environment; at a terminal the rest is asked for,
/// without echo. A secret is never an argument: other users can read those.
#[derive(Debug, Args)]
#[command(after_help = LOGIN)]
pub(crate) struct Login {
    #[command(flatten)]
    pub(crate) whose: Whose,
    /// Credentials as JSON, such as a browser's exported auth.json; `-` reads standard input. The file is never written
    #[arg(long, value_name = "FILE")]
    pub(crate) bundle: Option<PathBuf>,
    /// Takes one named secret from a file; may be repeated
    #[arg(long, value_name = "NAME=FILE", value_parser = named_file)]
    pub(crate) field_file: Vec<(String, PathBuf)>,
    /// Print the session as JSON, and errors too
    #[arg(long)]
    pub(crate) json: bool,
}

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
    /// Write the body to a file
    #[arg(short = 'o', long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Take a redirect as the answer instead of following it
    #[arg(long)]
    pub(crate) no_location: bool,
    /// Tell on standard error what happens
    #[arg(short = 'v', long)]
    pub(crate) verbose: bool,
}

/// List the saved sessions, with what the key at hand tells about each. Nobody is asked over the network.
#[derive(Debug, Args)]
pub(crate) struct Sessions {
    /// Print them as JSON, and errors too
    #[arg(long)]
    pub(crate) json: bool,
}

/// Remove a saved session; the platform is not told.
#[derive(Debug, Args)]
pub(crate) struct Logout {
    /// A platform file, the name of one, or the platform's id where the file is gone
    pub(crate) platform: String,
    /// The account's name
    pub(crate) account: String,
    /// Print what was done as JSON, and errors too
    #[arg(long)]
    pub(crate) json: bool,
}

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

impl Arguments {
    /// How errors are written: a command that prints JSON writes its errors so, too.
    pub(crate) fn errors(&self) -> Errors {
        let prints_json = match &self.command {
            Command::Login(wanted) => wanted.json,
            Command::Sessions(wanted) => wanted.json,
            Command::Logout(wanted) => wanted.json,
            Command::Demo(wanted) => wanted.json,
            Command::Fetch(_) => false,
        };
        if prints_json { Errors::Json } else { self.common.errors }
    }
}

fn named_file(text: &str) -> Result<(String, PathBuf), String> {
    match text.split_once('=') {
        Some((name, file)) if !name.is_empty() && !file.is_empty() => Ok((name.to_owned(), PathBuf::from(file))),
        // The text may be a secret that was meant for elsewhere.
        _ => Err("it is written NAME=FILE".to_owned()),
    }
}

fn seconds(text: &str) -> Result<std::time::Duration, String> {
    let number: f64 = text.parse().map_err(|_| "it is a number of seconds, such as 2.5".to_owned())?;
    match std::time::Duration::try_from_secs_f64(number) {
        Ok(limit) if !limit.is_zero() => Ok(limit),
        Ok(_) | Err(_) => Err("it is a number of seconds above 0".to_owned()),
    }
}

const EXIT_CODES: &str = "\
Exit codes:
  0  served (1xx to 3xx), or done
  1  something else went wrong, such as writing the output
  2  the command line, platform file, credentials or request cannot be
  3  the account must sign in: no session, expired, refused
  4  the platform declined the request (a 4xx of its own)
  5  the platform failed, throttles or answers what its file does not allow for
  6  the network: no connection, broken off, too slow
  7  the store or the keys
130  interrupted; the session was saved";

const LONG: &str = "\
Exit codes:
  0  served (1xx to 3xx), or done
  1  something else went wrong, such as writing the output
  2  the command line, platform file, credentials or request cannot be
  3  the account must sign in: no session, expired, refused
  4  the platform declined the request (a 4xx of its own)
  5  the platform failed, throttles or answers what its file does not allow for
  6  the network: no connection, broken off, too slow
  7  the store or the keys
130  interrupted; the session was saved

Files:
  $XDG_CONFIG_HOME/hallpass/platforms/NAME.toml   platforms by name
  $XDG_CONFIG_HOME/hallpass/key                   the key, made by the first login
  $XDG_DATA_HOME/hallpass/sessions                the sealed sessions

Environment:
  HALLPASS_KEY         id:base64 of 32 bytes, the sealing key first, commas between several
  HALLPASS_STORE       as --store
  HALLPASS_ERRORS      as --errors
  HALLPASS_FIELD_NAME  the secret NAME for `login`, such as HALLPASS_FIELD_PASSWORD

An error is one line, `hallpass: WHAT (KIND)`; with --errors json one object, {\"error\":{\"kind\",\"detail\",\"retry\"}}. KIND is
the same word as in the libraries.";

const LOGIN: &str = "\
Examples:
  hallpass login example alice                        # asks for what is missing
  hallpass login example alice --bundle auth.json
  pass show example/alice | hallpass login example alice --field-file password=/dev/stdin
  HALLPASS_FIELD_PASSWORD=… hallpass login ./example.toml alice";

const FETCH: &str = "\
Examples:
  hallpass fetch example alice /api/items/1
  hallpass fetch example alice /api/items/1 -X DELETE
  hallpass fetch example alice /api/items --json '{\"name\": \"n\"}' | jq .
  hallpass fetch example alice /upload --data-binary @- -H 'Content-Type: text/csv' <table.csv
The body is written whatever the status; the exit code says what came of it (hallpass --help).";

const DEMO: &str = "\
Ends with 0 only if every call was served and the platform's own counts agree with ours.";
