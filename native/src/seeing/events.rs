//! The events of a client or of one session, as a stream.

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};

use futures_core::Stream;

use super::event::Event;
use super::hub::{Hub, Mailbox};
use crate::drive::Shared;

/// What happens to sessions, from the moment at which it was made: a [`Stream`], and [`next`](Self::next) for those who need no more.
///
/// Each has a buffer of its own ([`Builder::event_buffer`](crate::Builder::event_buffer)). Sessions never wait for a reader: when its
/// buffer is full the oldest events go, and the next thing it reads is [`Lagged`] with their number. Events of one session come in
/// order. It ends with the client, and that of one session with its `closed` event.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), hallpass::Error> {
/// let client = hallpass::Client::builder().build()?;
/// let mut events = client.events();
/// let watcher = tokio::spawn(async move {
///     while let Some(event) = events.next().await {
///         match event {
///             Ok(event) => println!("{} {}", event.account, event.kind.name()),
///             Err(lagged) => println!("{lagged}"),
///         }
///     }
/// });
/// drop(client);
/// watcher.await.expect("it ends with the client");
/// # Ok(()) }
/// ```
#[must_use = "events are read from it"]
pub struct Events {
    hub: Arc<Hub>,
    mailbox: Arc<Mailbox>,
}

/// So many events were lost, because they were not read in time; those that follow are whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lagged(pub u64);

impl Events {
    pub(crate) fn new(hub: &Arc<Hub>, about: Option<Weak<Shared>>) -> Self {
        Self { hub: Arc::clone(hub), mailbox: hub.listen(about) }
    }

    /// The next event, or how many were lost before it; `None` at the end. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<Result<Event, Lagged>> {
        poll_fn(|cx| self.mailbox.poll(cx)).await
    }
}

impl Stream for Events {
    type Item = Result<Event, Lagged>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.mailbox.poll(cx)
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        self.hub.leave(&self.mailbox);
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Events").finish_non_exhaustive()
    }
}

impl fmt::Display for Lagged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} events were lost: they were not read in time", self.0)
    }
}

impl std::error::Error for Lagged {}
