//! What can be said about a call beyond its head?
#![expect(clippy::float_cmp, reason = "wasm-bindgen compares what JavaScript passes with each number that it knows")]

use std::time::Duration;

use hallpass_core::machine::{self, CallOptions, Repeatable};
use wasm_bindgen::prelude::wasm_bindgen;

/// Whether a call has a body, and whether it can be sent again.
#[wasm_bindgen]
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "each is the core's of the same name")]
pub enum Body {
    Empty,
    Replayable,
    Once,
}

/// What happens on a redirect.
#[wasm_bindgen]
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "each is the core's of the same name")]
pub enum Redirect {
    Follow,
    Manual,
    Refuse,
}

/// Whether a call may be repeated after bytes may have reached the server.
#[wasm_bindgen]
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "each is the core's of the same name; `ByMethod` is none of them")]
pub enum Repeat {
    ByMethod,
    Yes,
    No,
}

impl Body {
    pub(crate) fn told(self) -> machine::Body {
        match self {
            Self::Empty => machine::Body::Empty,
            Self::Replayable => machine::Body::Replayable,
            Self::Once => machine::Body::Once,
        }
    }
}

/// The core's form of what a call may differ in.
pub(crate) fn options(timeout: Option<Duration>, redirect: Redirect, repeat: Repeat) -> CallOptions {
    CallOptions {
        timeout,
        repeat: match repeat {
            Repeat::ByMethod => None,
            Repeat::Yes => Some(Repeatable::Yes),
            Repeat::No => Some(Repeatable::No),
        },
        redirect: match redirect {
            Redirect::Follow => machine::Redirect::Follow,
            Redirect::Manual => machine::Redirect::Manual,
            Redirect::Refuse => machine::Redirect::Refuse,
        },
    }
}
