//! How does an account's session come to be open when it is first given?
//!
//! In a task of the pool's, so that a caller who goes away, or is not polled, leaves nothing half done and holds up nobody.

use std::sync::Arc;

use hallpass_core::error::{Error, Kind};
use hallpass_core::rota::{Outcome, Turn};

use super::machine::{Inner, Stage};
use super::waiting::is_usable;
use crate::session::Session;

/// Opens the session that a turn holds. An account that does not open is passed over; where the program is at fault, it is told.
pub(super) fn in_background(pool: &Arc<Inner>, turn: Turn, account: String) {
    let pool = Arc::clone(pool);
    let runtime = pool.client.inner.runtime.clone();
    drop(runtime.clone().spawn(async move {
        let opening = {
            let (pool, account) = (Arc::clone(&pool), account.clone());
            runtime.spawn(async move { open(&pool, &account).await })
        };
        let opened = opening.await.unwrap_or_else(|_| {
            Err(Error::new(Kind::ConfigInvalid, "the function that gives the pool its credentials panicked"))
        });
        let left = pool.with(|machine, now| {
            let stage = match opened {
                Ok(session) => Stage::Open(session),
                Err(error) => match Outcome::of_error(&error) {
                    Outcome::Neutral => Stage::Failed(error),
                    outcome => {
                        if let Some(entry) = machine.turns.get_mut(&turn) {
                            entry.stage = Stage::Asking;
                            entry.before = Some(format!("`{account}`: {error}"));
                            machine.rota.pass(turn, outcome, now);
                        }
                        machine.wake(turn);
                        return None;
                    }
                },
            };
            match machine.turns.get_mut(&turn) {
                None => Some(stage),
                Some(entry) => {
                    entry.stage = stage;
                    machine.wake(turn);
                    None
                }
            }
        });
        drop(left);
        // One who is not polled does not keep what another could use.
        tokio::time::sleep(pool.claim).await;
        let left = pool.with(|machine, now| {
            let entry = machine.turns.get_mut(&turn)?;
            if !matches!(entry.stage, Stage::Open(_)) {
                return None;
            }
            let left = std::mem::take(&mut entry.stage);
            machine.rota.pass(turn, Outcome::Neutral, now);
            machine.wake(turn);
            Some(left)
        });
        drop(left);
    }));
}

/// The account's session: the one that is open, the saved one, or a new one where there are credentials.
async fn open(pool: &Inner, account: &str) -> Result<Session, Error> {
    let alone = pool.with(|machine, _| Arc::clone(machine.opening.entry(account.to_owned()).or_default()));
    let alone = alone.lock().await;
    let held = pool.with(|machine, _| machine.sessions.get(account).cloned());
    // What is saved of a session that has ended is no better.
    let resumed = match &held {
        Some(session) if is_usable(session) => return Ok(session.clone()),
        Some(_) if pool.source.is_some() => Err(Error::new(Kind::Expired, "the session of the pool has ended")),
        Some(_) | None => resumed(pool, account).await,
    };
    let opened = match resumed {
        Ok(session) => Ok(session),
        Err(error) => match (&pool.source, error.code()) {
            (Some(source), Kind::NoSession | Kind::Expired | Kind::Rejected | Kind::RenewalLost) => {
                let credentials = source(account.to_owned()).await?;
                pool.client.sign_in(&pool.platform, account, credentials).await
            }
            _ => Err(error),
        },
    }?;
    let before = pool.with(|machine, _| {
        machine.opening.remove(account);
        machine.sessions.insert(account.to_owned(), opened.clone())
    });
    drop((before, alone));
    Ok(opened)
}

/// The account's session without signing in.
async fn resumed(pool: &Inner, account: &str) -> Result<Session, Error> {
    if pool.client.inner.store.is_some() {
        return pool.client.resume(&pool.platform, account).await;
    }
    let live = pool.client.session(pool.platform.id(), account).filter(is_usable);
    let ours = live.filter(|session| session.shared.compiled.platform() == pool.platform.definition());
    ours.ok_or_else(|| {
        Error::new(Kind::NoSession, format!("`{account}` is not signed in, and the pool has no credentials for it"))
    })
}
