//! What are the host and port of an authority, strictly?
//!
//! **Invariant:** two parsers never disagree about a host that passed here: what a browser would rewrite (`0x7f.1`), decode
//! (`%65vil`) or cut short (`[::1]evil`) is refused.

use std::net::{Ipv4Addr, Ipv6Addr};

/// An authority without userinfo, cut in two; nothing copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct HostPort<'a> {
    pub(super) host: &'a str,
    pub(super) port: Option<u16>,
}

/// Cuts `authority` into host and port; `None` where it has userinfo, no host, or a port that is not one.
///
/// Checks the shape only; [`fault`] checks the host itself.
pub(super) fn split(authority: &str) -> Option<HostPort<'_>> {
    if authority.as_bytes().contains(&b'@') {
        return None;
    }
    let host_end = if authority.starts_with('[') {
        authority.find(']')? + 1
    } else {
        authority.find(':').unwrap_or(authority.len())
    };
    let (host, rest) = authority.split_at(host_end);
    if host.is_empty() {
        return None;
    }
    let port = match rest.strip_prefix(':') {
        None if rest.is_empty() => None,
        None => return None,
        Some("") => None,
        Some(digits) => Some(port(digits)?),
    };
    Some(HostPort { host, port })
}

fn port(digits: &str) -> Option<u16> {
    digits.bytes().try_fold(0_u16, |sum, byte| {
        let digit = byte.is_ascii_digit().then(|| u16::from(byte - b'0'))?;
        sum.checked_mul(10)?.checked_add(digit)
    })
}

/// Why `host` cannot be asked; `None` when it can.
pub(super) fn fault(host: &str) -> Option<&'static str> {
    if let Some(inner) = host.strip_prefix('[') {
        let address = inner.strip_suffix(']').and_then(|text| text.parse::<Ipv6Addr>().ok());
        return address.is_none().then_some("is not an IPv6 address");
    }
    if !host.is_ascii() {
        return Some("is not ASCII; write it in its xn-- form");
    }
    if host.contains('%') {
        return Some("is percent-encoded; write it plainly");
    }
    if !host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!$&'()*+,-.;=_~".contains(&byte)) {
        return Some("has a character that no host may have");
    }
    let last = host.strip_suffix('.').unwrap_or(host).rsplit('.').next().unwrap_or("");
    let hex = last.strip_prefix("0x").or_else(|| last.strip_prefix("0X"));
    let numeric = !last.is_empty() && last.bytes().all(|byte| byte.is_ascii_digit())
        || hex.is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
    if numeric && host.parse::<Ipv4Addr>().is_err() {
        return Some("ends in a number but is not an IPv4 address of four plain numbers");
    }
    None
}

/// The one spelling of a host that [`fault`] accepts: lower case, IPv6 in its shortest form.
pub(super) fn canonical(host: &str) -> String {
    match ipv6(host) {
        Some(address) => format!("[{address}]"),
        None => host.to_ascii_lowercase(),
    }
}

/// The address in a bracketed host.
pub(super) fn ipv6(host: &str) -> Option<Ipv6Addr> {
    host.strip_prefix('[')?.strip_suffix(']')?.parse().ok()
}

/// Whether a host names this machine: `localhost`, names under it, 127.0.0.0/8 and `[::1]`.
///
/// Browsers treat these as secure without TLS, and so do Secure cookies here.
pub fn is_loopback(host: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host);
    let name = "localhost";
    if let Some(start) = host.len().checked_sub(name.len())
        && host.as_bytes()[start..].eq_ignore_ascii_case(name.as_bytes())
    {
        return start == 0 || host.as_bytes()[start - 1] == b'.';
    }
    if host.starts_with('[') {
        return ipv6(host).is_some_and(|address| address.is_loopback());
    }
    host.starts_with("127.") && host.parse::<Ipv4Addr>().is_ok()
}
