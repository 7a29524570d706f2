//! Which platform is meant?

use std::sync::Arc;

use hallpass_core::platform::{self, Compiled};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::fault::thrown;

/// A platform that was checked and made ready.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Platform(pub(crate) Arc<Compiled>);

#[wasm_bindgen]
impl Platform {
    /// Reads and checks a platform written as JSON.
    pub fn parse(json: &str) -> Result<Self, JsValue> {
        let compiled = platform::Platform::from_json(json).and_then(Compiled::new);
        compiled.map(|compiled| Self(Arc::new(compiled))).map_err(|error| thrown(&error))
    }

    /// Its stable name.
    #[wasm_bindgen(getter)]
    pub fn id(&self) -> String {
        self.0.platform().id.clone()
    }

    /// The absolute form of an address.
    pub fn resolve(&self, reference: &str) -> Result<String, JsValue> {
        self.0.resolve(reference).map(|uri| uri.to_string()).map_err(|error| thrown(&error))
    }
}
