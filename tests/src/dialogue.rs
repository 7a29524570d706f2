//! What does a bare session say, step by step? A script's side of the talk: time that moves when told, and a store on a shelf.
//!
//! **Invariant:** nothing here decides anything; permits are granted and the shelf answers at once unless the script says otherwise.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write as _;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hallpass_core::credentials::Credentials;
use hallpass_core::effect::{
    Arrival, CallId, Effect, EffectId, Exchange, Failure, FailureKind, Outcome, Owner, PermitAnswer, Purpose, Sent,
};
use hallpass_core::envelope::Keyring;
use hallpass_core::error::Error;
use hallpass_core::machine::{Head, Leases, Notice, Output, Persist, Reply, Session, Settings};
use hallpass_core::platform::{Compiled, Platform};
use hallpass_core::seed::Seed;
use hallpass_core::store::{Expected, LeaseNumber, Record, RecordKey, StoreError, Version};
use hallpass_core::time::{Mono, Now, Wall};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};

/// One session and the script that talks with it.
#[derive(Debug)]
pub struct Pair {
    /// The session.
    pub session: Session,
    /// The present moment.
    pub now: Now,
    /// Effects that were put out and wait for the script.
    pub effects: VecDeque<Effect>,
    /// Replies that the script has not looked at.
    pub replies: BTreeMap<u64, Result<Reply, Error>>,
    /// Every notice so far.
    pub notices: Vec<Notice>,
    /// Every effect that was abandoned.
    pub abandoned: Vec<EffectId>,
    /// The store.
    pub shelf: Shelf,
    /// What permits are answered; `None`: not at all.
    pub permits: Option<PermitAnswer>,
    /// When the session wants to be polled again.
    pub wait: Option<Mono>,
    /// Everything that was put out, as `Debug` shows it.
    pub shown: String,
}

/// A store for scripts: records that several sessions share.
#[derive(Clone, Debug, Default)]
pub struct Shelf {
    records: Rc<RefCell<BTreeMap<Vec<u8>, Record>>>,
    /// Which leases are held; a script's lease ends only when it is let go.
    leases: Rc<RefCell<HeldLeases>>,
    /// How it behaves towards the session that holds this handle.
    pub mode: Mode,
}

#[derive(Debug, Default)]
struct HeldLeases {
    last: u64,
    held: BTreeMap<Vec<u8>, LeaseNumber>,
}

/// How a shelf behaves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// It answers at once.
    #[default]
    Up,
    /// Every operation fails as unavailable.
    Down,
    /// The script answers.
    Held,
}

impl Shelf {
    /// An empty store that behaves like this.
    pub fn in_mode(mode: Mode) -> Self {
        Self { mode, ..Self::default() }
    }

    /// The one record, if there is one.
    pub fn record(&self) -> Option<Record> {
        self.records.borrow().values().next().cloned()
    }

    /// Saves a record as another process would, over whatever is there.
    pub fn put(&self, key: &RecordKey, sealed: Vec<u8>) {
        let mut records = self.records.borrow_mut();
        let held = records.get(&key.encode()).map(|record| record.version).unwrap_or_default();
        records.insert(key.encode(), Record { version: Version(held.0 + 1), sealed });
    }

    /// Takes the lease of a key, as another process would.
    pub fn take_lease(&self, key: &RecordKey) -> Option<LeaseNumber> {
        let mut leases = self.leases.borrow_mut();
        leases.last += 1;
        let (key, number) = (key.encode(), LeaseNumber(leases.last));
        (!leases.held.contains_key(&key)).then(|| {
            leases.held.insert(key, number);
            number
        })
    }

    /// Ends the lease of a key, whoever holds it.
    pub fn end_lease(&self, key: &RecordKey) {
        self.leases.borrow_mut().held.remove(&key.encode());
    }

    /// Replaces the sealed bytes of every record.
    pub fn damage(&self, bytes: &[u8]) {
        for record in self.records.borrow_mut().values_mut() {
            record.sealed = bytes.to_vec();
        }
    }

    /// Performs a store effect; `None` for any other kind.
    pub fn perform(&self, effect: &Effect) -> Option<Outcome> {
        let away = || StoreError::Unavailable("the shelf is away".to_owned());
        let is_away = self.mode == Mode::Down;
        let mut records = self.records.borrow_mut();
        Some(match effect {
            Effect::Load(_) if is_away => Outcome::Load(Err(away())),
            Effect::Save(_) if is_away => Outcome::Save(Err(away())),
            Effect::Remove(_) if is_away => Outcome::Remove(Err(away())),
            Effect::Lease(_) if is_away => Outcome::Lease(Err(away())),
            Effect::Release(_) if is_away => Outcome::Release(Err(away())),
            Effect::Lease(lease) => Outcome::Lease(Ok(self.take_lease(&lease.key))),
            Effect::Release(release) => {
                let held = &mut self.leases.borrow_mut().held;
                let key = release.key.encode();
                let was_held = held.get(&key) == Some(&release.number);
                if was_held {
                    held.remove(&key);
                }
                Outcome::Release(Ok(was_held))
            }
            Effect::Load(load) => Outcome::Load(Ok(records.get(&load.key.encode()).cloned())),
            Effect::Save(save) => {
                let key = save.key.encode();
                let held = records.get(&key).map(|record| record.version);
                let fits = match save.expected {
                    Expected::Absent => held.is_none(),
                    Expected::Version(version) => held == Some(version),
                    Expected::Any => true,
                };
                if !fits {
                    return Some(Outcome::Save(Err(StoreError::Conflict(held))));
                }
                let version = Version(held.unwrap_or_default().0 + 1);
                records.insert(key, Record { version, sealed: save.sealed.clone() });
                Outcome::Save(Ok(version))
            }
            Effect::Remove(remove) => {
                records.remove(&remove.key.encode());
                Outcome::Remove(Ok(()))
            }
            Effect::Exchange(_)
            | Effect::Permit(_)
            | Effect::CacheLoad(_)
            | Effect::CacheStore(_)
            | Effect::Sign(_)
            | Effect::Ask(_) => return None,
        })
    }
}

impl Pair {
    /// A session of this platform (JSON without `id` and `base_url`) that is kept nowhere.
    pub fn new(rest: &str) -> Self {
        Self::with(platform(rest), Settings::default(), Shelf::default())
    }

    /// The same, kept on this shelf.
    pub fn kept(rest: &str, shelf: &Shelf) -> Self {
        Self::with(platform(rest), kept(), shelf.clone())
    }

    /// The same with settings of the script's own.
    pub fn with(platform: Platform, settings: Settings, shelf: Shelf) -> Self {
        Self::seeded([7; 32], platform, settings, shelf)
    }

    /// The same with a seed of the script's own.
    pub fn seeded(seed: [u8; 32], platform: Platform, settings: Settings, shelf: Shelf) -> Self {
        let now = Now::new(Mono::from_nanos(1_000_000_000), Wall::from_millis(START));
        let compiled = Arc::new(Compiled::new(platform).expect("a valid platform"));
        Self {
            session: Session::new(compiled, "alice", settings, Seed::new(seed), now),
            now,
            effects: VecDeque::new(),
            replies: BTreeMap::new(),
            notices: Vec::new(),
            abandoned: Vec::new(),
            shelf,
            permits: Some(PermitAnswer::Granted),
            wait: None,
            shown: String::new(),
        }
    }

    /// Begins a sign-in.
    pub fn sign_in(&mut self, credentials: Credentials) -> CallId {
        let id = self.session.sign_in(credentials, self.now);
        self.drain();
        id
    }

    /// Begins a GET of a path or an address.
    pub fn get(&mut self, path: &str) -> CallId {
        self.call(self.head(Method::GET, path))
    }

    /// A head for a call.
    pub fn head(&self, method: Method, path: &str) -> Head {
        Head::new(method, self.session.compiled().resolve(path).expect("an address"))
    }

    /// Begins a call.
    pub fn call(&mut self, head: Head) -> CallId {
        let id = self.session.call(head, self.now);
        self.drain();
        id
    }

    /// Cancels a call.
    pub fn cancel(&mut self, call: CallId) {
        self.session.cancel(call, self.now);
        self.drain();
    }

    /// Runs a command of the session.
    pub fn command(&mut self, command: impl FnOnce(&mut Session, Now) -> CallId) -> CallId {
        let id = command(&mut self.session, self.now);
        self.drain();
        id
    }

    /// Takes everything that the session has to say at this moment.
    pub fn drain(&mut self) {
        loop {
            let output = self.session.poll(self.now);
            let _ = writeln!(self.shown, "{output:?}");
            match output {
                Output::Run(effect) => self.run(effect),
                Output::Abandon(effect) => {
                    self.effects.retain(|pending| pending.id() != effect);
                    self.abandoned.push(effect);
                }
                Output::Reply(call, reply) => {
                    if let Err(error) = &reply {
                        let _ = writeln!(self.shown, "{error}");
                    }
                    assert!(self.replies.insert(call.raw(), reply).is_none(), "a second reply to {call:?}");
                }
                Output::Notice(notice) => self.notices.push(notice),
                Output::Wait(until) => {
                    self.wait = until.map(|until| until.0);
                    return;
                }
            }
        }
    }

    fn run(&mut self, effect: Effect) {
        let outcome = match (&effect, self.permits) {
            (Effect::Permit(_), Some(answer)) => Some(Outcome::Permit(answer)),
            _ if self.shelf.mode == Mode::Held => None,
            _ => self.shelf.perform(&effect),
        };
        match outcome {
            Some(outcome) => self.session.finish(effect.id(), outcome, self.now).expect("an effect that waits"),
            None => self.effects.push_back(effect),
        }
    }

    /// Lets time pass, waking the session whenever it wants to be.
    pub fn advance(&mut self, by: Duration) {
        let end = self.now.mono + by;
        loop {
            self.drain();
            match self.wait {
                Some(wake) if wake <= end => self.jump(wake),
                _ => break,
            }
        }
        self.jump(end);
        self.drain();
    }

    fn jump(&mut self, to: Mono) {
        let by = to.since(self.now.mono);
        self.now.mono = to;
        let nanos = to.as_nanos() - 1_000_000_000;
        let _ = by;
        self.now.wall = Wall::from_millis(START + (nanos / 1_000_000).cast_signed());
    }

    /// The oldest exchange that waits.
    pub fn exchange(&mut self) -> Exchange {
        let at = self.effects.iter().position(|effect| matches!(effect, Effect::Exchange(_)));
        match at.and_then(|at| self.effects.remove(at)) {
            Some(Effect::Exchange(exchange)) => *exchange,
            _ => panic!("no exchange waits; {:?}", self.effects),
        }
    }

    /// The oldest exchange that the session makes for this purpose.
    pub fn own(&mut self, purpose: Purpose) -> Exchange {
        let exchange = self.exchange();
        assert_eq!(exchange.owner, Owner::Session(purpose));
        exchange
    }

    /// Takes the oldest effect that is no exchange.
    pub fn other(&mut self) -> Effect {
        let at = self.effects.iter().position(|effect| !matches!(effect, Effect::Exchange(_)));
        at.and_then(|at| self.effects.remove(at)).expect("an effect that is no exchange")
    }

    /// Whether nothing waits for the script.
    pub fn is_idle(&self) -> bool {
        self.effects.is_empty()
    }

    /// Answers an exchange.
    pub fn answer(&mut self, exchange: Exchange, status: u16, headers: &[(&str, &str)], body: &str) {
        self.session.complete(exchange.ticket, Ok(arrival(status, headers, body)), self.now);
        self.drain();
    }

    /// Fails an exchange.
    pub fn fail(&mut self, exchange: Exchange, kind: FailureKind, sent: Sent) {
        self.session.complete(exchange.ticket, Err(Failure::new(kind, sent, "it broke")), self.now);
        self.drain();
    }

    /// Performs a store effect that was held.
    pub fn perform(&mut self, effect: &Effect) {
        let shelf = Shelf { mode: Mode::Up, ..self.shelf.clone() };
        let outcome = shelf.perform(effect).expect("a store effect");
        self.finish(effect.id(), outcome);
    }

    /// Answers an effect by its id.
    pub fn finish(&mut self, effect: EffectId, outcome: Outcome) {
        self.session.finish(effect, outcome, self.now).expect("an effect that waits");
        self.drain();
    }

    /// The reply to a call or command, which must have come.
    pub fn reply(&mut self, call: CallId) -> Result<Reply, Error> {
        self.replies.remove(&call.raw()).unwrap_or_else(|| panic!("{call:?} has no reply yet"))
    }

    /// Whether a call or command was replied to.
    pub fn has_reply(&self, call: CallId) -> bool {
        self.replies.contains_key(&call.raw())
    }

    /// The status with which a call was answered.
    pub fn status(&mut self, call: CallId) -> u16 {
        let reply = self.reply(call).unwrap_or_else(|error| panic!("{call:?} failed: {error}"));
        reply.answered().expect("an answer").status.as_u16()
    }

    /// The kind of the error with which a call or command ended.
    pub fn error(&mut self, call: CallId) -> &'static str {
        match self.reply(call) {
            Err(error) => error.kind(),
            Ok(reply) => panic!("{call:?} ended well: {reply:?}"),
        }
    }

    /// That a command was carried out.
    pub fn done(&mut self, command: CallId) {
        if let Err(error) = self.reply(command) {
            panic!("{command:?} failed: {error}");
        }
    }
}

/// A platform at `https://api.example` with the id `p`, from the rest of its JSON.
pub fn platform(rest: &str) -> Platform {
    let text = format!(r#"{{"id": "p", "base_url": "https://api.example", {rest}}}"#);
    Platform::from_json(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// Settings of a session that is kept under a fixed key.
pub fn kept() -> Settings {
    let keyring = Arc::new(Keyring::new("k1", [9; 32]).expect("a valid id"));
    Settings {
        persist: Some(Persist { keyring, namespace: "tests".to_owned(), leases: Leases::NotNeeded }),
        ..Settings::default()
    }
}

/// An answer that was read whole.
pub fn arrival(status: u16, headers: &[(&str, &str)], body: &str) -> Arrival {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        let name: HeaderName = name.parse().expect("a header name");
        map.append(name, HeaderValue::from_str(value).expect("a header value"));
    }
    let status = StatusCode::from_u16(status).expect("a status");
    Arrival::whole(status, map, Bytes::copy_from_slice(body.as_bytes()))
}

/// A token endpoint's answer: tokens `a<n>` and `r<n>` that last so many seconds.
pub fn tokens(number: u32, lifetime: u32) -> String {
    format!(r#"{{"access_token": "a{number}", "refresh_token": "r{number}", "expires_in": {lifetime}}}"#)
}

/// The unix time at which scripts begin, in milliseconds.
pub const START: i64 = 1_760_000_000_000;
