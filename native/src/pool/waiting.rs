//! How does one who waits get a session?
//!
//! **Invariant:** a future that is dropped gives back whatever its turn holds; one that is not polled holds nothing for longer than
//! the time to claim.

use std::sync::Arc;
use std::task::{Context, Poll};

use hallpass_core::error::{Error, Kind};
use hallpass_core::machine::{Session as Core, State};
use hallpass_core::rota::{Claim, Turn};

use super::machine::{Inner, Stage};
use super::open;
use super::pooled::Pooled;
use crate::session::Session;

/// One who waits; dropped before it was given a session, it gives up its turn.
pub(super) struct Waiting<'a> {
    pub(super) pool: &'a Arc<Inner>,
    pub(super) turn: Turn,
}

/// What one look brought.
enum Seen {
    Nothing,
    Given(Session),
    Failed(Error),
    /// The account must be opened first.
    Open(String),
}

impl Waiting<'_> {
    /// Takes what there is for this turn.
    pub(super) fn poll(&self, cx: &Context<'_>) -> Poll<Result<Pooled, Error>> {
        let turn = self.turn;
        let seen = self.pool.with(|machine, now| {
            let Some(entry) = machine.turns.get_mut(&turn) else { return Seen::Failed(over()) };
            entry.waker = Some(cx.waker().clone());
            match std::mem::replace(&mut entry.stage, Stage::Asking) {
                Stage::Opening => {
                    entry.stage = Stage::Opening;
                    return Seen::Nothing;
                }
                Stage::Open(session) => return Seen::Given(session),
                Stage::Failed(error) => {
                    let before = entry.before.take();
                    return Seen::Failed(explained(error, before));
                }
                Stage::Asking => {}
            }
            match machine.rota.claim(turn, now) {
                // One that is over has failed, and hears why as soon as the rota is heard.
                Claim::Waiting | Claim::Over => Seen::Nothing,
                Claim::Held(account) => match machine.sessions.get(account.as_ref()) {
                    Some(session) if is_usable(session) => Seen::Given(session.clone()),
                    Some(_) | None => {
                        if let Some(entry) = machine.turns.get_mut(&turn) {
                            entry.stage = Stage::Opening;
                        }
                        Seen::Open(account.as_ref().to_owned())
                    }
                },
            }
        });
        match seen {
            Seen::Nothing => Poll::Pending,
            Seen::Given(session) => {
                self.pool.with(|machine, _| drop(machine.turns.remove(&turn)));
                Poll::Ready(Ok(Pooled::new(self.pool, turn, session)))
            }
            Seen::Failed(error) => {
                // What it may still hold goes back.
                self.give_up();
                Poll::Ready(Err(error))
            }
            Seen::Open(account) => {
                open::in_background(self.pool, turn, account);
                Poll::Pending
            }
        }
    }

    fn give_up(&self) {
        let left = self.pool.with(|machine, now| {
            machine.rota.cancel(self.turn, now);
            machine.turns.remove(&self.turn)
        });
        drop(left);
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.give_up();
    }
}

/// Whether a session can be handed out as it is.
pub(super) fn is_usable(session: &Session) -> bool {
    let state = session.shared.look(Core::state);
    !matches!(state, State::Closed | State::Expired | State::Rejected | State::Fresh)
}

/// The error, with why the account before could not be opened.
fn explained(error: Error, before: Option<String>) -> Error {
    match before {
        None => error,
        Some(before) => {
            let retry = error.retry();
            Error::new(error.code(), format!("{}; one could not be opened: {before}", error.detail())).with_retry(retry)
        }
    }
}

fn over() -> Error {
    Error::new(Kind::Misuse, "a turn of the pool was asked for after its end")
}
