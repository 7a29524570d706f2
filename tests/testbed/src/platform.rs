//! What happens to a request: it is counted, faults are decided, and its area answers, all under one lock.
//!
//! ```text
//! exchange ──▶ claimed account ──▶ counted ──▶ script ──▶ seed ──▶ area ──▶ plan (wait, then answer | cut | drop)
//! ```
//!
//! **Invariant:** nothing here waits; waiting and cutting are the service's, by the plan.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::Method;
use sha2::{Digest, Sha256};

use crate::answer::{self, Answer};
use crate::areas::{self, HeldHead, Proofs, Ways};
use crate::body::Payload;
use crate::clock::{Clock, millis};
use crate::codes::Codes;
use crate::config::{Config, Expiry, Registration, Rotation, default_password};
use crate::counters::{Counters, Gauges, bump};
use crate::exchange::{Carried, Exchange};
use crate::faults::Faults;
use crate::grants::{Grants, Term};
use crate::record::Record;
use crate::route::Route;
use crate::script::{Action, Point, Script, header_map, status_code};
use crate::sessions::Sessions;
use crate::stats::Stats;
use crate::wire::{Cut, How, Left};

/// The platform, shared by every connection.
pub(crate) struct Platform {
    pub(crate) gauges: Arc<Gauges>,
    clock: Clock,
    world: Mutex<World>,
}

/// Everything that requests change.
pub(crate) struct World {
    pub(crate) settings: Settings,
    pub(crate) accounts: Accounts,
    pub(crate) grants: Grants,
    pub(crate) sessions: Sessions,
    pub(crate) codes: Codes,
    pub(crate) script: Script,
    pub(crate) faults: Faults,
    pub(crate) counters: Counters,
    pub(crate) record: Record,
    /// How often each of the odd limits was met.
    pub(crate) cycles: HashMap<String, u64>,
    /// Accounts and idempotency keys of writes carried out.
    pub(crate) written: HashSet<(Arc<str>, String)>,
    /// What the 409 handshake asks for.
    pub(crate) handshake: String,
    /// Proofs of possession so far.
    pub(crate) proofs: Proofs,
    /// What further ways to sign in remember.
    pub(crate) ways: Ways,
    /// Signatures so far, each good once.
    pub(crate) signatures: HashSet<String>,
}

/// What can be changed while the platform runs. Lifetimes are milliseconds, as the clock counts.
pub(crate) struct Settings {
    pub(crate) token_lifetime: u64,
    pub(crate) rotation: Rotation,
    pub(crate) session_lifetime: u64,
    pub(crate) session_expiry: Expiry,
}

/// Who may sign in.
pub(crate) struct Accounts {
    passwords: HashMap<Arc<str>, String>,
    registration: Registration,
}

/// What to do about a request.
pub(crate) struct Plan {
    pub(crate) wait: Duration,
    pub(crate) outcome: Outcome,
}

/// How a request ends.
pub(crate) enum Outcome {
    Answer(Answer, Option<Cut>),
    /// Without a byte.
    Drop(How),
}

impl Accounts {
    /// The account of that name.
    pub(crate) fn find(&self, name: &str) -> Option<Arc<str>> {
        match (self.passwords.get_key_value(name), self.registration) {
            (Some((name, _)), _) => Some(Arc::clone(name)),
            (None, Registration::Open) => Some(Arc::from(name)),
            (None, Registration::Closed) => None,
        }
    }

    /// The password that an account was configured with.
    pub(crate) fn password(&self, account: &str) -> Option<String> {
        self.passwords.get(account).cloned()
    }

    /// Whether this is the password of an account that [`find`](Self::find) answered.
    pub(crate) fn is_password(&self, account: &str, password: &str) -> bool {
        match self.passwords.get(account) {
            Some(expected) => expected == password,
            None => default_password(account) == password,
        }
    }
}

impl Platform {
    pub(crate) fn new(config: &Config, port: u16) -> Self {
        let salt = Sha256::new().chain_update(config.seed.to_be_bytes()).chain_update(port.to_be_bytes()).finalize();
        let mut grants = Grants::new(salt.into(), config.access_tokens);
        let handshake = grants.mint("hs");
        let passwords = config.accounts.iter().map(|(name, password)| (Arc::from(name.as_str()), password.clone()));
        let world = World {
            settings: Settings {
                token_lifetime: millis(config.token_lifetime),
                rotation: config.rotation,
                session_lifetime: millis(config.session_lifetime),
                session_expiry: config.session_expiry,
            },
            accounts: Accounts { passwords: passwords.collect(), registration: config.registration },
            grants,
            sessions: Sessions::default(),
            codes: Codes::default(),
            script: Script::default(),
            faults: Faults::new(config.seed, config.faults, config.fault_scope),
            counters: Counters::default(),
            record: Record::default(),
            cycles: HashMap::new(),
            written: HashSet::new(),
            handshake,
            proofs: Proofs::default(),
            ways: Ways::default(),
            signatures: HashSet::new(),
        };
        Self { gauges: Arc::default(), clock: config.clock.clone(), world: Mutex::new(world) }
    }

    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn clock(&self) -> &Clock {
        &self.clock
    }

    pub(crate) fn stats(&self) -> Stats {
        Stats::read(&self.gauges, &self.world().counters)
    }

    pub(crate) fn reset_stats(&self) {
        let mut world = self.world();
        world.counters = Counters::default();
        self.gauges.reset();
    }

    /// Counts the credentials of a request on the plain path, which takes no lock otherwise.
    pub(crate) fn saw(&self, carried: Carried, host: &str) {
        self.world().counters.credentials.saw(carried, host);
    }

    /// What to do about a request.
    pub(crate) fn decide(&self, exchange: &Exchange) -> Plan {
        let now = self.clock.unix_millis();
        let route = Route::of(exchange.path());
        if route == Route::Control {
            return Plan::answer(areas::control(self, exchange, now));
        }
        let mut world = self.world();
        world.record.add(exchange);
        let account = areas::claimed(&world, route, exchange);
        world.counters.arrived(route, exchange, account.as_ref());
        let plan = match world.fault(route, exchange, account.as_ref(), now) {
            Some(action) => world.carry_out(&action, route, exchange, now),
            None => Plan::answer(areas::serve(&mut world, route, exchange, now)),
        };
        if let Outcome::Answer(answer, _) = &plan.outcome {
            bump(&mut world.counters.statuses, answer.status().as_u16());
        }
        plan
    }
}

impl World {
    /// When an access token that is issued now begins and ends.
    pub(crate) fn term(&self, now: u64) -> Term {
        Term { begins: now, ends: now.saturating_add(self.settings.token_lifetime) }
    }

    fn fault(&mut self, route: Route, exchange: &Exchange, account: Option<&Arc<str>>, now: u64) -> Option<Action> {
        let path = exchange.path();
        let is_spared = self.faults.spares_refusals() && areas::is_refused(self, route, exchange, now);
        // Asked even where the script decides: a seed's faults may not depend on a script.
        let seeded = if is_spared { None } else { self.faults.decide(route, account, path) };
        if let Some(action) = self.script.decide(&exchange.method, path, account.map(AsRef::as_ref)) {
            bump(&mut self.counters.scripted, action.kind());
            return Some(action);
        }
        let action = seeded?;
        bump(&mut self.counters.faults, action.kind());
        Some(action)
    }

    fn carry_out(&mut self, action: &Action, route: Route, exchange: &Exchange, now: u64) -> Plan {
        let (how, at, keep) = match action {
            Action::Status { status, headers, body } => {
                let mut answer = answer::text(status_code(*status), body.clone());
                if body.starts_with(['{', '[']) {
                    answer.headers_mut().insert(http::header::CONTENT_TYPE, JSON);
                }
                for (name, value) in header_map(headers).unwrap_or_default() {
                    if let Some(name) = name {
                        answer.headers_mut().insert(name, value);
                    }
                }
                return Plan::answer(answer);
            }
            Action::Throttle { retry_after, .. } => return Plan::answer(answer::throttled(*retry_after)),
            Action::Delay { ms } => {
                let plan = Plan::answer(areas::serve(self, route, exchange, now));
                return Plan { wait: plan.wait.saturating_add(Duration::from_millis(*ms)), ..plan };
            }
            Action::Stall { at } => (How::Stall, *at, None),
            Action::Reset { at } => (How::Reset, *at, None),
            Action::Close { at } => (How::Close, *at, None),
            Action::Truncate { keep } => (How::Close, Point::Body, *keep),
        };
        if at == Point::Before {
            return Plan { wait: Duration::ZERO, outcome: Outcome::Drop(how) };
        }
        let answer = areas::serve(self, route, exchange, now);
        let left = match at {
            Point::Before | Point::Answered => return Plan { wait: Duration::ZERO, outcome: Outcome::Drop(how) },
            Point::Head => Left::Head(SOME_OF_A_HEAD),
            Point::Body => body_cut(&exchange.method, answer.body(), keep),
        };
        let plan = Plan::answer(answer);
        match plan.outcome {
            Outcome::Answer(answer, _) => {
                Plan { wait: plan.wait, outcome: Outcome::Answer(answer, Some(Cut { left, how })) }
            }
            Outcome::Drop(_) => plan,
        }
    }
}

impl Plan {
    fn answer(mut answer: Answer) -> Self {
        let wait = answer.extensions_mut().remove::<HeldHead>().map_or(Duration::ZERO, |held| held.0);
        Self { wait, outcome: Outcome::Answer(answer, None) }
    }
}

/// Where a body is cut; an answer without one is cut in its head, for it would be whole otherwise.
fn body_cut(method: &Method, body: &Payload, keep: Option<u64>) -> Left {
    let keep = match body.length() {
        _ if method == Method::HEAD => return Left::Head(SOME_OF_A_HEAD),
        Some(0) => return Left::Head(SOME_OF_A_HEAD),
        Some(length) => keep.unwrap_or(length / 2).min(length - 1),
        None => keep.unwrap_or(SOME_OF_A_CHUNK),
    };
    Left::Body { matched: 0, keep: usize::try_from(keep).unwrap_or(usize::MAX) }
}

/// `HTTP/1.1 200`: a status line that does not end.
const SOME_OF_A_HEAD: usize = 12;

/// Less than any chunked body that goes on after its first chunk.
const SOME_OF_A_CHUNK: u64 = 4;

const JSON: http::HeaderValue = http::HeaderValue::from_static("application/json");
