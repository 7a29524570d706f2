//! The steps of a sign-in: each is sent, its cookies are taken, and its answer decides whether the next one follows.

use super::{Stage, answer, request};
use crate::effect::{Arrival, Failure, Purpose, SendBody};
use crate::error::{Error, Kind, Retry};
use crate::machine::life::Phase;
use crate::machine::output::Notice;
use crate::machine::session::Session;
use crate::platform::{Plan, Step};
use crate::retry::{self, Safety, classify};
use crate::time::Now;

impl Session {
    pub(super) fn send_step(&mut self, index: usize, tries: u32, now: Now) {
        let compiled = self.compiled.clone();
        let (Phase::SigningIn(sign_in), Plan::Steps(steps)) = (&mut self.phase, compiled.plan()) else { return };
        let Some(step) = steps.get(index) else { return self.proved(now) };
        match request::build(step, |name| sign_in.value(name)) {
            Err(error) => self.sign_in_failed(&error, now),
            Ok(mut request) => {
                if compiled.names(&request.uri) {
                    sign_in.at = Some(request.uri.clone());
                    self.wear(&mut request.headers, &request.uri, now);
                }
                let body = request.body.map_or(SendBody::Empty, SendBody::Bytes);
                self.own_exchange(step.purpose, tries, request.method, request.uri, request.headers, body, now);
            }
        }
    }

    /// An exchange of the sign-in was answered.
    pub(in crate::machine) fn sign_in_answered(
        &mut self,
        purpose: Purpose,
        result: Result<Arrival, Failure>,
        now: Now,
    ) {
        let Phase::SigningIn(sign_in) = &self.phase else { return };
        if !sign_in.is_at(purpose) {
            return;
        }
        let stage = sign_in.stage;
        if stage == Stage::Grant {
            return self.grant_answered(result, now);
        }
        match result {
            Err(failure) => self.exchange_failed(&failure, now),
            Ok(arrival) => {
                self.take_sign_in_cookies(&arrival, now);
                match (stage, self.compiled.clone().plan()) {
                    (Stage::Probe, _) => self.sign_in_probed(&arrival, now),
                    (Stage::Step(index), Plan::Steps(steps)) => {
                        if let Some(step) = steps.get(index) {
                            self.step_answered(step, index, &arrival, now);
                        }
                    }
                    (Stage::Step(_) | Stage::Grant | Stage::Program | Stage::Saving, _) => {}
                }
            }
        }
    }

    fn take_sign_in_cookies(&mut self, arrival: &Arrival, now: Now) {
        if let Phase::SigningIn(sign_in) = &self.phase
            && let Some(uri) = &sign_in.at
        {
            for line in arrival.headers.get_all(http::header::SET_COOKIE) {
                let _ = self.jar.receive(uri, line.as_bytes(), now.wall);
            }
        }
    }

    fn step_answered(&mut self, step: &Step, index: usize, arrival: &Arrival, now: Now) {
        if self.sent_again(arrival, now) {
            return;
        }
        let Phase::SigningIn(sign_in) = &self.phase else { return };
        let cookie = |name: &str| self.jar.value(sign_in.at.as_ref()?, name, now.wall).map(str::to_owned);
        match answer::read(step, arrival, cookie) {
            Err(error) => self.sign_in_failed(&error, now),
            Ok(found) => {
                if let Some(tokens) = found.tokens {
                    self.take_tokens(tokens, now);
                }
                if let Phase::SigningIn(sign_in) = &mut self.phase {
                    sign_in.values.extend(found.values);
                }
                self.enter(Stage::Step(index + 1), now);
            }
        }
    }

    /// An exchange brought no answer: try again where nothing can have happened, and the probe anyway.
    fn exchange_failed(&mut self, failure: &Failure, now: Now) {
        let Phase::SigningIn(sign_in) = &self.phase else { return };
        let (stage, tries) = (sign_in.stage, sign_in.tries);
        let error = Error::new(failure.kind.error_kind(), format!("signing in: {}", failure.detail));
        let rules = &self.compiled.platform().retry;
        if classify::failure(failure).repeat.allows(self.stage_safety()) && tries < rules.attempts {
            let delay = retry::delay(rules, tries, &mut self.jitter);
            self.back_off(delay, now);
        } else if stage == Stage::Probe {
            self.notice(Notice::ProbeUnknown(error.code()));
            self.signed_in(now);
        } else {
            self.sign_in_failed(&error, now);
        }
    }

    /// Whether this answer has the present request sent once more, or ends the sign-in; otherwise it is to be looked at.
    pub(super) fn sent_again(&mut self, arrival: &Arrival, now: Now) -> bool {
        let Phase::SigningIn(sign_in) = &self.phase else { return true };
        if !classify::status(arrival.status).repeat.allows(self.stage_safety()) {
            return false;
        }
        let (stage, tries) = (sign_in.stage, sign_in.tries);
        let rules = &self.compiled.platform().retry;
        let asked = retry::retry_after(&arrival.headers, now.wall);
        let asked = asked.filter(|_| classify::heeds_retry_after(arrival.status));
        let backoff = retry::delay(rules, tries, &mut self.jitter);
        let delay = retry::wait(asked, backoff);
        if tries < rules.attempts && delay <= self.compiled.platform().timeouts.total {
            self.back_off(delay, now);
        } else if stage == Stage::Probe {
            return false;
        } else {
            let kind = if arrival.status.as_u16() == 429 { Kind::Throttled } else { Kind::PlatformFailed };
            let retry = asked.map_or(Retry::GaveUp, |asked| Retry::After(now.wall + asked));
            let what = format!("signing in: the platform answered {}", arrival.status.as_u16());
            self.sign_in_failed(&Error::new(kind, what).with_retry(retry), now);
        }
        true
    }

    /// Whether the present request may reach the platform twice.
    fn stage_safety(&self) -> Safety {
        let Phase::SigningIn(sign_in) = &self.phase else { return Safety::Once };
        match (sign_in.stage, self.compiled.plan()) {
            (Stage::Probe, _) => Safety::Idempotent,
            (Stage::Step(index), Plan::Steps(steps)) if steps.get(index).is_some_and(|step| step.method.is_safe()) => {
                Safety::Idempotent
            }
            (Stage::Step(_) | Stage::Grant | Stage::Program | Stage::Saving, _) => Safety::Once,
        }
    }
}
