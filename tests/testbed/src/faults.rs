//! Which faults chance brings: a pure function of seed, account, path and how often that account asked for that path.
//!
//! **Invariant:** the order in which accounts and paths are asked for changes nothing, so the same seed gives the same
//! faults whatever the interleaving. Sign-ins and token endpoints are spared unless the scope says otherwise.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::route::Route;
use crate::script::{Action, Point};

/// How many requests in a thousand meet which fault. The sum should stay below 1000.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FaultRates {
    /// Connections reset: before the request is carried out, after it, in the head or in the body.
    pub reset: u16,
    /// Bodies cut short by a close.
    pub truncate: u16,
    /// Bursts of 429 begun, each for one account and path.
    pub throttle: u16,
    /// Answers of 503, half of them with `Retry-After`.
    pub unavailable: u16,
    /// Answers sent late.
    pub delay: u16,
    /// Length of a burst of 429.
    pub throttle_burst: u64,
    /// `Retry-After` of 429 and 503, in seconds.
    pub retry_after: u64,
    /// The longest delay, in milliseconds.
    pub delay_max_ms: u64,
}

/// Which requests seeded faults may hit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum FaultScope {
    /// What needs a session.
    Resources,
    /// What needs a session, asked with a good one: a refusal meets no fault and counts for none.
    Served,
    /// Sign-ins and token endpoints too.
    Everything,
}

/// Draws faults and remembers how often each account asked for each path.
pub(crate) struct Faults {
    seed: u64,
    rates: FaultRates,
    scope: FaultScope,
    asked: HashMap<Arc<str>, HashMap<String, u64>>,
}

impl FaultRates {
    /// No faults.
    pub const fn none() -> Self {
        Self {
            reset: 0,
            truncate: 0,
            throttle: 0,
            unavailable: 0,
            delay: 0,
            throttle_burst: 1,
            retry_after: 1,
            delay_max_ms: 20,
        }
    }

    /// One request in fifteen: an ordinary bad day.
    pub const fn light() -> Self {
        Self { reset: 10, truncate: 5, throttle: 10, unavailable: 10, delay: 30, ..Self::none() }
    }

    /// One request in three.
    pub const fn heavy() -> Self {
        Self { reset: 60, truncate: 40, throttle: 50, unavailable: 50, delay: 100, throttle_burst: 2, ..Self::none() }
    }

    fn any(&self) -> bool {
        self.reset > 0 || self.truncate > 0 || self.throttle > 0 || self.unavailable > 0 || self.delay > 0
    }
}

impl Default for FaultRates {
    fn default() -> Self {
        Self::none()
    }
}

impl Faults {
    pub(crate) fn new(seed: u64, rates: FaultRates, scope: FaultScope) -> Self {
        Self { seed, rates, scope, asked: HashMap::new() }
    }

    /// Changes the rates and counts requests from the beginning.
    pub(crate) fn restart(&mut self, rates: FaultRates) {
        self.rates = rates;
        self.asked.clear();
    }

    /// Whether only requests with a good session can meet one.
    pub(crate) fn spares_refusals(&self) -> bool {
        self.scope == FaultScope::Served
    }

    /// The fault of this request, if it has one.
    pub(crate) fn decide(&mut self, route: Route, account: Option<&Arc<str>>, path: &str) -> Option<Action> {
        if !self.rates.any() || !self.covers(route) {
            return None;
        }
        let account = account.map_or_else(|| Arc::from(""), Arc::clone);
        let asked = self.asked.entry(Arc::clone(&account)).or_default();
        let nth = match asked.get_mut(path) {
            Some(nth) => nth,
            None => asked.entry(path.to_owned()).or_default(),
        };
        *nth += 1;
        let nth = *nth;
        let burst = self.rates.throttle_burst.max(1);
        let is_throttled = (nth.saturating_sub(burst - 1).max(1)..=nth)
            .any(|earlier| self.rates.pick(draw(self.seed, &account, path, earlier)) == Some(Fault::Throttle));
        if is_throttled {
            return Some(Action::Throttle { count: 1, retry_after: self.rates.retry_after });
        }
        let drawn = draw(self.seed, &account, path, nth);
        self.rates.pick(drawn).map(|fault| self.rates.action(fault, mix(drawn)))
    }

    fn covers(&self, route: Route) -> bool {
        match route {
            Route::Resource(..) => true,
            Route::SignIn(_)
            | Route::Token(_)
            | Route::Way(_)
            | Route::Issuer(_)
            | Route::Page(_)
            | Route::Signed(_) => self.scope == FaultScope::Everything,
            Route::Plain | Route::Odd(_) | Route::Redirect(_) | Route::Control | Route::Unknown => false,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Fault {
    Reset,
    Truncate,
    Throttle,
    Unavailable,
    Delay,
}

impl FaultRates {
    fn pick(&self, drawn: u64) -> Option<Fault> {
        let mut below = (drawn % 1000) as u16;
        for (rate, fault) in [
            (self.reset, Fault::Reset),
            (self.truncate, Fault::Truncate),
            (self.throttle, Fault::Throttle),
            (self.unavailable, Fault::Unavailable),
            (self.delay, Fault::Delay),
        ] {
            if below < rate {
                return Some(fault);
            }
            below -= rate;
        }
        None
    }

    fn action(&self, fault: Fault, drawn: u64) -> Action {
        match fault {
            Fault::Reset => {
                Action::Reset { at: [Point::Before, Point::Answered, Point::Head, Point::Body][(drawn % 4) as usize] }
            }
            Fault::Truncate => Action::Truncate { keep: None },
            Fault::Throttle => Action::Throttle { count: 1, retry_after: self.retry_after },
            Fault::Unavailable => Action::Status {
                status: 503,
                headers: match drawn % 2 {
                    0 => BTreeMap::new(),
                    _ => BTreeMap::from([("retry-after".to_owned(), self.retry_after.to_string())]),
                },
                body: "{\"error\":\"unavailable\"}".to_owned(),
            },
            Fault::Delay => Action::Delay { ms: 1 + drawn % self.delay_max_ms.max(1) },
        }
    }
}

fn draw(seed: u64, account: &str, path: &str, nth: u64) -> u64 {
    let text = [account.as_bytes(), &[0], path.as_bytes(), &[0]].concat();
    // FNV-1a takes the text in; the mixer spreads it.
    let hash = text
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3));
    mix(mix(seed ^ hash).wrapping_add(nth))
}

/// The finaliser of SplitMix64.
fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}
