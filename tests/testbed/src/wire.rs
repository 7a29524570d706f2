//! How a connection is cut: the stream under hyper, with a gate that lets a chosen number of bytes of one answer out.
//!
//! ```text
//! open ──arm(cut)──▶ counting ──limit reached──▶ reset (RST) | closed (FIN) | stalled
//! ```
//!
//! **Invariant:** a reset is a real one: the socket is closed with a linger of zero.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// What happens to the connection when the limit is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum How {
    Reset,
    Close,
    Stall,
}

/// How much of the answer still goes out.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Left {
    /// So many bytes, counted from the status line's first.
    Head(usize),
    /// The head and so many bytes after it; `matched` counts how much of the blank line has gone by.
    Body { matched: u8, keep: usize },
}

/// Where an answer ends early, and how.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cut {
    pub(crate) left: Left,
    pub(crate) how: How,
}

/// The handle by which a connection's service cuts its stream.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    is_armed: AtomicBool,
    cut: Mutex<Option<Cut>>,
}

/// A TCP stream behind a gate.
#[derive(Debug)]
pub(crate) struct Wire {
    stream: TokioIo<TcpStream>,
    gate: Arc<Gate>,
}

impl Gate {
    /// Cuts the answer that is about to be written; the connection does not survive it.
    pub(crate) fn arm(&self, cut: Cut) {
        *self.cut.lock().unwrap_or_else(PoisonError::into_inner) = Some(cut);
        self.is_armed.store(true, Ordering::Release);
    }

    fn cut(&self) -> Option<Cut> {
        if !self.is_armed.load(Ordering::Acquire) {
            return None;
        }
        *self.cut.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Cut {
    /// How many of these bytes may go out.
    fn allows(self, bytes: &[u8]) -> usize {
        match self.left {
            Left::Head(left) => left.min(bytes.len()),
            Left::Body { matched, keep } => {
                let (_, head) = scan(matched, bytes);
                head.map_or(bytes.len(), |end| end.saturating_add(keep).min(bytes.len()))
            }
        }
    }

    /// The cut that remains once these bytes are out.
    fn after(self, bytes: &[u8]) -> Self {
        let left = match self.left {
            Left::Head(left) => Left::Head(left.saturating_sub(bytes.len())),
            Left::Body { matched, keep } => match scan(matched, bytes) {
                (_, Some(end)) => Left::Head(keep.saturating_sub(bytes.len().saturating_sub(end))),
                (matched, None) => Left::Body { matched, keep },
            },
        };
        Self { left, how: self.how }
    }
}

/// Looks for the blank line; answers how much of it is matched at the end, and where the head ended if it did.
fn scan(mut matched: u8, bytes: &[u8]) -> (u8, Option<usize>) {
    for (at, &byte) in bytes.iter().enumerate() {
        matched = match (matched, byte) {
            (0 | 2, b'\r') | (1 | 3, b'\n') => matched + 1,
            (_, b'\r') => 1,
            _ => 0,
        };
        if matched == 4 {
            return (matched, Some(at + 1));
        }
    }
    (matched, None)
}

impl Wire {
    pub(crate) fn new(stream: TcpStream, gate: Arc<Gate>) -> Self {
        Self { stream: TokioIo::new(stream), gate }
    }

    /// Ends once the client has closed: hyper does not look while it has something to write.
    fn poll_client_gone(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let mut byte = [0];
        match ready!(self.stream.inner().poll_peek(cx, &mut tokio::io::ReadBuf::new(&mut byte))) {
            Ok(1..) => Poll::Pending,
            Ok(0) | Err(_) => Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into())),
        }
    }

    fn poll_write_cut(&mut self, cx: &mut Context<'_>, bytes: &[u8], cut: Cut) -> Poll<io::Result<usize>> {
        let allowed = cut.allows(bytes);
        if allowed == 0 && !bytes.is_empty() {
            return match cut.how {
                How::Stall => self.poll_client_gone(cx),
                How::Reset | How::Close => Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into())),
            };
        }
        let written = ready!(Pin::new(&mut self.stream).poll_write(cx, &bytes[..allowed]))?;
        *self.gate.cut.lock().unwrap_or_else(PoisonError::into_inner) = Some(cut.after(&bytes[..written]));
        Poll::Ready(Ok(written))
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        if self.gate.cut().is_some_and(|cut| cut.how == How::Reset) {
            // A socket that cannot be told to linger is gone already.
            let _ = self.stream.inner().set_zero_linger();
        }
    }
}

impl Read for Wire {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl Write for Wire {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.gate.cut() {
            None => Pin::new(&mut self.stream).poll_write(cx, buf),
            Some(cut) => self.poll_write_cut(cx, buf, cut),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.gate.cut() {
            None => Pin::new(&mut self.stream).poll_write_vectored(cx, bufs),
            Some(cut) => {
                let first = bufs.iter().find(|buf| !buf.is_empty()).map_or(&[][..], |buf| buf);
                self.poll_write_cut(cx, first, cut)
            }
        }
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.gate.cut() {
            // A FIN ahead of the RST would make a clean end of it; a stall ends only with its client.
            Some(Cut { how: How::Reset | How::Stall, .. }) => Poll::Ready(Ok(())),
            Some(Cut { how: How::Close, .. }) | None => Pin::new(&mut self.stream).poll_shutdown(cx),
        }
    }
}
