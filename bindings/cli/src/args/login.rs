//! What can be written after `hallpass login`?

use std::path::PathBuf;

use clap::Args;

use super::Whose;

/// Sign an account in and save its session.
///
/// Secrets come from --bundle (or another import), --field-file or HALLPASS_FIELD_NAME in the environment; at a terminal the rest is asked for,
/// without echo. A secret is never an argument: other users can read those.
#[derive(Debug, Args)]
#[command(after_help = LOGIN)]
pub(crate) struct Login {
    #[command(flatten)]
    pub(crate) whose: Whose,
    #[command(flatten)]
    pub(crate) import: Import,
    /// Takes one named secret from a file; may be repeated
    #[arg(long, value_name = "NAME=FILE", value_parser = named_file)]
    pub(crate) field_file: Vec<(String, PathBuf)>,
    /// Opens the address where the person signs in with $BROWSER, or with what the desktop has for that
    #[arg(long)]
    pub(crate) browser: bool,
    /// Seal the credentials with the session, so that it signs in again by itself when it has ended; what the platform refuses then is
    /// dropped
    #[arg(long)]
    pub(crate) keep_credentials: bool,
    /// Print the session as JSON, and errors too
    #[arg(long)]
    pub(crate) json: bool,
}

/// Where credentials are taken from, as people have them: one of these, since a bundle travels as one. Files are only read; `-` is
/// standard input.
#[derive(Debug, Default, Args)]
#[group(multiple = false)]
pub(crate) struct Import {
    /// Credentials in any form: JSON such as auth.json, or what the next three take, told by its looks
    #[arg(long, value_name = "FILE")]
    pub(crate) bundle: Option<PathBuf>,
    /// A cURL command, as browsers copy it (\"Copy as cURL\", for Unix or Windows)
    #[arg(long, value_name = "FILE")]
    pub(crate) curl: Option<PathBuf>,
    /// A Netscape cookies.txt; cookies of other hosts than the platform's are left out
    #[arg(long, value_name = "FILE")]
    pub(crate) cookies: Option<PathBuf>,
    /// A HAR file, exported with sensitive data; its best request to the platform is taken
    #[arg(long, value_name = "FILE")]
    pub(crate) har: Option<PathBuf>,
    /// Environment variables: PREFIX_COOKIE, PREFIX_USER_AGENT, PREFIX_HEADER_X_BC, PREFIX_USERNAME, PREFIX_PASSWORD …; PREFIX_NAME_FILE
    /// names a file that holds NAME
    #[arg(long, value_name = "PREFIX")]
    pub(crate) env: Option<String>,
}

fn named_file(text: &str) -> Result<(String, PathBuf), String> {
    match text.split_once('=') {
        Some((name, file)) if !name.is_empty() && !file.is_empty() => Ok((name.to_owned(), PathBuf::from(file))),
        // The text may be a secret that was meant for elsewhere.
        _ => Err("it is written NAME=FILE".to_owned()),
    }
}

const LOGIN: &str = "\
Examples:
  hallpass login example alice                        # asks for what is missing
  hallpass login example alice --bundle auth.json
  hallpass login example alice --curl -               # paste a copied cURL command, then Ctrl-D
  hallpass login example alice --cookies cookies.txt
  hallpass login example alice --env EXAMPLE          # EXAMPLE_COOKIE, EXAMPLE_USER_AGENT, …
  pass show example/alice | hallpass login example alice --field-file password=/dev/stdin
  hallpass login example alice --keep-credentials     # later calls sign in again by themselves
  hallpass login example alice --browser              # where a person signs in with a browser
  HALLPASS_FIELD_PASSWORD=… hallpass login ./example.toml alice";
