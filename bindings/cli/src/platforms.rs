//! Which platform is meant: a file, or a name in the configuration folder?

use std::path::{Path, PathBuf};

use hallpass::core::document::nearest;
use hallpass::{Error, Kind, Platform};

use crate::outcome::Failure;
use crate::places::Places;

/// The platform that a word on the command line means.
pub(crate) fn find(word: &str, places: &Places) -> Result<Platform, Failure> {
    match locate(word, places) {
        Some(path) => Ok(Platform::from_file(path)?),
        None => Err(unknown(word, places)),
    }
}

/// The file that a word on the command line means.
pub(crate) fn path_of(word: &str, places: &Places) -> Result<PathBuf, Failure> {
    locate(word, places).ok_or_else(|| unknown(word, places))
}

/// The id under which sessions of a platform are kept; the word itself where it names no file.
pub(crate) fn id_of(word: &str, places: &Places) -> Result<String, Failure> {
    match locate(word, places) {
        Some(path) => Ok(Platform::from_file(path)?.id().to_owned()),
        None if is_path(word) => Err(unknown(word, places)),
        None => Ok(word.to_owned()),
    }
}

fn locate(word: &str, places: &Places) -> Option<PathBuf> {
    if is_path(word) {
        let path = PathBuf::from(word);
        return path.exists().then_some(path);
    }
    let folder = places.platforms();
    EXTENSIONS.iter().map(|extension| folder.join(format!("{word}.{extension}"))).find(|path| path.is_file())
}

/// A word with a slash or a file's ending is a path; any other is a name.
fn is_path(word: &str) -> bool {
    let has_ending = Path::new(word).extension().is_some_and(|it| EXTENSIONS.iter().any(|known| it == *known));
    word.contains(std::path::is_separator) || has_ending
}

/// Every name in the configuration folder, sorted.
fn names(places: &Places) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(places.platforms()) else { return Vec::new() };
    let named = |path: PathBuf| {
        let is_platform = path.extension().is_some_and(|it| EXTENSIONS.iter().any(|known| it == *known));
        is_platform.then(|| path.file_stem()?.to_str().map(str::to_owned))?
    };
    let mut names: Vec<_> = entries.flatten().filter_map(|entry| named(entry.path())).collect();
    names.sort();
    names.dedup();
    names
}

fn unknown(word: &str, places: &Places) -> Failure {
    if is_path(word) {
        return Error::new(Kind::ConfigInvalid, format!("there is no platform file `{word}`")).into();
    }
    let names = names(places);
    let known: Vec<_> = names.iter().map(String::as_str).collect();
    let folder = places.platforms();
    let what = format!("there is no platform `{word}` in {}", folder.display());
    let hint = match (nearest(word, &known), known.is_empty()) {
        (Some(near), _) => format!("did you mean `{near}`?"),
        (None, false) => format!("known are: {}", known.join(", ")),
        (None, true) => format!("write one to {}, or give the path of a file", folder.join(word).display()) + ".toml",
    };
    Failure::from(Error::new(Kind::ConfigInvalid, what)).with_hint(hint)
}

const EXTENSIONS: [&str; 2] = ["toml", "json"];
