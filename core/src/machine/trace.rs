//! What a session did, a line a step, the same in every runtime that drives it through the same scenario.

use std::fmt::Write as _;

use http::HeaderMap;
use sha2::{Digest, Sha256};

use super::output::{Answered, Notice, Output, Reply, Verdict};
use super::table::SLOT_BITS;
use crate::effect::{CallId, Effect, Exchange, Outcome, Owner, PermitAnswer, SendBody, Sign, SignWork};
use crate::store::{Expected, Version};
use crate::time::{Mono, Now};

/// Lines not taken yet; none where tracing is off.
#[derive(Debug)]
pub(super) struct Trace(Option<Box<Written>>);

#[derive(Debug)]
struct Written {
    start: Mono,
    lines: Vec<String>,
}

impl Written {
    fn tell(&mut self, told: &str, now: Now) {
        self.lines.push(format!("{} {told}", at(self.start, now)));
    }
}

impl Trace {
    pub(super) fn new(is_on: bool, now: Now) -> Self {
        Self(is_on.then(|| Box::new(Written { start: now.mono, lines: Vec::new() })))
    }

    pub(super) fn take(&mut self) -> Vec<String> {
        self.0.as_mut().map(|written| std::mem::take(&mut written.lines)).unwrap_or_default()
    }

    pub(super) fn output(&mut self, output: &Output, now: Now) {
        let Some(written) = &mut self.0 else { return };
        let told = match output {
            Output::Run(effect) => format!("run {}", effect_line(effect)),
            Output::Abandon(_) => "abandon".to_owned(),
            Output::Reply(call, Ok(Reply::Done)) => format!("reply {} done", number(*call)),
            Output::Reply(call, Ok(Reply::Answered(answered))) => {
                format!("reply {} {}", number(*call), answer_line(answered))
            }
            Output::Reply(call, Err(error)) => format!("reply {} error {}", number(*call), error.kind()),
            Output::Notice(notice) => format!("notice {}", notice_line(notice)),
            Output::Wait(_) => return,
        };
        written.tell(&told, now);
    }

    pub(super) fn answer(&mut self, outcome: &Outcome, now: Now) {
        let Some(written) = &mut self.0 else { return };
        let told = match outcome {
            Outcome::Exchange(Ok(arrival)) => format!("exchange {}", arrival.status.as_u16()),
            Outcome::Exchange(Err(failure)) => format!("exchange {}", failure.kind.error_kind().as_str()),
            Outcome::Load(Ok(Some(record))) => format!("load {} {}", record.version.0, digest(&record.sealed)),
            Outcome::Load(Ok(None)) => "load absent".to_owned(),
            Outcome::Save(Ok(version)) => format!("save {}", version.0),
            Outcome::Load(Err(_))
            | Outcome::Save(Err(_))
            | Outcome::Remove(Err(_))
            | Outcome::Lease(Err(_))
            | Outcome::Release(Err(_)) => "store error".to_owned(),
            Outcome::Lease(Ok(grant)) => format!("lease {}", if grant.is_some() { "granted" } else { "held" }),
            Outcome::Release(Ok(was_held)) => format!("release {}", if *was_held { "held" } else { "gone" }),
            Outcome::Remove(Ok(())) => "remove".to_owned(),
            Outcome::Permit(PermitAnswer::Granted) => "permit granted".to_owned(),
            Outcome::Permit(PermitAnswer::Denied) => "permit denied".to_owned(),
            Outcome::CacheLoad(cached) => format!("cache {}", if cached.is_some() { "hit" } else { "miss" }),
            Outcome::CacheStore(kept) => format!("cache {}", if *kept { "kept" } else { "not kept" }),
            Outcome::Sign(result) => format!("sign {}", if result.is_ok() { "signed" } else { "declined" }),
            Outcome::Ask(result) => format!("ask {}", result.as_ref().map_or("declined", |answer| answer.as_str())),
        };
        written.tell(&format!("answer {told}"), now);
    }
}

/// Virtual milliseconds since the session was made.
fn at(start: Mono, now: Now) -> u128 {
    now.mono.since(start).as_millis()
}

fn number(call: CallId) -> String {
    format!("c{}", call.raw() >> SLOT_BITS)
}

fn effect_line(effect: &Effect) -> String {
    match effect {
        Effect::Exchange(exchange) => exchange_line(exchange),
        Effect::Load(_) => "load".to_owned(),
        Effect::Save(save) => match save.expected {
            Expected::Absent => format!("save first {}", digest(&save.sealed)),
            Expected::Version(Version(number)) => format!("save over={number} {}", digest(&save.sealed)),
            Expected::Any => format!("save any {}", digest(&save.sealed)),
        },
        Effect::Lease(_) => "lease".to_owned(),
        Effect::Release(_) => "release".to_owned(),
        Effect::Remove(_) => "remove".to_owned(),
        Effect::Permit(permit) => format!("permit {} successes={}", number(permit.call), permit.successes),
        Effect::CacheLoad(load) => format!("cache_load {}", number(load.call)),
        Effect::CacheStore(store) => format!("cache_store {}", number(store.call)),
        Effect::Sign(sign) => sign_line(sign),
        Effect::Ask(ask) => format!("ask {}", ask.question.as_str()),
    }
}

fn exchange_line(exchange: &Exchange) -> String {
    format!(
        "exchange {} {} {} head={} attempt={} generation={}",
        owner(exchange.owner),
        exchange.method,
        exchange.uri.path(),
        head_digest(exchange),
        exchange.attempt,
        exchange.generation,
    )
}

fn owner(owner: Owner) -> String {
    match owner {
        Owner::Call(call) => number(call),
        Owner::Session(purpose) => purpose.as_str().to_owned(),
    }
}

fn sign_line(sign: &Sign) -> String {
    let owner = owner(sign.owner);
    match &sign.work {
        SignWork::Attempt(attempt) => {
            let head = digest(head_text(&attempt.method, &attempt.uri, &attempt.headers).as_bytes());
            format!("sign {owner} attempt head={head} attempt={} generation={}", attempt.attempt, attempt.generation)
        }
        SignWork::NewKey => format!("sign {owner} key"),
        SignWork::Es256 { input, .. } => format!("sign {owner} es256 {}", digest(input.as_bytes())),
    }
}

/// A digest of everything that is sent: method, address, headers in order of their names, body.
fn head_digest(exchange: &Exchange) -> String {
    let mut bytes = head_text(&exchange.method, &exchange.uri, &exchange.headers).into_bytes();
    match &exchange.body {
        SendBody::Empty => {}
        SendBody::Callers => bytes.extend_from_slice(b"\ncaller's"),
        SendBody::Bytes(body) => bytes.extend_from_slice(body),
    }
    digest(&bytes)
}

fn head_text(method: &http::Method, uri: &http::Uri, headers: &HeaderMap) -> String {
    let mut text = format!("{method} {uri}\n");
    let mut names: Vec<_> = headers.keys().map(http::HeaderName::as_str).collect();
    names.sort_unstable();
    for name in names {
        for value in headers.get_all(name) {
            let _ = writeln!(text, "{name}: {}", String::from_utf8_lossy(value.as_bytes()));
        }
    }
    text
}

fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().take(8).fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn answer_line(answered: &Answered) -> String {
    let retry_at = match answered.verdict {
        Verdict::Throttled(Some(at)) => format!(" retry_at={}", at.as_millis()),
        _ => String::new(),
    };
    format!(
        "{} {} attempts={} redirects={} generation={} headers={}{retry_at}",
        answered.status.as_u16(),
        answered.verdict.as_str(),
        answered.attempts,
        answered.redirects,
        answered.generation,
        header_names(&answered.headers),
    )
}

fn header_names(headers: &HeaderMap) -> usize {
    headers.keys_len()
}

fn notice_line(notice: &Notice) -> String {
    let name = notice.name();
    if let Some(generation) = notice.generation() {
        return format!("{name} {generation}");
    }
    match notice {
        Notice::Saved(version) => format!("{name} {}", version.0),
        Notice::Retried(call, delay, kind) => {
            format!("{name} {} {} {}", number(*call), delay.as_millis(), kind.as_str())
        }
        Notice::Throttled { call, status, wait, until } => {
            let mut line = format!("{name} {} {}", number(*call), status.as_u16());
            if let (Some(wait), Some(until)) = (wait, until) {
                let _ = write!(line, " {} until={}", wait.as_millis(), until.as_millis());
            }
            line
        }
        Notice::NotInspected(call) => format!("{name} {}", number(*call)),
        other => match other.kind() {
            Some(kind) => format!("{name} {}", kind.as_str()),
            None => name.to_owned(),
        },
    }
}
