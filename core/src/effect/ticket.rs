//! The typed right to answer one effect once.

use std::fmt;
use std::marker::PhantomData;

use super::kinds::Kind;

/// Names an effect within its session; never given twice.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EffectId(u64);

/// Names a call, or another command that ends, within its session; never given twice.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CallId(u64);

/// The right to answer one effect of kind `K` once; taken by value when it is used.
///
/// It cannot be copied:
///
/// ```compile_fail
/// fn twice<K: hallpass_core::effect::Kind>(ticket: hallpass_core::effect::Ticket<K>) {
///     let _again = ticket.clone();
/// }
/// ```
///
/// nor used twice:
///
/// ```compile_fail
/// use hallpass_core::effect::{LoadKind, Ticket};
/// use hallpass_core::{machine::Session, time::Now};
/// fn twice(session: &mut Session, ticket: Ticket<LoadKind>, now: Now) {
///     session.complete(ticket, Ok(None), now);
///     session.complete(ticket, Ok(None), now);
/// }
/// ```
///
/// nor answered with another kind's outcome:
///
/// ```compile_fail
/// use hallpass_core::effect::{SaveKind, Ticket};
/// use hallpass_core::{machine::Session, time::Now};
/// fn wrong(session: &mut Session, ticket: Ticket<SaveKind>, now: Now) {
///     session.complete(ticket, Ok(None), now);
/// }
/// ```
///
/// Used once, with its own kind of outcome, it compiles:
///
/// ```
/// use hallpass_core::effect::{LoadKind, Ticket};
/// use hallpass_core::{machine::Session, time::Now};
/// fn once(session: &mut Session, ticket: Ticket<LoadKind>, now: Now) {
///     session.complete(ticket, Ok(None), now);
/// }
/// ```
#[must_use = "an effect that is not answered costs its whole deadline"]
pub struct Ticket<K: Kind> {
    id: EffectId,
    session: u64,
    kind: PhantomData<fn() -> K>,
}

impl<K: Kind> Ticket<K> {
    pub(crate) fn new(id: EffectId, session: u64) -> Self {
        Self { id, session, kind: PhantomData }
    }

    /// The effect it answers.
    pub fn id(&self) -> EffectId {
        self.id
    }

    pub(crate) fn session(&self) -> u64 {
        self.session
    }
}

impl EffectId {
    /// The id behind a number that crossed a foreign boundary.
    pub const fn from_raw(raw: u64) -> Self {
        Self(raw)
    }

    /// The number, to cross a foreign boundary.
    pub const fn raw(self) -> u64 {
        self.0
    }
}

impl CallId {
    /// A small number that no other call of the session has while this one lasts; used again afterwards.
    pub const fn slot(self) -> usize {
        (self.0 & ((1 << crate::machine::SLOT_BITS) - 1)) as usize
    }

    /// The id behind a number that crossed a foreign boundary.
    pub const fn from_raw(raw: u64) -> Self {
        Self(raw)
    }

    /// The number, to cross a foreign boundary.
    pub const fn raw(self) -> u64 {
        self.0
    }
}

impl<K: Kind> fmt::Debug for Ticket<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ticket({:?})", self.id)
    }
}

impl fmt::Debug for EffectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "e{}", self.0)
    }
}

impl fmt::Debug for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "c{}", self.0)
    }
}
