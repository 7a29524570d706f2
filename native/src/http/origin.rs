//! Where does a request go? Scheme, host and port, taken from its URL without copying.
//!
//! Two spellings of one origin (`EXAMPLE.com`, a default port written out) only cost a connection of their own.

use ::http::uri::{Authority, PathAndQuery, Scheme, Uri};
use hallpass_core::effect::{Failure, FailureKind, Sent};

/// What connections are shared by.
#[derive(Clone, Debug)]
pub(super) struct Origin {
    pub(super) security: Security,
    authority: Authority,
}

/// Whether a connection is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Security {
    /// `http`
    Plain,
    /// `https`
    Tls,
}

impl Origin {
    /// Splits an absolute URL into its origin and what is written on the request line.
    pub(super) fn split(uri: Uri) -> Result<(Self, PathAndQuery), Failure> {
        let parts = uri.into_parts();
        let security = match &parts.scheme {
            Some(scheme) if *scheme == Scheme::HTTPS => Security::Tls,
            Some(scheme) if *scheme == Scheme::HTTP => Security::Plain,
            Some(scheme) => return Err(unsupported(format!("the scheme {scheme} is neither http nor https"))),
            None => return Err(unsupported("the URL has no scheme and host")),
        };
        let authority = parts.authority.ok_or_else(|| unsupported("the URL has no host"))?;
        if authority.as_str().as_bytes().contains(&b'@') {
            return Err(unsupported("the URL holds a user name; give it as credentials instead"));
        }
        let target = parts.path_and_query.unwrap_or_else(|| PathAndQuery::from_static("/"));
        Ok((Self { security, authority }, target))
    }

    /// The host as DNS and certificates know it: an IPv6 address without its brackets.
    pub(super) fn host(&self) -> &str {
        self.authority.host().trim_start_matches('[').trim_end_matches(']')
    }

    pub(super) fn port(&self) -> u16 {
        self.authority.port_u16().unwrap_or(self.security.default_port())
    }

    /// The value of the `Host` field, without a default port (RFC 9110 §7.2, RFC 3986 §6.2.3).
    pub(super) fn host_field(&self) -> &str {
        if self.port() == self.security.default_port() { self.authority.host() } else { self.authority.as_str() }
    }
}

impl PartialEq for Origin {
    fn eq(&self, other: &Self) -> bool {
        self.security == other.security && self.authority.as_str() == other.authority.as_str()
    }
}

impl Eq for Origin {}

impl std::hash::Hash for Origin {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.authority.as_str().hash(state);
        self.security.hash(state);
    }
}

impl Security {
    fn default_port(self) -> u16 {
        match self {
            Self::Plain => 80,
            Self::Tls => 443,
        }
    }
}

fn unsupported(detail: impl Into<std::borrow::Cow<'static, str>>) -> Failure {
    Failure::new(FailureKind::Unsupported, Sent::No, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(url: &'static str) -> (Origin, PathAndQuery) {
        Origin::split(Uri::from_static(url)).expect("a URL that can be split")
    }

    #[test]
    fn a_url_splits_into_where_and_what() {
        let (origin, target) = split("https://api.example:8443/a/b?c=d");
        assert_eq!((origin.host(), origin.port(), origin.host_field()), ("api.example", 8443, "api.example:8443"));
        assert_eq!(target.as_str(), "/a/b?c=d");
        let (origin, target) = split("http://[::1]:80");
        assert_eq!((origin.host(), origin.port(), origin.host_field()), ("::1", 80, "[::1]"));
        assert_eq!(target.as_str(), "/");
    }

    #[test]
    fn what_is_no_web_address_is_unsupported() {
        for url in ["/path", "ftp://example.com/", "http://user:word@example.com/", "example.com:80"] {
            let failure = Origin::split(Uri::from_static(url)).expect_err(url);
            assert_eq!((failure.kind, failure.sent), (FailureKind::Unsupported, Sent::No), "{url}");
            assert!(!failure.detail.contains("word"));
        }
    }
}
