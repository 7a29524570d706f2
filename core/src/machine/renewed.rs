//! What the issuer's answer to a renewal means, and what is done when there is none.
//!
//! **Invariant:** new tokens are saved, or saving them was tried, before their first use. A refresh token whose last use has an
//! unknown end is dead unless the platform declares reuse safe.

use std::time::Duration;

use super::life::{Ending, Phase};
use super::output::Notice;
use super::renewal::{Renewal, Step};
use super::restoring::LoadFor;
use super::seldom::Seldom;
use super::session::Session;
use super::timers::Alarm;
use super::token;
use super::window::Freshness;
use crate::credentials::Secret;
use crate::effect::{Arrival, EffectId, Failure, Sent};
use crate::error::{Error, Kind, Retry};
use crate::retry::{self, Repeat, classify};
use crate::time::Now;

impl Session {
    /// The issuer answered, or did not.
    pub(super) fn renewal_answered(&mut self, effect: EffectId, result: Result<Arrival, Failure>, now: Now) {
        if let Some((_, token)) = self.renewals.late.take_if(|(late, _)| *late == effect) {
            if let Ok(arrival) = result {
                self.late_answer(&token, &arrival, now);
            }
            return;
        }
        let is_awaited = |renewal: &Renewal| {
            renewal.step == Step::Sending && renewal.sent.as_ref().is_some_and(|(sent, _)| *sent == effect)
        };
        if !self.renewal.as_deref().is_some_and(is_awaited) {
            return;
        }
        match result {
            Ok(arrival) if arrival.status.is_success() => match self.read_tokens(&arrival) {
                Ok(answer) => self.renewed(answer, now),
                Err(error) => self.renewal_lost(error, now),
            },
            Ok(arrival) => self.renewal_declined(&arrival, now),
            Err(failure) => {
                let error = Error::new(failure.kind.error_kind(), format!("renewing: {}", failure.detail));
                match (failure.sent, classify::failure(&failure).repeat) {
                    (Sent::No, Repeat::Always) => self.renewal_again(None, error, now),
                    (Sent::No, Repeat::Never | Repeat::IfIdempotent) => self.renewal_failed(error, None, now),
                    (Sent::Maybe, _) => self.renewal_lost(error, now),
                }
            }
        }
    }

    /// The renewal's own deadline has passed. Its token may have been rotated: the answer is still wanted, however late.
    pub(super) fn renewal_overdue(&mut self, effect: EffectId, failure: Failure, now: Now) {
        if self.renewals.late.as_ref().is_some_and(|(late, _)| *late == effect) {
            return;
        }
        let sent = self.renewal.as_ref().and_then(|renewal| renewal.sent.clone()).filter(|(sent, _)| *sent == effect);
        match sent {
            Some(sent) => {
                self.renewal_answered(effect, Err(failure), now);
                self.renewals.late = Some(sent);
            }
            None => self.abandon(effect),
        }
    }

    /// The issuer's answer holds no tokens.
    fn renewal_declined(&mut self, arrival: &Arrival, now: Now) {
        let asked = retry::retry_after(&arrival.headers, now.wall);
        let what = format!("the token endpoint answered {}{}", arrival.status.as_u16(), token::told(arrival));
        match arrival.status.as_u16() {
            429 => self.renewal_again(asked, Error::new(Kind::Throttled, what), now),
            408 | 425 | 503 => self.renewal_again(asked, Error::new(Kind::PlatformFailed, what), now),
            // A token response is a 200 (RFC 6749 §5.1): whoever redirects here did not act on the token.
            300..=399 => self.renewal_failed(Error::new(Kind::UnexpectedAnswer, what), None, now),
            400..=499 => self.renewal_refused(Error::new(Kind::Expired, what), now),
            _ => self.renewal_lost(Error::new(Kind::PlatformFailed, what), now),
        }
    }

    /// An answer that had been given up. It is taken if the session still holds the token that it was got with.
    fn late_answer(&mut self, token: &Secret, arrival: &Arrival, now: Now) {
        let answer = if arrival.status.is_success() { self.read_tokens(arrival) } else { return };
        let Ok(answer) = answer else { return };
        if let Phase::SigningIn(sign_in) = &mut self.phase {
            sign_in.renewed_before(token, answer);
            return;
        }
        let may_take = match (&self.phase, &self.renewal) {
            (Phase::Active, Some(renewal)) => renewal.is_preparing(),
            (Phase::Active | Phase::Ended(Ending::Expired, _), None) => true,
            _ => false,
        };
        if may_take && self.tokens.refresh.as_ref() == Some(token) {
            self.take_late(answer, now);
        }
    }

    /// Goes on with the tokens of a renewal that had been given up.
    pub(super) fn take_late(&mut self, answer: token::Answer, now: Now) {
        self.phase = Phase::Active;
        self.backs_off = None;
        self.renewal.get_or_insert_with(|| Box::new(Renewal::saving()));
        self.renewed(answer, now);
    }

    fn renewed(&mut self, answer: token::Answer, now: Now) {
        if let Some(renewal) = &mut self.renewal {
            renewal.step = Step::Saving;
            renewal.gates = true;
        }
        if let Err(error) = self.agrees(&answer) {
            return self.end(Ending::Rejected, &error, now);
        }
        self.generation += 1;
        self.revision += 1;
        self.tokens_since = self.generation;
        self.stats.renewals += 1;
        self.renewals = Seldom::default();
        self.set_intent(None);
        self.take_tokens(answer, now);
        self.save_now(now);
    }

    /// The new tokens are saved, or saving them failed for now: calls may use them.
    pub(super) fn renewal_saved(&mut self, now: Now) {
        if matches!(self.renewal.as_deref(), Some(Renewal { step: Step::Saving, .. })) {
            self.notice(Notice::Renewed(self.generation));
            self.set_window(now);
            self.end_renewal(&Ok(()), now);
        }
    }

    pub(super) fn renewal_again(&mut self, asked: Option<Duration>, error: Error, now: Now) {
        let rules = &self.compiled.platform().retry;
        let Some(renewal) = &mut self.renewal else { return };
        if renewal.attempt >= rules.attempts || self.closing.is_some() {
            return self.renewal_failed(error.with_retry(Retry::GaveUp), asked, now);
        }
        let backoff = retry::delay(rules, renewal.attempt, &mut self.jitter);
        let delay = retry::wait(asked, backoff);
        if delay > self.compiled.platform().timeouts.total {
            return self.renewal_failed(error.with_retry(Retry::After(now.wall + delay)), asked, now);
        }
        renewal.step = Step::Backoff;
        self.back_off(delay, now);
    }

    /// The refresh token may have been used up by an answer that nobody saw.
    fn renewal_lost(&mut self, error: Error, now: Now) {
        if self.is_resendable() {
            return self.renewal_again(None, error, now);
        }
        let what =
            format!("the refresh token may have been used up by an answer that was lost ({error}); sign in again");
        let lost = Error::new(Kind::RenewalLost, what);
        self.renewals.dead = Some(Box::new(lost.clone()));
        self.renewal_failed(lost, None, now);
    }

    /// The issuer refused the refresh token; perhaps because another process used it first.
    fn renewal_refused(&mut self, error: Error, now: Now) {
        if self.settings.persist.is_some() {
            self.renewals.unsettled = Some(Box::new(error));
            if let Some(renewal) = &mut self.renewal {
                renewal.step = Step::Reloading;
            }
            self.load(LoadFor::Refusal, now);
        } else {
            self.renewals.dead = Some(Box::new(error.clone()));
            self.renewal_failed(error, None, now);
        }
    }

    /// No newer session was saved by anybody: the refusal stands.
    pub(super) fn refusal_stands(&mut self, now: Now) {
        self.renewals.dead = self.renewals.unsettled.take();
        let error = self.cannot_renew();
        self.renewal_failed(error, None, now);
    }

    /// The renewal is over without new tokens. It is not tried again before the issuer's `asked` wait has passed.
    pub(super) fn renewal_failed(&mut self, error: Error, asked: Option<Duration>, now: Now) {
        self.notice(Notice::RenewalFailed(error.code()));
        self.renewals.trouble = Some(Box::new(error.clone()));
        let is_gone = self.spent == self.generation || self.freshness(now) == Freshness::Ended;
        if is_gone && self.renewals.dead.is_some() {
            if let Some(renewal) = self.renewal.take() {
                self.reply_all(renewal.waiters, &Err(error.clone()));
            }
            return self.end(Ending::Expired, &error, now);
        }
        let left = self.tokens.life.map_or(Duration::ZERO, |life| life.left(now.wall));
        let drawn = Duration::from_secs(300) + Duration::from_millis(self.jitter.below(300_000));
        let rules = &self.compiled.platform().retry;
        // Never zero: the calls that waited for this renewal are not to start the next one.
        let pause = SHORTEST_PAUSE + rules.base / 2 + retry::delay(rules, 1, &mut self.jitter) / 2;
        let pause = asked.map_or(pause, |asked| pause.max(asked));
        let again = drawn.min(left / 2).max(pause);
        self.renewals.again = Some(now.mono + again);
        if !left.is_zero() {
            self.timers.set(now.mono + again, Alarm::Window(self.generation));
        }
        self.renewals.not_before = Some(now.mono + pause);
        self.withdraw_intent(now);
        self.end_renewal(&Err(error), now);
    }

    /// Ends the renewal and lets the calls that waited for it go on, each to find the gate as it now is.
    pub(super) fn end_renewal(&mut self, result: &Result<(), Error>, now: Now) {
        if let Some(renewal) = self.renewal.take() {
            self.reply_all(renewal.waiters, result);
        }
        self.open_gate(now);
    }
}

/// How long a renewal that failed is left alone, at least.
const SHORTEST_PAUSE: Duration = Duration::from_millis(10);
