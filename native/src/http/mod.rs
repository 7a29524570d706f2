//! How do requests reach a server? Pooled HTTP/1.1 connections over TCP and TLS, with a limit on every wait.
//!
//! **Invariant:** nothing here decides whether a request is repeated: a failure says what broke and whether the server
//! may have seen the request, and the core decides. The one exception cannot be noticed: an idle connection that turns
//! out to be closed before a byte was written is replaced.

mod body;
mod connect;
mod dns;
mod failure;
mod lease;
mod origin;
mod pool;
mod settings;
mod timeouts;
mod tls;
mod transport;

pub use body::{BodyError, RequestBody, ResponseBody, Upload, UploadError};
pub use pool::PoolStats;
pub use settings::TransportSettings;
pub use timeouts::{ExchangeLimits, Turn};
#[cfg(feature = "redis")]
pub(crate) use tls::ensure_provider;
pub use tls::{TlsMinimum, TlsRoots, TlsSettings};
pub use transport::Transport;
