//! Where is a keyring read from? A text, a file that only its owner reads, or a command that prints it.
//!
//! **Invariant:** what is read is wiped after use, is never in an error, `Debug` or log; an entry that needs a passphrase asks for it.

use std::fmt;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use hallpass_core::credentials::Secret;
use hallpass_core::envelope::Keyring;
use hallpass_core::error::{Error, Kind};
use zeroize::Zeroizing;

use super::passphrase::{Ask, Passphrases, Stretched};
use super::{COMMAND, FILE, PASSPHRASE_FILE, VARIABLE};

/// A place that a keyring is read from.
///
/// ```
/// use hallpass::keys::Source;
///
/// let source = Source::command("printf k1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=");
/// # if cfg!(unix) {
/// assert_eq!(source.read()?.expect("it prints one").primary_id(), "k1");
/// # }
/// # Ok::<(), hallpass::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Source(From);

#[derive(Clone, PartialEq, Eq)]
enum From {
    Text(Secret),
    File(PathBuf),
    Command(Secret),
}

impl Source {
    /// A keyring as text, as in [`VARIABLE`].
    pub fn text(keyring: impl Into<String>) -> Self {
        Self(From::Text(Secret::new(keyring)))
    }

    /// A key file.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self(From::File(path.into()))
    }

    /// A command of the shell (`sh -c`, on Windows `cmd /C`) that prints a keyring, such as one of a password manager or a key management
    /// service. It may talk to a person at the terminal, and is waited for.
    pub fn command(line: impl Into<String>) -> Self {
        Self(From::Command(Secret::new(line)))
    }

    /// The source that the environment names by [`VARIABLE`], [`FILE`] or [`COMMAND`]; `None` when all of them are unset or empty.
    ///
    /// # Errors
    ///
    /// `key_invalid` when more than one is set, or one is not text.
    pub fn from_environment() -> Result<Option<Self>, Error> {
        let mut found: Option<(&str, Self)> = None;
        for name in [VARIABLE, FILE, COMMAND] {
            let text = match std::env::var(name) {
                Err(std::env::VarError::NotPresent) => continue,
                Err(std::env::VarError::NotUnicode(_)) => return Err(invalid(format!("{name} is not text"))),
                Ok(text) if text.trim().is_empty() => continue,
                Ok(text) => text,
            };
            if let Some((other, _)) = &found {
                return Err(invalid(format!("{other} and {name} are both set; keep one")));
            }
            let source = match name {
                FILE => Self::file(text),
                COMMAND => Self::command(text),
                _ => Self::text(text),
            };
            found = Some((name, source));
        }
        Ok(found.map(|(_, source)| source))
    }

    /// Reads the keyring; blocks for as long as that takes. `None` when there is no such file. The passphrases of keys that need one are in
    /// the file that [`PASSPHRASE_FILE`] names.
    ///
    /// # Errors
    ///
    /// `key_invalid` when it cannot be read, others than its owner may read the file, or the command fails; `key_missing` for a
    /// key whose passphrase nobody tells.
    pub fn read(&self) -> Result<Option<Keyring>, Error> {
        self.read_asking(&mut |_| Ok(None))
    }

    /// As [`read`](Self::read); whoever is asked knows the passphrases that are in no file.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read), and what is asked.
    pub fn read_asking(&self, ask: Ask<'_>) -> Result<Option<Keyring>, Error> {
        let Some(text) = self.fetch()? else { return Ok(None) };
        let mut passphrases: Option<Passphrases<'_>> = None;
        let mut ask = Some(ask);
        let mut entries = Zeroizing::new(String::with_capacity(2 * text.len() + 64));
        for entry in super::entries(&text) {
            if !entries.is_empty() {
                entries.push(',');
            }
            match Stretched::parse(entry) {
                None => entries.push_str(entry),
                Some(stretched) => {
                    let stretched = stretched?;
                    if let Some(ask) = ask.take() {
                        passphrases = Some(Passphrases::new(passphrases_of_the_environment()?, ask));
                    }
                    if let Some(passphrases) = &mut passphrases {
                        entries.push_str(&stretched.open(passphrases)?);
                    }
                }
            }
        }
        Keyring::parse(&entries).map(Some)
    }

    /// The ids of its keys, the primary first, without any key being made or a passphrase asked for; `None` when there is no such file.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read).
    pub fn ids(&self) -> Result<Option<Vec<String>>, Error> {
        let Some(text) = self.fetch()? else { return Ok(None) };
        let ids = super::entries(&text).map(super::id_of).collect::<Result<Vec<_>, _>>()?;
        if ids.is_empty() { Err(invalid("the keyring is empty")) } else { Ok(Some(ids)) }
    }

    /// The file, where it is one.
    pub fn path(&self) -> Option<&Path> {
        match &self.0 {
            From::File(path) => Some(path),
            From::Text(_) | From::Command(_) => None,
        }
    }

    fn fetch(&self) -> Result<Option<Zeroizing<String>>, Error> {
        match &self.0 {
            From::Text(text) => Ok(Some(Zeroizing::new(text.expose().to_owned()))),
            From::File(path) => read_private(path, "key file"),
            From::Command(line) => run(line).map(Some),
        }
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            From::Text(_) => f.write_str("Source::text(redacted)"),
            From::File(path) => write!(f, "Source::file({})", path.display()),
            From::Command(_) => f.write_str("Source::command(redacted)"),
        }
    }
}

/// Reads a file that only its owner may read; `None` when there is none.
pub(super) fn read_private(path: &Path, what: &str) -> Result<Option<Zeroizing<String>>, Error> {
    let shown = path.display();
    let text = match std::fs::read_to_string(path) {
        Ok(text) => Zeroizing::new(text),
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(invalid(format!("the {what} {shown} cannot be read: {error}"))),
    };
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(path).map_or(0, |meta| meta.permissions().mode());
        if mode & 0o077 != 0 {
            let what =
                format!("the {what} {shown} can be read by others (mode {:o}); run `chmod 600` on it", mode & 0o777);
            return Err(invalid(what));
        }
    }
    Ok(Some(text))
}

/// The passphrases in the file that the environment names, one a line.
pub(super) fn passphrases_of_the_environment() -> Result<Vec<Secret>, Error> {
    let Some(path) = std::env::var_os(PASSPHRASE_FILE).filter(|path| !path.is_empty()) else { return Ok(Vec::new()) };
    let path = PathBuf::from(path);
    let text = read_private(&path, "passphrase file")?
        .ok_or_else(|| invalid(format!("there is no passphrase file {} ({PASSPHRASE_FILE})", path.display())))?;
    let all: Vec<_> = text.lines().filter(|line| !line.is_empty()).map(Secret::new).collect();
    if all.is_empty() { Err(invalid(format!("the passphrase file {} is empty", path.display()))) } else { Ok(all) }
}

/// What a command prints. It is no part of any error: neither what it printed nor its line, which may hold a secret.
fn run(line: &Secret) -> Result<Zeroizing<String>, Error> {
    let failed = |what: String| invalid(format!("the key command ({COMMAND}) {what}"));
    let unrunnable = |error: std::io::Error| failed(format!("cannot be run: {error}"));
    let (shell, flag) = if cfg!(windows) { ("cmd", "/C") } else { ("sh", "-c") };
    let mut child =
        Command::new(shell).arg(flag).arg(line.expose()).stdout(Stdio::piped()).spawn().map_err(unrunnable)?;
    // All of it at once, so that growing leaves no copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(OUTPUT_MAX + 1));
    let read = match child.stdout.take() {
        Some(out) => out.take(OUTPUT_MAX as u64 + 1).read_to_end(&mut bytes),
        None => Ok(0),
    };
    let status = child.wait().map_err(unrunnable)?;
    read.map_err(unrunnable)?;
    if bytes.len() > OUTPUT_MAX {
        return Err(failed(format!(
            "printed more than {OUTPUT_MAX} bytes; it should print a keyring and nothing else"
        )));
    }
    if !status.success() {
        return Err(failed(match status.code() {
            Some(code) => format!("ended with exit code {code}"),
            None => "was ended by a signal".to_owned(),
        }));
    }
    let text = std::str::from_utf8(&bytes).map_err(|_| failed("printed something that is no text".to_owned()))?;
    if text.trim().is_empty() {
        return Err(failed("printed nothing".to_owned()));
    }
    Ok(Zeroizing::new(text.to_owned()))
}

fn invalid(what: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(Kind::KeyInvalid, what)
}

const OUTPUT_MAX: usize = 64 * 1024;
