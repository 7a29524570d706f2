//! What a reading of the counters says, as `/stats` sends it.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use serde::{Deserialize, Serialize};

use crate::counters::{AccountCounters, Counters, Gauges};

/// Everything counted since the start or the last reset; requests to `/stats` and `/control/…` are left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Stats {
    /// TCP connections.
    pub connections: ConnectionStats,
    /// Requests whose body arrived whole.
    pub requests: RequestStats,
    /// Sign-ins with a name and a password, and codes traded for tokens; bundles and grants handed out by hand are none.
    pub sign_ins: Accounted,
    /// Requests to token endpoints, good or not.
    pub token_requests: Accounted,
    /// Spent refresh tokens that came back. Zero in a good run.
    pub refresh_reuses: u64,
    /// Grants killed by that.
    pub grants_killed: u64,
    /// Access tokens issued: the generations of each account.
    pub access_tokens: Accounted,
    /// Tokens that clients had revoked: `refresh_token`, `access_token`, or `nothing` where the token was not good.
    #[serde(default)]
    pub revocations: BTreeMap<String, u64>,
    /// Requests for a resource that had no good session.
    pub refusals: RefusalStats,
    /// Seeded faults by kind.
    pub faults: BTreeMap<String, u64>,
    /// Scripted faults by kind.
    pub scripted: BTreeMap<String, u64>,
    /// Requests that carried something to sign them in, good or not.
    pub credentials_seen: CredentialStats,
    /// Writes carried out, by method and path: `POST /api/items/7`.
    pub writes: BTreeMap<String, u64>,
    /// Writes that were not carried out again because their `Idempotency-Key` had been.
    pub idempotent_replays: u64,
    /// Proofs of possession and signatures: `verified`, `nonce_demanded`, `replayed`, or what was wrong; codes of a second factor:
    /// `code_taken`, `code_wrong`, `code_locked`.
    #[serde(default)]
    pub proofs: BTreeMap<String, u64>,
}

/// TCP connections.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ConnectionStats {
    /// Accepted.
    pub accepted: u64,
    /// Open now.
    pub open: u64,
    /// Carried at least one counted request.
    pub used: u64,
}

/// Requests whose body arrived whole.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RequestStats {
    /// All of them.
    pub total: u64,
    /// By area: the first part of the path.
    pub by_area: BTreeMap<String, u64>,
    /// By the account that they claimed.
    pub by_account: BTreeMap<String, u64>,
    /// By method and pattern: `GET /api/items/{n}`.
    pub by_route: BTreeMap<String, u64>,
    /// By the status answered, also where a fault kept it from arriving whole.
    pub by_status: BTreeMap<u16, u64>,
    /// In flight now: from the head's arrival until the answer's last byte is handed to the connection.
    pub concurrent: u64,
    /// Most in flight at once.
    pub max_concurrent: u64,
}

/// A count and the accounts that it is about.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Accounted {
    /// All of them; sign-ins without the refused ones, token requests with them.
    pub total: u64,
    /// Refused.
    pub refused: u64,
    /// By account, where one is known.
    pub by_account: BTreeMap<String, u64>,
}

/// Requests for a resource that had no good session.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RefusalStats {
    /// All of them.
    pub total: u64,
    /// By reason: `missing`, `unknown`, `expired`, `revoked`, `device`, `agent`.
    pub by_reason: BTreeMap<String, u64>,
    /// By the account that they claimed.
    pub by_account: BTreeMap<String, u64>,
}

/// Requests that carried something to sign them in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CredentialStats {
    /// All of them.
    pub requests: u64,
    /// With `Authorization`.
    pub authorization: u64,
    /// With `Cookie`.
    pub cookie: u64,
    /// With `x-bc`.
    pub device: u64,
    /// By the `Host` that they were meant for.
    pub by_host: BTreeMap<String, u64>,
}

impl Stats {
    pub(crate) fn read(gauges: &Gauges, counters: &Counters) -> Self {
        let read = |gauge: &std::sync::atomic::AtomicU64| gauge.load(Ordering::Relaxed);
        let by = |count: fn(&AccountCounters) -> u64| per_account(&counters.accounts, count);
        let mut requests = RequestStats {
            total: counters.requests,
            by_area: sorted(&counters.areas),
            by_account: by(|account| account.requests),
            by_route: counters
                .routes
                .iter()
                .map(|((method, (prefix, leaf)), count)| (format!("{method} {prefix}{leaf}"), *count))
                .collect(),
            by_status: counters.statuses.iter().map(|(status, count)| (*status, *count)).collect(),
            concurrent: read(&gauges.in_flight),
            max_concurrent: read(&gauges.most_in_flight),
        };
        for (method, count) in [("GET", read(&gauges.plain_gets)), ("HEAD", read(&gauges.plain_heads))] {
            if count > 0 {
                requests.total += count;
                *requests.by_area.entry("plain".to_owned()).or_default() += count;
                *requests.by_route.entry(format!("{method} /plain")).or_default() += count;
                *requests.by_status.entry(200).or_default() += count;
            }
        }
        Self {
            connections: ConnectionStats {
                accepted: read(&gauges.accepted),
                open: read(&gauges.open),
                used: read(&gauges.used),
            },
            requests,
            sign_ins: Accounted {
                total: counters.sign_ins,
                refused: counters.sign_ins_refused,
                by_account: by(|account| account.sign_ins),
            },
            token_requests: Accounted {
                total: counters.token_requests,
                refused: counters.token_requests_refused,
                by_account: by(|account| account.token_requests),
            },
            refresh_reuses: counters.refresh_reuses,
            grants_killed: counters.grants_killed,
            access_tokens: Accounted {
                total: counters.access_tokens,
                refused: 0,
                by_account: by(|account| account.access_tokens),
            },
            revocations: sorted(&counters.revocations),
            refusals: RefusalStats {
                total: counters.refusals.values().sum(),
                by_reason: sorted(&counters.refusals),
                by_account: by(|account| account.refusals),
            },
            faults: sorted(&counters.faults),
            scripted: sorted(&counters.scripted),
            credentials_seen: CredentialStats {
                requests: counters.credentials.requests,
                authorization: counters.credentials.authorization,
                cookie: counters.credentials.cookie,
                device: counters.credentials.device,
                by_host: sorted(&counters.credentials.hosts),
            },
            writes: sorted(&counters.writes),
            idempotent_replays: counters.idempotent_replays,
            proofs: sorted(&counters.proofs),
        }
    }
}

fn sorted<K: ToString>(counts: &HashMap<K, u64>) -> BTreeMap<String, u64> {
    counts.iter().map(|(key, count)| (key.to_string(), *count)).collect()
}

fn per_account(
    accounts: &HashMap<Arc<str>, AccountCounters>,
    count: fn(&AccountCounters) -> u64,
) -> BTreeMap<String, u64> {
    accounts
        .iter()
        .map(|(name, counters)| (name.to_string(), count(counters)))
        .filter(|(_, count)| *count > 0)
        .collect()
}
