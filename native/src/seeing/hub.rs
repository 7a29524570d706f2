//! Who listens, and what lies ready for each of them?
//!
//! **Invariant:** a session never waits for a listener: what does not fit into its buffer pushes the oldest out, and is counted.
//! While nobody listens, nothing is made or locked.

use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker};

use hallpass_core::machine::{Notice, Session as Core};
use hallpass_core::time::Wall;

use super::event::Event;
use super::events::Lagged;
use crate::drive::Shared;

/// The listeners of one client.
#[derive(Debug)]
pub(crate) struct Hub {
    boxes: Mutex<Vec<Arc<Mailbox>>>,
    /// How many there are, to be read without the lock.
    count: AtomicUsize,
    capacity: NonZeroUsize,
}

/// What lies ready for one listener.
#[derive(Debug)]
pub(super) struct Mailbox {
    /// The session that it is about; all of the client where absent.
    about: Option<Weak<Shared>>,
    inbox: Mutex<Inbox>,
}

#[derive(Debug, Default)]
struct Inbox {
    events: VecDeque<Event>,
    lost: u64,
    is_over: bool,
    waker: Option<Waker>,
}

impl Hub {
    pub(crate) fn new(capacity: NonZeroUsize) -> Self {
        Self { boxes: Mutex::default(), count: AtomicUsize::new(0), capacity }
    }

    /// Adds a listener.
    pub(super) fn listen(&self, about: Option<Weak<Shared>>) -> Arc<Mailbox> {
        let mailbox = Arc::new(Mailbox { about, inbox: Mutex::default() });
        let mut boxes = self.lock();
        boxes.push(Arc::clone(&mailbox));
        self.count.store(boxes.len(), Ordering::Release);
        mailbox
    }

    /// Removes a listener.
    pub(super) fn leave(&self, mailbox: &Arc<Mailbox>) {
        let mut boxes = self.lock();
        boxes.retain(|one| !Arc::ptr_eq(one, mailbox));
        self.count.store(boxes.len(), Ordering::Release);
    }

    /// Whether anybody listens.
    fn is_heard(&self) -> bool {
        self.count.load(Ordering::Acquire) > 0
    }

    /// Puts what happened to a session where its listeners find it, and says whom to wake. Called under the session's lock, so that
    /// events come in the order in which they happened.
    pub(crate) fn post(&self, session: &Shared, core: &Core, notices: &[Notice], at: Wall) -> Vec<Waker> {
        let mut wakers = Vec::new();
        if notices.is_empty() || !self.is_heard() {
            return wakers;
        }
        let (platform, account) = (Arc::from(core.compiled().platform().id.as_str()), Arc::from(core.account()));
        let event = |notice: &Notice| Event {
            at,
            platform: Arc::clone(&platform),
            account: Arc::clone(&account),
            generation: notice.generation().unwrap_or_else(|| core.generation()),
            kind: notice.clone(),
        };
        let events: Vec<Event> = notices.iter().map(event).collect();
        for mailbox in self.lock().iter().filter(|mailbox| mailbox.is_about(session)) {
            wakers.extend(mailbox.put(&events, self.capacity));
        }
        wakers
    }

    /// Ends the streams of a session that is gone.
    pub(crate) fn end_of(&self, session: &Shared) {
        if self.is_heard() {
            self.end(|mailbox| mailbox.about.is_some() && mailbox.is_about(session));
        }
    }

    /// Ends every stream: the client is gone.
    pub(crate) fn end_all(&self) {
        self.end(|_| true);
    }

    fn end(&self, of: impl Fn(&Mailbox) -> bool) {
        let wakers: Vec<_> = self.lock().iter().filter(|mailbox| of(mailbox)).filter_map(|one| one.end()).collect();
        wakers.into_iter().for_each(Waker::wake);
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Arc<Mailbox>>> {
        self.boxes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Mailbox {
    /// The next event, how many were lost before it, or the end.
    pub(super) fn poll(&self, cx: &Context<'_>) -> Poll<Option<Result<Event, Lagged>>> {
        let mut inbox = self.lock();
        if inbox.lost > 0 {
            return Poll::Ready(Some(Err(Lagged(std::mem::take(&mut inbox.lost)))));
        }
        if let Some(event) = inbox.events.pop_front() {
            return Poll::Ready(Some(Ok(event)));
        }
        if inbox.is_over {
            return Poll::Ready(None);
        }
        if inbox.waker.as_ref().is_none_or(|waker| !waker.will_wake(cx.waker())) {
            inbox.waker = Some(cx.waker().clone());
        }
        Poll::Pending
    }

    fn is_about(&self, session: &Shared) -> bool {
        self.about.as_ref().is_none_or(|about| std::ptr::eq(about.as_ptr(), session))
    }

    fn put(&self, events: &[Event], capacity: NonZeroUsize) -> Option<Waker> {
        let mut inbox = self.lock();
        if inbox.is_over {
            return None;
        }
        for event in events {
            if inbox.events.len() == capacity.get() {
                inbox.events.pop_front();
                inbox.lost += 1;
            }
            inbox.events.push_back(event.clone());
        }
        inbox.is_over = self.about.is_some() && events.iter().any(|event| event.kind == Notice::Closed);
        inbox.waker.take()
    }

    fn end(&self) -> Option<Waker> {
        let mut inbox = self.lock();
        inbox.is_over = true;
        inbox.waker.take()
    }

    fn lock(&self) -> MutexGuard<'_, Inbox> {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
