//! What the demo came to: the table, the same as JSON, and whether the platform's counts agree with ours.

use std::collections::BTreeMap;
use std::time::Duration;

use comfy_table::{CellAlignment, Table, presets};
use hallpass_testbed::Stats;
use serde::Serialize;

use super::ledger::{Ledger, Line};
use crate::args::Demo;
use crate::commands::say;
use crate::outcome::Failure;

/// What the demo came to; these are the names in its JSON.
#[derive(Debug, Serialize)]
pub(super) struct Closing {
    passed: bool,
    problems: Vec<String>,
    seed: u64,
    resources_per_account: u64,
    fetched_before_restart: u64,
    accounts: Vec<Account>,
    platform: Counted,
    time_ms: u64,
}

#[derive(Debug, Serialize)]
struct Account {
    #[serde(rename = "account")]
    name: String,
    served: u64,
    failed: u64,
    calls: u64,
    attempts: u64,
    retries: u64,
    replays: u64,
    fetched_again: u64,
    renewals: u64,
    renewals_by_window: u64,
    renewals_by_refusal: u64,
    sign_ins: u64,
    resumes: u64,
    cache_hits: u64,
    time_ms: u64,
}

/// What the platform counted.
#[derive(Debug, Serialize)]
struct Counted {
    sign_ins: u64,
    token_requests: u64,
    refresh_token_reuses: u64,
    grants_killed: u64,
    refusals: u64,
    requests: u64,
    connections: u64,
    faults: BTreeMap<String, u64>,
}

impl Closing {
    pub(super) fn new(seed: u64, resources: u64, half: u64, ledger: &Ledger, stats: &Stats, time: Duration) -> Self {
        let lines = ledger.lines();
        let problems = problems(&lines, resources, stats);
        Self {
            passed: problems.is_empty(),
            problems,
            seed,
            resources_per_account: resources,
            fetched_before_restart: half,
            accounts: lines.into_iter().map(|(name, line)| Account::new(name, &line)).collect(),
            platform: Counted {
                sign_ins: stats.sign_ins.total,
                token_requests: stats.token_requests.total,
                refresh_token_reuses: stats.refresh_reuses,
                grants_killed: stats.grants_killed,
                refusals: stats.refusals.total,
                requests: stats.requests.total,
                connections: stats.connections.used,
                faults: stats.faults.clone(),
            },
            time_ms: millis(time),
        }
    }

    pub(super) fn holds(&self) -> bool {
        self.passed
    }

    pub(super) fn problems(&self) -> &[String] {
        &self.problems
    }

    pub(super) fn print(&self, wanted: &Demo) -> Result<(), Failure> {
        if wanted.json {
            // Maps with text keys, texts and numbers can always be written.
            return say(&serde_json::to_string_pretty(self).unwrap_or_default());
        }
        say(&self.table().to_string())?;
        let Counted { sign_ins, token_requests, refresh_token_reuses, grants_killed, refusals, .. } = &self.platform;
        let faults: Vec<_> = self.platform.faults.iter().map(|(kind, count)| format!("{kind} {count}")).collect();
        say(&format!(
            "the platform counted: sign-ins {sign_ins}, token requests {token_requests}, refresh-token reuses \
             {refresh_token_reuses}, grants killed {grants_killed}, refusals {refusals}"
        ))?;
        let sum = |count: fn(&Account) -> u64| self.accounts.iter().map(count).sum::<u64>();
        let (ahead, after) = (sum(|line| line.renewals_by_window), sum(|line| line.renewals_by_refusal));
        say(&format!(
            "renewals: {ahead} ahead of the token's end, {after} after one was refused ({refusals} calls noticed)"
        ))?;
        let again = sum(|line| line.fetched_again);
        if again > 0 {
            say(&format!("{again} bodies broke off and were fetched again: those are calls beyond the served ones"))?;
        }
        say(&format!("faults by kind: {} (again with --seed {})", faults.join(", "), self.seed))
    }

    fn table(&self) -> Table {
        let mut table = Table::new();
        table.load_style(presets::UTF8_FULL_CONDENSED);
        table.set_header([
            "account",
            "served",
            "calls",
            "attempts",
            "retries",
            "renewals",
            "sign-ins",
            "resumes",
            "cache hits",
            "time",
        ]);
        for column in table.column_iter_mut().skip(1) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        for line in &self.accounts {
            table.add_row([
                line.name.clone(),
                line.served.to_string(),
                line.calls.to_string(),
                line.attempts.to_string(),
                line.retries.to_string(),
                line.renewals.to_string(),
                line.sign_ins.to_string(),
                line.resumes.to_string(),
                line.cache_hits.to_string(),
                format!("{:.1} s", Duration::from_millis(line.time_ms).as_secs_f64()),
            ]);
        }
        table
    }
}

impl Account {
    fn new(name: String, line: &Line) -> Self {
        Self {
            name,
            served: line.served,
            failed: line.failed,
            calls: line.stats.calls,
            attempts: line.stats.attempts,
            retries: line.stats.retries,
            replays: line.stats.replays,
            fetched_again: line.broke_off,
            renewals: line.stats.renewals,
            renewals_by_window: line.by_window,
            renewals_by_refusal: line.by_refusal,
            sign_ins: line.stats.sign_ins,
            resumes: line.stats.restores,
            cache_hits: line.stats.cache_hits,
            time_ms: millis(line.time),
        }
    }
}

/// Whatever is not as it should be.
fn problems(lines: &BTreeMap<String, Line>, resources: u64, stats: &Stats) -> Vec<String> {
    let mut problems = Vec::new();
    let mut expect = |what: &str, ours: u64, theirs: u64| {
        if ours != theirs {
            problems.push(format!("{what}: {theirs} instead of {ours}"));
        }
    };
    for (account, line) in lines {
        let signed_in = stats.sign_ins.by_account.get(account).copied().unwrap_or(0);
        let renewed = stats.token_requests.by_account.get(account).copied().unwrap_or(0);
        expect(&format!("resources served to {account}"), resources, line.served);
        expect(&format!("sign-ins that the platform counted for {account}"), 1, signed_in);
        expect(&format!("sign-ins that {account} counted"), 1, line.stats.sign_ins);
        expect(&format!("resumes that {account} counted"), 1, line.stats.restores);
        expect(&format!("token requests that the platform counted for {account}"), line.stats.renewals, renewed);
        expect(&format!("causes of {account}'s renewals"), line.stats.renewals, line.by_window + line.by_refusal);
    }
    expect("sign-ins that the platform counted", lines.len() as u64, stats.sign_ins.total);
    expect("spent refresh tokens that came back", 0, stats.refresh_reuses);
    expect("grants killed", 0, stats.grants_killed);
    problems.extend(lines.values().filter_map(|line| line.first_failure.clone()));
    problems
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
