//! What can be wrong with a document, kept in pieces until it is shown.

use std::fmt;

use serde::de::{Expected, Unexpected};

use super::super::nearest;
use super::sort;

/// Why a document does not fit a type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    line: Option<u32>,
    path: String,
    what: What,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum What {
    UnknownKey { key: String, keys: &'static [&'static str] },
    MissingKey,
    DuplicateKey,
    UnknownWord { word: String, words: &'static [&'static str] },
    NotOne { keys: &'static [&'static str] },
    WantsTable { key: String },
    WantsWord { word: String },
    Wrong { expected: String, found: Option<&'static str> },
    Other(String),
}

impl Error {
    /// The line (from 1) that is at fault.
    pub fn line(&self) -> u32 {
        self.line.unwrap_or(1)
    }

    /// The key that is at fault, from the top: `sign_in.json.fields`; empty for the document itself.
    pub fn path(&self) -> &str {
        &self.path
    }

    pub(super) fn wrong(expected: String, found: &'static str) -> Self {
        What::Wrong { expected, found: Some(found) }.into()
    }

    pub(super) fn out_of_range(expected: String) -> Self {
        What::Wrong { expected, found: None }.into()
    }

    pub(super) fn not_one(keys: &'static [&'static str]) -> Self {
        What::NotOne { keys }.into()
    }

    pub(super) fn wants_table(key: &str) -> Self {
        What::WantsTable { key: key.to_owned() }.into()
    }

    pub(super) fn wants_word(word: &str) -> Self {
        What::WantsWord { word: word.to_owned() }.into()
    }

    /// An unknown word that was written as a key.
    pub(super) fn of_a_key(mut self) -> Self {
        if let What::UnknownWord { word, words } = self.what {
            self.what = What::UnknownKey { key: word.clone(), keys: words };
            return self.in_key(&word);
        }
        self
    }

    /// The same error at this line, unless it has one from further inside.
    pub(super) fn at(mut self, line: u32) -> Self {
        self.line.get_or_insert(line);
        self
    }

    /// The same error, seen from outside of this key.
    pub(super) fn in_key(mut self, key: &str) -> Self {
        let plain = !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
        let key = if plain { key.to_owned() } else { format!("{key:?}") };
        let join = if self.path.is_empty() || self.path.starts_with('[') { "" } else { "." };
        self.path = format!("{key}{join}{}", self.path);
        self
    }

    /// The same error, seen from outside of this item of a list.
    pub(super) fn in_item(mut self, index: usize) -> Self {
        let join = if self.path.is_empty() || self.path.starts_with('[') { "" } else { "." };
        self.path = format!("[{index}]{join}{}", self.path);
        self
    }
}

impl From<What> for Error {
    fn from(what: What) -> Self {
        Self { line: None, path: String::new(), what }
    }
}

impl serde::de::Error for Error {
    fn custom<T: fmt::Display>(message: T) -> Self {
        What::Other(message.to_string()).into()
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::wrong(expected.to_string(), sort(&found))
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::wrong(expected.to_string(), sort(&found))
    }

    fn unknown_variant(word: &str, words: &'static [&'static str]) -> Self {
        What::UnknownWord { word: word.to_owned(), words }.into()
    }

    fn unknown_field(field: &str, keys: &'static [&'static str]) -> Self {
        Self::from(What::UnknownKey { key: field.to_owned(), keys }).in_key(field)
    }

    fn missing_field(field: &'static str) -> Self {
        Self::from(What::MissingKey).in_key(field)
    }

    fn duplicate_field(field: &'static str) -> Self {
        Self::from(What::DuplicateKey).in_key(field)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: ", self.line())?;
        let path = if self.path.is_empty() { "the document" } else { &format!("`{}`", self.path) };
        match &self.what {
            What::UnknownKey { key, keys } => {
                write!(f, "unknown key {path}")?;
                advise(f, key, keys, "keys")
            }
            What::MissingKey => write!(f, "missing key {path}"),
            What::DuplicateKey => write!(f, "the key {path} comes twice"),
            What::UnknownWord { word, words } => {
                write!(f, "{path} cannot be `{}`", word.escape_debug())?;
                advise(f, word, words, "values")
            }
            What::NotOne { keys } => write!(f, "{path} must hold exactly one of these keys: {}", keys.join(", ")),
            What::WantsTable { key } => write!(f, "{path} must be a table with the key `{key}`, not a string"),
            What::WantsWord { word } => write!(f, "{path} must be the string `{word}`, not a table"),
            What::Wrong { expected, found: Some(found) } => write!(f, "{path} must be {expected}, not {found}"),
            What::Wrong { expected, found: None } => write!(f, "{path} must be {expected}"),
            What::Other(message) if self.path.is_empty() => f.write_str(message),
            What::Other(message) => write!(f, "{path}: {message}"),
        }
    }
}

impl std::error::Error for Error {}

/// The nearest thing that could stand there, and all of them.
fn advise(f: &mut fmt::Formatter<'_>, word: &str, known: &[&str], sort: &str) -> fmt::Result {
    if let Some(near) = nearest(word, known) {
        write!(f, "; did you mean `{near}`?")?;
    }
    if known.is_empty() { write!(f, " (no {sort} here)") } else { write!(f, " ({sort} here: {})", known.join(", ")) }
}
