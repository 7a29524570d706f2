//! How do credentials that a person pasted get into a session? They are read here and stay here: only a report of names crosses back.

use std::fmt::Display;

use hallpass_core::credentials::{Credentials, Imported as Core, Secret};
use hallpass_core::time::Wall;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::fault::thrown;
use crate::platform::Platform;
use crate::session::{Session, name, now};

/// What an import understood.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Imported {
    read: Core,
    missing: Vec<String>,
    foreign: Option<String>,
}

#[wasm_bindgen]
impl Imported {
    /// Reads credentials in whichever form they are.
    pub fn read(text: &str, platform: &Platform, wall_ms: f64) -> Result<Self, JsValue> {
        let imported = Credentials::import(text, &platform.0, Wall::from_millis(wall_ms as i64));
        imported.map(|imported| Self::of(imported, platform)).map_err(|error| thrown(&error))
    }

    /// Reads environment variables with a prefix: names and values in turn.
    pub fn environment(prefix: &str, pairs: Vec<String>, platform: &Platform) -> Result<Self, JsValue> {
        let mut pairs = pairs.into_iter();
        let mut variables = Vec::new();
        while let (Some(name), Some(value)) = (pairs.next(), pairs.next()) {
            variables.push((name, Secret::new(value)));
        }
        let imported = Credentials::from_env(prefix, &variables);
        imported.map(|imported| Self::of(imported, platform)).map_err(|error| thrown(&error))
    }

    /// The form that it was in.
    #[wasm_bindgen(getter)]
    pub fn form(&self) -> String {
        self.read.form.as_str().to_owned()
    }

    /// What was understood, a line each, without the secrets.
    #[wasm_bindgen(getter)]
    pub fn summary(&self) -> Vec<String> {
        self.read.credentials.summary()
    }

    /// What was left out, and why, a line each.
    #[wasm_bindgen(getter, js_name = leftOut)]
    pub fn left_out(&self) -> Vec<String> {
        lines(&self.read.left_out)
    }

    /// What the platform's recipe still needs, a line each.
    #[wasm_bindgen(getter)]
    pub fn missing(&self) -> Vec<String> {
        self.missing.clone()
    }

    /// The origin that the request went to, where that is none of the platform's.
    #[wasm_bindgen(getter)]
    pub fn foreign(&self) -> Option<String> {
        self.foreign.clone()
    }
}

impl Imported {
    fn of(imported: Core, platform: &Platform) -> Self {
        let missing = imported.credentials.missing_for(platform.0.platform());
        let foreign = imported.foreign_to(&platform.0).map(ToString::to_string);
        Self { read: imported, missing, foreign }
    }
}

#[wasm_bindgen]
impl Session {
    /// Signs in with what was imported.
    #[wasm_bindgen(js_name = signInImported)]
    pub fn sign_in_imported(&mut self, imported: &Imported, mono_ms: f64, wall_ms: f64) -> f64 {
        let credentials = imported.read.credentials.clone();
        name(self.machine.sign_in(credentials, now(mono_ms, wall_ms)))
    }
}

fn lines(all: &[impl Display]) -> Vec<String> {
    all.iter().map(ToString::to_string).collect()
}
