//! Which URL does a reference mean, seen from a base? RFC 3986 §5, read as browsers read `http` and `https`.

use std::borrow::Cow;

use http::Uri;
use http::uri::{Authority, PathAndQuery};

use super::encode::{Part, Triplets, is_plain, push, push_path};
use super::{Origin, Scheme, invalid, shown};
use crate::error::Error;

/// The URL that `reference` means when it is found at `base`: a `Location`, a link, a `path` from a platform file.
///
/// Fragments are dropped; spaces, non-ASCII and the like are percent-encoded as browsers do. A plain `/path?query` takes the
/// base's scheme and authority as they are.
///
/// # Errors
///
/// `request_invalid` for a base that is not an absolute `http` or `https` URL, for other schemes, userinfo, and hosts that
/// [`Origin::of`] refuses.
///
/// ```
/// use hallpass_core::url::resolve;
///
/// let base = "https://example.com/a/b?old".parse()?;
/// assert_eq!(resolve(&base, "../c d#top")?, "https://example.com/c%20d");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn resolve(base: &Uri, reference: &str) -> Result<Uri, Error> {
    let (Some(scheme), Some(authority)) = (base.scheme(), base.authority()) else {
        return Err(invalid(format!("the base `{}` has no scheme and host; write https://HOST", shown(base.path()))));
    };
    let Some(known) = Scheme::named(scheme.as_str()) else {
        return Err(invalid(format!(
            "the base's scheme `{scheme}` is not one that calls can use; write https or http"
        )));
    };
    if is_plain_path(reference) {
        return assemble(scheme.clone(), authority.clone(), reference);
    }
    let text = clean(reference);
    let text = text.split('#').next().unwrap_or("");
    let (scheme, rest) = match split_scheme(text) {
        None => (known, text),
        Some((name, rest)) => {
            let Some(named) = Scheme::named(name) else {
                return Err(unknown_scheme(text, name));
            };
            if !starts_with_slashes(rest) {
                let name = named.as_str();
                return Err(invalid(format!("`{}` has a scheme but no host; write {name}://HOST/PATH", shown(text))));
            }
            (named, rest)
        }
    };
    if starts_with_slashes(rest) {
        let rest = &rest[2..];
        let end = rest.find(['/', '\\', '?']).unwrap_or(rest.len());
        let (host, rest) = rest.split_at(end);
        if host.contains('@') {
            return Err(invalid("the URL has a user name or password before its host; remove it".to_owned()));
        }
        Origin::new(scheme, host)?;
        let authority =
            Authority::try_from(host).map_err(|fault| invalid(format!("the host `{host}` cannot be used: {fault}")))?;
        let path = path_and_query("", None, rest);
        return assemble(scheme.into(), authority, &path);
    }
    assemble(scheme.into(), authority.clone(), &path_and_query(base.path(), base.query(), rest))
}

/// As [`resolve`], for what a program or a person wrote: refuses a host that was written without its scheme, which would
/// silently become a path.
///
/// # Errors
///
/// As [`resolve`], and `request_invalid` for `example.com/x`, `www.example.com` and `localhost/x`; `./example.com/x` is a path.
pub fn target(base: &Uri, text: &str) -> Result<Uri, Error> {
    if !text.starts_with('/') && looks_like_host(text) {
        let text = shown(text);
        return Err(invalid(format!("`{text}` has no scheme; write https://{text} or a path that starts with /")));
    }
    resolve(base, text)
}

fn looks_like_host(text: &str) -> bool {
    let text = text.trim_start();
    let first = &text[..text.find(['/', '\\', '?', '#']).unwrap_or(text.len())];
    let is_port = |port: &str| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    let first = first.rsplit_once(':').filter(|(_, port)| is_port(port)).map_or(first, |(host, _)| host);
    if first.eq_ignore_ascii_case("localhost") {
        return true;
    }
    let Some((name, last)) = first.rsplit_once('.') else {
        return false;
    };
    let is_label =
        |label: &str| !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let is_address = first.parse::<std::net::Ipv4Addr>().is_ok();
    let is_name = last.len() > 1 && last.bytes().all(|byte| byte.is_ascii_alphabetic());
    (is_address || is_name) && name.split('.').all(is_label)
}

/// `/path?query` that needs neither encoding, cutting nor dot removal.
fn is_plain_path(reference: &str) -> bool {
    let bytes = reference.as_bytes();
    if bytes.first() != Some(&b'/') || bytes.get(1) == Some(&b'/') {
        return false;
    }
    let mut previous = b'/';
    for (at, &byte) in bytes.iter().enumerate() {
        if byte == b'?' {
            return bytes[at + 1..].iter().all(|&byte| is_plain(byte, Part::Query));
        }
        // A dot or `%2e` at the start of a segment may be a dot segment.
        if !is_plain(byte, Part::Path) || previous == b'/' && matches!(byte, b'.' | b'%') {
            return false;
        }
        previous = byte;
    }
    true
}

/// Drops what the URL standard drops: blanks and controls around, tabs and line ends inside.
fn clean(reference: &str) -> Cow<'_, str> {
    let text = reference.trim_matches(|c: char| c <= ' ');
    if text.contains(['\t', '\n', '\r']) {
        Cow::Owned(text.replace(['\t', '\n', '\r'], ""))
    } else {
        Cow::Borrowed(text)
    }
}

fn split_scheme(text: &str) -> Option<(&str, &str)> {
    let (name, rest) = text.split_once(':')?;
    let mut bytes = name.bytes();
    let is_scheme = bytes.next().is_some_and(|first| first.is_ascii_alphabetic())
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    is_scheme.then_some((name, rest))
}

fn starts_with_slashes(text: &str) -> bool {
    matches!(text.as_bytes(), [b'/' | b'\\', b'/' | b'\\', ..])
}

fn unknown_scheme(text: &str, name: &str) -> Error {
    let rest = text.as_bytes().get(name.len() + 1);
    if rest.is_some_and(u8::is_ascii_digit) && !text.contains('@') {
        let text = shown(text);
        return invalid(format!("`{text}` has no scheme; write https://{text} or a path that starts with /"));
    }
    invalid(format!("`{name}` is not a scheme that calls can use; write https or http"))
}

/// RFC 3986 §5.2.2 from the path on.
fn path_and_query(base_path: &str, base_query: Option<&str>, reference: &str) -> String {
    let (path, query) = match reference.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (reference, None),
    };
    let mut out = String::with_capacity(base_path.len() + reference.len() + 8);
    if path.is_empty() {
        push_path(&mut out, base_path, Triplets::Keep);
    } else if path.starts_with(['/', '\\']) {
        push_path(&mut out, path, Triplets::Keep);
    } else {
        let kept = base_path.rfind(['/', '\\']).map_or("", |at| &base_path[..at]);
        let mut merged = String::with_capacity(kept.len() + path.len() + 1);
        merged.push_str(kept);
        merged.push('/');
        merged.push_str(path);
        push_path(&mut out, &merged, Triplets::Keep);
    }
    let query = if path.is_empty() { query.or(base_query) } else { query };
    if let Some(query) = query {
        out.push('?');
        push(&mut out, query, Part::Query, Triplets::Keep);
    }
    out
}

fn assemble(scheme: http::uri::Scheme, authority: Authority, path: &str) -> Result<Uri, Error> {
    let path = PathAndQuery::try_from(path)
        .map_err(|fault| invalid(format!("the path `{}` cannot be sent: {fault}", shown(path))))?;
    let mut parts = http::uri::Parts::default();
    parts.scheme = Some(scheme);
    parts.authority = Some(authority);
    parts.path_and_query = Some(path);
    Uri::from_parts(parts).map_err(|fault| invalid(format!("the URL cannot be sent: {fault}")))
}

impl From<Scheme> for http::uri::Scheme {
    fn from(scheme: Scheme) -> Self {
        match scheme {
            Scheme::Http => Self::HTTP,
            Scheme::Https => Self::HTTPS,
        }
    }
}
