//! What runs inside Redis? One script for each operation, so that each is atomic and one round trip.
//!
//! **Invariant:** a script names every key it touches, and all of them hash to one slot. A server that has forgotten a script, as
//! after `SCRIPT FLUSH` or a failover, is given its text.

use std::fmt::Write;

use redis::{Cmd, ErrorKind, RedisError, ServerErrorKind};
use sha1::{Digest, Sha1};

/// A script and the name by which servers remember it.
#[derive(Debug)]
pub(super) struct Script {
    text: &'static str,
    digest: String,
}

/// The scripts of a store.
#[derive(Debug)]
pub(super) struct Scripts {
    pub(super) load: Script,
    pub(super) touch: Script,
    pub(super) expiry: Script,
    pub(super) save: Script,
    pub(super) remove: Script,
    pub(super) lease: Script,
    pub(super) release: Script,
}

impl Scripts {
    pub(super) fn new() -> Self {
        Self {
            load: Script::new(include_str!("load.lua")),
            touch: Script::new(include_str!("touch.lua")),
            expiry: Script::new(include_str!("expiry.lua")),
            save: Script::new(include_str!("save.lua")),
            remove: Script::new(include_str!("remove.lua")),
            lease: Script::new(include_str!("lease.lua")),
            release: Script::new(include_str!("release.lua")),
        }
    }
}

impl Script {
    fn new(text: &'static str) -> Self {
        let digest = Sha1::digest(text.as_bytes()).iter().fold(String::with_capacity(40), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        });
        Self { text, digest }
    }

    /// The call by the name that a server remembers.
    pub(super) fn by_digest(&self, key: &str, arguments: &[&[u8]]) -> Cmd {
        Self::command("EVALSHA", &self.digest, key, arguments)
    }

    /// The call with the whole text, which the server then remembers.
    pub(super) fn by_text(&self, key: &str, arguments: &[&[u8]]) -> Cmd {
        Self::command("EVAL", self.text, key, arguments)
    }

    fn command(name: &str, script: &str, key: &str, arguments: &[&[u8]]) -> Cmd {
        let length = arguments.iter().map(|argument| argument.len()).sum::<usize>();
        let mut command = Cmd::with_capacity(4 + arguments.len(), script.len() + key.len() + length + 16);
        command.arg(name).arg(script).arg(1).arg(key);
        for argument in arguments {
            command.arg(*argument);
        }
        command
    }
}

/// Whether a server says that it does not know the script.
pub(super) fn is_forgotten(error: &RedisError) -> bool {
    error.kind() == ErrorKind::Server(ServerErrorKind::NoScript)
}
