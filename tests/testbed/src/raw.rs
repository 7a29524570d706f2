//! What a client makes of exact bytes: garbage, wrong lengths, heads that stop.

use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

use crate::recorded::RecordedHead;

/// A TCP server that reads one request head per connection and writes exact bytes; dropping it ends it.
///
/// The first connection gets the first answer, and so on; the last answer is for all others.
#[derive(Debug)]
pub struct Raw {
    port: u16,
    seen: Arc<Mutex<Seen>>,
    accepting: JoinHandle<()>,
}

/// What happens to a connection after its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// It is closed with a FIN.
    Close,
    /// It is reset.
    Reset,
    /// It stays open and silent until the client closes it.
    Hold,
}

#[derive(Debug, Default)]
struct Seen {
    connections: usize,
    heads: Vec<RecordedHead>,
}

impl Raw {
    /// Answers and closes.
    pub async fn start(answers: Vec<Vec<u8>>) -> std::io::Result<Self> {
        Self::start_then(answers, Then::Close).await
    }

    /// Answers, and then ends the connection so.
    pub async fn start_then(answers: Vec<Vec<u8>>, then: Then) -> std::io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let port = listener.local_addr()?.port();
        let seen = Arc::new(Mutex::new(Seen::default()));
        let accepting = tokio::spawn(accept(listener, answers, then, Arc::clone(&seen)));
        Ok(Self { port, seen, accepting })
    }

    /// `http://127.0.0.1:PORT`, without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// How many connections were made.
    pub fn connections(&self) -> usize {
        lock(&self.seen).connections
    }

    /// Every head that arrived, in order; also the beginning of one that stayed incomplete.
    pub fn heads(&self) -> Vec<RecordedHead> {
        lock(&self.seen).heads.clone()
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, answers: Vec<Vec<u8>>, then: Then, seen: Arc<Mutex<Seen>>) {
    let answers: Vec<Arc<[u8]>> = answers.into_iter().map(Arc::from).collect();
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((stream, _)) = accepted else { continue };
                let nth = {
                    let mut seen = lock(&seen);
                    seen.connections += 1;
                    seen.connections - 1
                };
                let answer = answers.get(nth).or(answers.last()).map_or_else(|| Arc::from([]), Arc::clone);
                connections.spawn(serve(stream, answer, then, Arc::clone(&seen)));
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Errors end the connection; what they mean is the client's to judge.
async fn serve(mut stream: TcpStream, answer: Arc<[u8]>, then: Then, seen: Arc<Mutex<Seen>>) -> std::io::Result<()> {
    let head = read_head(&mut stream).await;
    let is_empty = head.is_empty();
    if !is_empty {
        lock(&seen).heads.push(RecordedHead::new(head));
    }
    if !is_empty || then == Then::Hold {
        stream.write_all(&answer).await?;
    }
    match then {
        Then::Reset => stream.set_zero_linger(),
        Then::Close => {
            stream.shutdown().await?;
            // What is left unread would turn the FIN into an RST.
            let _ = tokio::time::timeout(LEFTOVERS, drain(&mut stream)).await;
            Ok(())
        }
        Then::Hold => drain(&mut stream).await,
    }
}

/// The head with its blank line, or what there was before the client stopped. A body's beginning may have come with it and
/// is cut off.
async fn read_head(stream: &mut TcpStream) -> Vec<u8> {
    let mut head = Vec::new();
    while head.len() < LARGEST_HEAD {
        if let Some(end) = head.windows(4).position(|window| window == b"\r\n\r\n") {
            head.truncate(end + 4);
            break;
        }
        match stream.read_buf(&mut head).await {
            Ok(0) | Err(_) => break,
            Ok(_) => {}
        }
    }
    head
}

async fn drain(stream: &mut TcpStream) -> std::io::Result<()> {
    let mut sink = [0; 4096];
    while stream.read(&mut sink).await? > 0 {}
    Ok(())
}

fn lock(seen: &Mutex<Seen>) -> std::sync::MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

const LARGEST_HEAD: usize = 1024 * 1024;

const LEFTOVERS: Duration = Duration::from_secs(5);
