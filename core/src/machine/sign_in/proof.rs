//! Whether the sign-in worked: the platform is asked who the account is, and then the session is saved and used.

use super::Stage;
use crate::effect::Arrival;
use crate::error::{Error, Kind};
use crate::machine::expiry::Issued;
use crate::machine::life::Phase;
use crate::machine::output::Notice;
use crate::machine::probe::{Identity, identity};
use crate::machine::refusal;
use crate::machine::seldom::Seldom;
use crate::machine::session::Session;
use crate::time::Now;

impl Session {
    /// The credentials are taken; now the platform is asked who they are, if it can be asked.
    pub(in crate::machine) fn proved(&mut self, now: Now) {
        if self.compiled.identity().is_some() {
            self.enter(Stage::Probe, now);
        } else {
            self.signed_in(now);
        }
    }

    pub(super) fn sign_in_probed(&mut self, arrival: &Arrival, now: Now) {
        if self.sent_again(arrival, now) {
            return;
        }
        let Some(uri) = self.compiled.identity().cloned() else { return };
        if refusal::refuses_probe(&self.compiled, arrival, &uri, now.wall) {
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

    pub(super) fn signed_in(&mut self, now: Now) {
        self.generation += 1;
        self.revision += 1;
        self.tokens_since = self.generation;
        self.signed_in_since = self.generation;
        self.stats.sign_ins += 1;
        self.renewals = Seldom::default();
        if self.tokens.life.is_none() {
            self.learn_expiry(Issued::Before, now);
        }
        if let Phase::SigningIn(sign_in) = &mut self.phase {
            sign_in.stage = Stage::Saving;
            if sign_in.again.is_none() {
                let credentials = sign_in.credentials.clone();
                self.keep(&credentials);
            }
        }
        self.save_now(now);
    }

    /// The fresh session is saved, or saving it failed for now: calls may use it.
    pub(in crate::machine) fn sign_in_saved(&mut self, now: Now) {
        if self.is_saving_sign_in()
            && let Phase::SigningIn(sign_in) = std::mem::replace(&mut self.phase, Phase::Active)
        {
            self.notice(Notice::SignedIn(self.generation));
            self.set_window(now);
            self.reply_all(sign_in.waiters, &Ok(()));
            self.open_gate(now);
        }
    }

    /// Whether the session is one that has just been signed in and is being saved for the first time.
    pub(in crate::machine) fn is_saving_sign_in(&self) -> bool {
        matches!(&self.phase, Phase::SigningIn(sign_in) if sign_in.stage == Stage::Saving)
    }
}
