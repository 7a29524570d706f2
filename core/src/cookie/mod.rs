//! What does a session remember of the cookies it was given, and which of them does a URL get? RFC 6265bis.
//!
//! **Invariant:** a cookie goes only to hosts, paths and connections that it was set for; its value is in no `Debug`, no
//! error and no event, and is wiped when dropped. Time is an argument.
//!
//! Deliberate liberties: loopback hosts ([`crate::url::is_loopback`]) count as secure without TLS, as in browsers. `SameSite`
//! is kept but decides nothing, not even that `None` needs `Secure`: an API client has no other site that could start its
//! requests. A host that is a public suffix may set cookies for itself.

mod date;
mod evict;
mod import;
mod jar;
mod matching;
mod merge;
mod netscape;
mod parse;
mod persist;
mod suffixes;
#[cfg(test)]
mod tests;

use std::cmp::Ordering;
use std::fmt;

use zeroize::Zeroizing;

pub(crate) use date::parse as date;
pub use jar::Jar;
pub use netscape::NotTaken;
pub use suffixes::{IsPublicSuffix, PublicSuffixes};

use crate::time::Wall;

/// One cookie with all that decides where it goes.
#[derive(Clone, PartialEq, Eq)]
pub struct Cookie {
    key: Key,
    value: Zeroizing<Box<[u8]>>,
    is_secure: bool,
    is_http_only: bool,
    same_site: SameSite,
    expires: Option<Wall>,
    created: Wall,
    /// Orders cookies created in one millisecond.
    seq: u64,
    updated: Wall,
}

/// What makes two cookies the same one (§5.7).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    name: Box<[u8]>,
    domain: Box<str>,
    path: Box<[u8]>,
    is_host_only: bool,
}

/// What a cookie says about requests that other sites start. Stored, not acted upon.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum SameSite {
    /// Nothing, or nothing known.
    #[default]
    Unset,
    /// `None`.
    None,
    /// `Lax`.
    Lax,
    /// `Strict`.
    Strict,
}

/// What became of one `Set-Cookie` line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Received {
    /// The jar holds a cookie that it did not hold like this before.
    Stored(Change),
    /// The cookie of this name was in the jar and no longer is.
    Deleted(Name),
    /// The jar holds what it held before; nothing needs saving.
    Unchanged,
    /// The line was not taken.
    Ignored(Reason),
}

/// Which cookie changed, and what of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Its name.
    pub name: Name,
    /// What is new.
    pub what: Changed,
}

/// What is new about a stored cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Changed {
    /// The cookie itself.
    Added,
    /// Its value.
    Value,
    /// Only its expiry or other attributes.
    Attributes,
}

/// A cookie's name; bytes, usually UTF-8, empty for a nameless cookie.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(Box<[u8]>);

/// Why a `Set-Cookie` line was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// It has a control character.
    ControlCharacter,
    /// It has neither name nor value.
    Empty,
    /// Name and value are longer than 4096 bytes together.
    TooLong,
    /// The URL it came from has no scheme and host.
    NoHost,
    /// Its `Domain` is not the host's, or not ASCII.
    ForeignDomain,
    /// Its `Domain` is a public suffix such as `com`.
    PublicSuffix,
    /// It is `Secure` but came over an insecure connection.
    NotSecure,
    /// It came over an insecure connection and would hide a `Secure` cookie.
    HidesSecure,
    /// Its name starts with `__Secure-` or `__Host-` and it does not keep the promise.
    BrokenPrefix,
}

impl Cookie {
    /// Its name; empty for a nameless cookie.
    pub fn name(&self) -> &[u8] {
        &self.key.name
    }

    /// Its value, which is a secret.
    pub fn value(&self) -> &[u8] {
        &self.value
    }

    /// The host that it was set for, or the domain that it named.
    pub fn domain(&self) -> &str {
        &self.key.domain
    }

    /// The path that it is for, with what lies under it.
    pub fn path(&self) -> &[u8] {
        &self.key.path
    }

    /// Whether it is for its host alone and for none under it.
    pub fn is_host_only(&self) -> bool {
        self.key.is_host_only
    }

    /// Whether it is sent over secure connections only.
    pub fn is_secure(&self) -> bool {
        self.is_secure
    }

    /// Whether it asked to be hidden from scripts.
    pub fn is_http_only(&self) -> bool {
        self.is_http_only
    }

    /// What it says about other sites' requests.
    pub fn same_site(&self) -> SameSite {
        self.same_site
    }

    /// When it ends; `None` for a cookie that lives as long as the session.
    pub fn expires(&self) -> Option<Wall> {
        self.expires
    }

    /// When a cookie of this name, domain and path was first set.
    pub fn created(&self) -> Wall {
        self.created
    }

    /// When it was last set.
    pub fn updated(&self) -> Wall {
        self.updated
    }

    fn is_expired(&self, now: Wall) -> bool {
        self.expires.is_some_and(|at| at <= now)
    }

    /// The order in which cookies are sent (§5.8.3): longer paths first, then older ones.
    fn sending_order(&self, other: &Self) -> Ordering {
        let by_path = other.key.path.len().cmp(&self.key.path.len());
        let by_age = (self.created, self.seq).cmp(&(other.created, other.seq));
        by_path.then(by_age).then_with(|| self.key.cmp(&other.key))
    }
}

impl fmt::Debug for Cookie {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cookie")
            .field("name", &String::from_utf8_lossy(&self.key.name))
            .field("domain", &self.key.domain)
            .field("path", &String::from_utf8_lossy(&self.key.path))
            .field("expires", &self.expires)
            .finish_non_exhaustive()
    }
}

impl Name {
    /// Its bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Its text, where it is UTF-8.
    pub fn as_str(&self) -> Option<&str> {
        std::str::from_utf8(&self.0).ok()
    }

    fn new(bytes: &[u8]) -> Self {
        Self(bytes.into())
    }
}

impl PartialEq<str> for Name {
    fn eq(&self, other: &str) -> bool {
        *self.0 == *other.as_bytes()
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", String::from_utf8_lossy(&self.0))
    }
}
