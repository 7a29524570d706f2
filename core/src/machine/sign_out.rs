//! How is the platform told that a session is over? At its own address, by revoking tokens (RFC 7009), or both.
//!
//! ```text
//! drained ──▶ Endpoint ──▶ Discovery ──▶ Refresh ──▶ Access ──▶ removed
//!               └── backoff ───┴───────────┴───────────┘ (whatever cannot be done is left out, and said)
//! ```
//!
//! A resumed session asks the issuer again where tokens are revoked: what it said before is not kept.
//!
//! **Invariant:** whatever the platform says, the session and its record end here. Only a sign-out tells the platform anything.

use std::time::Duration;

use http::{HeaderMap, Method, Uri};

use super::oauth::discovery::Asked;
use super::output::Notice;
use super::refusal::{self, Meaning};
use super::session::Session;
use super::token;
use crate::effect::{Arrival, Failure, Purpose, SendBody};
use crate::error::{Error, Kind};
use crate::retry::{self, Safety, classify};
use crate::time::Now;

/// The platform is being told.
#[derive(Debug)]
pub(super) struct Telling {
    step: Step,
    tries: u32,
    /// Whether the platform has heard anything.
    is_told: bool,
    /// The first thing that could not be done.
    trouble: Option<Error>,
}

/// What is told, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    /// A request with the session's credentials.
    Endpoint,
    /// The issuer is asked, in its first or a later place, where tokens are revoked.
    Discovery(usize),
    /// The refresh token is revoked, and with it, at most issuers, its access tokens.
    Refresh,
    /// The access token is revoked.
    Access,
}

impl Session {
    /// Begins to tell the platform; false where there is nothing to tell it.
    pub(super) fn tell_platform(&mut self, now: Now) -> bool {
        let Some(step) = STEPS.into_iter().find(|step| self.has_step(*step)) else { return false };
        self.telling = Some(Box::new(Telling { step, tries: 0, is_told: false, trouble: None }));
        self.send_sign_out(now);
        true
    }

    /// Where tokens are revoked: at the address in the platform file, or the one that the issuer names.
    fn revocation(&self) -> Option<&Uri> {
        let found = || self.issuer.as_ref().and_then(|metadata| metadata.revocation.as_ref());
        self.compiled.revoke().or_else(found)
    }

    fn has_step(&self, step: Step) -> bool {
        match step {
            Step::Endpoint => self.generation > 0 && self.compiled.sign_out().is_some(),
            Step::Discovery(_) => {
                let is_known = self.revocation().is_some() || self.issuer.is_some();
                let has_tokens = self.tokens.refresh.is_some() || self.tokens.access.is_some();
                !is_known && has_tokens && self.compiled.oauth().issuer.is_some()
            }
            Step::Refresh => self.revocation().is_some() && self.tokens.refresh.is_some(),
            Step::Access => self.revocation().is_some() && self.tokens.access.is_some(),
        }
    }

    /// Sends the present step's request.
    pub(super) fn send_sign_out(&mut self, now: Now) {
        let Some(telling) = &mut self.telling else { return };
        telling.tries += 1;
        let (step, tries) = (telling.step, telling.tries);
        if let Step::Discovery(at) = step {
            return self.send_discovery(at, tries, now);
        }
        let Some((method, uri, headers, body)) = self.sign_out_request(step, now) else {
            return self.sign_out_step_over(step, None, now);
        };
        self.own_exchange(Purpose::SignOut, tries, method, uri, headers, body, now);
    }

    fn sign_out_request(&self, step: Step, now: Now) -> Option<(Method, Uri, HeaderMap, SendBody)> {
        let (token, hint) = match step {
            Step::Endpoint => {
                let (method, uri) = self.compiled.sign_out()?.clone();
                let headers = self.own_headers(&method, &uri, now);
                return Some((method, uri, headers, SendBody::Empty));
            }
            Step::Discovery(_) => return None,
            Step::Refresh => (self.tokens.refresh.as_ref()?, "refresh_token"),
            Step::Access => (self.tokens.access.as_ref()?, "access_token"),
        };
        let mut form = token::Form::default();
        form.add("token", token.expose());
        form.add("token_type_hint", hint);
        let rules = self.compiled.platform().renew.as_ref()?;
        let request = token::request(rules, form, self.tokens.client_secret.as_ref());
        Some((Method::POST, self.revocation()?.clone(), request.headers, SendBody::Bytes(request.body)))
    }

    /// The platform answered, or did not.
    pub(super) fn sign_out_answered(&mut self, result: Result<Arrival, Failure>, now: Now) {
        let Some(telling) = &self.telling else { return };
        let (step, tries) = (telling.step, telling.tries);
        let (repeat, asked) = match &result {
            Ok(arrival) => (classify::status(arrival.status).repeat, retry::retry_after(&arrival.headers, now.wall)),
            Err(failure) => (classify::failure(failure).repeat, None),
        };
        if repeat.allows(Safety::Idempotent) && self.sign_out_again(asked, tries, now) {
            return;
        }
        let trouble = match result {
            Ok(arrival) => self.not_told(step, &arrival, now),
            Err(failure) => Some(Error::new(failure.kind.error_kind(), failure.detail)),
        };
        self.sign_out_step_over(step, trouble, now);
    }

    /// The issuer said where tokens are revoked, or did not. One that says nothing of it leaves nothing to be told.
    pub(super) fn sign_out_discovered(&mut self, result: Result<Arrival, Failure>, now: Now) {
        let Some(telling) = &mut self.telling else { return };
        let (step @ Step::Discovery(at), tries) = (telling.step, telling.tries) else { return };
        let trouble = match self.take_discovery(at, result, now) {
            Asked::Known => None,
            Asked::Next(next) => return self.sign_out_step(Step::Discovery(next), now),
            Asked::Later(asked, _) if self.sign_out_again(asked, tries, now) => return,
            Asked::Later(_, error) | Asked::Failed(error) => Some(error),
        };
        self.sign_out_step_over(step, trouble, now);
    }

    /// Whether the present step's request is sent once more, after a pause that is not too long.
    fn sign_out_again(&mut self, asked: Option<Duration>, tries: u32, now: Now) -> bool {
        let rules = &self.compiled.platform().retry;
        if tries >= rules.attempts {
            return false;
        }
        let delay = retry::wait(asked, retry::delay(rules, tries, &mut self.jitter));
        let is_short = delay <= self.compiled.platform().timeouts.exchange;
        if is_short {
            self.back_off(delay, now);
        }
        is_short
    }

    fn sign_out_step(&mut self, step: Step, now: Now) {
        if let Some(telling) = &mut self.telling {
            (telling.step, telling.tries) = (step, 0);
            self.send_sign_out(now);
        }
    }

    /// Why an answer does not say that this step is done.
    fn not_told(&self, step: Step, arrival: &Arrival, now: Now) -> Option<Error> {
        let status = arrival.status.as_u16();
        if arrival.status.is_success() {
            return None;
        }
        let is_gone = match step {
            Step::Endpoint => {
                let (_, uri) = self.compiled.sign_out()?;
                arrival.status.is_redirection()
                    || refusal::meaning(&self.compiled, arrival, uri, now.wall) == Meaning::Refusal
            }
            Step::Discovery(_) | Step::Refresh => false,
            // An issuer need not be able to revoke access tokens (RFC 7009 §2.2.1).
            Step::Access => status == 400 && token::error_code(arrival).as_deref() == Some("unsupported_token_type"),
        };
        let kind = if status < 500 { Kind::UnexpectedAnswer } else { Kind::PlatformFailed };
        (!is_gone).then(|| Error::new(kind, format!("it answered {status}{}", token::told(arrival))))
    }

    fn sign_out_step_over(&mut self, step: Step, trouble: Option<Error>, now: Now) {
        let next = STEPS.into_iter().find(|next| *next > step && self.has_step(*next));
        let Some(telling) = &mut self.telling else { return };
        telling.is_told |= trouble.is_none() && !matches!(step, Step::Discovery(_));
        telling.trouble = telling.trouble.take().or(trouble);
        if let Some(next) = next {
            return self.sign_out_step(next, now);
        }
        let (is_told, trouble) = (telling.is_told, telling.trouble.take());
        self.telling = None;
        let told = match trouble {
            None => {
                if is_told {
                    self.notice(Notice::SignedOut);
                }
                Ok(())
            }
            Some(error) => {
                self.notice(Notice::SignOutFailed(error.code()));
                let what = format!(
                    "the session has ended here, but the platform could not be told: {}; end it there if it matters",
                    error.detail()
                );
                Err(Error::new(error.code(), what))
            }
        };
        self.platform_told(told, now);
    }
}

const STEPS: [Step; 4] = [Step::Endpoint, Step::Discovery(0), Step::Refresh, Step::Access];
