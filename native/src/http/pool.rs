//! Which connection does an exchange get, and what becomes of it afterwards? Pure bookkeeping: no I/O, no clock.
//!
//! ```text
//! acquire ─▶ Reuse ──────────────▶ in use ─release─▶ idle ─acquire─▶ in use …
//!         ├▶ Connect ─connected──▶ in use ─discard─▶ (closing) ─closed─▶ gone
//!         └▶ Wait ─(first in, first out)─▶ Reuse or Connect, granted to the waiter
//! ```
//!
//! What a session does for itself goes before the calls that wait: they may wait for just that.
//!
//! **Invariant:** every counter is exact after each method, `open` is what the operating system would count, and
//! whatever a waiter does not take goes to the next one.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::origin::Origin;
use super::settings::TransportSettings;
use super::timeouts::Turn;

/// What the pool holds, exact at the moment of asking.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct PoolStats {
    /// Connections that exist.
    pub open: usize,
    /// Of these: kept for later use.
    pub idle: usize,
    /// Connections held by an exchange, until its body is read or dropped.
    pub in_use: usize,
    /// Connections being made.
    pub connecting: usize,
    /// Exchanges that wait for a connection because their origin is at its limit.
    pub waiting: usize,
    /// Connections made so far.
    pub created: u64,
    /// How often an idle connection was handed out again.
    pub reused: u64,
    /// Connections that ended so far, whoever closed them.
    pub closed: u64,
}

/// The pool of one transport. `C` is the right to use a connection: dropping it closes the connection.
#[derive(Debug)]
pub(super) struct Pool<C> {
    index: HashMap<Origin, HostId>,
    /// The host that was asked for last, which is looked at before anything is hashed.
    recent: HostId,
    hosts: Vec<Host<C>>,
    vacant: Vec<HostId>,
    rules: Rules,
    counts: PoolStats,
}

/// A place in the pool's table; valid while the host has a connection, an attempt at one or a waiter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct HostId(usize);

/// Tells connections apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ConnectionId(u64);

/// What an exchange gets.
#[derive(Debug)]
pub(super) enum Acquired<C> {
    /// A connection that was idle since then.
    Reuse(C, Instant),
    /// The right to make a connection; ends with `connected` or `failed`.
    Connect(HostId),
    /// A place in the queue.
    Wait(oneshot::Receiver<Granted<C>>),
}

/// What a waiter gets; to be given back (`release`, `discard`, `failed`) if nobody takes it any more.
#[derive(Debug)]
pub(super) enum Granted<C> {
    /// A connection, just released.
    Reuse(C),
    /// The right to make one.
    Connect(HostId),
}

#[derive(Debug)]
struct Host<C> {
    origin: Option<Origin>,
    idle: Vec<Idle<C>>,
    open: usize,
    connecting: usize,
    waiters: VecDeque<oneshot::Sender<Granted<C>>>,
}

#[derive(Debug)]
struct Idle<C> {
    connection: C,
    id: ConnectionId,
    since: Instant,
}

#[derive(Clone, Copy, Debug)]
struct Rules {
    idle_timeout: Duration,
    max_idle: usize,
    max_open: usize,
}

impl<C> Pool<C> {
    pub(super) fn new(settings: &TransportSettings) -> Self {
        let rules = Rules {
            idle_timeout: settings.idle_timeout,
            max_idle: settings.max_idle_per_host,
            max_open: settings.max_per_host.map_or(usize::MAX, std::num::NonZeroUsize::get),
        };
        Self {
            index: HashMap::new(),
            recent: HostId(0),
            hosts: Vec::new(),
            vacant: Vec::new(),
            rules,
            counts: PoolStats::default(),
        }
    }

    /// The most recently used connection, if there is one that has not idled too long and that `fits`, given since when it idles.
    pub(super) fn reuse(
        &mut self,
        origin: &Origin,
        now: Instant,
        fits: impl FnOnce(&C, Instant) -> bool,
    ) -> Option<(C, Instant)> {
        let HostId(place) = self.find(origin)?;
        let limit = self.rules.idle_timeout;
        let is_fit = |idle: &mut Idle<C>| {
            now.saturating_duration_since(idle.since) < limit && fits(&idle.connection, idle.since)
        };
        let idle = self.hosts[place].idle.pop_if(is_fit)?;
        self.counts.idle -= 1;
        self.counts.in_use += 1;
        self.counts.reused += 1;
        Some((idle.connection, idle.since))
    }

    /// Asks for a connection: the most recently used one, if it has not idled too long. Expired ones go to `spent`.
    pub(super) fn acquire(&mut self, origin: &Origin, turn: Turn, now: Instant, spent: &mut Vec<C>) -> Acquired<C> {
        let id = match self.find(origin) {
            Some(id) => id,
            None => self.insert(origin.clone()),
        };
        let host = &mut self.hosts[id.0];
        if let Some(last) = host.idle.pop() {
            if now.saturating_duration_since(last.since) < self.rules.idle_timeout {
                self.counts.idle -= 1;
                self.counts.in_use += 1;
                self.counts.reused += 1;
                return Acquired::Reuse(last.connection, last.since);
            }
            self.counts.idle -= 1 + host.idle.len();
            spent.push(last.connection);
            spent.extend(host.idle.drain(..).map(|idle| idle.connection));
        }
        if host.open + host.connecting < self.rules.max_open {
            host.connecting += 1;
            self.counts.connecting += 1;
            return Acquired::Connect(id);
        }
        let (waiter, place) = oneshot::channel();
        match turn {
            Turn::InOrder => host.waiters.push_back(waiter),
            Turn::First => host.waiters.push_front(waiter),
        }
        self.counts.waiting += 1;
        Acquired::Wait(place)
    }

    /// A connection was made and is in use.
    pub(super) fn connected(&mut self, host: HostId) -> ConnectionId {
        let entry = &mut self.hosts[host.0];
        entry.connecting -= 1;
        entry.open += 1;
        self.counts.connecting -= 1;
        self.counts.open += 1;
        self.counts.in_use += 1;
        self.counts.created += 1;
        ConnectionId(self.counts.created)
    }

    /// A connection could not be made, or is not wanted any more.
    pub(super) fn failed(&mut self, host: HostId) {
        self.hosts[host.0].connecting -= 1;
        self.counts.connecting -= 1;
        self.grant(host);
        self.forget(host);
    }

    /// An exchange is done and its connection fit for another; hands it back if it is one too many.
    #[must_use = "a connection that is handed back must be closed"]
    pub(super) fn release(&mut self, host: HostId, id: ConnectionId, connection: C, now: Instant) -> Option<C> {
        let entry = &mut self.hosts[host.0];
        let mut granted = Granted::Reuse(connection);
        while let Some(waiter) = entry.waiters.pop_front() {
            self.counts.waiting -= 1;
            match waiter.send(granted) {
                Ok(()) => {
                    self.counts.reused += 1;
                    return None;
                }
                Err(back) => granted = back,
            }
        }
        let Granted::Reuse(connection) = granted else { return None };
        self.counts.in_use -= 1;
        if entry.idle.len() >= self.rules.max_idle {
            return Some(connection);
        }
        entry.idle.push(Idle { connection, id, since: now });
        self.counts.idle += 1;
        None
    }

    /// An exchange is done and its connection about to be closed.
    pub(super) fn discard(&mut self) {
        self.counts.in_use -= 1;
    }

    /// A connection ended. Hands back what was kept of it.
    #[must_use = "what is handed back is dropped outside the lock"]
    pub(super) fn closed(&mut self, host: HostId, id: ConnectionId) -> Option<C> {
        let entry = &mut self.hosts[host.0];
        entry.open -= 1;
        self.counts.open -= 1;
        self.counts.closed += 1;
        let kept = entry.idle.iter().position(|idle| idle.id == id).map(|place| entry.idle.remove(place).connection);
        self.counts.idle -= usize::from(kept.is_some());
        self.grant(host);
        self.forget(host);
        kept
    }

    /// A waiter stopped waiting.
    pub(super) fn left(&mut self, origin: &Origin) {
        let Some(id) = self.find(origin) else { return };
        let waiters = &mut self.hosts[id.0].waiters;
        let before = waiters.len();
        waiters.retain(|waiter| !waiter.is_closed());
        self.counts.waiting -= before - waiters.len();
        self.forget(id);
    }

    /// Hands over the connections that have idled too long.
    #[must_use = "what is handed over must be closed"]
    pub(super) fn sweep(&mut self, now: Instant) -> Vec<C> {
        let limit = self.rules.idle_timeout;
        self.remove_idle(|since| now.saturating_duration_since(since) >= limit)
    }

    /// Hands over all idle connections.
    #[must_use = "what is handed over must be closed"]
    pub(super) fn drain(&mut self) -> Vec<C> {
        self.remove_idle(|_| true)
    }

    pub(super) fn stats(&self) -> PoolStats {
        self.counts
    }

    fn remove_idle(&mut self, mut spent: impl FnMut(Instant) -> bool) -> Vec<C> {
        let mut removed = Vec::new();
        for host in &mut self.hosts {
            removed.extend(host.idle.extract_if(.., |idle| spent(idle.since)).map(|idle| idle.connection));
        }
        self.counts.idle -= removed.len();
        removed
    }

    /// Lets the first waiter make a connection, if there is room for one.
    fn grant(&mut self, id: HostId) {
        let host = &mut self.hosts[id.0];
        while host.open + host.connecting < self.rules.max_open {
            let Some(waiter) = host.waiters.pop_front() else { return };
            self.counts.waiting -= 1;
            if waiter.send(Granted::Connect(id)).is_ok() {
                host.connecting += 1;
                self.counts.connecting += 1;
            }
        }
    }

    fn find(&mut self, origin: &Origin) -> Option<HostId> {
        let recent = self.hosts.get(self.recent.0).and_then(|host| host.origin.as_ref());
        if recent != Some(origin) {
            self.recent = *self.index.get(origin)?;
        }
        Some(self.recent)
    }

    fn insert(&mut self, origin: Origin) -> HostId {
        let id = self.vacant.pop().unwrap_or_else(|| {
            self.hosts.push(Host { origin: None, idle: Vec::new(), open: 0, connecting: 0, waiters: VecDeque::new() });
            HostId(self.hosts.len() - 1)
        });
        self.hosts[id.0].origin = Some(origin.clone());
        self.index.insert(origin, id);
        id
    }

    /// Gives the place of a host that has nothing left to the next new one.
    fn forget(&mut self, id: HostId) {
        let host = &mut self.hosts[id.0];
        if host.open + host.connecting + host.waiters.len() == 0
            && let Some(origin) = host.origin.take()
        {
            self.index.remove(&origin);
            self.vacant.push(id);
        }
    }
}

#[cfg(test)]
mod tests;
