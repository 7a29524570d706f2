//! What one process has seen, held against the laws.

use std::collections::{BTreeMap, BTreeSet};

use hallpass_core::effect::{CallId, EffectId, Exchange, Owner, Purpose};
use hallpass_core::machine::{Notice, Session};
use http::Method;

use super::server::refresh_token;

/// What one process has seen.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// Calls that ended with an answer of 2xx.
    pub(super) served: u64,
    /// Whether refresh tokens may be sent that are not saved.
    pub(super) may_be_unsaved: bool,
    /// Whether refresh tokens may be sent more than once.
    pub(super) may_repeat: bool,
    is_kept: bool,
    /// Refresh tokens that may have been used.
    sent: BTreeSet<String>,
    /// The generation that came with each refresh token.
    came_with: BTreeMap<String, u64>,
    /// Renewals that are waited for, and until when.
    renewing: BTreeMap<EffectId, u64>,
    /// Generations that were refused.
    refused: BTreeSet<u64>,
    /// Renewals that the program asked for and that have not begun.
    forced: u64,
    /// The generation of each save on its way.
    saves: BTreeMap<EffectId, u64>,
    /// The highest generation of which a save was answered, and of which one succeeded.
    answered: u64,
    saved: u64,
    /// How often each call was acted upon.
    acted: BTreeMap<CallId, u32>,
}

impl Seen {
    /// Nothing yet.
    pub(super) fn new(is_kept: bool, may_be_unsaved: bool, may_repeat: bool) -> Self {
        Self { may_be_unsaved, may_repeat, is_kept, ..Self::default() }
    }

    /// A request is about to leave.
    pub(super) fn leaves(&mut self, exchange: &Exchange, session: &Session, at: u64, (lifetime, ahead): (u64, u64)) {
        match exchange.owner {
            Owner::Call(_) => {
                let generation = exchange.generation;
                assert!(
                    !self.is_kept || generation <= self.answered,
                    "generation {generation} is used before its save"
                );
            }
            Owner::Session(Purpose::Renewal) => self.renewal_leaves(exchange, session, at, (lifetime, ahead)),
            Owner::Session(
                Purpose::Discovery
                | Purpose::SignIn
                | Purpose::Csrf
                | Purpose::Probe
                | Purpose::KeepAlive
                | Purpose::SignOut,
            ) => {}
        }
    }

    fn renewal_leaves(&mut self, exchange: &Exchange, session: &Session, at: u64, (lifetime, ahead): (u64, u64)) {
        let flying = self.renewing.values().filter(|until| **until > at).count();
        assert_eq!(flying, 0, "two renewals in flight");
        self.renewing.insert(exchange.ticket.id(), exchange.deadline.as_nanos().div_ceil(1_000_000));
        let token = refresh_token(exchange);
        let is_new = self.sent.insert(token.clone());
        assert!(is_new || self.may_repeat, "{token} is sent again");
        if self.is_kept && !self.may_be_unsaved {
            let came_with = self.came_with.get(&token).copied().unwrap_or(0);
            assert!(came_with <= self.saved, "{token} of generation {came_with} is sent and not saved");
        }
        if exchange.attempt == 1 {
            let ends = session.expires_at().expect("a lifetime").as_millis() - crate::dialogue::START;
            let in_window = (at + ahead).cast_signed() + 1 >= ends - (lifetime * 1000 / 5).cast_signed();
            let has_reason = in_window || self.refused.contains(&session.generation()) || self.forced > 0;
            assert!(has_reason, "a renewal of generation {} for nothing", session.generation());
            self.forced = 0;
        }
    }

    /// A refresh token was certainly not used.
    pub(super) fn unused(&mut self, token: &str) {
        self.sent.remove(token);
    }

    /// An exchange was answered, and maybe the session has new tokens.
    pub(super) fn answered(&mut self, effect: EffectId, refresh: Option<String>, generation: (u64, u64)) {
        self.renewing.remove(&effect);
        if let Some(refresh) = refresh
            && generation.1 > generation.0
        {
            self.came_with.insert(refresh, generation.1);
        }
    }

    /// A save is on its way.
    pub(super) fn saves(&mut self, effect: EffectId, generation: u64) {
        self.saves.insert(effect, generation);
    }

    /// The generation of a save on its way.
    pub(super) fn saving(&self, effect: EffectId) -> u64 {
        self.saves[&effect]
    }

    /// A save was answered, or given up.
    pub(super) fn save_ended(&mut self, effect: EffectId, was_saved: bool) {
        self.renewing.remove(&effect);
        if let Some(generation) = self.saves.get(&effect) {
            self.answered = self.answered.max(*generation);
            if was_saved {
                self.saved = self.saved.max(*generation);
            }
        }
    }

    /// Something happened to the session.
    pub(super) fn noticed(&mut self, notice: &Notice) {
        match notice {
            Notice::Refused(generation) => {
                self.refused.insert(*generation);
            }
            // Whatever is on its way belongs to what was before, and is not waited for.
            Notice::SignedIn(_) => self.renewing.clear(),
            Notice::Restored(generation) | Notice::Adopted(generation) => {
                self.renewing.clear();
                self.answered = self.answered.max(*generation);
                self.saved = self.saved.max(*generation);
            }
            _ => {}
        }
    }

    /// The program wants a renewal.
    pub(super) fn forces(&mut self) {
        self.forced += 1;
    }

    /// The platform acted upon a call.
    pub(super) fn acted(&mut self, call: CallId, method: &Method) {
        let times = self.acted.entry(call).or_default();
        *times += 1;
        assert!(*method != Method::POST || *times == 1, "a POST was acted upon twice");
    }
}
