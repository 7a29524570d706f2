//! What the core wants done, as plain data.
//!
//! **Invariant:** each effect carries one [`Ticket`], the typed right to answer it once, and a deadline after which the core
//! goes on without an answer.

mod ask;
mod exchange;
mod failure;
mod kinds;
mod other;
mod sign;
mod ticket;

pub use ask::{Answer, Ask, Question};
pub use exchange::{Arrival, Exchange, Inspect, Owner, Purpose, ReadBody, SendBody};
pub use failure::{Failure, FailureKind, Sent};
pub use kinds::{
    AskKind, CacheLoadKind, CacheStoreKind, ExchangeKind, Kind, KindName, LeaseKind, LoadKind, Outcome, PermitKind,
    RemoveKind, SaveKind, SignKind,
};
pub use other::{CacheLoad, CacheStore, Cached, Declined, Lease, Load, Permit, PermitAnswer, Release, Remove, Save};
pub use sign::{BodyWanted, KeyPair, Sign, SignWork, Signed, Unsigned};
pub use ticket::{CallId, EffectId, Ticket};

/// Something to be done outside. What it says is boxed, for it changes hands several times on its way.
#[derive(Debug)]
pub enum Effect {
    /// Send a request, bring its answer.
    Exchange(Box<Exchange>),
    /// Load a sealed record.
    Load(Box<Load>),
    /// Save a sealed record by compare-and-set.
    Save(Box<Save>),
    /// Take the right to start a renewal across processes.
    Lease(Box<Lease>),
    /// Let that right go.
    Release(Box<Release>),
    /// Remove a record.
    Remove(Box<Remove>),
    /// Ask what the sessions of a client share.
    Permit(Box<Permit>),
    /// Look up a cached response.
    CacheLoad(Box<CacheLoad>),
    /// Keep a response.
    CacheStore(Box<CacheStore>),
    /// Make a signature.
    Sign(Box<Sign>),
    /// Ask the program something: a second factor, a person's consent, a custom sign-in.
    Ask(Box<Ask>),
}

impl Effect {
    /// Its id.
    pub fn id(&self) -> EffectId {
        match self {
            Self::Exchange(effect) => effect.ticket.id(),
            Self::Load(effect) => effect.ticket.id(),
            Self::Save(effect) => effect.ticket.id(),
            Self::Lease(effect) => effect.ticket.id(),
            Self::Release(effect) => effect.ticket.id(),
            Self::Remove(effect) => effect.ticket.id(),
            Self::Permit(effect) => effect.ticket.id(),
            Self::CacheLoad(effect) => effect.ticket.id(),
            Self::CacheStore(effect) => effect.ticket.id(),
            Self::Sign(effect) => effect.ticket.id(),
            Self::Ask(effect) => effect.ticket.id(),
        }
    }

    /// The call whose task performs it; `None` when it belongs to the session.
    pub fn call(&self) -> Option<CallId> {
        match self {
            Self::Exchange(effect) => effect.owner.call(),
            Self::Permit(effect) => Some(effect.call),
            Self::CacheLoad(effect) => Some(effect.call),
            Self::CacheStore(effect) => Some(effect.call),
            Self::Sign(effect) => effect.owner.call(),
            Self::Load(_) | Self::Save(_) | Self::Lease(_) | Self::Release(_) | Self::Remove(_) | Self::Ask(_) => None,
        }
    }
}
