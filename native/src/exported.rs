//! How does a saved session travel in a file: to a backup, to another machine or store, to a later release?
//!
//! As versioned JSON, sealed as it is in the store or in plaintext: `docs/exported-sessions.md`. **Invariant:** a file of version 1 is
//! read for ever; what is saved already is replaced only by what is newer, unless the caller says otherwise; plaintext is wiped when
//! dropped, and nothing here shows it.

use std::fmt;
use std::time::Duration;

use base64ct::{Base64, Encoding};
use hallpass_core::envelope::{self, Keyring};
use hallpass_core::error::{Error, Kind};
use hallpass_core::machine::Glance;
use hallpass_core::seed::Seed;
use hallpass_core::store::{Expected, Expiry, RecordKey, RecordKind, StoreError};
use hallpass_core::time::Wall;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::client::from_store;
use crate::store::Store;

/// A saved session outside of its store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exported {
    /// Whose it is.
    pub key: RecordKey,
    /// When its record ends by itself.
    pub expiry: Expiry,
    /// The session.
    pub content: Content,
}

/// How it is kept.
#[derive(Clone, PartialEq, Eq)]
pub enum Content {
    /// Sealed, as it is in the store: opened by the same key only, and as this account's only.
    Sealed(Vec<u8>),
    /// Open to whoever reads it: the payload's schema, and the payload.
    Plaintext(u8, Zeroizing<Vec<u8>>),
}

/// How a session is exported.
#[derive(Clone, Copy, Debug)]
pub enum Form<'a> {
    /// As it is in the store; no key is needed.
    Sealed,
    /// Opened with these keys.
    Plaintext(&'a Keyring),
}

/// What may be replaced by an import.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Replaces {
    /// What is older than what is imported.
    #[default]
    Older,
    /// Whatever is there.
    Anything,
}

/// What became of an imported session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Taken {
    /// It is saved.
    Saved,
    /// What is saved already is as new or newer, and stays.
    Kept,
    /// It has ended, and is not saved.
    Ended,
}

/// Takes a session out of a store, which keeps it; `None` when it holds none.
///
/// # Errors
///
/// The store's, and for plaintext those of [`envelope::open`].
pub async fn export(store: &dyn Store, key: &RecordKey, form: Form<'_>) -> Result<Option<Exported>, Error> {
    for _ in 0..ROUNDS {
        let Some(record) = store.load(key).await.map_err(|error| from_store(&error))? else { return Ok(None) };
        let Some((version, expiry)) = store.expiry(key).await.map_err(|error| from_store(&error))? else { continue };
        if version != record.version {
            continue;
        }
        let content = match form {
            Form::Sealed => Content::Sealed(record.sealed),
            Form::Plaintext(keyring) => {
                let opened = envelope::open(keyring, key, &record.sealed)?;
                Content::Plaintext(opened.schema, opened.plaintext)
            }
        };
        return Ok(Some(Exported { key: key.clone(), expiry, content }));
    }
    Err(contended(key))
}

/// Saves an exported session in a store, under the key that it had. A sealed one stays sealed with its key, plaintext is sealed with
/// the keyring's primary one.
///
/// Of two sessions the one with the later sign-in is newer, then the one with more renewals, then the one with more changes.
///
/// # Errors
///
/// Those of [`envelope::open`] when it does not open, or when what is saved already does not and may not be replaced; the store's.
pub async fn import(
    store: &dyn Store,
    keyring: &Keyring,
    session: &Exported,
    replaces: Replaces,
    now: Wall,
) -> Result<Taken, Error> {
    let (key, expiry) = (&session.key, session.expiry);
    if expiry.absolute.is_some_and(|end| now >= end) {
        return Ok(Taken::Ended);
    }
    let sealed = match &session.content {
        Content::Sealed(sealed) => sealed.clone(),
        Content::Plaintext(schema, plaintext) => {
            let mut seed = [0; 32];
            getrandom::fill(&mut seed).map_err(|error| {
                Error::new(Kind::ConfigInvalid, format!("the system's random generator failed: {error}"))
            })?;
            envelope::seal(keyring, key, *schema, plaintext, &mut Seed::new(seed).rng("import"))
        }
    };
    let age = |glance: Glance| (glance.signed_in, glance.generation, glance.revision);
    let ours = Glance::of(keyring, key, &sealed).map(age)?;
    for _ in 0..ROUNDS {
        let expected = match (store.load(key).await, replaces) {
            (_, Replaces::Anything) => Expected::Any,
            (Ok(None), Replaces::Older) => Expected::Absent,
            (Ok(Some(record)), Replaces::Older) => {
                if Glance::of(keyring, key, &record.sealed).map(age)? >= ours {
                    return Ok(Taken::Kept);
                }
                Expected::Version(record.version)
            }
            (Err(error), Replaces::Older) => return Err(from_store(&error)),
        };
        match store.save(key, sealed.clone(), expected, expiry).await {
            Ok(_) => return Ok(Taken::Saved),
            Err(StoreError::Conflict(_)) => {}
            Err(error) => return Err(from_store(&error)),
        }
    }
    Err(contended(key))
}

/// Writes a file of sessions, in the order that they are given. With plaintext in it, only its owner may read it.
pub fn write(sessions: &[Exported]) -> Zeroizing<Vec<u8>> {
    let lines = sessions.iter().map(Line::of);
    let file = File { version: VERSION, sessions: lines.collect() };
    // Room for all of it, so that growing leaves no copies behind.
    let room = file.sessions.iter().map(|line| 512 + line.text().len() + 2 * line.account.len()).sum::<usize>() + 64;
    let mut text = Zeroizing::new(Vec::with_capacity(room));
    let written = serde_json::to_writer_pretty(&mut *text, &file);
    debug_assert!(written.is_ok(), "a vector takes every byte");
    text.push(b'\n');
    text
}

/// Reads a file of sessions. Fields that a later release has added are passed over.
///
/// # Errors
///
/// `version_unknown` for a file of a later version, `damaged` for what is no such file; never with anything of its content.
pub fn read(text: &[u8]) -> Result<Vec<Exported>, Error> {
    let damaged = |line: usize| Error::new(Kind::Damaged, format!("line {line}: this is no file of exported sessions"));
    let Versioned { version } = serde_json::from_slice(text).map_err(|error| damaged(error.line()))?;
    if version != VERSION {
        let what =
            format!("the file of sessions has version {version}, which this release does not read; use a newer one");
        return Err(Error::new(Kind::VersionUnknown, what));
    }
    let file: File = serde_json::from_slice(text).map_err(|error| damaged(error.line()))?;
    file.sessions.into_iter().zip(1..).map(|(line, number)| line.read(number)).collect()
}

#[derive(Deserialize)]
struct Versioned {
    #[serde(rename = "hallpass_sessions")]
    version: u64,
}

#[derive(Serialize, Deserialize)]
struct File {
    #[serde(rename = "hallpass_sessions")]
    version: u64,
    sessions: Vec<Line>,
}

#[derive(Serialize, Deserialize)]
struct Line {
    namespace: String,
    platform: String,
    account: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    idle: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    absolute: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sealed: Option<Text>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    schema: Option<u8>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    plaintext: Option<Text>,
}

/// Base64 that is wiped when it is dropped.
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
struct Text(Zeroizing<String>);

impl Line {
    fn of(session: &Exported) -> Self {
        let Exported { key, expiry, content } = session;
        let text = |bytes: &[u8]| Some(Text(Zeroizing::new(Base64::encode_string(bytes))));
        let (sealed, schema, plaintext) = match content {
            Content::Sealed(sealed) => (text(sealed), None, None),
            Content::Plaintext(schema, plaintext) => (None, Some(*schema), text(plaintext)),
        };
        let idle = expiry.idle.map(|idle| u64::try_from(idle.as_millis()).unwrap_or(u64::MAX));
        let absolute = expiry.absolute.map(Wall::as_millis);
        let (namespace, platform, account) = (key.namespace.clone(), key.platform.clone(), key.account.clone());
        Self { namespace, platform, account, idle, absolute, sealed, schema, plaintext }
    }

    fn text(&self) -> &str {
        self.sealed.as_ref().or(self.plaintext.as_ref()).map_or("", |text| &text.0)
    }

    fn read(self, number: usize) -> Result<Exported, Error> {
        let damaged = |what: &str| Error::new(Kind::Damaged, format!("session {number} of the file {what}"));
        let bytes = |text: &Text| Base64::decode_vec(&text.0).map_err(|_| damaged("is not base64"));
        let content = match (&self.sealed, self.schema, &self.plaintext) {
            (Some(sealed), None, None) => Content::Sealed(bytes(sealed)?),
            (None, Some(schema), Some(plaintext)) => Content::Plaintext(schema, Zeroizing::new(bytes(plaintext)?)),
            _ => return Err(damaged("is neither sealed nor in plaintext")),
        };
        let expiry =
            Expiry { idle: self.idle.map(Duration::from_millis), absolute: self.absolute.map(Wall::from_millis) };
        let key = RecordKey {
            namespace: self.namespace,
            kind: RecordKind::Session,
            platform: self.platform,
            account: self.account,
        };
        Ok(Exported { key, expiry, content })
    }
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sealed(sealed) => write!(f, "Sealed({} bytes)", sealed.len()),
            Self::Plaintext(schema, _) => write!(f, "Plaintext(schema {schema}, redacted)"),
        }
    }
}

fn contended(key: &RecordKey) -> Error {
    Error::new(Kind::StoreConflict, format!("others keep replacing the session of `{}`", key.account))
}

const VERSION: u64 = 1;
const ROUNDS: usize = 16;
