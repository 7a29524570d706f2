//! When does a session's credential end? The first source that tells: what came with a token, a cookie's date, a JWT, the platform file.
//!
//! **Invariant:** a date that was only read from a token (RFC 7519) is not trusted: it says when to renew, and ends nothing by itself.

use std::time::Duration;

use base64ct::{Base64UrlUnpadded, Encoding};
use zeroize::Zeroizing;

use super::session::Session;
use super::token::seconds;
use super::window::Life;
use crate::credentials::Secret;
use crate::document::{Node, json};
use crate::platform::ExpirySource;
use crate::time::{Now, Wall};

/// How a credential came to be here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Issued {
    /// Just now, with this lifetime, where the platform tells one.
    Now(Option<Duration>),
    /// Some time ago; the program brought it.
    Before,
}

impl Session {
    /// Finds out when the present credential ends.
    pub(super) fn learn_expiry(&mut self, issued: Issued, now: Now) {
        self.tokens.life = self.expiry_sources().iter().find_map(|source| self.life_by(*source, issued, now));
    }

    /// The credential cookie was set again: its date counts if no better source has told.
    pub(super) fn learn_cookie_expiry(&mut self, now: Now) {
        let place = |wanted: ExpirySource| self.expiry_sources().iter().position(|source| *source == wanted);
        let is_better = match (place(ExpirySource::Cookie), self.tokens.life) {
            (None, _) => false,
            (Some(_), None) => true,
            (Some(cookie), Some(life)) => place(life.from).is_none_or(|present| cookie <= present),
        };
        if is_better {
            self.tokens.life = self.life_by(ExpirySource::Cookie, Issued::Before, now);
        }
    }

    fn expiry_sources(&self) -> &[ExpirySource] {
        self.compiled.platform().credential.expires_from.as_deref().unwrap_or(ExpirySource::USUAL)
    }

    fn life_by(&self, source: ExpirySource, issued: Issued, now: Now) -> Option<Life> {
        let credential = &self.compiled.platform().credential;
        let lasting = |lifetime: Duration| Life { issued: now.wall, ends: now.wall + lifetime, from: source };
        match (source, issued) {
            (ExpirySource::ExpiresIn, Issued::Now(told)) => told.map(lasting),
            (ExpirySource::Lifetime, Issued::Now(_)) => credential.lifetime.map(Duration::from_secs).map(lasting),
            (ExpirySource::ExpiresIn | ExpirySource::Lifetime, Issued::Before) => None,
            (ExpirySource::Cookie, _) => {
                let ends = self.jar.earliest_expiry_of(credential.cookie.as_ref()?)?;
                Some(Life { issued: now.wall, ends, from: source })
            }
            (ExpirySource::Jwt, _) => jwt(self.tokens.access.as_ref()?, issued, now.wall),
        }
    }
}

/// The claims of a JWT, read and not verified; nothing where it is none.
pub(super) fn claims(token: &str) -> Option<Node> {
    let mut parts = token.split('.');
    let (_, claims, _) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || claims.len() > LONGEST {
        return None;
    }
    json::read(&Zeroizing::new(Base64UrlUnpadded::decode_vec(claims).ok()?)).ok()
}

/// What a JWT says of its own life; nothing where it is none, or says what cannot be.
fn jwt(token: &Secret, issued: Issued, now: Wall) -> Option<Life> {
    let claims = claims(token.expose())?;
    let date = |name: &str| {
        let since = seconds(claims.member(name).and_then(Node::text)?)?;
        (since <= LAST).then(|| Wall::from_millis(0) + since)
    };
    let (begins, ends) = (date("iat"), date("exp")?);
    let from = ExpirySource::Jwt;
    match (issued, begins) {
        // Both dates are of the issuer's clock: what lies between them holds for ours as well, however it goes.
        (Issued::Now(_), Some(begins)) if ends > begins => {
            Some(Life { issued: now, ends: now + ends.since(begins), from })
        }
        (Issued::Now(_), Some(_)) => None,
        // A token that has just been issued does not end at once: the clocks differ too much to say anything.
        (Issued::Now(_), None) => (ends.since(now) >= SHORTEST).then_some(Life { issued: now, ends, from }),
        (Issued::Before, begins) => {
            Some(Life { issued: begins.filter(|begins| *begins < ends).unwrap_or(now), ends, from })
        }
    }
}

/// The longest claims that are read, encoded.
const LONGEST: usize = 16 * 1024;

/// The least that a fresh token has left, where only its end is known.
const SHORTEST: Duration = Duration::from_secs(30);

/// The last date that makes sense (the year 9999), since 1970.
const LAST: Duration = Duration::from_secs(253_402_300_799);

#[cfg(test)]
mod tests {
    use super::*;

    fn read(claims: &str, issued: Issued) -> Option<(i64, i64)> {
        let token = format!("e30.{}.c2ln", Base64UrlUnpadded::encode_string(claims.as_bytes()));
        let life = jwt(&Secret::new(token), issued, Wall::from_millis(1_000_000_000))?;
        Some((life.issued.as_millis() / 1000, life.ends.as_millis() / 1000))
    }

    #[test]
    fn a_fresh_token_lasts_as_long_as_its_issuer_meant_whatever_our_clock_says() {
        let fresh = Issued::Now(None);
        for iat in [0, 999_000, 1_000_000, 9_000_000] {
            let claims = format!(r#"{{"iat": {iat}, "exp": {}}}"#, iat + 600);
            assert_eq!(read(&claims, fresh), Some((1_000_000, 1_000_600)), "{iat}");
        }
        assert_eq!(read(r#"{"exp": 1000600.5}"#, fresh), Some((1_000_000, 1_000_600)));
        assert_eq!(read(r#"{"exp": 1000010}"#, fresh), None, "it would be renewed at once, for ever");
    }

    #[test]
    fn a_token_from_elsewhere_ends_when_it_says() {
        assert_eq!(read(r#"{"iat": 999000, "exp": 1000600}"#, Issued::Before), Some((999_000, 1_000_600)));
        assert_eq!(read(r#"{"exp": 5}"#, Issued::Before), Some((1_000_000, 5)));
    }

    #[test]
    fn nonsense_says_nothing() {
        for claims in [
            "{}",
            "7",
            "not json",
            r#"{"exp": "soon"}"#,
            r#"{"exp": -5}"#,
            r#"{"exp": 99999999999999}"#,
            r#"{"iat": 5, "exp": 5}"#,
            r#"{"exp": null}"#,
        ] {
            assert_eq!(read(claims, Issued::Now(None)), None, "{claims}");
        }
        for token in ["", "a", "a.b", "a.b.c", "a.!!.c", "e30.e30.e30.e30"] {
            assert_eq!(jwt(&Secret::new(token), Issued::Before, Wall::from_millis(0)), None, "{token}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_token_makes_it_panic(token in r"[A-Za-z0-9_-]{0,8}\.[A-Za-z0-9_=-]{0,40}\.[a-z]{0,3}") {
            let _ = jwt(&Secret::new(token), Issued::Before, Wall::from_millis(0));
        }
    }
}
