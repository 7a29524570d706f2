//! Which records does a namespace have? Redis is walked once with `SCAN`; pages are taken from what was found.
//!
//! `SCAN` shows whatever is there throughout a walk at least once, so what a walk found, sorted and without repetitions, holds every
//! record that lives through the listing. There is no index beside the records that could disagree with them. **Invariant:** a page
//! names what is live when the page is made. A walk looks at every key of the database.

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::stream::{StreamExt, TryStreamExt, iter};
use redis::{Value, cmd, from_redis_value};
use tokio::time::Instant;

use super::fault::{Fault, Then};
use super::settings::Servers;
use super::wire::{Node, Wire};
use crate::store::{Cursor, Entry, Page, RecordKey, StoreError, Version};

/// Walks that pages are still taken from.
#[derive(Debug, Default)]
pub(super) struct Walks(Mutex<Vec<Walk>>);

#[derive(Clone, Debug)]
struct Walk {
    number: u64,
    /// The digests of the namespace's keys, in order.
    found: Arc<[String]>,
    used: Instant,
}

/// What is under a key that a walk found.
enum Seen {
    Live(Entry),
    Gone,
    Damaged,
}

impl Walks {
    /// One page of a namespace whose keys begin with `start`.
    pub(super) async fn page(
        &self,
        wire: &Wire,
        start: &str,
        namespace: &str,
        after: Option<&Cursor>,
        limit: NonZeroUsize,
    ) -> Result<Page, StoreError> {
        let after = after.map(read_cursor).transpose()?;
        let walk = match after.as_ref().and_then(|(number, _)| self.remembered(*number)) {
            Some(walk) => walk,
            None => Walk { number: number(), found: walk(wire, start).await?, used: Instant::now() },
        };
        let begin = after.map_or(0, |(_, last)| walk.found.partition_point(|digest| *digest <= last));
        let mut page = Page::default();
        let mut seen = iter(walk.found[begin..].iter().cloned())
            .map(|digest| async move { look(wire, start, namespace, &digest).await.map(|seen| (digest, seen)) })
            .buffered(AT_ONCE.min(limit.get()));
        while let Some((digest, seen)) = seen.try_next().await.map_err(|fault| fault.error)? {
            match seen {
                Seen::Live(entry) => page.entries.push(entry),
                Seen::Gone => {}
                Seen::Damaged => page.damaged.push(format!("{start}{{{digest}}}")),
            }
            if page.entries.len() == limit.get() {
                if walk.found.last() != Some(&digest) {
                    page.next = Some(Cursor(format!("{:x}.{digest}", walk.number)));
                }
                break;
            }
        }
        drop(seen);
        self.remember(walk, page.next.is_some());
        Ok(page)
    }

    fn remembered(&self, number: u64) -> Option<Walk> {
        let walks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        walks.iter().find(|walk| walk.number == number).cloned()
    }

    /// Keeps a walk that has more pages, instead of one that was not asked for in a long time or for the longest.
    fn remember(&self, mut walk: Walk, goes_on: bool) {
        let now = Instant::now();
        let mut walks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        walks.retain(|kept| kept.number != walk.number && now.duration_since(kept.used) < KEPT_FOR);
        if goes_on {
            if walks.len() >= KEPT {
                walks.remove(0);
            }
            walk.used = now;
            walks.push(walk);
        }
    }
}

/// The digests of all keys that begin with `start`, in order.
async fn walk(wire: &Wire, start: &str) -> Result<Arc<[String]>, StoreError> {
    let pattern = format!("{}{{*}}", escaped(start));
    let nodes = nodes(wire).await.map_err(|fault| fault.error)?;
    let mut found = BTreeSet::new();
    for node in &nodes {
        let mut cursor = "0".to_owned();
        loop {
            let mut scan = cmd("SCAN");
            scan.arg(&cursor).arg("MATCH").arg(&pattern).arg("COUNT").arg(STEP);
            let answer = wire.ask(&scan, node.as_ref()).await.map_err(|fault| fault.error)?;
            let (next, keys): (String, Vec<Vec<u8>>) = read(answer)?;
            found.extend(keys.iter().filter_map(|key| digest_in(key, start)));
            if next == "0" {
                break;
            }
            cursor = next;
        }
    }
    Ok(found.into_iter().collect())
}

pub(super) async fn count(wire: &Wire, start: &str) -> Result<usize, StoreError> {
    walk(wire, start).await.map(|found| found.len())
}

/// The masters of a cluster, or the one server.
async fn nodes(wire: &Wire) -> Result<Vec<Option<Node>>, Fault> {
    match &wire.settings().servers {
        Servers::One(_) | Servers::Sentinel { .. } => Ok(vec![None]),
        Servers::Cluster(_) => {
            let mut slots = cmd("CLUSTER");
            slots.arg("SLOTS");
            let unread =
                |_| Fault::new(Then::Report, "Redis answered CLUSTER SLOTS with what this store does not read");
            let ranges: Vec<Vec<Value>> = from_redis_value(wire.ask(&slots, None).await?).map_err(unread)?;
            let mut masters = BTreeSet::new();
            for range in ranges {
                let master = range.into_iter().nth(2).unwrap_or_default();
                let master: Vec<Value> = from_redis_value(master).map_err(unread)?;
                let mut parts = master.into_iter();
                let host: String = from_redis_value(parts.next().unwrap_or_default()).map_err(unread)?;
                let port: u16 = from_redis_value(parts.next().unwrap_or_default()).map_err(unread)?;
                masters.insert((host, port));
            }
            Ok(masters.into_iter().map(Some).collect())
        }
    }
}

async fn look(wire: &Wire, start: &str, namespace: &str, digest: &str) -> Result<Seen, Fault> {
    let key = format!("{start}{{{digest}}}");
    let mut fields = cmd("HMGET");
    fields.arg(&key).arg("v").arg("k");
    let answer = match wire.ask(&fields, None).await {
        Ok(answer) => answer,
        Err(Fault { error: StoreError::Damaged(_), .. }) => return Ok(Seen::Damaged),
        Err(fault) => return Err(fault),
    };
    let Ok((version, name)) = from_redis_value::<(Option<u64>, Option<Vec<u8>>)>(answer) else {
        return Ok(Seen::Damaged);
    };
    match (version, name.as_deref().map(RecordKey::decode)) {
        (Some(version), Some(Some(found))) if found.namespace == namespace && found.digest() == digest => {
            Ok(Seen::Live(Entry { key: found, version: Version(version) }))
        }
        (None, None) => {
            let mut exists = cmd("EXISTS");
            exists.arg(&key);
            let is_there = !matches!(wire.ask(&exists, None).await?, Value::Int(0));
            Ok(if is_there { Seen::Damaged } else { Seen::Gone })
        }
        _ => Ok(Seen::Damaged),
    }
}

fn read<T: redis::FromRedisValue>(answer: Value) -> Result<T, StoreError> {
    from_redis_value(answer)
        .map_err(|_| StoreError::Unavailable("Redis answered SCAN with what this store does not read".to_owned()))
}

fn digest_in(key: &[u8], start: &str) -> Option<String> {
    let digest = key.strip_prefix(start.as_bytes())?.strip_prefix(b"{")?.strip_suffix(b"}")?;
    std::str::from_utf8(digest).ok().map(str::to_owned)
}

fn read_cursor(cursor: &Cursor) -> Result<(u64, String), StoreError> {
    let parts = cursor.0.split_once('.').and_then(|(number, digest)| {
        let number = u64::from_str_radix(number, 16).ok()?;
        Some((number, digest.to_owned()))
    });
    parts.ok_or_else(|| StoreError::Unsupported("this cursor is not from this store".to_owned()))
}

/// A number that no walk of another process has by accident; where there is no randomness the cursor is merely walked anew.
fn number() -> u64 {
    getrandom::u64().unwrap_or_default()
}

/// A pattern that matches this text and nothing else.
fn escaped(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len());
    for letter in text.chars() {
        if matches!(letter, '*' | '?' | '[' | ']' | '\\' | '^') {
            pattern.push('\\');
        }
        pattern.push(letter);
    }
    pattern
}

/// Keys that one step of a walk looks at.
const STEP: usize = 1000;
/// Records looked at at the same time.
const AT_ONCE: usize = 64;
const KEPT: usize = 4;
const KEPT_FOR: Duration = Duration::from_secs(60);
