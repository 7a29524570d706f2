//! Asking the program: one question at a time, within the platform's `timeouts.challenge`.
//!
//! **Invariant:** a question belongs to the sign-in that asks it; it ends with the sign-in.

use super::answers::Asker;
use super::life::Phase;
use super::output::Notice;
use super::session::Session;
use crate::effect::{Answer, Ask, Declined, Effect, EffectId, KindName, Question, Ticket};
use crate::error::{Error, Kind};
use crate::time::Now;

impl Session {
    /// Asks the program, or fails the sign-in where nobody can be asked.
    pub(super) fn ask(&mut self, question: Question, now: Now) {
        if !self.settings.asks {
            let what = match question {
                Question::SecondFactor { .. } => {
                    "the platform asks for the code of a second factor, and nobody is there to give it: give the client \
                     something to ask, or the credentials the field `totp_secret`"
                }
                Question::Authorize { .. } | Question::DeviceCode { .. } => {
                    "the platform asks for a person's consent, and nobody is there to ask: give the client something to ask"
                }
                Question::Custom { .. } => {
                    "this platform's sign-in is the program's own, and the client was given none: give it something to ask"
                }
            };
            return self.sign_in_failed(&Error::new(Kind::ChallengeRequired, what), now);
        }
        let wait = match &question {
            Question::DeviceCode { expires_in, .. } => *expires_in,
            Question::SecondFactor { .. } | Question::Authorize { .. } | Question::Custom { .. } => {
                self.compiled.platform().timeouts.challenge
            }
        };
        let (effect, deadline) = self.expect(KindName::Ask, Asker::Question, wait, now);
        self.set_asking(Some(effect));
        self.notice(Notice::Challenged);
        let ticket = Ticket::new(effect, self.tag);
        self.run(Effect::Ask(Box::new(Ask { ticket, deadline, question })));
    }

    /// The program answered, or would not.
    pub(super) fn asked(&mut self, result: Result<Answer, Declined>, now: Now) {
        self.set_asking(None);
        match result {
            Ok(answer) => self.question_answered(answer, now),
            Err(declined) => {
                let what = format!("what the platform asks for was not answered: {}", declined.why);
                self.sign_in_failed(&Error::new(Kind::ChallengeCancelled, what), now);
            }
        }
    }

    /// Nobody answered in time.
    pub(super) fn question_overdue(&mut self, effect: EffectId, now: Now) {
        self.abandon(effect);
        self.set_asking(None);
        let what = "what the platform asks for was not answered in time";
        self.sign_in_failed(&Error::new(Kind::ChallengeOverdue, what), now);
    }

    /// Takes the pending question back, if there is one.
    pub(super) fn stop_asking(&mut self) {
        if let Phase::SigningIn(sign_in) = &mut self.phase
            && let Some(effect) = sign_in.asking.take()
        {
            self.abandon(effect);
        }
    }

    fn set_asking(&mut self, effect: Option<EffectId>) {
        if let Phase::SigningIn(sign_in) = &mut self.phase {
            sign_in.asking = effect;
        }
    }
}
