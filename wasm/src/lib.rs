//! How does the sans-IO core reach JavaScript? Synchronous functions only: commands and answers in, one buffer of outputs out.
//!
//! **Invariant:** nothing here waits, reads a clock, draws randomness or calls JavaScript; times and the seed are arguments.
//!
//! # What crosses, and how
//!
//! - **In**: plain arguments. A request's or answer's head is one string of lines (`name`, `value`, …), because a string crosses in one
//!   copy whatever is in it; ids and times are doubles, which cross in registers and are exact (ids have 52 bits).
//! - **Out**: [`Session::poll`] drains the machine and answers with one CBOR array of everything it said, written with the encoder
//!   that the core already has for sealed sessions, so it costs next to no size. One buffer per drain means one crossing, nothing
//!   borrowed while JavaScript runs, and a reader of some sixty lines of TypeScript.
//! - **Errors**: thrown as one string of lines (see `fault`), which the TypeScript side makes a `HallpassError`.
//!
//! A panic ends in a trap: the instance is not to be used any more.

mod answers;
mod choices;
mod fault;
mod head;
mod import;
mod keys;
mod limits;
mod platform;
mod question;
mod rota;
mod rules;
mod session;
mod settings;
mod wire;

use hallpass_core::effect::FailureKind;
use hallpass_core::error::Kind;
use wasm_bindgen::prelude::wasm_bindgen;

pub use choices::{Body, Redirect, Repeat};
pub use import::Imported;
pub use keys::Keys;
pub use limits::Limits;
pub use platform::Platform;
pub use rota::Rota;
pub use rules::Rules;
pub use session::Session;
pub use settings::Settings;

/// The release, which the TypeScript side must be of as well.
#[wasm_bindgen]
pub fn version() -> String {
    env!("CARGO_PKG_VERSION").to_owned()
}

/// Every error kind with its fault, as `kind fault` lines.
#[wasm_bindgen]
pub fn kinds() -> String {
    let line = |kind: &Kind| format!("{} {}", kind.as_str(), fault::word(kind.fault()));
    Kind::ALL.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// Every way in which an exchange can fail, as the words that [`Session::failed`] takes, a line each.
#[wasm_bindgen(js_name = failures)]
pub fn failures() -> String {
    FailureKind::ALL.iter().map(|kind| kind.error_kind().as_str()).collect::<Vec<_>>().join("\n")
}

/// The candidate (a line each) that a word is most likely a slip of.
#[wasm_bindgen]
pub fn nearest(word: &str, candidates: &str) -> Option<String> {
    let candidates: Vec<&str> = candidates.lines().collect();
    hallpass_core::document::nearest(word, &candidates).map(str::to_owned)
}
