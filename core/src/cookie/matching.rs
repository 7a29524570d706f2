//! Is a cookie meant for a URL? RFC 6265bis §5.1.3 (domains), §5.1.4 (paths), and which connections are secure.

use http::Uri;

use crate::url::is_loopback;

/// What the jar needs to know of a request's URL.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) host: &'a str,
    pub(super) path: &'a str,
    pub(super) is_secure: bool,
}

impl<'a> Place<'a> {
    /// `None` for a URL without scheme and host: no cookie is meant for it.
    pub(super) fn of(uri: &'a Uri) -> Option<Self> {
        let (host, scheme) = (uri.host()?, uri.scheme()?);
        let is_secure = *scheme == http::uri::Scheme::HTTPS || is_loopback(host);
        Some(Self { host, path: uri.path(), is_secure })
    }

    /// The path of a cookie that names none (§5.1.4).
    pub(super) fn default_path(&self) -> &'a str {
        match self.path.rfind('/') {
            None | Some(0) => "/",
            Some(end) => &self.path[..end],
        }
    }
}

/// Whether `host` is `domain` or lies under it; `domain` in lower case, `host` in any.
pub(super) fn domain_matches(host: &str, domain: &str) -> bool {
    let Some(start) = host.len().checked_sub(domain.len()) else {
        return false;
    };
    if !host.as_bytes()[start..].eq_ignore_ascii_case(domain.as_bytes()) {
        return false;
    }
    start == 0 || host.as_bytes()[start - 1] == b'.' && !is_address(host)
}

/// Whether `path` is `cookie_path` or lies under it.
pub(super) fn path_matches(path: &[u8], cookie_path: &[u8]) -> bool {
    path.strip_prefix(cookie_path)
        .is_some_and(|rest| rest.is_empty() || cookie_path.ends_with(b"/") || rest.starts_with(b"/"))
}

fn is_address(host: &str) -> bool {
    host.starts_with('[') || host.parse::<std::net::Ipv4Addr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_matches_itself_and_what_lies_under_it() {
        assert!(domain_matches("example.com", "example.com"));
        assert!(domain_matches("API.Example.com", "example.com"));
        assert!(!domain_matches("notexample.com", "example.com"));
        assert!(!domain_matches("com", "example.com"));
        assert!(domain_matches("10.0.0.1", "10.0.0.1"));
        assert!(!domain_matches("10.0.0.1", "0.0.1"));
    }

    #[test]
    fn a_path_matches_itself_and_what_lies_under_it() {
        for (path, cookie_path, expected) in [
            ("/a/b", "/a", true),
            ("/a", "/a", true),
            ("/a/", "/a/", true),
            ("/a", "/a/", false),
            ("/ab", "/a", false),
            ("/", "/", true),
            ("/x", "/", true),
        ] {
            assert_eq!(path_matches(path.as_bytes(), cookie_path.as_bytes()), expected, "{path} {cookie_path}");
        }
    }

    #[test]
    fn the_default_path_ends_before_the_last_slash() {
        for (uri, expected) in
            [("http://h", "/"), ("http://h/a", "/"), ("http://h/a/b", "/a"), ("http://h/a/b/", "/a/b")]
        {
            let uri: Uri = uri.parse().unwrap();
            assert_eq!(Place::of(&uri).unwrap().default_path(), expected);
        }
    }
}
