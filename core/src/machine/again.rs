//! May a session that has ended sign in again by itself? With credentials that the program let it keep, and never in a hurry.
//!
//! ```text
//! active ──ends──▶ signing in ──▶ active, with the next generation
//!  ended ──call──────▲  │ └─refused──▶ rejected, and nothing is kept any more
//!    ▲                  └─trouble──┐
//!    └─────────────────────────────┘ (until a call after the pause)
//! ```
//!
//! **Invariant:** credentials that were refused are never sent again by themselves, and between two automatic sign-ins lies a pause
//! that grows.

use std::time::Duration;

use super::life::{Ending, Phase};
use super::output::Notice;
use super::session::Session;
use super::settings::KeepCredentials;
use super::sign_in::Begin;
use crate::credentials::Credentials;
use crate::effect::CallId;
use crate::error::{Error, Kind, Retry};
use crate::platform::{RetryRules, SignIn as Recipe};
use crate::retry;
use crate::time::{Mono, Now};

/// What a session signs in with again.
#[derive(Debug)]
pub(super) struct Kept {
    credentials: Credentials,
    /// Automatic sign-ins in a row, none of which was followed by a long calm.
    tries: u32,
    /// When the last one began or failed, and until when there is no other.
    pause: Option<(Mono, Mono)>,
    /// How the last one failed, if it did.
    trouble: Option<Error>,
}

/// A sign-in that the session began by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Again {
    /// In place of ending; nobody has been told of an end.
    Ending,
    /// After it had ended.
    Ended,
}

impl Kept {
    pub(super) fn new(credentials: Credentials) -> Self {
        Self { credentials, tries: 0, pause: None, trouble: None }
    }

    pub(super) fn credentials(&self) -> &Credentials {
        &self.credentials
    }
}

impl Session {
    /// Keeps what an explicit sign-in has been proved with, if the program and the recipe allow it; whatever was kept before is dropped.
    pub(super) fn keep(&mut self, credentials: &Credentials) {
        let may_keep = self.settings.keep_credentials != KeepCredentials::Never && self.signs_in_by_itself();
        self.kept = may_keep.then(|| Box::new(Kept::new(credentials.clone())));
    }

    /// Takes over what a saved session has kept. Those in memory are nobody's but this session's.
    pub(super) fn adopt_kept(&mut self, stored: Option<Credentials>) {
        if self.settings.keep_credentials != KeepCredentials::Sealed || !self.signs_in_by_itself() {
            return;
        }
        let is_same = |kept: &Kept| stored.as_ref() == Some(&kept.credentials);
        if !self.kept.as_deref().is_some_and(is_same) {
            self.kept = stored.map(|credentials| Box::new(Kept::new(credentials)));
        }
    }

    /// What is sealed with the session, for later processes.
    pub(super) fn sealed_credentials(&self) -> Option<&Credentials> {
        let kept = self.kept.as_deref()?;
        (self.settings.keep_credentials == KeepCredentials::Sealed).then_some(&kept.credentials)
    }

    /// Whether the recipe needs nothing but its credentials, as often as it likes. A user name and a password that every call shows prove
    /// nothing by being taken again: there the platform must be able to say who they are.
    fn signs_in_by_itself(&self) -> bool {
        match &self.compiled.platform().sign_in {
            Recipe::Form(_) | Recipe::Json(_) | Recipe::ClientCredentials(_) => true,
            Recipe::Steps(recipe) | Recipe::Guest(recipe) => !recipe.step.is_empty(),
            Recipe::Basic {} => self.compiled.identity().is_some(),
            Recipe::Bundle(_)
            | Recipe::Bearer {}
            | Recipe::ApiKey(_)
            | Recipe::Oauth2Refresh {}
            | Recipe::DeviceCode(_)
            | Recipe::AuthorizationCode(_)
            | Recipe::Custom {} => false,
        }
    }

    /// Whether an automatic sign-in may begin now.
    pub(super) fn may_sign_in_again(&self, now: Now) -> bool {
        let is_rested = |kept: &Kept| kept.pause.is_none_or(|(_, until)| now.mono >= until);
        self.closing.is_none() && self.lacks_signer().is_none() && self.kept.as_deref().is_some_and(is_rested)
    }

    /// Signs in with what was kept, as the account that the session was. Calls wait, and go on with the new generation.
    pub(super) fn sign_in_again(&mut self, again: Again, waiters: Vec<CallId>, now: Now) {
        self.pause(Duration::ZERO, now);
        let Some(kept) = &mut self.kept else { return };
        kept.trouble = None;
        let mut credentials = kept.credentials.clone();
        if let Some(id) = &self.tokens.account_id {
            credentials.account_id = Some(id.clone());
        }
        self.start_sign_in(Begin { credentials, waiters, again: Some(again), renewed: None }, now);
    }

    /// No other automatic sign-in before a pause is over; `asked` is what the platform wants.
    fn pause(&mut self, asked: Duration, now: Now) {
        let Some(kept) = &mut self.kept else { return };
        if kept.pause.is_some_and(|(since, _)| now.mono.since(since) >= CALM) {
            kept.tries = 0;
        }
        kept.tries = kept.tries.saturating_add(1);
        let rules = RetryRules { base: SHORTEST, cap: LONGEST, ..RetryRules::default() };
        let drawn = SHORTEST + retry::delay(&rules, kept.tries, &mut self.jitter);
        kept.pause = Some((now.mono, now.mono + drawn.max(asked)));
    }

    /// An automatic sign-in failed: for good, or for now.
    pub(super) fn settle_kept(&mut self, error: &Error, now: Now) {
        if is_final(error.code()) {
            return self.drop_kept(now);
        }
        if self.closing.is_some() {
            return;
        }
        let asked = match error.retry() {
            Retry::After(at) => at.since(now.wall),
            Retry::Never | Retry::Now | Retry::GaveUp => Duration::ZERO,
        };
        self.pause(asked, now);
        if let Some(kept) = &mut self.kept {
            let at = kept.pause.map_or(now.wall, |(_, until)| now.wall + until.since(now.mono));
            kept.trouble = Some(error.clone().with_retry(Retry::After(at)));
        }
    }

    /// How the session stands after an automatic sign-in that failed.
    pub(super) fn end_again(&mut self, again: Again, error: &Error) {
        if is_final(error.code()) {
            self.notice(Notice::Rejected(error.code()));
            self.phase = Phase::Ended(Ending::Rejected, Box::new(error.clone()));
        } else if again == Again::Ending {
            self.tell_end();
        }
    }

    /// Tells that the session has ended.
    pub(super) fn tell_end(&mut self) {
        let notice = match &self.phase {
            Phase::Ended(Ending::Expired, _) => Notice::Expired,
            Phase::Ended(Ending::Rejected, error) => Notice::Rejected(error.code()),
            Phase::Fresh | Phase::Loading(_) | Phase::SigningIn(_) | Phase::Active | Phase::Closed => return,
        };
        self.notice(notice);
    }

    /// Keeps the credentials no longer, neither here nor in the record.
    pub(super) fn drop_kept(&mut self, now: Now) {
        let was_sealed = self.sealed_credentials().is_some();
        self.kept = None;
        if was_sealed {
            self.revision += 1;
            self.save_soon(now);
        }
    }

    /// Why a session that has ended serves no call, and what became of its last automatic sign-in.
    pub(super) fn ended(&self, error: &Error) -> Error {
        let Some(trouble) = self.kept.as_deref().and_then(|kept| kept.trouble.as_ref()) else { return error.clone() };
        let what = format!("{}; signing in again by itself failed: {trouble}", error.detail());
        Error::new(error.code(), what).with_retry(trouble.retry())
    }
}

/// Whether the same credentials would fail the same way, and might lock the account.
const fn is_final(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::CredentialsRefused
            | Kind::CredentialsInvalid
            | Kind::ChallengeRequired
            | Kind::ChallengeRefused
            | Kind::ChallengeExhausted
            | Kind::ChallengeOverdue
            | Kind::ChallengeCancelled
            | Kind::AccountMismatch
    )
}

/// The shortest pause between automatic sign-ins.
const SHORTEST: Duration = Duration::from_secs(1);

/// The longest one that the session chooses by itself.
const LONGEST: Duration = Duration::from_secs(300);

/// After this long without an automatic sign-in the pauses begin anew.
const CALM: Duration = Duration::from_secs(900);
