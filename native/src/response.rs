//! The platform's answer to a call, as a program reads it.

use std::fmt;

use ::http::{HeaderMap, StatusCode, Uri};
use bytes::Bytes;
use hallpass_core::error::{Error, Kind, Retry};
use hallpass_core::machine::{Answered, Verdict};
use hallpass_core::time::Wall;
use http_body::Body as _;
use http_body_util::BodyExt;

use crate::body::{ResponseStream, body_error};

/// An answer: its head at once, its body as it is read.
pub struct Response {
    answered: Box<Answered>,
    body: ResponseStream,
}

impl Response {
    pub(crate) fn new(answered: Box<Answered>, body: ResponseStream) -> Self {
        Self { answered, body }
    }

    /// The status.
    pub fn status(&self) -> StatusCode {
        self.answered.status
    }

    /// The headers, as received.
    pub fn headers(&self) -> &HeaderMap {
        &self.answered.headers
    }

    /// The address that answered, after redirects.
    pub fn uri(&self) -> &Uri {
        &self.answered.uri
    }

    /// What Hallpass makes of it.
    pub fn verdict(&self) -> Verdict {
        self.answered.verdict
    }

    /// When to try again, where the platform asks to wait longer than this call could.
    pub fn retry_at(&self) -> Option<Wall> {
        match self.answered.verdict {
            Verdict::Throttled(at) => at,
            _ => None,
        }
    }

    /// How many attempts it took.
    pub fn attempts(&self) -> u32 {
        self.answered.attempts
    }

    /// How many redirects were followed.
    pub fn redirects(&self) -> u32 {
        self.answered.redirects
    }

    /// The generation whose credentials it was sent with; 0 for an origin that the platform does not name.
    pub fn generation(&self) -> u64 {
        self.answered.generation
    }

    /// The same answer, or an error when the session was refused, the platform busy or failing. A 404 is an answer like any other.
    ///
    /// # Errors
    ///
    /// `expired`, `rejected`, `throttled` (with the moment to try again) or `platform_failed`.
    pub fn error_for_verdict(self) -> Result<Self, Error> {
        let Some(kind) = self.verdict().error_kind() else { return Ok(self) };
        let error = Error::new(kind, format!("{} answered {}", self.answered.uri.path(), self.status()));
        Err(match self.retry_at() {
            Some(at) => error.with_retry(Retry::After(at)),
            None => error,
        })
    }

    /// The next part of the body; `None` at its end.
    ///
    /// # Errors
    ///
    /// `body_truncated`, `chunk_timeout` or `protocol` when it breaks off.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, Error> {
        while let Some(frame) = self.body.frame().await {
            if let Ok(data) = frame.map_err(|failure| body_error(&failure))?.into_data() {
                return Ok(Some(data));
            }
        }
        Ok(None)
    }

    /// The whole body.
    ///
    /// # Errors
    ///
    /// As [`chunk`](Self::chunk).
    pub async fn bytes(mut self) -> Result<Bytes, Error> {
        let Some(first) = self.chunk().await? else { return Ok(Bytes::new()) };
        if self.body.is_end_stream() {
            return Ok(first);
        }
        let Some(second) = self.chunk().await? else { return Ok(first) };
        let mut whole = bytes::BytesMut::from(&first[..]);
        whole.extend_from_slice(&second);
        while let Some(next) = self.chunk().await? {
            whole.extend_from_slice(&next);
        }
        Ok(whole.freeze())
    }

    /// The whole body as UTF-8; what is not UTF-8 becomes U+FFFD.
    ///
    /// # Errors
    ///
    /// As [`chunk`](Self::chunk).
    pub async fn text(self) -> Result<String, Error> {
        Ok(String::from_utf8_lossy(&self.bytes().await?).into_owned())
    }

    /// The whole body as JSON.
    ///
    /// # Errors
    ///
    /// As [`chunk`](Self::chunk), and `unexpected_answer` when it is not the JSON that `T` is.
    pub async fn json<T: serde::de::DeserializeOwned>(self) -> Result<T, Error> {
        let path = self.answered.uri.path().to_owned();
        serde_json::from_slice(&self.bytes().await?).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            Error::new(
                Kind::UnexpectedAnswer,
                format!("the answer of {path} is not the JSON that was expected (line {line}, column {column})"),
            )
        })
    }

    /// The body as a stream of frames.
    pub fn into_body(self) -> ResponseStream {
        self.body
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response")
            .field("status", &self.status())
            .field("verdict", &self.verdict())
            .finish_non_exhaustive()
    }
}
