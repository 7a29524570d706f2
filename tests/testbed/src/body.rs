//! What an answer's body is made of: bytes at hand, a run of zeroes, or chunks that take their time.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::time::{Sleep, sleep};

use crate::counters::Gauges;

/// The body of every answer; the request counts as in flight until it is dropped.
pub(crate) struct Payload {
    kind: Kind,
    slot: Option<InFlight>,
}

enum Kind {
    Whole(Bytes),
    Zeroes(u64),
    Slow { pause: Duration, chunks: u64, sleep: Pin<Box<Sleep>> },
}

/// One request in flight.
pub(crate) struct InFlight(Arc<Gauges>);

impl InFlight {
    pub(crate) fn begin(gauges: &Arc<Gauges>) -> Self {
        gauges.began();
        Self(Arc::clone(gauges))
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.ended();
    }
}

impl Payload {
    pub(crate) fn whole(bytes: impl Into<Bytes>) -> Self {
        Self { kind: Kind::Whole(bytes.into()), slot: None }
    }

    /// So many zero bytes, chunked: the length is not announced.
    pub(crate) fn zeroes(count: u64) -> Self {
        Self { kind: Kind::Zeroes(count), slot: None }
    }

    /// So many chunks of `.`, with a pause before each but the first.
    pub(crate) fn slow(chunks: u64, pause: Duration) -> Self {
        Self { kind: Kind::Slow { pause, chunks, sleep: Box::pin(sleep(Duration::ZERO)) }, slot: None }
    }

    pub(crate) fn holding(mut self, slot: InFlight) -> Self {
        self.slot = Some(slot);
        self
    }

    /// The announced length; none when the body is chunked.
    pub(crate) fn length(&self) -> Option<u64> {
        match &self.kind {
            Kind::Whole(bytes) => Some(bytes.len() as u64),
            Kind::Zeroes(_) | Kind::Slow { .. } => None,
        }
    }
}

impl Body for Payload {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let bytes = match &mut self.kind {
            Kind::Whole(bytes) => std::mem::take(bytes),
            Kind::Zeroes(left) => {
                let take = (*left).min(ZEROES.len() as u64);
                *left -= take;
                Bytes::from_static(&ZEROES[..take as usize])
            }
            Kind::Slow { chunks: 0, .. } => Bytes::new(),
            Kind::Slow { pause, chunks, sleep: due } => {
                ready!(due.as_mut().poll(cx));
                *chunks -= 1;
                *due = Box::pin(sleep(*pause));
                Bytes::from_static(b".")
            }
        };
        Poll::Ready((!bytes.is_empty()).then(|| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        match &self.kind {
            Kind::Whole(bytes) => bytes.is_empty(),
            Kind::Zeroes(left) => *left == 0,
            Kind::Slow { chunks, .. } => *chunks == 0,
        }
    }

    fn size_hint(&self) -> SizeHint {
        self.length().map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

static ZEROES: [u8; 16 * 1024] = [0; 16 * 1024];
