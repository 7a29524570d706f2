//! What is asked at the terminal, and what is never shown there?
//!
//! **Invariant:** a secret is read without echo, and nothing is asked where standard input is no terminal.

use std::io::{BufRead, IsTerminal, Write};

use hallpass::{Error, Kind};
use zeroize::Zeroizing;

/// Whether somebody is there to be asked.
pub(crate) fn is_possible() -> bool {
    std::io::stdin().is_terminal()
}

/// Asks for a field of the credentials. A name is shown as it is typed, and is the account's when nothing is typed.
pub(crate) fn field(name: &str, account: &str) -> Result<Zeroizing<String>, Error> {
    let answer = if is_a_name(name) { ask_openly(name, account) } else { ask_secretly(name) };
    let answer =
        answer.map_err(|error| Error::new(Kind::CredentialsInvalid, format!("asking for `{name}`: {error}")))?;
    if answer.is_empty() {
        return Err(Error::new(Kind::CredentialsInvalid, format!("the field `{name}` was left empty")));
    }
    Ok(answer)
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
    rpassword::prompt_password(format!("{name}: ")).map(Zeroizing::new)
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
