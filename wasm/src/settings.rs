//! How is a session run?

use std::time::Duration;

use hallpass_core::cookie::PublicSuffixes;
use hallpass_core::machine::{self, KeepCredentials, Leases, Persist};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::fault::thrown;
use crate::keys::Keys;

/// A public suffix list.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Suffixes(PublicSuffixes);

#[wasm_bindgen]
impl Suffixes {
    /// Reads a list, a rule a line, in ASCII.
    pub fn parse(text: &str) -> Result<Self, JsValue> {
        PublicSuffixes::parse(text).map(Self).map_err(|error| thrown(&error))
    }
}

/// What a program decides about a session.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Settings(pub(crate) machine::Settings);

#[wasm_bindgen]
impl Settings {
    /// A session in memory only, by the core's own settings.
    #[wasm_bindgen(constructor)]
    #[expect(clippy::new_without_default, reason = "JavaScript has no `Default`")]
    pub fn new() -> Self {
        Self(machine::Settings::default())
    }

    /// Keeps the session under this namespace, sealed with these keys, in a store with compare-and-set (`cas`) beside one with leases, or
    /// without them.
    pub fn persist(&mut self, keys: &Keys, namespace: String, cas: bool, lease: bool) {
        let leases = Leases::of(cas, lease);
        self.0.persist = Some(Persist { keyring: keys.0.clone(), namespace, leases });
    }

    /// Says that nobody else holds the sessions of this store, so that no leases are needed.
    pub fn alone(&mut self) {
        if let Some(persist) = &mut self.0.persist {
            persist.leases = Leases::NotNeeded;
        }
    }

    /// Lets a rotating token be used although its successor could not be saved.
    #[wasm_bindgen(js_name = renewWithoutStore)]
    pub fn renew_without_store(&mut self) {
        self.0.renew_without_store = true;
    }

    /// Keeps credentials after a sign-in, to sign in again by itself: `never`, `in_memory` or `sealed`. Says whether it knows the word.
    #[wasm_bindgen(js_name = keepCredentials)]
    pub fn keep_credentials(&mut self, choice: &str) -> bool {
        self.0.keep_credentials = match choice {
            "never" => KeepCredentials::Never,
            "in_memory" => KeepCredentials::InMemory,
            "sealed" => KeepCredentials::Sealed,
            _ => return false,
        };
        true
    }

    /// Lets so many calls wait for the session.
    pub fn parked(&mut self, most: u32) {
        self.0.parked = most as usize;
    }

    /// Puts saves of small changes off for so long.
    #[wasm_bindgen(js_name = saveDelay)]
    pub fn save_delay(&mut self, ms: u32) {
        self.0.save_delay = Duration::from_millis(u64::from(ms));
    }

    /// Takes no cookie for these domains from hosts under them.
    #[wasm_bindgen(js_name = publicSuffixes)]
    pub fn public_suffixes(&mut self, list: &Suffixes) {
        self.0.public_suffixes = list.0.clone();
    }

    /// Says that the driver asks the program what a platform asks for.
    pub fn asks(&mut self) {
        self.0.asks = true;
    }

    /// Tells that the program has a signer.
    pub fn signer(&mut self) {
        self.0.signer = true;
    }

    /// Has every step written down.
    pub fn trace(&mut self) {
        self.0.trace = true;
    }
}
