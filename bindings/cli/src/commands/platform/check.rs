//! `hallpass platform check`: can this file be used, and is it what was meant?

use std::path::Path;

use hallpass::core::document::{Duplicates, json, toml};
use hallpass::core::platform::Platform;
use hallpass::{Error, Kind};
use serde_json::json;

use super::{describe, remarks};
use crate::args::CheckFile;
use crate::outcome::{Exit, Failure};
use crate::places::Places;
use crate::{commands, platforms};

pub(super) fn run(wanted: &CheckFile) -> Result<Exit, Failure> {
    let path = platforms::path_of(&wanted.platform, &Places::find()?)?;
    let invalid = |what: String| Error::new(Kind::PlatformInvalid, format!("{}: {what}", path.display()));
    let text = std::fs::read_to_string(&path).map_err(|error| invalid(format!("cannot be read: {error}")))?;
    let is_json = Path::new(&path).extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json"));
    let platform = if is_json { Platform::from_json(&text) } else { Platform::from_toml(&text) };
    let platform = platform.map_err(|error| {
        let failure = Failure::from(invalid(error.detail().to_owned()));
        match describe::named_in(error.detail()) {
            Some(explained) => failure.with_hint(explained),
            None => failure,
        }
    })?;
    let file = if is_json { json::read_with(text.as_bytes(), Duplicates::Refused) } else { toml::read(&text) };
    let found = file.map(|file| remarks::about(&platform, &file)).unwrap_or_default();
    if wanted.json {
        let remarks = found.iter().map(|it| json!({ "key": it.key, "line": it.line, "what": it.what }));
        commands::say_json(&json!({
            "file": path, "id": platform.id, "valid": true, "remarks": remarks.collect::<Vec<_>>(),
        }))?;
        return Ok(Exit::Served);
    }
    for remark in &found {
        commands::say(&format!("{}: line {}: `{}` {}", path.display(), remark.line, remark.key, remark.what))?;
    }
    let with = match found.len() {
        0 => String::new(),
        1 => ", with 1 remark".to_owned(),
        count => format!(", with {count} remarks"),
    };
    commands::say(&format!("{} can be used: platform `{}`{with}", path.display(), platform.id))?;
    Ok(Exit::Served)
}
