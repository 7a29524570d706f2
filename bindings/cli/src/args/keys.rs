//! What can be written after `hallpass keys`?

use clap::{Args, Subcommand};

/// The keys that seal saved sessions: docs/keys.md says how to change them while programs run.
#[derive(Debug, Subcommand)]
pub(crate) enum KeysCommand {
    /// Add a new key to the key file, making the file where there is none; it opens, and does not seal yet
    New(NewKey),
    /// List the keys, and how many saved sessions each still seals
    List(ListKeys),
    /// Seal with a new key from now on, and seal every saved session anew with it
    Rotate(Rotate),
    /// Take a key out of the key file, once no saved session needs it
    Retire(Retire),
}

/// Add a new key to the key file. Programs that load the file from now on can open what it seals, once `rotate --to` has made it the
/// sealing one. In a file that is not there yet it is the sealing one.
#[derive(Debug, Args)]
pub(crate) struct NewKey {
    /// Only print the key, `id:base64`, and change no file: for HALLPASS_KEY, a password manager or a key management service
    #[arg(long)]
    pub(crate) print: bool,
    /// Make it from a passphrase (Argon2id), which is asked for, or is the first line of the file that HALLPASS_PASSPHRASE_FILE names
    #[arg(long)]
    pub(crate) passphrase: bool,
    /// Print what was done as JSON, and errors too
    #[arg(long, conflicts_with = "print")]
    pub(crate) json: bool,
}

/// List the keys by id, the sealing one first, with how many saved sessions each still seals. Nothing is opened.
#[derive(Debug, Args)]
pub(crate) struct ListKeys {
    #[command(flatten)]
    pub(crate) spaces: Spaces,
    /// Print them as JSON, and errors too
    #[arg(long)]
    pub(crate) json: bool,
}

/// Seal every saved session anew, while other processes read and write. What an earlier rotation left is finished first, and then no new
/// key is made: when it was interrupted, run it again.
///
/// Programs that have loaded their keys already do not know a key that is made now. Where some run on, add it by `keys new`, restart them, and
/// then `keys rotate --to ID`.
#[derive(Debug, Args)]
#[command(after_help = ROTATE)]
pub(crate) struct Rotate {
    /// Make this key, which is in the key file already, the sealing one
    #[arg(long, value_name = "ID")]
    pub(crate) to: Option<String>,
    /// Change no key: only seal anew what the sealing key does not seal yet
    #[arg(long, conflicts_with = "to")]
    pub(crate) finish: bool,
    #[command(flatten)]
    pub(crate) spaces: Spaces,
    /// Print what was done as JSON, and errors too
    #[arg(long)]
    pub(crate) json: bool,
}

/// Take a key out of the key file. It is refused while a saved session needs the key, or cannot be read so that it may need it.
#[derive(Debug, Args)]
pub(crate) struct Retire {
    /// The key's id, as `keys list` shows it
    pub(crate) id: String,
    #[command(flatten)]
    pub(crate) spaces: Spaces,
    /// Print what was done as JSON, and errors too
    #[arg(long)]
    pub(crate) json: bool,
}

/// Whose records.
#[derive(Debug, Args)]
pub(crate) struct Spaces {
    /// A namespace of programs that share this store and these keys; may be repeated
    #[arg(long = "namespace", value_name = "NAME", default_values_t = [crate::vault::NAMESPACE.to_owned()])]
    pub(crate) names: Vec<String>,
}

const ROTATE: &str = "\
Exit codes:
  0  every record is sealed with the sealing key
  7  some are not: they are named; or the store or the keys failed";
