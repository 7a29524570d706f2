//! When is the platform shown that a session is still wanted? A jittered wait after the last answer that proved it.
//!
//! **Invariant:** one alarm a session, whatever its calls do; an error ends nothing and makes the next question come sooner, then at the
//! usual pace again; nothing is asked while calls prove the session, nor after its end.

use std::time::Duration;

use http::Method;

use super::life::Phase;
use super::output::Notice;
use super::refusal::{self, Meaning};
use super::seldom::Emptied;
use super::session::Session;
use super::timers::Alarm;
use super::validate::Wonder;
use crate::effect::{Arrival, Failure, Purpose, SendBody};
use crate::error::{Error, Kind, Retry};
use crate::retry;
use crate::time::{Mono, Now};

/// What keep-alive remembers.
#[derive(Debug)]
pub(super) struct KeepAlive {
    /// When the platform last proved the session, by whatever answer.
    pub(super) proved: Mono,
    /// When the alarm is set for; `None`: not at all.
    pub(super) at: Option<Mono>,
    /// How long after the last proof it asks.
    wait: Duration,
    /// Questions without a definite answer, in a row.
    failures: u32,
    /// Who is asked for at its own address, and the generation that is asked about.
    asking: Option<(u64, Wonder)>,
}

impl Emptied for KeepAlive {
    const EMPTY: Self = Self { proved: Mono::from_nanos(0), at: None, wait: Duration::ZERO, failures: 0, asking: None };

    fn nothing() -> &'static Self {
        static NOTHING: KeepAlive = KeepAlive::EMPTY;
        &NOTHING
    }

    fn is_empty(&self) -> bool {
        self.at.is_none() && self.failures == 0 && self.asking.is_none()
    }
}

impl Session {
    /// Sets the alarm of a session that has become active.
    pub(super) fn keep_alive_starts(&mut self, now: Now) {
        if self.compiled.platform().keep_alive.is_some() && self.keep_alive.at.is_none() {
            self.keep_alive.proved = now.mono;
            self.keep_alive_waits(None, now);
        }
    }

    /// Sets the alarm: at the usual pace, or after questions that had no answer.
    fn keep_alive_waits(&mut self, asked: Option<Duration>, now: Now) {
        let Some(rules) = &self.compiled.platform().keep_alive else { return };
        if !matches!(self.phase, Phase::Active) || self.closing.is_some() {
            return;
        }
        // A quarter of the interval after the first failure, a half after the second, then the usual pace.
        let wait = match self.keep_alive.failures {
            1 => rules.every / 4,
            2 => rules.every / 2,
            _ => rules.every,
        };
        let spread = wait * u32::from(rules.jitter.min(100)) / 100;
        let drawn = self.jitter.below(u64::try_from(spread.as_nanos() * 2).unwrap_or(u64::MAX).saturating_add(1));
        let wait = (wait.saturating_sub(spread) + Duration::from_nanos(drawn)).max(asked.unwrap_or_default());
        self.keep_alive.wait = wait;
        self.set_keep_alive(now.mono + wait);
    }

    fn set_keep_alive(&mut self, at: Mono) {
        self.keep_alive.at = Some(at);
        self.timers.set(at, Alarm::KeepAlive);
    }

    pub(super) fn keep_alive_due(&mut self, now: Now) {
        // An alarm may be left of what the session was before.
        if self.keep_alive.at.take_if(|at| now.mono >= *at).is_none() {
            return;
        }
        if !matches!(self.phase, Phase::Active) || self.closing.is_some() {
            return;
        }
        let due = self.keep_alive.proved + self.keep_alive.wait;
        if due > now.mono {
            return self.set_keep_alive(due);
        }
        self.wonder(Wonder { who: None, was_refused: false }, now);
    }

    /// Asks at keep-alive's own address.
    pub(super) fn send_keep_alive(&mut self, wonder: Wonder, now: Now) {
        let Some(uri) = self.compiled.keep_alive().cloned() else { return };
        self.keep_alive.asking = Some((self.generation, wonder));
        let headers = self.own_headers(&Method::GET, &uri, now);
        self.own_exchange(Purpose::KeepAlive, 1, Method::GET, uri, headers, SendBody::Empty, now);
    }

    /// Asks once more at keep-alive's own address.
    pub(super) fn repeat_keep_alive(&mut self, now: Now) {
        if let Some((_, wonder)) = self.keep_alive.asking.take() {
            self.send_keep_alive(wonder, now);
        }
    }

    /// Keep-alive's own address was answered, or was not.
    pub(super) fn keep_alive_answered(&mut self, result: Result<Arrival, Failure>, now: Now) {
        let Some((generation, wonder)) = self.keep_alive.asking.take() else { return };
        let Some(uri) = self.compiled.keep_alive().cloned() else { return };
        let arrival = match result {
            Ok(arrival) => arrival,
            Err(failure) => {
                let what = format!("keeping the session alive: {}", failure.detail);
                return self.tell(wonder, Err(Error::new(failure.kind.error_kind(), what)), now);
            }
        };
        let meaning = refusal::meaning(&self.compiled, &arrival, &uri, now.wall);
        if meaning != Meaning::Refusal {
            self.take_cookies(&uri, &arrival.headers, generation, now);
        }
        match meaning {
            Meaning::Refusal => self.refused_when_asked(generation, vec![wonder], now),
            Meaning::Suspicion => {
                self.probe.asked.push(wonder);
                self.ask_identity(now);
            }
            Meaning::Fine | Meaning::Unreadable if arrival.status.is_success() => self.tell(wonder, Ok(()), now),
            Meaning::Fine | Meaning::Unreadable => {
                let what = format!("keep-alive was answered {}", arrival.status.as_u16());
                let error = Error::new(Kind::PlatformFailed, what);
                let asked = retry::retry_after(&arrival.headers, now.wall);
                let error = asked.map_or(error.clone(), |asked| error.with_retry(Retry::After(now.wall + asked)));
                self.tell(wonder, Err(error), now);
            }
        }
    }

    /// Keep-alive has its answer, or there is none to be had for now.
    pub(super) fn keep_alive_told(&mut self, result: Result<(), Error>, now: Now) {
        let asked = match result {
            Ok(()) => {
                self.keep_alive.failures = 0;
                self.keep_alive.proved = now.mono;
                None
            }
            Err(error) => {
                self.keep_alive.failures = self.keep_alive.failures.saturating_add(1);
                if matches!(self.phase, Phase::Active) && self.compiled.keep_alive().is_some() {
                    self.notice(Notice::ProbeUnknown(error.code()));
                }
                match error.retry() {
                    Retry::After(at) => Some(at.since(now.wall)),
                    Retry::Never | Retry::Now | Retry::GaveUp => None,
                }
            }
        };
        self.keep_alive_waits(asked, now);
    }

    /// Stops asking: the session has ended, or is about to be another one.
    pub(super) fn stop_keep_alive(&mut self) {
        self.keep_alive.at = None;
        self.keep_alive.failures = 0;
        if self.keep_alive.asking.take().is_some() {
            self.abandon_own(Purpose::KeepAlive);
        }
    }
}
