//! What does a saved record tell about its session, without a session being made of it?
//!
//! **Invariant:** nothing secret leaves: a glance shows dates, names and numbers only.

use super::payload;
use crate::envelope::{self, Keyring};
use crate::error::{Error, Kind};
use crate::platform::Compiled;
use crate::store::RecordKey;
use crate::time::Wall;

/// What a saved record tells.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Glance {
    /// The id of the key that it is sealed with.
    pub key_id: String,
    /// How many sign-ins and renewals its credentials have behind them.
    pub generation: u64,
    /// The id that the platform gave the account, where it is known.
    pub account_id: Option<String>,
    /// When the account signed in.
    pub signed_in: Wall,
    /// When its access token ends, where that is known.
    pub expires_at: Option<Wall>,
    /// Whether it holds a refresh token, so that an ended access token is no end.
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
            account_id: stored.tokens.account_id,
            signed_in: stored.tokens.created,
            expires_at: stored.tokens.life.map(|life| life.ends),
            renews: stored.tokens.refresh.is_some(),
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
