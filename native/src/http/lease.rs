//! Who may use a connection, and how does it come back? Each lease ends exactly once: kept, closed or replaced.
//!
//! **Invariant:** a connection whose exchange did not end is never handed out again.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};
use std::time::Duration;

use ::http::{HeaderValue, Request, Response};
use hallpass_core::effect::{Failure, FailureKind, Sent};
use hyper::body::Incoming;
use hyper::client::conn::http1::SendRequest;
use tokio::task::AbortHandle;
use tokio::time::{Instant, timeout_at};

use super::body::{Progress, RequestBody};
use super::failure;
use super::pool::{ConnectionId, HostId};
use super::timeouts::{ExchangeLimits, Timer, after};
use super::transport::Shared;

/// One open connection. Dropped, it closes after what is in flight.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) sender: SendRequest<RequestBody>,
    pub(super) driver: AbortHandle,
    pub(super) timer: Timer,
    pub(super) host_field: HeaderValue,
    pub(super) host: HostId,
    pub(super) id: ConnectionId,
    pub(super) shared: Weak<Shared>,
    /// Of the present exchange; here, so that a lease is no more than a pointer while an answer changes hands.
    pub(super) exchange: Exchange,
}

/// What belongs to the exchange that a connection is used for.
#[derive(Debug)]
pub(super) struct Exchange {
    age: Age,
    upload: Option<Arc<Progress>>,
    chunk: Duration,
    overdue_at: Option<Instant>,
}

/// The right to use a connection for one exchange.
#[derive(Debug)]
pub(super) struct Lease {
    connection: Option<Box<Connection>>,
}

/// Whether a connection has served before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Age {
    /// It has just been made.
    Fresh,
    /// It was idle, since then.
    Idle(Instant),
    /// Its last user handed it over directly.
    HandedOver,
}

/// How sending went wrong.
pub(super) enum Unsent {
    /// An idle connection turned out closed before a byte was written; here is the request.
    Stale(Box<Request<RequestBody>>),
    /// The exchange failed.
    Failed(Failure),
}

impl Lease {
    pub(super) fn new(mut connection: Box<Connection>, age: Age) -> Self {
        connection.exchange.age = age;
        Self { connection: Some(connection) }
    }

    /// Whether it has ended: the connection is back, or closed.
    pub(super) fn is_over(&self) -> bool {
        self.connection.is_none()
    }

    /// Whether the connection can take a request. One that was quiet for a while is asked only after the runtime has
    /// had a turn to notice that the server hung up.
    pub(super) async fn is_usable(&mut self, now: Instant, until: Instant) -> bool {
        let Some(connection) = &mut self.connection else { return false };
        if let Age::Idle(since) = connection.exchange.age
            && now.saturating_duration_since(since) >= QUIET
        {
            tokio::task::yield_now().await;
        }
        // After a body's end the driver may need another turn before it takes a request.
        connection.sender.is_ready() || matches!(timeout_at(until, connection.sender.ready()).await, Ok(Ok(())))
    }

    /// Sends a request and waits for the head of its answer. `now` is when the connection was asked for.
    pub(super) async fn send(
        &mut self,
        mut request: Request<RequestBody>,
        now: Instant,
        limits: &ExchangeLimits,
    ) -> Result<Response<Incoming>, Unsent> {
        let Some(connection) = &mut self.connection else { return Err(Unsent::Stale(Box::new(request))) };
        connection.exchange.upload = request.body().progress();
        connection.exchange.chunk = limits.chunk;
        connection.exchange.overdue_at = None;
        request.headers_mut().entry(::http::header::HOST).or_insert_with(|| connection.host_field.clone());
        let Connection { sender, timer, exchange: Exchange { age, upload, .. }, .. } = &mut **connection;
        let begun = match age {
            Age::Idle(_) => now,
            Age::Fresh | Age::HandedOver => Instant::now(),
        };
        let mut deadline = limits.until(begun, limits.first_byte);
        let mut parts = 0;
        let mut answer = pin!(sender.try_send_request(request));
        let answered = poll_fn(|cx| {
            if let Poll::Ready(answer) = answer.as_mut().poll(cx) {
                return Poll::Ready(Some(answer));
            }
            while timer.poll_due(deadline, cx).is_ready() {
                let sent = upload.as_ref().map_or(0, |upload| upload.parts());
                let now = Instant::now();
                if sent == parts || limits.deadline.is_some_and(|deadline| deadline <= now) {
                    return Poll::Ready(None);
                }
                parts = sent;
                deadline = limits.until(now, limits.first_byte);
            }
            Poll::Pending
        })
        .await;
        match answered {
            Some(Ok(response)) => Ok(response),
            Some(Err(mut error)) => match (error.take_message(), *age) {
                (Some(request), Age::Idle(_) | Age::HandedOver) => Err(Unsent::Stale(Box::new(request))),
                (Some(_), Age::Fresh) => Err(Unsent::Failed(failure::before_head(error.error(), Sent::No))),
                (None, _) => Err(Unsent::Failed(failure::before_head(error.error(), Sent::Maybe))),
            },
            None => Err(Unsent::Failed(Failure::new(
                FailureKind::FirstByteTimeout,
                Sent::Maybe,
                "the head of the answer did not arrive in time",
            ))),
        }
    }

    /// A part of the answer's body arrived: the wait for the next one starts anew.
    pub(super) fn heard(&mut self) {
        if let Some(connection) = &mut self.connection {
            connection.exchange.overdue_at = None;
        }
    }

    /// Ready, with the limit that was passed, once the next part of the body is overdue; otherwise wakes the task when it is.
    pub(super) fn poll_overdue(&mut self, cx: &mut Context<'_>) -> Poll<Duration> {
        let Some(connection) = &mut self.connection else { return Poll::Ready(Duration::ZERO) };
        let Connection { timer, exchange: Exchange { chunk, overdue_at, .. }, .. } = &mut **connection;
        let deadline = *overdue_at.get_or_insert_with(|| after(Instant::now(), *chunk));
        timer.poll_due(deadline, cx).map(|()| *chunk)
    }

    /// The exchange ended: the connection serves the next one, unless the server answered before the upload's end.
    pub(super) fn finish(&mut self) {
        match self.connection.take() {
            Some(connection) if connection.exchange.upload.as_ref().is_some_and(Progress::is_sending) => {
                close(&connection);
            }
            Some(connection) => give_back(connection),
            None => {}
        }
    }

    /// The program lost interest. If all of the answer has arrived already, the connection is as good as new.
    pub(super) fn leave(&mut self) {
        if let Some(connection) = self.connection.take_if(|connection| connection.sender.is_ready()) {
            give_back(connection);
        }
    }

    /// The exchange broke: the connection is closed at once.
    pub(super) fn break_off(&mut self) {
        if let Some(connection) = self.connection.take() {
            close(&connection);
        }
    }
}

impl Connection {
    /// Whether it can take a request at once: it is ready, and has not been quiet since too long ago.
    pub(super) fn is_ready(&self, since: Instant, now: Instant) -> bool {
        now.saturating_duration_since(since) < QUIET && self.sender.is_ready()
    }
}

impl Default for Exchange {
    fn default() -> Self {
        Self { age: Age::Fresh, upload: None, chunk: Duration::ZERO, overdue_at: None }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.break_off();
    }
}

/// Closes a connection whose exchange did not end.
fn close(connection: &Connection) {
    if let Some(shared) = connection.shared.upgrade() {
        shared.lock().discard();
    }
    connection.driver.abort();
}

/// Puts a connection back, or closes it if it ended meanwhile or is one too many.
pub(super) fn give_back(mut connection: Box<Connection>) {
    connection.exchange.upload = None;
    let Some(shared) = connection.shared.upgrade() else { return };
    let now = Instant::now();
    let mut pool = shared.lock();
    let spent = if connection.sender.is_closed() {
        pool.discard();
        Some(connection)
    } else {
        pool.release(connection.host, connection.id, connection, now)
    };
    drop(pool);
    drop(spent);
}

/// How long a connection may have been quiet and still be used without looking twice.
const QUIET: Duration = Duration::from_millis(100);
