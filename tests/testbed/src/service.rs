//! How one connection answers: plain requests at once, others by the platform's plan.
//!
//! **Invariant:** a request without a body, a wait and a cut is answered without a task, a box or a timer.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::header::{self, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use http_body::Body as _;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::service::Service;

use crate::answer;
use crate::body::{InFlight, Payload};
use crate::exchange::{Carried, Exchange};
use crate::platform::{Outcome, Plan, Platform};
use crate::wire::{Cut, Gate, How, Left};

/// One connection's side of the platform.
pub(crate) struct Connection {
    platform: Arc<Platform>,
    gate: Arc<Gate>,
    is_used: AtomicBool,
}

/// The connection ends here, by script, by seed or because its client gave up.
#[derive(Debug, thiserror::Error)]
#[error("the testbed dropped the connection")]
pub(crate) struct Dropped;

/// An answer that is ready, or one that takes its time.
pub(crate) enum Answering {
    Ready(Option<Result<Response<Payload>, Dropped>>),
    Later(Pin<Box<dyn Future<Output = Result<Response<Payload>, Dropped>> + Send>>),
}

impl Connection {
    pub(crate) fn new(platform: Arc<Platform>, gate: Arc<Gate>) -> Self {
        Self { platform, gate, is_used: AtomicBool::new(false) }
    }

    /// The benches' answer: two headers, a fixed body, and counters that need no lock.
    fn plain(&self, request: &Request<Incoming>) -> Response<Payload> {
        let gauges = &self.platform.gauges;
        let slot = InFlight::begin(gauges);
        let count = if request.method() == Method::HEAD { &gauges.plain_heads } else { &gauges.plain_gets };
        count.fetch_add(1, Ordering::Relaxed);
        let carried = Carried::of(request.headers());
        if carried.anything() {
            let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
            self.platform.saw(carried, host.unwrap_or(""));
        }
        let mut response = Response::new(Payload::whole(Bytes::from_static(PLAIN)).holding(slot));
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain"));
        response
    }

    /// Counts the connection once it carries something that counts.
    fn used(&self) {
        if !self.is_used.load(Ordering::Relaxed) {
            self.is_used.store(true, Ordering::Relaxed);
            self.platform.gauges.used.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Service<Request<Incoming>> for Connection {
    type Response = Response<Payload>;
    type Error = Dropped;
    type Future = Answering;

    fn call(&self, request: Request<Incoming>) -> Answering {
        let path = request.uri().path();
        let has_body = !request.body().is_end_stream();
        if path.starts_with("/plain/") && !has_body && matches!(*request.method(), Method::GET | Method::HEAD) {
            self.used();
            return Answering::Ready(Some(Ok(self.plain(&request))));
        }
        let is_control = path == "/stats" || path.starts_with("/control/");
        let slot = (!is_control).then(|| InFlight::begin(&self.platform.gauges));
        if !is_control {
            self.used();
        }
        let (head, body) = request.into_parts();
        let mut exchange = Exchange { method: head.method, uri: head.uri, headers: head.headers, body: Bytes::new() };
        if !has_body {
            return follow(self.platform.decide(&exchange), &self.gate, slot);
        }
        let platform = Arc::clone(&self.platform);
        let gate = Arc::clone(&self.gate);
        Answering::Later(Box::pin(async move {
            match Limited::new(body, LARGEST_BODY).collect().await {
                Ok(collected) => {
                    exchange.body = collected.to_bytes();
                    follow(platform.decide(&exchange), &gate, slot).await
                }
                Err(error) if error.is::<LengthLimitError>() => {
                    Ok(answer::error(StatusCode::PAYLOAD_TOO_LARGE, "too_large"))
                }
                Err(_) => Err(Dropped),
            }
        }))
    }
}

/// Does what the plan says.
fn follow(plan: Plan, gate: &Gate, slot: Option<InFlight>) -> Answering {
    let Plan { wait, outcome } = plan;
    match outcome {
        Outcome::Drop(How::Stall) => Answering::Later(Box::pin(async move {
            let _in_flight = slot;
            std::future::pending().await
        })),
        Outcome::Drop(how) => {
            gate.arm(Cut { left: Left::Head(0), how });
            Answering::Ready(Some(Err(Dropped)))
        }
        Outcome::Answer(answer, cut) => {
            let answer = match slot {
                Some(slot) => answer.map(|body| body.holding(slot)),
                None => answer,
            };
            if let Some(cut) = cut {
                gate.arm(cut);
            }
            if wait == Duration::ZERO {
                return Answering::Ready(Some(Ok(answer)));
            }
            Answering::Later(Box::pin(async move {
                tokio::time::sleep(wait).await;
                Ok(answer)
            }))
        }
    }
}

impl Future for Answering {
    type Output = Result<Response<Payload>, Dropped>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.get_mut() {
            Self::Ready(answer) => answer.take().map_or(Poll::Pending, Poll::Ready),
            Self::Later(future) => future.as_mut().poll(cx),
        }
    }
}

const PLAIN: &[u8] = b"{\"plain\":true,\"text\":\"the same small body for everybody\"}\n";

const LARGEST_BODY: usize = 64 * 1024 * 1024;
