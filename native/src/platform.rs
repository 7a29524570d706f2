//! A platform as programs hold it: checked once, shared by all its sessions.

use std::path::Path;
use std::sync::Arc;

use hallpass_core::error::{Error, Kind};
use hallpass_core::platform::{self, Compiled};

/// A service that accounts sign in to. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Platform {
    pub(crate) compiled: Arc<Compiled>,
}

impl Platform {
    /// Reads a platform written as TOML.
    ///
    /// # Errors
    ///
    /// `platform_invalid` with the line and the key at fault.
    pub fn from_toml(text: &str) -> Result<Self, Error> {
        Self::new(platform::Platform::from_toml(text)?)
    }

    /// Reads a platform written as JSON.
    ///
    /// # Errors
    ///
    /// `platform_invalid` with the line and the key at fault.
    pub fn from_json(text: &str) -> Result<Self, Error> {
        Self::new(platform::Platform::from_json(text)?)
    }

    /// Reads a platform file: JSON if its name ends in `.json`, TOML otherwise.
    ///
    /// # Errors
    ///
    /// `platform_invalid` with the file, the line and the key at fault.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let within =
            |error: &Error| Error::new(Kind::PlatformInvalid, format!("{}: {}", path.display(), error.detail()));
        let text = std::fs::read_to_string(path).map_err(|error| {
            Error::new(Kind::PlatformInvalid, format!("{} cannot be read: {error}", path.display()))
        })?;
        let is_json = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json"));
        let read = if is_json { Self::from_json(&text) } else { Self::from_toml(&text) };
        read.map_err(|error| within(&error))
    }

    /// Takes a platform that a program put together.
    ///
    /// # Errors
    ///
    /// `platform_invalid` with the key at fault.
    pub fn new(platform: platform::Platform) -> Result<Self, Error> {
        Ok(Self { compiled: Arc::new(Compiled::new(platform)?) })
    }

    /// Its stable name.
    pub fn id(&self) -> &str {
        &self.compiled.platform().id
    }

    /// The platform as it was checked: its addresses resolved, its origins known.
    pub fn compiled(&self) -> &Compiled {
        &self.compiled
    }

    /// The platform as it was written.
    pub fn definition(&self) -> &platform::Platform {
        self.compiled.platform()
    }
}
