//! When is a document that signers need fetched, as JavaScript asks for it?
//!
//! The core decides; fetching, waiting and the clock are the TypeScript side's.
//!
//! ```text
//! ask → [0, bytes, wall ms, is stale]            have this
//!       [1, address, headers, cap, deadline ms]  fetch it; headers: bytes, "name\nvalue\n…"
//!       [2, deadline ms]                         somebody else fetches it
//!       [3, lines]                               failed (see `fault`)
//! ```

use std::time::Duration;

use hallpass_core::rules::{self, Asked};
use hallpass_core::seed::Seed;
use minicbor::Encoder;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::answers::{Read, arrival, failure};
use crate::fault::{self, misuse, thrown};
use crate::session::{nanos, now};
use crate::wire::{Written, ms, pairs};

/// One document, as long as a program needs it.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Rules(rules::Rules);

#[wasm_bindgen]
impl Rules {
    /// A document at an address that is good for so long; `seed` is 32 bytes of a cryptographic generator, used once.
    #[wasm_bindgen(constructor)]
    pub fn new(address: &str, lifetime_ms: f64, seed: &[u8]) -> Result<Self, JsValue> {
        let seed = Seed::new(seed.try_into().map_err(|_| misuse("a seed has 32 bytes"))?);
        let lifetime = Duration::from_nanos(nanos(lifetime_ms));
        rules::Rules::new(address, lifetime, seed).map(Self).map_err(|error| thrown(&error))
    }

    /// What somebody who asks for it is to do.
    pub fn ask(&mut self, mono_ms: f64, wall_ms: f64) -> Vec<u8> {
        let asked = self.0.ask(now(mono_ms, wall_ms));
        let mut encoder = Encoder::new(Vec::new());
        let _: Written = written(&mut encoder, &asked);
        encoder.into_writer()
    }

    /// Its host answered, and this is the body.
    pub fn whole(&mut self, status: u16, headers: &str, body: Vec<u8>, mono_ms: f64, wall_ms: f64) {
        self.0.fetched(arrival(status, headers, Read::Whole(body)), now(mono_ms, wall_ms));
    }

    /// Its host answered with more than is read.
    #[wasm_bindgen(js_name = overCap)]
    pub fn over_cap(&mut self, status: u16, headers: &str, mono_ms: f64, wall_ms: f64) {
        self.0.fetched(arrival(status, headers, Read::OverCap), now(mono_ms, wall_ms));
    }

    /// Its host did not answer, in one of the ways that [`failures`](crate::failures) lists.
    pub fn failed(&mut self, kind: &str, maybe_sent: bool, detail: String, mono_ms: f64, wall_ms: f64) {
        self.0.fetched(Err(failure(kind, maybe_sent, detail)), now(mono_ms, wall_ms));
    }
}

fn written(to: &mut Encoder<Vec<u8>>, asked: &Asked) -> Written {
    match asked {
        Asked::Have(document) => {
            to.array(4)?.u8(0)?.bytes(&document.bytes)?;
            to.f64(document.fetched.as_millis() as f64)?.bool(document.is_stale)?;
        }
        Asked::Fetch(fetch) => {
            to.array(5)?.u8(1)?.str(&fetch.uri.to_string())?.bytes(&pairs(&fetch.headers))?;
            to.u64(fetch.cap as u64)?.f64(ms(fetch.deadline))?;
        }
        Asked::Wait(until) => {
            to.array(2)?.u8(2)?.f64(ms(*until))?;
        }
        Asked::Failed(error) => {
            to.array(2)?.u8(3)?.str(&fault::text(error))?;
        }
    }
    Ok(())
}
