//! Where is Redis, who is asking, and how long is waited for it?
//!
//! **Invariant:** neither a password nor a private key is ever shown. A setting that cannot be honoured is refused, not ignored.

use std::fmt;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use redis::{ClientTlsConfig, TlsCertificates};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use zeroize::Zeroizing;

use crate::store::StoreError;

/// How a [`RedisStore`](super::RedisStore) reaches its servers.
///
/// ```
/// use std::time::Duration;
/// use hallpass::store::RedisSettings;
///
/// let settings = RedisSettings::at("redis.example", 6379)
///     .username("hallpass")
///     .password("secret")
///     .command_timeout(Duration::from_millis(500));
/// assert!(!format!("{settings:?}").contains("secret"));
/// ```
#[derive(Clone)]
pub struct RedisSettings {
    pub(super) servers: Servers,
    pub(super) db: u32,
    pub(super) username: Option<String>,
    pub(super) password: Option<Zeroizing<String>>,
    pub(super) tls: Option<RedisTls>,
    pub(super) prefix: String,
    pub(super) connect_timeout: Duration,
    pub(super) command_timeout: Duration,
    pub(super) connections: NonZeroUsize,
    pub(super) replicas: Option<u32>,
    /// Credentials of sentinels were given where there are none.
    misplaced: bool,
}

/// Encryption towards Redis: by default the operating system's authorities, and no client certificate.
#[derive(Clone, Default)]
pub struct RedisTls {
    ca: Option<Vec<u8>>,
    client: Option<(Vec<u8>, Zeroizing<Vec<u8>>)>,
}

#[derive(Clone)]
pub(super) enum Servers {
    One(Place),
    Sentinel { master: String, sentinels: Vec<Place>, username: Option<String>, password: Option<Zeroizing<String>> },
    Cluster(Vec<Place>),
}

#[derive(Clone, PartialEq, Eq)]
pub(super) enum Place {
    Tcp(String, u16),
    Unix(PathBuf),
}

impl RedisSettings {
    /// One server, or a proxy before several.
    pub fn at(host: impl Into<String>, port: u16) -> Self {
        Self::new(Servers::One(Place::Tcp(host.into(), port)))
    }

    /// One server on this machine, by its socket.
    pub fn unix(socket: impl Into<PathBuf>) -> Self {
        Self::new(Servers::One(Place::Unix(socket.into())))
    }

    /// The server that these sentinels (host and port) know under the name `master`, whichever it is at the time.
    pub fn sentinel(master: impl Into<String>, sentinels: impl IntoIterator<Item = (impl Into<String>, u16)>) -> Self {
        let (username, password) = (None, None);
        Self::new(Servers::Sentinel { master: master.into(), sentinels: places(sentinels), username, password })
    }

    /// A cluster, of which some nodes (host and port) are known.
    pub fn cluster(nodes: impl IntoIterator<Item = (impl Into<String>, u16)>) -> Self {
        Self::new(Servers::Cluster(places(nodes)))
    }

    pub(super) fn new(servers: Servers) -> Self {
        Self {
            servers,
            db: 0,
            username: None,
            password: None,
            tls: None,
            prefix: PREFIX.to_owned(),
            connect_timeout: CONNECT_TIMEOUT,
            command_timeout: COMMAND_TIMEOUT,
            connections: NonZeroUsize::MIN,
            replicas: None,
            misplaced: false,
        }
    }

    /// The number of the database; 0 unless set.
    pub fn db(mut self, db: u32) -> Self {
        self.db = db;
        self
    }

    /// The user of Redis's access control list; the default user unless set.
    pub fn username(mut self, username: impl Into<String>) -> Self {
        self.username = Some(username.into());
        self
    }

    /// The user's password.
    pub fn password(mut self, password: impl Into<String>) -> Self {
        self.password = Some(Zeroizing::new(password.into()));
        self
    }

    /// The user and password that the sentinels themselves ask for, if they do; they are not the servers'.
    pub fn sentinel_credentials(mut self, user: Option<String>, secret: impl Into<String>) -> Self {
        match &mut self.servers {
            Servers::Sentinel { username, password, .. } => {
                *username = user;
                *password = Some(Zeroizing::new(secret.into()));
            }
            Servers::One(_) | Servers::Cluster(_) => self.misplaced = true,
        }
        self
    }

    /// Encrypts every connection.
    pub fn tls(mut self, tls: RedisTls) -> Self {
        self.tls = Some(tls);
        self
    }

    /// What every key begins with; `hallpass:` unless set.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// How long a connection may take, finding the server included; 2 s unless set.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// How long an answer may take; 1 s unless set. An operation that has to connect first ends within both timeouts together.
    pub fn command_timeout(mut self, timeout: Duration) -> Self {
        self.command_timeout = timeout;
        self
    }

    /// How many connections take turns; 1 unless set, which carries the calls of any number of tasks at a time.
    pub fn connections(mut self, connections: NonZeroUsize) -> Self {
        self.connections = connections;
        self
    }

    /// How many replicas must have a save or a lease before it counts as done; those that write then have connections of their own, so
    /// that loads do not wait behind them.
    ///
    /// Unless set, 0 for one server, and 1 behind Sentinel and in a cluster: a save that a failover loses could let a refresh token
    /// be used twice. Where too few confirm within half the command timeout, the save is [`StoreError::Unavailable`] and its
    /// outcome unknown.
    pub fn replicas(mut self, replicas: u32) -> Self {
        self.replicas = Some(replicas);
        self
    }

    /// Refuses what cannot be honoured.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        let refuse = |what: &str| Err(StoreError::Unsupported(format!("these Redis settings: {what}")));
        if self.prefix.is_empty() || self.prefix.contains(['{', '}']) {
            return refuse("the prefix must not be empty and holds no braces, which mark a cluster's slots");
        }
        if self.misplaced {
            return refuse("credentials of sentinels without Sentinel");
        }
        if self.connect_timeout.is_zero() || self.command_timeout.is_zero() {
            return refuse("a timeout of zero lets nothing through");
        }
        if self.username.is_some() && self.password.is_none() {
            return refuse("a username needs a password");
        }
        match &self.servers {
            Servers::One(Place::Unix(_)) if self.tls.is_some() => refuse("a socket on this machine is not encrypted"),
            Servers::Sentinel { master, sentinels, .. } if master.is_empty() || sentinels.is_empty() => {
                refuse("Sentinel needs the master's name and at least one sentinel")
            }
            Servers::Cluster(nodes) if nodes.is_empty() => refuse("a cluster needs at least one known node"),
            Servers::Cluster(_) if self.db != 0 => refuse("a cluster has database 0 only"),
            Servers::One(_) | Servers::Sentinel { .. } | Servers::Cluster(_) => Ok(()),
        }?;
        self.tls.as_ref().map_or(Ok(()), |tls| tls.check().or_else(|what| refuse(&what)))
    }

    pub(super) fn secret(&self) -> Option<&str> {
        self.password.as_ref().map(|password| password.as_str())
    }

    pub(super) fn sentinel_user(&self) -> Option<&str> {
        match &self.servers {
            Servers::Sentinel { username, .. } => username.as_deref(),
            Servers::One(_) | Servers::Cluster(_) => None,
        }
    }

    pub(super) fn sentinel_secret(&self) -> Option<&str> {
        match &self.servers {
            Servers::Sentinel { password, .. } => password.as_ref().map(|password| password.as_str()),
            Servers::One(_) | Servers::Cluster(_) => None,
        }
    }

    /// How many replicas must confirm.
    pub(super) fn confirming(&self) -> u32 {
        self.replicas.unwrap_or(match self.servers {
            Servers::One(_) => 0,
            Servers::Sentinel { .. } | Servers::Cluster(_) => 1,
        })
    }
}

impl RedisTls {
    /// Trusts the authorities in this PEM text and no others.
    pub fn ca_pem(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.ca = Some(pem.into());
        self
    }

    /// Shows this certificate (chain), with its private key, both as PEM text.
    pub fn client_pem(mut self, certificate: impl Into<Vec<u8>>, key: impl Into<Vec<u8>>) -> Self {
        self.client = Some((certificate.into(), Zeroizing::new(key.into())));
        self
    }

    /// The certificates in the form that the client library reads.
    pub(super) fn certificates(&self) -> TlsCertificates {
        let client_tls = self
            .client
            .as_ref()
            .map(|(certificate, key)| ClientTlsConfig { client_cert: certificate.clone(), client_key: key.to_vec() });
        TlsCertificates { client_tls, root_cert: self.ca.clone() }
    }

    fn check(&self) -> Result<(), String> {
        let certificates =
            |pem: &[u8], whose: &str| match CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>() {
                Ok(found) if found.is_empty() => Err(format!("{whose} holds no certificate")),
                Ok(_) => Ok(()),
                Err(error) => Err(format!("{whose} is not PEM: {error}")),
            };
        if let Some(ca) = &self.ca {
            certificates(ca, "the authorities' file")?;
        }
        if let Some((certificate, key)) = &self.client {
            certificates(certificate, "the client's certificate")?;
            PrivateKeyDer::from_pem_slice(key)
                .map_err(|_| "the client's key is not a private key in PEM".to_owned())?;
        }
        Ok(())
    }
}

fn places(places: impl IntoIterator<Item = (impl Into<String>, u16)>) -> Vec<Place> {
    places.into_iter().map(|(host, port)| Place::Tcp(host.into(), port)).collect()
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(host, port) if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Tcp(host, port) => write!(f, "{host}:{port}"),
            Self::Unix(path) => write!(f, "{}", path.display()),
        }
    }
}

impl fmt::Display for Servers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |places: &[Place]| places.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        match self {
            Self::One(place) => write!(f, "Redis at {place}"),
            Self::Sentinel { master, sentinels, .. } => {
                write!(f, "the master {master:?} of the sentinels {}", list(sentinels))
            }
            Self::Cluster(nodes) => write!(f, "the cluster of {}", list(nodes)),
        }
    }
}

impl fmt::Debug for RedisSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisSettings")
            .field("servers", &format_args!("{}", self.servers))
            .field("db", &self.db)
            .field("username", &self.username)
            .field("password", &self.password.as_ref().map(|_| Hidden))
            .field("tls", &self.tls)
            .field("prefix", &self.prefix)
            .field("connect_timeout", &self.connect_timeout)
            .field("command_timeout", &self.command_timeout)
            .field("connections", &self.connections)
            .field("replicas", &self.confirming())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for RedisTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let roots = if self.ca.is_some() { "given" } else { "the system's" };
        f.debug_struct("RedisTls")
            .field("roots", &roots)
            .field("client", &self.client.as_ref().map(|_| Hidden))
            .finish()
    }
}

/// Stands for what is not shown.
struct Hidden;

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(hidden)")
    }
}

const PREFIX: &str = "hallpass:";
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
const COMMAND_TIMEOUT: Duration = Duration::from_secs(1);
