//! The jar as a Netscape `cookies.txt`, the file that curl, wget and browsers' extensions share, and back.
//!
//! A line a cookie: domain, whether hosts under it get it, path, whether it is Secure, when it ends (seconds since 1970, 0 for a
//! session cookie), name, value, divided by tabs; `#HttpOnly_` before the domain of a cookie that is hidden from scripts.
//!
//! **Invariant:** every cookie that the file can express comes back with the same name, value, domain, path, flags and end (in
//! whole seconds). The file says nothing of `SameSite` and of when a cookie was set.

use zeroize::Zeroizing;

use super::matching::domain_matches;
use super::parse::{self, LONGEST_LIFE, Line};
use super::{Cookie, Jar, Key, Name, SameSite};
use crate::error::{Error, Kind};
use crate::time::Wall;

/// A cookie of a `cookies.txt` that was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotTaken {
    /// Its name.
    pub name: String,
    /// Its domain.
    pub domain: String,
    /// Why.
    pub why: &'static str,
}

impl Jar {
    /// Writes the cookies that have not ended as a `cookies.txt`, in the order in which they are sent; and the names of those
    /// that such a file cannot express, because of a tab in their name or path.
    ///
    /// What it writes is secret.
    pub fn to_cookies_txt(&self, now: Wall) -> (Zeroizing<Vec<u8>>, Vec<Name>) {
        let room = |cookie: &Cookie| 64 + cookie.key.domain.len() + cookie.name().len() + cookie.value().len();
        let room = self.cookies.iter().map(|cookie| room(cookie) + cookie.path().len()).sum::<usize>();
        let mut out = Zeroizing::new(Vec::with_capacity(HEAD.len() + room));
        let mut left_out = Vec::new();
        out.extend_from_slice(HEAD.as_bytes());
        for cookie in self.cookies.iter().filter(|cookie| !cookie.is_expired(now)) {
            if cookie.name().contains(&b'\t') || cookie.path().contains(&b'\t') {
                left_out.push(Name::new(cookie.name()));
                continue;
            }
            let flag = |truth: bool| if truth { "TRUE" } else { "FALSE" };
            let hidden = if cookie.is_http_only { HTTP_ONLY } else { "" };
            let (dot, domain) = (if cookie.is_host_only() { "" } else { "." }, cookie.domain());
            let head = format!("{hidden}{dot}{domain}\t{}\t", flag(!cookie.is_host_only()));
            let ends = cookie.expires.map_or(0, |at| at.as_millis().div_euclid(1000));
            let attributes = format!("\t{}\t{ends}\t", flag(cookie.is_secure));
            for part in
                [head.as_bytes(), cookie.path(), attributes.as_bytes(), cookie.name(), b"\t", cookie.value(), b"\n"]
            {
                out.extend_from_slice(part);
            }
        }
        (out, left_out)
    }

    /// Takes the cookies of a `cookies.txt` that `is_wanted` and that may be; tells of the others.
    ///
    /// # Errors
    ///
    /// `credentials_invalid` with the line that is none of such a file; the jar is unchanged then.
    pub fn take_cookies_txt(
        &mut self,
        text: &[u8],
        now: Wall,
        is_wanted: &dyn Fn(&Cookie) -> bool,
    ) -> Result<Vec<NotTaken>, Error> {
        let text = text.strip_prefix("\u{feff}".as_bytes()).unwrap_or(text);
        let mut read = Vec::new();
        for (at, line) in text.split(|&byte| byte == b'\n').enumerate() {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            let (line, is_http_only) = match line.strip_prefix(HTTP_ONLY.as_bytes()) {
                Some(rest) => (rest, true),
                None => (line, false),
            };
            if line.trim_ascii().is_empty() || line.starts_with(b"#") && !is_http_only {
                continue;
            }
            let fields = fields(line, is_http_only);
            read.push(fields.map_err(|problem| {
                Error::new(Kind::CredentialsInvalid, format!("line {} of cookies.txt {problem}", at + 1))
            })?);
        }
        let mut not_taken = Vec::new();
        for (key, line) in read {
            let name = String::from_utf8_lossy(&key.name).into_owned();
            let domain = key.domain.clone().into_string();
            if let Err(why) = self.take_one(key, line, now, is_wanted) {
                not_taken.push(NotTaken { name, domain, why });
            }
        }
        Ok(not_taken)
    }

    fn take_one(
        &mut self,
        mut key: Key,
        mut line: Line<'_>,
        now: Wall,
        is_wanted: &dyn Fn(&Cookie) -> bool,
    ) -> Result<(), &'static str> {
        if parse::has_control(line.name) || parse::has_control(line.value) || parse::has_control(&key.path) {
            return Err("it has a control character");
        }
        if line.name.len() + line.value.len() > parse::MOST_NAME_AND_VALUE
            || line.name.is_empty() && line.value.is_empty()
        {
            return Err("it is empty, or longer than 4096 bytes");
        }
        if line.expires.is_some_and(|at| at <= now) {
            return Err("it has expired");
        }
        if !key.is_host_only && self.suffixes.contains(&key.domain) {
            key.is_host_only = true;
        }
        if !super::jar::keeps_promise(&key, &line, *key.path == *b"/") {
            return Err("it breaks what the beginning of its name promises");
        }
        line.expires = line.expires.map(|at| at.min(now + LONGEST_LIFE));
        let cookie = Cookie {
            key,
            value: Zeroizing::new(line.value.into()),
            is_secure: line.is_secure,
            is_http_only: line.is_http_only,
            same_site: SameSite::Unset,
            expires: line.expires,
            created: now,
            seq: 0,
            updated: now,
        };
        if !is_wanted(&cookie) {
            return Err("it is for another host");
        }
        self.store(cookie.key, &line, now);
        Ok(())
    }

    /// Takes the cookies of another jar that `is_wanted`, as they are, but those of a public suffix for itself alone.
    pub(crate) fn adopt(&mut self, other: &Self, now: Wall, is_wanted: &dyn Fn(&Cookie) -> bool) {
        for cookie in other.cookies.iter().filter(|cookie| is_wanted(cookie)) {
            let line = Line {
                name: cookie.name(),
                value: cookie.value(),
                expires: cookie.expires,
                domain: None,
                path: None,
                is_secure: cookie.is_secure,
                is_http_only: cookie.is_http_only,
                same_site: cookie.same_site,
            };
            let mut key = cookie.key.clone();
            key.is_host_only |= self.suffixes.contains(&key.domain);
            self.store(key, &line, now);
        }
    }
}

impl Cookie {
    /// Whether requests to this host could carry it, whatever their path.
    pub fn is_for_host(&self, host: &str) -> bool {
        if self.key.is_host_only {
            host.eq_ignore_ascii_case(&self.key.domain)
        } else {
            domain_matches(host, &self.key.domain)
        }
    }
}

/// The fields of one line; the value may hold tabs, and may be missing with the tab before it.
fn fields(line: &[u8], is_http_only: bool) -> Result<(Key, Line<'_>), &'static str> {
    let mut fields = line.splitn(7, |&byte| byte == b'\t');
    let mut next = || fields.next();
    let (Some(domain), Some(under), Some(path), Some(secure), Some(ends), Some(name)) =
        (next(), next(), next(), next(), next(), next())
    else {
        return Err("has not seven fields divided by tabs");
    };
    let value = next().unwrap_or_default();
    let under = truth(under).ok_or("says neither TRUE nor FALSE for the hosts under its domain")?;
    let is_secure = truth(secure).ok_or("says neither TRUE nor FALSE for secure connections")?;
    let expires = ends_at(ends)?;
    let domain = domain.strip_prefix(b".").unwrap_or(domain).to_ascii_lowercase();
    let domain = String::from_utf8(domain).ok().filter(|domain| domain.bytes().all(|byte| byte.is_ascii_graphic()));
    let domain = domain.filter(|domain| !domain.is_empty()).ok_or("has no domain")?;
    let key = Key {
        name: name.into(),
        domain: domain.into(),
        path: if path.starts_with(b"/") { path } else { b"/" }.into(),
        is_host_only: !under,
    };
    let line =
        Line { name, value, expires, domain: None, path: None, is_secure, is_http_only, same_site: SameSite::Unset };
    Ok((key, line))
}

fn truth(text: &[u8]) -> Option<bool> {
    match text {
        text if text.eq_ignore_ascii_case(b"true") => Some(true),
        text if text.eq_ignore_ascii_case(b"false") => Some(false),
        _ => None,
    }
}

/// When a cookie ends: nothing for 0, and for what some extensions write instead of it.
fn ends_at(text: &[u8]) -> Result<Option<Wall>, &'static str> {
    let text = std::str::from_utf8(text).unwrap_or("not a number").trim();
    // Some write fractions of seconds.
    let whole = text.split_once('.').map_or(text, |(whole, _)| whole);
    if whole.is_empty() || whole == "0" {
        return Ok(None);
    }
    let seconds: i64 = whole.parse().map_err(|_| "has an end that is no number of seconds")?;
    Ok(Some(Wall::from_millis(seconds.saturating_mul(1000))))
}

const HEAD: &str = "# Netscape HTTP Cookie File\n";
const HTTP_ONLY: &str = "#HttpOnly_";
