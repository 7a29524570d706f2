//! Heads of requests and answers as they can be shown: without what is secret in them.
//!
//! **Invariant:** a value is shown only where nothing says that it is a secret: it is not the session's own, its name is no name of
//! secrets, and an address keeps only those values of its query that the person typed.

use hallpass::Head;
use http::{HeaderMap, HeaderName, HeaderValue, Uri, header};

/// A head as lines; those of a request begin with `> `, those of an answer with `< `. `typed` is the address that the person wrote.
pub(crate) fn lines(head: &Head<'_>, typed: &str) -> Vec<String> {
    let (mark, first, headers) = match head {
        Head::Sent { method, uri, headers, .. } => (">", format!("{method} {}", address(uri, typed)), *headers),
        Head::Received { version, status, headers, .. } => ("<", format!("{version:?} {status}"), *headers),
        // A later release's.
        _ => return Vec::new(),
    };
    let mut lines = vec![format!("{mark} {first}")];
    lines.extend(self::headers(headers).into_iter().map(|line| format!("{mark} {line}")));
    lines.push(mark.to_owned());
    lines
}

/// Headers as `name: value`.
pub(crate) fn headers(headers: &HeaderMap) -> Vec<String> {
    headers.iter().map(|(name, value)| format!("{name}: {}", shown(name, value))).collect()
}

fn shown(name: &HeaderName, value: &HeaderValue) -> String {
    let text = String::from_utf8_lossy(value.as_bytes());
    if *name == header::COOKIE {
        let names =
            text.split("; ").map(|pair| pair.split_once('=').map_or(LEFT_OUT.to_owned(), |(name, _)| hidden(name)));
        return names.collect::<Vec<_>>().join("; ");
    }
    if *name == header::SET_COOKIE {
        let (pair, attributes) = text.split_once(';').unwrap_or((&text, ""));
        let pair = pair.split_once('=').map_or(LEFT_OUT.to_owned(), |(name, _)| hidden(name));
        return if attributes.is_empty() { pair } else { format!("{pair};{attributes}") };
    }
    if *name == header::AUTHORIZATION || *name == header::PROXY_AUTHORIZATION {
        return text.split_once(' ').map_or(LEFT_OUT.to_owned(), |(scheme, _)| format!("{scheme} {LEFT_OUT}"));
    }
    if value.is_sensitive() || is_secret(name.as_str()) {
        return LEFT_OUT.to_owned();
    }
    if *name == header::LOCATION || *name == header::REFERER || *name == header::CONTENT_LOCATION {
        let (path, query) = text.split_once('?').unwrap_or((&text, ""));
        let (path, fragment) = path.split_once('#').unwrap_or((path, ""));
        let mark = if query.is_empty() && fragment.is_empty() { "" } else { "?" };
        return format!("{path}{mark}{}", without_values(query, ""));
    }
    text.into_owned()
}

/// Whether this is how headers with secrets are called.
fn is_secret(name: &str) -> bool {
    let parts =
        ["token", "secret", "key", "auth", "csrf", "xsrf", "session", "signature", "password", "dpop", "credential"];
    parts.iter().any(|part| name.contains(part)) && !name.starts_with("sec-websocket") && name != "www-authenticate"
}

/// An address with only those values in its query that were typed.
fn address(uri: &Uri, typed: &str) -> String {
    let start = match (uri.scheme_str(), uri.authority()) {
        (Some(scheme), Some(authority)) => format!("{scheme}://{authority}"),
        _ => String::new(),
    };
    match uri.query() {
        None => format!("{start}{}", uri.path()),
        Some(query) => format!("{start}{}?{}", uri.path(), without_values(query, typed)),
    }
}

fn without_values(query: &str, typed: &str) -> String {
    let typed = typed.split_once('?').map_or("", |(_, query)| query);
    let typed = typed.split_once('#').map_or(typed, |(query, _)| query);
    let pairs = query.split('&').filter(|pair| !pair.is_empty()).map(|pair| match pair.split_once('=') {
        _ if typed.split('&').any(|known| known == pair) => pair.to_owned(),
        Some((name, _)) => hidden(name),
        None => LEFT_OUT.to_owned(),
    });
    pairs.collect::<Vec<_>>().join("&")
}

fn hidden(name: &str) -> String {
    format!("{name}={LEFT_OUT}")
}

/// What stands for a secret.
const LEFT_OUT: &str = "***";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_left_out_and_the_rest_is_shown() {
        let mut map = HeaderMap::new();
        let mut sensitive = HeaderValue::from_static("hunter2");
        sensitive.set_sensitive(true);
        map.append("x-bc", sensitive);
        for (name, value) in [
            ("cookie", "sid=hunter2; b=hunter2; hunter2"),
            ("set-cookie", "sid=hunter2; Path=/; HttpOnly"),
            ("authorization", "Bearer hunter2"),
            ("x-api-key", "hunter2"),
            ("x-csrf-token", "hunter2"),
            ("location", "/back?code=hunter2&state#hunter2"),
            ("content-type", "text/html"),
        ] {
            map.append(name, HeaderValue::from_static(value));
        }
        let lines = headers(&map).join("\n");
        assert!(!lines.contains("hunter2"), "{lines}");
        for line in [
            "x-bc: ***",
            "cookie: sid=***; b=***; ***",
            "set-cookie: sid=***; Path=/; HttpOnly",
            "authorization: Bearer ***",
            "location: /back?code=***&***",
            "content-type: text/html",
        ] {
            assert!(lines.contains(line), "{line}: {lines}");
        }
    }

    #[test]
    fn an_address_keeps_what_was_typed() {
        let uri = "https://a.example/x?q=mine&api_key=hunter2&hunter2".parse().expect("an address");
        assert_eq!(address(&uri, "/x?q=mine#z"), "https://a.example/x?q=mine&api_key=***&***");
        assert_eq!(address(&"https://a.example/x".parse().expect("an address"), ""), "https://a.example/x");
    }
}
