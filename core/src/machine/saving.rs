//! Saving a session: sealed, by compare-and-set, one save in flight, and never over a newer generation.
//!
//! ```text
//! clean ──change──▶ waiting ──delay──▶ in flight ──saved──▶ clean
//!                                        │  └─conflict──▶ reloading ──merged──▶ in flight
//!                                        └─failed──▶ waiting (backoff)
//! ```
//!
//! **Invariant:** calls that wait for new credentials go on only when the save of these very credentials was answered.

use std::time::Duration;

use super::answers::Asker;
use super::closing::Closing;
use super::life::{self, Phase};
use super::output::Notice;
use super::payload;
use super::renewal::Step;
use super::restoring::LoadFor;
use super::seldom::Emptied;
use super::session::Session;
use super::timers::Alarm;
use crate::effect::{CallId, Effect, KindName, Save, Ticket};
use crate::envelope;
use crate::error::{Error, Kind};
use crate::platform::RetryRules;
use crate::retry;
use crate::store::{Expected, StoreError, Version};
use crate::time::{Mono, Now};

/// How far saving has come.
#[derive(Debug, Default)]
pub(super) struct Saving {
    /// The version that the store is known to hold; `None`: no record, as far as is known.
    pub(super) version: Option<Version>,
    /// The generation and revision that the store holds.
    saved: (u64, u64),
    /// The generation and revision on their way.
    in_flight: Option<(u64, u64)>,
    /// The generation of the last save that was tried.
    tried: u64,
    /// Whether a conflict is being looked at.
    reloading: bool,
    /// When the next save is due, if one is put off.
    due: Option<Mono>,
    /// Failures in a row.
    failures: u32,
    /// Conflicts in a row.
    conflicts: u32,
    /// Whether the store holds something that it cannot read itself, which the next save replaces whatever it is.
    replaces: bool,
    /// How the last save failed, until one succeeds.
    pub(super) trouble: Option<Box<Error>>,
    waiters: Vec<CallId>,
}

impl Session {
    /// Saves whatever has not been saved; ends when it is, or could not be, saved.
    pub fn save(&mut self, now: Now) -> CallId {
        let id = self.command();
        if self.settings.persist.is_none() {
            let what = "this session is not kept anywhere: it was made without a store or without a key";
            self.reply(id, Err(Error::new(Kind::StoreUnfit, what)));
        } else if self.is_saved() {
            self.reply(id, Ok(super::output::Reply::Done));
        } else if matches!(self.phase, Phase::Closed) || self.closing.as_deref().is_some_and(Closing::removes) {
            self.reply(id, Err(life::closed()));
        } else {
            self.saving.waiters.push(id);
            self.save_now(now);
        }
        id
    }

    /// Saves at once what has not been saved; where nothing is kept, goes on as if it were. Whatever stands in the way now is
    /// followed by a save of its own accord.
    pub(super) fn save_now(&mut self, now: Now) {
        let Some(persist) = &self.settings.persist else { return self.saved_or_not(now) };
        if self.saving.is_busy() || self.is_saved() || self.is_unproved() {
            return;
        }
        if self.closing.as_deref().is_some_and(Closing::removes) {
            self.drop_save(&life::closed());
            return self.saved_or_not(now);
        }
        let keyring = persist.keyring.clone();
        let Some(key) = self.record_key() else { return };
        let plain = payload::encode(self);
        let Some(salt) = self.salt.as_deref_mut() else { return };
        let sealed = envelope::seal(&keyring, &key, payload::SCHEMA, &plain, salt);
        let wait = self.compiled.platform().timeouts.store;
        let (effect, deadline) = self.expect(KindName::Save, Asker::Save, wait, now);
        self.saving.in_flight = Some((self.generation, self.revision));
        self.saving.tried = self.generation;
        self.lifetime.saved(&self.tokens);
        self.saving.due = None;
        let expected = match self.saving.version {
            _ if self.saving.replaces => Expected::Any,
            Some(version) => Expected::Version(version),
            None => Expected::Absent,
        };
        let (ticket, expiry) = (Ticket::new(effect, self.tag), self.expiry());
        self.run(Effect::Save(Box::new(Save { ticket, deadline, key, sealed, expected, expiry })));
    }

    /// Saves after a short while, so that several small changes become one save.
    pub(super) fn save_soon(&mut self, now: Now) {
        if self.settings.persist.is_some() && self.saving.due.is_none() && !self.saving.is_busy() {
            self.save_after(self.settings.save_delay, now);
        }
    }

    pub(super) fn save_due(&mut self, now: Now) {
        // An alarm may be left of a save that was made sooner.
        if self.saving.due.take_if(|due| now.mono >= *due).is_some() {
            self.save_now(now);
        }
    }

    fn save_after(&mut self, delay: Duration, now: Now) {
        let due = now.mono + delay;
        self.saving.due = Some(due);
        self.timers.set(due, Alarm::Save);
    }

    /// Saves nothing more: the record is about to be removed, or the session has ended.
    pub(super) fn drop_save(&mut self, error: &Error) {
        self.saving.due = None;
        let waiters = std::mem::take(&mut self.saving.waiters);
        self.reply_all(waiters, &Err(error.clone()));
    }

    /// The store answered a save.
    pub(super) fn save_answered(&mut self, result: Result<Version, StoreError>, now: Now) {
        let Some(sent) = self.saving.in_flight.take() else { return };
        match result {
            Ok(version) => {
                let was_blocked = !self.saving.holds(self.tokens_since);
                self.saving.version = Some(version);
                self.saving.saved = sent;
                self.saving.failures = 0;
                self.saving.conflicts = 0;
                self.saving.replaces = false;
                self.saving.trouble = None;
                self.stats.saves += 1;
                self.notice(Notice::Saved(version));
                if was_blocked && self.saving.holds(self.tokens_since) {
                    // A window that was reached while the refresh token was not saved is looked at again.
                    self.set_window(now);
                }
                self.save_rest(now);
            }
            Err(StoreError::Conflict(_)) if self.saving.conflicts < CONFLICTS => {
                self.saving.conflicts += 1;
                self.saving.reloading = true;
                self.load(LoadFor::Conflict, now);
            }
            // What cannot be read is in nobody's way.
            Err(StoreError::Damaged(_)) if !self.saving.replaces => {
                self.saving.replaces = true;
                self.save_now(now);
            }
            Err(error) => self.save_failed(store_error(&error), now),
        }
    }

    /// A save is over: go on, or save what has changed meanwhile.
    fn save_rest(&mut self, now: Now) {
        if self.is_saved() {
            return self.saved_or_not(now);
        }
        if self.is_save_awaited() || !self.saving.waiters.is_empty() || self.closing.is_some() {
            return self.save_now(now);
        }
        self.save_soon(now);
    }

    /// Whether calls wait until the present credentials are saved.
    fn is_save_awaited(&self) -> bool {
        self.is_saving_sign_in()
            || self.renewal.as_ref().is_some_and(|renewal| matches!(renewal.step, Step::Saving | Step::Noting))
    }

    /// Whether the session holds credentials that nothing has proved yet; those are not saved.
    fn is_unproved(&self) -> bool {
        matches!(self.phase, Phase::SigningIn(_)) && !self.is_saving_sign_in()
    }

    /// The record that was in the way is known: save again, over it.
    pub(super) fn save_over(&mut self, version: Option<Version>, now: Now) {
        self.saving.reloading = false;
        self.saving.version = version;
        self.save_now(now);
    }

    /// The record that was in the way was taken over; there is nothing left to save, or only small things.
    pub(super) fn saved_by_another(&mut self, now: Now) {
        self.saving.reloading = false;
        self.save_rest(now);
    }

    /// What is in the way of a save is looked at once the sign-in is over, with the next save.
    pub(super) fn conflict_put_off(&mut self) {
        self.saving.reloading = false;
    }

    pub(super) fn save_failed(&mut self, error: Error, now: Now) {
        self.saving.reloading = false;
        if self.saving.tried < self.generation && self.is_save_awaited() {
            // What failed was the save of something older; what is waited for has not been tried.
            return self.save_now(now);
        }
        self.saving.failures += 1;
        self.saving.conflicts = 0;
        self.saving.replaces = false;
        self.notice(Notice::SaveFailed(error.code()));
        if matches!(error.code(), Kind::StoreUnavailable | Kind::StoreConflict) && self.closing.is_none() {
            let rules =
                RetryRules { base: Duration::from_secs(1), cap: Duration::from_secs(30), ..RetryRules::default() };
            let delay = retry::delay(&rules, self.saving.failures, &mut self.jitter);
            self.save_after(delay, now);
        }
        self.saving.trouble = Some(Box::new(error));
        self.saved_or_not(now);
    }

    /// Lets go on whoever waited for a save to be over.
    fn saved_or_not(&mut self, now: Now) {
        let result = self.saving.trouble.as_deref().cloned().map_or(Ok(()), Err);
        let waiters = std::mem::take(&mut self.saving.waiters);
        self.reply_all(waiters, &result);
        self.sign_in_saved(now);
        self.intent_saved(now);
        self.renewal_saved(now);
        self.close_if_drained(now);
    }

    /// Whether the store holds everything.
    pub(super) fn is_saved(&self) -> bool {
        self.settings.persist.is_none() || self.saving.saved == (self.generation, self.revision)
    }
}

impl Emptied for Saving {
    const EMPTY: Self = Self {
        version: None,
        saved: (0, 0),
        in_flight: None,
        tried: 0,
        reloading: false,
        due: None,
        failures: 0,
        conflicts: 0,
        replaces: false,
        trouble: None,
        waiters: Vec::new(),
    };

    fn nothing() -> &'static Self {
        static NOTHING: Saving = Saving::EMPTY;
        &NOTHING
    }

    /// Where something is kept, what the store holds is remembered.
    fn is_empty(&self) -> bool {
        let is_quiet = !self.is_busy() && !self.waits() && self.waiters.is_empty() && self.trouble.is_none();
        let is_new = self.version.is_none() && self.saved == (0, 0) && self.tried == 0 && !self.replaces;
        is_quiet && is_new && self.failures == 0 && self.conflicts == 0
    }
}

impl Saving {
    /// Whether the store holds this generation, or a later one.
    pub(super) fn holds(&self, generation: u64) -> bool {
        self.saved.0 >= generation
    }

    /// Whether the store holds this revision of this generation, or what came later.
    pub(super) fn has(&self, generation: u64, revision: u64) -> bool {
        self.saved >= (generation, revision)
    }

    /// Whether an alarm is set.
    pub(super) fn waits(&self) -> bool {
        self.due.is_some()
    }

    /// Whether a save, or a look at what was in its way, is under way.
    pub(super) fn is_busy(&self) -> bool {
        self.in_flight.is_some() || self.reloading
    }

    /// Takes over what the store holds as saved.
    pub(super) fn restored(&mut self, version: Version, generation: u64, revision: u64) {
        self.version = Some(version);
        self.saved = (generation, revision);
        self.failures = 0;
        self.conflicts = 0;
        self.trouble = None;
    }
}

/// What a store's error means for the program.
pub fn store_error(error: &StoreError) -> Error {
    let kind = match error {
        StoreError::Conflict(_) => Kind::StoreConflict,
        StoreError::Unavailable(_) => Kind::StoreUnavailable,
        StoreError::Damaged(_) => Kind::Damaged,
        StoreError::Unsupported(_) => Kind::StoreUnfit,
    };
    Error::new(kind, error.to_string())
}

/// Conflicts in a row after which a save has failed for now.
const CONFLICTS: u32 = 8;
