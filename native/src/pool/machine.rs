//! What is behind a pool's lock: the rota, who waits for it, and the sessions that are open.
//!
//! **Invariant:** nobody is woken and no session dropped under the lock; every change ends with hearing all that the rota says.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::Waker;
use std::time::Duration;

use hallpass_core::error::Error;
use hallpass_core::rota::{Output, Rota, Rules, Turn};
use hallpass_core::seed::Seed;
use hallpass_core::time::{Mono, Now};
use tokio::sync::Notify;

use super::builder::Source;
use crate::client::Client;
use crate::platform::Platform;
use crate::session::Session;

/// One pool, as all its handles and tasks share it.
pub(crate) struct Inner {
    pub(super) client: Client,
    pub(super) platform: Platform,
    pub(super) source: Option<Source>,
    pub(super) wait: Duration,
    pub(super) claim: Duration,
    pub(super) drained: Notify,
    machine: Mutex<Machine>,
    /// Tells the pool's own task that it is to look at the clock earlier.
    earlier: Arc<Notify>,
}

/// What is behind a pool's lock.
pub(crate) struct Machine {
    pub(super) rota: Rota,
    pub(super) turns: HashMap<Turn, Entry>,
    pub(super) sessions: HashMap<String, Session>,
    /// One account is opened by one task at a time.
    pub(super) opening: HashMap<String, Arc<tokio::sync::Mutex<()>>>,
    pub(super) is_drained: bool,
    /// Who is to be woken once the lock is released.
    woken: Vec<Waker>,
    next: Option<Mono>,
}

/// One who waits.
#[derive(Default)]
pub(super) struct Entry {
    pub(super) waker: Option<Waker>,
    pub(super) stage: Stage,
    /// Why the account before could not be opened.
    pub(super) before: Option<String>,
}

/// How far a turn is.
#[derive(Default)]
pub(super) enum Stage {
    /// The rota knows.
    #[default]
    Asking,
    /// A task opens the session that it holds.
    Opening,
    /// It is open, and waits to be taken.
    Open(Session),
    /// There will be none.
    Failed(Error),
}

impl Inner {
    /// A pool, and the task that keeps its time.
    pub(super) fn start(
        client: Client,
        platform: Platform,
        rules: Rules,
        wait: Duration,
        source: Option<Source>,
        seed: &Seed,
    ) -> Arc<Self> {
        let machine = Machine {
            rota: Rota::new(rules, seed),
            turns: HashMap::new(),
            sessions: HashMap::new(),
            opening: HashMap::new(),
            is_drained: false,
            woken: Vec::new(),
            next: None,
        };
        let earlier = Arc::new(Notify::new());
        let runtime = client.inner.runtime.clone();
        let inner = Arc::new(Self {
            client,
            platform,
            source,
            wait,
            claim: rules.claim,
            drained: Notify::new(),
            machine: Mutex::new(machine),
            earlier: Arc::clone(&earlier),
        });
        drop(runtime.spawn(watch(Arc::downgrade(&inner), earlier)));
        inner
    }

    /// Changes the machine, and lets everybody hear what came of it.
    pub(crate) fn with<T>(&self, act: impl FnOnce(&mut Machine, Now) -> T) -> T {
        let now = self.client.inner.clock.now();
        let mut machine = self.lock();
        let value = act(&mut machine, now);
        let before = machine.next;
        let is_drained = machine.heed(now);
        let woken = std::mem::take(&mut machine.woken);
        let is_earlier = machine.next.is_some_and(|next| before.is_none_or(|before| next < before));
        drop(machine);
        woken.into_iter().for_each(Waker::wake);
        if is_drained {
            self.drained.notify_waiters();
        }
        if is_earlier {
            self.earlier.notify_one();
        }
        value
    }

    fn lock(&self) -> MutexGuard<'_, Machine> {
        self.machine.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Machine {
    /// Remembers one who waits.
    pub(super) fn wait(&mut self, turn: Turn) {
        self.turns.insert(turn, Entry::default());
    }

    /// Has one who waits look again.
    pub(super) fn wake(&mut self, turn: Turn) {
        self.woken.extend(self.turns.get_mut(&turn).and_then(|entry| entry.waker.take()));
    }

    /// Hears all that the rota says; whether the last lease has just come back.
    fn heed(&mut self, now: Now) -> bool {
        let mut is_drained = false;
        loop {
            let (turn, failed) = match self.rota.poll(now) {
                Output::Offered(turn) => (turn, None),
                Output::Failed(turn, error) => (turn, Some(error)),
                Output::Drained => {
                    (self.is_drained, is_drained) = (true, true);
                    continue;
                }
                Output::Wait(until) => {
                    self.next = until;
                    return is_drained;
                }
            };
            if let (Some(entry), Some(error)) = (self.turns.get_mut(&turn), failed) {
                entry.stage = Stage::Failed(error);
            }
            self.wake(turn);
        }
    }
}

/// Ends the pool's task with it.
impl Drop for Inner {
    fn drop(&mut self) {
        self.earlier.notify_one();
    }
}

/// Lets the rota look at the clock when it wants to, until the pool is gone.
async fn watch(pool: Weak<Inner>, earlier: Arc<Notify>) {
    loop {
        let Some(strong) = pool.upgrade() else { return };
        strong.with(|_, _| ());
        let next = strong.lock().next.map(|at| strong.client.inner.clock.instant(at));
        drop(strong);
        match next {
            Some(at) => tokio::select! {
                () = tokio::time::sleep_until(at) => {}
                () = earlier.notified() => {}
            },
            None => earlier.notified().await,
        }
    }
}
