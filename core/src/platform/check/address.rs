//! What addresses in a platform file may look like.

use std::fmt;

use super::{Check, PlatformFault, wrong};

/// Scheme, host and port, in one spelling.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Origin {
    pub(super) scheme: &'static str,
    host: String,
    port: u16,
}

/// An absolute address that others resolve against.
pub(super) fn base(text: &str, path: &str) -> Result<Origin, PlatformFault> {
    characters(text, path)?;
    // `localhost:8080` begins like a scheme, but people mean a host.
    if !text.contains("://") {
        return wrong(path, "has no scheme; write http:// or https:// and a host, as in https://api.example.com");
    }
    let (origin, rest) = origin(text, path)?;
    if rest.contains('?') {
        return wrong(path, "must have no query (`?`): addresses that resolve against it would drop it");
    }
    Ok(origin)
}

/// An origin alone: `scheme://host[:port]`.
pub(super) fn bare(text: &str, path: &str) -> Result<Origin, PlatformFault> {
    characters(text, path)?;
    if !text.contains("://") {
        return wrong(path, "has no scheme; an origin is scheme://host[:port], as in https://api.example.com");
    }
    let (origin, rest) = origin(text, path)?;
    if !rest.is_empty() {
        return wrong(path, format!("must be an origin alone, without path or query: `{origin}`"));
    }
    Ok(origin)
}

/// Nothing but visible ASCII, and no fragment.
pub(super) fn characters(text: &str, path: &str) -> Check {
    if text.is_empty() {
        return wrong(path, "must not be empty");
    }
    if !text.bytes().all(|byte| byte.is_ascii_graphic() && !b"\\\"<>^`{|}".contains(&byte)) {
        return wrong(
            path,
            "has characters that an address cannot have; write them percent-encoded, and host names in Punycode",
        );
    }
    if text.contains('#') {
        return wrong(path, "must have no fragment (`#`): it is never sent");
    }
    Ok(())
}

/// Whether it begins with `scheme:` (RFC 3986 §3.1).
pub(super) fn has_scheme(text: &str) -> bool {
    let Some((scheme, _)) = text.split_once(':') else { return false };
    let begins = scheme.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic());
    begins && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
}

/// The origin of an address with a scheme, and what comes after it.
pub(super) fn origin<'a>(text: &'a str, path: &str) -> Result<(Origin, &'a str), PlatformFault> {
    let (scheme, rest) = text.split_once(':').unwrap_or((text, ""));
    let (scheme, standard) = match scheme.to_ascii_lowercase().as_str() {
        "http" => ("http", 80),
        "https" => ("https", 443),
        other => return wrong(path, format!("has the scheme `{other}`; only http and https are spoken")),
    };
    let Some(rest) = rest.strip_prefix("//") else {
        return wrong(path, format!("has no host; write {scheme}:// and a host"));
    };
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, after) = rest.split_at(end);
    if authority.contains('@') {
        return wrong(path, "must hold no user name or password; credentials are given at sign-in");
    }
    let (host, port) = match authority.rfind(':').filter(|&at| !authority[at..].contains(']')) {
        None => (authority, standard),
        Some(at) => match authority[at + 1..].parse() {
            Ok(port) if port > 0 && authority[at + 1..].bytes().all(|byte| byte.is_ascii_digit()) => {
                (&authority[..at], port)
            }
            Ok(_) | Err(_) => return wrong(path, "has a port that is none; ports are 1 to 65535"),
        },
    };
    if host.is_empty() {
        return wrong(path, format!("has no host; write {scheme}:// and a host"));
    }
    let literal = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let valid = match literal {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte)),
    };
    if !valid {
        return wrong(path, "has a host that is none; write a name, an IPv4 address or an IPv6 address in brackets");
    }
    Ok((Origin { scheme, host: host.to_ascii_lowercase(), port }, after))
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme, self.host)?;
        match (self.scheme, self.port) {
            ("http", 80) | ("https", 443) => Ok(()),
            (_, port) => write!(f, ":{port}"),
        }
    }
}
