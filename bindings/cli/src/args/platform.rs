//! What can be written after `hallpass platform`?

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

#[derive(Debug, Subcommand)]
pub(crate) enum PlatformCommand {
    /// Check a platform file, and say what in it looks like a mistake
    Check(CheckFile),
    /// Write a new platform file, asking for what is not given
    New(Box<New>),
}

/// Check a platform file: what is wrong, with its line and the nearest key, and what is allowed but looks like a mistake.
#[derive(Debug, Args)]
#[command(after_help = CHECK)]
pub(crate) struct CheckFile {
    /// The file (TOML or JSON), or the name of one in the configuration folder
    #[arg(value_name = "FILE")]
    pub(crate) platform: String,
    /// Print what was found as JSON, and errors too
    #[arg(long)]
    pub(crate) json: bool,
}

/// Write a new platform file. What is not given is asked for at a terminal; what is written has been checked.
#[derive(Debug, Args)]
#[command(after_help = NEW)]
pub(crate) struct New {
    /// The file to write [default: ID.toml in the configuration folder]; `-` is standard output
    #[arg(value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// The platform's stable name
    #[arg(long)]
    pub(crate) id: Option<String>,
    /// Its address, such as https://api.example.com
    #[arg(long, value_name = "URL")]
    pub(crate) base_url: Option<String>,
    /// How an account signs in
    #[arg(long, value_enum)]
    pub(crate) sign_in: Option<Recipe>,
    /// Where the sign-in form or JSON goes, such as /login
    #[arg(long, value_name = "PATH")]
    pub(crate) login_path: Option<String>,
    /// The header that carries an API key, such as x-api-key
    #[arg(long, value_name = "NAME", conflicts_with = "key_query")]
    pub(crate) key_header: Option<String>,
    /// The parameter of the address that carries an API key, such as api_key
    #[arg(long, value_name = "NAME")]
    pub(crate) key_query: Option<String>,
    /// The OAuth 2 issuer, whose metadata names its endpoints
    #[arg(long, value_name = "URL")]
    pub(crate) issuer: Option<String>,
    /// The token endpoint, such as /oauth/token
    #[arg(long, value_name = "URL")]
    pub(crate) token_url: Option<String>,
    /// The device authorization endpoint
    #[arg(long, value_name = "URL")]
    pub(crate) device_url: Option<String>,
    /// Where the browser goes to sign in
    #[arg(long, value_name = "URL")]
    pub(crate) authorize_url: Option<String>,
    /// The client's id at the token endpoint
    #[arg(long, value_name = "ID")]
    pub(crate) client_id: Option<String>,
    /// Where the platform says who one is, such as /me
    #[arg(long, value_name = "PATH")]
    pub(crate) identity_path: Option<String>,
    /// The JSON pointer of the account's id in that answer, such as /id
    #[arg(long, value_name = "POINTER")]
    pub(crate) account_id: Option<String>,
    /// Replace a file that is there
    #[arg(long)]
    pub(crate) force: bool,
    /// Print what was done as JSON, and errors too
    #[arg(long)]
    pub(crate) json: bool,
}

/// The sign-ins that can be written without knowing more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Recipe {
    /// Cookies, user agent and device headers from a browser
    Bundle,
    /// An HTML form with a user name and a password
    Form,
    /// A JSON document with a user name and a password
    Json,
    /// A user name and a password with every call
    Basic,
    /// An API key with every call
    ApiKey,
    /// An access token that does not change
    Bearer,
    /// A refresh token (OAuth 2)
    Oauth2Refresh,
    /// A program that signs in as itself, with its client's secret (OAuth 2)
    ClientCredentials,
    /// A person who enters a code on another device (OAuth 2)
    DeviceCode,
    /// A person who signs in with a browser (OAuth 2)
    AuthorizationCode,
}

const CHECK: &str = "\
Ends with 0 where the file can be used, even with remarks, and with 2 where it cannot.";

const NEW: &str = "\
Examples:
  hallpass platform new                               # asks
  hallpass platform new --id example --base-url https://api.example.com --sign-in bearer --identity-path /me
  hallpass platform new --id example --base-url https://api.example.com --sign-in authorization-code \
    --issuer https://login.example.com --client-id my-app
The keys of platform files are described in docs/platform.schema.json.";
