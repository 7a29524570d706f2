//! The effects that are neither exchanges nor signatures nor questions: store, lease, permits, cache.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};

use super::kinds::{CacheLoadKind, CacheStoreKind, LeaseKind, LoadKind, PermitKind, ReleaseKind, RemoveKind, SaveKind};
use super::ticket::{CallId, Ticket};
use crate::store::{Expected, Expiry, LeaseNumber, RecordKey};
use crate::time::{Mono, Wall};

/// Load the record under a key.
#[derive(Debug)]
pub struct Load {
    /// The right to answer.
    pub ticket: Ticket<LoadKind>,
    /// When the core goes on without an answer.
    pub deadline: Mono,
    /// Which record.
    pub key: RecordKey,
}

/// Save a sealed record, if the store holds what is expected.
pub struct Save {
    /// The right to answer.
    pub ticket: Ticket<SaveKind>,
    /// When the core goes on without an answer.
    pub deadline: Mono,
    /// Which record.
    pub key: RecordKey,
    /// The envelope.
    pub sealed: Vec<u8>,
    /// What the store must hold for the save to happen.
    pub expected: Expected,
    /// When the record ends by itself.
    pub expiry: Expiry,
}

/// Take the right, for a while, to start a renewal.
#[derive(Debug)]
pub struct Lease {
    /// The right to answer.
    pub ticket: Ticket<LeaseKind>,
    /// When the core goes on without an answer.
    pub deadline: Mono,
    /// The record that the renewal is about.
    pub key: RecordKey,
    /// For how long.
    pub hold: Duration,
}

/// Let a lease go before its end, if it is still this one. Nobody waits long for the answer: an end that is not told is reached by itself.
#[derive(Debug)]
pub struct Release {
    /// The right to answer.
    pub ticket: Ticket<ReleaseKind>,
    /// When the core goes on without an answer.
    pub deadline: Mono,
    /// The record that the lease is of.
    pub key: RecordKey,
    /// Which lease.
    pub number: LeaseNumber,
}

/// Remove the record under a key.
#[derive(Debug)]
pub struct Remove {
    /// The right to answer.
    pub ticket: Ticket<RemoveKind>,
    /// When the core goes on without an answer.
    pub deadline: Mono,
    /// Which record.
    pub key: RecordKey,
}

/// Ask the limits that sessions share; a driver may answer at once.
#[derive(Debug)]
pub struct Permit {
    /// The right to answer.
    pub ticket: Ticket<PermitKind>,
    /// The call that wants to go on.
    pub call: CallId,
    /// When the core goes on without an answer.
    pub deadline: Mono,
    /// The origin it is about, as `scheme://host:port`.
    pub origin: String,
    /// Attempts to this origin that succeeded since this session asked last.
    pub successes: u32,
}

/// What the shared limits say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PermitAnswer {
    /// Go on.
    Granted,
    /// Do not: the origin's retry budget is spent.
    Denied,
}

/// Look up a cached response.
#[derive(Debug)]
pub struct CacheLoad {
    /// The right to answer.
    pub ticket: Ticket<CacheLoadKind>,
    /// The call that asks.
    pub call: CallId,
    /// When the core goes on without an answer.
    pub deadline: Mono,
    /// The cache key.
    pub key: [u8; 32],
}

/// Keep a response.
#[derive(Debug)]
pub struct CacheStore {
    /// The right to answer.
    pub ticket: Ticket<CacheStoreKind>,
    /// The call whose answer it is.
    pub call: CallId,
    /// When the core goes on without an answer.
    pub deadline: Mono,
    /// The cache key.
    pub key: [u8; 32],
    /// When it ends.
    pub expiry: Expiry,
}

/// A cached response.
#[derive(Clone, Debug)]
pub struct Cached {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its decoded body.
    pub body: Bytes,
    /// When it was received.
    pub received: Wall,
}

/// The program would not, or could not, answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Declined {
    /// Why; never a secret.
    pub why: String,
}

impl Declined {
    /// For this reason, which is never a secret.
    pub fn new(why: impl Into<String>) -> Self {
        Self { why: why.into() }
    }
}

impl fmt::Debug for Save {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Save")
            .field("ticket", &self.ticket)
            .field("key", &self.key)
            .field("bytes", &self.sealed.len())
            .field("expected", &self.expected)
            .finish_non_exhaustive()
    }
}
