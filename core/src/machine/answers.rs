//! Who hears an answer: every effect is in one table, and every answer finds its asker there or nobody.

use std::fmt;
use std::time::Duration;

use super::life::Phase;
use super::output::Notice;
use super::restoring::LoadFor;
use super::session::Session;
use super::timers::Alarm;
use crate::effect::{
    Arrival, CallId, EffectId, Failure, FailureKind, Kind, KindName, Outcome, PermitAnswer, Purpose, Sent, Ticket,
};
use crate::store::StoreError;
use crate::time::{Mono, Now};

/// An answer that nobody waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Misuse {
    /// The effect was answered, abandoned or overdue before, or never existed.
    NotPending,
    /// The effect is of another kind than the outcome.
    WrongKind,
}

/// An effect that waits for its answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pending {
    pub(super) kind: KindName,
    pub(super) asker: Asker,
}

/// Who waits for an answer.
#[derive(Clone, Copy, Debug)]
pub(super) enum Asker {
    Attempt(CallId),
    Retry(CallId),
    Own(Purpose),
    /// What holds this exchange back.
    Sign(EffectId),
    Load(LoadFor),
    Save,
    Lease,
    Release,
    Remove,
    Question,
}

impl Session {
    /// Answers an effect. A ticket can be used once; one of another session changes nothing but brings a notice.
    #[expect(clippy::needless_pass_by_value, reason = "using a ticket uses it up")]
    pub fn complete<K: Kind>(&mut self, ticket: Ticket<K>, outcome: K::Outcome, now: Now) {
        let is_ours = ticket.session() == self.tag;
        if !is_ours || self.finish(ticket.id(), K::wrap(outcome), now).is_err() {
            self.notice(Notice::Misused(ticket.id()));
        }
    }

    /// Answers an effect by its id, for drivers whose boundary carries no types.
    pub fn finish(&mut self, effect: EffectId, outcome: Outcome, now: Now) -> Result<(), Misuse> {
        let pending = *self.effects.at(effect.raw()).ok_or(Misuse::NotPending)?;
        if pending.kind != outcome.kind() {
            return Err(Misuse::WrongKind);
        }
        self.effects.remove(effect.raw());
        self.trace.answer(&outcome, now);
        match (pending.asker, outcome) {
            (Asker::Attempt(call), Outcome::Exchange(Ok(arrival))) => self.arrived(call, effect, arrival, now),
            (Asker::Attempt(call), Outcome::Exchange(Err(failure))) => self.attempt_failed(call, &failure, now),
            (Asker::Retry(call), Outcome::Permit(answer)) => self.retry_answered(call, answer, now),
            (Asker::Own(purpose), Outcome::Exchange(result)) => self.own_answered(purpose, effect, result, now),
            (Asker::Sign(exchange), Outcome::Sign(result)) => self.signed(exchange, result, now),
            (Asker::Load(why), Outcome::Load(result)) => self.loaded(why, result, now),
            (Asker::Save, Outcome::Save(result)) => self.save_answered(result, now),
            (Asker::Lease, Outcome::Lease(result)) => self.lease_answered(result, now),
            // One that was not let go ends by itself.
            (Asker::Release, Outcome::Release(_)) => {}
            (Asker::Remove, Outcome::Remove(result)) => self.removed(result, now),
            (Asker::Question, Outcome::Ask(result)) => self.asked(result, now),
            (
                Asker::Attempt(_)
                | Asker::Retry(_)
                | Asker::Own(_)
                | Asker::Sign(_)
                | Asker::Load(_)
                | Asker::Save
                | Asker::Lease
                | Asker::Release
                | Asker::Remove
                | Asker::Question,
                _,
            ) => return Err(Misuse::WrongKind),
        }
        self.after_answer(now);
        Ok(())
    }

    /// Adds an effect of the session's own to the table and sets its deadline.
    pub(super) fn expect(&mut self, kind: KindName, asker: Asker, wait: Duration, now: Now) -> (EffectId, Mono) {
        let deadline = now.mono + wait;
        let effect = self.expect_within_call(kind, asker);
        self.timers.set(deadline, Alarm::Effect(effect));
        (effect, deadline)
    }

    /// Adds an effect whose deadline is that of its call.
    pub(super) fn expect_within_call(&mut self, kind: KindName, asker: Asker) -> EffectId {
        EffectId::from_raw(self.effects.insert(Pending { kind, asker }))
    }

    /// Goes on without the answer of an effect whose deadline has passed.
    pub(super) fn effect_overdue(&mut self, effect: EffectId, now: Now) {
        let Some(pending) = self.effects.at(effect.raw()).copied() else { return };
        let failure = || Failure::new(FailureKind::Overdue, Sent::Maybe, "the exchange was not answered in time");
        let unavailable = || StoreError::Unavailable("the store did not answer in time".to_owned());
        match pending.asker {
            Asker::Sign(exchange) => self.sign_overdue(exchange, now),
            Asker::Own(_) if self.is_held(effect) => self.sign_overdue(effect, now),
            Asker::Own(Purpose::Renewal) => self.renewal_overdue(effect, failure(), now),
            Asker::Own(purpose) => {
                self.abandon(effect);
                self.own_answered(purpose, effect, Err(failure()), now);
            }
            Asker::Load(why) => {
                self.abandon(effect);
                self.loaded(why, Err(unavailable()), now);
            }
            Asker::Save => {
                self.abandon(effect);
                self.save_answered(Err(unavailable()), now);
            }
            Asker::Lease => {
                self.abandon(effect);
                self.lease_answered(Err(unavailable()), now);
            }
            Asker::Release => self.abandon(effect),
            Asker::Remove => {
                self.abandon(effect);
                self.removed(Err(unavailable()), now);
            }
            Asker::Question => self.question_overdue(effect, now),
            // Their call's own deadline ends them.
            Asker::Attempt(_) | Asker::Retry(_) => {}
        }
        self.after_answer(now);
    }

    /// An exchange of the session's own was answered; whoever asked for it may be gone.
    pub(super) fn own_answered(
        &mut self,
        purpose: Purpose,
        effect: EffectId,
        result: Result<Arrival, Failure>,
        now: Now,
    ) {
        if let Ok(arrival) = &result
            && self.own_nonce_demanded(purpose, effect, arrival, now)
        {
            return;
        }
        if self.compiled.csrf_header().is_some() && self.own_shook_hands(purpose, &result, now) {
            return;
        }
        match (purpose, &self.phase) {
            (Purpose::Renewal, _) => self.renewal_answered(effect, result, now),
            (Purpose::Csrf | Purpose::SignIn | Purpose::Probe | Purpose::Discovery, Phase::SigningIn(_)) => {
                self.sign_in_answered(purpose, result, now);
            }
            (Purpose::Discovery, _) if self.telling.is_some() => self.sign_out_discovered(result, now),
            (Purpose::Discovery, Phase::Active) => self.renewal_discovered(result, now),
            (Purpose::Probe, Phase::Active) => self.probe_answered(result, now),
            (Purpose::SignOut, _) => self.sign_out_answered(result, now),
            (Purpose::KeepAlive, Phase::Active) => self.keep_alive_answered(result, now),
            (Purpose::Discovery | Purpose::Csrf | Purpose::SignIn | Purpose::Probe | Purpose::KeepAlive, _) => {}
        }
    }

    fn retry_answered(&mut self, call: CallId, answer: PermitAnswer, now: Now) {
        match answer {
            PermitAnswer::Granted => self.retry_granted(call, now),
            PermitAnswer::Denied => self.retry_denied(call, now),
        }
    }

    fn after_answer(&mut self, now: Now) {
        self.close_if_drained(now);
    }
}

impl fmt::Display for Misuse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotPending => "nobody waits for this answer",
            Self::WrongKind => "the effect is of another kind than the outcome",
        })
    }
}

impl std::error::Error for Misuse {}
