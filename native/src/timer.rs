//! When is which session looked at next? One task per client fires all their due moments.
//!
//! A call moves its session's moment only to an earlier one, so a call that ends in time costs the timer nothing; a moment that has
//! lost its meaning by that costs one look. **Invariant:** a session has one place here however often it is moved (it is moved under its
//! lock), so the timer is as large as the crowd, and each move costs the logarithm of that.

use std::collections::BTreeMap;
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

/// Where a session's next moment goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Move {
    /// Where it was, if it was anywhere.
    pub(crate) from: Option<Mono>,
    pub(crate) to: Mono,
}

#[derive(Default)]
struct Moments {
    /// By moment, then by the session's address, which nobody else has while it is listed.
    queue: BTreeMap<(Mono, usize), Weak<Shared>>,
    is_running: bool,
}

impl Timer {
    /// Looks at a session at this moment, or soon after.
    pub(crate) fn schedule(&self, client: &Arc<Inner>, moved: Move, session: &Arc<Shared>) {
        let address = Arc::as_ptr(session).addr();
        let mut moments = self.lock();
        if let Some(from) = moved.from {
            moments.queue.remove(&(from, address));
        }
        let is_earliest = moments.queue.first_key_value().is_none_or(|((first, _), _)| moved.to < *first);
        moments.queue.insert((moved.to, address), Arc::downgrade(session));
        let starts = !std::mem::replace(&mut moments.is_running, true);
        drop(moments);
        if starts {
            client.runtime.spawn(watch(Arc::downgrade(client), Arc::clone(&self.earlier)));
        } else if is_earliest {
            self.earlier.notify_one();
        }
    }

    /// Forgets a session that is being dropped, and with it the memory that the timer still reserves for it.
    pub(crate) fn forget(&self, at: Mono, session: &Shared) {
        self.lock().queue.remove(&(at, std::ptr::from_ref(session).addr()));
    }

    /// The sessions that are due, and when the next one will be.
    fn due(&self, now: Mono) -> (Vec<Weak<Shared>>, Option<Mono>) {
        let mut moments = self.lock();
        let mut due = Vec::new();
        while let Some(first) = moments.queue.first_entry() {
            let at = first.key().0;
            if at > now {
                return (due, Some(at));
            }
            due.push(first.remove());
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
            // A crowd that is due at once leaves the thread to others now and then.
            tokio::task::consume_budget().await;
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
