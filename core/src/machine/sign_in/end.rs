//! How a sign-in fails: the session is again what it was before, and whoever waited is told why.

use crate::effect::{EffectId, Purpose};
use crate::error::{Error, Kind};
use crate::machine::answers::Asker;
use crate::machine::closing::is_over;
use crate::machine::life::{Ending, Phase};
use crate::machine::renewal::Renewal;
use crate::machine::restoring::LoadFor;
use crate::machine::session::Session;
use crate::time::Now;

impl Session {
    pub(in crate::machine) fn sign_in_failed(&mut self, error: &Error, now: Now) {
        self.stop_asking();
        let Phase::SigningIn(sign_in) = std::mem::replace(&mut self.phase, Phase::Fresh) else { return };
        self.backs_off = None;
        self.abandon_own(Purpose::SignIn);
        self.tokens = sign_in.before.tokens;
        *self.jar = sign_in.before.jar;
        self.phase = sign_in.before.phase;
        if let Some(again) = sign_in.again {
            self.settle_kept(error, now);
            let lives_on = sign_in.before.renewed.is_some() && matches!(self.phase, Phase::Ended(Ending::Expired, _));
            if !lives_on {
                self.end_again(again, error);
            }
        }
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

    /// Ends what is under way (loading, renewing) because something else takes its place.
    pub(in crate::machine) fn stop_for(&mut self, why: &'static str) {
        let error = Error::new(Kind::Cancelled, why);
        if let Phase::Loading(loading) = &mut self.phase {
            let waiters = std::mem::take(&mut loading.waiters);
            self.phase = std::mem::replace(&mut loading.before, Phase::Fresh);
            self.reply_all(waiters, &Err(error.clone()));
        }
        self.drop_renewal(&error);
        self.backs_off = None;
        for name in self.effects.names() {
            let stale = |asker: Asker| match asker {
                Asker::Own(purpose) => purpose != Purpose::Renewal,
                // A conflict is still in the way of the next save.
                Asker::Load(why) => why != LoadFor::Conflict,
                Asker::Question => true,
                Asker::Attempt(_)
                | Asker::Retry(_)
                | Asker::Sign(_)
                | Asker::Save
                | Asker::Lease
                | Asker::Release
                | Asker::Remove => false,
            };
            if self.effects.at(name).is_some_and(|pending| stale(pending.asker)) {
                self.abandon(EffectId::from_raw(name));
            }
        }
        self.stop_probe(None);
        debug_assert!(!is_over(&self.phase), "a closed session starts nothing");
    }
}
