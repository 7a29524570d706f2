//! A refused call: whose token it was, whether it is tried once more, and whether the session lives on.
//!
//! **Invariant:** a refusal spends the token only if its generation is the present one; a call is replayed once with what this process
//! renewed, and with what others did as often as they did: how old that is by then, nobody here knows.

use super::call::Held;
use super::life::{Ending, Phase};
use super::output::{Notice, Verdict};
use super::session::Session;
use super::window::Freshness;
use crate::effect::{Arrival, CallId, EffectId};
use crate::error::{Error, Kind};
use crate::time::Now;

impl Session {
    /// The platform refused the session that an attempt was sent with.
    pub(super) fn refused(&mut self, id: CallId, from: EffectId, arrival: Arrival, now: Now) {
        self.stats.refusals += 1;
        let Some(call) = self.call_at(id) else { return };
        let (generation, can_send) = (call.generation, call.can_send());
        let was_replayed = call.replayed && generation != self.adopted;
        let held = Held { from, arrival };
        let is_present = generation == self.generation && matches!(self.phase, Phase::Active);
        if is_present {
            if was_replayed && self.spent != generation && self.freshness(now) != Freshness::Ended {
                return self.reject(id, held, now);
            }
            if !self.spend(now) {
                return self.reply_as_is(id, held, Some(Verdict::Refused));
            }
        }
        if was_replayed || !matches!(self.phase, Phase::Active | Phase::SigningIn(_) | Phase::Loading(_)) {
            return self.reply_as_is(id, held, Some(Verdict::Refused));
        }
        if !can_send {
            let what =
                "the session was refused and the body can be sent only once; give it as bytes to have it sent again";
            return self.reply(id, Err(Error::new(Kind::BodyNotReplayable, what)));
        }
        if let Some(call) = self.call_mut(id) {
            call.replayed = true;
            call.tries = 0;
        }
        self.begin(id, now);
        self.stats.replays += u64::from(self.call_at(id).is_some());
    }

    /// Spends the present generation and renews, or signs in again; false when there is nothing to do that with, and then the session has
    /// ended.
    pub(super) fn spend(&mut self, now: Now) -> bool {
        if self.spent != self.generation {
            self.spent = self.generation;
            self.notice(Notice::Refused(self.generation));
        }
        if !self.is_renewing() && !self.can_renew() {
            let error = self.cannot_renew();
            if error.code() != Kind::StoreUnavailable {
                self.end(Ending::Expired, &error, now);
            }
            return matches!(self.phase, Phase::SigningIn(_));
        }
        self.renew_now(now);
        true
    }

    /// A fresh generation was refused although the call had been replayed: the platform does not want this session.
    fn reject(&mut self, id: CallId, held: Held, now: Now) {
        self.spent = self.generation;
        self.reply_as_is(id, held, Some(Verdict::Rejected));
        let what = "the platform refused a session that had just been renewed; check the account and sign in again";
        self.end(Ending::Rejected, &Error::new(Kind::Rejected, what), now);
    }
}
