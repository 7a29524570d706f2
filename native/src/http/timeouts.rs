//! How long may each step of an exchange take, and how is that watched without a timer per call?

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

/// The longest waits of one exchange.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct ExchangeLimits {
    /// From the start to a TCP connection, looking up the name and waiting for a free connection included: 10 s.
    pub connect: Duration,
    /// From the TCP connection to the end of the TLS handshake: 10 s.
    pub tls: Duration,
    /// From the request, or the last part of its body that was taken, to the head of the answer: 30 s.
    pub first_byte: Duration,
    /// Between two parts of the answer's body: 30 s.
    pub chunk: Duration,
    /// When all of it up to the answer's head must be over. It does not cover the body.
    pub deadline: Option<Instant>,
    /// Its place among those that wait for a connection.
    pub turn: Turn,
}

/// The place of an exchange among those that wait for a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Turn {
    /// In the order in which they came.
    #[default]
    InOrder,
    /// Before all others: what a session does for itself is what its calls wait for.
    First,
}

impl ExchangeLimits {
    /// When a step that starts now and may take this long must be over.
    pub(super) fn until(&self, now: Instant, limit: Duration) -> Instant {
        let end = after(now, limit);
        self.deadline.map_or(end, |deadline| deadline.min(end))
    }
}

impl Default for ExchangeLimits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            tls: Duration::from_secs(10),
            first_byte: Duration::from_secs(30),
            chunk: Duration::from_secs(30),
            deadline: None,
            turn: Turn::InOrder,
        }
    }
}

/// One timer for all waits of a connection.
///
/// Deadlines of successive exchanges only move forward, so an armed timer is left alone: should it fire before the
/// deadline that holds by then, it is set again. So an exchange that is answered in time touches no timer wheel.
#[derive(Debug, Default)]
pub(super) struct Timer {
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Timer {
    /// Ready once `deadline` has passed; otherwise wakes the task when it has.
    pub(super) fn poll_due(&mut self, deadline: Instant, cx: &mut Context<'_>) -> Poll<()> {
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        if sleep.deadline() > deadline {
            sleep.as_mut().reset(deadline);
        }
        while sleep.as_mut().poll(cx).is_ready() {
            if sleep.deadline() >= deadline || Instant::now() >= deadline {
                return Poll::Ready(());
            }
            sleep.as_mut().reset(deadline);
        }
        Poll::Pending
    }
}

/// `now + limit`, or the far future where that overflows.
pub(super) fn after(now: Instant, limit: Duration) -> Instant {
    now.checked_add(limit).unwrap_or(now + FAR)
}

const FAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn one_timer_serves_deadlines_in_any_order() {
        let start = Instant::now();
        let mut timer = Timer::default();
        for seconds in [30, 10, 20, 20, 60, 5, 61] {
            let deadline = start + Duration::from_secs(seconds);
            poll_fn(|cx| timer.poll_due(deadline, cx)).await;
            assert!(Instant::now() >= deadline);
        }
        let near_end = Instant::now() - start;
        assert!(near_end >= Duration::from_secs(61) && near_end < Duration::from_secs(62));
    }

    #[tokio::test(start_paused = true)]
    async fn an_armed_timer_that_fires_early_waits_on() {
        let start = Instant::now();
        let mut timer = Timer::default();
        poll_fn(|cx| {
            assert!(timer.poll_due(start + Duration::from_secs(1), cx).is_pending());
            Poll::Ready(())
        })
        .await;
        poll_fn(|cx| timer.poll_due(start + Duration::from_secs(9), cx)).await;
        assert!(Instant::now() - start >= Duration::from_secs(9));
    }

    #[test]
    fn the_deadline_of_the_call_cuts_every_step() {
        let now = Instant::now();
        let limits = ExchangeLimits { deadline: Some(now + Duration::from_secs(2)), ..ExchangeLimits::default() };
        assert_eq!(limits.until(now, limits.connect), now + Duration::from_secs(2));
        assert_eq!(ExchangeLimits::default().until(now, Duration::MAX), now + FAR);
    }
}
