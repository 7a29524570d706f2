//! How long may a session last, whatever the platform says of its tokens? From its sign-in, and from its last use.
//!
//! **Invariant:** a session whose lifetime is over sends no call and is not handed out by a resume. Its end is looked at on the wall clock
//! by every call, and one alarm ends it where there is none.

use std::time::Duration;

use super::life::{Ending, Phase};
use super::payload::Tokens;
use super::session::Session;
use super::timers::Alarm;
use crate::error::{Error, Kind};
use crate::store::Expiry;
use crate::time::{Mono, Now, Wall};

/// What the limits need to remember.
#[derive(Debug, Default)]
pub(super) struct Lifetime {
    /// When the alarm is set for; `None`: not at all.
    pub(super) at: Option<Mono>,
    /// The last use that is saved, or about to be.
    saved: Wall,
}

impl Session {
    /// The platform served a call: the session is in use.
    pub(super) fn used(&mut self, now: Now) {
        if self.compiled.platform().keep_alive.is_some() {
            self.keep_alive.proved = now.mono;
        }
        self.tokens.used = now.wall;
        let Some(idle) = self.compiled.platform().lifetime.as_ref().and_then(|rules| rules.idle) else { return };
        // Others who resume the session must not take it for idle; a save for each call would be too many.
        if now.wall.since(self.lifetime.saved) >= idle / SAVES {
            self.lifetime.saved = now.wall;
            self.revision += 1;
            self.save_soon(now);
        }
    }

    /// Why the session is over, if its lifetime is.
    pub(super) fn lifetime_over(&self, now: Now) -> Option<Error> {
        let rules = self.compiled.platform().lifetime.as_ref()?;
        let is_over = |since: Wall, limit: Option<Duration>| limit.filter(|limit| now.wall >= since + *limit);
        if let Some(limit) = is_over(self.tokens.created, rules.absolute) {
            let what = format!("the session was signed in {limit:?} ago, the longest that it may last; sign in again");
            return Some(Error::new(Kind::Expired, what));
        }
        let limit = is_over(self.tokens.used, rules.idle)?;
        let what = format!("the session was not used for {limit:?}, the longest that it may be idle; sign in again");
        Some(Error::new(Kind::Expired, what))
    }

    /// When the session ends at the latest, if its lifetime is limited.
    fn lifetime_ends(&self) -> Option<Wall> {
        let rules = self.compiled.platform().lifetime.as_ref()?;
        let idle = rules.idle.map(|limit| self.tokens.used + limit);
        let absolute = rules.absolute.map(|limit| self.tokens.created + limit);
        [idle, absolute].into_iter().flatten().min()
    }

    /// Sets the alarm of a session that has become active.
    pub(super) fn lifetime_starts(&mut self, now: Now) {
        if self.lifetime.at.is_some() || !matches!(self.phase, Phase::Active) {
            return;
        }
        if let Some(ends) = self.lifetime_ends() {
            let at = now.mono + ends.since(now.wall);
            self.lifetime.at = Some(at);
            self.timers.set(at, Alarm::Lifetime);
        }
    }

    pub(super) fn lifetime_due(&mut self, now: Now) {
        // An alarm may be left of what the session was before.
        if self.lifetime.at.take_if(|at| now.mono >= *at).is_none() {
            return;
        }
        if !matches!(self.phase, Phase::Active) || self.closing.is_some() {
            return;
        }
        match self.lifetime_over(now) {
            // Nobody uses it: whether it signs in again is up to the next call.
            Some(error) if self.parked.is_empty() => self.end_for_now(Ending::Expired, &error, now),
            Some(error) => self.end(Ending::Expired, &error, now),
            None => self.lifetime_starts(now),
        }
    }

    /// When the store may drop the record. Idle records outlive their session a little, for not every use of it is saved.
    pub(super) fn expiry(&self) -> Expiry {
        let Some(rules) = &self.compiled.platform().lifetime else { return Expiry::default() };
        Expiry {
            idle: rules.idle.map(|idle| idle + idle / SAVES),
            absolute: rules.absolute.map(|limit| self.tokens.created + limit),
        }
    }
}

impl Lifetime {
    /// Begins anew with the session that these tokens belong to.
    pub(super) fn saved(&mut self, tokens: &Tokens) {
        self.saved = tokens.used;
    }
}

/// How often a session in use is saved within its idle lifetime.
const SAVES: u32 = 8;
