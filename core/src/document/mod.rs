//! JSON and TOML documents as trees that remember where each value was written, so that errors can say it.
//!
//! One reader for platform files, credentials and answers of platforms: [`json`] always, `toml` (feature `toml`) into the same
//! [`Node`], pointers (RFC 6901) over it, and [`de`] from it to types, with errors that name key, line and the nearest valid key.

pub mod de;
pub mod json;
mod nearest;
mod node;
mod pointer;
#[cfg(feature = "toml")]
pub mod toml;

use std::borrow::Cow;
use std::fmt;

pub use json::Duplicates;
pub use nearest::nearest;
pub use node::{Key, Node, Value};
pub use pointer::is_pointer;

/// Why bytes are not a document, and where; never shows a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadError {
    /// The line, from 1.
    pub line: u32,
    /// The character in it, from 1.
    pub column: u32,
    /// What is wrong there.
    pub what: Cow<'static, str>,
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: {}", self.line, self.column, self.what)
    }
}

impl std::error::Error for ReadError {}

/// Line and column (both from 1, columns in characters) of the byte at `offset`.
fn position(text: &str, offset: usize) -> (u32, u32) {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.bytes().filter(|&byte| byte == b'\n').count() + 1;
    let column = before.chars().rev().take_while(|&c| c != '\n').count() + 1;
    (line as u32, column as u32)
}

/// How deep lists and objects may be nested.
const DEPTH: u32 = 64;
