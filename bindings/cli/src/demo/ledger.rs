//! What the demo's programs counted, per account, over both of them.
//!
//! **Invariant:** a renewal is counted once, under what caused it: the platform's refusal of the generation before it, or the
//! window ahead of that one's end.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hallpass::{Error, Notice, Stats};
use indicatif::ProgressBar;

/// Counts what happens, and shows it.
pub(super) struct Ledger {
    accounts: Mutex<BTreeMap<String, Line>>,
    progress: ProgressBar,
}

/// One account's counts.
#[derive(Clone, Debug, Default)]
pub(super) struct Line {
    pub(super) served: u64,
    pub(super) failed: u64,
    /// Bodies that broke off and were fetched again.
    pub(super) broke_off: u64,
    pub(super) by_window: u64,
    pub(super) by_refusal: u64,
    pub(super) stats: Stats,
    pub(super) time: Duration,
    /// Generations that the platform refused.
    refused: BTreeSet<u64>,
    pub(super) first_failure: Option<String>,
}

impl Ledger {
    pub(super) fn new(accounts: &[String], progress: ProgressBar) -> Self {
        let lines = accounts.iter().map(|name| (name.clone(), Line::default())).collect();
        Self { accounts: Mutex::new(lines), progress }
    }

    pub(super) fn progress(&self) -> &ProgressBar {
        &self.progress
    }

    /// Hears what happens to an account's session.
    pub(super) fn hear(&self, account: &str, notice: &Notice) {
        let mut lines = self.lock();
        let Some(line) = lines.get_mut(account) else { return };
        match notice {
            Notice::Refused(generation) => {
                line.refused.insert(*generation);
            }
            Notice::Renewed(generation) if line.refused.contains(&generation.saturating_sub(1)) => line.by_refusal += 1,
            Notice::Renewed(_) => line.by_window += 1,
            _ => return,
        }
        let sum = |count: fn(&Line) -> u64| lines.values().map(count).sum::<u64>();
        let (window, refusal) = (sum(|line| line.by_window), sum(|line| line.by_refusal));
        drop(lines);
        self.progress.set_message(format!("renewed {window} ahead of time, {refusal} after a refusal"));
    }

    pub(super) fn served(&self, account: &str) {
        self.count(account, |line| line.served += 1);
        self.progress.inc(1);
    }

    pub(super) fn failed(&self, account: &str, number: u64, error: &Error) {
        self.count(account, |line| {
            line.failed += 1;
            line.first_failure.get_or_insert_with(|| format!("item {number} of {account}: {error}"));
        });
        self.progress.inc(1);
    }

    pub(super) fn broke_off(&self, account: &str) {
        self.count(account, |line| line.broke_off += 1);
    }

    /// Adds what one program's session counted.
    pub(super) fn ended(&self, account: &str, stats: Stats, time: Duration) {
        self.count(account, |line| {
            let all = &mut line.stats;
            all.calls += stats.calls;
            all.attempts += stats.attempts;
            all.retries += stats.retries;
            all.replays += stats.replays;
            all.renewals += stats.renewals;
            all.refusals += stats.refusals;
            all.sign_ins += stats.sign_ins;
            all.restores += stats.restores;
            all.saves += stats.saves;
            all.cache_hits += stats.cache_hits;
            line.time += time;
        });
    }

    /// Every account's counts.
    pub(super) fn lines(&self) -> BTreeMap<String, Line> {
        self.lock().clone()
    }

    fn count(&self, account: &str, change: impl FnOnce(&mut Line)) {
        if let Some(line) = self.lock().get_mut(account) {
            change(line);
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Line>> {
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
