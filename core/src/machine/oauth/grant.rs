//! A sign-in by an OAuth 2 grant, from the issuer's endpoints to the tokens.
//!
//! ```text
//!                           ┌──────────────────────▶ tokens   refresh token, client credentials
//! ──▶ (Discover ─▶) Request ┼─▶ Poll ⟲ ────────────▶ tokens   device code
//!                           └─▶ Browser ─▶ Redeem ─▶ tokens   authorization code
//! ```
//!
//! **Invariant:** what can be used once (a code, a rotating token) is sent again only where the issuer cannot have seen it.

use std::time::Duration;

use super::super::life::Phase;
use super::super::session::Session;
use super::super::token;
use super::browser::Redemption;
use super::discovery::Asked;
use super::pkce::Proof;
use super::polls::Polling;
use crate::effect::{Answer, Arrival, Failure, Purpose};
use crate::error::{Error, Kind, Retry};
use crate::platform::SignIn as Recipe;
use crate::retry::{self, Safety, classify};
use crate::time::Now;

/// A grant under way.
#[derive(Debug)]
pub(in crate::machine) struct Grant {
    pub(super) stage: Stage,
    pub(super) tries: u32,
}

#[derive(Debug)]
pub(super) enum Stage {
    /// The issuer's metadata is being looked for, in its first or a later place.
    Discover(usize),
    /// The recipe's first request is on its way.
    Request,
    /// A person decides at another device.
    Poll(Polling),
    /// A person's browser is at the issuer.
    Browser(Proof),
    /// The code that came back is on its way.
    Redeem(Redemption),
}

impl Grant {
    /// Whether a person is waited for, who may have been asked already.
    pub(in crate::machine) fn is_with_a_person(&self) -> bool {
        matches!(self.stage, Stage::Poll(_) | Stage::Browser(_))
    }
}

impl Session {
    /// Begins the recipe's grant.
    pub(in crate::machine) fn begin_grant(&mut self, now: Now) {
        self.grant_at(if self.knows_endpoints() { Stage::Request } else { Stage::Discover(0) }, now);
    }

    /// Whether every endpoint that the recipe needs is known.
    fn knows_endpoints(&self) -> bool {
        let has_recipes = match &self.compiled.platform().sign_in {
            Recipe::DeviceCode(_) => self.device_endpoint().is_some(),
            Recipe::AuthorizationCode(_) => self.authorization_endpoint().is_some(),
            _ => true,
        };
        self.token_endpoint().is_some() && has_recipes
    }

    pub(super) fn grant_at(&mut self, stage: Stage, now: Now) {
        if let Phase::SigningIn(sign_in) = &mut self.phase {
            sign_in.grant = Some(Grant { stage, tries: 0 });
            self.send_grant(now);
        }
    }

    pub(super) fn grant(&mut self) -> Option<&mut Grant> {
        match &mut self.phase {
            Phase::SigningIn(sign_in) => sign_in.grant.as_mut(),
            _ => None,
        }
    }

    /// Sends the present stage's request.
    pub(in crate::machine) fn send_grant(&mut self, now: Now) {
        let Some(grant) = self.grant() else { return };
        grant.tries += 1;
        let tries = grant.tries;
        match &grant.stage {
            Stage::Discover(at) => {
                let at = *at;
                self.send_discovery(at, tries, now);
            }
            Stage::Request => self.send_first_request(tries, now),
            Stage::Poll(_) => self.send_poll(tries, now),
            Stage::Browser(_) => {}
            Stage::Redeem(redemption) => {
                let form = redemption.form();
                self.send_token_request(form, Purpose::SignIn, tries, now);
            }
        }
    }

    fn send_first_request(&mut self, tries: u32, now: Now) {
        match &self.compiled.clone().platform().sign_in {
            Recipe::DeviceCode(recipe) => self.send_device_request(recipe, tries, now),
            Recipe::AuthorizationCode(recipe) => self.ask_browser(recipe, now),
            _ => {
                let form = self.renewal_form();
                self.send_token_request(form, Purpose::SignIn, tries, now);
            }
        }
    }

    /// The present stage's request was answered, or was not.
    pub(in crate::machine) fn grant_answered(&mut self, result: Result<Arrival, Failure>, now: Now) {
        let is_device = matches!(self.compiled.platform().sign_in, Recipe::DeviceCode(_));
        let Some(grant) = self.grant() else { return };
        match &grant.stage {
            Stage::Discover(at) => {
                let at = *at;
                self.grant_discovered(at, result, now);
            }
            Stage::Poll(_) => self.poll_answered(result, now),
            Stage::Request if is_device => {
                self.device_answered(result, now);
            }
            Stage::Request | Stage::Redeem(_) => self.tokens_answered(result, now),
            Stage::Browser(_) => {}
        }
    }

    /// What the program was asked was answered.
    pub(in crate::machine) fn grant_asked(&mut self, answer: Answer, now: Now) {
        let Some(grant) = self.grant() else { return };
        match (&grant.stage, answer) {
            // The session goes on by itself.
            (Stage::Poll(_), Answer::Shown) => {}
            (Stage::Browser(_), Answer::Redirected(address)) => self.came_back(&address, now),
            (_, answer) => self.answered_otherwise(&answer, now),
        }
    }

    fn grant_discovered(&mut self, at: usize, result: Result<Arrival, Failure>, now: Now) {
        match self.take_discovery(at, result, now) {
            Asked::Known => self.grant_at(Stage::Request, now),
            Asked::Next(next) => self.grant_at(Stage::Discover(next), now),
            Asked::Later(asked, error) => self.grant_again(asked, error, now),
            Asked::Failed(error) => self.sign_in_failed(&error, now),
        }
    }

    /// The token endpoint answered, or did not.
    fn tokens_answered(&mut self, result: Result<Arrival, Failure>, now: Now) {
        let arrival = match result {
            Ok(arrival) => arrival,
            Err(failure) => return self.request_failed(&failure, self.grant_safety(), now),
        };
        let Some(arrival) = self.answer_to_read(arrival, self.grant_safety(), now) else { return };
        if arrival.status.is_success() {
            match self.read_tokens(&arrival) {
                Ok(answer) => self.granted(answer, now),
                Err(error) => self.sign_in_failed(&error, now),
            }
        } else {
            let error = self.declined(&arrival);
            self.sign_in_failed(&error, now);
        }
    }

    /// The tokens are there, and nobody needs to be asked any more.
    pub(super) fn granted(&mut self, answer: token::Answer, now: Now) {
        self.stop_asking();
        if let Err(error) = self.is_named(&answer) {
            return self.sign_in_failed(&error, now);
        }
        self.take_tokens(answer, now);
        self.proved(now);
    }

    /// What an answer without tokens means.
    pub(super) fn declined(&self, arrival: &Arrival) -> Error {
        let status = arrival.status.as_u16();
        if (400..=499).contains(&status) {
            let what = match &self.compiled.platform().sign_in {
                Recipe::ClientCredentials(_) => "the client's credentials",
                Recipe::AuthorizationCode(_) => "the code",
                Recipe::DeviceCode(_) => "the device code",
                _ => "the refresh token",
            };
            let what = format!("the token endpoint refused {what} with {status}{}", token::told(arrival));
            return Error::new(Kind::CredentialsRefused, what);
        }
        Error::new(Kind::PlatformFailed, format!("the token endpoint answered {status}"))
    }

    /// Whether what is sent to the token endpoint may be sent twice.
    fn grant_safety(&self) -> Safety {
        if self.compiled.renews_as_client() { Safety::Idempotent } else { Safety::Once }
    }

    /// A request got no answer: try again where nothing can have happened.
    pub(super) fn request_failed(&mut self, failure: &Failure, safety: Safety, now: Now) {
        let error = Error::new(failure.kind.error_kind(), format!("signing in: {}", failure.detail));
        if classify::failure(failure).repeat.allows(safety) {
            self.grant_again(None, error, now);
        } else {
            self.sign_in_failed(&error, now);
        }
    }

    /// The answer, unless it says to ask again.
    pub(super) fn answer_to_read(&mut self, arrival: Arrival, safety: Safety, now: Now) -> Option<Arrival> {
        if !classify::status(arrival.status).repeat.allows(safety) {
            return Some(arrival);
        }
        let status = arrival.status.as_u16();
        let asked = retry::retry_after(&arrival.headers, now.wall);
        let asked = asked.filter(|_| classify::heeds_retry_after(arrival.status));
        let kind = if status == 429 { Kind::Throttled } else { Kind::PlatformFailed };
        self.grant_again(asked, Error::new(kind, format!("signing in: the platform answered {status}")), now);
        None
    }

    /// Sends the present stage's request again, as often as the rules allow.
    fn grant_again(&mut self, asked: Option<Duration>, error: Error, now: Now) {
        let rules = &self.compiled.platform().retry;
        let (attempts, total) = (rules.attempts, self.compiled.platform().timeouts.total);
        let Phase::SigningIn(sign_in) = &self.phase else { return };
        let tries = sign_in.grant.as_ref().map_or(0, |grant| grant.tries);
        let delay = retry::wait(asked, retry::delay(rules, tries, &mut self.jitter));
        if tries < attempts && delay <= total {
            self.back_off(delay, now);
        } else {
            let retry = asked.map_or(Retry::GaveUp, |asked| Retry::After(now.wall + asked));
            self.sign_in_failed(&error.with_retry(retry), now);
        }
    }
}
