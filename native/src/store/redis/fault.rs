//! What does a failure of Redis mean: is the record damaged, is the server away, and may the same be asked again?
//!
//! **Invariant:** no failure reads as absence, and every message says what to do; none holds a password.

use redis::{ErrorKind, RedisError, ServerErrorKind};

use crate::store::StoreError;

/// A failure, and what follows for the connection it came by.
#[derive(Clone, Debug)]
pub(super) struct Fault {
    pub(super) error: StoreError,
    pub(super) then: Then,
}

/// What to do about a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Then {
    /// The server has answered: the connection is good, and asking again at once would change nothing.
    Report,
    /// Nothing was done: by another connection it may be.
    Elsewhere,
    /// The connection broke: what was asked was done or not.
    Broken,
    /// No answer in time; several in a row mean that the connection or the server is dead.
    Silent,
}

impl Fault {
    pub(super) fn new(then: Then, what: impl Into<String>) -> Self {
        Self { error: StoreError::Unavailable(what.into()), then }
    }

    pub(super) fn damaged(what: impl Into<String>) -> Self {
        Self { error: StoreError::Damaged(what.into()), then: Then::Report }
    }

    /// Reads what the client library says.
    pub(super) fn read(error: &RedisError) -> Self {
        if error.is_timeout() {
            return Self::new(Then::Silent, "Redis did not answer in time; it is busy, paused or out of reach");
        }
        let said = format!("{}{}", error.code().unwrap_or_default(), error.detail().map_or(String::new(), spaced));
        match error.kind() {
            ErrorKind::Io | ErrorKind::ClusterConnectionNotFound => {
                Self::new(Then::Broken, format!("no connection to Redis: {error}"))
            }
            ErrorKind::AuthenticationFailed => refused(error.detail().unwrap_or("no reason")),
            ErrorKind::Server(kind) => server(kind, &said),
            _ => by_code(error.code().unwrap_or_default(), &said, error),
        }
    }
}

fn server(kind: ServerErrorKind, said: &str) -> Fault {
    match kind {
        ServerErrorKind::ReadOnly => {
            Fault::new(Then::Elsewhere, format!("this Redis is a replica now and takes no writes: {said}"))
        }
        ServerErrorKind::MasterDown => {
            Fault::new(Then::Elsewhere, format!("this Redis is a replica without its master: {said}"))
        }
        ServerErrorKind::BusyLoading => {
            Fault::new(Then::Report, format!("Redis is reading its data set from disk; try again shortly: {said}"))
        }
        ServerErrorKind::ClusterDown => {
            Fault::new(Then::Report, format!("the cluster does not serve all slots; see `CLUSTER INFO`: {said}"))
        }
        ServerErrorKind::NoPerm => Fault::new(
            Then::Report,
            format!("this Redis user lacks a permission; docs/redis-store.md lists the commands: {said}"),
        ),
        // A script that failed says what failed in its text.
        _ => by_text(said),
    }
}

fn by_code(code: &str, said: &str, error: &RedisError) -> Fault {
    match code {
        "NOAUTH" | "WRONGPASS" => refused(said),
        "BUSY" => Fault::new(
            Then::Report,
            format!("Redis is held up by a script that does not end; `SCRIPT KILL` ends it: {said}"),
        ),
        "MISCONF" => Fault::new(
            Then::Report,
            format!("Redis takes no writes because it cannot save to disk; see its log: {said}"),
        ),
        "NOREPLICAS" => {
            Fault::new(Then::Report, format!("Redis takes no writes because it has too few replicas: {said}"))
        }
        "" => Fault::new(Then::Report, format!("Redis answered with what this store does not read: {error}")),
        _ => by_text(said),
    }
}

/// Older servers hide a command's error in the text of the script's.
fn by_text(said: &str) -> Fault {
    if said.contains("WRONGTYPE") {
        return Fault::damaged("the key holds another type of value; something else writes under this prefix");
    }
    if said.contains("OOM ") {
        return Fault::new(
            Then::Report,
            format!("Redis has no memory left; raise `maxmemory` (with `noeviction`) or make room: {said}"),
        );
    }
    if said.contains("READONLY") {
        return Fault::new(Then::Elsewhere, format!("this Redis is a replica now and takes no writes: {said}"));
    }
    Fault::new(Then::Report, format!("Redis refused: {said}"))
}

fn refused(said: &str) -> Fault {
    Fault::new(Then::Elsewhere, format!("Redis refused to let this user in; check the username and password: {said}"))
}

fn spaced(detail: &str) -> String {
    format!(" {detail}")
}
