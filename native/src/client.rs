//! What the sessions of one program share: connections, store, keys, retry budget and timer.

use std::fmt;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hallpass_core::credentials::Credentials;
use hallpass_core::effect::CallId;
use hallpass_core::envelope::Keyring;
use hallpass_core::error::{Error, Kind};
use hallpass_core::limit::RetryBudget;
use hallpass_core::machine::{Leases, Notice, Persist, Session as Core, Settings, State};
use hallpass_core::seed::Seed;
use hallpass_core::store::{RecordKey, RecordKind};
use hallpass_core::time::Now;
use tokio::runtime::Handle;

use crate::ask::Asker;
use crate::builder::Builder;
use crate::clock::Clock;
use crate::drive::Shared;
use crate::heard::Listener;
use crate::http::{ExchangeLimits, PoolStats};
use crate::keys;
use crate::platform::Platform;
use crate::registry::{Claim, Registry};
use crate::seeing::{Events, Hub, Ledger, SessionSnapshot, Snapshot};
use crate::session::Session;
use crate::signer::Signer;
use crate::store::{FileStore, Store};
use crate::timer::Timer;
use crate::wire::Wire;

/// Signs accounts in and keeps their sessions. Cheap to clone; clones are the same client.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), hallpass::Error> {
/// let client = hallpass::Client::builder().build()?;
/// assert_eq!(client.sessions().len(), 0);
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Client {
    pub(crate) inner: Arc<Inner>,
}

/// A session that the store holds.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Saved {
    /// The platform's id.
    pub platform: String,
    /// The account's name.
    pub account: String,
    /// The record's version.
    pub version: u64,
}

/// How a session was closed.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Closed {
    /// The platform's id.
    pub platform: String,
    /// The account's name.
    pub account: String,
    /// The store's error, where something could not be saved.
    pub result: Result<(), Error>,
}

pub(crate) struct Inner {
    pub(crate) wire: Wire,
    pub(crate) store: Option<Arc<dyn Store>>,
    pub(crate) lease_store: Option<Arc<dyn Store>>,
    pub(crate) signer: Option<Arc<dyn Signer>>,
    pub(crate) settings: Arc<Settings>,
    pub(crate) namespace: String,
    pub(crate) clock: Clock,
    pub(crate) limits: ExchangeLimits,
    pub(crate) budget: Mutex<RetryBudget>,
    pub(crate) timer: Timer,
    pub(crate) runtime: Handle,
    pub(crate) asker: Option<Box<dyn Asker>>,
    pub(crate) observer: Option<Observer>,
    pub(crate) listener: Option<Listener>,
    pub(crate) events: Arc<Hub>,
    #[cfg(feature = "metrics")]
    pub(crate) meter: Option<crate::metrics::Meter>,
    ledger: Mutex<Ledger>,
    pub(crate) seed: Option<[u8; 32]>,
    pub(crate) live: Registry,
}

/// Hears every notice of every session, with the account it is about.
pub(crate) type Observer = Box<dyn Fn(&str, &Notice) + Send + Sync>;

impl Client {
    /// Settings for a new client.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// A client whose sessions are kept in a folder, sealed with the keys in `HALLPASS_KEY`: what [`Client::builder`] makes of a
    /// [`FileStore`] and [`keys::from_environment`].
    ///
    /// # Errors
    ///
    /// `key_missing` without that variable, `key_invalid` when it cannot be read, `store_unavailable` when the folder cannot be
    /// made, and what [`Builder::build`] says.
    pub fn open(folder: impl Into<PathBuf>) -> Result<Self, Error> {
        let missing = || Error::new(Kind::KeyMissing, format!("{} is not set; it holds the keys", keys::VARIABLE));
        let keyring = keys::from_environment()?.ok_or_else(missing)?;
        let store = FileStore::open(folder).map_err(|error| from_store(&error))?;
        Self::builder().store(store).keyring(keyring).build()
    }

    pub(crate) fn from_parts(builder: Builder, wire: Wire, keyring: Option<Keyring>, runtime: Handle) -> Self {
        let namespace = builder.namespace;
        let lease_store = builder.lease_store.or_else(|| builder.store.clone());
        let leases = match (&builder.store, &lease_store) {
            (Some(records), Some(leases)) => Leases::of(records.capabilities().cas, leases.capabilities().lease),
            _ => Leases::NotNeeded,
        };
        let persist =
            keyring.map(|keyring| Persist { keyring: Arc::new(keyring), namespace: namespace.clone(), leases });
        let settings = Settings {
            persist,
            renew_without_store: builder.renew_without_store,
            keep_credentials: builder.keep_credentials,
            signer: builder.signer.is_some(),
            asks: builder.asker.is_some(),
            trace: builder.trace,
            public_suffixes: builder.public_suffixes,
            ..Settings::default()
        };
        let inner = Inner {
            wire,
            store: builder.store,
            lease_store,
            signer: builder.signer,
            settings: Arc::new(settings),
            namespace,
            clock: builder.clock.unwrap_or_else(Clock::system),
            limits: builder.limits,
            budget: Mutex::new(RetryBudget::default()),
            timer: Timer::default(),
            runtime,
            asker: builder.asker,
            observer: builder.observer,
            listener: builder.listener,
            events: Arc::new(Hub::new(builder.event_buffer)),
            #[cfg(feature = "metrics")]
            meter: builder.meter,
            ledger: Mutex::default(),
            seed: builder.seed,
            live: Registry::default(),
        };
        Self { inner: Arc::new(inner) }
    }

    /// Signs an account in. If the same account is being signed in already, waits for that; if its session is being closed, waits for that
    /// and makes a new one.
    ///
    /// # Errors
    ///
    /// `credentials_invalid` when something the recipe needs is missing, `credentials_refused` when the platform says no,
    /// `account_mismatch`, `unexpected_answer`, `throttled`, or a network kind. The store holds the session afterwards
    /// unless [`Session::save`] says otherwise.
    pub async fn sign_in(
        &self,
        platform: &Platform,
        account: &str,
        credentials: Credentials,
    ) -> Result<Session, Error> {
        self.opened(platform, account, |core, now| core.sign_in(credentials.clone(), now)).await
    }

    /// Opens the saved session of an account without signing in; a live one is handed out as it is, and one that is being closed is waited
    /// for and opened anew.
    ///
    /// # Errors
    ///
    /// `no_session` when none is saved, `store_unavailable` when that cannot be known, `platform_changed`, `key_missing`,
    /// `key_unknown`, `wrong_context`, `damaged` or `version_unknown` when it does not open.
    pub async fn resume(&self, platform: &Platform, account: &str) -> Result<Session, Error> {
        self.opened(platform, account, Core::resume).await
    }

    /// The live session of an account, if this client has one; one that has ended, or is about to, is not handed out.
    pub fn session(&self, platform: &str, account: &str) -> Option<Session> {
        handle(self.inner.live.find(platform, account)?)
    }

    /// Every live session of this client; those that have ended, or are about to, are not handed out.
    pub fn sessions(&self) -> Vec<Session> {
        self.inner.live().into_iter().filter_map(handle).collect()
    }

    /// Every session that the store holds under this client's namespace, whoever saved it.
    ///
    /// # Errors
    ///
    /// `store_unfit` without a store, otherwise the store's.
    pub async fn saved(&self) -> Result<Vec<Saved>, Error> {
        let store = self.inner.store.as_ref().ok_or_else(no_store)?;
        let mut saved = Vec::new();
        let mut after = None;
        loop {
            let page =
                store.list(&self.inner.namespace, after.as_ref(), PAGE).await.map_err(|error| from_store(&error))?;
            for entry in page.entries {
                if entry.key.kind == RecordKind::Session {
                    let (platform, account) = (entry.key.platform, entry.key.account);
                    saved.push(Saved { platform, account, version: entry.version.0 });
                }
            }
            match page.next {
                Some(next) => after = Some(next),
                None => break,
            }
        }
        saved.sort_by(|a, b| (&a.platform, &a.account).cmp(&(&b.platform, &b.account)));
        Ok(saved)
    }

    /// Removes a saved session without opening it. The platform is not told. Whether there was one.
    ///
    /// # Errors
    ///
    /// `store_unfit` without a store, otherwise the store's.
    pub async fn forget(&self, platform: &str, account: &str) -> Result<bool, Error> {
        let store = self.inner.store.as_ref().ok_or_else(no_store)?;
        let key = RecordKey::session(&self.inner.namespace, platform, account);
        let removed = store.remove(&key, crate::store::Expected::Any).await.map_err(|error| from_store(&error))?;
        Ok(removed.is_some())
    }

    /// What the connection pool holds; `None` where a script stands in for the network.
    pub fn connections(&self) -> Option<PoolStats> {
        match &self.inner.wire {
            Wire::Network(transport) => Some(transport.stats()),
            #[cfg(feature = "testing")]
            Wire::Scripted(_) => None,
        }
    }

    /// How its sessions and connections stand: each session's lock is taken once, so this is for displays and meters, not for every call.
    pub fn snapshot(&self) -> Snapshot {
        let at = self.inner.clock.now().wall;
        // Before the ledger is locked: the last holder of a session adds to it.
        let sessions = {
            let live = self.inner.live();
            live.iter().map(|shared| shared.look(|core| SessionSnapshot::of(core, at))).collect()
        };
        Snapshot::new(at, sessions, &mut self.inner.ledger(), self.connections())
    }

    /// What happens to its sessions from now on. Any number may listen; none of them delays a session.
    pub fn events(&self) -> Events {
        Events::new(&self.inner.events, None)
    }

    /// Closes every live session, and waits for those that were dropped: each saves what is not saved, and stops. No platform is
    /// told.
    ///
    /// # Errors
    ///
    /// The first error of a session that could not be saved; the others are closed all the same.
    pub async fn close(&self) -> Result<(), Error> {
        self.close_all(Core::close).await.into_iter().try_for_each(|closed| closed.result)
    }

    /// Closes every live session at once, each as [`Session::close_within`] does, and tells how each ended, in the order of the accounts'
    /// names. Those that are being closed already are waited for, and told of as well.
    pub async fn close_within(&self, limit: Duration) -> Vec<Closed> {
        self.close_all(|core, now| core.close_within(limit, now)).await
    }

    async fn close_all(&self, close: impl Fn(&mut Core, Now) -> CallId) -> Vec<Closed> {
        let live = self.inner.live();
        // All are told to close before any is waited for.
        let now = self.inner.clock.now();
        let begun: Vec<_> = live.iter().map(|shared| shared.begin(&close, now)).collect();
        let mut all = Vec::with_capacity(live.len());
        for (shared, begun) in live.iter().zip(begun) {
            let (platform, account) = (shared.platform_id().to_owned(), shared.account.to_string());
            all.push(Closed { platform, account, result: shared.ended(begun).await });
        }
        match &self.inner.wire {
            Wire::Network(transport) => transport.close_idle(),
            #[cfg(feature = "testing")]
            Wire::Scripted(_) => {}
        }
        all
    }

    /// The session of an account once a command has opened it. Where another command comes in between, it is tried again.
    async fn opened(
        &self,
        platform: &Platform,
        account: &str,
        open: impl Fn(&mut Core, Now) -> CallId,
    ) -> Result<Session, Error> {
        loop {
            let session = self.session_for(platform, account).await?;
            match session.shared.run(&open).await {
                Ok(()) if session.shared.look(is_ending) => {}
                Ok(()) => return Ok(session),
                // Somebody closed it, or signs it in anew: what comes of that is asked again.
                Err(error) if matches!(error.code(), Kind::Closed | Kind::Cancelled) => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// The session of an account: the live one, or a fresh one. One that was dropped is waited for: it may still be renewing or
    /// saving, and two sessions of one account would use one refresh token twice.
    async fn session_for(&self, platform: &Platform, account: &str) -> Result<Session, Error> {
        if account.is_empty() {
            return Err(Error::new(Kind::ConfigInvalid, "an account needs a name"));
        }
        loop {
            match self.live_or_fresh(platform, account)? {
                Ok(session) => return Ok(session),
                // How it ended, its observer has heard.
                Err(closing) => drop(closing.run(Core::close).await),
            }
        }
    }

    fn live_or_fresh(&self, platform: &Platform, account: &str) -> Result<Result<Session, Arc<Shared>>, Error> {
        let (seed, now) = (self.inner.new_seed()?, self.inner.clock.now());
        let make = || {
            let settings = Arc::clone(&self.inner.settings);
            let core = Core::new(Arc::clone(&platform.compiled), account, settings, seed, now);
            Shared::new(Arc::clone(&self.inner), core)
        };
        let has_closed = |holder: &Shared| holder.look(Core::state) == State::Closed;
        let shared = match self.inner.live.claim(platform.id(), account, has_closed, make) {
            Claim::Given(shared) => return Ok(Ok(Session::first(shared))),
            Claim::Taken(shared) => shared,
        };
        if shared.look(is_ending) {
            return Ok(Err(shared));
        }
        let Some(session) = Session::join(Arc::clone(&shared)) else { return Ok(Err(shared)) };
        if session.shared.look(|core| core.compiled().platform() == platform.definition()) {
            return Ok(Ok(session));
        }
        let id = platform.id();
        let what = format!("a session of `{account}` is live under another description of `{id}`; close it first");
        Err(Error::new(Kind::PlatformChanged, what))
    }
}

impl Inner {
    /// Tells the program, and the log, what happened to a session.
    pub(crate) fn observe(&self, account: &str, notice: &Notice) {
        tracing::debug!(target: "hallpass", account, ?notice);
        if let Some(observer) = &self.observer {
            observer(account, notice);
        }
    }

    /// What sessions that are gone have counted.
    pub(crate) fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Every session that has not been given up yet, by account.
    fn live(&self) -> Vec<Arc<Shared>> {
        let mut shared = self.live.all();
        shared.sort_by(|a, b| a.account.cmp(&b.account));
        shared
    }

    pub(crate) fn new_seed(&self) -> Result<Seed, Error> {
        if let Some(fixed) = self.seed {
            return Ok(Seed::new(fixed));
        }
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).map_err(|error| {
            Error::new(Kind::ConfigInvalid, format!("the system's random generator failed: {error}"))
        })?;
        Ok(Seed::new(bytes))
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.events.end_all();
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("namespace", &self.inner.namespace)
            .field("store", &self.inner.store)
            .finish_non_exhaustive()
    }
}

/// The error that a store's failure means for a program.
pub(crate) fn from_store(error: &crate::store::StoreError) -> Error {
    hallpass_core::machine::store_error(error)
}

/// A handle of a session that some program still holds open, and that is of use.
fn handle(shared: Arc<Shared>) -> Option<Session> {
    let is_over = shared.look(|core| is_ending(core) || matches!(core.state(), State::Expired | State::Rejected));
    if is_over { None } else { Session::join(shared) }
}

/// Whether a session is closed, or about to be.
fn is_ending(core: &Core) -> bool {
    core.is_closing() || core.state() == State::Closed
}

fn no_store() -> Error {
    Error::new(Kind::StoreUnfit, "this client has no store")
}

const PAGE: NonZeroUsize = NonZeroUsize::MIN.saturating_add(255);
