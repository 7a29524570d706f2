//! How is a connection made? Look up, connect, encrypt, and one task that drives it to its end.

use std::net::SocketAddr;
use std::sync::{Arc, Weak};
use std::time::Duration;

use ::http::HeaderValue;
use hallpass_core::effect::{Failure, FailureKind, Sent};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{Instant, timeout_at};

use super::dns;
use super::lease::{Connection, Exchange};
use super::origin::{Origin, Security};
use super::pool::{ConnectionId, HostId};
use super::timeouts::{ExchangeLimits, Timer};
use super::transport::Shared;

/// Makes a connection for a right to do so, which ends here: as a connection in use, or as an attempt that failed.
pub(super) async fn connect(
    shared: &Arc<Shared>,
    host: HostId,
    origin: &Origin,
    started: Instant,
    limits: &ExchangeLimits,
) -> Result<Box<Connection>, Failure> {
    let attempt = Attempt { shared, host };
    let until = limits.until(started, limits.connect);
    let stream = timeout_at(until, tcp(shared, origin, until)).await.unwrap_or_else(|_| {
        Err(timed_out(format!("no connection to {}:{} within {:?}", origin.host(), origin.port(), limits.connect)))
    })?;
    match origin.security {
        Security::Plain => attempt.establish(origin, stream).await,
        Security::Tls => {
            let until = limits.until(Instant::now(), limits.tls);
            let stream = timeout_at(until, shared.tls.handshake(origin.host(), stream)).await.unwrap_or_else(|_| {
                Err(timed_out(format!("the TLS handshake with {} took longer than {:?}", origin.host(), limits.tls)))
            })?;
            attempt.establish(origin, stream).await
        }
    }
}

/// Tries the addresses one after the other, each for its share of what is left.
async fn tcp(shared: &Shared, origin: &Origin, until: Instant) -> Result<TcpStream, Failure> {
    let addresses = dns::resolve(origin.host(), origin.port()).await?;
    let mut last = None;
    for (tried, address) in addresses.iter().enumerate() {
        let now = Instant::now();
        let share = until.saturating_duration_since(now) / u32::try_from(addresses.len() - tried).unwrap_or(u32::MAX);
        match timeout_at(now + share.max(SHORTEST), dial(shared, *address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => {
                last = Some(Failure::new(FailureKind::Connect, Sent::No, format!("connecting to {address}: {error}")));
            }
            Err(_) => last = Some(timed_out(format!("connecting to {address} took too long"))),
        }
    }
    Err(last.unwrap_or_else(|| Failure::new(FailureKind::Dns, Sent::No, "the host has no address")))
}

async fn dial(shared: &Shared, address: SocketAddr) -> std::io::Result<TcpStream> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_keepalive(shared.settings.keep_alive)?;
    socket.set_nodelay(shared.settings.no_delay)?;
    socket.connect(address).await
}

/// A right to make a connection; given back if it is dropped unused.
struct Attempt<'a> {
    shared: &'a Arc<Shared>,
    host: HostId,
}

impl Attempt<'_> {
    async fn establish<T>(self, origin: &Origin, stream: T) -> Result<Box<Connection>, Failure>
    where
        T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let host_field = HeaderValue::from_str(origin.host_field())
            .map_err(|_| Failure::new(FailureKind::Unsupported, Sent::No, "the host cannot be written as a header"))?;
        let (sender, connection) = http1::Builder::new()
            .max_header_size(self.shared.settings.max_head)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(|error| Failure::new(FailureKind::Connect, Sent::No, error.to_string()))?;
        let (shared, host) = (self.shared, self.host);
        std::mem::forget(self); // it holds only references, and succeeded
        let id = shared.lock().connected(host);
        let alive = Alive { shared: Arc::downgrade(shared), host, id };
        let driver = tokio::spawn(async move {
            let _alive = alive;
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection ended with an error");
            }
        });
        shared.keep_swept();
        Ok(Box::new(Connection {
            sender,
            driver: driver.abort_handle(),
            timer: Timer::default(),
            host_field,
            host,
            id,
            shared: Arc::downgrade(shared),
            exchange: Exchange::default(),
        }))
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        self.shared.lock().failed(self.host);
    }
}

/// Lives as long as its connection's socket, which the driver drops before it.
struct Alive {
    shared: Weak<Shared>,
    host: HostId,
    id: ConnectionId,
}

impl Drop for Alive {
    fn drop(&mut self) {
        if let Some(shared) = self.shared.upgrade() {
            let kept = shared.lock().closed(self.host, self.id);
            drop(kept);
        }
    }
}

fn timed_out(detail: String) -> Failure {
    Failure::new(FailureKind::ConnectTimeout, Sent::No, detail)
}

/// Even the last of many addresses is tried this long.
const SHORTEST: Duration = Duration::from_millis(100);
