//! Opening what the store holds: to resume, after a conflict, after a refusal.
//!
//! **Invariant:** a store that does not answer and a record that does not open are errors of their own, never "no session";
//! and a record opens only under the platform it was made for.

use super::answers::Asker;
use super::life::{self, Ending, Phase};
use super::output::Notice;
use super::payload::{self, Stored};
use super::renewal::{Renewals, Step};
use super::saving::store_error;
use super::session::Session;
use crate::effect::{CallId, Effect, KindName, Load, Ticket};
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
}

impl Session {
    /// Opens the saved session of this account, without signing in; `no_session` when there is none.
    pub fn resume(&mut self, now: Now) -> CallId {
        let id = self.command();
        if self.settings.persist.is_none() {
            let what = "nothing can be resumed: this client has no store, or no key to open its records";
            self.reply(id, Err(Error::new(Kind::KeyMissing, what)));
            return id;
        }
        if self.closing.is_some() {
            self.reply(id, Err(life::closed()));
            return id;
        }
        match &mut self.phase {
            Phase::Loading(waiters) => waiters.push(id),
            Phase::SigningIn(sign_in) => sign_in.waiters.push(id),
            Phase::Active => self.reply(id, Ok(super::output::Reply::Done)),
            Phase::Closed => self.reply(id, Err(life::closed())),
            Phase::Fresh | Phase::Ended(..) => {
                self.phase = Phase::Loading(vec![id]);
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
        self.run(Effect::Load(Load { ticket, deadline, key }));
    }

    /// The store answered.
    pub(super) fn loaded(&mut self, why: LoadFor, result: Result<Option<Record>, StoreError>, now: Now) {
        let opened = match result {
            Err(error) => Err(store_error(&error)),
            Ok(None) => Ok(None),
            Ok(Some(record)) => self.open(&record).map(|stored| Some((stored, record.version))).inspect_err(|error| {
                if error.code() == Kind::Damaged {
                    self.saving.version = Some(record.version);
                }
            }),
        };
        match why {
            LoadFor::Resume => self.resumed(opened, now),
            LoadFor::Conflict => self.conflict_seen(opened, now),
            LoadFor::Refusal => self.refusal_checked(opened, now),
        }
    }

    fn open(&self, record: &Record) -> Result<Stored, Error> {
        let (Some(persist), Some(key)) = (&self.settings.persist, self.record_key()) else {
            return Err(Error::new(Kind::KeyMissing, "there is no key to open the saved session"));
        };
        let opened = envelope::open(&persist.keyring, &key, &record.sealed)?;
        let stored = payload::decode(opened.schema, &opened.plaintext)?;
        let foreign = self.compiled.bound_origins().iter().find(|origin| {
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
        let Phase::Loading(waiters) = std::mem::replace(&mut self.phase, Phase::Fresh) else { return };
        let result = match opened {
            Ok(Some((stored, version))) => {
                self.adopt(stored, version, now);
                self.phase = Phase::Active;
                self.stats.restores += 1;
                self.notice(Notice::Restored(self.generation));
                self.set_window(now);
                Ok(())
            }
            Ok(None) => {
                let what = format!("no session of `{}` is saved; sign in first", self.account);
                Err(Error::new(Kind::NoSession, what))
            }
            Err(error) => Err(error),
        };
        self.reply_all(waiters, &result);
        match result {
            Ok(()) => self.open_gate(now),
            Err(error) => self.turn_away(&error),
        }
    }

    /// Somebody else saved first: their session is newer, older, or as new as ours.
    fn conflict_seen(&mut self, opened: Result<Option<(Stored, Version)>, Error>, now: Now) {
        match opened {
            Ok(None) => self.save_over(None, now),
            Ok(Some((stored, version))) if self.is_saving_sign_in() => {
                // A fresh sign-in follows whatever was there.
                self.generation = self.generation.max(stored.generation + 1);
                self.save_over(Some(version), now);
            }
            Ok(Some((stored, version)))
                if stored.generation >= self.generation && !stored.tokens.is_same(&self.tokens) =>
            {
                self.adopt(stored, version, now);
                self.notice(Notice::Adopted(self.generation));
                self.saved_by_another(version, now);
                self.set_window(now);
            }
            Ok(Some((stored, version))) => {
                // The same credentials, or older ones: only the cookies are merged.
                self.jar.merge(&stored.jar);
                self.revision = self.revision.max(stored.revision) + 1;
                self.save_over(Some(version), now);
            }
            Err(error) if error.code() == Kind::Damaged => {
                let version = self.saving.version;
                self.save_over(version, now);
            }
            Err(error) => self.save_failed(error, now),
        }
    }

    /// The issuer refused our refresh token: perhaps because another process renewed first.
    fn refusal_checked(&mut self, opened: Result<Option<(Stored, Version)>, Error>, now: Now) {
        if !self.renewal.as_ref().is_some_and(|renewal| renewal.step == Step::Reloading) {
            return;
        }
        match opened {
            Ok(Some((stored, version))) if stored.generation > self.generation => {
                self.adopt(stored, version, now);
                self.notice(Notice::Adopted(self.generation));
                self.set_window(now);
                self.end_renewal(&Ok(()), now);
            }
            Err(error) if error.code() == Kind::StoreUnavailable => {
                // Whether somebody was first is not known, so the token is not given up yet.
                self.renewals.dead = None;
                self.renewal_failed(error, now);
            }
            Ok(_) | Err(_) => self.refusal_stands(now),
        }
    }

    /// Takes a stored session over as ours.
    fn adopt(&mut self, stored: Stored, version: Version, now: Now) {
        let mut jar = stored.jar;
        if stored.generation == self.generation {
            jar.merge(&self.jar);
        }
        self.jar = jar;
        self.tokens = stored.tokens;
        self.tokens.authorize(&self.compiled.platform().credential);
        self.generation = stored.generation;
        self.revision = stored.revision;
        self.renewals = Renewals::default();
        self.saving.restored(version, stored.generation, stored.revision);
        if matches!(self.phase, Phase::Ended(Ending::Expired, _)) {
            self.phase = Phase::Active;
        }
        let _ = now;
    }
}
