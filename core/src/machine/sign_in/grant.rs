//! Getting tokens by an OAuth 2 grant at the token endpoint.

use crate::effect::{Arrival, Purpose};
use crate::error::{Error, Kind};
use crate::machine::session::Session;
use crate::machine::token;
use crate::platform::{Grant, Plan};
use crate::time::Now;

impl Session {
    /// Sends the grant's present request.
    pub(super) fn send_grant(&mut self, tries: u32, now: Now) {
        let Plan::Grant(grant) = *self.compiled.plan() else { return };
        match grant {
            Grant::RefreshToken => {
                self.send_refresh_token(Purpose::SignIn, tries, now);
            }
        }
    }

    /// The token endpoint answered.
    pub(super) fn grant_answered(&mut self, arrival: &Arrival, now: Now) {
        if self.sent_again(arrival, now) {
            return;
        }
        let Plan::Grant(grant) = *self.compiled.plan() else { return };
        match grant {
            Grant::RefreshToken => self.exchanged(arrival, now),
        }
    }

    /// The refresh token that was given as a credential was exchanged, or not.
    fn exchanged(&mut self, arrival: &Arrival, now: Now) {
        let status = arrival.status.as_u16();
        if arrival.status.is_success() {
            match token::read(arrival) {
                Ok(answer) => {
                    self.take_tokens(answer, now);
                    self.proved(now);
                }
                Err(error) => self.sign_in_failed(&error, now),
            }
        } else if (400..=499).contains(&status) {
            let what = format!("the token endpoint refused the refresh token with {status}{}", token::told(arrival));
            self.sign_in_failed(&Error::new(Kind::CredentialsRefused, what), now);
        } else {
            let what = format!("the token endpoint answered {status}");
            self.sign_in_failed(&Error::new(Kind::PlatformFailed, what), now);
        }
    }
}
