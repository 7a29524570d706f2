//! Renewing a session: at most one renewal is in flight, whoever asked for it, and no rotating token is sent twice.
//!
//! ```text
//! idle ──window, refusal or force──▶ Sending ──tokens──▶ Saving ──▶ idle
//!                                      │ ▲ └─refused──▶ Reloading ──newer saved──▶ idle
//!                                      ▼ │                        └──else──▶ dead
//!                                    Backoff
//! ```
//!
//! **Invariant:** a renewal belongs to the session, never to the call that noticed. A refresh token whose last use has an
//! unknown end is dead unless the platform declares reuse safe.

use std::time::Duration;

use super::answers::Asker;
use super::life::{Ending, Phase};
use super::output::{Notice, Verdict};
use super::restoring::LoadFor;
use super::session::Session;
use super::timers::Alarm;
use super::token;
use super::window::Freshness;
use crate::effect::{
    Arrival, CallId, Effect, EffectId, Exchange, Failure, KindName, Owner, Purpose, ReadBody, SendBody, Sent, Ticket,
};
use crate::error::{Error, Kind, Retry};
use crate::retry::{self, Repeat, classify};
use crate::time::{Mono, Now};

/// A renewal under way.
#[derive(Debug)]
pub(super) struct Renewal {
    /// Whether calls wait for it.
    gates: bool,
    pub(super) step: Step,
    attempt: u32,
    pub(super) waiters: Vec<CallId>,
}

/// Where a renewal stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Sending,
    Backoff,
    /// The issuer refused; perhaps another process was first.
    Reloading,
    /// The new tokens are being saved before their first use.
    Saving,
}

/// What is remembered between renewals.
#[derive(Debug, Default)]
pub(super) struct Renewals {
    /// The generation that was renewed ahead of its end already.
    tried: u64,
    /// When an advisory renewal that failed is tried again.
    again: Option<Mono>,
    /// Until when a renewal that failed is not tried again.
    not_before: Option<Mono>,
    /// How the last one failed.
    trouble: Option<Error>,
    /// Why the refresh token cannot be used any more.
    pub(super) dead: Option<Error>,
    /// A renewal that was given up for late, and the generation it started from: its answer is still wanted.
    pub(super) late: Option<(EffectId, u64)>,
}

impl Session {
    /// Renews now, whatever the token's age; joins a renewal that is in flight.
    pub fn renew(&mut self, now: Now) -> CallId {
        let id = self.command();
        if !matches!(self.phase, Phase::Active) || self.closing.is_some() {
            let what = format!("a session that is {} cannot be renewed", self.state().as_str());
            let kind = if matches!(self.phase, Phase::Closed) { Kind::Closed } else { Kind::NoSession };
            self.reply(id, Err(Error::new(kind, what)));
        } else if !self.is_renewing() && !self.can_renew() {
            let error = self.cannot_renew();
            self.reply(id, Err(error));
        } else {
            self.start_renewal(true, now);
            if let Some(renewal) = &mut self.renewal {
                renewal.waiters.push(id);
            }
        }
        id
    }

    pub(super) fn is_renewing(&self) -> bool {
        self.renewal.is_some()
    }

    pub(super) fn is_gated(&self) -> bool {
        self.renewal.as_ref().is_some_and(Renewal::gates)
    }

    /// The advisory window: calls go on while one renewal runs.
    pub(super) fn renew_ahead(&mut self, now: Now) {
        let again = self.renewals.again.is_some_and(|at| now.mono >= at);
        let is_due = self.renewals.tried != self.generation || again;
        if is_due && !self.is_renewing() && self.can_renew() {
            self.renewals.tried = self.generation;
            self.renewals.again = None;
            self.start_renewal(false, now);
        }
    }

    /// The mandatory window, or a refusal: calls wait, unless a renewal has just failed.
    pub(super) fn renew_now(&mut self, now: Now) {
        if self.is_renewing() {
            self.start_renewal(true, now);
        } else if self.can_renew() && self.renewals.not_before.is_none_or(|at| now.mono >= at) {
            self.renewals.tried = self.generation;
            self.start_renewal(true, now);
        }
    }

    /// A moment was reached at which this generation's window begins.
    pub(super) fn window_reached(&mut self, generation: u64, now: Now) {
        if generation != self.generation || !matches!(self.phase, Phase::Active) || self.closing.is_some() {
            return;
        }
        match self.freshness(now) {
            Freshness::Fresh => self.set_window(now),
            Freshness::Advisory => self.renew_ahead(now),
            Freshness::Mandatory | Freshness::Ended => self.renew_now(now),
        }
    }

    /// Sets the alarm for the present generation's advisory window.
    pub(super) fn set_window(&mut self, now: Now) {
        let Some(life) = self.tokens.life else { return };
        if self.can_renew() {
            let begins = life.left(now.wall).saturating_sub(life.windows().advisory);
            self.timers.set(now.mono + begins, Alarm::Window(self.generation));
        }
    }

    pub(super) fn can_renew(&self) -> bool {
        let has_token = self.compiled.token_url().is_some() && self.tokens.refresh.is_some();
        has_token && self.renewals.dead.is_none() && !self.is_token_unsaved()
    }

    /// Whether the present refresh token would be lost if this process ended now.
    fn is_token_unsaved(&self) -> bool {
        let rotates = self.compiled.platform().renew.as_ref().is_some_and(|renew| renew.rotates);
        let kept = self.settings.persist.is_some() && !self.settings.renew_without_store;
        rotates && kept && !self.saving.holds(self.generation)
    }

    /// Why there is no renewal to hope for.
    pub(super) fn cannot_renew(&self) -> Error {
        if let Some(dead) = &self.renewals.dead {
            return dead.clone();
        }
        if self.tokens.refresh.is_some() && self.is_token_unsaved() {
            let what = "the session must be renewed, but its present refresh token could not be saved";
            return Error::new(Kind::StoreUnavailable, what);
        }
        Error::new(Kind::Expired, "the session ended and there is nothing to renew it with; sign in again")
    }

    /// How the last renewal failed, for calls that needed it.
    pub(super) fn renewal_trouble(&self) -> Error {
        if !self.can_renew() {
            return self.cannot_renew();
        }
        let unknown = || Error::new(Kind::PlatformFailed, "the session could not be renewed");
        self.renewals.trouble.clone().unwrap_or_else(unknown)
    }

    fn start_renewal(&mut self, gates: bool, now: Now) {
        if let Some(renewal) = &mut self.renewal {
            renewal.gates |= gates;
            return;
        }
        self.renewal = Some(Renewal { gates, step: Step::Sending, attempt: 0, waiters: Vec::new() });
        self.send_renewal(now);
    }

    /// Sends the refresh token to the issuer.
    pub(super) fn send_renewal(&mut self, now: Now) {
        let Some(renewal) = &mut self.renewal else { return };
        renewal.step = Step::Sending;
        renewal.attempt += 1;
        let attempt = renewal.attempt;
        self.send_refresh_token(Purpose::Renewal, attempt, now);
    }

    /// Puts a token request on the wire, for a renewal or for the sign-in of a platform whose recipe is one.
    pub(super) fn send_refresh_token(&mut self, purpose: Purpose, attempt: u32, now: Now) {
        let (Some(rules), Some(uri)) = (&self.compiled.platform().renew, self.compiled.token_url()) else { return };
        let request = token::request(rules, &self.tokens);
        let uri = uri.clone();
        self.own_exchange(
            purpose,
            attempt,
            http::Method::POST,
            uri,
            request.headers,
            SendBody::Bytes(request.body),
            now,
        );
    }

    /// Puts an exchange of the session's own on the wire.
    #[expect(clippy::too_many_arguments, reason = "a request has this many parts")]
    pub(super) fn own_exchange(
        &mut self,
        purpose: Purpose,
        attempt: u32,
        method: http::Method,
        uri: http::Uri,
        headers: http::HeaderMap,
        body: SendBody,
        now: Now,
    ) {
        let wait = self.compiled.platform().timeouts.exchange;
        let (effect, deadline) = self.expect(KindName::Exchange, Asker::Own(purpose), wait, now);
        let ticket = Ticket::new(effect, self.tag);
        let (owner, read) = (Owner::Session(purpose), ReadBody::Whole { cap: OWN_CAP });
        let generation = self.generation;
        self.run(Effect::Exchange(Box::new(Exchange {
            ticket,
            owner,
            attempt,
            generation,
            deadline,
            method,
            uri,
            headers,
            body,
            read,
        })));
    }

    /// The issuer answered, or did not.
    pub(super) fn renewal_answered(&mut self, effect: EffectId, result: Result<Arrival, Failure>, now: Now) {
        if let Some((late, generation)) = self.renewals.late
            && late == effect
            && result.is_ok()
        {
            self.renewals.late = None;
            return self.late_answer(generation, result, now);
        }
        if !matches!(self.renewal, Some(Renewal { step: Step::Sending, .. })) || !matches!(self.phase, Phase::Active) {
            return;
        }
        let rules = self.compiled.platform().renew.as_ref();
        let is_resendable = rules.is_some_and(|rules| rules.reuse_safe || !rules.rotates);
        match result {
            Ok(arrival) if arrival.status.is_success() => match token::read(&arrival) {
                Ok(answer) => self.renewed(answer, now),
                Err(error) => self.renewal_lost(is_resendable, error, now),
            },
            Ok(arrival) => {
                let asked = retry::retry_after(&arrival.headers, now.wall);
                let told = token::told(&arrival);
                let what = format!("the token endpoint answered {}{told}", arrival.status.as_u16());
                match arrival.status.as_u16() {
                    429 => self.renewal_again(asked, Error::new(Kind::Throttled, what), now),
                    503 => self.renewal_again(asked, Error::new(Kind::PlatformFailed, what), now),
                    400..=499 => self.renewal_refused(Error::new(Kind::Expired, what), now),
                    _ => self.renewal_lost(is_resendable, Error::new(Kind::PlatformFailed, what), now),
                }
            }
            Err(failure) => {
                let error = Error::new(failure.kind.error_kind(), format!("renewing: {}", failure.detail));
                match (failure.sent, classify::failure(&failure).repeat) {
                    (Sent::No, Repeat::Always) => self.renewal_again(None, error, now),
                    (Sent::No, Repeat::Never | Repeat::IfIdempotent) => self.renewal_failed(error, now),
                    (Sent::Maybe, _) => self.renewal_lost(is_resendable, error, now),
                }
            }
        }
    }

    fn late_answer(&mut self, generation: u64, result: Result<Arrival, Failure>, now: Now) {
        let is_newest =
            generation == self.generation && matches!(self.phase, Phase::Active | Phase::Ended(Ending::Expired, _));
        if let Ok(arrival) = result
            && is_newest
            && self.renewal.is_none()
            && arrival.status.is_success()
            && let Ok(answer) = token::read(&arrival)
        {
            self.phase = Phase::Active;
            self.renewal = Some(Renewal { gates: true, step: Step::Sending, attempt: 1, waiters: Vec::new() });
            self.renewed(answer, now);
        }
    }

    fn renewed(&mut self, answer: token::Answer, now: Now) {
        self.generation += 1;
        self.revision += 1;
        self.stats.renewals += 1;
        self.renewals.dead = None;
        self.renewals.trouble = None;
        self.renewals.again = None;
        self.renewals.not_before = None;
        self.take_tokens(answer, now);
        if let Some(renewal) = &mut self.renewal {
            renewal.step = Step::Saving;
            renewal.gates = true;
        }
        self.save_now(now);
    }

    /// The new tokens are saved, or saving them failed for now: calls may use them.
    pub(super) fn renewal_saved(&mut self, now: Now) {
        if matches!(self.renewal, Some(Renewal { step: Step::Saving, .. })) {
            self.notice(Notice::Renewed(self.generation));
            self.set_window(now);
            self.end_renewal(&Ok(()), now);
        }
    }

    fn renewal_again(&mut self, asked: Option<Duration>, error: Error, now: Now) {
        let rules = &self.compiled.platform().retry;
        let Some(renewal) = &mut self.renewal else { return };
        if renewal.attempt >= rules.attempts {
            return self.renewal_failed(error.with_retry(Retry::GaveUp), now);
        }
        let backoff = retry::delay(rules, renewal.attempt, &mut self.jitter);
        let delay = asked.map_or(backoff, |asked| asked.saturating_add(backoff / 4));
        if delay > self.compiled.platform().timeouts.total {
            return self.renewal_failed(error.with_retry(Retry::After(now.wall + delay)), now);
        }
        renewal.step = Step::Backoff;
        self.back_off(delay, now);
    }

    /// The refresh token may have been used up by an answer that nobody saw.
    fn renewal_lost(&mut self, is_resendable: bool, error: Error, now: Now) {
        if is_resendable {
            return self.renewal_again(None, error, now);
        }
        let what =
            format!("the refresh token may have been used up by an answer that was lost ({error}); sign in again");
        let lost = Error::new(Kind::RenewalLost, what);
        self.renewals.dead = Some(lost.clone());
        self.renewal_failed(lost, now);
    }

    /// The issuer refused the refresh token; perhaps because another process used it first.
    fn renewal_refused(&mut self, error: Error, now: Now) {
        self.renewals.dead = Some(error.clone());
        if self.settings.persist.is_some() {
            if let Some(renewal) = &mut self.renewal {
                renewal.step = Step::Reloading;
            }
            self.load(LoadFor::Refusal, now);
        } else {
            self.renewal_failed(error, now);
        }
    }

    /// No newer session was saved by anybody: the refusal stands.
    pub(super) fn refusal_stands(&mut self, now: Now) {
        let error = self.cannot_renew();
        self.renewal_failed(error, now);
    }

    pub(super) fn renewal_failed(&mut self, error: Error, now: Now) {
        self.notice(Notice::RenewalFailed(error.code()));
        self.renewals.trouble = Some(error.clone());
        let is_gone = self.spent == self.generation || self.freshness(now) == Freshness::Ended;
        if is_gone && self.renewals.dead.is_some() {
            if let Some(renewal) = self.renewal.take() {
                self.reply_all(renewal.waiters, &Err(error.clone()));
            }
            return self.end(Ending::Expired, &error, now);
        }
        let left = self.tokens.life.map_or(Duration::ZERO, |life| life.left(now.wall));
        let drawn = Duration::from_secs(300) + Duration::from_millis(self.jitter.below(300_000));
        let again = drawn.min(left / 2);
        self.renewals.again = Some(now.mono + again);
        if again > Duration::ZERO {
            self.timers.set(now.mono + again, Alarm::Window(self.generation));
        }
        let pause = retry::delay(&self.compiled.platform().retry, 1, &mut self.jitter);
        self.renewals.not_before = Some(now.mono + pause);
        self.end_renewal(&Err(error), now);
    }

    /// Ends the renewal and lets the calls that waited for it go on, each to find the gate as it now is.
    pub(super) fn end_renewal(&mut self, result: &Result<(), Error>, now: Now) {
        if let Some(renewal) = self.renewal.take() {
            self.reply_all(renewal.waiters, result);
        }
        self.open_gate(now);
    }

    /// Ends the session by itself: calls that wait fail with this error, and so does every later one.
    pub(super) fn end(&mut self, ending: Ending, error: &Error, now: Now) {
        self.notice(match ending {
            Ending::Expired => Notice::Expired,
            Ending::Rejected => Notice::Rejected(error.code()),
        });
        self.phase = Phase::Ended(ending, error.clone());
        self.turn_away(error);
        self.release_suspects(Verdict::Refused);
        self.close_if_drained(now);
    }

    /// Waits before the next exchange of the session's own.
    pub(super) fn back_off(&mut self, delay: Duration, now: Now) {
        self.backs_off = true;
        self.timers.set(now.mono + delay, Alarm::OwnBackoff);
    }

    pub(super) fn own_backoff_over(&mut self, now: Now) {
        if !std::mem::take(&mut self.backs_off) {
            return;
        }
        match &self.phase {
            Phase::SigningIn(_) => self.send_sign_in(now),
            Phase::Active if matches!(self.renewal, Some(Renewal { step: Step::Backoff, .. })) => {
                self.send_renewal(now);
            }
            Phase::Active | Phase::Fresh | Phase::Loading(_) | Phase::Ended(..) | Phase::Closed => {}
        }
    }
}

impl Renewal {
    /// Whether calls wait for it.
    pub(super) fn gates(&self) -> bool {
        self.gates
    }
}

/// The most that is read of an answer to an exchange of the session's own.
const OWN_CAP: usize = 1024 * 1024;
