//! How does a program use the sessions of several accounts as one?
//!
//! A [`SessionPool`] hands out [`Pooled`] sessions in turn, each for as long as it is held. What is decided (who is next, who must
//! rest, who waits) is decided by [`hallpass_core::rota`]; here sessions are opened, waiters woken and timers kept.
//!
//! ```no_run
//! # async fn example(client: hallpass::Client, platform: hallpass::Platform) -> Result<(), hallpass::Error> {
//! use hallpass::pool::Policy;
//!
//! let pool = client.pool(&platform).accounts(["alice", "bob"]).policy(Policy::LeastUsed).build().await?;
//! let session = pool.acquire().await?;
//! let answer = session.get("/api/items/1").send().await?;
//! println!("{} from {}", answer.status(), session.account());
//! # Ok(())
//! # }
//! ```

mod builder;
mod machine;
mod open;
mod pooled;
mod waiting;

use std::fmt;
use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use hallpass_core::error::{Error, Kind};
pub use hallpass_core::rota::{MemberStats, Outcome, Policy, Reason, Rules, Stats};

use crate::each::{self, Each};

pub use builder::PoolBuilder;
pub use pooled::Pooled;

use machine::Inner;
pub(crate) use pooled::Link;
use waiting::Waiting;

/// The sessions of several accounts. Cheap to clone; clones are the same pool.
#[derive(Clone)]
pub struct SessionPool {
    inner: Arc<Inner>,
}

impl SessionPool {
    /// A session, whichever is next; waits for one up to the pool's own [limit](PoolBuilder::wait).
    ///
    /// A session that is not open yet is resumed, or signed in with the pool's [credentials](PoolBuilder::credentials); an account
    /// for which that fails is passed over. Dropping the future takes nothing from those that wait behind it, and a future that is not
    /// polled holds up nobody: what it is offered goes to the next, and it keeps its place.
    ///
    /// # Errors
    ///
    /// `pool_exhausted` when none was free in time, `pool_empty` when no account can ever serve, `overloaded` when too many wait,
    /// `closed` when the pool is drained, and what a wrong program is told when a session is opened (`platform_changed` is the
    /// account's, and passed over).
    pub async fn acquire(&self) -> Result<Pooled, Error> {
        self.ask(None, self.inner.wait).await
    }

    /// The session that this key was given before, as long as that can serve; a new key is given one by the pool's policy.
    ///
    /// # Errors
    ///
    /// As [`acquire`](Self::acquire).
    pub async fn acquire_for(&self, key: &str) -> Result<Pooled, Error> {
        self.ask(Some(key), self.inner.wait).await
    }

    /// A session, whichever is next, within this time.
    ///
    /// # Errors
    ///
    /// As [`acquire`](Self::acquire).
    pub async fn acquire_within(&self, limit: Duration) -> Result<Pooled, Error> {
        self.ask(None, limit).await
    }

    /// The session of a key, within this time.
    ///
    /// # Errors
    ///
    /// As [`acquire`](Self::acquire).
    pub async fn acquire_for_within(&self, key: &str, limit: Duration) -> Result<Pooled, Error> {
        self.ask(Some(key), limit).await
    }

    /// Does the work for every item with a session of this pool, at most `concurrency` at once; the outcomes are in the order of the
    /// items. [`Each::run_in`] does the same with a stop rule.
    pub async fn for_each<I, T, E, F, Fut>(&self, items: I, concurrency: usize, work: F) -> Vec<each::Outcome<T, E>>
    where
        I: IntoIterator,
        E: From<Error>,
        F: FnMut(Pooled, I::Item) -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        Each::of(items).concurrency(concurrency).run_in(self, work).await
    }

    /// Adds an account; false when it is one of the pool's already.
    pub fn add(&self, account: &str) -> bool {
        self.inner.with(|machine, now| machine.rota.add(account, now))
    }

    /// Takes an account out of the pool; who holds its session keeps it. False when it is none of the pool's.
    pub fn remove(&self, account: &str) -> bool {
        let change =
            |machine: &mut machine::Machine, now| (machine.sessions.remove(account), machine.rota.remove(account, now));
        let (session, is_removed) = self.inner.with(change);
        drop(session);
        is_removed
    }

    /// Gives an account no more until it is [restored](Self::restore), for this reason, which [`stats`](Self::stats) shows. False when
    /// it is none of the pool's.
    pub fn ban(&self, account: &str, why: &str) -> bool {
        self.inner.with(|machine, now| machine.rota.ban(account, why, now))
    }

    /// Makes an account as good as new, whatever kept it from being given. False when it is none of the pool's.
    pub fn restore(&self, account: &str) -> bool {
        self.inner.with(|machine, now| machine.rota.restore(account, now))
    }

    /// The pool's counters, exact at this moment.
    pub fn stats(&self) -> Stats {
        self.inner.with(|machine, now| machine.rota.stats(now))
    }

    /// Gives no more sessions, waits until those that are out are back, and lets go of all. Who waits for one is told `closed`.
    ///
    /// # Errors
    ///
    /// `timeout` when some are still out after this time; the pool stays drained all the same.
    pub async fn drain(&self, within: Duration) -> Result<(), Error> {
        self.inner.with(|machine, now| machine.rota.drain(now));
        let drained = async {
            loop {
                let heard = self.inner.drained.notified();
                if self.inner.with(|machine, _| machine.is_drained) {
                    return;
                }
                heard.await;
            }
        };
        if tokio::time::timeout(within, drained).await.is_err() {
            let out = self.stats().held;
            return Err(Error::new(Kind::Timeout, format!("{out} sessions of the pool are still out")));
        }
        let sessions = self.inner.with(|machine, _| std::mem::take(&mut machine.sessions));
        drop(sessions);
        Ok(())
    }

    async fn ask(&self, key: Option<&str>, limit: Duration) -> Result<Pooled, Error> {
        let turn = self.inner.with(|machine, now| {
            let turn = machine.rota.acquire(key, now.mono + limit, now);
            machine.wait(turn);
            turn
        });
        let waiting = Waiting { pool: &self.inner, turn };
        let given = poll_fn(|cx| waiting.poll(cx)).await;
        // From here on the turn is the guard's.
        std::mem::forget(waiting);
        given
    }
}

impl fmt::Debug for SessionPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stats = self.stats();
        f.debug_struct("SessionPool")
            .field("accounts", &stats.members.len())
            .field("held", &stats.held)
            .field("waiting", &stats.waiting)
            .finish_non_exhaustive()
    }
}
