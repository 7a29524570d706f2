//! When is which session looked at next? One task per client fires all their due moments.
//!
//! A session's moment is set only when it is earlier than the one already set, so a call that ends in time costs the timer
//! nothing; a moment that has lost its meaning costs one look.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use hallpass_core::time::Mono;
use tokio::sync::Notify;

use crate::client::Inner;
use crate::drive::Shared;

/// The moments of all sessions of a client.
#[derive(Default)]
pub(crate) struct Timer {
    moments: Mutex<Moments>,
    earlier: Arc<Notify>,
}

#[derive(Default)]
struct Moments {
    heap: BinaryHeap<Reverse<(Mono, u64)>>,
    sessions: std::collections::HashMap<u64, Weak<Shared>>,
    number: u64,
    is_running: bool,
}

impl Timer {
    /// Looks at a session at this moment, or soon after.
    pub(crate) fn schedule(&self, client: &Arc<Inner>, at: Mono, session: Weak<Shared>) {
        let mut moments = self.lock();
        moments.number += 1;
        let number = moments.number;
        let is_earliest = moments.heap.peek().is_none_or(|Reverse((first, _))| at < *first);
        moments.heap.push(Reverse((at, number)));
        moments.sessions.insert(number, session);
        let starts = !std::mem::replace(&mut moments.is_running, true);
        drop(moments);
        if starts {
            client.runtime.spawn(watch(Arc::downgrade(client), Arc::clone(&self.earlier)));
        } else if is_earliest {
            self.earlier.notify_one();
        }
    }

    /// The sessions that are due, and when the next one will be.
    fn due(&self, now: Mono) -> (Vec<Weak<Shared>>, Option<Mono>) {
        let mut moments = self.lock();
        let mut due = Vec::new();
        while let Some(Reverse((at, number))) = moments.heap.peek().copied() {
            if at > now {
                return (due, Some(at));
            }
            moments.heap.pop();
            due.extend(moments.sessions.remove(&number));
        }
        moments.is_running = !due.is_empty();
        (due, None)
    }

    fn lock(&self) -> MutexGuard<'_, Moments> {
        self.moments.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ends the watching task with its client.
impl Drop for Timer {
    fn drop(&mut self) {
        self.earlier.notify_one();
    }
}

/// Fires due moments until there are none left or the client is gone.
async fn watch(client: Weak<Inner>, earlier: Arc<Notify>) {
    loop {
        let Some(strong) = client.upgrade() else { return };
        let (due, next) = strong.timer.due(strong.clock.now().mono);
        let until = next.map(|at| strong.clock.instant(at));
        if due.is_empty() && until.is_none() {
            return;
        }
        for session in due {
            if let Some(session) = session.upgrade() {
                session.tick();
            }
        }
        drop(strong);
        if let Some(until) = until {
            tokio::select! {
                () = tokio::time::sleep_until(until) => {}
                () = earlier.notified() => {}
            }
        }
    }
}
