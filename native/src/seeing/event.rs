//! What happened to which session, as programs read it and as it is written down.
//!
//! **Invariant:** an event holds names, numbers and times; never a secret, an address or a body.

use std::sync::Arc;

use hallpass_core::machine::Notice;
use hallpass_core::time::Wall;
use serde::ser::{Serialize, SerializeMap, Serializer};

/// Something that happened to a session.
///
/// It is serialized flat, under the names that the npm package uses as well: `at` (unix milliseconds), `platform`, `account`,
/// `generation`, `type` ([`Notice::name`]) and, where they apply, `version`, `delay` (milliseconds), `until` (unix milliseconds),
/// `status` and `kind` (of an error).
///
/// ```
/// # use hallpass::Event;
/// fn write_down(event: &Event) -> String {
///     format!("{} {}@{}: {}", event.at, event.account, event.platform, event.kind.name())
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Event {
    /// When.
    pub at: Wall,
    /// The platform's id.
    pub platform: Arc<str>,
    /// The account's name.
    pub account: Arc<str>,
    /// The generation that it is about; where it is about none, the session's present one.
    pub generation: u64,
    /// What happened.
    pub kind: Notice,
}

impl Serialize for Event {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(None)?;
        map.serialize_entry("at", &self.at.as_millis())?;
        map.serialize_entry("platform", &*self.platform)?;
        map.serialize_entry("account", &*self.account)?;
        map.serialize_entry("generation", &self.generation)?;
        map.serialize_entry("type", self.kind.name())?;
        match &self.kind {
            Notice::BundleDrift(header) => map.serialize_entry("header", header.as_str())?,
            Notice::Saved(version) => map.serialize_entry("version", &version.0)?,
            Notice::Retried(_, delay, _) => map.serialize_entry("delay", &millis(*delay))?,
            Notice::Throttled { status, wait, until, .. } => {
                map.serialize_entry("status", &status.as_u16())?;
                if let (Some(wait), Some(until)) = (wait, until) {
                    map.serialize_entry("delay", &millis(*wait))?;
                    map.serialize_entry("until", &until.as_millis())?;
                }
            }
            _ => {}
        }
        if let Some(kind) = self.kind.kind() {
            map.serialize_entry("kind", kind.as_str())?;
        }
        map.end()
    }
}

fn millis(wait: std::time::Duration) -> u64 {
    u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)
}
