//! Who answers in place of a network? A token endpoint that rotates refresh tokens, and an API that refuses tokens that are spent.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use hallpass::core::effect::Failure as WireFailure;
use hallpass::core::time::Wall;
use hallpass::testing::{Fixed, Script};
use hallpass::{Client, Credentials, Platform, Session};
use hallpass_bench::figure::Failure;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{Request, Response, StatusCode};
use tokio::sync::Barrier;

/// One issuer, shared by the script and by whoever counts.
#[derive(Clone)]
pub(crate) struct Issuer(std::sync::Arc<Inner>);

struct Inner {
    manner: Manner,
    /// Exchanges of refresh tokens, sign-ins included.
    granted: AtomicU64,
    refused: AtomicU64,
    /// Keep-alives.
    asked: AtomicU64,
    /// Refused calls wait here until all have come.
    together: Barrier,
    /// When the latest token was handed out.
    renewed: Mutex<Option<Instant>>,
}

/// How long tokens live, and what else is asked of the issuer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Manner {
    /// The life of the `n`th token that is handed out.
    pub(crate) lifetime: fn(n: u64, of: u64) -> u64,
    pub(crate) sessions: u64,
    /// How long the token endpoint thinks.
    pub(crate) thinks: Duration,
    /// So many calls with the first token are refused, all at once.
    pub(crate) refuses: usize,
    /// What the platform file says beside the sign-in.
    pub(crate) describes: &'static str,
}

impl Manner {
    /// Answers at once, with tokens that live for an hour, and refuses nothing.
    pub(crate) const fn quiet(sessions: usize) -> Self {
        Self { lifetime: |_, _| 3_600, sessions: sessions as u64, thinks: Duration::ZERO, refuses: 0, describes: "" }
    }
}

impl Issuer {
    pub(crate) fn new(manner: Manner) -> Self {
        Self(std::sync::Arc::new(Inner {
            manner,
            granted: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            asked: AtomicU64::new(0),
            together: Barrier::new(manner.refuses.max(1)),
            renewed: Mutex::new(None),
        }))
    }

    /// A client that talks to it and to nobody else.
    pub(crate) fn client(&self) -> Result<Client, Failure> {
        let fixed = Fixed { wall: Wall::from_millis(1_790_000_000_000), seed: [7; 32] };
        Ok(Client::builder().scripted(self.clone(), fixed).untraced().build()?)
    }

    /// So many refresh tokens were exchanged.
    pub(crate) fn granted(&self) -> u64 {
        self.0.granted.load(Ordering::Relaxed)
    }

    pub(crate) fn refused(&self) -> u64 {
        self.0.refused.load(Ordering::Relaxed)
    }

    /// So many keep-alives came.
    pub(crate) fn asked(&self) -> u64 {
        self.0.asked.load(Ordering::Relaxed)
    }

    /// Signs so many accounts in, one after the other.
    pub(crate) async fn sign_in_all(&self, client: &Client, count: usize) -> Result<Vec<Session>, Failure> {
        let platform = platform(self.0.manner.describes)?;
        let mut sessions = Vec::with_capacity(count);
        for number in 0..count {
            let credentials = Credentials::refresh_token(FIRST_REFRESH);
            sessions.push(client.sign_in(&platform, &account(number), credentials).await?);
        }
        Ok(sessions)
    }

    /// When the latest token was handed out.
    pub(crate) fn renewed(&self) -> Option<Instant> {
        *self.0.renewed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn grant(&self) -> Response<Bytes> {
        if !self.0.manner.thinks.is_zero() {
            tokio::time::sleep(self.0.manner.thinks).await;
        }
        let n = self.0.granted.fetch_add(1, Ordering::Relaxed);
        let seconds = (self.0.manner.lifetime)(n, self.0.manner.sessions);
        let body = format!(
            r#"{{"access_token":"access-{n:025}","refresh_token":"refresh-{n:024}","token_type":"Bearer","expires_in":{seconds}}}"#
        );
        *self.0.renewed.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        let mut answer = Response::new(Bytes::from(body));
        answer.headers_mut().insert(CONTENT_TYPE, http::HeaderValue::from_static("application/json"));
        answer
    }

    async fn serve(&self, request: &Request<Bytes>) -> Response<Bytes> {
        if request.uri().path() == "/me" {
            self.0.asked.fetch_add(1, Ordering::Relaxed);
        }
        let mut answer = Response::new(Bytes::from_static(b"{}"));
        let spent = request.headers().get(AUTHORIZATION).is_some_and(|token| token.as_bytes() == FIRST.as_bytes());
        if spent && self.0.manner.refuses > 0 {
            self.0.together.wait().await;
            self.0.refused.fetch_add(1, Ordering::Relaxed);
            *answer.status_mut() = StatusCode::UNAUTHORIZED;
        }
        answer
    }
}

impl Script for Issuer {
    fn exchange(
        &self,
        request: Request<Bytes>,
    ) -> Pin<Box<dyn Future<Output = Result<Response<Bytes>, WireFailure>> + Send + '_>> {
        Box::pin(async move {
            let asks = request.uri().path() == "/token";
            Ok(if asks { self.grant().await } else { self.serve(&request).await })
        })
    }
}

impl fmt::Debug for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Issuer").field("granted", &self.granted()).finish_non_exhaustive()
    }
}

/// What every session here belongs to.
fn platform(describes: &str) -> Result<Platform, Failure> {
    Ok(Platform::from_toml(&format!(
        "id = \"{PLATFORM}\"\nbase_url = \"https://crowd.example\"\n[sign_in.oauth2_refresh]\n[renew]\ntoken_url = \"/token\"\n{describes}"
    ))?)
}

/// The name of the account of this number.
pub(crate) fn account(number: usize) -> String {
    format!("account-{number:07}")
}

/// What a session holds that is its own: its account's name and its two tokens.
pub(crate) const OWN_BYTES: usize = 15 + 32 + 32;
pub(crate) const PLATFORM: &str = "crowd";
const FIRST: &str = "Bearer access-0000000000000000000000000";
const FIRST_REFRESH: &str = "refresh-of-an-earlier-sign-in";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bytes_of_its_own_are_those_of_the_name_and_the_tokens() {
        let issued = |prefix: &str, width: usize| prefix.len() + width;
        assert_eq!(account(7).len() + issued("access-", 25) + issued("refresh-", 24), OWN_BYTES);
        assert_eq!(FIRST.len(), "Bearer ".len() + 32);
    }
}
