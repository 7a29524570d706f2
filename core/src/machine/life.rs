//! Where a session stands in its life.
//!
//! ```text
//! Fresh → SigningIn → (Challenged → SigningIn) → Active → (Suspect → Active | Renewing → Active) → Expired | Rejected → Closed
//! Loading → Active | Fresh
//! ```

use super::renewal::Renewal;
use super::sign_in::SignIn;
use crate::effect::CallId;
use crate::error::{Error, Kind};

/// Where a session stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum State {
    /// Nothing is known yet.
    Fresh,
    /// Its saved record is being loaded.
    Loading,
    /// It is signing in.
    SigningIn,
    /// The platform asked for something more, and the program is being asked.
    Challenged,
    /// It is good, as far as anyone knows.
    Active,
    /// It is good or not; the identity probe is asking.
    Suspect,
    /// It is being renewed, and calls wait.
    Renewing,
    /// It ended, and nothing can renew it.
    Expired,
    /// It ended because the platform refuses it.
    Rejected,
    /// The program closed it.
    Closed,
}

/// The same, with what each state needs to know.
#[derive(Debug)]
pub(super) enum Phase {
    Fresh,
    Loading(Box<Loading>),
    SigningIn(Box<SignIn>),
    Active,
    /// Ended; every further call fails with this.
    Ended(Ending, Box<Error>),
    Closed,
}

/// A saved session is being looked for.
#[derive(Debug)]
pub(super) struct Loading {
    pub(super) waiters: Vec<CallId>,
    /// What the session was before, for when there is nothing better.
    pub(super) before: Phase,
}

/// How a session ended by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    Expired,
    Rejected,
}

impl Phase {
    /// The public name of this phase, given what else goes on.
    pub(super) fn state(&self, renewal: Option<&Renewal>, is_probing: bool) -> State {
        match self {
            Self::Fresh => State::Fresh,
            Self::Loading(_) => State::Loading,
            Self::SigningIn(sign_in) if sign_in.is_asking() => State::Challenged,
            Self::SigningIn(_) => State::SigningIn,
            Self::Active if renewal.is_some_and(Renewal::gates) => State::Renewing,
            Self::Active if is_probing => State::Suspect,
            Self::Active => State::Active,
            Self::Ended(Ending::Expired, _) => State::Expired,
            Self::Ended(Ending::Rejected, _) => State::Rejected,
            Self::Closed => State::Closed,
        }
    }
}

impl State {
    /// Every state, in the order of a life.
    pub const ALL: &'static [Self] = &[
        Self::Fresh,
        Self::Loading,
        Self::SigningIn,
        Self::Challenged,
        Self::Active,
        Self::Suspect,
        Self::Renewing,
        Self::Expired,
        Self::Rejected,
        Self::Closed,
    ];

    /// Its stable word, the same in every binding.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fresh => "fresh",
            Self::Loading => "loading",
            Self::SigningIn => "signing_in",
            Self::Challenged => "challenged",
            Self::Active => "active",
            Self::Suspect => "suspect",
            Self::Renewing => "renewing",
            Self::Expired => "expired",
            Self::Rejected => "rejected",
            Self::Closed => "closed",
        }
    }
}

/// The error of a call on a session that was closed.
pub(super) fn closed() -> Error {
    Error::new(Kind::Closed, "the session is closed; sign in or resume to get a new one")
}
