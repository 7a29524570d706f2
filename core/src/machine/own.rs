//! Exchanges that the session makes for itself, and the pause before the next one.

use std::time::Duration;

use super::answers::Asker;
use super::call::Reach;
use super::life::Phase;
use super::renewal::{Renewal, Step};
use super::session::Session;
use super::timers::Alarm;
use crate::effect::{Effect, EffectId, Exchange, KindName, Owner, Purpose, ReadBody, SendBody, Ticket};
use crate::time::Now;

impl Session {
    /// Puts an exchange of the session's own on the wire.
    #[expect(clippy::too_many_arguments, reason = "a request has this many parts")]
    pub(super) fn own_exchange(
        &mut self,
        purpose: Purpose,
        attempt: u32,
        method: http::Method,
        uri: http::Uri,
        headers: http::HeaderMap,
        body: SendBody,
        now: Now,
    ) -> EffectId {
        let wait = self.compiled.platform().timeouts.exchange;
        let (effect, deadline) = self.expect(KindName::Exchange, Asker::Own(purpose), wait, now);
        let ticket = Ticket::new(effect, self.tag);
        let (owner, read) = (Owner::Session(purpose), ReadBody::Whole { cap: OWN_CAP });
        let generation = self.generation;
        let reach = if self.compiled.names(&uri) { Reach::Platform } else { Reach::Elsewhere };
        let signs = self.signs() && reach == Reach::Platform;
        let uri = self.keyed(uri, reach);
        let exchange =
            Box::new(Exchange { ticket, owner, attempt, generation, deadline, method, uri, headers, body, read });
        if signs {
            self.sign(exchange, now);
        } else {
            self.run(Effect::Exchange(exchange));
        }
        effect
    }

    /// Stops waiting for exchanges made for this purpose.
    pub(super) fn abandon_own(&mut self, purpose: Purpose) {
        for name in self.effects.names() {
            let is_it = |asker: Asker| matches!(asker, Asker::Own(this) if this == purpose);
            if self.effects.at(name).is_some_and(|pending| is_it(pending.asker)) {
                self.abandon(EffectId::from_raw(name));
            }
        }
    }

    /// Waits before the next exchange of the session's own.
    pub(super) fn back_off(&mut self, delay: Duration, now: Now) {
        let until = now.mono + delay;
        self.backs_off = Some(until);
        self.timers.set(until, Alarm::OwnBackoff);
    }

    pub(super) fn own_backoff_over(&mut self, now: Now) {
        // An alarm may be left of a backoff that something else ended.
        if self.backs_off.take_if(|until| now.mono >= *until).is_none() {
            return;
        }
        if self.telling.is_some() {
            return self.send_sign_out(now);
        }
        match &self.phase {
            Phase::SigningIn(_) => self.send_sign_in(now),
            Phase::Active if matches!(self.renewal.as_deref(), Some(Renewal { step: Step::Backoff, .. })) => {
                self.send_renewal(now);
            }
            Phase::Active if matches!(self.renewal.as_deref(), Some(Renewal { step: Step::Waiting, .. })) => {
                self.look_again(now);
            }
            Phase::Active | Phase::Fresh | Phase::Loading(_) | Phase::Ended(..) | Phase::Closed => {}
        }
    }
}

/// The most that is read of an answer to an exchange of the session's own.
const OWN_CAP: usize = 1024 * 1024;
