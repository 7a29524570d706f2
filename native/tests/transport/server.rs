//! What does the other end do? A server that does exactly what a test writes down, byte for byte.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use hallpass::http::{PoolStats, Transport};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A listener on loopback; every connection is handed to the test's script.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    accepted: Arc<AtomicUsize>,
}

impl Server {
    pub(crate) async fn start<F, Fut>(script: F) -> Self
    where
        F: Fn(Wire<TcpStream>) -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let accepted = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&accepted);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let number = count.fetch_add(1, Ordering::SeqCst) + 1;
                tokio::spawn(script(Wire { stream, unread: Vec::new(), number }));
            }
        });
        Self { address, accepted }
    }

    /// A server that answers every request on a connection with `text`.
    pub(crate) async fn answering(text: &'static str) -> Self {
        Self::start(move |mut wire| async move {
            while wire.request().await.is_some() {
                wire.write(text).await;
            }
        })
        .await
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn connections(&self) -> usize {
        self.accepted.load(Ordering::SeqCst)
    }
}

/// One connection as the server sees it.
pub(crate) struct Wire<T> {
    pub(crate) stream: T,
    pub(crate) unread: Vec<u8>,
    /// Counts connections from one.
    pub(crate) number: usize,
}

impl<T: AsyncRead + AsyncWrite + Unpin> Wire<T> {
    /// One request, head and body as they came; nothing if the client hung up.
    pub(crate) async fn request(&mut self) -> Option<String> {
        let head = self.until(b"\r\n\r\n").await?;
        let text = String::from_utf8(head).expect("a request in ASCII").to_ascii_lowercase();
        let mut whole = text.clone();
        if let Some(length) = text.split("content-length: ").nth(1) {
            let length: usize = length.split("\r\n").next().and_then(|digits| digits.parse().ok()).expect("a length");
            while self.unread.len() < length {
                self.read().await?;
            }
            whole.push_str(&String::from_utf8_lossy(&self.unread.drain(..length).collect::<Vec<_>>()));
        } else if text.contains("transfer-encoding: chunked") {
            whole.push_str(&String::from_utf8_lossy(&self.until(b"0\r\n\r\n").await?));
        }
        Some(whole)
    }

    pub(crate) async fn write(&mut self, text: &str) {
        // The client may be gone already; tests that care look at what the client says.
        let _ = self.stream.write_all(text.as_bytes()).await;
        let _ = self.stream.flush().await;
    }

    /// Waits until the client hangs up.
    pub(crate) async fn hung_up(&mut self) {
        while self.read().await.is_some() {}
    }

    async fn until(&mut self, end: &[u8]) -> Option<Vec<u8>> {
        loop {
            if let Some(place) = self.unread.windows(end.len()).position(|window| window == end) {
                return Some(self.unread.drain(..place + end.len()).collect());
            }
            self.read().await?;
        }
    }

    async fn read(&mut self) -> Option<()> {
        let mut part = [0; 4096];
        match self.stream.read(&mut part).await {
            Ok(0) | Err(_) => None,
            Ok(length) => {
                self.unread.extend_from_slice(&part[..length]);
                Some(())
            }
        }
    }
}

impl Wire<TcpStream> {
    /// Ends the connection with a reset instead of a farewell.
    pub(crate) fn reset(self) {
        self.stream.set_zero_linger().expect("a socket option");
    }
}

/// Waits until the pool says so; fails if it does not within ten seconds.
pub(crate) async fn until(transport: &Transport, holds: impl Fn(PoolStats) -> bool) {
    for _ in 0..10_000 {
        if holds(transport.stats()) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    panic!("never: {:?}", transport.stats());
}
