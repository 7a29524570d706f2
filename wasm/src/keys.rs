//! Which keys does a program have?

use std::sync::Arc;

use hallpass_core::envelope::{self, Keyring};
use hallpass_core::error::{Error, Kind};
use hallpass_core::store::RecordKey;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::fault::{misuse, thrown};

/// The keys that seal and open sessions.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Keys(pub(crate) Arc<Keyring>);

#[wasm_bindgen]
impl Keys {
    /// Reads `id:base64,…`, the first being the primary.
    pub fn parse(text: &str) -> Result<Self, JsValue> {
        Keyring::parse(text).map(|keyring| Self(Arc::new(keyring))).map_err(|error| thrown(&error))
    }

    /// A new key of that id, as `id:base64`; `secret` must come from a cryptographic generator.
    pub fn render(id: &str, secret: &[u8]) -> Result<String, JsValue> {
        let secret = secret.try_into().map_err(|_| thrown(&Error::new(Kind::KeyInvalid, "a key has 32 bytes")))?;
        Keyring::render_key(id, secret).map(|text| text.as_str().to_owned()).map_err(|error| thrown(&error))
    }

    /// Opens a sealed record that was stored under an encoded logical key.
    pub fn open(&self, key: &[u8], sealed: &[u8]) -> Result<Vec<u8>, JsValue> {
        let key = RecordKey::decode(key).ok_or_else(|| misuse("this is no logical key"))?;
        envelope::open(&self.0, &key, sealed)
            .map(|opened| opened.plaintext.as_slice().to_vec())
            .map_err(|error| thrown(&error))
    }
}
