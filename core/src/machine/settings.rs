//! What a program decides about one session, beyond the platform's description.

use std::sync::Arc;
use std::time::Duration;

use crate::cookie::PublicSuffixes;
use crate::envelope::Keyring;

/// How a session is run.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where and under which keys the session is kept; `None`: in memory only.
    pub persist: Option<Persist>,
    /// Whether a rotating refresh token may be used although its successor could not be saved. With `true`, a crash in that
    /// moment signs the account out.
    pub renew_without_store: bool,
    /// Whether credentials are kept after a sign-in, so that a session that has ended signs in again by itself.
    pub keep_credentials: KeepCredentials,
    /// Whether the driver performs [`Ask`](crate::effect::Ask); without it, what a platform asks for is `challenge_required`.
    pub asks: bool,
    /// Calls that may wait at the gate; one more is `overloaded`.
    pub parked: usize,
    /// How long saves of small changes (cookies, dates) are put off, so that several become one.
    pub save_delay: Duration,
    /// Whether the program has a signer, for platforms that want attempts signed.
    pub signer: bool,
    /// Says which domains are public suffixes, under which strangers register names: a cookie for one is taken from that very host
    /// alone (RFC 6265bis §5.7), as that of one host. Without a list every name without a dot is one, and no other.
    pub public_suffixes: PublicSuffixes,
    /// Whether every step is written down for [`Session::take_trace`](super::Session::take_trace).
    pub trace: bool,
}

/// Whether a session keeps what it was signed in with, to sign in again by itself when it has ended and nothing can renew it.
///
/// Only for recipes that need nothing but their credentials: `form`, `json`, `steps`, `guest`, `client_credentials`, and `basic` where the
/// platform file names an identity probe. Credentials that the platform refuses then are dropped at once, and not sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum KeepCredentials {
    /// They are not kept. A saved session that holds some loses them when it is saved again.
    #[default]
    Never,
    /// As long as the session lives, in its memory only.
    InMemory,
    /// In the sealed record as well, where sessions are persisted: a session that is resumed can sign in again too.
    Sealed,
}

/// Where and under which keys a session is kept.
#[derive(Clone, Debug)]
pub struct Persist {
    /// Opens and seals records.
    pub keyring: Arc<Keyring>,
    /// Separates programs that share a store.
    pub namespace: String,
    /// Whether one process at a time renews, by leases of the store.
    pub leases: Leases,
}

/// Whether processes that share a store keep each other from sending one refresh token twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leases {
    /// The store grants leases and saves by compare-and-set.
    Granted,
    /// Nobody else holds the sessions of this store.
    NotNeeded,
    /// The store has none: a platform whose refresh tokens rotate is `store_unfit` for it.
    Missing,
}

impl Leases {
    /// What a store with compare-and-set and one with leases, mostly the same, are good for.
    pub const fn of(cas: bool, lease: bool) -> Self {
        if cas && lease { Self::Granted } else { Self::Missing }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            persist: None,
            renew_without_store: false,
            keep_credentials: KeepCredentials::Never,
            asks: false,
            parked: 65_536,
            save_delay: Duration::from_millis(500),
            signer: false,
            public_suffixes: PublicSuffixes::DOTLESS,
            trace: false,
        }
    }
}
