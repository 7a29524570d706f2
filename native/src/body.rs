//! What travels behind the heads of a call: the program's body on the way out, the platform's on the way in.

use std::fmt;
use std::pin::Pin;
use std::sync::Mutex;
use std::task::{Context, Poll};

use bytes::Bytes;
use hallpass_core::effect::{Failure, FailureKind, Sent};
use hallpass_core::error::Error;
use hallpass_core::machine::Body as BodyKind;
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;

use crate::http::{RequestBody, ResponseBody};

/// The body of a call.
#[derive(Default)]
pub struct CallBody(Kind);

#[derive(Default)]
enum Kind {
    #[default]
    Empty,
    Bytes(Bytes),
    /// Taken by the first attempt.
    Once(Mutex<Option<RequestBody>>),
}

impl CallBody {
    /// A body that is made as it is sent. It can be sent once: a call that would have to be repeated fails with
    /// `body_not_replayable` instead.
    pub fn stream<B>(body: B) -> Self
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        Self(Kind::Once(Mutex::new(Some(RequestBody::stream(body)))))
    }

    /// What the core needs to know of it.
    pub(crate) fn kind(&self) -> BodyKind {
        match &self.0 {
            Kind::Empty => BodyKind::Empty,
            Kind::Bytes(_) => BodyKind::Replayable,
            Kind::Once(_) => BodyKind::Once,
        }
    }

    /// The bytes, where it can be sent again.
    pub(crate) fn bytes(&self) -> Option<Bytes> {
        match &self.0 {
            Kind::Empty => Some(Bytes::new()),
            Kind::Bytes(bytes) => Some(bytes.clone()),
            Kind::Once(_) => None,
        }
    }

    /// The body for one attempt.
    pub(crate) fn for_attempt(&self) -> Result<RequestBody, Failure> {
        match &self.0 {
            Kind::Empty => Ok(RequestBody::Empty),
            Kind::Bytes(bytes) => Ok(RequestBody::Full(bytes.clone())),
            Kind::Once(body) => {
                let taken = body.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
                let gone = || Failure::new(FailureKind::RequestBody, Sent::No, "the body was sent already");
                taken.ok_or_else(gone)
            }
        }
    }
}

impl<T: Into<Bytes>> From<T> for CallBody {
    fn from(bytes: T) -> Self {
        Self(Kind::Bytes(bytes.into()))
    }
}

impl fmt::Debug for CallBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Empty => f.write_str("Empty"),
            Kind::Bytes(bytes) => write!(f, "Bytes({})", bytes.len()),
            Kind::Once(_) => f.write_str("Stream"),
        }
    }
}

/// The body of an answer, as it arrives.
#[derive(Debug)]
pub struct ResponseStream(Source);

#[derive(Debug)]
enum Source {
    /// The network.
    Network(ResponseBody),
    /// What was read already, to know what the answer means.
    Read(Bytes),
    /// The same, of a body that is longer.
    Begun(Box<(Bytes, ResponseBody)>),
}

impl ResponseStream {
    pub(crate) fn network(body: ResponseBody) -> Self {
        Self(Source::Network(body))
    }

    pub(crate) fn empty() -> Self {
        Self(Source::Read(Bytes::new()))
    }

    pub(crate) fn bytes(bytes: Bytes) -> Self {
        Self(Source::Read(bytes))
    }

    /// Reads all of it, up to `cap` bytes: the bytes, or the whole body again when it is longer.
    pub(crate) async fn read_up_to(mut self, cap: usize) -> Result<Result<Bytes, Self>, Failure> {
        let mut read = bytes::BytesMut::new();
        while let Some(frame) = self.frame().await {
            let Ok(data) = frame?.into_data() else { continue };
            read.extend_from_slice(&data);
            if read.len() > cap {
                return Ok(Err(self.after(read.freeze())));
            }
        }
        Ok(Ok(read.freeze()))
    }
}

impl ResponseStream {
    /// The same body again, of which this much was taken.
    fn after(self, taken: Bytes) -> Self {
        match self.0 {
            Source::Network(body) => Self(Source::Begun(Box::new((taken, body)))),
            Source::Read(rest) => Self(Source::Read([taken, rest].concat().into())),
            Source::Begun(mut begun) => {
                begun.0 = [taken, std::mem::take(&mut begun.0)].concat().into();
                Self(Source::Begun(begun))
            }
        }
    }
}

impl Body for ResponseStream {
    type Data = Bytes;
    type Error = Failure;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Failure>>> {
        let body = match &mut self.0 {
            Source::Network(body) => body,
            Source::Read(bytes) if bytes.is_empty() => return Poll::Ready(None),
            Source::Read(bytes) => return Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            Source::Begun(begun) if begun.0.is_empty() => &mut begun.1,
            Source::Begun(begun) => return Poll::Ready(Some(Ok(Frame::data(std::mem::take(&mut begun.0))))),
        };
        Pin::new(body).poll_frame(cx).map_err(crate::http::BodyError::into_failure)
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Source::Network(body) => body.is_end_stream(),
            Source::Read(bytes) => bytes.is_empty(),
            Source::Begun(begun) => begun.0.is_empty() && begun.1.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Source::Network(body) => body.size_hint(),
            Source::Read(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Source::Begun(begun) => {
                let (read, rest) = (begun.0.len() as u64, begun.1.size_hint());
                let mut hint = SizeHint::new();
                hint.set_lower(rest.lower() + read);
                if let Some(upper) = rest.upper() {
                    hint.set_upper(upper + read);
                }
                hint
            }
        }
    }
}

/// The error of a body that broke off.
pub(crate) fn body_error(failure: &Failure) -> Error {
    Error::new(failure.kind.error_kind(), format!("reading the answer's body: {}", failure.detail))
}
