//! May this process start a renewal? Of all that share the store, one holds the lease; the others wait, and adopt what it saved.
//!
//! ```text
//! Leasing ──granted──▶ Checking ──newer saved──▶ idle (adopted)
//!  ▲  └─held─▶ Waiting     ├──another's intent──▶ Waiting ─(its time is over)─▶ dead: renewal_lost
//!  │             ▼         └──▶ Noting ──saved──▶ Sending
//!  └──────── Looking ──newer saved──▶ idle (adopted)
//! ```
//!
//! **Invariant:** a rotating token leaves only after an intent that names this session was saved by compare-and-set, and only while the lease has
//! an exchange's deadline left on the steady clock and on the civil one. So it is never sent twice, whoever was paused for how long.

use std::time::Duration;

use super::answers::Asker;
use super::life;
use super::payload::Stored;
use super::renewal::Step;
use super::restoring::LoadFor;
use super::saving::store_error;
use super::seldom::Emptied;
use super::session::Session;
use super::settings::Leases;
use crate::effect::{Effect, KindName, Lease, Release, Ticket};
use crate::error::{Error, Kind};
use crate::store::{LeaseNumber, StoreError, Version};
use crate::time::{Now, Wall};

/// What a session has to do with others that hold it too, while one of them renews.
#[derive(Debug, Default)]
pub(super) struct Sharing {
    /// The right to start a renewal.
    pub(super) lease: Option<Holding>,
    /// Who is about to send the present refresh token.
    pub(super) intent: Option<Intent>,
}

/// A lease that this session holds, or goes on without.
#[derive(Debug)]
pub(super) struct Holding {
    /// `None` where the store has none to give.
    number: Option<LeaseNumber>,
    /// When it was asked for: it began then or later.
    since: Now,
    /// Whether the record was looked at since.
    checked: bool,
    /// The revision whose save carries the intent.
    noted: Option<u64>,
    /// Whether the program lets renewals go on without the store, which is away.
    alone: bool,
}

/// The note that a refresh token is about to be sent; it lies in the record until the token's successor does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Intent {
    /// The generation whose token it is.
    pub(super) generation: u64,
    /// Which session sends it, in whichever process.
    pub(super) by: u64,
    /// When it is sent at the latest.
    pub(super) send_by: Wall,
}

impl Emptied for Sharing {
    const EMPTY: Self = Self { lease: None, intent: None };

    fn nothing() -> &'static Self {
        static NOTHING: Sharing = Sharing::EMPTY;
        &NOTHING
    }

    fn is_empty(&self) -> bool {
        self.lease.is_none() && self.intent.is_none()
    }
}

impl Session {
    /// Whether a renewal may be sent now, as far as other processes are concerned.
    pub(super) fn may_send(&self, now: Now) -> bool {
        if !self.settings.persist.as_ref().is_some_and(|persist| persist.leases == Leases::Granted) {
            return true;
        }
        let Some(holding) = &self.sharing.lease else { return false };
        let noted = |revision| self.saving.has(self.generation, revision);
        let is_noted = self.is_resendable() || holding.noted.is_some_and(noted);
        holding.alone || (holding.checked && is_noted && self.left(holding, now) >= self.exchange_time())
    }

    /// Why this session cannot be kept in its store: its refresh tokens rotate, and nothing there keeps two processes from sending one.
    pub(super) fn lacks_leases(&self) -> Option<Error> {
        let is_missing = self.settings.persist.as_ref().is_some_and(|persist| persist.leases == Leases::Missing);
        let rotates = self.compiled.platform().renew.is_some() && !self.is_resendable();
        (is_missing && rotates).then(|| {
            let what = "this platform's refresh tokens rotate, and the store cannot keep two processes from sending the same one \
                        (it lacks `cas` or `lease`); use another store, or give a lease store beside it";
            Error::new(Kind::StoreUnfit, what)
        })
    }

    /// Asks for the lease; one that is held still is too short by now.
    pub(super) fn take_lease(&mut self, now: Now) {
        self.let_go(now);
        let Some(key) = self.record_key() else { return };
        self.step(Step::Leasing(now));
        let (wait, hold) = (self.compiled.platform().timeouts.store, self.lease_time());
        let (effect, deadline) = self.expect(KindName::Lease, Asker::Lease, wait, now);
        let ticket = Ticket::new(effect, self.tag);
        self.run(Effect::Lease(Box::new(Lease { ticket, deadline, key, hold })));
    }

    /// The store granted the lease, or did not.
    pub(super) fn lease_answered(&mut self, result: Result<Option<LeaseNumber>, StoreError>, now: Now) {
        let asked = self.renewal.as_ref().and_then(|renewal| match renewal.step {
            Step::Leasing(asked) => Some(asked),
            _ => None,
        });
        let Some(since) = asked else {
            if let Ok(Some(number)) = result {
                self.release(number, now);
            }
            return;
        };
        let number = match result {
            Ok(Some(number)) => Some(number),
            Ok(None) => return self.wait_for_another(PAUSE, now),
            // The intent alone decides then, by compare-and-set.
            Err(StoreError::Unsupported(_)) => None,
            Err(error) => return self.lease_failed(store_error(&error), now),
        };
        self.sharing.lease = Some(Holding { number, since, checked: false, noted: None, alone: false });
        self.step(Step::Checking);
        self.load(LoadFor::Lease, now);
    }

    /// Lets the lease go, if one is held: nothing is renewed any more, or it has become too short.
    pub(super) fn let_go(&mut self, now: Now) {
        if self.sharing.lease.is_none() {
            return;
        }
        if let Some(number) = self.sharing.lease.take().and_then(|holding| holding.number) {
            self.release(number, now);
        }
    }

    fn release(&mut self, number: LeaseNumber, now: Now) {
        let Some(key) = self.record_key() else { return };
        let wait = self.compiled.platform().timeouts.store;
        let (effect, deadline) = self.expect(KindName::Release, Asker::Release, wait, now);
        let ticket = Ticket::new(effect, self.tag);
        self.run(Effect::Release(Box::new(Release { ticket, deadline, key, number })));
    }

    /// Somebody else is renewing: look again after a while whether they have saved.
    fn wait_for_another(&mut self, most: Duration, now: Now) {
        self.let_go(now);
        self.step(Step::Waiting);
        let drawn = PAUSE / 2 + Duration::from_millis(self.jitter.below(PAUSE.as_millis() as u64));
        self.back_off(drawn.min(most), now);
    }

    /// Looks whether whoever was renewing has saved.
    pub(super) fn look_again(&mut self, now: Now) {
        self.step(Step::Looking);
        self.load(LoadFor::Lease, now);
    }

    /// What the store holds, now that nobody else starts a renewal, or while somebody does.
    pub(super) fn lease_checked(
        &mut self,
        opened: Result<Option<(Stored, Version)>, Error>,
        in_store: Option<Version>,
        now: Now,
    ) {
        let Some(step @ (Step::Checking | Step::Looking)) = self.renewal.as_ref().map(|renewal| renewal.step) else {
            return;
        };
        match opened {
            Ok(Some((stored, version))) if self.is_newer(&stored) => {
                self.go_on_with(stored, version, now);
                self.end_renewal(&Ok(()), now);
            }
            Err(error) if error.code() == Kind::StoreUnavailable => self.lease_failed(error, now),
            Err(error) if error.code() != Kind::Damaged => self.renewal_failed(error, None, now),
            Ok(_) | Err(_) if step == Step::Looking => self.take_lease(now),
            Ok(Some((stored, version))) => {
                let theirs = stored.intent.filter(|intent| {
                    intent.by != self.tag && intent.generation == self.generation && !self.is_resendable()
                });
                if !self.saving.is_busy() {
                    self.merge(stored);
                    self.saving.version = Some(version);
                }
                match theirs {
                    Some(intent) => self.another_sends(intent, now),
                    None => self.note(now),
                }
            }
            // Nothing is saved, or nothing that can be read: what is saved next takes its place.
            Ok(None) | Err(_) => {
                if !self.saving.is_busy() {
                    self.saving.version = in_store;
                }
                self.note(now);
            }
        }
    }

    /// Another session sends, or sent, the very token that is to be sent here: its successor is waited for until it can come no more.
    fn another_sends(&mut self, intent: Intent, now: Now) {
        let after = self.exchange_time() + self.compiled.platform().timeouts.store;
        let (ends, longest) = (intent.send_by + after, self.lease_time() + after);
        let Some(renewal) = &mut self.renewal else { return };
        let since = match renewal.seen {
            Some((by, since)) if by == intent.by => since,
            _ => now.mono,
        };
        renewal.seen = Some((intent.by, since));
        // The writer's civil clock may be another's, or have jumped: nobody is waited for longer than it takes.
        if now.wall < ends && now.mono < since + longest {
            return self.wait_for_another(ends.since(now.wall), now);
        }
        let what = "another process sent the refresh token and did not save what came of it; sign in again";
        let lost = Error::new(Kind::RenewalLost, what);
        self.renewals.dead = Some(Box::new(lost.clone()));
        self.renewal_failed(lost, None, now);
    }

    /// Writes down that the token is about to be sent, where it must not be sent twice.
    fn note(&mut self, now: Now) {
        let Some(until) = self.sharing.lease.as_ref().map(|holding| holding.since.wall + self.lease_time()) else {
            return;
        };
        let (resendable, exchange) = (self.is_resendable(), self.exchange_time());
        if !resendable {
            let (generation, by) = (self.generation, self.tag);
            self.sharing.intent = Some(Intent { generation, by, send_by: until - exchange });
            self.revision += 1;
        }
        let revision = self.revision;
        if let Some(holding) = &mut self.sharing.lease {
            holding.checked = true;
            holding.noted = (!resendable).then_some(revision);
        }
        if resendable {
            return self.send_renewal(now);
        }
        self.step(Step::Noting);
        self.save_now(now);
    }

    /// The save of the intent is over, if one was awaited.
    pub(super) fn intent_saved(&mut self, now: Now) {
        if !matches!(self.renewal.as_ref().map(|renewal| renewal.step), Some(Step::Noting)) {
            return;
        }
        match self.sharing.lease.as_ref().and_then(|holding| holding.noted) {
            Some(revision) if self.saving.has(self.generation, revision) => self.send_renewal(now),
            Some(_) => {
                let error = self.saving.trouble.as_deref().cloned().unwrap_or_else(life::closed);
                self.lease_failed(error, now);
            }
            // Another's intent was first.
            None => self.wait_for_another(PAUSE, now),
        }
    }

    /// Remembers whose intent the record holds, if anybody's.
    pub(super) fn set_intent(&mut self, intent: Option<Intent>) {
        if intent != self.sharing.intent {
            self.sharing.intent = intent;
        }
    }

    /// Takes over the intent that the record of the present generation holds; ours has come too late then.
    pub(super) fn take_intent(&mut self, intent: Option<Intent>) {
        let Some(intent) = intent.filter(|intent| intent.by != self.tag && intent.generation == self.generation) else {
            return;
        };
        self.sharing.intent = Some(intent);
        if let Some(holding) = &mut self.sharing.lease {
            holding.noted = None;
        }
    }

    /// The token was not used: whoever is next may send it.
    pub(super) fn withdraw_intent(&mut self, now: Now) {
        let is_ours = self
            .sharing
            .intent
            .as_ref()
            .is_some_and(|intent| intent.by == self.tag && intent.generation == self.generation);
        if is_ours && self.renewals.dead.is_none() && self.renewals.late.is_none() {
            self.sharing.intent = None;
            self.revision += 1;
            self.save_soon(now);
        }
    }

    /// The store is away in the middle of it: a token that must not be lost is not sent, unless the program wants it so.
    fn lease_failed(&mut self, error: Error, now: Now) {
        if !self.is_resendable() && !self.settings.renew_without_store {
            return self.renewal_failed(error, None, now);
        }
        let number = self.sharing.lease.take().and_then(|holding| holding.number);
        self.sharing.lease = Some(Holding { number, since: now, checked: true, noted: None, alone: true });
        self.send_renewal(now);
    }

    fn step(&mut self, step: Step) {
        if let Some(renewal) = &mut self.renewal {
            renewal.step = step;
        }
    }

    /// For how long a lease is taken: an exchange, and what the store may take before it.
    fn lease_time(&self) -> Duration {
        self.exchange_time() + 3 * self.compiled.platform().timeouts.store
    }

    fn exchange_time(&self) -> Duration {
        self.compiled.platform().timeouts.exchange
    }

    /// What is left of a lease, on the clock on which it is shorter: the steady one stands still while the machine sleeps, the civil one may
    /// be set back.
    fn left(&self, holding: &Holding, now: Now) -> Duration {
        let hold = self.lease_time();
        let steady = hold.saturating_sub(now.mono.since(holding.since.mono));
        steady.min(hold.saturating_sub(now.wall.since(holding.since.wall)))
    }
}

/// How long another process is waited for before the store is looked at again, about.
const PAUSE: Duration = Duration::from_millis(200);
