//! One process: its session, its program, and the answers on their way to it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use hallpass_core::credentials::Credentials;
use hallpass_core::effect::{CallId, Effect, EffectId, Outcome};
use hallpass_core::error::Error;
use hallpass_core::machine::{Body, Head, Leases, Output, Reply, Session, Settings, State};
use hallpass_core::platform::Compiled;
use hallpass_core::seed::Seed;
use hallpass_core::time::{Mono, Now, Wall};
use http::Method;

use super::issuer::Issuer;
use super::laws::Seen;
use super::rng::Rng;
use crate::dialogue::{START, kept, platform};

/// In what circumstances the processes of a world live.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ways {
    /// Old refresh tokens stay good.
    pub(super) is_lenient: bool,
    /// There is a store.
    pub(super) is_kept: bool,
    /// Renewals go on without it.
    pub(super) is_bold: bool,
    /// It grants leases.
    pub(super) is_leased: bool,
}

/// One process.
#[derive(Debug)]
pub(super) struct Process {
    /// Its session.
    pub(super) session: Session,
    /// What it has seen.
    pub(super) seen: Seen,
    /// Answers on their way, and when they arrive.
    due: Vec<(u64, Arriving)>,
    wake: Option<u64>,
    /// Until when it is stopped, as by SIGSTOP: nothing happens in it.
    stopped_until: u64,
    last_stop: u64,
    /// By how much its civil clock is wrong, in milliseconds.
    skew: i64,
    /// The most that it was set forward by.
    ahead: u64,
    /// Calls and commands that have not ended; a call's deadline.
    open: BTreeMap<CallId, Option<u64>>,
    last: Option<(CallId, Option<Result<Reply, Error>>)>,
    is_closed: bool,
}

/// An answer on its way.
#[derive(Debug)]
pub(super) struct Arriving {
    /// Of which effect.
    pub(super) effect: EffectId,
    /// What it is.
    pub(super) what: Coming,
}

/// What an answer is.
#[derive(Debug)]
pub(super) enum Coming {
    /// This.
    Outcome(Outcome),
    /// What the store says at that moment.
    Store(Effect),
}

impl Process {
    /// A process that knows nothing yet.
    pub(super) fn new(seed: u64, ways: Ways) -> Self {
        let Ways { is_lenient, is_kept, is_bold, is_leased } = ways;
        let rules = format!(
            r#""sign_in": {{"oauth2_refresh": {{}}}}, "renew": {{"token_url": "/token", "reuse_safe": {is_lenient}}}"#
        );
        let compiled = Arc::new(Compiled::new(platform(&rules)).expect("a valid platform"));
        let mut settings = if is_kept { kept() } else { Settings::default() };
        if let Some(persist) = &mut settings.persist {
            persist.leases = if is_leased { Leases::Granted } else { Leases::NotNeeded };
        }
        let settings = Settings { renew_without_store: is_bold, trace: true, ..settings };
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_be_bytes());
        let session = Session::new(compiled, "alice", settings, Seed::new(bytes), moment(0, 0));
        let seen = Seen::new(is_kept, is_bold, is_lenient);
        Self {
            session,
            seen,
            due: Vec::new(),
            wake: None,
            stopped_until: 0,
            last_stop: 0,
            skew: 0,
            ahead: 0,
            open: BTreeMap::new(),
            last: None,
            is_closed: false,
        }
    }

    /// When something is due.
    pub(super) fn next(&self) -> Option<u64> {
        self.due.iter().map(|(at, _)| *at).chain(self.wake).min().map(|at| at.max(self.stopped_until))
    }

    /// Stops it until this moment; one that is over lets it go on.
    pub(super) fn stop(&mut self, until: u64) {
        self.stopped_until = until;
        self.last_stop = self.last_stop.max(until);
    }

    /// Sets its civil clock so far off.
    pub(super) fn set_clock(&mut self, skew: i64) {
        self.ahead += (skew - self.skew).max(0).cast_unsigned();
        self.skew = skew;
    }

    /// The present moment, as its clocks show it.
    fn now(&self, at: u64) -> Now {
        moment(at, self.skew)
    }

    /// One of the answers that are due, whichever.
    pub(super) fn take_due(&mut self, at: u64, rng: &mut Rng) -> Option<Arriving> {
        let due: Vec<usize> = (0..self.due.len()).filter(|index| self.due[*index].0 <= at).collect();
        if due.is_empty() {
            return None;
        }
        Some(self.due.swap_remove(due[rng.below(due.len() as u64) as usize]).1)
    }

    /// An answer will arrive.
    pub(super) fn expect(&mut self, at: u64, effect: EffectId, what: Coming) {
        self.due.push((at, Arriving { effect, what }));
    }

    /// An answer arrives.
    pub(super) fn answer(&mut self, effect: EffectId, outcome: Outcome, at: u64) {
        let before = self.session.generation();
        let refresh = new_refresh_token(&outcome);
        if let Outcome::Save(result) = &outcome {
            self.seen.save_ended(effect, result.is_ok());
        }
        // A session that has gone on without it says so, and that is all.
        let _ = self.session.finish(effect, outcome, self.now(at));
        self.seen.answered(effect, refresh, (before, self.session.generation()));
    }

    /// Everything that the session has to say; answers the effects.
    pub(super) fn drain(&mut self, at: u64, lifetime: u64) -> Vec<Effect> {
        let mut effects: Vec<Effect> = Vec::new();
        for polls in 0.. {
            assert!(polls < 100_000, "polling does not end");
            match self.session.poll(moment(at, self.skew)) {
                Output::Run(effect) => {
                    match &effect {
                        Effect::Exchange(exchange) => {
                            self.seen.leaves(exchange, &self.session, at, (lifetime, self.ahead));
                        }
                        Effect::Save(_) => self.seen.saves(effect.id(), self.session.generation()),
                        _ => {}
                    }
                    effects.push(effect);
                }
                Output::Abandon(effect) => {
                    self.seen.save_ended(effect, false);
                    effects.retain(|pending| pending.id() != effect);
                    // Abandoned work may be done all the same: the store's above all.
                    self.due.retain(|(_, coming)| coming.effect != effect || matches!(coming.what, Coming::Store(_)));
                }
                Output::Reply(call, reply) => self.ended(call, reply, at),
                Output::Notice(notice) => self.seen.noticed(&notice),
                Output::Wait(until) => {
                    self.wake = until.map(|(until, _)| until.as_nanos().div_ceil(1_000_000));
                    assert!(self.wake.is_none_or(|wake| wake > at), "it waits for what is over");
                    return effects;
                }
            }
        }
        effects
    }

    fn ended(&mut self, call: CallId, reply: Result<Reply, Error>, at: u64) {
        let deadline = self.open.remove(&call).expect("every call ends once");
        assert!(deadline.is_none_or(|deadline| at <= deadline.max(self.last_stop)), "{call:?} ends after its deadline");
        if let Ok(Reply::Answered(answered)) = &reply {
            self.seen.served += u64::from(answered.status.is_success());
        }
        if let Some((last, slot)) = &mut self.last
            && *last == call
        {
            *slot = Some(reply);
        }
    }

    /// The program does something.
    pub(super) fn act(&mut self, rng: &mut Rng, issuer: &mut Issuer, at: u64) {
        let needs_session = matches!(self.session.state(), State::Fresh | State::Expired | State::Rejected);
        if self.is_closed || at < self.stopped_until {
            return;
        }
        let now = self.now(at);
        let command = match rng.below(100) {
            0..=24 if needs_session => self.session.sign_in(Credentials::refresh_token(issuer.grant()), now),
            25..=39 if needs_session => self.session.resume(now),
            0 => self.session.sign_in(Credentials::refresh_token(issuer.grant()), now),
            1 => self.session.sign_in(Credentials::refresh_token("nobody's"), now),
            2..=5 => {
                self.seen.forces();
                self.session.renew(now)
            }
            6..=9 => self.session.save(now),
            10..=17 => {
                if let Some(call) = self.open.keys().nth(rng.below(8) as usize) {
                    self.session.cancel(*call, now);
                }
                return;
            }
            _ => return self.begin(rng, at),
        };
        self.open.insert(command, None);
    }

    fn begin(&mut self, rng: &mut Rng, at: u64) {
        let path = if rng.percent(5) { "https://cdn.example/y" } else { "/x" };
        let mut head = Head::get(self.session.compiled().resolve(path).expect("an address"));
        if rng.percent(30) {
            head.method = Method::POST;
            head.body = if rng.percent(30) { Body::Once } else { Body::Replayable };
        }
        let timeout = [500, 5_000, 60_000][rng.below(3) as usize];
        head.options.timeout = Some(Duration::from_millis(timeout));
        let call = self.session.call(head, self.now(at));
        self.open.insert(call, Some(at + timeout));
    }

    /// Calls and commands that have not ended.
    pub(super) fn open(&self) -> usize {
        assert_eq!(self.open.len(), self.session.pending());
        self.open.len()
    }

    /// Sends a call to see what the session is good for.
    pub(super) fn check_use(&mut self, at: u64) {
        let head = Head::get(self.session.compiled().resolve("/x").expect("an address"));
        let call = self.session.call(head, self.now(at));
        self.open.insert(call, Some(at + 60_000));
        self.last = Some((call, None));
    }

    /// That the call was answered, or that the session has ended.
    pub(super) fn was_of_use(&self) {
        let reply = self.last.as_ref().and_then(|(_, reply)| reply.as_ref()).expect("the call has ended");
        let has_ended = matches!(self.session.state(), State::Fresh | State::Expired | State::Rejected);
        match reply {
            Ok(Reply::Answered(_)) => {}
            Ok(Reply::Done) => panic!("a call is answered"),
            Err(error) => assert!(has_ended, "{:?} is of no use: {error}", self.session.state()),
        }
    }

    /// Closes the session.
    pub(super) fn close(&mut self, at: u64) {
        self.is_closed = true;
        let close = self.session.close(self.now(at));
        self.open.insert(close, None);
        self.last = Some((close, None));
    }

    /// That it is closed, saved, and done with.
    pub(super) fn has_closed(&self) {
        let reply = self.last.as_ref().and_then(|(_, reply)| reply.as_ref()).expect("closing has ended");
        assert!(reply.is_ok(), "{reply:?}");
        assert_eq!((self.session.state(), self.session.pending()), (State::Closed, 0));
        assert!(self.wake.is_none(), "it waits for something after its end");
    }
}

fn moment(at: u64, skew: i64) -> Now {
    Now::new(Mono::from_nanos(at * 1_000_000), Wall::from_millis(START + at.cast_signed() + skew))
}

fn new_refresh_token(outcome: &Outcome) -> Option<String> {
    let Outcome::Exchange(Ok(arrival)) = outcome else { return None };
    let document: serde_json::Value = serde_json::from_slice(arrival.body.as_ref()?).ok()?;
    Some(document.get("refresh_token")?.as_str()?.to_owned())
}
