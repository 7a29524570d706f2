//! How did it go, as an exit code and as an error with a hint?

use std::process::ExitCode;

use hallpass::{Error, Fault, Kind};

/// The exit codes, as `hallpass --help` lists them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    Served = 0,
    Other = 1,
    Usage = 2,
    Account = 3,
    Declined = 4,
    Platform = 5,
    Network = 6,
    Store = 7,
    Interrupted = 130,
}

/// Why a command did not do what it was asked for.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) error: Error,
    pub(crate) hint: Option<String>,
    exit: Exit,
}

impl Exit {
    /// The code of an error's kind.
    pub(crate) fn of(kind: Kind) -> Self {
        match kind.fault() {
            Fault::Program => Self::Usage,
            Fault::Account => Self::Account,
            Fault::Platform => Self::Platform,
            Fault::Network => Self::Network,
            Fault::Store => Self::Store,
            // Internal, or a fault that a later release adds.
            _ => Self::Other,
        }
    }
}

impl Failure {
    /// The same failure, with what the reader can do about it.
    pub(crate) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint.get_or_insert_with(|| hint.into());
        self
    }

    /// The same failure, with another exit code than its kind's.
    pub(crate) fn with_exit(mut self, exit: Exit) -> Self {
        self.exit = exit;
        self
    }

    pub(crate) fn exit(&self) -> Exit {
        self.exit
    }

    /// An error about one account's session, with what helps where something does.
    pub(crate) fn about(error: Error, platform: &str, account: &str) -> Self {
        let (platform, account) = (quoted(platform), quoted(account));
        let hint = match error.code() {
            Kind::NoSession | Kind::Expired | Kind::Rejected | Kind::RenewalLost => {
                Some(format!("run `hallpass login {platform} {account}`"))
            }
            Kind::PlatformChanged => Some(format!(
                "if you trust the platform file, run `hallpass logout {platform} {account}` and log in again"
            )),
            Kind::Damaged | Kind::WrongContext => {
                Some(format!("`hallpass logout {platform} {account}` removes the saved session; then log in again"))
            }
            Kind::KeyMissing | Kind::KeyUnknown => Some(format!(
                "give the key that sealed it by --key-file, {} or {}",
                hallpass::keys::VARIABLE,
                hallpass::keys::COMMAND
            )),
            Kind::StoreUnavailable => Some("--store names another folder or Redis".to_owned()),
            _ => None,
        };
        Self { hint, ..error.into() }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self { exit: Exit::of(error.code()), hint: None, error }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// A word as a shell takes it.
pub(crate) fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./@:+,".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_error_has_an_exit_code_that_is_no_success() {
        for kind in Kind::ALL {
            let exit = Exit::of(*kind);
            assert!(!matches!(exit, Exit::Served | Exit::Declined | Exit::Interrupted), "{kind:?}");
        }
        assert_eq!(Exit::of(Kind::NoSession), Exit::Account);
        assert_eq!(Exit::of(Kind::Throttled), Exit::Platform);
        assert_eq!(Exit::of(Kind::KeyUnknown), Exit::Store);
        assert_eq!(Exit::of(Kind::Tls), Exit::Network);
        assert_eq!(Exit::of(Kind::RequestInvalid), Exit::Usage);
    }

    #[test]
    fn a_hint_can_be_pasted_into_a_shell() {
        assert_eq!(quoted("./a-b_c.toml"), "./a-b_c.toml");
        assert_eq!(quoted("it's $HOME"), r"'it'\''s $HOME'");
        assert_eq!(quoted(""), "''");
    }
}
