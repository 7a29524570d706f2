//! What can be written after `hallpass completions`?

use clap::Args;
use clap_complete::Shell;

/// Print a script that makes a shell complete this command.
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub(crate) struct Completions {
    /// Which shell
    #[arg(value_enum)]
    pub(crate) shell: Shell,
}

const HELP: &str = "\
Examples:
  hallpass completions bash >~/.local/share/bash-completion/completions/hallpass
  hallpass completions zsh >~/.zfunc/_hallpass
  hallpass completions fish >~/.config/fish/completions/hallpass.fish";
