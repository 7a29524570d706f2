//! What an answer means for the session: nothing, a refusal, or a suspicion.

use http::{StatusCode, Uri};

use super::output::Verdict;
use crate::cookie;
use crate::document::{Node, json};
use crate::effect::Arrival;
use crate::platform::Compiled;
use crate::time::Wall;

/// What an answer means for the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// Nothing.
    Fine,
    /// The session is refused.
    Refusal,
    /// The session may be refused; the identity probe knows.
    Suspicion,
    /// A body that should tell was too large or not what was promised; taken as no refusal.
    Unreadable,
}

/// What `arrival`, an answer to an attempt at `uri`, means under the platform's rules.
pub(super) fn meaning(compiled: &Compiled, arrival: &Arrival, uri: &Uri, now: Wall) -> Meaning {
    let rules = &compiled.platform().refused;
    let status = arrival.status.as_u16();
    if rules.status.contains(&status)
        || refused_by_header(compiled, arrival)
        || refused_by_redirect(compiled, arrival, uri)
    {
        return Meaning::Refusal;
    }
    if rules.cookie_deleted && credential_cookie_deleted(compiled, arrival, now) {
        return Meaning::Refusal;
    }
    match body(compiled, arrival) {
        Meaning::Fine | Meaning::Unreadable if rules.suspect.contains(&status) => Meaning::Suspicion,
        meaning => meaning,
    }
}

/// Whether the identity probe's own answer refuses the session. What makes another answer suspicious is asked of the probe, so here it is
/// definite.
pub(super) fn refuses_probe(compiled: &Compiled, arrival: &Arrival, uri: &Uri, now: Wall) -> bool {
    match meaning(compiled, arrival, uri, now) {
        Meaning::Refusal | Meaning::Suspicion => true,
        Meaning::Fine | Meaning::Unreadable => false,
    }
}

/// What a final status says by itself.
pub(super) fn verdict_of(status: StatusCode) -> Verdict {
    match status.as_u16() {
        429 => Verdict::Throttled(None),
        400..=499 => Verdict::Declined,
        500..=599 => Verdict::Failed,
        _ => Verdict::Served,
    }
}

fn refused_by_header(compiled: &Compiled, arrival: &Arrival) -> bool {
    let matches = |(name, value): &(http::HeaderName, Option<http::HeaderValue>)| match value {
        Some(value) => arrival.headers.get_all(name).iter().any(|present| present == value),
        None => arrival.headers.contains_key(name),
    };
    compiled.refused_headers().iter().any(matches)
}

fn refused_by_redirect(compiled: &Compiled, arrival: &Arrival, uri: &Uri) -> bool {
    let prefixes = &compiled.platform().refused.redirect_to;
    if prefixes.is_empty() || !arrival.status.is_redirection() {
        return false;
    }
    let location = arrival.headers.get(http::header::LOCATION).and_then(|value| value.to_str().ok());
    let Some(target) = location.and_then(|location| crate::url::resolve(uri, location).ok()) else { return false };
    compiled.names(&target) && prefixes.iter().any(|prefix| target.path().starts_with(prefix.as_str()))
}

fn credential_cookie_deleted(compiled: &Compiled, arrival: &Arrival, now: Wall) -> bool {
    let Some(name) = &compiled.platform().credential.cookie else { return false };
    arrival.headers.get_all(http::header::SET_COOKIE).iter().any(|line| deletes(line.as_bytes(), name, now))
}

/// Whether a `Set-Cookie` line empties this cookie or ends it at once. The jar has the last word on what is kept; this asks
/// only what the platform meant to say.
fn deletes(line: &[u8], name: &str, now: Wall) -> bool {
    let Ok(line) = std::str::from_utf8(line) else { return false };
    let mut parts = line.split(';');
    let Some((this, value)) = parts.next().and_then(|pair| pair.split_once('=')) else { return false };
    let ended = |attribute: &str| {
        attribute.split_once('=').is_some_and(|(key, value)| {
            let (key, value) = (key.trim(), value.trim());
            let is_aged = key.eq_ignore_ascii_case("max-age") && value.parse::<i64>().is_ok_and(|age| age <= 0);
            let is_past =
                key.eq_ignore_ascii_case("expires") && cookie::date(value.as_bytes()).is_some_and(|at| at <= now);
            is_aged || is_past
        })
    };
    this.trim() == name && (value.trim().is_empty() || value.trim() == "deleted" || parts.any(ended))
}

fn body(compiled: &Compiled, arrival: &Arrival) -> Meaning {
    let rules = &compiled.platform().refused.bodies;
    if rules.is_empty() {
        return Meaning::Fine;
    }
    let mut applying = compiled
        .inspect()
        .iter()
        .zip(rules)
        .filter(|(inspect, _)| inspect.matches(arrival.status, &arrival.headers))
        .peekable();
    if applying.peek().is_none() {
        return Meaning::Fine;
    }
    let Some(bytes) = &arrival.body else { return Meaning::Unreadable };
    let Ok(document) = json::read(bytes) else { return Meaning::Unreadable };
    let refuses = applying.any(|(_, rule)| {
        let told = document.pointer(&rule.pointer).and_then(Node::text);
        told.is_some_and(|told| rule.values.iter().any(|value| value == told))
    });
    if refuses { Meaning::Refusal } else { Meaning::Fine }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_deleted_by_value_by_age_or_by_date() {
        let deletes = |line: &str| deletes(line.as_bytes(), "sid", Wall::from_millis(1_700_000_000_000));
        assert!(deletes("sid=deleted; Path=/"));
        assert!(deletes("sid=; Path=/"));
        assert!(deletes("sid=x; Max-Age=0"));
        assert!(deletes("sid=x; max-age=-5"));
        assert!(deletes("sid=x; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT"));
        assert!(!deletes("sid=x; Max-Age=5"));
        assert!(!deletes("sid=x; Expires=Thu, 01 Jan 2099 00:00:00 GMT"));
        assert!(!deletes("other=deleted"));
    }

    proptest::proptest! {
        #[test]
        fn no_set_cookie_line_makes_it_panic(line in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..60)) {
            let _ = deletes(&line, "sid", Wall::from_millis(0));
        }
    }
}
