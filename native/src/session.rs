//! One account's session as a program holds it.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use ::http::Method;
use hallpass_core::error::Error;
use hallpass_core::machine::{Session as Core, State, Stats};
use hallpass_core::time::Wall;
use zeroize::Zeroizing;

use crate::call::Call;
use crate::drive::Shared;
use crate::pool::Link;
use crate::seeing::{Events, SessionSnapshot};

/// One account's session. Clones are the same session; when the last one is dropped the session saves what is not saved and
/// stops, in the background. [`close`](Self::close) does the same and says how it went.
pub struct Session {
    pub(crate) shared: Arc<Shared>,
    /// The lease that it was taken from a pool with, which learns from its calls.
    pub(crate) lease: Option<Arc<Link>>,
}

impl Session {
    /// The first handle of a new session.
    pub(crate) fn first(shared: Arc<Shared>) -> Self {
        shared.handles.store(1, Ordering::Relaxed);
        Self { shared, lease: None }
    }

    /// A further handle; `None` when the last one has gone.
    pub(crate) fn join(shared: Arc<Shared>) -> Option<Self> {
        let more = |handles: usize| (handles > 0).then_some(handles + 1);
        shared.handles.fetch_update(Ordering::AcqRel, Ordering::Acquire, more).ok()?;
        Some(Self { shared, lease: None })
    }

    /// A GET of an address on the platform: `/items/1`, or an absolute one.
    pub fn get(&self, address: &str) -> Call {
        self.request(Method::GET, address)
    }

    /// A POST.
    pub fn post(&self, address: &str) -> Call {
        self.request(Method::POST, address)
    }

    /// A PUT.
    pub fn put(&self, address: &str) -> Call {
        self.request(Method::PUT, address)
    }

    /// A DELETE.
    pub fn delete(&self, address: &str) -> Call {
        self.request(Method::DELETE, address)
    }

    /// A call with any method. An address that cannot be is told by [`Call::send`].
    pub fn request(&self, method: Method, address: &str) -> Call {
        Call::new(self.clone(), method, address)
    }

    /// Renews now, whatever the token's age; joins a renewal that is under way.
    ///
    /// # Errors
    ///
    /// `expired` where there is nothing to renew with, `renewal_lost`, `store_unavailable`, or how the renewal failed.
    pub async fn renew(&self) -> Result<(), Error> {
        self.shared.run(Core::renew).await
    }

    /// Asks the platform now whether the session is good, joining a probe that is under way.
    ///
    /// # Errors
    ///
    /// `expired` or `rejected` when the platform refuses the session and that cannot be mended, `account_mismatch` when it is somebody
    /// else's: the session has ended. `platform_invalid` without an identity probe in the platform file. Any other kind means that nobody
    /// knows, and the session stays as it is.
    pub async fn validate(&self) -> Result<(), Error> {
        self.shared.run(Core::validate).await
    }

    /// Saves whatever has not been saved.
    ///
    /// # Errors
    ///
    /// `store_unfit` without a store, otherwise the store's.
    pub async fn save(&self) -> Result<(), Error> {
        self.shared.run(Core::save).await
    }

    /// Stops taking calls, lets those under way end, saves and stops. It never signs out.
    ///
    /// # Errors
    ///
    /// The store's, where something could not be saved.
    pub async fn close(&self) -> Result<(), Error> {
        self.shared.run(Core::close).await
    }

    /// As [`close`](Self::close), but calls that have not ended after `limit` end with `closed`. What can be saved is saved all the same;
    /// a renewal under way is still waited for, up to its own deadline.
    ///
    /// # Errors
    ///
    /// The store's, where something could not be saved.
    pub async fn close_within(&self, limit: Duration) -> Result<(), Error> {
        self.shared.run(|core, now| core.close_within(limit, now)).await
    }

    /// Lets calls under way end, tells the platform that the session is over (as `[sign_out]` of its file says), removes the session from
    /// the store and closes it. It ends here whatever the platform says.
    ///
    /// # Errors
    ///
    /// The store's, where the session could not be removed; otherwise how the platform could not be told.
    pub async fn sign_out(&self) -> Result<(), Error> {
        self.shared.run(Core::sign_out).await
    }

    /// Closes the session and removes it from the store. The platform is not told.
    ///
    /// # Errors
    ///
    /// The store's, where it could not be removed.
    pub async fn forget(&self) -> Result<(), Error> {
        self.shared.run(Core::forget).await
    }

    /// The account's name.
    pub fn account(&self) -> &str {
        &self.shared.account
    }

    /// The id that the platform gave the account, once it is known.
    pub fn account_id(&self) -> Option<String> {
        self.shared.look(|core| core.account_id().map(str::to_owned))
    }

    /// Where the session stands.
    pub fn state(&self) -> State {
        self.shared.look(Core::state)
    }

    /// How many sign-ins and renewals its present credentials have behind them.
    pub fn generation(&self) -> u64 {
        self.shared.look(Core::generation)
    }

    /// When its present access token ends, where that is known.
    pub fn expires_at(&self) -> Option<Wall> {
        self.shared.look(Core::expires_at)
    }

    /// Its cookies as a Netscape `cookies.txt`, which curl, wget and browsers' extensions read. Whoever has it is signed in as this account.
    ///
    /// Left out are cookies with a tab in their name or path, which such a file cannot express.
    pub fn cookies_txt(&self) -> Zeroizing<Vec<u8>> {
        let now = self.shared.now();
        self.shared.look(|core| core.cookies_txt(now).0)
    }

    /// Its counters since it was made in this process.
    pub fn stats(&self) -> Stats {
        self.shared.look(Core::stats)
    }

    /// How it stands at this moment.
    pub fn snapshot(&self) -> SessionSnapshot {
        let at = self.shared.now().wall;
        self.shared.look(|core| SessionSnapshot::of(core, at))
    }

    /// What happens to it from now on, up to its `closed` event.
    pub fn events(&self) -> Events {
        Events::new(&self.shared.client.events, Some(Arc::downgrade(&self.shared)))
    }

    /// What it did since the last time, a line a step.
    #[cfg(feature = "testing")]
    pub fn take_trace(&self) -> Vec<String> {
        self.shared.lock().core.take_trace()
    }
}

impl Clone for Session {
    fn clone(&self) -> Self {
        self.shared.handles.fetch_add(1, Ordering::Relaxed);
        Self { shared: Arc::clone(&self.shared), lease: self.lease.clone() }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if self.shared.handles.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.shared.abandon();
        }
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("account", &self.account())
            .field("state", &self.state())
            .finish_non_exhaustive()
    }
}
