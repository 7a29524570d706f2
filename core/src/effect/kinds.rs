//! Which outcome answers which effect.

use super::ask::Answer;
use super::exchange::Arrival;
use super::failure::Failure;
use super::other::{Cached, Declined, PermitAnswer};
use super::sign::Signed;
use crate::store::{LeaseNumber, Record, StoreError, Version};

/// A kind of effect, and what answers it.
pub trait Kind: sealed::Sealed {
    /// What answers it.
    type Outcome;

    /// The outcome in the form that every kind shares.
    fn wrap(outcome: Self::Outcome) -> Outcome;
}

/// An outcome of any kind, for drivers that cannot carry types across their boundary.
#[derive(Debug)]
pub enum Outcome {
    /// Answers [`Exchange`](super::Exchange).
    Exchange(Result<Arrival, Failure>),
    /// Answers [`Load`](super::Load); `None`: no live record.
    Load(Result<Option<Record>, StoreError>),
    /// Answers [`Save`](super::Save) with the version saved.
    Save(Result<Version, StoreError>),
    /// Answers [`Lease`](super::Lease); `None`: someone else holds it.
    Lease(Result<Option<LeaseNumber>, StoreError>),
    /// Answers [`Release`](super::Release): whether it was still held.
    Release(Result<bool, StoreError>),
    /// Answers [`Remove`](super::Remove).
    Remove(Result<(), StoreError>),
    /// Answers [`Permit`](super::Permit).
    Permit(PermitAnswer),
    /// Answers [`CacheLoad`](super::CacheLoad); trouble is a miss.
    CacheLoad(Option<Cached>),
    /// Answers [`CacheStore`](super::CacheStore): whether it was kept.
    CacheStore(bool),
    /// Answers [`Sign`](super::Sign).
    Sign(Result<Signed, Declined>),
    /// Answers [`Ask`](super::Ask).
    Ask(Result<Answer, Declined>),
}

/// The name of a kind of effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each is the effect of the same name")]
pub enum KindName {
    Exchange,
    Load,
    Save,
    Lease,
    Release,
    Remove,
    Permit,
    CacheLoad,
    CacheStore,
    Sign,
    Ask,
}

impl Outcome {
    /// The kind of effect that it answers.
    pub const fn kind(&self) -> KindName {
        match self {
            Self::Exchange(_) => KindName::Exchange,
            Self::Load(_) => KindName::Load,
            Self::Save(_) => KindName::Save,
            Self::Lease(_) => KindName::Lease,
            Self::Release(_) => KindName::Release,
            Self::Remove(_) => KindName::Remove,
            Self::Permit(_) => KindName::Permit,
            Self::CacheLoad(_) => KindName::CacheLoad,
            Self::CacheStore(_) => KindName::CacheStore,
            Self::Sign(_) => KindName::Sign,
            Self::Ask(_) => KindName::Ask,
        }
    }
}

macro_rules! kind {
    ($(#[$doc:meta])* $marker:ident, $name:ident, $outcome:ty) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub enum $marker {}

        impl sealed::Sealed for $marker {}

        impl Kind for $marker {
            type Outcome = $outcome;

            fn wrap(outcome: Self::Outcome) -> Outcome {
                Outcome::$name(outcome)
            }
        }
    };
}

kind!(/** Marks tickets of [`Exchange`](super::Exchange). */ ExchangeKind, Exchange, Result<Arrival, Failure>);
kind!(/** Marks tickets of [`Load`](super::Load). */ LoadKind, Load, Result<Option<Record>, StoreError>);
kind!(/** Marks tickets of [`Save`](super::Save). */ SaveKind, Save, Result<Version, StoreError>);
kind!(/** Marks tickets of [`Lease`](super::Lease). */ LeaseKind, Lease, Result<Option<LeaseNumber>, StoreError>);
kind!(/** Marks tickets of [`Release`](super::Release). */ ReleaseKind, Release, Result<bool, StoreError>);
kind!(/** Marks tickets of [`Remove`](super::Remove). */ RemoveKind, Remove, Result<(), StoreError>);
kind!(/** Marks tickets of [`Permit`](super::Permit). */ PermitKind, Permit, PermitAnswer);
kind!(/** Marks tickets of [`CacheLoad`](super::CacheLoad). */ CacheLoadKind, CacheLoad, Option<Cached>);
kind!(/** Marks tickets of [`CacheStore`](super::CacheStore). */ CacheStoreKind, CacheStore, bool);
kind!(/** Marks tickets of [`Sign`](super::Sign). */ SignKind, Sign, Result<Signed, Declined>);
kind!(/** Marks tickets of [`Ask`](super::Ask). */ AskKind, Ask, Result<Answer, Declined>);

mod sealed {
    pub trait Sealed {}
}
