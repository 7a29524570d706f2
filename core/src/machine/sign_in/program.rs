//! The program's part in a sign-in: it is asked, and what it answers is taken.

use std::time::Duration;

use super::Stage;
use crate::credentials::Credentials;
use crate::effect::{Answer, Question};
use crate::error::{Error, Kind};
use crate::machine::life::Phase;
use crate::machine::payload::Tokens;
use crate::machine::session::Session;
use crate::machine::window::Life;
use crate::platform::ExpirySource;
use crate::time::Now;

impl Session {
    /// Has the program sign in by itself.
    pub(super) fn ask_program(&mut self, now: Now) {
        let Phase::SigningIn(sign_in) = &self.phase else { return };
        let credentials = sign_in.credentials.clone();
        self.ask(Question::Custom { credentials }, now);
    }

    /// The program answered what it was asked.
    pub(in crate::machine) fn question_answered(&mut self, answer: Answer, now: Now) {
        let Phase::SigningIn(sign_in) = &self.phase else { return };
        match (sign_in.stage, answer) {
            (Stage::Program, Answer::SignedIn(found)) => self.program_signed_in(&found, now),
            (Stage::Step(_), Answer::Code(code)) => self.code_given(&code, now),
            (Stage::Grant, answer) => self.grant_asked(answer, now),
            (Stage::Step(_) | Stage::Program | Stage::Probe | Stage::Saving, answer) => {
                self.answered_otherwise(&answer, now);
            }
        }
    }

    /// The program answered something else than what it was asked.
    pub(in crate::machine) fn answered_otherwise(&mut self, answer: &Answer, now: Now) {
        let what = format!("the program answered `{}`, which is not what it was asked", answer.as_str());
        self.sign_in_failed(&Error::new(Kind::Misuse, what), now);
    }

    /// What the program brought takes the place of what was given.
    fn program_signed_in(&mut self, found: &Credentials, now: Now) {
        if found.is_bare() && found.field("refresh_token").is_none() {
            let what = "the program's sign-in brought nothing to show: cookies, headers or the field `access_token`";
            return self.sign_in_failed(&Error::new(Kind::CredentialsInvalid, what), now);
        }
        self.tokens = Tokens::new(now.wall);
        *self.jar = crate::cookie::Jar::new();
        if let Err(error) = self.take_credentials(found, now) {
            return self.sign_in_failed(&error, now);
        }
        let told = found.field("expires_in").map(str::parse);
        let lifetime = match told {
            Some(Ok(seconds)) => Some(Duration::from_secs(seconds)),
            Some(Err(_)) => {
                let what = "`expires_in` of the program's sign-in is no whole number of seconds";
                return self.sign_in_failed(&Error::new(Kind::CredentialsInvalid, what), now);
            }
            None => self.compiled.platform().credential.lifetime.map(Duration::from_secs),
        };
        let lifetime = lifetime.filter(|lifetime| !lifetime.is_zero());
        self.tokens.life = lifetime.map(|lifetime| Life {
            issued: now.wall,
            ends: now.wall + lifetime,
            from: ExpirySource::ExpiresIn,
        });
        self.proved(now);
    }
}
