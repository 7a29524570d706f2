//! How does the machine tell JavaScript what to do? As one CBOR array of outputs, each an array whose first item says what it is.
//!
//! ```text
//! [0, effect, call | null, kind, deadline ms, …]   run; then by kind:
//!     "exchange": purpose | null, attempt, method, address, headers, body, read
//!         headers: bytes, "name\nvalue\n…", a byte a character; body: null, true (the caller's) or bytes
//!         read: null (stream), a cap, or true (ask `readCap` once the head is there)
//!     "load" | "remove" | "lease": namespace, kind, platform, account
//!     "save": namespace, kind, platform, account, sealed, expected (null: absent, true: any, or a version), idle ms, end ms
//!     "permit": origin, successes
//!     "ask": question, and by question four more:
//!         "second_factor": tries left | null, refused so far, null, null
//!         "authorize": address, address to come back to, null, null
//!         "device_code": code, address, address with the code | null, milliseconds that the code is good
//!         "custom": credentials, null, null, null
//!             credentials: [account id | null, cookies | null, user agent | null, headers, fields], the last two as names and values in turn
//!     "sign": "attempt", purpose | null, attempt, method, address, headers, body, wanted ("none", "sha256", "bytes"), wall ms, account id
//!         | null, generation; or "key"; or "es256", PKCS#8, input
//!     others: nothing
//! [1, effect]                                       abandon
//! [2, call, null]                                   a command was carried out
//! [2, call, [effect, address, verdict, retry at | null, attempts, redirects, generation]]   a call was answered
//! [2, call, lines]                                  it failed (see `fault`)
//! [3, word, number | null, kind | null, call | null, status | null, until | null]   notice
//! [4, deadline ms | null, reason | null]            wait; always the last
//! ```

use std::time::Duration;

use hallpass_core::effect::{BodyWanted, Effect, Exchange, KindName, Owner, ReadBody, SendBody, Sign, SignWork};
use hallpass_core::error::Error;
use hallpass_core::machine::{Answered, Notice, Output, Reason, Reply, Verdict};
use hallpass_core::store::{Expected, RecordKey};
use hallpass_core::time::Mono;
use http::{HeaderMap, Method, Uri};
use minicbor::Encoder;

use crate::fault;

/// What one drain said, as it is written.
pub(crate) struct Drained(pub(crate) Encoder<Vec<u8>>);

/// Writing into memory cannot fail.
pub(crate) type Written = Result<(), minicbor::encode::Error<std::convert::Infallible>>;

impl Default for Drained {
    fn default() -> Self {
        let mut encoder = Encoder::new(Vec::with_capacity(512));
        let _: Written = encoder.begin_array().map(drop);
        Self(encoder)
    }
}

impl Drained {
    /// Adds one output.
    pub(crate) fn push(&mut self, output: &Output) {
        let _: Written = self.write(output);
    }

    /// The buffer.
    pub(crate) fn into_bytes(mut self) -> Vec<u8> {
        let _: Written = self.0.end().map(drop);
        self.0.into_writer()
    }

    fn write(&mut self, output: &Output) -> Written {
        match output {
            Output::Run(effect) => self.effect(effect),
            Output::Abandon(effect) => {
                self.0.array(2)?.u8(1)?.u64(effect.raw())?;
                Ok(())
            }
            Output::Reply(call, reply) => {
                self.0.array(3)?.u8(2)?.u64(call.raw())?;
                match reply {
                    Ok(Reply::Done) => self.0.null().map(drop),
                    Ok(Reply::Answered(answered)) => self.answered(answered),
                    Err(error) => self.error(error),
                }
            }
            Output::Notice(notice) => self.notice(notice),
            Output::Wait(until) => {
                self.0.array(3)?.u8(4)?;
                match until {
                    None => self.0.null()?.null()?,
                    Some((at, reason)) => self.0.f64(ms(*at))?.str(reason_word(*reason))?,
                };
                Ok(())
            }
        }
    }

    fn effect(&mut self, effect: &Effect) -> Written {
        let (kind, deadline, length) = match effect {
            Effect::Exchange(effect) => (KindName::Exchange, effect.deadline, 7),
            Effect::Load(effect) => (KindName::Load, effect.deadline, 4),
            Effect::Save(effect) => (KindName::Save, effect.deadline, 8),
            Effect::Lease(effect) => (KindName::Lease, effect.deadline, 5),
            Effect::Release(effect) => (KindName::Release, effect.deadline, 5),
            Effect::Remove(effect) => (KindName::Remove, effect.deadline, 4),
            Effect::Permit(effect) => (KindName::Permit, effect.deadline, 2),
            Effect::CacheLoad(effect) => (KindName::CacheLoad, effect.deadline, 0),
            Effect::CacheStore(effect) => (KindName::CacheStore, effect.deadline, 0),
            Effect::Sign(effect) => (KindName::Sign, effect.deadline, sign_length(&effect.work)),
            Effect::Ask(effect) => (KindName::Ask, effect.deadline, 5),
        };
        self.0.array(5 + length)?.u8(0)?.u64(effect.id().raw())?;
        match effect.call() {
            Some(call) => self.0.u64(call.raw())?,
            None => self.0.null()?,
        };
        self.0.str(kind_word(kind))?.f64(ms(deadline))?;
        match effect {
            Effect::Exchange(effect) => self.exchange(effect),
            Effect::Load(effect) => self.key(&effect.key),
            Effect::Remove(effect) => self.key(&effect.key),
            Effect::Lease(effect) => {
                self.key(&effect.key)?;
                self.0.f64(effect.hold.as_millis() as f64).map(drop)
            }
            Effect::Release(effect) => {
                self.key(&effect.key)?;
                self.0.u64(effect.number.0).map(drop)
            }
            Effect::Save(effect) => {
                self.key(&effect.key)?;
                self.0.bytes(&effect.sealed)?;
                match effect.expected {
                    Expected::Absent => self.0.null()?,
                    Expected::Any => self.0.bool(true)?,
                    Expected::Version(version) => self.0.u64(version.0)?,
                };
                self.number(effect.expiry.idle.map(|idle| idle.as_millis() as f64))?;
                self.number(effect.expiry.absolute.map(|end| end.as_millis() as f64))
            }
            Effect::Permit(effect) => self.0.str(&effect.origin)?.u32(effect.successes).map(drop),
            Effect::Sign(effect) => self.sign(effect),
            Effect::Ask(effect) => self.question(&effect.question),
            Effect::CacheLoad(_) | Effect::CacheStore(_) => Ok(()),
        }
    }

    fn exchange(&mut self, exchange: &Exchange) -> Written {
        self.owner(exchange.owner)?;
        self.0.u32(exchange.attempt)?;
        self.request(&exchange.method, &exchange.uri, &exchange.headers, &exchange.body)?;
        match &exchange.read {
            ReadBody::Stream => self.0.null()?,
            ReadBody::Whole { cap } => self.0.u64(*cap as u64)?,
            ReadBody::Matching(_) => self.0.bool(true)?,
        };
        Ok(())
    }

    fn sign(&mut self, sign: &Sign) -> Written {
        match &sign.work {
            SignWork::Attempt(unsigned) => {
                self.0.str("attempt")?;
                self.owner(sign.owner)?;
                self.0.u32(unsigned.attempt)?;
                self.request(&unsigned.method, &unsigned.uri, &unsigned.headers, &unsigned.body)?;
                self.0.str(wanted_word(unsigned.wants))?.f64(unsigned.now.as_millis() as f64)?;
                match &unsigned.account_id {
                    Some(id) => self.0.str(id)?,
                    None => self.0.null()?,
                };
                self.0.u64(unsigned.generation)?;
            }
            SignWork::NewKey => {
                self.0.str("key")?;
            }
            SignWork::Es256 { key, input } => {
                self.0.str("es256")?.bytes(&key.pkcs8)?.str(input)?;
            }
        }
        Ok(())
    }

    fn owner(&mut self, owner: Owner) -> Written {
        match owner {
            Owner::Call(_) => self.0.null()?,
            Owner::Session(purpose) => self.0.str(purpose.as_str())?,
        };
        Ok(())
    }

    fn request(&mut self, method: &Method, uri: &Uri, headers: &HeaderMap, body: &SendBody) -> Written {
        self.0.str(method.as_str())?.str(&uri.to_string())?;
        self.0.bytes(&pairs(headers))?;
        match body {
            SendBody::Empty => self.0.null()?,
            SendBody::Callers => self.0.bool(true)?,
            SendBody::Bytes(bytes) => self.0.bytes(bytes)?,
        };
        Ok(())
    }

    fn key(&mut self, key: &RecordKey) -> Written {
        self.0.str(&key.namespace)?.str(key.kind.as_str())?.str(&key.platform)?.str(&key.account)?;
        Ok(())
    }

    fn answered(&mut self, answered: &Answered) -> Written {
        self.0.array(7)?.u64(answered.from.raw())?.str(&answered.uri.to_string())?.str(answered.verdict.as_str())?;
        self.number(match answered.verdict {
            Verdict::Throttled(at) => at.map(|at| at.as_millis() as f64),
            _ => None,
        })?;
        self.0.u32(answered.attempts)?.u32(answered.redirects)?.u64(answered.generation)?;
        Ok(())
    }

    fn error(&mut self, error: &Error) -> Written {
        self.0.str(&fault::text(error)).map(drop)
    }

    fn notice(&mut self, notice: &Notice) -> Written {
        let generation = notice.generation().map(|generation| generation as f64);
        let (number, call, status, until) = match notice {
            Notice::Saved(version) => (Some(version.0 as f64), None, None, None),
            Notice::Retried(call, delay, _) => (Some(millis(*delay)), Some(call.raw()), None, None),
            Notice::NotInspected(call) => (None, Some(call.raw()), None, None),
            Notice::Throttled { call, status, wait, until } => {
                (wait.map(millis), Some(call.raw()), Some(*status), *until)
            }
            _ => (generation, None, None, None),
        };
        self.0.array(7)?.u8(3)?.str(notice.name())?;
        self.number(number)?;
        match notice.kind() {
            Some(kind) => self.0.str(kind.as_str())?,
            None => self.0.null()?,
        };
        self.number(call.map(|call| call as f64))?;
        self.number(status.map(|status| f64::from(status.as_u16())))?;
        self.number(until.map(|until| until.as_millis() as f64))
    }

    pub(crate) fn number(&mut self, number: Option<f64>) -> Written {
        match number {
            Some(number) => self.0.f64(number).map(drop),
            None => self.0.null().map(drop),
        }
    }
}

/// Headers as bytes: names and values in turn, a line each.
pub(crate) fn pairs(headers: &HeaderMap) -> Vec<u8> {
    let mut lines = Vec::with_capacity(256);
    for (name, value) in headers {
        lines.extend_from_slice(name.as_str().as_bytes());
        lines.push(b'\n');
        lines.extend_from_slice(value.as_bytes());
        lines.push(b'\n');
    }
    lines
}

/// The kind of effect that a word names.
pub(crate) fn kind_named(word: &str) -> Option<KindName> {
    KINDS.into_iter().find(|kind| kind_word(*kind) == word)
}

const KINDS: [KindName; 11] = [
    KindName::Exchange,
    KindName::Load,
    KindName::Save,
    KindName::Lease,
    KindName::Release,
    KindName::Remove,
    KindName::Permit,
    KindName::CacheLoad,
    KindName::CacheStore,
    KindName::Sign,
    KindName::Ask,
];

const fn kind_word(kind: KindName) -> &'static str {
    match kind {
        KindName::Exchange => "exchange",
        KindName::Load => "load",
        KindName::Save => "save",
        KindName::Lease => "lease",
        KindName::Release => "release",
        KindName::Remove => "remove",
        KindName::Permit => "permit",
        KindName::CacheLoad => "cache_load",
        KindName::CacheStore => "cache_store",
        KindName::Sign => "sign",
        KindName::Ask => "ask",
    }
}

const fn sign_length(work: &SignWork) -> u64 {
    match work {
        SignWork::Attempt(_) => 11,
        SignWork::NewKey => 1,
        SignWork::Es256 { .. } => 3,
    }
}

const fn wanted_word(wanted: BodyWanted) -> &'static str {
    match wanted {
        BodyWanted::None => "none",
        BodyWanted::Sha256 => "sha256",
        BodyWanted::Bytes => "bytes",
    }
}

const fn reason_word(reason: Reason) -> &'static str {
    match reason {
        Reason::CallDeadline => "call_deadline",
        Reason::Backoff => "backoff",
        Reason::EffectDeadline => "effect_deadline",
        Reason::RenewalWindow => "renewal_window",
        Reason::Save => "save",
        Reason::Drain => "drain",
        Reason::KeepAlive => "keep_alive",
        Reason::Lifetime => "lifetime",
    }
}

fn millis(wait: Duration) -> f64 {
    wait.as_secs_f64() * 1e3
}

pub(crate) fn ms(at: Mono) -> f64 {
    at.as_nanos() as f64 / 1e6
}
