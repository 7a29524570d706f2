//! What arrived where nothing, or nothing secret, should arrive.
//!
//! **Invariant:** a head is recorded before it is answered, so a client that has its answer finds it listed.

use crate::raw::{Raw, Then};
use crate::recorded::RecordedHead;

/// A foreign origin: records every request head and answers `200 {}`.
#[derive(Debug)]
pub struct Listener(Raw);

impl Listener {
    /// Listens on loopback, on a free port.
    pub async fn start() -> std::io::Result<Self> {
        Ok(Self(Raw::start_then(vec![ANSWER.to_vec()], Then::Close).await?))
    }

    /// `http://127.0.0.1:PORT`, without a slash at the end.
    pub fn url(&self) -> String {
        self.0.url()
    }

    /// How many connections were made, even those that sent nothing.
    pub fn connections(&self) -> usize {
        self.0.connections()
    }

    /// Every head that arrived, in order; also the beginning of one that stayed incomplete.
    pub fn heads(&self) -> Vec<RecordedHead> {
        self.0.heads()
    }
}

const ANSWER: &[u8] =
    b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}";
