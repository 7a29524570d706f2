//! What does a saved record tell about its session, without a session being made of it?
//!
//! **Invariant:** nothing secret leaves with a glance: it shows dates, names and numbers only. What is secret has a function of its own.

use super::payload;
use crate::credentials::{Credentials, Secret};
use crate::envelope::{self, Keyring};
use crate::error::{Error, Kind};
use crate::platform::Compiled;
use crate::store::RecordKey;
use crate::time::Wall;

/// The credentials that a saved record holds: cookies, user agent, headers and tokens as they are now, all of them secret.
///
/// # Errors
///
/// As [`Glance::of`].
pub fn kept(keyring: &Keyring, key: &RecordKey, sealed: &[u8]) -> Result<Credentials, Error> {
    let opened = envelope::open(keyring, key, sealed)?;
    let stored = payload::decode(opened.schema, &opened.plaintext)?;
    let mut tokens = stored.tokens;
    let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let mut credentials =
        Credentials { jar: stored.jar, account_id: tokens.account_id.take(), ..Credentials::default() };
    credentials.user_agent = tokens.user_agent.as_ref().map(text);
    for (name, value) in &tokens.headers {
        credentials.headers.insert(name.as_str().to_owned(), Secret::new(text(value)));
    }
    let client_secret = tokens.client_secret.take();
    for (name, secret) in
        [("access_token", tokens.access), ("refresh_token", tokens.refresh), ("client_secret", client_secret)]
    {
        credentials.fields.extend(secret.map(|secret| (name.to_owned(), secret)));
    }
    Ok(credentials)
}

/// What a saved record tells.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Glance {
    /// The id of the key that it is sealed with.
    pub key_id: String,
    /// How many sign-ins and renewals its credentials have behind them.
    pub generation: u64,
    /// How often what it keeps has changed, within its generation and before.
    pub revision: u64,
    /// The id that the platform gave the account, where it is known.
    pub account_id: Option<String>,
    /// When the account signed in.
    pub signed_in: Wall,
    /// When its access token ends, where that is known.
    pub expires_at: Option<Wall>,
    /// Whether an ended access token is no end: the record holds a refresh token, credentials that were kept to sign in again with, or
    /// a client's own (client credentials).
    pub renews: bool,
    /// The origins that may see its credentials.
    pub origins: Vec<String>,
}

impl Glance {
    /// Opens a record and tells about it.
    ///
    /// # Errors
    ///
    /// As [`envelope::open`], and `damaged` when what was sealed is no session.
    pub fn of(keyring: &Keyring, key: &RecordKey, sealed: &[u8]) -> Result<Self, Error> {
        let opened = envelope::open(keyring, key, sealed)?;
        let stored = payload::decode(opened.schema, &opened.plaintext)?;
        Ok(Self {
            key_id: opened.key_id,
            generation: stored.generation,
            revision: stored.revision,
            account_id: stored.tokens.account_id.clone(),
            signed_in: stored.tokens.created,
            expires_at: stored.tokens.life.map(|life| life.ends),
            renews: stored.tokens.refresh.is_some() || stored.kept.is_some() || stored.renews_as_client,
            origins: stored.origins,
        })
    }

    /// Whether the session was made for everything that this platform would show its credentials to.
    ///
    /// # Errors
    ///
    /// `platform_changed` with the origin that it was not made for.
    pub fn suits(&self, platform: &Compiled) -> Result<(), Error> {
        let foreign = platform.origins().iter().map(ToString::to_string).find(|one| !self.origins.contains(one));
        match foreign {
            None => Ok(()),
            Some(origin) => {
                let what =
                    format!("the saved session was made for other origins than this platform file names ({origin})");
                Err(Error::new(Kind::PlatformChanged, what))
            }
        }
    }
}
