//! What the platform counts as it happens; [`Stats`](crate::Stats) is the reading of it.
//!
//! **Invariant:** what needs no account is counted in atomics ([`Gauges`]), everything else under the platform's lock.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use http::Method;

use crate::exchange::{Carried, Exchange};
use crate::identity::Refusal;
use crate::route::Route;

/// Counters that connections and the plain path touch without a lock.
#[derive(Debug, Default)]
pub(crate) struct Gauges {
    pub(crate) accepted: AtomicU64,
    pub(crate) open: AtomicU64,
    pub(crate) used: AtomicU64,
    pub(crate) plain_gets: AtomicU64,
    pub(crate) plain_heads: AtomicU64,
    pub(crate) in_flight: AtomicU64,
    pub(crate) most_in_flight: AtomicU64,
}

/// Counters behind the lock.
#[derive(Default)]
pub(crate) struct Counters {
    pub(crate) requests: u64,
    pub(crate) areas: HashMap<&'static str, u64>,
    pub(crate) routes: HashMap<(Method, (&'static str, &'static str)), u64>,
    pub(crate) statuses: HashMap<u16, u64>,
    pub(crate) accounts: HashMap<Arc<str>, AccountCounters>,
    pub(crate) sign_ins: u64,
    pub(crate) sign_ins_refused: u64,
    pub(crate) token_requests: u64,
    pub(crate) token_requests_refused: u64,
    pub(crate) refresh_reuses: u64,
    pub(crate) grants_killed: u64,
    pub(crate) access_tokens: u64,
    pub(crate) revocations: HashMap<&'static str, u64>,
    pub(crate) refusals: HashMap<&'static str, u64>,
    pub(crate) faults: HashMap<&'static str, u64>,
    pub(crate) scripted: HashMap<&'static str, u64>,
    pub(crate) credentials: CredentialCounters,
    pub(crate) writes: HashMap<String, u64>,
    pub(crate) idempotent_replays: u64,
    pub(crate) proofs: HashMap<&'static str, u64>,
}

#[derive(Clone, Copy, Default)]
pub(crate) struct AccountCounters {
    pub(crate) requests: u64,
    pub(crate) sign_ins: u64,
    pub(crate) token_requests: u64,
    pub(crate) access_tokens: u64,
    pub(crate) refusals: u64,
}

#[derive(Default)]
pub(crate) struct CredentialCounters {
    pub(crate) requests: u64,
    pub(crate) authorization: u64,
    pub(crate) cookie: u64,
    pub(crate) device: u64,
    pub(crate) hosts: HashMap<String, u64>,
}

impl Gauges {
    pub(crate) fn began(&self) {
        let now = self.in_flight.fetch_add(1, Ordering::Relaxed) + 1;
        if now > self.most_in_flight.load(Ordering::Relaxed) {
            self.most_in_flight.fetch_max(now, Ordering::Relaxed);
        }
    }

    pub(crate) fn ended(&self) {
        self.in_flight.fetch_sub(1, Ordering::Relaxed);
    }

    /// Starts counting from zero; what is open or in flight stays counted.
    pub(crate) fn reset(&self) {
        for counter in [&self.accepted, &self.used, &self.plain_gets, &self.plain_heads] {
            counter.store(0, Ordering::Relaxed);
        }
        self.most_in_flight.store(self.in_flight.load(Ordering::Relaxed), Ordering::Relaxed);
    }
}

impl Counters {
    /// A request has arrived whole.
    pub(crate) fn arrived(&mut self, route: Route, exchange: &Exchange, account: Option<&Arc<str>>) {
        self.requests += 1;
        bump(&mut self.areas, route.area());
        bump(&mut self.routes, (exchange.method.clone(), route.pattern()));
        if let Some(account) = account {
            self.account(account).requests += 1;
        }
        self.credentials.saw(exchange.carried(), exchange.host());
    }

    pub(crate) fn account(&mut self, account: &Arc<str>) -> &mut AccountCounters {
        self.accounts.entry(Arc::clone(account)).or_default()
    }

    pub(crate) fn signed_in(&mut self, account: &Arc<str>) {
        self.sign_ins += 1;
        self.account(account).sign_ins += 1;
    }

    pub(crate) fn issued_access_token(&mut self, account: &Arc<str>) {
        self.access_tokens += 1;
        self.account(account).access_tokens += 1;
    }

    pub(crate) fn refused(&mut self, refusal: Refusal, account: Option<&Arc<str>>) {
        bump(&mut self.refusals, refusal.name());
        if let Some(account) = account {
            self.account(account).refusals += 1;
        }
    }

    pub(crate) fn wrote(&mut self, method: &Method, path: &str) {
        bump(&mut self.writes, format!("{method} {path}"));
    }
}

impl CredentialCounters {
    pub(crate) fn saw(&mut self, carried: Carried, host: &str) {
        if !carried.anything() {
            return;
        }
        self.requests += 1;
        self.authorization += u64::from(carried.authorization);
        self.cookie += u64::from(carried.cookie);
        self.device += u64::from(carried.device);
        match self.hosts.get_mut(host) {
            Some(count) => *count += 1,
            None => drop(self.hosts.insert(host.to_owned(), 1)),
        }
    }
}

pub(crate) fn bump<K: Eq + Hash>(counts: &mut HashMap<K, u64>, key: K) {
    *counts.entry(key).or_default() += 1;
}
