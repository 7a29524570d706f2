//! What can be chosen for a client?

use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use hallpass_core::cookie::PublicSuffixes;
use hallpass_core::envelope::Keyring;
use hallpass_core::error::{Error, Kind};
use hallpass_core::machine::{KeepCredentials, Notice};
use tokio::runtime::Handle;

use crate::ask::Asker;
use crate::client::{Client, Observer};
use crate::clock::Clock;
use crate::heard::{Head, Listener};
use crate::http::{ExchangeLimits, Transport, TransportSettings};
use crate::signer::Signer;
use crate::store::Store;
use crate::wire::Wire;

/// Settings for a new [`Client`].
pub struct Builder {
    pub(crate) store: Option<Arc<dyn Store>>,
    pub(crate) lease_store: Option<Arc<dyn Store>>,
    keyring: Option<Keyring>,
    pub(crate) namespace: String,
    transport: TransportSettings,
    pub(crate) limits: ExchangeLimits,
    pub(crate) renew_without_store: bool,
    pub(crate) keep_credentials: KeepCredentials,
    pub(crate) public_suffixes: PublicSuffixes,
    pub(crate) asker: Option<Box<dyn Asker>>,
    pub(crate) observer: Option<Observer>,
    pub(crate) listener: Option<Listener>,
    pub(crate) event_buffer: NonZeroUsize,
    pub(crate) signer: Option<Arc<dyn Signer>>,
    #[cfg(feature = "metrics")]
    pub(crate) meter: Option<crate::metrics::Meter>,
    pub(crate) wire: Option<Wire>,
    pub(crate) clock: Option<Clock>,
    pub(crate) seed: Option<[u8; 32]>,
    pub(crate) trace: bool,
}

/// Whether a rotating refresh token may be used although its successor could not be saved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum RenewWithoutStore {
    /// It may not: calls fail with `store_unavailable` once the access token has ended.
    #[default]
    No,
    /// It may. A crash before the store is back then signs the account out.
    Yes,
}

impl Builder {
    /// Where sessions are kept. Needs a [`keyring`](Self::keyring): a store never sees plaintext.
    pub fn store(mut self, store: impl Store) -> Self {
        self.store = Some(Arc::new(store));
        self
    }

    /// Where sessions are kept, by a store that is shared with others.
    pub fn shared_store(mut self, store: Arc<dyn Store>) -> Self {
        self.store = Some(store);
        self
    }

    /// Who grants leases, where the store of the sessions cannot: processes that share the one share the other.
    ///
    /// A platform whose refresh tokens rotate is `store_unfit` for a store without compare-and-set or leases, since two processes could send one
    /// token, and the issuer would end the grant. A [`MemoryStore`](crate::store::MemoryStore) here says that nobody else holds these sessions.
    pub fn lease_store(mut self, store: Arc<dyn Store>) -> Self {
        self.lease_store = Some(store);
        self
    }

    /// The keys that seal and open saved sessions.
    pub fn keyring(mut self, keyring: Keyring) -> Self {
        self.keyring = Some(keyring);
        self
    }

    /// Separates programs that share a store; `hallpass` when nothing is said.
    pub fn namespace(mut self, namespace: impl Into<String>) -> Self {
        self.namespace = namespace.into();
        self
    }

    /// How connections are made and kept.
    pub fn transport(mut self, settings: TransportSettings) -> Self {
        self.transport = settings;
        self
    }

    /// The longest time to a connection: 10 s when nothing is said.
    pub fn connect_timeout(mut self, limit: Duration) -> Self {
        self.limits.connect = limit;
        self
    }

    /// The longest time from a request to the head of its answer: 30 s when nothing is said.
    pub fn first_byte_timeout(mut self, limit: Duration) -> Self {
        self.limits.first_byte = limit;
        self
    }

    /// The longest time between two parts of an answer's body: 30 s when nothing is said.
    pub fn chunk_timeout(mut self, limit: Duration) -> Self {
        self.limits.chunk = limit;
        self
    }

    /// What happens when a rotating token must be renewed while the store is away.
    pub fn renew_without_store(mut self, choice: RenewWithoutStore) -> Self {
        self.renew_without_store = choice == RenewWithoutStore::Yes;
        self
    }

    /// Whether sessions keep what they were signed in with, and sign in again by themselves when they have ended and nothing can renew
    /// them: they do not when nothing is said.
    pub fn keep_credentials(mut self, choice: KeepCredentials) -> Self {
        self.keep_credentials = choice;
        self
    }

    /// Which domains are public suffixes, for which no cookie is taken from hosts under them: the list that was built in when nothing is
    /// said (feature `public-suffixes`), and without that feature every name without a dot.
    pub fn public_suffixes(mut self, list: PublicSuffixes) -> Self {
        self.public_suffixes = list;
        self
    }

    /// Who signs attempts to platforms whose file has a table `[signer]`. Such a platform cannot be signed in to without one, unless its
    /// file says `required = false`.
    pub fn signer(mut self, signer: impl Signer) -> Self {
        self.signer = Some(Arc::new(signer));
        self
    }

    /// Answers what platforms ask while accounts sign in: a second factor, a person's consent, a sign-in of the program's own.
    /// Without it, what cannot be answered from the credentials is `challenge_required`.
    pub fn ask(mut self, asker: impl Asker + 'static) -> Self {
        self.asker = Some(Box::new(asker));
        self
    }

    /// Hears every notice of every session, with the account's name. Called outside of all locks; it should return soon.
    pub fn on_notice(mut self, observer: impl Fn(&str, &Notice) + Send + Sync + 'static) -> Self {
        self.observer = Some(Box::new(observer));
        self
    }

    /// Hears the head of every request that is sent and of every answer, those of the session itself included, to show or record them.
    /// Called outside of all locks, in the task of the exchange; it should return soon.
    pub fn on_head(mut self, listener: impl Fn(Head<'_>) + Send + Sync + 'static) -> Self {
        self.listener = Some(Box::new(listener));
        self
    }

    /// How many events wait for each reader of [`Client::events`] before the oldest are lost: 1,024 when nothing is said.
    pub fn event_buffer(mut self, events: NonZeroUsize) -> Self {
        self.event_buffer = events;
        self
    }

    /// Where the durations of calls are counted; counters and gauges are [published](crate::metrics::Meter::publish) from snapshots.
    #[cfg(feature = "metrics")]
    pub fn meter(mut self, meter: crate::metrics::Meter) -> Self {
        self.meter = Some(meter);
        self
    }

    /// A client with these settings. It belongs to the tokio runtime in which it is built.
    ///
    /// # Errors
    ///
    /// `key_missing` for a store without a keyring, `config_invalid` outside of a runtime or for settings that cannot be.
    pub fn build(mut self) -> Result<Client, Error> {
        let runtime = Handle::try_current()
            .map_err(|_| Error::new(Kind::ConfigInvalid, "a client must be built inside a tokio runtime"))?;
        if self.namespace.is_empty() {
            return Err(Error::new(Kind::ConfigInvalid, "the namespace is empty"));
        }
        let keyring = self.keyring.take();
        if self.store.is_some() && keyring.is_none() {
            let what =
                "a store needs a keyring: sessions are never saved in plaintext; give `keyring` or leave `store` out";
            return Err(Error::new(Kind::KeyMissing, what));
        }
        let keyring = keyring.filter(|_| self.store.is_some());
        let wire = match self.wire.take() {
            Some(wire) => wire,
            None => Wire::Network(Transport::new(std::mem::take(&mut self.transport))?),
        };
        Ok(Client::from_parts(self, wire, keyring, runtime))
    }
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            store: None,
            lease_store: None,
            keyring: None,
            namespace: "hallpass".to_owned(),
            transport: TransportSettings::default(),
            limits: ExchangeLimits::default(),
            renew_without_store: false,
            keep_credentials: KeepCredentials::default(),
            #[cfg(feature = "public-suffixes")]
            public_suffixes: PublicSuffixes::by(crate::suffixes::is_public),
            #[cfg(not(feature = "public-suffixes"))]
            public_suffixes: PublicSuffixes::DOTLESS,
            asker: None,
            observer: None,
            listener: None,
            event_buffer: EVENT_BUFFER,
            signer: None,
            #[cfg(feature = "metrics")]
            meter: None,
            wire: None,
            clock: None,
            seed: None,
            trace: false,
        }
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("namespace", &self.namespace)
            .field("store", &self.store)
            .finish_non_exhaustive()
    }
}

const EVENT_BUFFER: NonZeroUsize = NonZeroUsize::MIN.saturating_add(1_023);
