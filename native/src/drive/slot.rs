//! Where a call hears of what happens to it while its own task is elsewhere.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use hallpass_core::effect::Effect;
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
    events: VecDeque<Event>,
    waker: Option<Waker>,
}

impl Slot {
    /// Leaves an event and wakes whoever waits.
    pub(crate) fn push(&self, event: Event) {
        let waker = {
            let mut inbox = self.lock();
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

    /// Makes it as new; `None` while anybody may still leave something in it that was meant for its last call.
    pub(super) fn as_new(mut slot: Arc<Self>) -> Option<Arc<Self>> {
        let inbox = Arc::get_mut(&mut slot)?.0.get_mut().unwrap_or_else(PoisonError::into_inner);
        inbox.events.clear();
        inbox.waker = None;
        Some(slot)
    }

    fn lock(&self) -> MutexGuard<'_, Inbox> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
