//! What is asked at the terminal, and what is never shown there?
//!
//! **Invariant:** a secret is read without echo, and nothing is asked where standard input is no terminal.

use std::io::{BufRead, ErrorKind, IsTerminal, Write};

use hallpass::{Error, Kind};
use zeroize::Zeroizing;

use crate::outcome::{Exit, Failure};

/// Whether somebody is there to be asked.
pub(crate) fn is_possible() -> bool {
    std::io::stdin().is_terminal()
}

/// Asks for a field of the credentials. A name is shown as it is typed, and is the account's when nothing is typed.
///
/// After a secret was asked for, an interruption ends the process only where somebody waits for one.
pub(crate) fn field(name: &str, account: &str) -> Result<Zeroizing<String>, Failure> {
    let invalid = |what: String| Failure::from(Error::new(Kind::CredentialsInvalid, what));
    let answer = if is_a_name(name) { ask_openly(name, account) } else { ask_secretly(name) };
    let answer = answer.map_err(|error| match error.kind() {
        ErrorKind::Interrupted => {
            Failure::from(Error::new(Kind::Cancelled, format!("interrupted while asking for `{name}`")))
                .with_exit(Exit::Interrupted)
        }
        _ => invalid(format!("asking for `{name}`: {error}")),
    })?;
    if answer.is_empty() {
        return Err(invalid(format!("the field `{name}` was left empty")));
    }
    Ok(answer)
}

/// Asks for a secret that is no field, such as a passphrase.
pub(crate) fn secretly(what: &str) -> Result<Zeroizing<String>, Failure> {
    ask_secretly(what).map_err(|error| match error.kind() {
        ErrorKind::Interrupted => {
            let what = format!("interrupted while asking for the {what}");
            Failure::from(Error::new(Kind::Cancelled, what)).with_exit(Exit::Interrupted)
        }
        _ => Error::new(Kind::ConfigInvalid, format!("asking for the {what}: {error}")).into(),
    })
}

/// Asks for something that is no secret.
pub(crate) fn openly(question: &str) -> Result<String, Failure> {
    let failed = |error: std::io::Error| {
        Failure::from(Error::new(Kind::ConfigInvalid, format!("asking for the {question}: {error}")))
    };
    let mut prompt = std::io::stderr().lock();
    write!(prompt, "{question}: ").and_then(|()| prompt.flush()).map_err(failed)?;
    let mut line = String::new();
    if std::io::stdin().lock().read_line(&mut line).map_err(failed)? == 0 {
        return Err(failed(ErrorKind::UnexpectedEof.into()));
    }
    Ok(line.trim().to_owned())
}

/// Whether a field is no secret.
pub(crate) fn is_a_name(field: &str) -> bool {
    ["username", "user", "user_name", "login", "email", "account", "client_id"].contains(&field)
}

fn ask_openly(name: &str, default: &str) -> std::io::Result<Zeroizing<String>> {
    let mut prompt = std::io::stderr().lock();
    write!(prompt, "{name} [{default}]: ")?;
    prompt.flush()?;
    let mut line = Zeroizing::new(String::new());
    std::io::stdin().lock().read_line(&mut line)?;
    let typed = line.trim_end_matches(['\r', '\n']);
    Ok(Zeroizing::new(if typed.is_empty() { default } else { typed }.to_owned()))
}

fn ask_secretly(name: &str) -> std::io::Result<Zeroizing<String>> {
    // Before the prompt: what is typed as soon as it is seen must not be shown either.
    #[cfg(unix)]
    let _silent = unix::Silent::begin()?;
    rpassword::prompt_password(format!("{name}: ")).map(Zeroizing::new)
}

#[cfg(unix)]
mod unix {
    //! The terminal without echo, and as it was before afterwards, also when the prompt is interrupted.

    use std::io::Stdin;

    use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
    use tokio::signal::unix::{Signal, SignalKind, signal};

    /// As long as this lives, nothing that is typed is shown, and an interruption does not end the process.
    pub(super) struct Silent {
        terminal: Stdin,
        before: Termios,
        _held: Signal,
    }

    impl Silent {
        pub(super) fn begin() -> std::io::Result<Self> {
            let terminal = std::io::stdin();
            let before = tcgetattr(&terminal)?;
            let held = signal(SignalKind::interrupt())?;
            let mut silent = before.clone();
            // Ctrl-C comes as a character from here on: as a signal it would be lost on a prompt that does not read yet.
            silent.local_modes.remove(LocalModes::ECHO | LocalModes::ECHONL | LocalModes::ICANON | LocalModes::ISIG);
            tcsetattr(&terminal, OptionalActions::Now, &silent)?;
            Ok(Self { terminal, before, _held: held })
        }
    }

    impl Drop for Silent {
        fn drop(&mut self) {
            // A terminal that has gone needs no restoring.
            let _ = tcsetattr(&self.terminal, OptionalActions::Now, &self.before);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_are_shown_while_they_are_typed() {
        assert!(is_a_name("username") && is_a_name("email"));
        for secret in ["password", "access_token", "refresh_token", "client_secret", "pin", "otp"] {
            assert!(!is_a_name(secret), "{secret}");
        }
    }
}
