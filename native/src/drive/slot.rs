//! Where a call hears of what happens to it while its own task is elsewhere.
//!
//! **Invariant:** an event reaches the call it is about or nobody: what was decided for a call that has gone since never reaches
//! the next owner of its letter box.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use hallpass_core::effect::{CallId, Effect};
use hallpass_core::error::Error;
use hallpass_core::machine::Reply;

/// What can happen to a call.
#[derive(Debug)]
pub(crate) enum Event {
    /// It is to perform this.
    Run(Effect),
    /// It has ended.
    Reply(Result<Reply, Error>),
}

/// One call's letter box; used again by later calls.
#[derive(Debug, Default)]
pub(crate) struct Slot(Mutex<Inbox>);

#[derive(Debug, Default)]
struct Inbox {
    owner: Option<CallId>,
    events: VecDeque<Event>,
    waker: Option<Waker>,
}

impl Slot {
    /// Gives it to a call.
    pub(super) fn belong_to(&self, call: CallId) {
        self.lock().owner = Some(call);
    }

    /// Leaves an event for a call and wakes it, unless the call has gone.
    pub(crate) fn push(&self, call: CallId, event: Event) {
        let waker = {
            let mut inbox = self.lock();
            if inbox.owner != Some(call) {
                return;
            }
            inbox.events.push_back(event);
            inbox.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// The next event.
    pub(crate) fn poll(&self, cx: &Context<'_>) -> Poll<Event> {
        let mut inbox = self.lock();
        if let Some(event) = inbox.events.pop_front() {
            return Poll::Ready(event);
        }
        if inbox.waker.as_ref().is_none_or(|waker| !waker.will_wake(cx.waker())) {
            inbox.waker = Some(cx.waker().clone());
        }
        Poll::Pending
    }

    /// Makes it as new.
    pub(super) fn clear(&self) {
        let mut inbox = self.lock();
        inbox.owner = None;
        inbox.events.clear();
        inbox.waker = None;
    }

    fn lock(&self) -> MutexGuard<'_, Inbox> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
