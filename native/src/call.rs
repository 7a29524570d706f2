//! One call as a program makes it: built, sent, answered; dropped, it is cancelled and nothing else is.

use std::fmt;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::Duration;

use ::http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, header};
use hallpass_core::effect::CallId;
use hallpass_core::error::{Error, Kind};
use hallpass_core::host::perform;
use hallpass_core::machine::{Head, Redirect, Repeatable};

use crate::body::{CallBody, ResponseStream};
use crate::drive::{Event, Shared, Slot};
use crate::host::Performer;
use crate::response::Response;
use crate::seeing::span;
use crate::session::Session;

/// A call in the making; [`send`](Self::send) sends it.
#[must_use = "a call does nothing until it is sent"]
pub struct Call {
    session: Session,
    head: Head,
    body: CallBody,
    wrong: Option<Error>,
}

impl Call {
    pub(crate) fn new(session: Session, method: Method, address: &str) -> Self {
        let (uri, wrong) = match session.shared.compiled.target(address) {
            Ok(uri) => (uri, None),
            Err(error) => (Uri::default(), Some(error)),
        };
        Self { head: Head::new(method, uri), session, body: CallBody::default(), wrong }
    }

    /// Adds a header. On the platform's origins the session's own credentials replace what is given here.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        match (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            (Ok(name), Ok(value)) => {
                self.head.headers.append(name, value);
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
        self.head.headers.extend(headers);
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
                self.head.headers.entry(header::CONTENT_TYPE).or_insert(HeaderValue::from_static("application/json"));
            }
            Err(error) => self.wrong = Some(invalid(format!("the body cannot be written as JSON: {error}"))),
        }
        self
    }

    /// The total deadline, up to the head of the answer; the platform's (60 s) when nothing is said.
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.head.options.timeout = Some(limit);
        self
    }

    /// Whether it may be sent again after bytes may have reached the server, whatever its method says.
    pub fn repeatable(mut self, word: Repeatable) -> Self {
        self.head.options.repeat = Some(word);
        self
    }

    /// An `Idempotency-Key`, which makes it safe to send again; the same on every attempt.
    pub fn idempotency_key(self, key: &str) -> Self {
        self.header("idempotency-key", key)
    }

    /// What happens on a redirect; it is followed when nothing is said.
    pub fn redirect(mut self, redirect: Redirect) -> Self {
        self.head.options.redirect = redirect;
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
        let Self { session, mut head, body, wrong } = self;
        if let Some(wrong) = wrong {
            return Err(wrong);
        }
        head.body = body.kind();
        let mut now = session.shared.now();
        #[cfg(feature = "metrics")]
        let started = now.mono;
        let span = span::call(&session.shared, &head);
        let begun = {
            let _inside = span.enter();
            session.shared.begin_call(head, now)
        };
        let mut guard = Ongoing { shared: &session.shared, id: begun.id, slot: begun.slot, end: End::Ahead };
        let stash = Mutex::new(None);
        let mut next = begun.first;
        if let Some(Event::Reply(_)) = next {
            guard.end = End::Settled;
        }
        loop {
            match next {
                Some(Event::Reply(reply)) => {
                    if guard.end == End::Ahead {
                        guard.end = End::Heard;
                    }
                    if let Some(lease) = &session.lease {
                        lease.learn(&reply);
                    }
                    let answered = reply.and_then(|reply| {
                        reply.answered().ok_or_else(|| Error::new(Kind::Misuse, "a call ended without an answer"))
                    });
                    span::ended(&span, answered.as_deref());
                    #[cfg(feature = "metrics")]
                    if let Some(meter) = &session.shared.client.meter {
                        let outcome = answered.as_ref().map_or_else(Error::kind, |answered| answered.verdict.as_str());
                        meter.call(session.shared.platform_id(), outcome, session.shared.now().mono.since(started));
                    }
                    let answered = answered?;
                    let body = stash.lock().unwrap_or_else(PoisonError::into_inner).take();
                    return Ok(Response::new(answered, body.unwrap_or_else(ResponseStream::empty)));
                }
                Some(Event::Run(effect)) => {
                    let performer = Performer { session: &session.shared, body: &body, stash: &stash, now };
                    let mut performing = pin!(perform(&performer, effect));
                    // What happens to the call (its deadline, mostly) comes before what it is doing.
                    let step = poll_fn(|cx| {
                        let _inside = span.enter();
                        match guard.slot.poll(cx) {
                            Poll::Ready(event) => Poll::Ready(Err(event)),
                            Poll::Pending => performing.as_mut().poll(cx).map(Ok),
                        }
                    });
                    let step = step.await;
                    now = session.shared.now();
                    next = match step {
                        Ok(performed) => {
                            let after = {
                                let _inside = span.enter();
                                session.shared.answer(performed, Some(guard.id), now)
                            };
                            if let Some(Event::Reply(_)) = after.next {
                                guard.end = End::Settled;
                            }
                            if !after.is_held {
                                // What the call waits for may need the connection that the answer holds.
                                drop(stash.lock().unwrap_or_else(PoisonError::into_inner).take());
                            }
                            after.next
                        }
                        Err(event) => Some(event),
                    };
                }
                None => {
                    next = Some(poll_fn(|cx| guard.slot.poll(cx)).await);
                    now = session.shared.now();
                }
            }
        }
    }
}

impl fmt::Debug for Call {
    /// Without query, header values and body: a program may have put secrets there.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call")
            .field("session", &self.session)
            .field("method", &self.head.method)
            .field("path", &self.head.uri.path())
            .field("headers", &self.head.headers.keys().collect::<Vec<_>>())
            .field("body", &self.body)
            .finish_non_exhaustive()
    }
}

/// Cancels a call whose future is dropped before its end, and gives its slot back.
struct Ongoing<'a> {
    shared: &'a Arc<Shared>,
    id: CallId,
    slot: Arc<Slot>,
    end: End,
}

/// What a call knows of its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// Nothing yet.
    Ahead,
    /// It heard of it through its slot.
    Heard,
    /// It brought it about itself, and its slot was given back with it.
    Settled,
}

impl Drop for Ongoing<'_> {
    fn drop(&mut self) {
        match self.end {
            End::Ahead => self.shared.cancel(self.id),
            End::Heard => self.shared.release(self.id),
            End::Settled => {}
        }
    }
}

fn invalid(what: String) -> Error {
    Error::new(Kind::RequestInvalid, what)
}
