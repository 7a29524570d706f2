//! From a platform file to a [`Platform`], with errors that say where the file is wrong and what could stand there.

use crate::document::{Duplicates, Node, ReadError, de, json};
use crate::error::{Error, Kind};

use super::Platform;

impl Platform {
    /// Reads and checks a platform written as JSON.
    ///
    /// # Errors
    ///
    /// [`Kind::PlatformInvalid`] with the line and the key at fault.
    pub fn from_json(text: &str) -> Result<Self, Error> {
        checked(json::read_with(text.as_bytes(), Duplicates::Refused))
    }

    /// Reads and checks a platform written as TOML.
    ///
    /// # Errors
    ///
    /// [`Kind::PlatformInvalid`] with the line and the key at fault.
    #[cfg(feature = "toml")]
    pub fn from_toml(text: &str) -> Result<Self, Error> {
        checked(crate::document::toml::read(text))
    }

    /// Checks a platform that a program put together itself; one that was read from a file has been checked.
    ///
    /// # Errors
    ///
    /// [`Kind::PlatformInvalid`] with the key at fault and what it can be.
    pub fn check(&self) -> Result<(), Error> {
        self.find_fault().map_err(|fault| invalid(fault.to_string()))
    }
}

fn checked(read: Result<Node, ReadError>) -> Result<Platform, Error> {
    let node = read.map_err(|error| invalid(error.to_string()))?;
    let platform: Platform = de::from_node(&node).map_err(|error| invalid(error.to_string()))?;
    match platform.find_fault() {
        Ok(()) => Ok(platform),
        Err(fault) => Err(invalid(format!("line {}: {fault}", line(&node, &fault.path)))),
    }
}

fn invalid(detail: String) -> Error {
    Error::new(Kind::PlatformInvalid, detail)
}

/// The line of the value at a path such as `refused.bodies[0].cap`, or of what is there of it.
fn line(node: &Node, path: &str) -> u32 {
    let mut found = node;
    for step in path.split(['.', '[']) {
        let next = match step.strip_suffix(']') {
            Some(index) => found.pointer(&format!("/{index}")),
            None => found.member(step),
        };
        let Some(next) = next else { break };
        found = next;
    }
    found.line
}

#[cfg(test)]
mod tests;
