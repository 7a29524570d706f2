//! What the jar takes from a response and gives to a request. RFC 6265bis §5.7 (storage) and §5.8 (retrieval).
//!
//! **Invariant:** cookies stand in the order in which they are sent, so a look-up is one pass; each update of a cookie is
//! dated later than the one before, even when the clock goes back, so that merging never prefers the older one.

use std::fmt;
use std::time::Duration;

use bytes::BytesMut;
use http::{HeaderValue, Uri};
use zeroize::Zeroizing;

use super::matching::{Place, domain_matches, path_matches};
use super::merge::Tombstone;
use super::parse::{self, Line};
use super::suffixes::PublicSuffixes;
use super::{Change, Changed, Cookie, Key, Name, Reason, Received};
use crate::time::Wall;

/// The cookies of one session.
///
/// ```
/// use hallpass_core::cookie::{Jar, Received};
/// use hallpass_core::time::Wall;
///
/// let (now, at) = (Wall::from_millis(0), "https://example.com/login".parse()?);
/// let mut jar = Jar::new();
/// assert!(matches!(jar.receive(&at, b"sid=1; Path=/; Secure", now), Received::Stored(_)));
/// assert_eq!(jar.line(&at, now).unwrap(), "sid=1");
/// assert_eq!(jar.line(&"https://other.example/".parse()?, now), None);
/// # Ok::<(), http::uri::InvalidUri>(())
/// ```
#[derive(Clone)]
pub struct Jar {
    pub(super) cookies: Vec<Cookie>,
    pub(super) tombstones: Vec<Tombstone>,
    pub(super) next_seq: u64,
    pub(super) suffixes: PublicSuffixes,
}

impl Jar {
    /// An empty jar that takes every name without a dot for a public suffix, and no other.
    pub const fn new() -> Self {
        Self { cookies: Vec::new(), tombstones: Vec::new(), next_seq: 0, suffixes: PublicSuffixes::DOTLESS }
    }

    /// The same jar with a public suffix list.
    pub fn with_public_suffixes(mut self, list: PublicSuffixes) -> Self {
        self.suffixes = list;
        self
    }

    /// Judges by this public suffix list from now on.
    pub(crate) fn judge_by(&mut self, list: &PublicSuffixes) {
        self.suffixes.clone_from(list);
    }

    /// Takes one `Set-Cookie` line of a response from `from`.
    ///
    /// Never fails: a line that breaks a rule is ignored with its reason, as RFC 6265bis asks.
    pub fn receive(&mut self, from: &Uri, set_cookie: &[u8], now: Wall) -> Received {
        let Some(place) = Place::of(from) else {
            return Received::Ignored(Reason::NoHost);
        };
        let outcome = parse::parse(set_cookie, now).and_then(|line| Ok((self.key(&place, &line)?, line)));
        match outcome {
            Err(reason) => Received::Ignored(reason),
            Ok((key, line)) => self.store(key, &line, now),
        }
    }

    /// The `Cookie` header for a request to `to`, marked sensitive; `None` where no cookie is meant for it.
    ///
    /// Changes when a line is received or imported, and as cookies expire.
    pub fn line(&self, to: &Uri, now: Wall) -> Option<HeaderValue> {
        if self.cookies.is_empty() {
            return None;
        }
        let mut out = BytesMut::new();
        for cookie in self.matching(to, now) {
            if out.is_empty() {
                out.reserve(128);
            } else {
                out.extend_from_slice(b"; ");
            }
            if !cookie.key.name.is_empty() {
                out.extend_from_slice(&cookie.key.name);
                out.extend_from_slice(b"=");
            }
            out.extend_from_slice(&cookie.value);
        }
        if out.is_empty() {
            return None;
        }
        // Control characters were refused on the way in, so this is always a header.
        let mut header = HeaderValue::from_maybe_shared(out.freeze()).ok()?;
        header.set_sensitive(true);
        Some(header)
    }

    /// The cookies that a request to `to` would carry, in order.
    pub fn matching<'a>(&'a self, to: &'a Uri, now: Wall) -> impl Iterator<Item = &'a Cookie> {
        let place = Place::of(to);
        self.cookies.iter().filter(move |cookie| {
            place.as_ref().is_some_and(|place| cookie.is_meant_for(place)) && !cookie.is_expired(now)
        })
    }

    /// The value of the first cookie called `name` that a request to `to` would carry, such as a CSRF token; `None` also where
    /// it is not UTF-8.
    pub fn value<'a>(&'a self, to: &'a Uri, name: &str, now: Wall) -> Option<&'a str> {
        let cookie = self.matching(to, now).find(|cookie| *cookie.key.name == *name.as_bytes())?;
        std::str::from_utf8(&cookie.value).ok()
    }

    /// Forgets every cookie, and remembers having done so when merging.
    pub fn clear(&mut self, now: Wall) {
        for cookie in std::mem::take(&mut self.cookies) {
            let at = later_than(Some(cookie.updated), now);
            self.bury(cookie.key, at);
        }
        self.evict(now);
    }

    /// The first moment at which a cookie called `name` ends; `None` where none does.
    pub fn earliest_expiry_of(&self, name: &str) -> Option<Wall> {
        let named = self.cookies.iter().filter(|cookie| *cookie.key.name == *name.as_bytes());
        named.filter_map(|cookie| cookie.expires).min()
    }

    /// Every cookie, expired ones too until a later update drops them.
    pub fn iter(&self) -> impl Iterator<Item = &Cookie> {
        self.cookies.iter()
    }

    /// How many cookies it holds.
    pub fn len(&self) -> usize {
        self.cookies.len()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.cookies.is_empty()
    }

    /// Who the cookie is, or why it may not be (§5.7).
    fn key(&self, place: &Place<'_>, line: &Line<'_>) -> Result<Key, Reason> {
        let (domain, is_host_only) = match line.domain {
            None => (place.host.to_ascii_lowercase(), true),
            Some(domain) => self.domain(place, domain)?,
        };
        let path = line.path.filter(|path| path.starts_with(b"/"));
        let key = Key {
            name: line.name.into(),
            domain: domain.into(),
            path: path.unwrap_or(place.default_path().as_bytes()).into(),
            is_host_only,
        };
        if line.is_secure && !place.is_secure {
            return Err(Reason::NotSecure);
        }
        if !line.is_secure && !place.is_secure && self.cookies.iter().any(|cookie| cookie.is_hidden_by(&key)) {
            return Err(Reason::HidesSecure);
        }
        if keeps_promise(&key, line, path == Some(b"/")) { Ok(key) } else { Err(Reason::BrokenPrefix) }
    }

    fn domain(&self, place: &Place<'_>, domain: &[u8]) -> Result<(String, bool), Reason> {
        let domain = domain.strip_prefix(b".").unwrap_or(domain).to_ascii_lowercase();
        let domain = String::from_utf8(domain).map_err(|_| Reason::ForeignDomain)?;
        if domain.is_empty() || !domain.is_ascii() || !domain_matches(place.host, &domain) {
            return Err(Reason::ForeignDomain);
        }
        if !self.suffixes.contains(&domain) {
            return Ok((domain, false));
        }
        if place.host.eq_ignore_ascii_case(&domain) { Ok((domain, true)) } else { Err(Reason::PublicSuffix) }
    }

    pub(super) fn store(&mut self, key: Key, line: &Line<'_>, now: Wall) -> Received {
        let held = self.cookies.iter().position(|cookie| cookie.key == key);
        let buried = self.tombstones.iter().position(|tombstone| tombstone.key == key);
        let previous = held.map(|at| self.cookies[at].updated).max(buried.map(|at| self.tombstones[at].at));
        let updated = later_than(previous, now);
        if line.expires.is_some_and(|at| at <= now) {
            let name = held.map(|at| self.cookies.remove(at)).filter(|cookie| !cookie.is_expired(now));
            let name = name.map(|cookie| Name(cookie.key.name.clone()));
            self.bury(key, updated);
            self.evict(now);
            return name.map_or(Received::Unchanged, Received::Deleted);
        }
        if let Some(at) = buried {
            self.tombstones.remove(at);
        }
        let mut cookie = Cookie {
            key,
            value: Zeroizing::new(line.value.into()),
            is_secure: line.is_secure,
            is_http_only: line.is_http_only,
            same_site: line.same_site,
            expires: line.expires,
            created: now,
            seq: self.next_seq,
            updated,
        };
        let name = Name::new(line.name);
        let Some(at) = held.filter(|&at| !self.cookies[at].is_expired(now)) else {
            if let Some(at) = held {
                self.cookies.remove(at);
            }
            self.next_seq = self.next_seq.saturating_add(1);
            self.insert(cookie);
            self.evict(now);
            return Received::Stored(Change { name, what: Changed::Added });
        };
        let old = &mut self.cookies[at];
        (cookie.created, cookie.seq) = (old.created, old.seq);
        let has_new_value = old.value != cookie.value;
        // What orders a cookie does not change, so it keeps its place.
        let old = std::mem::replace(old, cookie);
        let cookie = &mut self.cookies[at];
        if has_new_value {
            return Received::Stored(Change { name, what: Changed::Value });
        }
        let dated = std::mem::replace(&mut cookie.updated, old.updated);
        let is_same = *cookie == old;
        cookie.updated = dated;
        if is_same { Received::Unchanged } else { Received::Stored(Change { name, what: Changed::Attributes }) }
    }

    pub(super) fn insert(&mut self, cookie: Cookie) {
        let at = self.cookies.partition_point(|held| held.sending_order(&cookie).is_lt());
        self.cookies.insert(at, cookie);
    }
}

/// Whether the cookie is what the beginning of its name promises (§4.1.3), where it promises something.
pub(super) fn keeps_promise(key: &Key, line: &Line<'_>, is_for_all_paths: bool) -> bool {
    let prefixed = if line.name.is_empty() { line.value } else { line.name };
    if has_prefix(prefixed, b"__host-") {
        return line.is_secure && key.is_host_only && is_for_all_paths && !line.name.is_empty();
    }
    !has_prefix(prefixed, b"__secure-") || line.is_secure && !line.name.is_empty()
}

/// A moment after `previous`, `now` if it is.
fn later_than(previous: Option<Wall>, now: Wall) -> Wall {
    previous.map_or(now, |previous| now.max(previous + Duration::from_millis(1)))
}

fn has_prefix(text: &[u8], prefix: &[u8]) -> bool {
    text.get(..prefix.len()).is_some_and(|head| head.eq_ignore_ascii_case(prefix))
}

impl Cookie {
    fn is_meant_for(&self, place: &Place<'_>) -> bool {
        (place.is_secure || !self.is_secure)
            && self.is_for_host(place.host)
            && path_matches(place.path.as_bytes(), &self.key.path)
    }

    /// Whether this is a Secure cookie that one called `key` could be taken for ("leave Secure cookies alone").
    fn is_hidden_by(&self, key: &Key) -> bool {
        self.is_secure
            && self.key.name == key.name
            && (domain_matches(&self.key.domain, &key.domain) || domain_matches(&key.domain, &self.key.domain))
            && path_matches(&key.path, &self.key.path)
    }
}

impl Default for Jar {
    fn default() -> Self {
        Self::new()
    }
}

impl PartialEq for Jar {
    /// Whether both hold the same cookies and remember the same deletions.
    fn eq(&self, other: &Self) -> bool {
        self.cookies == other.cookies && self.tombstones == other.tombstones && self.next_seq == other.next_seq
    }
}

impl Eq for Jar {}

impl fmt::Debug for Jar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.cookies).finish()
    }
}
