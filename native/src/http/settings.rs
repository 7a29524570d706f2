//! What can be chosen for all connections of a client?

use std::num::NonZeroUsize;
use std::time::Duration;

use super::tls::TlsSettings;

/// Settings of a [`Transport`](super::Transport); [`Default`] suits most programs.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TransportSettings {
    /// How long a connection is kept without use: 30 s.
    pub idle_timeout: Duration,
    /// How many unused connections are kept per origin: 32. Zero closes every connection after its exchange.
    pub max_idle_per_host: usize,
    /// How many connections one origin may have at once; exchanges beyond it wait in order. No limit by default.
    pub max_per_host: Option<NonZeroUsize>,
    /// Whether small writes leave at once (`TCP_NODELAY`): yes.
    pub no_delay: bool,
    /// Whether the operating system probes silent connections (`SO_KEEPALIVE`): yes.
    pub keep_alive: bool,
    /// The largest head of an answer, in bytes: 64 KiB.
    pub max_head: usize,
    /// Whom to trust, and from which TLS version on.
    pub tls: TlsSettings,
}

impl Default for TransportSettings {
    fn default() -> Self {
        Self {
            idle_timeout: Duration::from_secs(30),
            max_idle_per_host: 32,
            max_per_host: None,
            no_delay: true,
            keep_alive: true,
            max_head: 64 * 1024,
            tls: TlsSettings::default(),
        }
    }
}
