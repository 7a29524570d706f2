//! One account's session: its parts, its construction, its commands and its single drain.
//!
//! What each command leads to is told in the file named after it; this one only holds the parts together.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::Arc;

use http::HeaderName;
use zeroize::Zeroizing;

use super::again::Kept;
use super::answers::Pending;
use super::call::{Call, Head};
use super::closing::Closing;
use super::dpop::Dpop;
use super::gate::Queue;
use super::keep_alive::KeepAlive;
use super::leasing::Sharing;
use super::life::{Phase, State};
use super::lifetime::Lifetime;
use super::oauth::metadata::Metadata;
use super::output::{Notice, Output, Reply};
use super::payload::Tokens;
use super::probe::Probe;
use super::renewal::{Renewal, Renewals};
use super::saving::Saving;
use super::seldom::Seldom;
use super::settings::Settings;
use super::sign_out::Telling;
use super::signing::Held;
use super::stats::Stats;
use super::table::Table;
use super::timers::{Alarm, Timers};
use super::trace::Trace;
use crate::cookie::{Jar, Name};
use crate::effect::{CallId, Effect, EffectId};
use crate::error::{Error, Kind};
use crate::platform::{Compiled, SignIn};
use crate::seed::{Rng, Seed};
use crate::store::RecordKey;
use crate::time::{Mono, Now};

/// One account's machine. `Send`, never `Clone`.
///
/// After any command or answer, call [`poll`](Session::poll) until it says [`Output::Wait`].
pub struct Session {
    pub(super) compiled: Arc<Compiled>,
    pub(super) account: Arc<str>,
    pub(super) settings: Arc<Settings>,
    /// Tells this session's tickets from another's.
    pub(super) tag: u64,
    pub(super) jitter: Rng,
    /// Seals what is kept, where anything is.
    pub(super) salt: Option<Box<Rng>>,

    pub(super) phase: Phase,
    pub(super) tokens: Tokens,
    pub(super) jar: Seldom<Jar>,
    /// Headers of the bundle that calls named with another value, each told of once.
    pub(super) drifted: Seldom<Vec<HeaderName>>,
    /// Whether the last request of the session's own was repeated with a token that its answer brought.
    pub(super) handshaken: bool,
    pub(super) generation: u64,
    pub(super) revision: u64,
    /// The latest generation that the platform refused.
    pub(super) spent: u64,
    /// The latest generation that another process made.
    pub(super) adopted: u64,
    /// The generation with which the present tokens came.
    pub(super) tokens_since: u64,
    /// The first generation of the present sign-in: answers to older ones have nothing to say any more.
    pub(super) signed_in_since: u64,

    pub(super) rows: Table<Row>,
    pub(super) parked: Seldom<Queue>,
    pub(super) effects: Table<Pending>,
    pub(super) timers: Timers,
    pub(super) outputs: VecDeque<Output>,

    /// What it signs in with again, where the program allows.
    pub(super) kept: Option<Box<Kept>>,
    pub(super) renewal: Option<Box<Renewal>>,
    pub(super) renewals: Seldom<Renewals>,
    pub(super) sharing: Seldom<Sharing>,
    /// What the issuer said of itself, once it was asked.
    pub(super) issuer: Option<Box<Metadata>>,
    /// Draws what ties an authorization code to this session, where it signs in by one.
    pub(super) proofs: Option<Box<Rng>>,
    /// Until when an exchange of the session's own waits.
    pub(super) backs_off: Option<Mono>,
    pub(super) probe: Seldom<Probe>,
    pub(super) keep_alive: Seldom<KeepAlive>,
    pub(super) lifetime: Lifetime,
    /// Exchanges that wait for a signature, by the names of their effects.
    pub(super) held: Seldom<BTreeMap<u64, Held>>,
    /// Where the platform binds tokens to a key.
    pub(super) dpop: Option<Box<Dpop>>,
    /// The last time step whose code of a second factor was sent.
    pub(super) totp_used: Option<u64>,
    pub(super) saving: Seldom<Saving>,
    pub(super) closing: Option<Box<Closing>>,
    pub(super) telling: Option<Box<Telling>>,
    pub(super) successes: u32,
    pub(super) stats: Stats,
    pub(super) last_error: Option<Kind>,
    pub(super) trace: Trace,
}

/// Something that ends with exactly one reply.
#[derive(Debug)]
pub(super) enum Row {
    Call(Box<Call>),
    Command,
}

impl Session {
    /// A session that knows nothing yet: sign in or resume it.
    ///
    /// `seed` must come from a cryptographic generator and be used for this one session only.
    #[expect(clippy::needless_pass_by_value, reason = "a seed is used up by the one session that it is given to")]
    pub fn new(
        compiled: Arc<Compiled>,
        account: impl Into<Arc<str>>,
        settings: impl Into<Arc<Settings>>,
        seed: Seed,
        now: Now,
    ) -> Self {
        let settings = settings.into();
        Self {
            tag: seed.rng("tag").next_u64(),
            jitter: seed.rng("jitter"),
            salt: settings.persist.is_some().then(|| Box::new(seed.rng("salt"))),
            proofs: matches!(compiled.platform().sign_in, SignIn::AuthorizationCode(_))
                .then(|| Box::new(seed.rng("oauth"))),
            trace: Trace::new(settings.trace, now),
            dpop: compiled.platform().dpop.as_ref().map(|_| Box::new(Dpop::new(&seed))),
            compiled,
            account: account.into(),
            settings,
            phase: Phase::Fresh,
            tokens: Tokens::new(now.wall),
            jar: Seldom::default(),
            drifted: Seldom::default(),
            handshaken: false,
            generation: 0,
            revision: 0,
            spent: 0,
            adopted: 0,
            tokens_since: 0,
            signed_in_since: 0,
            rows: Table::new(),
            parked: Seldom::default(),
            effects: Table::new(),
            timers: Timers::default(),
            outputs: VecDeque::new(),
            kept: None,
            renewal: None,
            renewals: Seldom::default(),
            sharing: Seldom::default(),
            issuer: None,
            backs_off: None,
            probe: Seldom::default(),
            keep_alive: Seldom::default(),
            lifetime: Lifetime::default(),
            held: Seldom::default(),
            totp_used: None,
            saving: Seldom::default(),
            closing: None,
            telling: None,
            successes: 0,
            stats: Stats::default(),
            last_error: None,
        }
    }

    /// Begins a call; it ends with one [`Output::Reply`].
    pub fn call(&mut self, head: Head, now: Now) -> CallId {
        let timeout = head.options.timeout.unwrap_or(self.compiled.platform().timeouts.total);
        let deadline = now.mono + timeout;
        self.stats.calls += 1;
        let call = CallId::from_raw(self.rows.insert(Row::Call(Box::new(Call::new(head, deadline)))));
        self.timers.set(deadline, Alarm::CallDeadline(call));
        self.begin(call, now);
        call
    }

    /// Ends a call at once with `cancelled`, and nothing but that call: a renewal that it caused goes on.
    ///
    /// A call that has ended already is left alone.
    pub fn cancel(&mut self, call: CallId, now: Now) {
        self.cancel_call(call, now);
    }

    /// Says what to do next, firing due timers first.
    ///
    /// The answer changes with every command, with every answer, and with time once the moment of [`Output::Wait`] is reached.
    #[must_use]
    pub fn poll(&mut self, now: Now) -> Output {
        if self.sharing.lease.is_some() && self.renewal.is_none() {
            self.let_go(now);
        }
        while self.outputs.is_empty() {
            match self.timers.due(now.mono) {
                Some(alarm) => self.ring(alarm, now),
                None => return Output::Wait(self.next_alarm()),
            }
        }
        match self.outputs.pop_front() {
            Some(output) => {
                self.trace.output(&output, now);
                output
            }
            None => Output::Wait(self.next_alarm()),
        }
    }

    /// Where the session stands.
    pub fn state(&self) -> State {
        self.phase.state(self.renewal.as_deref(), self.probe.is_asking())
    }

    /// The account's name.
    pub fn account(&self) -> &str {
        &self.account
    }

    /// The account's name, to be shared with whoever keeps the session by it.
    pub fn shared_account(&self) -> &Arc<str> {
        &self.account
    }

    /// The platform.
    pub fn compiled(&self) -> &Arc<Compiled> {
        &self.compiled
    }

    /// The number of sign-ins and renewals that its present credentials have behind them.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// When the present access token ends, where that is known.
    pub fn expires_at(&self) -> Option<crate::time::Wall> {
        self.tokens.life.map(|life| life.ends)
    }

    /// The id that the platform gave this account, once it is known.
    pub fn account_id(&self) -> Option<&str> {
        self.tokens.account_id.as_deref()
    }

    /// Its cookies as a `cookies.txt`, and the names of those that such a file cannot express; all of it secret.
    pub fn cookies_txt(&self, now: Now) -> (Zeroizing<Vec<u8>>, Vec<Name>) {
        self.jar.to_cookies_txt(now.wall)
    }

    /// Its counters.
    pub fn stats(&self) -> Stats {
        self.stats
    }

    /// Calls and commands that have not ended.
    pub fn pending(&self) -> usize {
        self.rows.len()
    }

    /// The lines written down since the last time, if [`Settings::trace`] is on.
    pub fn take_trace(&mut self) -> Vec<String> {
        self.trace.take()
    }

    /// The key under which it is kept, if it is kept.
    pub fn record_key(&self) -> Option<RecordKey> {
        let persist = self.settings.persist.as_ref()?;
        Some(RecordKey::session(&persist.namespace, &self.compiled.platform().id, &self.account))
    }

    fn ring(&mut self, alarm: Alarm, now: Now) {
        match alarm {
            Alarm::CallDeadline(call) => self.call_overdue(call, now),
            Alarm::Backoff(call) => self.backoff_over(call, now),
            Alarm::Effect(effect) => self.effect_overdue(effect, now),
            Alarm::OwnBackoff => self.own_backoff_over(now),
            Alarm::Window(generation) => self.window_reached(generation, now),
            Alarm::Save => self.save_due(now),
            Alarm::Drain => self.drain_overdue(now),
            Alarm::KeepAlive => self.keep_alive_due(now),
            Alarm::Lifetime => self.lifetime_due(now),
        }
        self.close_if_drained(now);
    }

    fn next_alarm(&mut self) -> Option<(Mono, super::output::Reason)> {
        let (rows, effects, generation) = (&self.rows, &self.effects, self.generation);
        let (saves, backs_off) = (self.saving.waits(), self.backs_off.is_some());
        let (keeps_alive, is_limited) = (self.keep_alive.at.is_some(), self.lifetime.at.is_some());
        let drains = self.closing.as_deref().is_some_and(Closing::is_limited);
        let is_active = matches!(self.phase, Phase::Active) && self.closing.is_none();
        let live = |alarm| match alarm {
            Alarm::CallDeadline(call) | Alarm::Backoff(call) => rows.at(call.raw()).is_some(),
            Alarm::Effect(effect) => effects.at(effect.raw()).is_some(),
            Alarm::Window(of) => is_active && of == generation,
            Alarm::Save => saves,
            Alarm::OwnBackoff => backs_off,
            Alarm::Drain => drains,
            Alarm::KeepAlive => keeps_alive,
            Alarm::Lifetime => is_limited,
        };
        self.timers.compact(self.rows.len() + self.effects.len(), live);
        self.timers.next(live)
    }

    /// Gives back the memory that only calls and effects under way need; a session that rests then holds little more than what it is
    /// about. Does nothing while anything is under way.
    pub fn rest(&mut self) {
        if self.rows.len() == 0 && self.effects.len() == 0 && self.outputs.is_empty() {
            self.rows.release();
            self.effects.release();
            self.outputs = VecDeque::new();
            self.parked = Seldom::default();
            self.timers.shrink();
            self.jar.release();
            self.renewals.release();
            self.sharing.release();
            self.probe.release();
            self.keep_alive.release();
            self.held.release();
            self.saving.release();
            self.tokens.release();
        }
    }

    /// Adds a command row: something that is no call but ends with a reply as well.
    pub(super) fn command(&mut self) -> CallId {
        CallId::from_raw(self.rows.insert(Row::Command))
    }

    /// Ends a call or command.
    pub(super) fn reply(&mut self, to: CallId, reply: Result<Reply, Error>) {
        if let Some(row) = self.rows.remove(to.raw()) {
            if let Row::Call(_) = row {
                self.count_end(&reply);
            }
            self.outputs.push_back(Output::Reply(to, reply));
        }
    }

    /// Ends several commands alike.
    pub(super) fn reply_all(&mut self, to: Vec<CallId>, result: &Result<(), Error>) {
        for command in to {
            self.reply(command, result.clone().map(|()| Reply::Done));
        }
    }

    pub(super) fn notice(&mut self, notice: Notice) {
        if let Notice::RenewalFailed(kind) | Notice::SaveFailed(kind) | Notice::Rejected(kind) = notice {
            self.last_error = Some(kind);
        }
        self.outputs.push_back(Output::Notice(notice));
    }

    pub(super) fn run(&mut self, effect: Effect) {
        self.outputs.push_back(Output::Run(effect));
    }

    /// Stops waiting for an effect.
    pub(super) fn abandon(&mut self, effect: EffectId) {
        if self.abandon_held(effect) {
            return;
        }
        if self.effects.remove(effect.raw()).is_some() {
            self.forget_proved(effect);
            self.outputs.push_back(Output::Abandon(effect));
        }
    }

    pub(super) fn call_at(&self, call: CallId) -> Option<&Call> {
        match self.rows.at(call.raw())? {
            Row::Call(call) => Some(call),
            Row::Command => None,
        }
    }

    pub(super) fn call_mut(&mut self, call: CallId) -> Option<&mut Call> {
        match self.rows.at_mut(call.raw())? {
            Row::Call(call) => Some(call),
            Row::Command => None,
        }
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("platform", &self.compiled.platform().id)
            .field("account", &self.account)
            .field("state", &self.state())
            .field("generation", &self.generation)
            .finish_non_exhaustive()
    }
}

#[cfg(all(test, target_pointer_width = "64"))]
mod tests {
    use super::*;

    #[test]
    fn a_session_at_rest_is_small() {
        assert!(size_of::<Session>() <= 768, "{}: what few sessions have goes behind `Seldom`", size_of::<Session>());
    }
}
