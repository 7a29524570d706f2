//! What can a session tell about itself, and under which name?
//!
//! **Invariant:** [`Notice::name`] is the same word in Rust, in JavaScript and on the command line (listed in
//! `tests/vectors/notices.json`), and no notice ever carries a secret.

use std::time::Duration;

use http::{HeaderName, StatusCode};

use crate::effect::{CallId, EffectId};
use crate::error::Kind;
use crate::store::Version;
use crate::time::Wall;

macro_rules! notices {
    ($($(#[$doc:meta])* $name:ident $(($($held:ty),*))? $({$($(#[$about:meta])* $field:ident: $kept:ty,)*})? = $text:literal;)*) => {
        /// Something that happened to a session.
        #[derive(Clone, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum Notice { $($(#[$doc])* $name $(($($held),*))? $({$($(#[$about])* $field: $kept,)*})?,)* }

        impl Notice {
            /// Every name, in the order of the vector file.
            pub const NAMES: &'static [&'static str] = &[$($text,)*];

            /// Its stable name, the same in every binding.
            pub const fn name(&self) -> &'static str {
                match self { $(Self::$name { .. } => $text,)* }
            }
        }
    };
}

notices! {
    /// Signed in; the new generation.
    SignedIn(u64) = "signed_in";
    /// The program is asked for something that the sign-in cannot go on without.
    Challenged = "challenged";
    /// Opened from the store; its generation.
    Restored(u64) = "restored";
    /// Renewed; the new generation.
    Renewed(u64) = "renewed";
    /// A newer session that another process saved was taken over; its generation.
    Adopted(u64) = "adopted";
    /// The platform refused this generation.
    Refused(u64) = "refused";
    /// A renewal failed, with its kind; calls go on while the present token lasts.
    RenewalFailed(Kind) = "renewal_failed";
    /// The session ended because the platform refuses it; why.
    Rejected(Kind) = "rejected";
    /// The session ended because nothing can renew it.
    Expired = "expired";
    /// Saved, under this version.
    Saved(Version) = "saved";
    /// A save failed, with its kind; it is tried again.
    SaveFailed(Kind) = "save_failed";
    /// The platform said that it is asked too often, or named a time to come back; told before [`Retried`](Self::Retried), and also where
    /// the call is not repeated.
    Throttled {
        /// The call that was told so.
        call: CallId,
        /// The status that said so.
        status: StatusCode,
        /// For how long it asks to wait, where it tells.
        wait: Option<Duration>,
        /// Until when that is.
        until: Option<Wall>,
    } = "throttled";
    /// An attempt is repeated after this long, and why.
    Retried(CallId, Duration, Kind) = "retried";
    /// The identity probe got no definite answer, with the kind of what came instead.
    ProbeUnknown(Kind) = "probe_unknown";
    /// A body that should tell what an answer means was too large or not what was promised; taken as no refusal.
    NotInspected(CallId) = "not_inspected";
    /// A cookie was not taken.
    CookieIgnored = "cookie_ignored";
    /// A call named this header of the session's bundle with another value; the bundle's own was sent. Told once for each name.
    BundleDrift(HeaderName) = "bundle_drift";
    /// A ticket was answered twice, late, or on the wrong session.
    Misused(EffectId) = "misused";
    /// The platform was told that the session is over, or has known it.
    SignedOut = "signed_out";
    /// The platform could not be told that the session is over, with the kind of what came instead; it has ended here all the same.
    SignOutFailed(Kind) = "sign_out_failed";
    /// Closed.
    Closed = "closed";
}

impl Notice {
    /// The generation that it is about, where credentials were gained, changed or refused.
    pub const fn generation(&self) -> Option<u64> {
        match self {
            Self::SignedIn(of) | Self::Restored(of) | Self::Renewed(of) | Self::Adopted(of) | Self::Refused(of) => {
                Some(*of)
            }
            Self::Challenged
            | Self::RenewalFailed(_)
            | Self::Rejected(_)
            | Self::Expired
            | Self::Saved(_)
            | Self::SaveFailed(_)
            | Self::Throttled { .. }
            | Self::Retried(..)
            | Self::ProbeUnknown(_)
            | Self::NotInspected(_)
            | Self::CookieIgnored
            | Self::BundleDrift(_)
            | Self::Misused(_)
            | Self::SignedOut
            | Self::SignOutFailed(_)
            | Self::Closed => None,
        }
    }

    /// Why, where something failed or is repeated.
    pub const fn kind(&self) -> Option<Kind> {
        match self {
            Self::RenewalFailed(kind)
            | Self::Rejected(kind)
            | Self::SaveFailed(kind)
            | Self::Retried(_, _, kind)
            | Self::ProbeUnknown(kind)
            | Self::SignOutFailed(kind) => Some(*kind),
            Self::SignedIn(_)
            | Self::Challenged
            | Self::Restored(_)
            | Self::Renewed(_)
            | Self::Adopted(_)
            | Self::Refused(_)
            | Self::Expired
            | Self::Saved(_)
            | Self::Throttled { .. }
            | Self::NotInspected(_)
            | Self::CookieIgnored
            | Self::BundleDrift(_)
            | Self::Misused(_)
            | Self::SignedOut
            | Self::Closed => None,
        }
    }
}
