//! Which session of a client is whose? One place per platform and account.
//!
//! **Invariant:** it holds nothing alive, and nothing is dropped under its lock: a session that goes takes its place with it.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard, Weak};

use crate::drive::Shared;

/// The sessions that are live, by platform and account.
#[derive(Default)]
pub(crate) struct Registry(RwLock<Places>);

/// Two levels, so that a look-up needs no owned name and a million accounts share one platform's.
type Places = HashMap<Arc<str>, HashMap<Arc<str>, Weak<Shared>>>;

impl Registry {
    /// The session that has this place.
    pub(crate) fn find(&self, platform: &str, account: &str) -> Option<Arc<Shared>> {
        self.read().get(platform)?.get(account)?.upgrade()
    }

    /// Gives a place to a session that is made now, unless another one keeps it: `may_replace` is asked about that one.
    pub(crate) fn claim(
        &self,
        platform: &str,
        account: &str,
        may_replace: impl FnOnce(&Shared) -> bool,
        make: impl FnOnce() -> Shared,
    ) -> Claim {
        // Declared first, so dropped after the lock is released.
        let holder;
        let mut places = self.write();
        let accounts = match places.get_mut(platform) {
            Some(accounts) => accounts,
            None => places.entry(platform.into()).or_default(),
        };
        holder = accounts.get(account).and_then(Weak::upgrade);
        if let Some(holder) = &holder
            && !may_replace(holder)
        {
            return Claim::Taken(Arc::clone(holder));
        }
        let shared = Arc::new(make());
        accounts.insert(Arc::clone(&shared.account), Arc::downgrade(&shared));
        Claim::Given(shared)
    }

    /// Takes the place of a session back that is being dropped, unless another one has it by now.
    pub(crate) fn leave(&self, platform: &str, leaving: &Shared) {
        let mut places = self.write();
        let Some(accounts) = places.get_mut(platform) else { return };
        if let Entry::Occupied(place) = accounts.entry(Arc::clone(&leaving.account))
            && std::ptr::eq(place.get().as_ptr(), leaving)
        {
            place.remove();
            if accounts.is_empty() {
                places.remove(platform);
            }
        }
    }

    /// Every session, in no order.
    pub(crate) fn all(&self) -> Vec<Arc<Shared>> {
        self.read().values().flat_map(HashMap::values).filter_map(Weak::upgrade).collect()
    }

    fn read(&self) -> RwLockReadGuard<'_, Places> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Places> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What became of the wish for a place.
pub(crate) enum Claim {
    /// It is a new session's.
    Given(Arc<Shared>),
    /// It is still this one's.
    Taken(Arc<Shared>),
}
