//! The steps of a sign-in: each is sent, its cookies are taken, and its answer decides whether the next one follows.

use http::{HeaderMap, Method, Uri};

use super::{Stage, answer, request};
use crate::credentials::Secret;
use crate::effect::{Arrival, Failure, Purpose, SendBody};
use crate::error::{Error, Kind, Retry};
use crate::machine::life::Phase;
use crate::machine::output::Notice;
use crate::machine::redirect;
use crate::machine::session::Session;
use crate::machine::token;
use crate::platform::{Plan, Step};
use crate::retry::{self, Safety, classify};
use crate::time::Now;

impl Session {
    pub(super) fn send_step(&mut self, index: usize, tries: u32, now: Now) {
        let compiled = self.compiled.clone();
        let (Phase::SigningIn(sign_in), Plan::Steps(steps)) = (&mut self.phase, compiled.plan()) else { return };
        let Some(step) = steps.get(index) else { return self.proved(now) };
        if let Some(hop) = sign_in.hop.clone() {
            return self.send_hop(hop, tries, now);
        }
        if step.code.is_some() && !self.has_code(now) {
            return;
        }
        let Phase::SigningIn(sign_in) = &mut self.phase else { return };
        match request::build(&compiled, step, |name| sign_in.value(name)) {
            Err(error) => self.sign_in_failed(&error, now),
            Ok(mut request) => {
                if let Some((name, value)) = &sign_in.handshake {
                    request.headers.insert(name.clone(), value.clone());
                }
                if compiled.names(&request.uri) {
                    let mut guarded = HeaderMap::new();
                    self.guard(&mut guarded, &request.method, &request.uri, now);
                    // What the step says of a header goes before what calls wear.
                    for (name, value) in &guarded {
                        request.headers.entry(name).or_insert_with(|| value.clone());
                    }
                    let Phase::SigningIn(sign_in) = &mut self.phase else { return };
                    (sign_in.at, sign_in.last) = (Some(request.uri.clone()), Some(request.uri.clone()));
                    self.wear(&mut request.headers, &request.uri, now);
                }
                let body = request.body.map_or(SendBody::Empty, SendBody::Bytes);
                self.own_exchange(step.purpose, tries, request.method, request.uri, request.headers, body, now);
            }
        }
    }

    /// Follows a redirect of the present step: other origins get nothing of the session's.
    fn send_hop(&mut self, uri: Uri, tries: u32, now: Now) {
        let headers = self.own_headers(&Method::GET, &uri, now);
        if self.compiled.names(&uri)
            && let Phase::SigningIn(sign_in) = &mut self.phase
        {
            (sign_in.at, sign_in.last) = (Some(uri.clone()), Some(uri.clone()));
        }
        self.own_exchange(Purpose::SignIn, tries, Method::GET, uri, headers, SendBody::Empty, now);
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
                self.jar.judge_by(&self.settings.public_suffixes);
                let _ = self.jar.receive(uri, line.as_bytes(), now.wall);
            }
        }
    }

    fn step_answered(&mut self, step: &Step, index: usize, arrival: &Arrival, now: Now) {
        let Phase::SigningIn(sign_in) = &self.phase else { return };
        let Some(here) = sign_in.hop.clone().or_else(|| sign_in.last.clone()) else { return };
        if self.shakes_hands(step, arrival, now) {
            return self.send_sign_in(now);
        }
        let Phase::SigningIn(sign_in) = &self.phase else { return };
        let cookie = |name: &str| self.jar.value(sign_in.cookie_address()?, name, now.wall).map(str::to_owned);
        if step.challenge.as_ref().is_some_and(|rule| answer::is_like(rule, arrival, &here)) {
            return match answer::taken(step, arrival, cookie) {
                Ok(values) => self.challenged(index, values, now),
                Err(error) => self.sign_in_failed(&error, now),
            };
        }
        if let Some(rules) = &step.code
            && rules.stop.as_ref().is_some_and(|rule| answer::is_like(rule, arrival, &here))
        {
            return self.code_refused_for_good(arrival, now);
        }
        if step.follow && redirect::is_redirect(arrival) {
            return self.hop(arrival, &here, &step.method, now);
        }
        if self.sent_again(arrival, now) {
            return;
        }
        let Phase::SigningIn(sign_in) = &self.phase else { return };
        let cookie = |name: &str| self.jar.value(sign_in.cookie_address()?, name, now.wall).map(str::to_owned);
        match (answer::read(step, arrival, cookie), &step.code) {
            (Ok(found), _) => {
                if let Some(tokens) = found.tokens {
                    self.take_tokens(tokens, now);
                }
                self.step_done(index, found.values, now);
            }
            (Err(error), Some(rules)) if error.code() == Kind::CredentialsRefused => {
                self.code_refused(rules, arrival, now);
            }
            (Err(error), _) if error.code() == Kind::CredentialsRefused && !step.shows_credentials => {
                let what = format!("is no success of step {}, which shows no credentials yet", index + 1);
                self.sign_in_failed(&token::unexpected(arrival, &what), now);
            }
            (Err(error), _) => self.sign_in_failed(&error, now),
        }
    }

    /// Goes on after a step: to the next one that is due. Those that send a code are, only after a challenge.
    pub(super) fn step_done(&mut self, index: usize, values: Vec<(String, Secret)>, now: Now) {
        let compiled = self.compiled.clone();
        let (Phase::SigningIn(sign_in), Plan::Steps(steps)) = (&mut self.phase, compiled.plan()) else { return };
        sign_in.values.extend(values);
        let is_challenged = sign_in.challenge.take_up();
        let is_due = |step: &&Step| is_challenged || !step.is_conditional;
        let skipped = steps.iter().skip(index + 1).take_while(|step| !is_due(step)).count();
        self.enter(Stage::Step(index + 1 + skipped), now);
    }

    /// Whether this answer brings a token to send the step with once more: the one that the step names, or the one that calls carry. The
    /// latter they carry from then on.
    fn shakes_hands(&mut self, step: &Step, arrival: &Arrival, now: Now) -> bool {
        let Phase::SigningIn(sign_in) = &self.phase else { return false };
        if sign_in.handshake.is_some() || sign_in.hop.is_some() {
            return false;
        }
        let is_learned = sign_in.at.is_some() && self.learn_token(arrival, now);
        let brought = step.handshake.as_ref().and_then(|(status, header)| {
            let token = arrival.headers.get(header).filter(|_| arrival.status.as_u16() == *status)?;
            Some((header.clone(), token.clone()))
        });
        let learned = || self.compiled.csrf_header().cloned().zip(self.tokens.csrf.clone()).filter(|_| is_learned);
        let (Some(token), Phase::SigningIn(sign_in)) = (brought.or_else(learned), &mut self.phase) else {
            return false;
        };
        sign_in.handshake = Some(token);
        true
    }

    /// Turns the present step to where a redirect leads, with GET; what was sent is never sent there.
    fn hop(&mut self, arrival: &Arrival, here: &Uri, method: &Method, now: Now) {
        let Phase::SigningIn(sign_in) = &mut self.phase else { return };
        let resends = matches!(arrival.status.as_u16(), 307 | 308) && sign_in.hop.is_none() && !method.is_safe();
        let target = if resends {
            Err(redirect::invalid(here, "it would send the sign-in's body on"))
        } else {
            redirect::target(&self.compiled, arrival, here, sign_in.hops)
        };
        match target {
            Err(error) => self.sign_in_failed(&error, now),
            Ok(target) => {
                let target = self.unkeyed(target);
                let Phase::SigningIn(sign_in) = &mut self.phase else { return };
                (sign_in.hop, sign_in.hops, sign_in.tries) = (Some(target), sign_in.hops + 1, 0);
                self.send_sign_in(now);
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
            (Stage::Step(_), _) if sign_in.hop.is_some() => Safety::Idempotent,
            (Stage::Step(index), Plan::Steps(steps)) if steps.get(index).is_some_and(|step| step.method.is_safe()) => {
                Safety::Idempotent
            }
            (Stage::Step(_) | Stage::Grant | Stage::Program | Stage::Saving, _) => Safety::Once,
        }
    }
}
