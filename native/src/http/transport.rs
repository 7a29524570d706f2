//! How does a request become an answer? Find a connection, send, wait for the head; the body goes on by itself.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ::http::{Method, Request, Response, Uri, Version};
use hallpass_core::effect::{Failure, FailureKind, Sent};
use hallpass_core::error::Error;
use tokio::task::AbortHandle;
use tokio::time::{Instant, timeout_at};

use super::body::{RequestBody, ResponseBody};
use super::connect::connect;
use super::lease::{Age, Connection, Lease, Unsent, give_back};
use super::origin::Origin;
use super::pool::{Acquired, Granted, Pool, PoolStats};
use super::settings::TransportSettings;
use super::timeouts::ExchangeLimits;
use super::tls::Tls;

/// Sends requests over pooled HTTP/1.1 connections. Cheap to clone: clones share one pool.
///
/// Needs a tokio runtime with its time and I/O drivers enabled.
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use hallpass::http::{ExchangeLimits, RequestBody, Transport, TransportSettings};
///
/// let transport = Transport::new(TransportSettings::default())?;
/// let request = http::Request::get("https://example.com/").body(RequestBody::Empty)?;
/// let answer = transport.exchange(request, ExchangeLimits::default()).await.map_err(|failure| failure.detail)?;
/// println!("{}", answer.status());
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Transport {
    shared: Arc<Shared>,
}

/// What all clones of a transport and all its connections share.
pub(super) struct Shared {
    pub(super) settings: TransportSettings,
    pub(super) tls: Tls,
    pool: Mutex<Pool<Box<Connection>>>,
    sweeper: Mutex<Option<AbortHandle>>,
}

impl Transport {
    /// A transport without connections.
    ///
    /// # Errors
    ///
    /// `config_invalid` if a given certificate authority cannot be read.
    pub fn new(settings: TransportSettings) -> Result<Self, Error> {
        let shared = Shared {
            tls: Tls::new(settings.tls.clone())?,
            pool: Mutex::new(Pool::new(&settings)),
            sweeper: Mutex::new(None),
            settings,
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Sends a request whose URL is absolute and waits for the head of its answer, of whatever status.
    ///
    /// Adds `Host` if it is missing; follows no redirect and repeats nothing. Dropping the future closes the
    /// connection if the request may be on its way.
    ///
    /// # Errors
    ///
    /// A [`Failure`] says what broke and whether a byte of the request may have reached the server.
    pub async fn exchange(
        &self,
        request: Request<RequestBody>,
        limits: ExchangeLimits,
    ) -> Result<Response<ResponseBody>, Failure> {
        self.exchange_since(Instant::now(), request, limits).await
    }

    /// As [`exchange`](Self::exchange), for a caller who has just read the clock.
    pub(crate) async fn exchange_since(
        &self,
        started: Instant,
        mut request: Request<RequestBody>,
        limits: ExchangeLimits,
    ) -> Result<Response<ResponseBody>, Failure> {
        let origin = aim(&mut request)?;
        loop {
            let mut lease = match self.idle(&origin, started) {
                Some(lease) => lease,
                // Most exchanges never come here: its state is not carried by every call's future.
                None => Box::pin(self.acquire(&origin, started, &limits)).await?,
            };
            match lease.send(request, started, &limits).await {
                Ok(response) => return Ok(response.map(|body| ResponseBody::new(body, lease))),
                Err(Unsent::Stale(unsent)) => request = *unsent,
                Err(Unsent::Failed(failure)) => return Err(failure),
            }
        }
    }

    /// What the pool holds at this moment.
    pub fn stats(&self) -> PoolStats {
        self.shared.lock().stats()
    }

    /// Closes all connections that nobody uses.
    pub fn close_idle(&self) {
        let idle = self.shared.lock().drain();
        drop(idle);
    }

    /// An idle connection that can take a request at once.
    fn idle(&self, origin: &Origin, now: Instant) -> Option<Lease> {
        let (connection, since) =
            self.shared.lock().reuse(origin, now, |connection, since| connection.is_ready(since, now))?;
        Some(Lease::new(connection, Age::Idle(since)))
    }

    /// A connection that can take a request: an idle one, a new one, or the next one that becomes free.
    async fn acquire(&self, origin: &Origin, started: Instant, limits: &ExchangeLimits) -> Result<Lease, Failure> {
        let until = limits.until(started, limits.connect);
        loop {
            let mut spent = Vec::new();
            let acquired = self.shared.lock().acquire(origin, limits.turn, started, &mut spent);
            drop(spent);
            let mut lease = match acquired {
                Acquired::Reuse(connection, since) => Lease::new(connection, Age::Idle(since)),
                Acquired::Connect(host) => {
                    let connection = connect(&self.shared, host, origin, started, limits).await?;
                    return Ok(Lease::new(connection, Age::Fresh));
                }
                Acquired::Wait(place) => {
                    let mut queue = Queued { shared: &self.shared, origin, place };
                    match timeout_at(until, &mut queue.place).await {
                        Ok(Ok(Granted::Reuse(connection))) => Lease::new(connection, Age::HandedOver),
                        Ok(Ok(Granted::Connect(host))) => {
                            let connection = connect(&self.shared, host, origin, started, limits).await?;
                            return Ok(Lease::new(connection, Age::Fresh));
                        }
                        Ok(Err(_)) | Err(_) => return Err(crowded(origin)),
                    }
                }
            };
            if lease.is_usable(started, until).await {
                return Ok(lease);
            }
        }
    }
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transport").field("stats", &self.stats()).finish_non_exhaustive()
    }
}

impl Shared {
    /// The pool. Its methods do not panic half-way, so a poisoned lock is as good as any.
    pub(super) fn lock(&self) -> MutexGuard<'_, Pool<Box<Connection>>> {
        self.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts the task that closes idle connections, unless it runs; it ends with the transport.
    pub(super) fn keep_swept(self: &Arc<Self>) {
        let mut sweeper = self.sweeper.lock().unwrap_or_else(PoisonError::into_inner);
        if sweeper.as_ref().is_some_and(|task| !task.is_finished()) {
            return;
        }
        let period = (self.settings.idle_timeout / 2).clamp(SHORTEST_SWEEP, LONGEST_SWEEP);
        let shared = Arc::downgrade(self);
        let task = tokio::spawn(async move {
            loop {
                tokio::time::sleep(period).await;
                let Some(shared) = shared.upgrade() else { return };
                let spent = shared.lock().sweep(Instant::now());
                drop(spent);
            }
        });
        *sweeper = Some(task.abort_handle());
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        if let Some(task) = self.sweeper.get_mut().unwrap_or_else(PoisonError::into_inner) {
            task.abort();
        }
    }
}

/// A place in the queue; leaving it hands on what was granted meanwhile.
struct Queued<'a> {
    shared: &'a Shared,
    origin: &'a Origin,
    place: tokio::sync::oneshot::Receiver<Granted<Box<Connection>>>,
}

impl Drop for Queued<'_> {
    fn drop(&mut self) {
        self.place.close();
        match self.place.try_recv() {
            Ok(Granted::Reuse(connection)) => give_back(connection),
            Ok(Granted::Connect(host)) => self.shared.lock().failed(host),
            Err(_) => self.shared.lock().left(self.origin),
        }
    }
}

/// Takes the origin out of a request and leaves what goes on the wire: origin form, HTTP/1.1.
fn aim(request: &mut Request<RequestBody>) -> Result<Origin, Failure> {
    if request.method() == Method::CONNECT {
        return Err(Failure::new(FailureKind::Unsupported, Sent::No, "CONNECT makes tunnels, not calls"));
    }
    let (origin, target) = Origin::split(std::mem::take(request.uri_mut()))?;
    *request.uri_mut() = Uri::from(target);
    *request.version_mut() = Version::HTTP_11;
    Ok(origin)
}

fn crowded(origin: &Origin) -> Failure {
    let detail = format!("no connection to {} became free in time", origin.host());
    Failure::new(FailureKind::ConnectTimeout, Sent::No, detail)
}

const SHORTEST_SWEEP: std::time::Duration = std::time::Duration::from_millis(10);
const LONGEST_SWEEP: std::time::Duration = std::time::Duration::from_secs(60);
