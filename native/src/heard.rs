//! The heads of requests and answers as they cross the wire, for programs that show them.
//!
//! **Invariant:** what is the session's own is marked sensitive ([`HeaderValue::is_sensitive`](::http::HeaderValue::is_sensitive)), so
//! that whoever shows a head can leave it out; `Debug` does.

use ::http::{HeaderMap, Method, Request, Response, StatusCode, Uri, Version};
use hallpass_core::effect::{Owner, Purpose};

/// The head of a request that is sent, or of an answer that came; heard through [`Builder::on_head`](crate::Builder::on_head).
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Head<'a> {
    /// A request is sent.
    Sent {
        /// What the session sends it for; `None` for a program's call.
        purpose: Option<Purpose>,
        /// Its method.
        method: &'a Method,
        /// Its address; the query may hold secrets.
        uri: &'a Uri,
        /// Its headers, before the transport adds those of the connection.
        headers: &'a HeaderMap,
    },
    /// An answer came.
    Received {
        /// What the session asked it for; `None` for a program's call.
        purpose: Option<Purpose>,
        /// The version of HTTP that it came by.
        version: Version,
        /// Its status.
        status: StatusCode,
        /// Its headers; `Set-Cookie` holds secrets.
        headers: &'a HeaderMap,
    },
}

/// Hears heads.
pub(crate) type Listener = Box<dyn Fn(Head<'_>) + Send + Sync>;

impl<'a> Head<'a> {
    pub(crate) fn of_request<B>(owner: Owner, request: &'a Request<B>) -> Self {
        let (method, uri, headers) = (request.method(), request.uri(), request.headers());
        Self::Sent { purpose: purpose(owner), method, uri, headers }
    }

    pub(crate) fn of_answer<B>(owner: Owner, answer: &'a Response<B>) -> Self {
        let (version, status, headers) = (answer.version(), answer.status(), answer.headers());
        Self::Received { purpose: purpose(owner), version, status, headers }
    }
}

fn purpose(owner: Owner) -> Option<Purpose> {
    match owner {
        Owner::Call(_) => None,
        Owner::Session(purpose) => Some(purpose),
    }
}
