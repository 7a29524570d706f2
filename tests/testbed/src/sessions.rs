//! Which cookie sessions are good: plain ones, and bundles that are bound to a device and a user agent.

use std::collections::HashMap;
use std::sync::Arc;

use crate::config::Expiry;
use crate::identity::Refusal;

/// Every cookie session since the platform started.
#[derive(Default)]
pub(crate) struct Sessions {
    sessions: HashMap<String, Session>,
}

struct Session {
    account: Arc<str>,
    expires: u64,
    is_alive: bool,
    bound: Option<Binding>,
}

/// What a bundle was exported with; requests must say the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Binding {
    pub(crate) device: String,
    pub(crate) user_agent: String,
}

/// What a request shows of itself.
#[derive(Clone, Copy)]
pub(crate) struct Shown<'a> {
    pub(crate) device: Option<&'a str>,
    pub(crate) user_agent: Option<&'a str>,
}

impl Sessions {
    pub(crate) fn open(&mut self, sid: String, account: &Arc<str>, expires: u64, bound: Option<Binding>) {
        self.sessions.insert(sid, Session { account: Arc::clone(account), expires, is_alive: true, bound });
    }

    /// The account that a session was opened for, whatever became of it.
    pub(crate) fn account(&self, sid: &str) -> Option<Arc<str>> {
        self.sessions.get(sid).map(|session| Arc::clone(&session.account))
    }

    /// A session that is good; its end moves where sessions slide.
    pub(crate) fn check(
        &mut self,
        sid: &str,
        shown: Shown<'_>,
        now: u64,
        lifetime: u64,
        expiry: Expiry,
    ) -> Result<Arc<str>, Refusal> {
        let session = self.sessions.get_mut(sid).ok_or(Refusal::Unknown)?;
        if !session.is_alive {
            return Err(Refusal::Revoked);
        }
        if session.expires <= now {
            return Err(Refusal::Expired);
        }
        if let Some(bound) = &session.bound {
            if shown.device != Some(&bound.device) {
                return Err(Refusal::Device);
            }
            if shown.user_agent != Some(&bound.user_agent) {
                return Err(Refusal::Agent);
            }
        }
        if expiry == Expiry::Sliding {
            session.expires = now.saturating_add(lifetime);
        }
        Ok(Arc::clone(&session.account))
    }

    /// Every session's cookie that an account was given, and the devices that they are bound to.
    pub(crate) fn secrets_of<'a>(&'a self, account: &'a str) -> impl Iterator<Item = &'a str> {
        let its = self.sessions.iter().filter(move |(_, session)| session.account.as_ref() == account);
        its.flat_map(|(sid, session)| {
            std::iter::once(sid.as_str()).chain(session.bound.as_ref().map(|bound| bound.device.as_str()))
        })
    }

    /// What the session is bound to, if it is.
    pub(crate) fn binding(&self, sid: &str) -> Option<Binding> {
        self.sessions.get(sid)?.bound.clone()
    }

    pub(crate) fn close(&mut self, sid: &str) {
        if let Some(session) = self.sessions.get_mut(sid) {
            session.is_alive = false;
        }
    }

    /// Lets the account's sessions expire; answers how many.
    pub(crate) fn expire(&mut self, account: &str, now: u64) -> usize {
        self.of(account).filter(|session| session.expires > now).map(|session| session.expires = now).count()
    }

    /// Ends the account's sessions; answers how many.
    pub(crate) fn revoke(&mut self, account: &str) -> usize {
        self.of(account).filter(|session| session.is_alive).map(|session| session.is_alive = false).count()
    }

    fn of(&mut self, account: &str) -> impl Iterator<Item = &mut Session> {
        self.sessions.values_mut().filter(move |session| &*session.account == account)
    }
}
