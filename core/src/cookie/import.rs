//! What cookies does a `Cookie` line copied from a browser hold?

use http::Uri;

use super::matching::Place;
use super::parse::{self, Line};
use super::{Jar, Key, Reason, SameSite};
use crate::error::{Error, Kind};
use crate::time::Wall;

impl Jar {
    /// Takes a `Cookie` line copied from a browser (with or without `Cookie:` before it) as cookies of `origin`'s host alone,
    /// for all paths, without expiry, sent over secure connections only if `origin` is one. Gives their number.
    ///
    /// # Errors
    ///
    /// `credentials_invalid` where the line holds no cookie, a line end, or a cookie that is too long; the jar is unchanged then.
    pub fn import_line(&mut self, origin: &Uri, line: &str, now: Wall) -> Result<usize, Error> {
        let invalid = |detail: String| Error::new(Kind::CredentialsInvalid, detail);
        let Some(place) = Place::of(origin) else {
            return Err(invalid("importing a cookie line needs an absolute URL that it belongs to".to_owned()));
        };
        let line = line.trim();
        let line = match line.split_at_checked(7) {
            Some((head, rest)) if head.eq_ignore_ascii_case("cookie:") => rest,
            Some(_) | None => line,
        };
        if parse::has_control(line.as_bytes()) {
            return Err(invalid(
                "the cookie line has a line end or control character; paste it as one line".to_owned(),
            ));
        }
        let mut pairs = Vec::new();
        for (at, piece) in line.as_bytes().split(|&byte| byte == b';').enumerate() {
            match parse::pair(piece) {
                Ok(pair) => pairs.push(pair),
                Err(Reason::TooLong) => {
                    let most = parse::MOST_NAME_AND_VALUE;
                    return Err(invalid(format!("cookie {} of the line is longer than {most} bytes", at + 1)));
                }
                Err(_) => {}
            }
        }
        if pairs.is_empty() {
            return Err(invalid("the cookie line is empty; write it as name=value; name=value".to_owned()));
        }
        for (name, value) in &pairs {
            let key = Key {
                name: (*name).into(),
                domain: place.host.to_ascii_lowercase().into(),
                path: b"/".as_slice().into(),
                is_host_only: true,
            };
            let is_secure = origin.scheme() == Some(&http::uri::Scheme::HTTPS);
            let line = Line {
                name,
                value,
                expires: None,
                domain: None,
                path: None,
                is_secure,
                is_http_only: false,
                same_site: SameSite::Unset,
            };
            self.store(key, &line, now);
        }
        Ok(pairs.len())
    }
}
