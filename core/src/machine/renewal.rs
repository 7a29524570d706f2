//! Renewing a session: at most one renewal is in flight, whoever asked for it, and no rotating token is sent twice.
//!
//! ```text
//! idle ──window, refusal or force──▶ (Discovering ─▶ leasing ─▶) Sending ──tokens──▶ Saving ──▶ idle
//!                                                      │ ▲ └─refused──▶ Reloading ──newer saved──▶ idle
//!                                                      ▼ │                        └──else──▶ dead
//!                                                    Backoff
//! ```
//!
//! **Invariant:** a renewal belongs to the session, never to the call that noticed. What its answer means is told in `renewed.rs`.

use super::life::Phase;
use super::restoring::LoadFor;
use super::seldom::Emptied;
use super::session::Session;
use super::timers::Alarm;
use super::token;
use super::window::Freshness;
use crate::credentials::Secret;
use crate::effect::{CallId, EffectId, Purpose, SendBody};
use crate::error::{Error, Kind};
use crate::platform::SignIn;
use crate::time::{Mono, Now};

/// A renewal under way.
#[derive(Debug)]
pub(super) struct Renewal {
    /// Whether calls wait for it.
    pub(super) gates: bool,
    pub(super) step: Step,
    pub(super) attempt: u32,
    pub(super) waiters: Vec<CallId>,
    /// The exchange that is waited for, and the token that it took along.
    pub(super) sent: Option<(EffectId, Secret)>,
    /// Whose intent was found in the record, and since when it is known.
    pub(super) seen: Option<(u64, Mono)>,
}

/// Where a renewal stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// The issuer's metadata is being looked for, in its first or a later place.
    Discovering(usize),
    /// The lease was asked for at this moment.
    Leasing(Now),
    /// Somebody else holds it; the store is looked at again after a pause.
    Waiting,
    /// Whether whoever held it has saved is being looked at.
    Looking,
    /// It is held, and the record is being looked at.
    Checking,
    /// That the token is about to be sent is being saved.
    Noting,
    Sending,
    Backoff,
    /// The issuer refused; perhaps another process was first.
    Reloading,
    /// The new tokens are being saved before their first use.
    Saving,
}

/// What is remembered between renewals.
#[derive(Debug)]
pub(super) struct Renewals {
    /// The generation that was renewed ahead of its end already.
    pub(super) tried: u64,
    /// When an advisory renewal that failed is tried again.
    pub(super) again: Option<Mono>,
    /// Until when a renewal that failed is not tried again.
    pub(super) not_before: Option<Mono>,
    /// How the last one failed.
    pub(super) trouble: Option<Box<Error>>,
    /// Why the refresh token cannot be used any more.
    pub(super) dead: Option<Box<Error>>,
    /// The issuer refused the refresh token, and whether another process used it first could not be found out yet: the store is
    /// asked before anything else, and the token is not sent again.
    pub(super) unsettled: Option<Box<Error>>,
    /// A renewal that was given up for late, and the token that it took along: its answer is still wanted.
    pub(super) late: Option<(EffectId, Secret)>,
}

impl Emptied for Renewals {
    const EMPTY: Self =
        Self { tried: 0, again: None, not_before: None, trouble: None, dead: None, unsettled: None, late: None };

    fn nothing() -> &'static Self {
        static NOTHING: Renewals = Renewals::EMPTY;
        &NOTHING
    }

    fn is_empty(&self) -> bool {
        let is_calm = self.trouble.is_none() && self.dead.is_none() && self.unsettled.is_none();
        is_calm && self.tried == 0 && self.again.is_none() && self.not_before.is_none() && self.late.is_none()
    }
}

impl Session {
    /// Renews now, whatever the token's age; joins a renewal that is in flight.
    pub fn renew(&mut self, now: Now) -> CallId {
        let id = self.command();
        if !matches!(self.phase, Phase::Active) || self.closing.is_some() {
            let what = format!("a session that is {} cannot be renewed", self.state().as_str());
            let kind = if matches!(self.phase, Phase::Closed) { Kind::Closed } else { Kind::NoSession };
            self.reply(id, Err(Error::new(kind, what)));
        } else if !self.is_renewing() && !self.can_renew() {
            let error = self.cannot_renew();
            self.reply(id, Err(error));
        } else {
            self.start_renewal(true, now);
            if let Some(renewal) = &mut self.renewal {
                renewal.waiters.push(id);
            }
        }
        id
    }

    pub(super) fn is_renewing(&self) -> bool {
        self.renewal.is_some()
    }

    pub(super) fn is_gated(&self) -> bool {
        self.renewal.as_deref().is_some_and(Renewal::gates)
    }

    /// The advisory window: calls go on while one renewal runs.
    pub(super) fn renew_ahead(&mut self, now: Now) {
        let again = self.renewals.again.is_some_and(|at| now.mono >= at);
        let is_due = self.renewals.tried != self.generation || again;
        if is_due && !self.is_renewing() && self.can_renew() {
            self.renewals.tried = self.generation;
            self.renewals.again = None;
            self.start_renewal(false, now);
        }
    }

    /// The mandatory window, or a refusal: calls wait, unless a renewal has just failed.
    pub(super) fn renew_now(&mut self, now: Now) {
        if self.is_renewing() {
            self.start_renewal(true, now);
        } else if self.can_renew() && self.renewals.not_before.is_none_or(|at| now.mono >= at) {
            self.renewals.tried = self.generation;
            self.start_renewal(true, now);
        }
    }

    /// A moment was reached at which this generation's window begins.
    pub(super) fn window_reached(&mut self, generation: u64, now: Now) {
        if generation != self.generation || !matches!(self.phase, Phase::Active) || self.closing.is_some() {
            return;
        }
        match self.freshness(now) {
            Freshness::Fresh => self.set_window(now),
            Freshness::Advisory => self.renew_ahead(now),
            Freshness::Mandatory | Freshness::Ended => self.renew_now(now),
        }
    }

    /// Sets the alarms of a session that is active: the present generation's advisory window, keep-alive, the end of its lifetime.
    pub(super) fn set_window(&mut self, now: Now) {
        self.keep_alive_starts(now);
        self.lifetime_starts(now);
        let Some(life) = self.tokens.life else { return };
        if self.can_renew() {
            let begins = life.left(now.wall).saturating_sub(life.windows().advisory);
            self.timers.set(now.mono + begins, Alarm::Window(self.generation));
        }
    }

    pub(super) fn can_renew(&self) -> bool {
        let has_grant = self.compiled.renews_as_client() || self.tokens.refresh.is_some();
        has_grant && self.compiled.has_token_endpoint() && self.renewals.dead.is_none() && !self.is_token_unsaved()
    }

    /// Whether the present refresh token would be lost if this process ended now.
    fn is_token_unsaved(&self) -> bool {
        let rotates = self.compiled.platform().renew.as_ref().is_some_and(|renew| renew.rotates)
            && !self.compiled.renews_as_client();
        let kept = self.settings.persist.is_some() && !self.settings.renew_without_store;
        rotates && kept && !self.saving.holds(self.tokens_since)
    }

    /// Why there is no renewal to hope for.
    pub(super) fn cannot_renew(&self) -> Error {
        if let Some(dead) = &self.renewals.dead {
            return (**dead).clone();
        }
        if self.tokens.refresh.is_some() && self.is_token_unsaved() {
            let what = "the session must be renewed, but its present refresh token could not be saved";
            return Error::new(Kind::StoreUnavailable, what);
        }
        Error::new(Kind::Expired, "the session ended and there is nothing to renew it with; sign in again")
    }

    /// How the last renewal failed, for calls that needed it.
    pub(super) fn renewal_trouble(&self) -> Error {
        if !self.can_renew() {
            return self.cannot_renew();
        }
        let unknown = || Error::new(Kind::PlatformFailed, "the session could not be renewed");
        self.renewals.trouble.as_deref().cloned().unwrap_or_else(unknown)
    }

    fn start_renewal(&mut self, gates: bool, now: Now) {
        if let Some(renewal) = &mut self.renewal {
            renewal.gates |= gates;
            return;
        }
        let step = if self.renewals.unsettled.is_some() { Step::Reloading } else { Step::Sending };
        self.renewal = Some(Box::new(Renewal { gates, step, attempt: 0, waiters: Vec::new(), sent: None, seen: None }));
        if step == Step::Reloading { self.load(LoadFor::Refusal, now) } else { self.send_renewal(now) }
    }

    /// Sends the refresh token, or what else renews, to the issuer; asks for the issuer's endpoints before, and takes the lease, if need be.
    pub(super) fn send_renewal(&mut self, now: Now) {
        let is_known = self.token_endpoint().is_some();
        if is_known && self.is_renewing() && !self.may_send(now) {
            return self.take_lease(now);
        }
        let Some(renewal) = &mut self.renewal else { return };
        renewal.attempt += 1;
        let attempt = renewal.attempt;
        renewal.step = if is_known { Step::Sending } else { Step::Discovering(0) };
        if !is_known {
            return self.send_discovery(0, attempt, now);
        }
        let effect = self.send_token_request(self.renewal_form(), Purpose::Renewal, attempt, now);
        let token = self.tokens.refresh.clone().unwrap_or_else(|| Secret::new(""));
        if let Some(renewal) = &mut self.renewal {
            renewal.sent = effect.zip(Some(token));
        }
    }

    /// What a renewal asks for.
    pub(super) fn renewal_form(&self) -> token::Form {
        let platform = self.compiled.platform();
        match (&platform.sign_in, &platform.renew) {
            (SignIn::ClientCredentials(recipe), Some(rules)) => token::as_client(rules, recipe),
            (_, Some(rules)) => token::refresh(rules, &self.tokens),
            (_, None) => token::Form::default(),
        }
    }

    /// Puts a token request on the wire, for a renewal or a sign-in.
    pub(super) fn send_token_request(
        &mut self,
        form: token::Form,
        purpose: Purpose,
        attempt: u32,
        now: Now,
    ) -> Option<EffectId> {
        let uri = self.token_endpoint()?.clone();
        self.send_as_client(uri, form, purpose, attempt, now)
    }

    /// Puts a request on the wire with which the client shows itself; nothing of the session's goes along, neither cookies nor the token
    /// against cross-site requests that would protect them.
    pub(super) fn send_as_client(
        &mut self,
        uri: http::Uri,
        form: token::Form,
        purpose: Purpose,
        attempt: u32,
        now: Now,
    ) -> Option<EffectId> {
        let rules = self.compiled.platform().renew.as_ref()?;
        let request = token::request(rules, form, self.tokens.client_secret.as_ref());
        let body = SendBody::Bytes(request.body);
        Some(self.own_exchange(purpose, attempt, http::Method::POST, uri, request.headers, body, now))
    }

    /// The exchange of a renewal was made again under another name.
    pub(super) fn renewal_sent_again(&mut self, was: EffectId, is: EffectId) {
        if let Some((sent, _)) = self.renewal.as_mut().and_then(|renewal| renewal.sent.as_mut())
            && *sent == was
        {
            *sent = is;
        }
    }

    /// Whether this exchange is of a renewal that was given up, and that is still wanted.
    pub(super) fn is_late(&self, effect: EffectId) -> bool {
        self.renewals.late.as_ref().is_some_and(|(late, _)| *late == effect)
    }

    /// Whether sending the present refresh token, or what else renews, twice does no harm.
    pub(super) fn is_resendable(&self) -> bool {
        self.compiled.renews_as_client()
            || self.compiled.platform().renew.as_ref().is_some_and(|rules| rules.reuse_safe || !rules.rotates)
    }

    /// Gives a renewal up because something else takes its place. A rotating token that is on its way is not sent again; should
    /// its answer still come, it is taken.
    pub(super) fn drop_renewal(&mut self, error: &Error) {
        let Some(renewal) = self.renewal.take() else { return };
        let has_left = renewal.sent.as_ref().is_some_and(|(effect, _)| !self.is_held(*effect));
        if renewal.step == Step::Sending && !self.is_resendable() && has_left {
            let what =
                "the refresh token was on its way when its renewal was given up, and may have been used; sign in again";
            self.renewals.dead = Some(Box::new(Error::new(Kind::RenewalLost, what)));
            self.renewals.late = renewal.sent;
        } else if let Some((effect, _)) = renewal.sent {
            self.abandon(effect);
        }
        self.backs_off = None;
        self.reply_all(renewal.waiters, &Err(error.clone()));
    }
}

impl Renewal {
    /// One whose tokens are there and are still to be saved.
    pub(super) fn saving() -> Self {
        Self { gates: true, step: Step::Saving, attempt: 1, waiters: Vec::new(), sent: None, seen: None }
    }

    /// Whether no request of it is under way, nor anything else that would be lost with it.
    pub(super) fn is_preparing(&self) -> bool {
        match self.step {
            Step::Backoff
            | Step::Discovering(_)
            | Step::Leasing(_)
            | Step::Waiting
            | Step::Looking
            | Step::Checking
            | Step::Noting => true,
            Step::Sending | Step::Reloading | Step::Saving => false,
        }
    }

    /// Whether calls wait for it.
    pub(super) fn gates(&self) -> bool {
        self.gates
    }
}
