//! What does a program hold while a session of a pool is its own?

use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, Weak};

use hallpass_core::error::Error;
use hallpass_core::machine::Reply;
use hallpass_core::rota::{Outcome, Turn};

use super::machine::Inner;
use crate::session::Session;

/// A session of a pool, for as long as this is held; given back when it is dropped.
///
/// The pool learns from its calls: the last one's verdict counts when it is given back, a throttle, or the end of the session, at
/// once. [`report`](Self::report) says otherwise. Clones of the [`Session`] that outlive this go on working, but teach nothing.
#[must_use = "dropped, it is given back"]
pub struct Pooled {
    session: Session,
    link: Arc<Link>,
}

/// The way from a call to the pool that its session was taken from.
pub(crate) struct Link {
    pool: Weak<Inner>,
    turn: Turn,
}

impl Pooled {
    pub(super) fn new(pool: &Arc<Inner>, turn: Turn, mut session: Session) -> Self {
        let link = Arc::new(Link { pool: Arc::downgrade(pool), turn });
        session.lease = Some(Arc::clone(&link));
        Self { session, link }
    }

    /// Says what the use of this session showed, in place of what its calls show: a ban that only the body of an answer tells, for
    /// one.
    pub fn report(&self, outcome: Outcome) {
        if let Some(pool) = self.link.pool.upgrade() {
            pool.with(|machine, now| machine.rota.tell(self.link.turn, outcome, now));
        }
    }
}

impl Link {
    /// What a call of this session showed.
    pub(crate) fn learn(&self, reply: &Result<Reply, Error>) {
        let Some(pool) = self.pool.upgrade() else { return };
        let outcome = match reply {
            Ok(Reply::Answered(answered)) => Outcome::of_verdict(answered.verdict),
            Ok(Reply::Done) => return,
            Err(error) => Outcome::of_error(error),
        };
        pool.with(|machine, now| machine.rota.learn(self.turn, outcome, now));
    }
}

impl Deref for Pooled {
    type Target = Session;

    fn deref(&self) -> &Session {
        &self.session
    }
}

impl Drop for Pooled {
    fn drop(&mut self) {
        if let Some(pool) = self.link.pool.upgrade() {
            pool.with(|machine, now| machine.rota.release(self.link.turn, now));
        }
    }
}

impl fmt::Debug for Pooled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Pooled").field(&self.session).finish()
    }
}
