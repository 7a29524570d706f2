//! Opening what the store holds: to resume, after a conflict, after a refusal.
//!
//! **Invariant:** a store that does not answer and a record that does not open are errors of their own, never "no session";
//! and a record opens only under the platform it was made for.

use super::again::Again;
use super::answers::Asker;
use super::life::{self, Ending, Loading, Phase};
use super::output::Notice;
use super::payload::{self, Stored};
use super::renewal::Step;
use super::saving::store_error;
use super::seldom::Seldom;
use super::session::Session;
use crate::effect::{CallId, Effect, KindName, Load, Purpose, Ticket};
use crate::envelope;
use crate::error::{Error, Kind};
use crate::store::{Record, StoreError, Version};
use crate::time::Now;

/// Why a record is loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LoadFor {
    Resume,
    Conflict,
    Refusal,
    /// A renewal is about to start here, or somewhere else.
    Lease,
}

impl Session {
    /// Opens the saved session of this account, without signing in; `no_session` when there is none. One that has ended signs in again by
    /// itself where credentials are kept.
    pub fn resume(&mut self, now: Now) -> CallId {
        let id = self.command();
        if self.settings.persist.is_none() {
            if matches!(self.phase, Phase::Ended(..)) && self.may_sign_in_again(now) {
                self.sign_in_again(Again::Ended, vec![id], now);
                return id;
            }
            let what = "nothing can be resumed: this client has no store, or no key to open its records";
            self.reply(id, Err(Error::new(Kind::KeyMissing, what)));
            return id;
        }
        if self.closing.is_some() {
            self.reply(id, Err(life::closed()));
            return id;
        }
        if let Some(error) = self.lacks_signer().or_else(|| self.lacks_leases()) {
            self.reply(id, Err(error));
            return id;
        }
        match &mut self.phase {
            Phase::Loading(loading) => loading.waiters.push(id),
            Phase::SigningIn(sign_in) => sign_in.waiters.push(id),
            Phase::Active => self.reply(id, Ok(super::output::Reply::Done)),
            Phase::Closed => self.reply(id, Err(life::closed())),
            Phase::Fresh | Phase::Ended(..) => {
                let before = std::mem::replace(&mut self.phase, Phase::Fresh);
                self.phase = Phase::Loading(Box::new(Loading { waiters: vec![id], before }));
                self.load(LoadFor::Resume, now);
            }
        }
        id
    }

    pub(super) fn load(&mut self, why: LoadFor, now: Now) {
        let Some(key) = self.record_key() else { return };
        let wait = self.compiled.platform().timeouts.store;
        let (effect, deadline) = self.expect(KindName::Load, Asker::Load(why), wait, now);
        let ticket = Ticket::new(effect, self.tag);
        self.run(Effect::Load(Box::new(Load { ticket, deadline, key })));
    }

    /// The store answered.
    pub(super) fn loaded(&mut self, why: LoadFor, result: Result<Option<Record>, StoreError>, now: Now) {
        let mut in_store = None;
        let opened = match result {
            Err(error) => Err(store_error(&error)),
            Ok(None) => Ok(None),
            Ok(Some(record)) => {
                in_store = Some(record.version);
                self.open(&record).map(|stored| Some((stored, record.version)))
            }
        };
        match why {
            LoadFor::Resume => self.resumed(opened, now),
            LoadFor::Conflict => self.conflict_seen(opened, in_store, now),
            LoadFor::Refusal => self.refusal_checked(opened, now),
            LoadFor::Lease => self.lease_checked(opened, in_store, now),
        }
    }

    fn open(&self, record: &Record) -> Result<Stored, Error> {
        let (Some(persist), Some(key)) = (&self.settings.persist, self.record_key()) else {
            return Err(Error::new(Kind::KeyMissing, "there is no key to open the saved session"));
        };
        let opened = envelope::open(&persist.keyring, &key, &record.sealed)?;
        let stored = payload::decode(opened.schema, &opened.plaintext)?;
        let foreign = self.compiled.origins().iter().find(|origin| {
            let origin = origin.to_string();
            !stored.origins.contains(&origin)
        });
        if stored.platform != self.compiled.platform().id || foreign.is_some() {
            let origin = foreign.map_or_else(String::new, |origin| format!(" ({origin})"));
            let what = format!(
                "the saved session was made for other origins than this platform file names{origin}; sign in again if you trust it"
            );
            return Err(Error::new(Kind::PlatformChanged, what));
        }
        Ok(stored)
    }

    fn resumed(&mut self, opened: Result<Option<(Stored, Version)>, Error>, now: Now) {
        let Phase::Loading(loading) = std::mem::replace(&mut self.phase, Phase::Fresh) else { return };
        let Loading { waiters, before } = *loading;
        let is_opened = opened.is_ok();
        let again = if matches!(before, Phase::Ended(..)) { Again::Ended } else { Again::Ending };
        let result = match (opened, before) {
            // Nothing newer than what has ended here was saved since: its refresh token may have been used up.
            (Ok(Some((stored, _))), Phase::Ended(ending, error)) if !self.is_newer(&stored) => {
                self.phase = Phase::Ended(ending, error.clone());
                Err(*error)
            }
            (Ok(Some((stored, version))), _) => {
                self.adopt(stored, version);
                self.restored(now)
            }
            (Ok(None), _) => {
                let what = format!("no session of `{}` is saved; sign in first", self.account);
                Err(Error::new(Kind::NoSession, what))
            }
            (Err(error), before) => {
                self.phase = before;
                Err(error)
            }
        };
        if is_opened && matches!(self.phase, Phase::Ended(..)) && self.may_sign_in_again(now) {
            return self.sign_in_again(again, waiters, now);
        }
        self.reply_all(waiters, &result);
        match result {
            Ok(()) => self.open_gate(now),
            Err(error) => self.turn_away(&error),
        }
    }

    /// What was saved is taken over: it is of use, unless its lifetime is over.
    fn restored(&mut self, now: Now) -> Result<(), Error> {
        if let Some(error) = self.lifetime_over(now) {
            self.phase = Phase::Ended(Ending::Expired, Box::new(error.clone()));
            if !self.may_sign_in_again(now) {
                self.notice(Notice::Expired);
            }
            return Err(error);
        }
        self.phase = Phase::Active;
        self.stats.restores += 1;
        self.notice(Notice::Restored(self.generation));
        self.set_window(now);
        Ok(())
    }

    /// Somebody else saved first: their session is newer, older, or as new as ours.
    fn conflict_seen(&mut self, opened: Result<Option<(Stored, Version)>, Error>, in_store: Option<Version>, now: Now) {
        match opened {
            _ if matches!(self.phase, Phase::SigningIn(_)) && !self.is_saving_sign_in() => self.conflict_put_off(),
            Ok(None) => self.save_over(None, now),
            Ok(Some((stored, version))) if self.is_saving_sign_in() => {
                // A fresh sign-in follows whatever was there.
                if stored.generation >= self.generation {
                    self.generation = stored.generation + 1;
                    self.tokens_since = self.generation;
                    self.signed_in_since = self.generation;
                }
                self.save_over(Some(version), now);
            }
            Ok(Some((stored, version))) if self.is_newer(&stored) => {
                self.go_on_with(stored, version, now);
                if self.renewal.as_ref().is_some_and(|renewal| renewal.step != Step::Saving) {
                    // Somebody was first; ours is not needed any more, whatever its answer.
                    self.backs_off = None;
                    self.abandon_own(Purpose::Renewal);
                    self.abandon_own(Purpose::Discovery);
                    self.end_renewal(&Ok(()), now);
                }
                self.saved_by_another(now);
            }
            Ok(Some((stored, version))) => {
                self.merge(stored);
                self.revision += 1;
                self.save_over(Some(version), now);
            }
            // What cannot be read is in nobody's way; a sign-in also follows what can be read only elsewhere.
            Err(error) if error.code() == Kind::Damaged || (self.is_saving_sign_in() && in_store.is_some()) => {
                self.save_over(in_store, now);
            }
            Err(error) => self.save_failed(error, now),
        }
    }

    /// Whether a stored session is to be preferred to ours: a later generation, or another one of the same number that was saved
    /// first.
    pub(super) fn is_newer(&self, stored: &Stored) -> bool {
        stored.generation > self.generation
            || (stored.generation == self.generation && !stored.tokens.is_same(&self.tokens))
    }

    /// Takes over what was saved beside ours, with the same credentials: the cookies of both. Of older ones nothing.
    pub(super) fn merge(&mut self, stored: Stored) {
        if stored.generation == self.generation {
            self.jar.merge(&stored.jar);
            self.adopt_kept(stored.kept);
            self.take_intent(stored.intent);
            self.revision = self.revision.max(stored.revision);
        }
    }

    /// The issuer refused our refresh token: perhaps because another process renewed first.
    fn refusal_checked(&mut self, opened: Result<Option<(Stored, Version)>, Error>, now: Now) {
        if !self.renewal.as_ref().is_some_and(|renewal| renewal.step == Step::Reloading) {
            return;
        }
        match opened {
            Ok(Some((stored, version))) if self.is_newer(&stored) => {
                self.go_on_with(stored, version, now);
                self.end_renewal(&Ok(()), now);
            }
            // Whether somebody was first is not known: the token is neither given up nor sent again.
            Err(error) if error.code() == Kind::StoreUnavailable => self.renewal_failed(error, None, now),
            Ok(_) | Err(_) => self.refusal_stands(now),
        }
    }

    /// Goes on with what another process has saved.
    pub(super) fn go_on_with(&mut self, stored: Stored, version: Version, now: Now) {
        self.adopt(stored, version);
        self.notice(Notice::Adopted(self.generation));
        self.set_window(now);
    }

    /// Takes a stored session over as ours.
    fn adopt(&mut self, stored: Stored, version: Version) {
        let mut jar = stored.jar;
        let (mut revision, is_same_generation) = (stored.revision, stored.generation == self.generation);
        if is_same_generation {
            let theirs = jar.clone();
            jar.merge(&self.jar);
            revision += u64::from(jar != theirs);
        }
        if stored.tokens.refresh != self.tokens.refresh || self.compiled.renews_as_client() {
            self.renewals = Seldom::default();
        }
        if !stored.tokens.is_same(&self.tokens) {
            // Whatever was said of ours was not said of theirs.
            self.spent = self.spent.min(stored.generation.saturating_sub(1));
        }
        self.saving.restored(version, stored.generation, stored.revision);
        *self.jar = jar;
        self.adopt_kept(stored.kept);
        self.set_intent(stored.intent);
        self.tokens = stored.tokens;
        self.lifetime.saved(&self.tokens);
        self.tokens.authorize(&self.compiled.platform().credential);
        self.generation = stored.generation;
        self.adopted = stored.generation;
        self.tokens_since = stored.generation;
        self.revision = revision;
    }
}
