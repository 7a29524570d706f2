//! A second factor: where its code comes from, how often it may be wrong, and how it ends.
//!
//! ```text
//! challenged ─▶ TOTP secret? ─yes─▶ code of this time step ─────────▶ sent ─▶ taken
//!                    │no             (used already: of the next one)    │
//!                    └─▶ asked ─▶ code ────────────────────────────────▶│
//!                          ▲                                            ▼
//!                          └───────── tries left ◀──────────────── refused ─▶ refused, exhausted
//! ```
//!
//! **Invariant:** the code of a time step is sent once, and a code that the secret gave is not tried twice.

use super::Stage;
use crate::credentials::{Credentials, Secret, Totp};
use crate::effect::{Arrival, Question};
use crate::error::{Error, Kind};
use crate::machine::life::Phase;
use crate::machine::session::Session;
use crate::machine::token;
use crate::platform::{CodeRules, Plan};
use crate::time::Now;

/// What is known of a second factor in a sign-in.
#[derive(Debug, Default)]
pub(super) struct Challenge {
    /// Whether the present step's answer asked for a code.
    is_posed: bool,
    code: Option<Secret>,
    is_computed: bool,
    /// Codes that were refused.
    refused: u32,
    tries_left: Option<u32>,
}

impl Challenge {
    pub(super) fn code(&self) -> Option<&str> {
        self.code.as_ref().map(Secret::expose)
    }

    /// Whether a code is wanted next; the one of before is done with.
    pub(super) fn take_up(&mut self) -> bool {
        std::mem::take(self).is_posed
    }
}

/// Whether the credentials' TOTP secret, if they have one, can be used.
pub(super) fn check(credentials: &Credentials) -> Result<(), Error> {
    credentials.field("totp_secret").map_or(Ok(()), |text| Totp::parse(text).map(drop))
}

impl Session {
    /// The answer to a step asks for a second factor.
    pub(super) fn challenged(&mut self, index: usize, values: Vec<(String, Secret)>, now: Now) {
        if let Phase::SigningIn(sign_in) = &mut self.phase {
            sign_in.challenge.is_posed = true;
        }
        self.step_done(index, values, now);
    }

    /// Whether the present step has the code that it sends; otherwise it is being got.
    pub(super) fn has_code(&mut self, now: Now) -> bool {
        let Phase::SigningIn(sign_in) = &mut self.phase else { return false };
        // A computed code may have become another since it was to be sent.
        if sign_in.challenge.code.is_some() && !(sign_in.challenge.is_computed && sign_in.tries > 1) {
            return true;
        }
        let Some(secret) = sign_in.credentials.field("totp_secret") else {
            self.ask_for_code(now);
            return false;
        };
        match Totp::parse(secret) {
            Err(error) => {
                self.sign_in_failed(&error, now);
                false
            }
            Ok(totp) => {
                let step = totp.step(now.wall);
                if self.totp_used.is_some_and(|used| step <= used) {
                    sign_in.tries = 0;
                    self.back_off(totp.until_next(now.wall), now);
                    return false;
                }
                self.totp_used = Some(step);
                sign_in.challenge.code = Some(totp.code(step));
                sign_in.challenge.is_computed = true;
                true
            }
        }
    }

    fn ask_for_code(&mut self, now: Now) {
        let compiled = self.compiled.clone();
        let Phase::SigningIn(sign_in) = &mut self.phase else { return };
        let rules = match (sign_in.stage, compiled.plan()) {
            (Stage::Step(index), Plan::Steps(steps)) => steps.get(index).and_then(|step| step.code.as_ref()),
            _ => None,
        };
        let challenge = &sign_in.challenge;
        let tries_left = challenge.tries_left.or(rules.map(|rules| rules.tries));
        let refused = challenge.refused;
        self.ask(Question::SecondFactor { tries_left, refused }, now);
    }

    /// The program gave a code.
    pub(super) fn code_given(&mut self, code: &Secret, now: Now) {
        let Phase::SigningIn(sign_in) = &mut self.phase else { return };
        let text = code.expose().trim();
        if text.is_empty() {
            return self.ask_for_code(now);
        }
        sign_in.challenge.code = Some(Secret::new(text));
        sign_in.tries = 0;
        self.send_sign_in(now);
    }

    /// The platform refused a code: another one is asked for while tries are left.
    pub(super) fn code_refused(&mut self, rules: &CodeRules, arrival: &Arrival, now: Now) {
        let Phase::SigningIn(sign_in) = &mut self.phase else { return };
        let challenge = &mut sign_in.challenge;
        if challenge.is_computed {
            return self.code_refused_for_good(arrival, now);
        }
        challenge.refused += 1;
        challenge.code = None;
        let told = rules.tries_left.as_ref().and_then(|pointer| super::answer::number(arrival, pointer));
        let left = told.unwrap_or_else(|| rules.tries.saturating_sub(challenge.refused));
        challenge.tries_left = Some(left);
        if left == 0 {
            let what = format!(
                "the platform refused the second factor's code {} times, and no tries are left",
                challenge.refused
            );
            return self.sign_in_failed(&Error::new(Kind::ChallengeExhausted, what), now);
        }
        sign_in.handshake = None;
        (sign_in.hop, sign_in.hops) = (None, 0);
        self.ask_for_code(now);
    }

    /// The platform refused a code, and another one would not help.
    pub(super) fn code_refused_for_good(&mut self, arrival: &Arrival, now: Now) {
        let Phase::SigningIn(sign_in) = &self.phase else { return };
        let (status, told) = (arrival.status.as_u16(), token::told(arrival));
        let hint = if sign_in.challenge.is_computed { "; check `totp_secret` and this machine's clock" } else { "" };
        let what = format!("the platform refused the second factor's code with {status}{told}{hint}");
        self.sign_in_failed(&Error::new(Kind::ChallengeRefused, what), now);
    }
}
