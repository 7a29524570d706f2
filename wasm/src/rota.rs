//! Which account's session is next? The core's rota as JavaScript holds it.
//!
//! [`Rota::poll`] and [`Rota::stats`] answer with CBOR, as sessions do:
//!
//! ```text
//! poll: one array of
//!     [0, turn]                 offered
//!     [1, turn, lines]          failed (see `fault`)
//!     [2]                       drained
//!     [3, moment ms | null]     wait; always the last
//! stats: [asked, offers, claims, withdrawn, passed, released, cancelled, exhausted, empty, turned away, waiting, offered, held,
//!     [[account, reason | null, until ms | null, why | null, health, leases, uses, good, neutral, failed, throttled, expired, banned], …]]
//! ```

use std::time::Duration;

use hallpass_core::error::{Error, Kind, Retry};
use hallpass_core::machine::Verdict;
use hallpass_core::rota::{self, Claim, MemberStats, Outcome, Output, Policy, Rules, Stats, Turn};
use hallpass_core::seed::Seed;
use hallpass_core::time::Wall;
use minicbor::Encoder;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::fault::{self, misuse, thrown};
use crate::session::{mono, now};

/// Several accounts, handed out in turns. A turn is a number that [`acquire`](Self::acquire) gives.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Rota(rota::Rota);

type Written = Result<(), minicbor::encode::Error<std::convert::Infallible>>;

#[wasm_bindgen]
impl Rota {
    /// A rota without accounts. The numbers are concurrent leases, uses, age, rest, cool-down, pause (the last four in milliseconds)
    /// and how many may wait; NaN for what the core has. `seed` is 32 bytes of a cryptographic generator.
    #[wasm_bindgen(constructor)]
    pub fn new(policy: &str, numbers: &[f64], seed: &[u8]) -> Result<Self, JsValue> {
        let seed = Seed::new(seed.try_into().map_err(|_| misuse("a seed has 32 bytes"))?);
        let policy = match policy {
            "round_robin" => Policy::RoundRobin,
            "least_used" => Policy::LeastUsed,
            "sticky" => Policy::Sticky,
            _ => {
                let what = "a pool's policy is `round_robin`, `least_used` or `sticky`";
                return Err(thrown(&Error::new(Kind::ConfigInvalid, what)));
            }
        };
        let number = |place: usize| numbers.get(place).copied().filter(|number| !number.is_nan());
        let time = |place: usize| number(place).map(|ms| Duration::from_millis(ms as u64));
        let own = Rules::default();
        let rules = Rules {
            policy,
            concurrent: number(0).map_or(own.concurrent, |number| number as u32),
            uses: number(1).map(|number| number as u64),
            age: time(2),
            rest: time(3),
            cool_down: time(4).unwrap_or(own.cool_down),
            pause: time(5).unwrap_or(own.pause),
            waiting: number(6).map_or(own.waiting, |number| number as usize),
            ..own
        };
        Ok(Self(rota::Rota::new(rules, &seed)))
    }

    /// Adds an account; false when it is there already.
    pub fn add(&mut self, account: &str, mono_ms: f64, wall_ms: f64) -> bool {
        self.0.add(account, now(mono_ms, wall_ms))
    }

    /// Takes an account out; false when it is not there.
    pub fn remove(&mut self, account: &str, mono_ms: f64, wall_ms: f64) -> bool {
        self.0.remove(account, now(mono_ms, wall_ms))
    }

    /// Gives an account no more; false when it is not there.
    pub fn ban(&mut self, account: &str, why: &str, mono_ms: f64, wall_ms: f64) -> bool {
        self.0.ban(account, why, now(mono_ms, wall_ms))
    }

    /// Makes an account as good as new; false when it is not there.
    pub fn restore(&mut self, account: &str, mono_ms: f64, wall_ms: f64) -> bool {
        self.0.restore(account, now(mono_ms, wall_ms))
    }

    /// Gives no more.
    pub fn drain(&mut self, mono_ms: f64, wall_ms: f64) {
        self.0.drain(now(mono_ms, wall_ms));
    }

    /// Asks for a session until a moment; the turn.
    #[expect(clippy::needless_pass_by_value, reason = "wasm-bindgen takes optional strings by value only")]
    pub fn acquire(&mut self, key: Option<String>, deadline_ms: f64, mono_ms: f64, wall_ms: f64) -> f64 {
        self.0.acquire(key.as_deref(), mono(deadline_ms), now(mono_ms, wall_ms)).raw() as f64
    }

    /// Takes what a turn was offered: the account, or nothing where it waits or has ended.
    pub fn claim(&mut self, turn: f64, mono_ms: f64, wall_ms: f64) -> Option<String> {
        match self.0.claim(id(turn), now(mono_ms, wall_ms)) {
            Claim::Held(account) => Some(account.as_ref().to_owned()),
            Claim::Waiting | Claim::Over => None,
        }
    }

    /// Gives up a turn, or gives its lease back.
    pub fn cancel(&mut self, turn: f64, mono_ms: f64, wall_ms: f64) {
        self.0.cancel(id(turn), now(mono_ms, wall_ms));
    }

    /// What a call of this lease showed: an outcome, a verdict or an error's kind, and until when to wait (NaN where nobody says).
    pub fn learn(&mut self, turn: f64, word: &str, until_ms: f64, mono_ms: f64, wall_ms: f64) {
        self.0.learn(id(turn), outcome(word, until_ms), now(mono_ms, wall_ms));
    }

    /// What the program says of this lease, in the same words.
    pub fn tell(&mut self, turn: f64, word: &str, until_ms: f64, mono_ms: f64, wall_ms: f64) {
        self.0.tell(id(turn), outcome(word, until_ms), now(mono_ms, wall_ms));
    }

    /// Passes an account over that could not be opened, for an error's kind; false where the program is at fault, and is to be told.
    pub fn pass(&mut self, turn: f64, word: &str, until_ms: f64, mono_ms: f64, wall_ms: f64) -> bool {
        let outcome = outcome(word, until_ms);
        let is_passed = outcome != Outcome::Neutral;
        if is_passed {
            self.0.pass(id(turn), outcome, now(mono_ms, wall_ms));
        }
        is_passed
    }

    /// Gives a lease back.
    pub fn release(&mut self, turn: f64, mono_ms: f64, wall_ms: f64) {
        self.0.release(id(turn), now(mono_ms, wall_ms));
    }

    /// What it says now.
    pub fn poll(&mut self, mono_ms: f64, wall_ms: f64) -> Vec<u8> {
        let mut encoder = Encoder::new(Vec::with_capacity(64));
        let _: Written = said(&mut encoder, &mut self.0, now(mono_ms, wall_ms));
        encoder.into_writer()
    }

    /// Its counters.
    pub fn stats(&self, mono_ms: f64, wall_ms: f64) -> Vec<u8> {
        let mut encoder = Encoder::new(Vec::with_capacity(256));
        let _: Written = counted(&mut encoder, &self.0.stats(now(mono_ms, wall_ms)));
        encoder.into_writer()
    }
}

fn id(turn: f64) -> Turn {
    Turn::from_raw(turn as u64)
}

/// What a word stands for; one that is no outcome, verdict or kind says nothing about a session.
fn outcome(word: &str, until_ms: f64) -> Outcome {
    let until = (!until_ms.is_nan()).then(|| Wall::from_millis(until_ms as i64));
    let verdicts = [
        Verdict::Served,
        Verdict::Declined,
        Verdict::Refused,
        Verdict::Rejected,
        Verdict::Throttled(until),
        Verdict::Failed,
    ];
    let verdict = || verdicts.into_iter().find(|verdict| verdict.as_str() == word).map(Outcome::of_verdict);
    let kind = || {
        let error = Error::new(*Kind::ALL.iter().find(|kind| kind.as_str() == word)?, "");
        Some(Outcome::of_error(&match until {
            Some(at) => error.with_retry(Retry::After(at)),
            None => error,
        }))
    };
    Outcome::parse(word, until).or_else(verdict).or_else(kind).unwrap_or(Outcome::Neutral)
}

fn said(encoder: &mut Encoder<Vec<u8>>, rota: &mut rota::Rota, now: hallpass_core::time::Now) -> Written {
    encoder.begin_array()?;
    loop {
        match rota.poll(now) {
            Output::Offered(turn) => encoder.array(2)?.u8(0)?.u64(turn.raw())?,
            Output::Failed(turn, error) => encoder.array(3)?.u8(1)?.u64(turn.raw())?.str(&fault::text(&error))?,
            Output::Drained => encoder.array(1)?.u8(2)?,
            Output::Wait(until) => {
                encoder.array(2)?.u8(3)?;
                optional(encoder, until.map(|at| at.as_nanos() as f64 / 1e6))?;
                return encoder.end().map(drop);
            }
        };
    }
}

fn counted(encoder: &mut Encoder<Vec<u8>>, stats: &Stats) -> Written {
    encoder.array(14)?;
    let ended = [stats.released, stats.cancelled, stats.exhausted, stats.empty, stats.turned_away];
    let present = [stats.waiting as u64, stats.offered as u64, stats.held as u64];
    let given = [stats.asked, stats.offers, stats.claims, stats.withdrawn, stats.passed];
    for count in given.into_iter().chain(ended).chain(present) {
        encoder.u64(count)?;
    }
    encoder.array(stats.members.len() as u64)?;
    stats.members.iter().try_for_each(|member| one(encoder, member))
}

fn one(encoder: &mut Encoder<Vec<u8>>, member: &MemberStats) -> Written {
    encoder.array(13)?.str(&member.account)?;
    text(encoder, member.reason.map(rota::Reason::as_str))?;
    optional(encoder, member.until.map(|at| at.as_millis() as f64))?;
    text(encoder, member.why.as_deref())?;
    encoder.u16(member.health)?.u32(member.leases)?;
    for count in
        [member.uses, member.good, member.neutral, member.failed, member.throttled, member.expired, member.banned]
    {
        encoder.u64(count)?;
    }
    Ok(())
}

fn optional(encoder: &mut Encoder<Vec<u8>>, number: Option<f64>) -> Written {
    match number {
        Some(number) => encoder.f64(number).map(drop),
        None => encoder.null().map(drop),
    }
}

fn text(encoder: &mut Encoder<Vec<u8>>, text: Option<&str>) -> Written {
    match text {
        Some(text) => encoder.str(text).map(drop),
        None => encoder.null().map(drop),
    }
}
