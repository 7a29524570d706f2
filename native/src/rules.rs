//! Where does a signer get the document from that tells it how to sign? From here: fetched when needed, once for all who ask.
//!
//! **Invariant:** it is fetched in the task of one who asks, without cookies, tokens or any other credential; dropping that task
//! leaves the fetch to the next.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ::http::Request;
use hallpass_core::effect::{Arrival, Failure, FailureKind, Sent};
use hallpass_core::error::Error;
use hallpass_core::rules::{Asked, Fetch, Rules};
use tokio::sync::Notify;

pub use hallpass_core::rules::Document;

use crate::body::ResponseStream;
use crate::client::{Client, Inner};
use crate::http::RequestBody;
use crate::wire::Wire;

/// A document that changes now and then, such as the rules by which a signer signs. Cheap to clone; clones are the same document.
///
/// It is fetched when it is asked for and its lifetime is over. While its host is down the last good one is had, told to be stale, and
/// its host is asked again after a growing pause. It holds 1 MiB at most.
///
/// ```no_run
/// use std::time::Duration;
///
/// use hallpass::{Client, Declined, RulesDocument, SignRequest};
///
/// # async fn example() -> Result<(), hallpass::Error> {
/// // The document has a client of its own: the one that is signed for needs it to be built.
/// let plain = Client::builder().build()?;
/// let rules = RulesDocument::new(&plain, "https://rules.example/v1.json", Duration::from_secs(3600))?;
/// let client = Client::builder()
///     .signer(move |request: SignRequest| {
///         let rules = rules.clone();
///         async move {
///             let document = rules.current().await.map_err(|error| Declined::new(error.to_string()))?;
///             sign(&document.bytes, &request)
///         }
///     })
///     .build()?;
/// # fn sign(_: &[u8], _: &SignRequest) -> Result<http::HeaderMap, Declined> { Ok(http::HeaderMap::new()) }
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct RulesDocument {
    shared: Arc<Shared>,
}

struct Shared {
    client: Arc<Inner>,
    rules: Mutex<Rules>,
    over: Notify,
}

impl RulesDocument {
    /// A document at this absolute address, which is good for so long. Nothing is fetched yet.
    ///
    /// # Errors
    ///
    /// `request_invalid` for what is no http or https address, `config_invalid` for a lifetime of nothing.
    pub fn new(client: &Client, address: &str, lifetime: Duration) -> Result<Self, Error> {
        let client = Arc::clone(&client.inner);
        let rules = Mutex::new(Rules::new(address, lifetime, client.new_seed()?)?);
        Ok(Self { shared: Arc::new(Shared { client, rules, over: Notify::new() }) })
    }

    /// The document as it is now; fetched first where that is due.
    ///
    /// # Errors
    ///
    /// The kind of the fetch's failure (a network kind, `platform_failed`, `answer_too_large`), only where there never was a good one.
    pub async fn current(&self) -> Result<Document, Error> {
        let shared = &*self.shared;
        loop {
            let mut over = std::pin::pin!(shared.over.notified());
            over.as_mut().enable();
            let now = shared.client.clock.now();
            let asked = shared.lock().ask(now);
            match asked {
                Asked::Have(document) => return Ok(document),
                Asked::Failed(error) => return Err(error),
                Asked::Wait(until) => drop(tokio::time::timeout_at(shared.client.clock.instant(until), over).await),
                Asked::Fetch(fetch) => {
                    let mut turn = Turn { shared, is_over: false };
                    let result = shared.fetch(fetch).await;
                    turn.is_over = true;
                    shared.lock().fetched(result, shared.client.clock.now());
                }
            }
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Rules> {
        self.rules.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn fetch(&self, fetch: Fetch) -> Result<Arrival, Failure> {
        let mut request = Request::new(RequestBody::Empty);
        *request.uri_mut() = fetch.uri;
        *request.headers_mut() = fetch.headers;
        let until = self.client.clock.instant(fetch.deadline);
        let fetched = tokio::time::timeout_at(until, async {
            let answer = match &self.client.wire {
                Wire::Network(transport) => {
                    let started = tokio::time::Instant::now();
                    let answer = transport.exchange_since(started, request, self.client.limits).await?;
                    answer.map(ResponseStream::network)
                }
                #[cfg(feature = "testing")]
                Wire::Scripted(script) => crate::testing::exchange(&**script, request).await?,
            };
            let (head, body) = answer.into_parts();
            Ok(match body.read_up_to(fetch.cap).await? {
                Ok(bytes) => Arrival::whole(head.status, head.headers, bytes),
                Err(_) => Arrival { over_cap: true, ..Arrival::streamed(head.status, head.headers) },
            })
        });
        let late = || Failure::new(FailureKind::FirstByteTimeout, Sent::Maybe, "it did not arrive in time");
        fetched.await.unwrap_or_else(|_| Err(late()))
    }
}

/// The turn of the one who fetches; when it ends, however it ends, those who wait look again.
struct Turn<'a> {
    shared: &'a Shared,
    is_over: bool,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if !self.is_over {
            self.shared.lock().given_up();
        }
        self.shared.over.notify_waiters();
    }
}

impl fmt::Debug for RulesDocument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RulesDocument").finish_non_exhaustive()
    }
}
