//! The commands, one file each, and how they write their results.

pub(crate) mod check;
pub(crate) mod completions;
pub(crate) mod export;
pub(crate) mod exported;
pub(crate) mod fetch;
pub(crate) mod gather;
pub(crate) mod import_redis;
pub(crate) mod keys;
pub(crate) mod login;
pub(crate) mod logout;
pub(crate) mod platform;
mod redis;
pub(crate) mod refresh;
pub(crate) mod sessions;
pub(crate) mod transfer;

use std::io::Write;

use hallpass::core::credentials::Drift;
use hallpass::{Error, Kind};
use serde_json::{Value, json};

use crate::outcome::{Exit, Failure};

/// Writes a line of a command's result to standard output; a reader that has gone is no error.
pub(crate) fn say(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(unwritable("standard output", &error)),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Writes a result as JSON.
pub(crate) fn say_json(value: &Value) -> Result<(), Failure> {
    say(&format!("{value:#}"))
}

/// A drift as JSON.
pub(crate) fn drift_as_json(drift: &Drift) -> Value {
    json!({ "changed": drift.changed, "appeared": drift.appeared, "vanished": drift.vanished })
}

/// The failure of output that cannot be written.
pub(crate) fn unwritable(what: &str, error: &std::io::Error) -> Failure {
    Failure::from(Error::new(Kind::ConfigInvalid, format!("writing {what}: {error}"))).with_exit(Exit::Other)
}

/// Ends when the person interrupts.
pub(crate) async fn interrupted() {
    if tokio::signal::ctrl_c().await.is_err() {
        // Without a handler an interruption ends the process by itself.
        std::future::pending::<()>().await;
    }
}
