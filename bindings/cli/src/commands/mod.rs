//! The commands about sessions, one file each.

pub(crate) mod fetch;
pub(crate) mod login;
pub(crate) mod logout;
pub(crate) mod sessions;
pub(crate) mod transfer;

use std::io::Write;

use hallpass::{Error, Kind};
use serde_json::Value;

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
