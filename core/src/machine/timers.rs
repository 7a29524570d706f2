//! When the session wants to be polled again: a heap of moments, of which the dead ones are dropped as they surface.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::output::Reason;
use crate::effect::{CallId, EffectId};
use crate::time::Mono;

/// What a moment is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Alarm {
    CallDeadline(CallId),
    Backoff(CallId),
    Effect(EffectId),
    OwnBackoff,
    /// The window of this generation.
    Window(u64),
    Save,
    /// The longest that calls may hold up the session's end.
    Drain,
    KeepAlive,
    Lifetime,
}

#[derive(Debug, Default)]
pub(super) struct Timers {
    heap: BinaryHeap<Reverse<(Mono, u64, Alarm)>>,
    sequence: u64,
}

impl Timers {
    pub(super) fn set(&mut self, at: Mono, alarm: Alarm) {
        self.sequence += 1;
        self.heap.push(Reverse((at, self.sequence, alarm)));
    }

    /// The earliest moment that still matters.
    pub(super) fn next(&mut self, live: impl Fn(Alarm) -> bool) -> Option<(Mono, Reason)> {
        while let Some(Reverse((at, _, alarm))) = self.heap.peek() {
            if live(*alarm) {
                return Some((*at, alarm.reason()));
            }
            self.heap.pop();
        }
        None
    }

    /// Takes one alarm that is due.
    pub(super) fn due(&mut self, now: Mono) -> Option<Alarm> {
        let Reverse((at, _, alarm)) = self.heap.peek()?;
        let alarm = (*at <= now).then_some(*alarm)?;
        self.heap.pop();
        Some(alarm)
    }

    /// Keeps no more memory than its alarms need.
    pub(super) fn shrink(&mut self) {
        self.heap.shrink_to_fit();
    }

    /// Forgets dead alarms once they outnumber the live ones, so that the heap stays as large as what is going on.
    pub(super) fn compact(&mut self, expected: usize, live: impl Fn(Alarm) -> bool) {
        if self.heap.len() > 64 + 4 * expected {
            self.heap.retain(|Reverse((_, _, alarm))| live(*alarm));
        }
    }
}

impl Alarm {
    const fn reason(self) -> Reason {
        match self {
            Self::CallDeadline(_) => Reason::CallDeadline,
            Self::Backoff(_) | Self::OwnBackoff => Reason::Backoff,
            Self::Effect(_) => Reason::EffectDeadline,
            Self::Window(_) => Reason::RenewalWindow,
            Self::Save => Reason::Save,
            Self::Drain => Reason::Drain,
            Self::KeepAlive => Reason::KeepAlive,
            Self::Lifetime => Reason::Lifetime,
        }
    }
}
