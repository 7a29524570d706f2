//! One call as a program makes it: built, sent, answered; dropped, it is cancelled and nothing else is.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::{Mutex, PoisonError};
use std::task::Poll;
use std::time::Duration;

use ::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use hallpass_core::error::{Error, Kind};
use hallpass_core::host::perform;
use hallpass_core::machine::{Answered, CallOptions, Head, Redirect, Repeatable};

use crate::body::{CallBody, ResponseStream};
use crate::drive::{Event, Released, Shared};
use crate::host::Performer;
use crate::response::Response;
use crate::session::Session;

/// A call in the making; [`send`](Self::send) sends it.
#[derive(Debug)]
#[must_use = "a call does nothing until it is sent"]
pub struct Call {
    session: Session,
    method: Method,
    address: String,
    headers: HeaderMap,
    body: CallBody,
    options: CallOptions,
    wrong: Option<Error>,
}

impl Call {
    pub(crate) fn new(session: Session, method: Method, address: &str) -> Self {
        Self {
            session,
            method,
            address: address.to_owned(),
            headers: HeaderMap::new(),
            body: CallBody::default(),
            options: CallOptions::default(),
            wrong: None,
        }
    }

    /// Adds a header. On the platform's origins the session's own credentials replace what is given here.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        match (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            (Ok(name), Ok(value)) => {
                self.headers.append(name, value);
            }
            (Err(_), _) => self.wrong = Some(invalid(format!("`{name}` is no header name"))),
            (_, Err(_)) => {
                self.wrong =
                    Some(invalid(format!("the value of the header `{name}` has characters that cannot be sent")));
            }
        }
        self
    }

    /// Adds headers.
    pub fn headers(mut self, headers: HeaderMap) -> Self {
        self.headers.extend(headers);
        self
    }

    /// The body: bytes, which can be sent again, or a [`CallBody::stream`], which cannot.
    pub fn body(mut self, body: impl Into<CallBody>) -> Self {
        self.body = body.into();
        self
    }

    /// A JSON body.
    pub fn json(mut self, value: &impl serde::Serialize) -> Self {
        match serde_json::to_vec(value) {
            Ok(bytes) => {
                self.body = bytes.into();
                self.headers.entry(header::CONTENT_TYPE).or_insert(HeaderValue::from_static("application/json"));
            }
            Err(error) => self.wrong = Some(invalid(format!("the body cannot be written as JSON: {error}"))),
        }
        self
    }

    /// The total deadline, up to the head of the answer; the platform's (60 s) when nothing is said.
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.options.timeout = Some(limit);
        self
    }

    /// Whether it may be sent again after bytes may have reached the server, whatever its method says.
    pub fn repeatable(mut self, word: Repeatable) -> Self {
        self.options.repeat = Some(word);
        self
    }

    /// An `Idempotency-Key`, which makes it safe to send again; the same on every attempt.
    pub fn idempotency_key(self, key: &str) -> Self {
        self.header("idempotency-key", key)
    }

    /// What happens on a redirect; it is followed when nothing is said.
    pub fn redirect(mut self, redirect: Redirect) -> Self {
        self.options.redirect = redirect;
        self
    }

    /// Sends it and waits for the head of the answer, of whatever status: [`Response::verdict`] tells what Hallpass makes of it.
    ///
    /// Dropping the future cancels this call and nothing else.
    ///
    /// # Errors
    ///
    /// Only where there is no answer: `request_invalid`, `body_not_replayable`, `no_session`, `expired`, `rejected`, `closed`,
    /// `renewal_lost`, `overloaded`, `timeout`, `too_many_redirects`, `redirect_invalid`, and the network's.
    pub async fn send(self) -> Result<Response, Error> {
        if let Some(wrong) = self.wrong {
            return Err(wrong);
        }
        let shared = &self.session.shared;
        let uri = shared.compiled.target(&self.address)?;
        let head =
            Head { method: self.method, uri, headers: self.headers, body: self.body.kind(), options: self.options };
        let (answered, body) = exchange(shared, head, &self.body).await?;
        Ok(Response::new(answered, body))
    }
}

/// Carries a call from its head to its reply, performing its effects here and now.
async fn exchange(
    shared: &std::sync::Arc<Shared>,
    head: Head,
    body: &CallBody,
) -> Result<(Box<Answered>, ResponseStream), Error> {
    let (id, slot, first) = shared.begin_call(head);
    let mut guard = Cancel { released: Released { shared, id, slot }, is_over: false };
    let stash = Mutex::new(None);
    let performer = Performer { client: &shared.client, body, stash: &stash };
    let mut next = first;
    loop {
        match next {
            Some(Event::Reply(reply)) => {
                guard.is_over = true;
                let answered = reply?.answered();
                let answered = answered.ok_or_else(|| Error::new(Kind::Misuse, "a call ended without an answer"))?;
                let body = stash.lock().unwrap_or_else(PoisonError::into_inner).take();
                return Ok((answered, body.unwrap_or_else(|| ResponseStream::bytes(bytes::Bytes::new()))));
            }
            Some(Event::Run(effect)) => {
                let mut performing = pin!(perform(&performer, effect));
                let slot = &guard.released.slot;
                // What happens to the call (its deadline, mostly) comes before what it is doing.
                let step = poll_fn(|cx| match slot.poll(cx) {
                    Poll::Ready(event) => Poll::Ready(Err(event)),
                    Poll::Pending => performing.as_mut().poll(cx).map(Ok),
                });
                next = match step.await {
                    Ok(performed) => shared.answer(performed, Some(id)),
                    Err(event) => Some(event),
                };
            }
            None => {
                let slot = &guard.released.slot;
                next = Some(poll_fn(|cx| slot.poll(cx)).await);
            }
        }
    }
}

/// Cancels a call whose future is dropped before its end.
struct Cancel<'a> {
    released: Released<'a>,
    is_over: bool,
}

impl Drop for Cancel<'_> {
    fn drop(&mut self) {
        if !self.is_over {
            self.released.shared.cancel(self.released.id);
        }
    }
}

fn invalid(what: String) -> Error {
    Error::new(Kind::RequestInvalid, what)
}
