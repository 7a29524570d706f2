//! Asking an issuer for its endpoints, once a session, before the first request that needs one of them.
//!
//! **Invariant:** an issuer is asked before credentials leave, and they do not leave before it has answered well.

use std::time::Duration;

use http::header::ACCEPT;
use http::{HeaderMap, HeaderValue, Method, Uri};

use super::super::renewal::Step;
use super::super::session::Session;
use super::metadata::{self, PLACES};
use crate::effect::{Arrival, Failure, Purpose, SendBody};
use crate::error::{Error, Kind, Retry};
use crate::retry::{self, Safety, classify};
use crate::time::Now;

/// What came of asking an issuer in one place.
#[derive(Debug)]
pub(in crate::machine) enum Asked {
    /// Its endpoints are known.
    Known,
    /// There was nothing; this is the next place.
    Next(usize),
    /// It may answer later, after this long at least.
    Later(Option<Duration>, Error),
    /// It will not answer otherwise.
    Failed(Error),
}

impl Session {
    /// Where tokens are asked for, as far as that is known.
    pub(in crate::machine) fn token_endpoint(&self) -> Option<&Uri> {
        self.compiled.token_url().or_else(|| self.issuer.as_ref()?.token.as_ref())
    }

    /// Where a sign-in on another device begins, as far as that is known.
    pub(in crate::machine) fn device_endpoint(&self) -> Option<&Uri> {
        self.compiled.oauth().device.as_ref().or_else(|| self.issuer.as_ref()?.device.as_ref())
    }

    /// Where a person's browser signs in, as far as that is known.
    pub(in crate::machine) fn authorization_endpoint(&self) -> Option<&Uri> {
        self.compiled.oauth().authorize.as_ref().or_else(|| self.issuer.as_ref()?.authorize.as_ref())
    }

    /// Asks the issuer in one of its places.
    pub(in crate::machine) fn send_discovery(&mut self, at: usize, attempt: u32, now: Now) {
        let Some(issuer) = &self.compiled.oauth().issuer else { return };
        // Both addresses are made of one that was checked.
        let Ok(uri) = metadata::place(issuer, at) else { return };
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        self.own_exchange(Purpose::Discovery, attempt, Method::GET, uri, headers, SendBody::Empty, now);
    }

    /// Takes an issuer's answer in one of its places.
    pub(in crate::machine) fn take_discovery(
        &mut self,
        at: usize,
        result: Result<Arrival, Failure>,
        now: Now,
    ) -> Asked {
        let doing = "asking the issuer for its endpoints";
        let arrival = match result {
            Ok(arrival) => arrival,
            Err(failure) => {
                let error = Error::new(failure.kind.error_kind(), format!("{doing}: {}", failure.detail));
                let may_repeat = classify::failure(&failure).repeat.allows(Safety::Idempotent);
                return if may_repeat { Asked::Later(None, error) } else { Asked::Failed(error) };
            }
        };
        if classify::status(arrival.status).repeat.allows(Safety::Idempotent) {
            let status = arrival.status.as_u16();
            let kind = if status == 429 { Kind::Throttled } else { Kind::PlatformFailed };
            let asked = retry::retry_after(&arrival.headers, now.wall);
            let asked = asked.filter(|_| classify::heeds_retry_after(arrival.status));
            return Asked::Later(asked, Error::new(kind, format!("{doing}: it answered {status}")));
        }
        let issuer = self.compiled.platform().oauth.as_ref().map_or("", |oauth| &oauth.issuer);
        match metadata::read(&self.compiled, issuer, &arrival) {
            Ok(Some(found)) => {
                self.issuer = Some(Box::new(found));
                Asked::Known
            }
            Ok(None) if at + 1 < PLACES => Asked::Next(at + 1),
            Ok(None) => {
                let what = format!("{doing}: `{issuer}` has no metadata in either of its places");
                Asked::Failed(Error::new(Kind::UnexpectedAnswer, what))
            }
            Err(error) => Asked::Failed(error),
        }
    }

    /// The issuer answered a renewal that must know its endpoints first, or did not.
    pub(in crate::machine) fn renewal_discovered(&mut self, result: Result<Arrival, Failure>, now: Now) {
        let Some((Step::Discovering(at), attempt)) = self.renewal.as_ref().map(|one| (one.step, one.attempt)) else {
            return;
        };
        match self.take_discovery(at, result, now) {
            Asked::Known => {
                if let Some(renewal) = &mut self.renewal {
                    renewal.attempt = 0;
                }
                self.send_renewal(now);
            }
            Asked::Next(next) => {
                if let Some(renewal) = &mut self.renewal {
                    renewal.step = Step::Discovering(next);
                }
                self.send_discovery(next, attempt, now);
            }
            Asked::Later(asked, error) => self.renewal_again(asked, error, now),
            Asked::Failed(error) => self.renewal_failed(error.with_retry(Retry::Never), None, now),
        }
    }
}
