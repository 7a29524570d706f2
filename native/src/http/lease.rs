//! Who may use a connection, and how does it come back? Each lease ends exactly once: kept, closed or replaced.
//!
//! **Invariant:** a connection whose exchange did not end is never handed out again.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};

use ::http::{HeaderValue, Request, Response};
use hallpass_core::effect::{Failure, FailureKind, Sent};
use hyper::body::Incoming;
use hyper::client::conn::http1::SendRequest;
use tokio::task::AbortHandle;
use tokio::time::{Instant, timeout_at};

use super::body::{Progress, RequestBody};
use super::failure;
use super::pool::{ConnectionId, HostId};
use super::timeouts::{ExchangeLimits, Timer};
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
}

/// The right to use a connection for one exchange.
#[derive(Debug)]
pub(super) struct Lease {
    connection: Option<Box<Connection>>,
    upload: Option<Arc<Progress>>,
    age: Age,
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
    pub(super) fn new(connection: Box<Connection>, age: Age) -> Self {
        Self { connection: Some(connection), upload: None, age }
    }

    /// Whether the connection can take a request. One that was quiet for a while is asked only after the runtime has
    /// had a turn to notice that the server hung up.
    pub(super) async fn is_usable(&mut self, now: Instant, until: Instant) -> bool {
        if let Age::Idle(since) = self.age
            && now.saturating_duration_since(since) >= QUIET
        {
            tokio::task::yield_now().await;
        }
        let Some(connection) = &mut self.connection else { return false };
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
        self.upload = request.body().progress();
        if !request.headers().contains_key(::http::header::HOST) {
            request.headers_mut().insert(::http::header::HOST, connection.host_field.clone());
        }
        let begun = match self.age {
            Age::Idle(_) => now,
            Age::Fresh | Age::HandedOver => Instant::now(),
        };
        let mut deadline = limits.until(begun, limits.first_byte);
        let mut parts = 0;
        let mut answer = pin!(connection.sender.try_send_request(request));
        let answered = poll_fn(|cx| {
            if let Poll::Ready(answer) = answer.as_mut().poll(cx) {
                return Poll::Ready(Some(answer));
            }
            while connection.timer.poll_due(deadline, cx).is_ready() {
                let sent = self.upload.as_ref().map_or(0, |upload| upload.parts());
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
            Some(Err(mut error)) => match (error.take_message(), self.age) {
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

    /// Ready once `deadline` has passed; otherwise wakes the task when it has.
    pub(super) fn poll_due(&mut self, deadline: Instant, cx: &mut Context<'_>) -> Poll<()> {
        match &mut self.connection {
            Some(connection) => connection.timer.poll_due(deadline, cx),
            None => Poll::Ready(()),
        }
    }

    /// The exchange ended: the connection serves the next one, unless the server answered before the upload's end.
    pub(super) fn finish(mut self) {
        if self.upload.as_ref().is_some_and(Progress::is_sending) {
            return;
        }
        if let Some(connection) = self.connection.take() {
            give_back(connection);
        }
    }

    /// The program lost interest. If all of the answer has arrived already, the connection is as good as new.
    pub(super) fn leave(mut self) {
        if let Some(connection) = self.connection.take_if(|connection| connection.sender.is_ready()) {
            give_back(connection);
        }
    }

    /// The exchange broke: the connection is closed at once.
    pub(super) fn break_off(self) {
        drop(self);
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            if let Some(shared) = connection.shared.upgrade() {
                shared.lock().discard();
            }
            connection.driver.abort();
        }
    }
}

/// Puts a connection back, or closes it if it ended meanwhile or is one too many.
pub(super) fn give_back(connection: Box<Connection>) {
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
const QUIET: std::time::Duration = std::time::Duration::from_millis(100);
