//! Signatures on the way to the wire: an exchange is held until its proof and the program's signer have given their headers.
//!
//! ```text
//! built ──DPoP, no key──▶ Key ──▶ Proof ──▶ Program ──▶ leaves
//!   └──────DPoP─────────────────────▲         ▲
//!   └──────────[signer] only──────────────────┘
//! ```
//!
//! **Invariant:** nothing is signed for an origin that the platform does not name, every attempt is signed anew, and an exchange
//! that is not signed never leaves. What a proof says is told in `dpop.rs`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};

use super::answers::Asker;
use super::call::{Body, Call};
use super::calls::shown;
use super::life::Phase;
use super::seldom::Emptied;
use super::session::Session;
use crate::effect::{
    BodyWanted, CallId, Declined, Effect, EffectId, Exchange, Failure, FailureKind, KindName, Owner, Sent, Sign,
    SignWork, Signed, Ticket, Unsigned,
};
use crate::error::{Error, Kind};
use crate::platform::Signer;
use crate::time::Now;

/// An exchange that waits for a signature.
#[derive(Debug)]
pub(super) struct Held {
    exchange: Box<Exchange>,
    sign: EffectId,
    stage: Stage,
}

impl Emptied for BTreeMap<u64, Held> {
    const EMPTY: Self = Self::new();

    fn nothing() -> &'static Self {
        static NOTHING: BTreeMap<u64, Held> = <BTreeMap<u64, Held>>::EMPTY;
        &NOTHING
    }

    fn is_empty(&self) -> bool {
        Self::is_empty(self)
    }
}

/// What a held exchange waits for.
#[derive(Debug)]
enum Stage {
    /// The session's key.
    Key,
    /// The signature over this proof.
    Proof(String),
    /// The program's signer.
    Program,
}

/// How long a key or a proof may take.
const OWN_KEY: Duration = Duration::from_secs(10);

impl Session {
    /// Whether attempts to the platform leave signed.
    pub(super) fn signs(&self) -> bool {
        self.dpop.is_some() || self.program_signs().is_some()
    }

    /// The rules of the program's signer, where there is one and the platform wants it.
    fn program_signs(&self) -> Option<&Signer> {
        if self.settings.signer { self.compiled.platform().signer.as_ref() } else { None }
    }

    /// Why this session cannot be used: the platform wants signatures and the program has no signer.
    pub(super) fn lacks_signer(&self) -> Option<Error> {
        let wants = self.compiled.platform().signer.as_ref().is_some_and(|signer| signer.required);
        (wants && !self.settings.signer).then(|| {
            let what = "this platform wants its requests signed (`signer` in its file), and the program gave no signer";
            Error::new(Kind::ConfigInvalid, what)
        })
    }

    /// Why a call cannot be signed: the signer wants to see a body that can be sent only once.
    pub(super) fn cannot_sign(&self, call: &Call) -> Option<Error> {
        let wants = self.program_signs().map_or(BodyWanted::None, |signer| signer.body);
        (wants != BodyWanted::None && call.head.body == Body::Once).then(|| {
            let what = "the signer must see the body, which can be sent only once; give it as bytes";
            Error::new(Kind::BodyNotSignable, what)
        })
    }

    /// Sends an exchange to an origin of the platform on its way, by whoever is to sign it.
    pub(super) fn sign(&mut self, exchange: Box<Exchange>, now: Now) {
        if !self.wants_proof(&exchange) {
            return self.sign_by_program(exchange, now);
        }
        let (work, stage) = match self.tokens.key.clone() {
            None => (SignWork::NewKey, Stage::Key),
            Some(key) => {
                let input = self.proof_input(&exchange, &key, now);
                (SignWork::Es256 { key, input: input.clone() }, Stage::Proof(input))
            }
        };
        self.hold(exchange, work, stage, OWN_KEY, now);
    }

    fn sign_by_program(&mut self, exchange: Box<Exchange>, now: Now) {
        let rules = self.program_signs().filter(|signer| exchange.owner.call().is_some() || signer.own);
        let Some((wants, timeout)) = rules.map(|signer| (signer.body, signer.timeout)) else {
            return self.leave(exchange, now);
        };
        let unsigned = Box::new(Unsigned {
            method: exchange.method.clone(),
            uri: exchange.uri.clone(),
            headers: exchange.headers.clone(),
            now: now.wall,
            account: self.account.as_ref().to_owned(),
            account_id: self.tokens.account_id.clone(),
            generation: exchange.generation,
            attempt: exchange.attempt,
            wants,
            body: exchange.body.clone(),
        });
        self.hold(exchange, SignWork::Attempt(unsigned), Stage::Program, timeout, now);
    }

    fn hold(&mut self, exchange: Box<Exchange>, work: SignWork, stage: Stage, wait: Duration, now: Now) {
        let (owner, name) = (exchange.owner, exchange.ticket.id());
        let (sign, deadline) = self.expect(KindName::Sign, Asker::Sign(name), wait, now);
        self.held.insert(name.raw(), Held { exchange, sign, stage });
        self.run(Effect::Sign(Box::new(Sign { ticket: Ticket::new(sign, self.tag), owner, deadline, work })));
    }

    /// A signature was made, or not.
    pub(super) fn signed(&mut self, exchange: EffectId, result: Result<Signed, Declined>, now: Now) {
        let Some(Held { mut exchange, stage, .. }) = self.held.remove(&exchange.raw()) else { return };
        match (stage, result) {
            (_, Err(declined)) => self.unsigned(&exchange, &declined.why, now),
            (Stage::Key, Ok(Signed::Key(key))) => {
                self.tokens.key = Some(Arc::new(key));
                self.sign(exchange, now);
            }
            (Stage::Proof(input), Ok(Signed::Signature(signature))) => {
                super::dpop::attach(&mut exchange.headers, &input, &signature);
                self.note_proved(&exchange);
                self.sign_by_program(exchange, now);
            }
            (Stage::Program, Ok(Signed::Headers(headers))) => match added(&headers) {
                Ok(()) => {
                    put_on(&mut exchange.headers, headers);
                    self.leave(exchange, now);
                }
                Err(why) => self.unsigned(&exchange, &why, now),
            },
            (Stage::Key | Stage::Proof(_) | Stage::Program, Ok(_)) => {
                self.unsigned(&exchange, "the driver made something else than what it was asked for", now);
            }
        }
    }

    /// A signature, or the exchange that waits for it, was not there in time.
    pub(super) fn sign_overdue(&mut self, exchange: EffectId, now: Now) {
        let Some(held) = self.held.remove(&exchange.raw()) else { return };
        self.abandon(held.sign);
        self.unsigned(&held.exchange, "it did not answer in time", now);
    }

    /// Whether an exchange is held back for a signature, so that nothing of it has left.
    pub(super) fn is_held(&self, exchange: EffectId) -> bool {
        self.held.contains_key(&exchange.raw())
    }

    /// Gives up an exchange that is held; true if it was one.
    pub(super) fn abandon_held(&mut self, exchange: EffectId) -> bool {
        let Some(held) = self.held.remove(&exchange.raw()) else { return false };
        self.effects.remove(exchange.raw());
        self.abandon(held.sign);
        true
    }

    /// An exchange that has all its headers leaves. A call's must still be of the present session.
    fn leave(&mut self, exchange: Box<Exchange>, now: Now) {
        if let Owner::Call(id) = exchange.owner {
            let is_present = exchange.generation == self.generation && matches!(self.phase, Phase::Active);
            if !is_present || self.is_gated() || self.spent == self.generation {
                self.take_back(id, exchange.ticket.id());
                return self.begin(id, now);
            }
        }
        self.run(Effect::Exchange(exchange));
    }

    /// An exchange will not be signed, and so will not leave.
    fn unsigned(&mut self, exchange: &Exchange, why: &str, now: Now) {
        let effect = exchange.ticket.id();
        match exchange.owner {
            Owner::Call(id) => {
                self.take_back(id, effect);
                let what = format!("{} {} was not signed: {why}", exchange.method, shown(&exchange.uri));
                self.reply(id, Err(Error::new(Kind::SignerFailed, what)));
            }
            Owner::Session(purpose) => {
                self.effects.remove(effect.raw());
                let failure =
                    Failure::new(FailureKind::Unsigned, Sent::No, format!("the request was not signed: {why}"));
                self.own_answered(purpose, effect, Err(failure), now);
            }
        }
    }

    /// Makes an attempt that did not leave one that never was.
    fn take_back(&mut self, id: CallId, exchange: EffectId) {
        self.effects.remove(exchange.raw());
        self.stats.attempts -= 1;
        if let Some(call) = self.call_mut(id) {
            call.attempts -= 1;
            call.tries -= 1;
            call.body_used = false;
        }
    }
}

/// Whether a signer may give these headers.
fn added(headers: &HeaderMap) -> Result<(), String> {
    let framing = |name: &&HeaderName| FRAMING.contains(&name.as_str());
    match headers.keys().find(framing) {
        Some(name) => Err(format!("the signer gave `{name}`, which the transport writes itself")),
        None => Ok(()),
    }
}

/// Puts headers on in place of those of the same name, as secrets.
fn put_on(headers: &mut HeaderMap, added: HeaderMap) {
    let sensitive = |mut value: HeaderValue| {
        value.set_sensitive(true);
        value
    };
    let mut last = None;
    for (name, value) in added {
        match (name, &last) {
            (Some(name), _) => {
                headers.insert(name.clone(), sensitive(value));
                last = Some(name);
            }
            (None, Some(name)) => {
                headers.append(name.clone(), sensitive(value));
            }
            (None, None) => {}
        }
    }
}

const FRAMING: [&str; 8] =
    ["connection", "content-length", "host", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"];
