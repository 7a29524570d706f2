//! What travels behind the heads: request bodies that cost nothing extra when small, answers that own their connection.
//!
//! **Invariant:** a connection goes back to the pool only when the answer's body has ended; a body that breaks off is an
//! error, never a short success.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use hallpass_core::effect::{Failure, FailureKind, Sent};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use super::failure;
use super::lease::Lease;

/// The body of a request.
#[derive(Debug, Default)]
#[non_exhaustive]
pub enum RequestBody {
    /// None.
    #[default]
    Empty,
    /// Bytes at hand.
    Full(Bytes),
    /// A body made as it is sent, which can be sent only once.
    Stream(Upload),
}

/// A body that is made as it is sent.
pub struct Upload {
    body: Pin<Box<dyn Body<Data = Bytes, Error = UploadError> + Send>>,
    progress: Arc<Progress>,
}

/// How far an upload has come; whoever holds the other end sees whether it goes on.
#[derive(Debug, Default)]
pub(super) struct Progress(AtomicU64);

/// The body that the program gave failed.
#[derive(Debug)]
pub struct UploadError(Box<dyn std::error::Error + Send + Sync>);

impl RequestBody {
    /// A body that is made as it is sent; its length is announced if its size hint is exact.
    pub fn stream<B>(body: B) -> Self
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let body = http_body_util::BodyExt::map_err(body, |error| UploadError(error.into()));
        Self::Stream(Upload { body: Box::pin(body), progress: Arc::default() })
    }

    pub(super) fn progress(&self) -> Option<Arc<Progress>> {
        match self {
            Self::Empty | Self::Full(_) => None,
            Self::Stream(upload) => Some(Arc::clone(&upload.progress)),
        }
    }
}

impl From<Bytes> for RequestBody {
    fn from(bytes: Bytes) -> Self {
        if bytes.is_empty() { Self::Empty } else { Self::Full(bytes) }
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = UploadError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, UploadError>>> {
        match &mut *self {
            Self::Empty => Poll::Ready(None),
            Self::Full(bytes) => {
                let bytes = std::mem::take(bytes);
                *self = Self::Empty;
                Poll::Ready(Some(Ok(Frame::data(bytes))))
            }
            Self::Stream(upload) => {
                let frame = ready!(upload.body.as_mut().poll_frame(cx));
                upload.progress.0.fetch_add(1, Ordering::Relaxed);
                Poll::Ready(frame)
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::Full(bytes) => bytes.is_empty(),
            Self::Stream(upload) => upload.body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Empty => SizeHint::with_exact(0),
            Self::Full(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Self::Stream(upload) => upload.body.size_hint(),
        }
    }
}

impl Progress {
    /// A number that grows with every part that was sent.
    pub(super) fn parts(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// Whether the body is still being sent: the connection holds it until its end.
    pub(super) fn is_sending(self: &Arc<Self>) -> bool {
        Arc::strong_count(self) > 1
    }
}

impl fmt::Debug for Upload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upload").field("progress", &self.progress).finish_non_exhaustive()
    }
}

impl fmt::Display for UploadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the request's body failed")
    }
}

impl std::error::Error for UploadError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&*self.0)
    }
}

/// The body of an answer. It holds its connection: read to its end the connection is kept for the next exchange,
/// dropped before it is closed.
#[derive(Debug)]
#[must_use = "an answer's body holds a connection until it is read or dropped"]
pub struct ResponseBody {
    incoming: Incoming,
    lease: Lease,
}

impl ResponseBody {
    pub(super) fn new(incoming: Incoming, mut lease: Lease) -> Self {
        if incoming.is_end_stream() {
            lease.finish();
        }
        Self { incoming, lease }
    }

    fn fail(&mut self, failure: Failure) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        self.lease.break_off();
        Poll::Ready(Some(Err(BodyError(failure))))
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = &mut *self;
        if this.lease.is_over() {
            return Poll::Ready(None);
        }
        match Pin::new(&mut this.incoming).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => {
                if this.incoming.is_end_stream() {
                    this.lease.finish();
                } else {
                    this.lease.heard();
                }
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(None) => {
                this.lease.finish();
                Poll::Ready(None)
            }
            Poll::Ready(Some(Err(error))) => this.fail(failure::within_body(&error)),
            Poll::Pending => {
                let chunk = ready!(this.lease.poll_overdue(cx));
                let detail = format!("the next part of the body did not arrive within {chunk:?}");
                this.fail(Failure::new(FailureKind::ChunkTimeout, Sent::Maybe, detail))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.lease.is_over()
    }

    fn size_hint(&self) -> SizeHint {
        if self.lease.is_over() { SizeHint::with_exact(0) } else { self.incoming.size_hint() }
    }
}

impl Drop for ResponseBody {
    fn drop(&mut self) {
        self.lease.leave();
    }
}

/// An answer's body broke off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BodyError(Failure);

impl BodyError {
    /// What broke: `BodyTruncated`, `ChunkTimeout` or `Protocol`.
    pub fn kind(&self) -> FailureKind {
        self.0.kind
    }

    /// The failure as the core takes it.
    pub fn into_failure(self) -> Failure {
        self.0
    }
}

impl fmt::Display for BodyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "reading the answer's body: {}", self.0.detail)
    }
}

impl std::error::Error for BodyError {}
