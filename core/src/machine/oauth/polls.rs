//! The device code grant: a person is shown a code, and the token endpoint is asked until the person has decided (RFC 8628).
//!
//! **Invariant:** polls are never closer than the issuer's interval, which only grows, and none is sent once the code has expired.

use std::time::Duration;

use super::super::session::Session;
use super::super::token::Form;
use super::device::{self, Poll};
use super::grant::Stage;
use crate::credentials::Secret;
use crate::effect::{Arrival, Failure, Purpose};
use crate::error::{Error, Kind};
use crate::platform::DeviceCode;
use crate::retry::{self, Repeat, Safety, classify};
use crate::time::{Mono, Now};

/// A device code that a person has not decided about yet.
#[derive(Debug)]
pub(super) struct Polling {
    code: Secret,
    interval: Duration,
    until: Mono,
}

/// The longest time between two polls, however often the issuer slows them down.
const LONGEST: Duration = Duration::from_secs(3600);

impl Session {
    /// Asks for a device code (RFC 8628 §3.1).
    pub(super) fn send_device_request(&mut self, recipe: &DeviceCode, tries: u32, now: Now) {
        let Some(uri) = self.device_endpoint().cloned() else { return };
        let rules = self.compiled.platform().renew.as_ref();
        let mut form = Form::default();
        form.add_some("scope", recipe.scope.as_deref().or_else(|| rules?.scope.as_deref()));
        for (name, value) in &recipe.parameters {
            form.add(name, value);
        }
        self.send_as_client(uri, form, Purpose::SignIn, tries, now);
    }

    /// The device authorization endpoint answered, or did not. A code that nobody saw does no harm, so it may be asked again.
    pub(super) fn device_answered(&mut self, result: Result<Arrival, Failure>, now: Now) {
        let arrival = match result {
            Ok(arrival) => arrival,
            Err(failure) => return self.request_failed(&failure, Safety::Idempotent, now),
        };
        let Some(arrival) = self.answer_to_read(arrival, Safety::Idempotent, now) else { return };
        let granted =
            if arrival.status.is_success() { device::granted(&arrival) } else { Err(self.declined(&arrival)) };
        match granted {
            Ok(granted) => {
                let until = now.mono + granted.expires_in;
                let polling = Polling { code: granted.device_code, interval: granted.interval, until };
                if let Some(grant) = self.grant() {
                    grant.stage = Stage::Poll(polling);
                    grant.tries = 0;
                }
                self.ask(granted.shown, now);
                self.poll_later(Duration::ZERO, now);
            }
            Err(error) => self.sign_in_failed(&error, now),
        }
    }

    /// Waits for the next poll: the interval, or longer where the issuer asks for it.
    fn poll_later(&mut self, asked: Duration, now: Now) {
        let Some(Stage::Poll(polling)) = self.grant().map(|grant| &grant.stage) else { return };
        let wait = polling.interval.max(asked).min(polling.until.since(now.mono));
        self.back_off(wait, now);
    }

    /// Asks whether the person has decided, unless it is too late.
    pub(super) fn send_poll(&mut self, tries: u32, now: Now) {
        let Some(Stage::Poll(polling)) = self.grant().map(|grant| &grant.stage) else { return };
        if now.mono >= polling.until {
            return self.device_overdue(now);
        }
        let mut form = Form::default();
        form.add("grant_type", "urn:ietf:params:oauth:grant-type:device_code");
        form.add("device_code", polling.code.expose());
        self.send_token_request(form, Purpose::SignIn, tries, now);
    }

    fn device_overdue(&mut self, now: Now) {
        let what = "no decision about the device code was heard of before it expired; sign in again for a new one";
        self.sign_in_failed(&Error::new(Kind::ChallengeOverdue, what), now);
    }

    /// The token endpoint answered a poll, or did not.
    pub(super) fn poll_answered(&mut self, result: Result<Arrival, Failure>, now: Now) {
        let arrival = match result {
            Ok(arrival) => arrival,
            Err(failure) if classify::failure(&failure).repeat == Repeat::Never => {
                return self.request_failed(&failure, Safety::Once, now);
            }
            // RFC 8628 §3.5: polls that go unanswered become rarer.
            Err(_) => return self.poll_slower(Slower::Twice, Duration::ZERO, now),
        };
        match device::polled(&arrival) {
            Poll::Success => match self.read_tokens(&arrival) {
                Ok(answer) => self.granted(answer, now),
                Err(error) => self.sign_in_failed(&error, now),
            },
            Poll::Pending => self.poll_later(Duration::ZERO, now),
            Poll::SlowDown => self.poll_slower(Slower::By(SLOW_DOWN), Duration::ZERO, now),
            Poll::Trouble => {
                let asked = retry::retry_after(&arrival.headers, now.wall).unwrap_or_default();
                self.poll_slower(Slower::Twice, asked, now);
            }
            Poll::Expired => self.device_overdue(now),
            Poll::Denied => {
                let what = "the person at the other device, or the issuer, denied the sign-in";
                self.sign_in_failed(&Error::new(Kind::CredentialsRefused, what), now);
            }
            Poll::Refused => {
                let error = self.declined(&arrival);
                self.sign_in_failed(&error, now);
            }
        }
    }

    fn poll_slower(&mut self, slower: Slower, asked: Duration, now: Now) {
        if let Some(Stage::Poll(polling)) = self.grant().map(|grant| &mut grant.stage) {
            polling.interval = match slower {
                Slower::Twice => polling.interval.saturating_mul(2),
                Slower::By(more) => polling.interval.saturating_add(more),
            }
            .min(LONGEST);
        }
        self.poll_later(asked, now);
    }
}

/// How much longer the interval becomes.
#[derive(Clone, Copy)]
enum Slower {
    Twice,
    By(Duration),
}

/// What `slow_down` adds to the interval (RFC 8628 §3.5).
const SLOW_DOWN: Duration = Duration::from_secs(5);
