//! What platform to play.

use std::time::Duration;

use clap::ValueEnum;

use crate::clock::Clock;
use crate::faults::{FaultRates, FaultScope};

/// Everything that can be chosen before the platform starts.
#[derive(Clone)]
pub struct Config {
    /// Port on loopback; 0 takes a free one.
    pub port: u16,
    /// Decides which requests seeded faults hit, and nothing else that a client could notice.
    pub seed: u64,
    /// How long an access token lives.
    pub token_lifetime: Duration,
    /// Whether a refresh token is good for one use.
    pub rotation: Rotation,
    /// What an access token looks like.
    pub access_tokens: TokenFormat,
    /// How long a cookie session lives.
    pub session_lifetime: Duration,
    /// Whether requests prolong a cookie session.
    pub session_expiry: Expiry,
    /// Names and passwords.
    pub accounts: Vec<(String, String)>,
    /// Whether names outside of `accounts` may sign in too.
    pub registration: Registration,
    /// How many requests in a thousand meet which fault.
    pub faults: FaultRates,
    /// Which requests seeded faults may hit.
    pub fault_scope: FaultScope,
    /// What lifetimes are judged by.
    pub clock: Clock,
}

/// What becomes of a refresh token when it is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Rotation {
    /// It is replaced at once, without grace: using it again kills the grant and every token that came from it.
    Always,
    /// It stays good, and answers do not repeat it.
    Never,
}

/// What an access token looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TokenFormat {
    /// A string that says nothing.
    Opaque,
    /// A JWT (RFC 7519, HS256) with `sub`, `jti`, `iat` and `exp`. The platform itself never reads it: what it says is for clients.
    Jwt,
}

/// When a cookie session ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Expiry {
    /// A lifetime after sign-in, whatever happens.
    Fixed,
    /// A lifetime after the last request that used it.
    Sliding,
}

/// Who may sign in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Registration {
    /// Only the configured accounts.
    Closed,
    /// Any name; its password is `<name>-password` unless configured.
    Open,
}

impl Default for Config {
    /// Accounts `alice`, `bob` and `carol` with the password `<name>-password`, tokens of one hour, rotation, no faults.
    fn default() -> Self {
        Self {
            port: 0,
            seed: 0,
            token_lifetime: Duration::from_secs(3600),
            rotation: Rotation::Always,
            access_tokens: TokenFormat::Opaque,
            session_lifetime: Duration::from_secs(3600),
            session_expiry: Expiry::Sliding,
            accounts: ["alice", "bob", "carol"].map(|name| (name.to_owned(), default_password(name))).to_vec(),
            registration: Registration::Closed,
            faults: FaultRates::none(),
            fault_scope: FaultScope::Resources,
            clock: Clock::system(),
        }
    }
}

impl std::fmt::Debug for Config {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<&str> = self.accounts.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("Config")
            .field("port", &self.port)
            .field("seed", &self.seed)
            .field("token_lifetime", &self.token_lifetime)
            .field("rotation", &self.rotation)
            .field("access_tokens", &self.access_tokens)
            .field("accounts", &names)
            .field("registration", &self.registration)
            .field("faults", &self.faults)
            .finish_non_exhaustive()
    }
}

/// The password of an account that was configured without one.
pub(crate) fn default_password(name: &str) -> String {
    format!("{name}-password")
}
