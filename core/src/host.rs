//! What drivers share: the only `match` on [`Effect`] and the only `match` on [`Output`], so that a driver holds no policy.

use crate::effect::{
    Answer, Arrival, Ask, CacheLoad, CacheStore, Cached, CallId, Declined, Effect, EffectId, Exchange, Failure, Lease,
    Load, Outcome, Permit, PermitAnswer, Release, Remove, Save, Sign, Signed,
};
use crate::error::Error;
use crate::machine::{Misuse, Notice, Output, Reason, Reply, Session};
use crate::store::{LeaseNumber, Record, StoreError, Version};
use crate::time::{Mono, Now};

/// What a driver can do. Its futures need not be `Send`: that is the driver's own business.
pub trait Host {
    /// Sends a request and brings its answer. A streamed body stays with the driver, under the effect's id.
    fn exchange(&self, exchange: Box<Exchange>) -> impl Future<Output = Result<Arrival, Failure>>;
    /// Loads a record.
    fn load(&self, load: Load) -> impl Future<Output = Result<Option<Record>, StoreError>>;
    /// Saves a record by compare-and-set.
    fn save(&self, save: Save) -> impl Future<Output = Result<Version, StoreError>>;
    /// Removes a record.
    fn remove(&self, remove: Remove) -> impl Future<Output = Result<(), StoreError>>;
    /// Takes a lease.
    fn lease(&self, lease: Lease) -> impl Future<Output = Result<Option<LeaseNumber>, StoreError>>;
    /// Lets a lease go.
    fn release(&self, release: Release) -> impl Future<Output = Result<bool, StoreError>>;
    /// Asks the limits that sessions share.
    fn permit(&self, permit: Permit) -> impl Future<Output = PermitAnswer>;
    /// Looks up a cached response; trouble is a miss.
    fn cache_load(&self, load: CacheLoad) -> impl Future<Output = Option<Cached>>;
    /// Keeps a response; whether it was kept.
    fn cache_store(&self, store: CacheStore) -> impl Future<Output = bool>;
    /// Makes a signature, or a key for one.
    fn sign(&self, sign: Sign) -> impl Future<Output = Result<Signed, Declined>>;
    /// Asks the program something.
    fn ask(&self, ask: Ask) -> impl Future<Output = Result<Answer, Declined>>;
}

/// What a driver does with a session's outputs, under its lock: keep them, and act once the lock is released.
pub trait Sink {
    /// An effect is to be performed.
    fn run(&mut self, effect: Effect);
    /// An effect's answer is not waited for any more.
    fn abandon(&mut self, effect: EffectId);
    /// A call or command ended.
    fn reply(&mut self, to: CallId, reply: Result<Reply, Error>);
    /// Something happened.
    fn notice(&mut self, notice: Notice);
}

/// An effect that was performed.
#[derive(Debug)]
#[must_use = "the session waits for it"]
pub struct Performed {
    effect: EffectId,
    outcome: Outcome,
}

impl Performed {
    /// Brings the outcome back to the session. A session that has gone on without it says so.
    pub fn answer(self, session: &mut Session, now: Now) -> Result<(), Misuse> {
        session.finish(self.effect, self.outcome, now)
    }
}

/// Performs one effect.
pub async fn perform<H: Host>(host: &H, effect: Effect) -> Performed {
    let id = effect.id();
    let outcome = match effect {
        Effect::Exchange(effect) => Outcome::Exchange(host.exchange(effect).await),
        Effect::Load(effect) => Outcome::Load(host.load(*effect).await),
        Effect::Save(effect) => Outcome::Save(host.save(*effect).await),
        Effect::Lease(effect) => Outcome::Lease(host.lease(*effect).await),
        Effect::Release(effect) => Outcome::Release(host.release(*effect).await),
        Effect::Remove(effect) => Outcome::Remove(host.remove(*effect).await),
        Effect::Permit(effect) => Outcome::Permit(host.permit(*effect).await),
        Effect::CacheLoad(effect) => Outcome::CacheLoad(host.cache_load(*effect).await),
        Effect::CacheStore(effect) => Outcome::CacheStore(host.cache_store(*effect).await),
        Effect::Sign(effect) => Outcome::Sign(host.sign(*effect).await),
        Effect::Ask(effect) => Outcome::Ask(host.ask(*effect).await),
    };
    Performed { effect: id, outcome }
}

/// Polls a session until it waits; answers until when, and why.
pub fn drain(session: &mut Session, sink: &mut impl Sink, now: Now) -> Option<(Mono, Reason)> {
    loop {
        match session.poll(now) {
            Output::Run(effect) => sink.run(effect),
            Output::Abandon(effect) => sink.abandon(effect),
            Output::Reply(call, reply) => sink.reply(call, reply),
            Output::Notice(notice) => sink.notice(notice),
            Output::Wait(until) => return until,
        }
    }
}
