//! Where do things live? The folders of the XDG base directory specification.

use std::path::PathBuf;

use etcetera::BaseStrategy;
use etcetera::base_strategy::Xdg;
use hallpass::{Error, Kind};

/// The user's folders.
#[derive(Debug)]
pub(crate) struct Places {
    config: PathBuf,
    data: PathBuf,
}

impl Places {
    /// From `XDG_CONFIG_HOME`, `XDG_DATA_HOME` and `HOME`.
    pub(crate) fn find() -> Result<Self, Error> {
        let xdg = Xdg::new().map_err(|error| {
            let what =
                format!("the home folder is not known ({error}); set HOME, or XDG_CONFIG_HOME and XDG_DATA_HOME");
            Error::new(Kind::ConfigInvalid, what)
        })?;
        Ok(Self { config: xdg.config_dir().join("hallpass"), data: xdg.data_dir().join("hallpass") })
    }

    /// Platform files that have a name.
    pub(crate) fn platforms(&self) -> PathBuf {
        self.config.join("platforms")
    }

    /// The key that the first login makes: not in the data folder, so that a copy of the sessions comes without it.
    pub(crate) fn key_file(&self) -> PathBuf {
        self.config.join("key")
    }

    /// The store of sessions.
    pub(crate) fn sessions(&self) -> PathBuf {
        self.data.join("sessions")
    }
}
