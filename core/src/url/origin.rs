//! Which scheme, host and port is a URL's, the thing that credentials are bound to?
//!
//! **Invariant:** two URLs have equal [`Origin`]s exactly when a browser would call them same-origin.

use std::fmt;
use std::sync::Arc;

use http::Uri;

use super::{host, invalid, shown};
use crate::error::Error;

/// One of the two schemes that calls can use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scheme {
    /// Without TLS.
    Http,
    /// With TLS.
    Https,
}

/// Scheme, host and port.
///
/// ```
/// use hallpass_core::url::Origin;
///
/// let api = Origin::of(&"https://API.example.com/v1".parse()?)?;
/// assert_eq!(api.to_string(), "https://api.example.com");
/// assert!(api.matches(&"https://api.example.com:443/other".parse()?));
/// assert!(!api.matches(&"http://api.example.com/v1".parse()?));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Origin {
    /// Host and, where it is not the scheme's own, `:` and port.
    text: Arc<str>,
    host_len: usize,
    port: u16,
    scheme: Scheme,
}

impl Scheme {
    /// `http` or `https`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    /// 80 or 443.
    pub const fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }

    /// The scheme of this name, in any case.
    pub fn named(name: &str) -> Option<Self> {
        if name.eq_ignore_ascii_case("https") {
            Some(Self::Https)
        } else if name.eq_ignore_ascii_case("http") {
            Some(Self::Http)
        } else {
            None
        }
    }

    fn of(uri: &Uri) -> Option<Self> {
        let scheme = uri.scheme()?;
        if *scheme == http::uri::Scheme::HTTPS {
            Some(Self::Https)
        } else if *scheme == http::uri::Scheme::HTTP {
            Some(Self::Http)
        } else {
            None
        }
    }
}

impl Origin {
    /// The origin of an absolute URL.
    ///
    /// # Errors
    ///
    /// `request_invalid` for a URL without scheme, with a scheme other than `http` and `https`, with userinfo, or with a host
    /// or port that parsers disagree about.
    pub fn of(uri: &Uri) -> Result<Self, Error> {
        let Some(authority) = uri.authority() else {
            return Err(invalid(format!("`{}` has no scheme and host; write https://HOST/PATH", shown(uri.path()))));
        };
        let text = authority.as_str();
        if text.contains('@') {
            return Err(invalid("the URL has a user name or password before its host; remove it".to_owned()));
        }
        let Some(scheme) = Scheme::of(uri) else {
            return Err(match uri.scheme_str() {
                None => invalid(format!("`{text}` has no scheme; write https://{text}")),
                Some(other) => invalid(format!("`{other}` is not a scheme that calls can use; write https or http")),
            });
        };
        Self::new(scheme, text)
    }

    pub(super) fn new(scheme: Scheme, authority: &str) -> Result<Self, Error> {
        let Some(parts) = host::split(authority) else {
            return Err(invalid(format!("`{}` is not a host with an optional port", shown(authority))));
        };
        if let Some(why) = host::fault(parts.host) {
            return Err(invalid(format!("the host `{}` {why}", parts.host)));
        }
        let port = parts.port.unwrap_or(scheme.default_port());
        let mut text = host::canonical(parts.host);
        let host_len = text.len();
        if port != scheme.default_port() {
            text.push(':');
            text.push_str(&port.to_string());
        }
        Ok(Self { text: text.into(), host_len, port, scheme })
    }

    /// Whether `uri` is of this origin; neither allocates nor parses anything but the port.
    ///
    /// Never true for a URL that [`Origin::of`] refuses.
    pub fn matches(&self, uri: &Uri) -> bool {
        let (Some(scheme), Some(authority)) = (Scheme::of(uri), uri.authority()) else {
            return false;
        };
        if scheme != self.scheme {
            return false;
        }
        // The same spelling, mostly: compared at once before it is compared letter by letter.
        if *authority.as_str() == *self.text || authority.as_str().eq_ignore_ascii_case(&self.text) {
            return true;
        }
        host::split(authority.as_str()).is_some_and(|parts| {
            parts.port.unwrap_or(scheme.default_port()) == self.port
                && (parts.host.eq_ignore_ascii_case(self.host()) || self.is_same_address(parts.host))
        })
    }

    fn is_same_address(&self, host: &str) -> bool {
        host.starts_with('[') && host::ipv6(host).is_some_and(|address| host::ipv6(self.host()) == Some(address))
    }

    /// Its scheme.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Its host in lower case; an IPv6 address in brackets.
    pub fn host(&self) -> &str {
        &self.text[..self.host_len]
    }

    /// Its port, the scheme's own where the URL named none.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Whether the host names this machine (see [`super::is_loopback`]).
    pub fn is_loopback(&self) -> bool {
        host::is_loopback(self.host())
    }
}

impl fmt::Display for Origin {
    /// `scheme://host`, with the port only where it is not the scheme's own.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.scheme.as_str())?;
        f.write_str("://")?;
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Origin({self})")
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
