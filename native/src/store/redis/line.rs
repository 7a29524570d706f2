//! Is there a connection, and when is a new one tried?
//!
//! One connection carries the calls of all tasks. **Invariant:** at most one attempt to connect is under way; after one that failed,
//! callers are told at once until a pause, which grows and has jitter, is over.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::dial::{Dialer, Link};
use super::fault::{Fault, Then};

/// A place for one connection.
pub(super) struct Line {
    present: Mutex<Present>,
    dialing: tokio::sync::Mutex<Pause>,
}

#[derive(Default)]
struct Present {
    link: Option<Link>,
    /// Which connection: news of an older one says nothing about this one.
    number: u64,
    /// Answers in a row that did not come in time.
    silences: u32,
}

#[derive(Default)]
struct Pause {
    failures: u32,
    until: Option<(Instant, Fault)>,
}

impl Line {
    pub(super) fn new() -> Self {
        Self { present: Mutex::default(), dialing: tokio::sync::Mutex::default() }
    }

    /// The present connection, or a new one, with its number.
    pub(super) async fn link(&self, dialer: &Dialer) -> Result<(u64, Link), Fault> {
        if let Some(present) = self.present().linked() {
            return Ok(present);
        }
        let mut pause = self.dialing.lock().await;
        if let Some(present) = self.present().linked() {
            return Ok(present);
        }
        if let Some((until, fault)) = &pause.until
            && Instant::now() < *until
        {
            return Err(fault.clone());
        }
        match dialer.dial().await {
            Ok(link) => {
                *pause = Pause::default();
                let mut present = self.present();
                present.number += 1;
                present.silences = 0;
                present.link = Some(link.clone());
                Ok((present.number, link))
            }
            Err(fault) => {
                pause.failures = pause.failures.saturating_add(1);
                pause.until = Some((Instant::now() + wait(pause.failures), fault.clone()));
                Err(fault)
            }
        }
    }

    /// Learns how a call over a connection ended.
    pub(super) fn learn(&self, number: u64, then: Option<Then>) {
        let mut present = self.present();
        if present.number != number {
            return;
        }
        match then {
            None | Some(Then::Report) => present.silences = 0,
            Some(Then::Elsewhere | Then::Broken) => present.link = None,
            Some(Then::Silent) => {
                present.silences += 1;
                if present.silences >= SILENCES {
                    present.link = None;
                }
            }
        }
    }

    /// A panic under the lock cannot leave it half changed: every change is of single fields.
    fn present(&self) -> MutexGuard<'_, Present> {
        self.present.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Present {
    fn linked(&self) -> Option<(u64, Link)> {
        self.link.clone().map(|link| (self.number, link))
    }
}

/// The pause after so many failures: doubles up to a second, of which between half and all is waited.
fn wait(failures: u32) -> Duration {
    let whole = FIRST_PAUSE.saturating_mul(1 << failures.saturating_sub(1).min(10)).min(LONGEST_PAUSE);
    let share = f64::from(getrandom::u32().unwrap_or(u32::MAX)) / f64::from(u32::MAX);
    whole.mul_f64(share.mul_add(0.5, 0.5))
}

const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
const SILENCES: u32 = 3;
