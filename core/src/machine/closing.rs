//! The end of a session: by itself, closed (saved and stopped, never signed out) or forgotten (its record removed).

use super::answers::Asker;
use super::life::{self, Ending, Phase};
use super::output::{Notice, Reply, Verdict};
use super::renewal::Step;
use super::saving::store_error;
use super::session::{Row, Session};
use crate::effect::{CallId, Effect, KindName, Remove, Ticket};
use crate::error::Error;
use crate::store::StoreError;
use crate::time::Now;

/// A session on its way to its end.
#[derive(Debug)]
pub(super) struct Closing {
    waiters: Vec<CallId>,
    then: Then,
    /// Whether what was not saved has been tried to be saved.
    has_tried: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    Close,
    /// The record is removed first.
    Remove,
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

    /// Closes the session and removes its record from the store. The platform is not told.
    pub fn forget(&mut self, now: Now) -> CallId {
        self.wind_down(Then::Remove, now)
    }

    fn wind_down(&mut self, then: Then, now: Now) -> CallId {
        let id = self.command();
        let is_kept = then == Then::Remove && self.settings.persist.is_some();
        if is_over(&self.phase) && self.closing.is_none() && !is_kept {
            self.reply(id, Ok(Reply::Done));
            return id;
        }
        match &mut self.closing {
            Some(closing) => {
                closing.waiters.push(id);
                if then == Then::Remove && closing.then == Then::Close {
                    closing.then = then;
                }
            }
            None => self.closing = Some(Box::new(Closing { waiters: vec![id], then, has_tried: false })),
        }
        let error = life::closed();
        self.turn_away(&error);
        if !self.is_saving_sign_in() {
            if let Phase::SigningIn(_) = &self.phase {
                self.sign_in_failed(&error, now);
            }
            // A renewal that has begun is waited for: its answer may be the only way to the next token.
            let has_not_sent = |step| matches!(step, Step::Backoff | Step::Discovering(_));
            let is_pausing = self.renewal.as_ref().is_some_and(|renewal| has_not_sent(renewal.step));
            if !is_over(&self.phase) && (!self.is_renewing() || is_pausing) {
                self.stop_for("the session was closed");
            }
        }
        if then == Then::Remove {
            self.drop_save(&error);
        }
        self.close_if_drained(now);
        id
    }

    /// Ends the session by itself: calls that wait fail with this error, and so does every later one.
    pub(super) fn end(&mut self, ending: Ending, error: &Error, now: Now) {
        self.notice(match ending {
            Ending::Expired => Notice::Expired,
            Ending::Rejected => Notice::Rejected(error.code()),
        });
        self.phase = Phase::Ended(ending, error.clone());
        self.drop_renewal(error);
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
        if calls > 0 || is_busy || then == Then::Removing {
            return;
        }
        if then == Then::Remove && self.record_key().is_some() {
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

    fn remove(&mut self, now: Now) {
        let Some(key) = self.record_key() else { return };
        if let Some(closing) = &mut self.closing {
            closing.then = Then::Removing;
        }
        let wait = self.compiled.platform().timeouts.store;
        let (effect, deadline) = self.expect(KindName::Remove, Asker::Remove, wait, now);
        let ticket = Ticket::new(effect, self.tag);
        self.run(Effect::Remove(Remove { ticket, deadline, key }));
    }

    pub(super) fn removed(&mut self, result: Result<(), StoreError>, _now: Now) {
        self.closed(&result.map_err(|error| store_error(&error)));
    }

    fn closed(&mut self, result: &Result<(), Error>) {
        let Some(closing) = self.closing.take() else { return };
        self.backs_off = None;
        self.drop_save(&life::closed());
        if !is_over(&std::mem::replace(&mut self.phase, Phase::Closed)) {
            self.notice(Notice::Closed);
        }
        self.reply_all(closing.waiters, result);
    }
}

impl Closing {
    /// Whether the record is removed, so that nothing more is saved.
    pub(super) fn removes(&self) -> bool {
        matches!(self.then, Then::Remove | Then::Removing)
    }
}

/// Whether nothing can happen to the session any more.
pub(super) fn is_over(phase: &Phase) -> bool {
    matches!(phase, Phase::Closed)
}
