//! A document that signers need (rules, keys) and that changes now and then: when is it fetched, and what is had meanwhile?
//!
//! ```text
//! Nothing ──ask──▶ Fetching ──200──▶ Good ──lifetime over, ask──▶ Fetching ──304 or 200──▶ Good
//!                     │                                             └──failed──▶ Stale (the last good one), after a backoff ▶ Fetching
//!                     └──failed──▶ nothing, and an error until the backoff is over
//! ```
//!
//! **Invariant:** one fetch at a time, whoever asks; a document that was good once is never taken away by a failure. It is fetched
//! without any credentials.

use std::time::Duration;

use bytes::Bytes;
use http::header::{ETAG, IF_NONE_MATCH};
use http::{HeaderMap, HeaderValue, StatusCode, Uri};

use crate::effect::{Arrival, Failure};
use crate::error::{Error, Kind, Retry};
use crate::platform::RetryRules;
use crate::retry;
use crate::seed::{Rng, Seed};
use crate::time::{Mono, Now, Wall};

/// One document, as long as a program needs it.
#[derive(Debug)]
pub struct Rules {
    uri: Uri,
    lifetime: Duration,
    held: Option<Held>,
    /// Until when the one who fetches it has time; nobody does where it is absent.
    fetching: Option<Mono>,
    failures: u32,
    /// Until when it is not fetched again after a failure, and what failed.
    trouble: Option<(Mono, Error)>,
    jitter: Rng,
}

/// The document as it is had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// What it says.
    pub bytes: Bytes,
    /// When its host last said that it is so.
    pub fetched: Wall,
    /// Whether its lifetime is over and its host could not be asked since.
    pub is_stale: bool,
}

/// What somebody who asks for the document is to do.
#[derive(Debug)]
pub enum Asked {
    /// Use this.
    Have(Document),
    /// Fetch it with GET, bring the answer to [`Rules::fetched`] by the deadline, and ask again.
    Fetch(Fetch),
    /// Somebody else fetches it: ask again when that is over, at this moment at the latest.
    Wait(Mono),
    /// There is none, and its host was asked in vain a moment ago.
    Failed(Error),
}

/// A request for the document.
#[derive(Debug)]
pub struct Fetch {
    /// Its address.
    pub uri: Uri,
    /// The headers; nothing secret is in them.
    pub headers: HeaderMap,
    /// The most that is read of it.
    pub cap: usize,
    /// When somebody else may try.
    pub deadline: Mono,
}

#[derive(Debug)]
struct Held {
    bytes: Bytes,
    tag: Option<HeaderValue>,
    fetched: Now,
}

impl Rules {
    /// A document at this absolute address that is good for so long.
    ///
    /// # Errors
    ///
    /// `request_invalid` for what is no http or https address or has a user name in it; `config_invalid` for a lifetime of nothing.
    #[expect(clippy::needless_pass_by_value, reason = "a seed is used up by the one machine that it is given to")]
    pub fn new(address: &str, lifetime: Duration, seed: Seed) -> Result<Self, Error> {
        let uri: Uri = address.parse().map_err(|_| invalid(address))?;
        let has_user = uri.authority().is_some_and(|authority| authority.as_str().contains('@'));
        if !matches!(uri.scheme_str(), Some("http" | "https")) || uri.authority().is_none() || has_user {
            return Err(invalid(address));
        }
        if lifetime.is_zero() {
            return Err(Error::new(Kind::ConfigInvalid, "a document that is good for no time cannot be kept"));
        }
        let jitter = seed.rng("rules");
        Ok(Self { uri, lifetime, held: None, fetching: None, failures: 0, trouble: None, jitter })
    }

    /// Asks for the document. The answer changes with time, with [`fetched`](Self::fetched) and with
    /// [`given_up`](Self::given_up).
    pub fn ask(&mut self, now: Now) -> Asked {
        let has_ended = |held: &Held| now.mono.since(held.fetched.mono) >= self.lifetime;
        if let Some(held) = self.held.as_ref().filter(|held| !has_ended(held)) {
            return Asked::Have(held.document(false));
        }
        if let Some(until) = self.fetching.filter(|until| now.mono < *until) {
            return Asked::Wait(until);
        }
        if let Some((until, error)) = self.trouble.as_ref().filter(|(until, _)| now.mono < *until) {
            let after = Retry::After(now.wall + until.since(now.mono));
            return match &self.held {
                Some(held) => Asked::Have(held.document(true)),
                None => Asked::Failed(error.clone().with_retry(after)),
            };
        }
        let deadline = now.mono + TIME;
        self.fetching = Some(deadline);
        let mut headers = HeaderMap::new();
        if let Some(tag) = self.held.as_ref().and_then(|held| held.tag.clone()) {
            headers.insert(IF_NONE_MATCH, tag);
        }
        Asked::Fetch(Fetch { uri: self.uri.clone(), headers, cap: CAP, deadline })
    }

    /// Its host answered, or did not.
    pub fn fetched(&mut self, result: Result<Arrival, Failure>, now: Now) {
        self.fetching = None;
        let (error, asked) = match result {
            Err(failure) => (Error::new(failure.kind.error_kind(), self.told(&failure.detail)), None),
            Ok(arrival) if arrival.over_cap => {
                (Error::new(Kind::AnswerTooLarge, self.told("it is larger than 1 MiB")), None)
            }
            Ok(arrival) => match (arrival.status, arrival.body, &mut self.held) {
                (StatusCode::OK, Some(bytes), held) => {
                    let tag = arrival.headers.get(ETAG).cloned();
                    *held = Some(Held { bytes, tag, fetched: now });
                    return self.is_good();
                }
                (StatusCode::NOT_MODIFIED, _, Some(held)) => {
                    held.fetched = now;
                    return self.is_good();
                }
                (status, ..) => {
                    let what = self.told(&format!("its host answered {}", status.as_u16()));
                    (Error::new(Kind::PlatformFailed, what), retry::retry_after(&arrival.headers, now.wall))
                }
            },
        };
        self.failures = self.failures.saturating_add(1);
        let backoff = retry::delay(&backoff(), self.failures, &mut self.jitter).max(SHORTEST);
        self.trouble = Some((now.mono + retry::wait(asked, backoff).min(LONGEST), error));
    }

    /// The one who fetched it stopped: the next who asks fetches it.
    pub fn given_up(&mut self) {
        self.fetching = None;
    }

    fn is_good(&mut self) {
        self.failures = 0;
        self.trouble = None;
    }

    fn told(&self, why: &str) -> String {
        let host = self.uri.authority().map_or("", |authority| authority.as_str());
        format!("fetching the document {host}{}: {why}", self.uri.path())
    }
}

impl Held {
    fn document(&self, is_stale: bool) -> Document {
        Document { bytes: self.bytes.clone(), fetched: self.fetched.wall, is_stale }
    }
}

fn invalid(address: &str) -> Error {
    let address = address.split(['?', '#']).next().unwrap_or_default();
    let address = address.rsplit_once('@').map_or(address, |(_, host)| host);
    Error::new(Kind::RequestInvalid, format!("`{address}` is no absolute http or https address of a document"))
}

fn backoff() -> RetryRules {
    RetryRules { base: Duration::from_secs(2), cap: Duration::from_secs(300), ..RetryRules::default() }
}

/// The most that a document may hold.
const CAP: usize = 1024 * 1024;

/// How long a fetch may take.
const TIME: Duration = Duration::from_secs(30);

/// How soon after a failure it is fetched again, at the earliest and at the latest, whatever its host says.
const SHORTEST: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_secs(3600);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::effect::{FailureKind, Sent};

    fn at(secs: u64) -> Now {
        let since = Duration::from_secs(secs);
        Now::new(Mono::from_nanos(0) + since, Wall::from_millis(1_700_000_000_000) + since)
    }

    fn rules() -> Rules {
        let address = "https://rules.example/v1.json?key=planted";
        Rules::new(address, Duration::from_secs(60), Seed::new([3; 32])).expect("an address")
    }

    fn good(tag: &'static str, body: &'static str) -> Arrival {
        let headers = HeaderMap::from_iter([(ETAG, HeaderValue::from_static(tag))]);
        Arrival::whole(StatusCode::OK, headers, Bytes::from_static(body.as_bytes()))
    }

    fn down() -> Failure {
        Failure::new(FailureKind::Connect, Sent::No, "refused")
    }

    fn fetch(rules: &mut Rules, now: Now) -> Fetch {
        match rules.ask(now) {
            Asked::Fetch(fetch) => fetch,
            other => panic!("{other:?}"),
        }
    }

    fn have(rules: &mut Rules, now: Now) -> (Bytes, bool) {
        match rules.ask(now) {
            Asked::Have(document) => (document.bytes, document.is_stale),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn it_is_fetched_once_for_all_who_ask_and_again_when_its_lifetime_is_over() {
        let mut rules = rules();
        assert!(fetch(&mut rules, at(0)).headers.is_empty());
        assert!(matches!(rules.ask(at(1)), Asked::Wait(until) if until == at(30).mono));
        rules.fetched(Ok(good("\"1\"", "one")), at(2));
        assert_eq!(have(&mut rules, at(61)), (Bytes::from_static(b"one"), false));
        assert_eq!(fetch(&mut rules, at(62)).headers[IF_NONE_MATCH], "\"1\"");
        rules.fetched(Ok(Arrival::whole(StatusCode::NOT_MODIFIED, HeaderMap::new(), Bytes::new())), at(62));
        assert_eq!(have(&mut rules, at(121)), (Bytes::from_static(b"one"), false));
        fetch(&mut rules, at(122));
        rules.fetched(Ok(good("\"2\"", "two")), at(122));
        assert_eq!(have(&mut rules, at(123)), (Bytes::from_static(b"two"), false));
    }

    #[test]
    fn the_last_good_one_is_had_while_its_host_is_down_which_is_asked_ever_more_rarely() {
        let mut rules = rules();
        fetch(&mut rules, at(0));
        rules.fetched(Ok(good("\"1\"", "one")), at(0));
        let mut fetches = 0;
        for second in 60..10_000 {
            match rules.ask(at(second)) {
                Asked::Fetch(_) => {
                    fetches += 1;
                    rules.fetched(Err(down()), at(second));
                }
                Asked::Have(document) => assert!(document.is_stale && document.bytes == "one"),
                other => panic!("{other:?}"),
            }
        }
        assert!((20..400).contains(&fetches), "{fetches}");
        rules.trouble = None;
        fetch(&mut rules, at(10_000));
        rules.fetched(Ok(good("\"2\"", "two")), at(10_000));
        assert_eq!(have(&mut rules, at(10_001)), (Bytes::from_static(b"two"), false));
    }

    #[test]
    fn where_there_never_was_one_the_failure_is_told_until_it_is_tried_again() {
        for bad in [
            Err(down()),
            Ok(Arrival::whole(StatusCode::FOUND, HeaderMap::new(), Bytes::new())),
            Ok(Arrival::whole(StatusCode::NOT_MODIFIED, HeaderMap::new(), Bytes::new())),
            Ok(Arrival { over_cap: true, ..Arrival::streamed(StatusCode::OK, HeaderMap::new()) }),
        ] {
            let mut rules = rules();
            fetch(&mut rules, at(0));
            rules.fetched(bad, at(0));
            let Asked::Failed(error) = rules.ask(at(0)) else { panic!("it failed") };
            assert!(matches!(error.retry(), Retry::After(_)), "{error}");
            assert!(!error.to_string().contains("planted"), "{error}");
            fetch(&mut rules, at(301));
        }
    }

    #[test]
    fn a_host_that_asks_to_wait_is_heeded() {
        let mut rules = rules();
        fetch(&mut rules, at(0));
        let headers = HeaderMap::from_iter([(http::header::RETRY_AFTER, HeaderValue::from_static("900"))]);
        rules.fetched(Ok(Arrival::whole(StatusCode::SERVICE_UNAVAILABLE, headers, Bytes::new())), at(0));
        assert!(matches!(rules.ask(at(899)), Asked::Failed(_)));
        fetch(&mut rules, at(903));
    }

    #[test]
    fn one_who_gives_up_or_never_comes_back_is_followed_by_another() {
        let mut rules = rules();
        fetch(&mut rules, at(0));
        rules.given_up();
        fetch(&mut rules, at(1));
        assert!(matches!(rules.ask(at(30)), Asked::Wait(_)));
        fetch(&mut rules, at(31));
    }

    #[test]
    fn what_is_no_address_is_refused_without_its_secrets() {
        for address in ["rules.json", "ftp://a.example/", "https://me:planted@a.example/x", ""] {
            let refused = Rules::new(address, Duration::from_secs(1), Seed::new([0; 32])).expect_err("refused");
            assert_eq!(refused.kind(), "request_invalid");
            assert!(!refused.to_string().contains("planted"), "{refused}");
        }
        let none = Rules::new("https://a.example/", Duration::ZERO, Seed::new([0; 32])).expect_err("refused");
        assert_eq!(none.kind(), "config_invalid");
    }
}
