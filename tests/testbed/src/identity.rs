//! Who sends a request: the account that it claims, and whether what it carries still proves that.
//!
//! **Invariant:** a bearer token is judged before cookies, and a request that carries a bad one is not saved by a good
//! cookie.

use std::sync::Arc;

use crate::exchange::{DEVICE_HEADER, Exchange};
use crate::platform::World;
use crate::sessions::Shown;

/// Why a request has no session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// It carries nothing.
    Missing,
    /// What it carries was never issued here.
    Unknown,
    Expired,
    /// Revoked, signed out, or killed with its grant.
    Revoked,
    /// Another device than the bundle's.
    Device,
    /// Another user agent than the bundle's.
    Agent,
}

/// Which kinds of sessions open a door.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Accepts {
    BearerOrCookie,
    /// Only a cookie session that is bound to a device.
    Bundle,
}

impl Refusal {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Unknown => "unknown",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
            Self::Device => "device",
            Self::Agent => "agent",
        }
    }
}

impl World {
    /// The account that the request's token or cookie was issued to, good or not.
    pub(crate) fn claimed(&self, exchange: &Exchange) -> Option<Arc<str>> {
        if let Some(token) = exchange.bearer() {
            return match token.strip_prefix(STATIC_PREFIX) {
                Some(name) => self.accounts.find(name),
                None => self.grants.account_of_access(token),
            };
        }
        self.sessions.account(exchange.cookie(SESSION_COOKIE)?)
    }

    /// The account whose session the request holds.
    pub(crate) fn session(&mut self, exchange: &Exchange, accepts: Accepts, now: u64) -> Result<Arc<str>, Refusal> {
        match (accepts, exchange.bearer()) {
            (Accepts::BearerOrCookie, Some(token)) => match token.strip_prefix(STATIC_PREFIX) {
                Some(name) => self.grants.check_static(self.accounts.find(name).ok_or(Refusal::Unknown)?),
                None => self.grants.check(token, now),
            },
            (Accepts::BearerOrCookie, None) | (Accepts::Bundle, _) => {
                let sid = exchange.cookie(SESSION_COOKIE).ok_or(Refusal::Missing)?;
                if accepts == Accepts::Bundle && self.sessions.binding(sid).is_none() {
                    return Err(Refusal::Unknown);
                }
                let shown = Shown { device: exchange.header(DEVICE_HEADER), user_agent: exchange.header("user-agent") };
                let lifetime = self.settings.session_lifetime;
                self.sessions.check(sid, shown, now, lifetime, self.settings.session_expiry)
            }
        }
    }
}

/// The cookie that holds a session.
pub(crate) const SESSION_COOKIE: &str = "sid";

/// What a static token begins with; the account's name follows.
pub(crate) const STATIC_PREFIX: &str = "static-";
