//! How effects are performed here: exchanges over the wire, records in the store, permits from the client's own limits.

use std::future::{Future as _, poll_fn};
use std::pin::pin;
use std::sync::Mutex;
use std::time::Duration;

use ::http::Request;
use hallpass_core::effect::{
    Answer, Arrival, Ask, CacheLoad, CacheStore, Cached, Declined, Exchange, Failure, Lease, Load, Owner, Permit,
    PermitAnswer, Purpose, Release, Remove, Save, SendBody, Sign, SignWork, Signed,
};
use hallpass_core::host::Host;
use hallpass_core::store::{Expected, LeaseNumber, Record, StoreError, Version};
use hallpass_core::time::Now;
use tokio::time::Instant;

use crate::body::{CallBody, ResponseStream};
use crate::client::Inner;
use crate::drive::Shared;
use crate::heard::Head;
use crate::http::{ExchangeLimits, RequestBody, Turn};
use crate::seeing::span;
use crate::signer::{SignRequest, es256};
use crate::wire::Wire;

/// Performs the effects of one call, or of a session.
pub(crate) struct Performer<'a> {
    pub(crate) session: &'a Shared,
    /// The program's body, where a call performs its own effects.
    pub(crate) body: &'a CallBody,
    /// Where the body of the last answer is left for the call to take.
    pub(crate) stash: &'a Mutex<Option<ResponseStream>>,
    /// The moment at which it was told to.
    pub(crate) now: Now,
}

impl Performer<'_> {
    fn client(&self) -> &Inner {
        &self.session.client
    }

    fn leave(&self, body: Option<ResponseStream>) {
        *self.stash.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = body;
    }

    fn no_store() -> StoreError {
        StoreError::Unsupported("this client has no store".to_owned())
    }
}

impl Host for Performer<'_> {
    async fn exchange(&self, exchange: Box<Exchange>) -> Result<Arrival, Failure> {
        let span = span::attempt(self.session, &exchange);
        if exchange.attempt > 1 {
            // What an earlier attempt left is not wanted any more.
            self.leave(None);
        }
        let body = match exchange.body {
            SendBody::Empty => RequestBody::Empty,
            SendBody::Callers => self.body.for_attempt()?,
            SendBody::Bytes(bytes) => RequestBody::Full(bytes),
        };
        let mut request = Request::new(body);
        *request.method_mut() = exchange.method;
        *request.uri_mut() = exchange.uri;
        *request.headers_mut() = exchange.headers;
        let mut limits: ExchangeLimits = self.client().limits;
        if matches!(exchange.owner, Owner::Session(_)) {
            limits.turn = Turn::First;
        }
        // The session keeps the deadline: it takes this future away. The answer to a renewal may hold a rotated token, so it is
        // waited for a while longer.
        if matches!(exchange.owner, Owner::Session(Purpose::Renewal)) {
            let end = self.client().clock.instant(exchange.deadline) + LATE;
            (limits.first_byte, limits.deadline) = (end.saturating_duration_since(Instant::now()), Some(end));
        }
        if let Some(listener) = &self.client().listener {
            listener(Head::of_request(exchange.owner, &request));
        }
        let answer = match &self.client().wire {
            Wire::Network(transport) => {
                let started = self.client().clock.instant(self.now.mono);
                let mut exchange = pin!(transport.exchange_since(started, request, limits));
                let exchange = poll_fn(|cx| {
                    let _inside = span.enter();
                    exchange.as_mut().poll(cx)
                });
                exchange.await.map(|answer| answer.map(ResponseStream::network))
            }
            #[cfg(feature = "testing")]
            Wire::Scripted(script) => crate::testing::exchange(&**script, request).await,
        };
        span::arrived(&span, answer.as_ref().map(|answer| (answer.status(), answer.version())));
        let answer = answer?;
        if let Some(listener) = &self.client().listener {
            listener(Head::of_answer(exchange.owner, &answer));
        }
        let (head, body) = answer.into_parts();
        let Some(cap) = exchange.read.cap_for(head.status, &head.headers) else {
            self.leave(Some(body));
            return Ok(Arrival::streamed(head.status, head.headers));
        };
        Ok(match body.read_up_to(cap).await? {
            Ok(bytes) => {
                self.leave(Some(ResponseStream::bytes(bytes.clone())));
                Arrival::whole(head.status, head.headers, bytes)
            }
            Err(longer) => {
                self.leave(Some(longer));
                Arrival { over_cap: true, ..Arrival::streamed(head.status, head.headers) }
            }
        })
    }

    async fn load(&self, load: Load) -> Result<Option<Record>, StoreError> {
        let store = self.client().store.as_ref().ok_or_else(Self::no_store)?;
        store.load(&load.key).await
    }

    async fn save(&self, save: Save) -> Result<Version, StoreError> {
        let store = self.client().store.as_ref().ok_or_else(Self::no_store)?;
        store.save(&save.key, save.sealed, save.expected, save.expiry).await
    }

    async fn remove(&self, remove: Remove) -> Result<(), StoreError> {
        let store = self.client().store.as_ref().ok_or_else(Self::no_store)?;
        store.remove(&remove.key, Expected::Any).await.map(|_| ())
    }

    async fn lease(&self, lease: Lease) -> Result<Option<LeaseNumber>, StoreError> {
        let store = self.client().lease_store.as_ref().ok_or_else(Self::no_store)?;
        store.lease(&lease.key, lease.hold).await
    }

    async fn release(&self, release: Release) -> Result<bool, StoreError> {
        let store = self.client().lease_store.as_ref().ok_or_else(Self::no_store)?;
        store.release(&release.key, release.number).await
    }

    async fn permit(&self, permit: Permit) -> PermitAnswer {
        let now = self.client().clock.now();
        let mut budget = self.client().budget.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if budget.withdraw(&permit.origin, permit.successes, now.mono) {
            PermitAnswer::Granted
        } else {
            PermitAnswer::Denied
        }
    }

    async fn cache_load(&self, _load: CacheLoad) -> Option<Cached> {
        None
    }

    async fn cache_store(&self, _store: CacheStore) -> bool {
        false
    }

    async fn sign(&self, sign: Sign) -> Result<Signed, Declined> {
        match sign.work {
            SignWork::Attempt(unsigned) => {
                let Some(signer) = &self.client().signer else {
                    return Err(Declined::new("this client has no signer"));
                };
                let request = SignRequest::of(*unsigned, self.body)?;
                signer.sign(request).await.map(Signed::Headers)
            }
            SignWork::NewKey => es256::key().map(Signed::Key),
            SignWork::Es256 { key, input } => es256::signature(&key, input.as_bytes()).map(Signed::Signature),
        }
    }

    async fn ask(&self, ask: Ask) -> Result<Answer, Declined> {
        match &self.client().asker {
            Some(asker) => asker.ask(&self.session.account, ask.question).await,
            None => Err(Declined { why: "this client answers no questions".to_owned() }),
        }
    }
}

/// How long after its deadline the answer to a renewal is still of use.
const LATE: Duration = Duration::from_secs(60);
