//! How connections come and go: accepted one by one, each in its own task, all ended with the platform.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use hyper::server::conn::http1;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::platform::Platform;
use crate::service::Connection;
use crate::wire::{Gate, Wire};

/// Counts a connection as accepted, and as open until it is dropped.
struct Open(Arc<Platform>);

impl Open {
    fn count(platform: &Arc<Platform>) -> Self {
        platform.gauges.accepted.fetch_add(1, Ordering::Relaxed);
        platform.gauges.open.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(platform))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.gauges.open.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Accepts until `stop` changes or its sender is gone, then lets requests in flight end for a little while.
pub(crate) async fn accept(listener: TcpListener, platform: Arc<Platform>, mut stop: watch::Receiver<()>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    let open = Open::count(&platform);
                    connections.spawn(serve(stream, open, stop.clone()));
                }
                // Out of descriptors: what is open must end first.
                Err(_) => tokio::time::sleep(BREATH).await,
            },
            Some(_) = connections.join_next() => {}
            _ = stop.changed() => break,
        }
    }
    drop(listener);
    let ended = async { while connections.join_next().await.is_some() {} };
    // Whoever is not done by then is cut off.
    let _ = tokio::time::timeout(GRACE, ended).await;
    connections.shutdown().await;
}

async fn serve(stream: TcpStream, open: Open, mut stop: watch::Receiver<()>) {
    // Without it small answers wait for acknowledgements; a stream that refuses is gone.
    let _ = stream.set_nodelay(true);
    let gate = Arc::new(Gate::default());
    let wire = Wire::new(stream, Arc::clone(&gate));
    let mut connection =
        std::pin::pin!(http1::Builder::new().serve_connection(wire, Connection::new(Arc::clone(&open.0), gate)));
    // How a connection ends is the client's to judge.
    let _ = tokio::select! {
        biased;
        ended = connection.as_mut() => ended,
        _ = stop.changed() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
}

const GRACE: Duration = Duration::from_millis(500);

const BREATH: Duration = Duration::from_millis(10);
