//! The end of a session: by itself, closed (saved and stopped, never signed out), signed out (the platform told, its record removed)
//! or forgotten (its record removed).

use std::time::Duration;

use super::again::Again;
use super::answers::Asker;
use super::life::{self, Ending, Phase};
use super::output::{Notice, Reply, Verdict};
use super::renewal::Renewal;
use super::saving::store_error;
use super::session::{Row, Session};
use super::timers::Alarm;
use crate::effect::{CallId, Effect, KindName, Remove, Ticket};
use crate::error::{Error, Kind};
use crate::store::StoreError;
use crate::time::{Mono, Now};

/// A session on its way to its end.
#[derive(Debug)]
pub(super) struct Closing {
    waiters: Vec<CallId>,
    then: Then,
    /// Whether what was not saved has been tried to be saved.
    has_tried: bool,
    /// When calls still under way are ended.
    until: Option<Mono>,
    /// How telling the platform went.
    told: Result<(), Error>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Then {
    Close,
    /// The record is removed first.
    Remove,
    /// The platform is told, then the record is removed.
    SignOut,
    /// The platform is being told.
    Telling,
    /// The record is being removed.
    Removing,
}

impl Session {
    /// Stops taking calls, lets those under way end, saves what is not saved, and closes. It never signs out.
    ///
    /// Ends with the save's error where something could not be saved.
    pub fn close(&mut self, now: Now) -> CallId {
        self.wind_down(Then::Close, now)
    }

    /// As [`close`](Self::close), but calls that have not ended after this long end with `closed`. What can be saved is saved all the
    /// same, and a renewal under way is still waited for, by its own deadline: its answer may be the only way to the next token.
    pub fn close_within(&mut self, limit: Duration, now: Now) -> CallId {
        let id = self.wind_down(Then::Close, now);
        let until = now.mono + limit;
        if let Some(closing) = &mut self.closing
            && closing.until.is_none_or(|earlier| until < earlier)
        {
            closing.until = Some(until);
            self.timers.set(until, Alarm::Drain);
        }
        id
    }

    /// Lets calls under way end, tells the platform that the session is over (as its description says), removes the record and closes.
    ///
    /// The session ends here whatever the platform says. Ends with the store's error where the record could not be removed, otherwise
    /// with how the platform could not be told; a notice says which of both happened. Where the platform's description names no way to tell
    /// it, this is [`forget`](Self::forget).
    pub fn sign_out(&mut self, now: Now) -> CallId {
        self.wind_down(Then::SignOut, now)
    }

    /// Closes the session and removes its record from the store. The platform is not told.
    pub fn forget(&mut self, now: Now) -> CallId {
        self.wind_down(Then::Remove, now)
    }

    fn wind_down(&mut self, then: Then, now: Now) -> CallId {
        let id = self.command();
        let is_kept = then != Then::Close && self.settings.persist.is_some();
        if is_over(&self.phase) && self.closing.is_none() && !is_kept {
            self.reply(id, Ok(Reply::Done));
            return id;
        }
        if let Some(closing) = &mut self.closing {
            closing.waiters.push(id);
            if then > closing.then {
                closing.then = then;
            }
        } else {
            let closing = Closing { waiters: vec![id], then, has_tried: false, until: None, told: Ok(()) };
            self.closing = Some(Box::new(closing));
        }
        let error = life::closed();
        self.turn_away(&error);
        if !self.is_saving_sign_in() {
            if let Phase::SigningIn(_) = &self.phase {
                self.sign_in_failed(&error, now);
            }
            // A renewal that has begun is waited for: its answer may be the only way to the next token.
            let is_pausing = self.renewal.as_deref().is_some_and(Renewal::is_preparing);
            if !is_over(&self.phase) && (!self.is_renewing() || is_pausing) {
                self.stop_for("the session was closed");
            }
        }
        if then != Then::Close {
            self.kept = None;
            self.drop_save(&error);
        }
        self.close_if_drained(now);
        id
    }

    /// Whether it has been told to end, and takes no calls any more.
    pub fn is_closing(&self) -> bool {
        self.closing.is_some()
    }

    /// Ends the session by itself: calls that wait fail with this error, and so does every later one. Where credentials are kept it signs
    /// in again instead, and calls wait for that.
    pub(super) fn end(&mut self, ending: Ending, error: &Error, now: Now) {
        if error.code() == Kind::AccountMismatch {
            self.drop_kept(now);
        }
        if !self.may_sign_in_again(now) {
            return self.end_for_now(ending, error, now);
        }
        self.phase = Phase::Ended(ending, Box::new(error.clone()));
        self.drop_renewal(error);
        self.lifetime.at = None;
        self.sign_in_again(Again::Ending, Vec::new(), now);
    }

    /// As [`end`](Self::end), but leaves it to the next call to sign in again.
    pub(super) fn end_for_now(&mut self, ending: Ending, error: &Error, now: Now) {
        self.phase = Phase::Ended(ending, Box::new(error.clone()));
        self.tell_end();
        self.drop_renewal(error);
        self.lifetime.at = None;
        self.stop_probe(Some(Verdict::Refused));
        self.turn_away(error);
        self.close_if_drained(now);
    }

    /// Closes once nothing is under way any more.
    pub(super) fn close_if_drained(&mut self, now: Now) {
        let Some(closing) = &self.closing else { return };
        let (then, has_tried) = (closing.then, closing.has_tried);
        let calls =
            self.rows.names().into_iter().filter(|name| matches!(self.rows.at(*name), Some(Row::Call(_)))).count();
        let is_busy = self.saving.is_busy()
            || self.is_renewing()
            || matches!(self.phase, Phase::SigningIn(_) | Phase::Loading(_));
        if calls > 0 || is_busy || matches!(then, Then::Telling | Then::Removing) {
            return;
        }
        if then == Then::SignOut && !is_over(&self.phase) {
            self.closes_by(Then::Telling);
            if self.tell_platform(now) {
                return;
            }
            self.closes_by(Then::Remove);
        }
        if then != Then::Close && self.record_key().is_some() {
            return self.remove(now);
        }
        if then == Then::Close && !self.is_saved() && !has_tried {
            if let Some(closing) = &mut self.closing {
                closing.has_tried = true;
            }
            return self.save_now(now);
        }
        let result = if then == Then::Close && !self.is_saved() {
            self.saving.trouble.as_deref().cloned().map_or(Ok(()), Err)
        } else {
            Ok(())
        };
        self.closed(&result);
    }

    fn closes_by(&mut self, then: Then) {
        if let Some(closing) = &mut self.closing {
            closing.then = then;
        }
    }

    /// The platform was told, or could not be.
    pub(super) fn platform_told(&mut self, told: Result<(), Error>, now: Now) {
        if let Some(closing) = &mut self.closing {
            closing.told = told;
        }
        self.closes_by(Then::Remove);
        self.close_if_drained(now);
    }

    /// Calls have held up the end for as long as they may.
    pub(super) fn drain_overdue(&mut self, now: Now) {
        if self.closing.as_mut().and_then(|closing| closing.until.take_if(|until| now.mono >= *until)).is_none() {
            return;
        }
        for name in self.rows.names() {
            if matches!(self.rows.at(name), Some(Row::Call(_))) {
                self.end_call(CallId::from_raw(name), Err(life::closed()));
            }
        }
        self.close_if_drained(now);
    }

    fn remove(&mut self, now: Now) {
        let Some(key) = self.record_key() else { return };
        self.closes_by(Then::Removing);
        let wait = self.compiled.platform().timeouts.store;
        let (effect, deadline) = self.expect(KindName::Remove, Asker::Remove, wait, now);
        let ticket = Ticket::new(effect, self.tag);
        self.run(Effect::Remove(Box::new(Remove { ticket, deadline, key })));
    }

    pub(super) fn removed(&mut self, result: Result<(), StoreError>, _now: Now) {
        self.closed(&result.map_err(|error| store_error(&error)));
    }

    fn closed(&mut self, result: &Result<(), Error>) {
        let Some(closing) = self.closing.take() else { return };
        self.backs_off = None;
        self.kept = None;
        self.lifetime.at = None;
        self.stop_probe(None);
        self.turn_away(&life::closed());
        self.drop_save(&life::closed());
        if !is_over(&std::mem::replace(&mut self.phase, Phase::Closed)) {
            self.notice(Notice::Closed);
        }
        self.reply_all(closing.waiters, &result.clone().and(closing.told));
    }
}

impl Closing {
    /// Whether the record is removed, so that nothing more is saved.
    pub(super) fn removes(&self) -> bool {
        self.then != Then::Close
    }

    /// Whether calls are ended at a moment.
    pub(super) fn is_limited(&self) -> bool {
        self.until.is_some()
    }
}

/// Whether nothing can happen to the session any more.
pub(super) fn is_over(phase: &Phase) -> bool {
    matches!(phase, Phase::Closed)
}
