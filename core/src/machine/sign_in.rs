//! Signing in: the recipe's steps in order, stopped by the first definite refusal.
//!
//! ```text
//! ──▶ Csrf ──▶ Submit ──▶ Probe ──▶ Saving ──▶ Active
//!       └─────────┴─ backoff ┘ (only where nothing can have happened yet)
//! ```
//!
//! **Invariant:** what was signed in with before is kept until the new credentials are proved.

use super::answers::Asker;
use super::closing::is_over;
use super::life::{self, Ending, Phase};
use super::login;
use super::oauth::grant::Grant;
use super::output::Notice;
use super::payload::Tokens;
use super::probe::{Identity, identity};
use super::refusal::{self, Meaning};
use super::renewal::{Renewal, Step as RenewalStep};
use super::restoring::LoadFor;
use super::session::Session;
use super::token;
use crate::cookie::{Cookie, Jar};
use crate::credentials::{Credentials, Secret};
use crate::effect::{Arrival, CallId, Failure, Purpose, SendBody};
use crate::error::{Error, Kind, Retry};
use crate::platform::SignIn as Recipe;
use crate::retry::{self, Safety, classify};
use crate::time::Now;

/// A sign-in under way.
#[derive(Debug)]
pub(super) struct SignIn {
    pub(super) credentials: Credentials,
    pub(super) waiters: Vec<CallId>,
    step: Step,
    tries: u32,
    csrf: Option<String>,
    /// How far an OAuth 2 grant has come.
    pub(super) grant: Option<Grant>,
    before: Before,
}

/// What the session was before, for when the new credentials are no good.
#[derive(Debug)]
struct Before {
    tokens: Tokens,
    jar: Jar,
    phase: Phase,
    /// Whether calls waited for renewed tokens to be saved.
    was_saving: bool,
    /// The answer of a renewal that was given up for this sign-in, should it be needed after all.
    renewed: Option<token::Answer>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Csrf,
    Submit,
    Grant,
    Probe,
    Saving,
}

impl Session {
    /// Signs in with these credentials; joins a sign-in that is under way.
    ///
    /// Calls wait until it has ended. If the credentials are refused, a session that was active before stays as it was.
    pub fn sign_in(&mut self, credentials: Credentials, now: Now) -> CallId {
        let id = self.command();
        if matches!(self.phase, Phase::Closed) || self.closing.is_some() {
            self.reply(id, Err(life::closed()));
            return id;
        }
        if let Phase::SigningIn(sign_in) = &mut self.phase {
            sign_in.waiters.push(id);
            return id;
        }
        if let Some(error) = self.lacks_signer() {
            self.reply(id, Err(error));
            return id;
        }
        let missing = credentials.missing_for(self.compiled.platform());
        if !missing.is_empty() {
            let what = format!("the credentials lack what this platform needs: {}", missing.join(", "));
            self.reply(id, Err(Error::new(Kind::CredentialsInvalid, what)));
            return id;
        }
        self.start_sign_in(credentials, id, now);
        id
    }

    fn start_sign_in(&mut self, credentials: Credentials, waiter: CallId, now: Now) {
        let was_saving = self.renewal.as_ref().is_some_and(|renewal| renewal.step == RenewalStep::Saving);
        self.stop_for("a new sign-in took its place");
        let tokens = Tokens::new(now.wall);
        let before = Before {
            tokens: std::mem::replace(&mut self.tokens, tokens),
            jar: std::mem::take(&mut self.jar),
            phase: std::mem::replace(&mut self.phase, Phase::Fresh),
            was_saving,
            renewed: None,
        };
        let waiters = vec![waiter];
        self.phase = Phase::SigningIn(Box::new(SignIn {
            credentials,
            waiters,
            step: Step::Csrf,
            tries: 0,
            csrf: None,
            grant: None,
            before,
        }));
        let compiled = self.compiled.clone();
        if let Err(error) = self.take_credentials(now) {
            return self.sign_in_failed(&error, now);
        }
        match &compiled.platform().sign_in {
            Recipe::Bundle(_) | Recipe::Bearer {} => self.proved(now),
            Recipe::Oauth2Refresh {}
            | Recipe::ClientCredentials(_)
            | Recipe::DeviceCode(_)
            | Recipe::AuthorizationCode(_) => self.enter(Step::Grant, now),
            Recipe::Form(login) | Recipe::Json(login) => {
                self.enter(if login.csrf.is_some() { Step::Csrf } else { Step::Submit }, now);
            }
        }
    }

    /// Takes over what the credentials themselves bring: cookies, user agent, headers, tokens.
    fn take_credentials(&mut self, now: Now) -> Result<(), Error> {
        let Phase::SigningIn(sign_in) = &self.phase else { return Ok(()) };
        let credentials = &sign_in.credentials;
        self.tokens.take(credentials, self.compiled.platform())?;
        let is_wanted =
            |cookie: &Cookie| self.compiled.origins().iter().any(|origin| cookie.is_for_host(origin.host()));
        self.jar.adopt(&credentials.jar, now.wall, &is_wanted);
        if let Some(cookies) = &credentials.cookies {
            self.jar.import_line(self.compiled.base(), cookies.expose(), now.wall)?;
        }
        Ok(())
    }

    fn enter(&mut self, step: Step, now: Now) {
        if let Phase::SigningIn(sign_in) = &mut self.phase {
            sign_in.step = step;
            sign_in.tries = 0;
            self.send_sign_in(now);
        }
    }

    /// Sends the present step's request.
    pub(super) fn send_sign_in(&mut self, now: Now) {
        let compiled = self.compiled.clone();
        let Phase::SigningIn(sign_in) = &mut self.phase else { return };
        sign_in.tries += 1;
        let (step, tries) = (sign_in.step, sign_in.tries);
        match (step, &compiled.platform().sign_in) {
            (Step::Probe, _) => self.send_probe(tries, now),
            (Step::Grant, _) if sign_in.grant.is_none() => self.begin_grant(now),
            (Step::Grant, _) => self.send_grant(now),
            (Step::Csrf | Step::Submit, Recipe::Form(_) | Recipe::Json(_)) => {
                let purpose = if step == Step::Csrf { Purpose::Csrf } else { Purpose::SignIn };
                let built = login::request(&compiled, purpose, &sign_in.credentials, sign_in.csrf.as_deref());
                match built {
                    Err(error) => self.sign_in_failed(&error, now),
                    Ok(mut request) => {
                        if compiled.names(&request.uri) {
                            self.wear(&mut request.headers, &request.uri, now);
                        }
                        let body = request.body.map_or(SendBody::Empty, SendBody::Bytes);
                        self.own_exchange(purpose, tries, request.method, request.uri, request.headers, body, now);
                    }
                }
            }
            (Step::Csrf | Step::Submit | Step::Saving, _) => {}
        }
    }

    /// A step of the sign-in was answered.
    pub(super) fn sign_in_answered(&mut self, purpose: Purpose, result: Result<Arrival, Failure>, now: Now) {
        let Phase::SigningIn(sign_in) = &self.phase else { return };
        let is_expected = match sign_in.step {
            Step::Csrf => purpose == Purpose::Csrf,
            Step::Submit => purpose == Purpose::SignIn,
            Step::Grant => matches!(purpose, Purpose::Discovery | Purpose::SignIn),
            Step::Probe => purpose == Purpose::Probe,
            Step::Saving => false,
        };
        if !is_expected {
            return;
        }
        if sign_in.step == Step::Grant {
            return self.grant_answered(result, now);
        }
        match result {
            Err(failure) => self.step_failed(&failure, now),
            Ok(arrival) => {
                self.take_sign_in_cookies(purpose, &arrival, now);
                match (purpose, &self.compiled.clone().platform().sign_in) {
                    (Purpose::Probe, _) => self.sign_in_probed(&arrival, now),
                    (Purpose::Csrf, Recipe::Form(login) | Recipe::Json(login)) => {
                        self.csrf_answered(login, &arrival, now);
                    }
                    (_, Recipe::Form(login) | Recipe::Json(login)) => self.login_answered(login, &arrival, now),
                    (_, _) => {}
                }
            }
        }
    }

    fn take_sign_in_cookies(&mut self, purpose: Purpose, arrival: &Arrival, now: Now) {
        let uri = match purpose {
            Purpose::Probe => self.compiled.identity(),
            Purpose::Csrf => self.compiled.login().and_then(|login| login.csrf.as_ref()),
            Purpose::SignIn => self.compiled.login().map(|login| &login.submit),
            Purpose::Renewal | Purpose::Discovery => None,
        };
        if let Some(uri) = uri.cloned()
            && self.compiled.names(&uri)
        {
            for line in arrival.headers.get_all(http::header::SET_COOKIE) {
                let _ = self.jar.receive(&uri, line.as_bytes(), now.wall);
            }
        }
    }

    fn csrf_answered(&mut self, login: &crate::platform::Login, arrival: &Arrival, now: Now) {
        if let Some(again) = self.step_again(arrival, Safety::Idempotent, now) {
            return again;
        }
        let Some(csrf) = &login.csrf else { return };
        let uri = self.compiled.login().and_then(|login| login.csrf.clone());
        let cookie = |name: &str| uri.as_ref().and_then(|uri| self.jar.value(uri, name, now.wall)).map(str::to_owned);
        match login::extract(&csrf.from, arrival, cookie) {
            Err(error) => self.sign_in_failed(&error, now),
            Ok(value) => {
                if let Phase::SigningIn(sign_in) = &mut self.phase {
                    sign_in.csrf = Some(value);
                }
                self.enter(Step::Submit, now);
            }
        }
    }

    fn login_answered(&mut self, login: &crate::platform::Login, arrival: &Arrival, now: Now) {
        if let Some(again) = self.step_again(arrival, Safety::Once, now) {
            return again;
        }
        let has_cookie = |name: &str| {
            let uri = self.compiled.login().map(|login| &login.submit);
            uri.is_some_and(|uri| self.jar.value(uri, name, now.wall).is_some())
        };
        match login::outcome(login, arrival, has_cookie) {
            Err(error) => self.sign_in_failed(&error, now),
            Ok(tokens) => {
                if let Some(answer) = tokens {
                    self.take_tokens(answer, now);
                }
                self.proved(now);
            }
        }
    }

    /// The credentials are taken; now the platform is asked who they are, if it can be asked.
    pub(super) fn proved(&mut self, now: Now) {
        if self.compiled.identity().is_some() {
            self.enter(Step::Probe, now);
        } else {
            self.signed_in(now);
        }
    }

    fn sign_in_probed(&mut self, arrival: &Arrival, now: Now) {
        if let Some(again) = self.step_again(arrival, Safety::Idempotent, now) {
            return again;
        }
        let Some(uri) = self.compiled.identity().cloned() else { return };
        if refusal::meaning(&self.compiled, arrival, &uri, now.wall) == Meaning::Refusal {
            let what =
                format!("the platform took the credentials but refused the session with {}", arrival.status.as_u16());
            return self.sign_in_failed(&Error::new(Kind::CredentialsRefused, what), now);
        }
        match identity(&self.compiled, arrival, self.tokens.account_id.as_deref()) {
            Identity::Is(id) => {
                self.tokens.account_id = id.or_else(|| self.tokens.account_id.take());
                self.signed_in(now);
            }
            Identity::Wrong(error) => self.sign_in_failed(&error, now),
            Identity::Unknown(error) if arrival.status.is_success() => self.sign_in_failed(&error, now),
            Identity::Unknown(error) => {
                self.notice(Notice::ProbeUnknown(error.code()));
                self.signed_in(now);
            }
        }
    }

    fn signed_in(&mut self, now: Now) {
        self.generation += 1;
        self.revision += 1;
        self.tokens_since = self.generation;
        self.signed_in_since = self.generation;
        self.stats.sign_ins += 1;
        self.renewals = super::renewal::Renewals::default();
        if let Phase::SigningIn(sign_in) = &mut self.phase {
            sign_in.step = Step::Saving;
        }
        self.save_now(now);
    }

    /// The fresh session is saved, or saving it failed for now: calls may use it.
    pub(super) fn sign_in_saved(&mut self, now: Now) {
        let is_saving = matches!(&self.phase, Phase::SigningIn(sign_in) if sign_in.step == Step::Saving);
        if is_saving && let Phase::SigningIn(sign_in) = std::mem::replace(&mut self.phase, Phase::Active) {
            self.notice(Notice::SignedIn(self.generation));
            self.set_window(now);
            self.reply_all(sign_in.waiters, &Ok(()));
            self.open_gate(now);
        }
    }

    /// Whether the session is one that has just been signed in and is being saved for the first time.
    pub(super) fn is_saving_sign_in(&self) -> bool {
        matches!(&self.phase, Phase::SigningIn(sign_in) if sign_in.step == Step::Saving)
    }

    pub(super) fn sign_in_failed(&mut self, error: &Error, now: Now) {
        let Phase::SigningIn(sign_in) = std::mem::replace(&mut self.phase, Phase::Fresh) else { return };
        self.backs_off = None;
        self.tokens = sign_in.before.tokens;
        self.jar = sign_in.before.jar;
        self.phase = sign_in.before.phase;
        self.reply_all(sign_in.waiters, &Err(error.clone()));
        match (sign_in.before.renewed, &self.phase) {
            (Some(answer), Phase::Active | Phase::Ended(Ending::Expired, _)) => self.take_late(answer, now),
            (None, Phase::Active) if sign_in.before.was_saving && !self.saving.holds(self.tokens_since) => {
                self.renewal = Some(Box::new(Renewal::saving()));
            }
            (_, Phase::Active) => {
                self.set_window(now);
                self.open_gate(now);
            }
            _ => self.turn_away(error),
        }
        // Saves were put off until it is known what to save.
        self.save_now(now);
    }

    /// A step got no answer: try again where nothing can have happened, and the probe anyway.
    fn step_failed(&mut self, failure: &Failure, now: Now) {
        let Phase::SigningIn(sign_in) = &self.phase else { return };
        let safety = if sign_in.step == Step::Submit { Safety::Once } else { Safety::Idempotent };
        let is_probe = sign_in.step == Step::Probe;
        let error = Error::new(failure.kind.error_kind(), format!("signing in: {}", failure.detail));
        let rules = &self.compiled.platform().retry;
        if classify::failure(failure).repeat.allows(safety) && sign_in.tries < rules.attempts {
            let delay = retry::delay(rules, sign_in.tries, &mut self.jitter);
            self.back_off(delay, now);
        } else if is_probe {
            self.notice(Notice::ProbeUnknown(error.code()));
            self.signed_in(now);
        } else {
            self.sign_in_failed(&error, now);
        }
    }

    /// Repeats the present step where its answer allows that; `None` when the answer is to be looked at.
    fn step_again(&mut self, arrival: &Arrival, safety: Safety, now: Now) -> Option<()> {
        let Phase::SigningIn(sign_in) = &self.phase else { return Some(()) };
        if !classify::status(arrival.status).repeat.allows(safety) {
            return None;
        }
        let is_probe = sign_in.step == Step::Probe;
        let rules = &self.compiled.platform().retry;
        let asked = retry::retry_after(&arrival.headers, now.wall);
        let asked = asked.filter(|_| classify::heeds_retry_after(arrival.status));
        let backoff = retry::delay(rules, sign_in.tries, &mut self.jitter);
        let delay = retry::wait(asked, backoff);
        if sign_in.tries < rules.attempts && delay <= self.compiled.platform().timeouts.total {
            self.back_off(delay, now);
        } else if is_probe {
            return None;
        } else {
            let kind = if arrival.status.as_u16() == 429 { Kind::Throttled } else { Kind::PlatformFailed };
            let retry = asked.map_or(Retry::GaveUp, |asked| Retry::After(now.wall + asked));
            let what = format!("signing in: the platform answered {}", arrival.status.as_u16());
            self.sign_in_failed(&Error::new(kind, what).with_retry(retry), now);
        }
        Some(())
    }

    /// Ends what is under way (loading, renewing) because something else takes its place.
    pub(super) fn stop_for(&mut self, why: &'static str) {
        let error = Error::new(Kind::Cancelled, why);
        if let Phase::Loading(loading) = &mut self.phase {
            let waiters = std::mem::take(&mut loading.waiters);
            self.phase = *std::mem::replace(&mut loading.before, Box::new(Phase::Fresh));
            self.reply_all(waiters, &Err(error.clone()));
        }
        self.drop_renewal(&error);
        self.backs_off = None;
        for name in self.effects.names() {
            let stale = |asker: Asker| match asker {
                Asker::Own(purpose) => purpose != Purpose::Renewal,
                // A conflict is still in the way of the next save.
                Asker::Load(why) => why != LoadFor::Conflict,
                Asker::Attempt(_) | Asker::Retry(_) | Asker::Sign(_) | Asker::Save | Asker::Remove => false,
            };
            if self.effects.at(name).is_some_and(|pending| stale(pending.asker)) {
                self.abandon(crate::effect::EffectId::from_raw(name));
            }
        }
        self.stop_probe(None);
        debug_assert!(!is_over(&self.phase), "a closed session starts nothing");
    }
}

impl SignIn {
    /// A renewal that was given up for this sign-in has brought tokens after all.
    pub(super) fn renewed_before(&mut self, token: &Secret, answer: token::Answer) {
        if self.before.tokens.refresh.as_ref() == Some(token) {
            self.before.renewed = Some(answer);
        }
    }

    /// The cookies of the session as it was before, which calls of that time still change.
    pub(super) fn jar_before(&mut self) -> &mut Jar {
        &mut self.before.jar
    }
}
