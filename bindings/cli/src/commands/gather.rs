//! What proves the account: an import, named files, the environment, and what a person types.
//!
//! **Invariant:** files are only read; what is told of an import shows no secret.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use hallpass::core::credentials::{Form, Imported};
use hallpass::{Credentials, Error, Kind, Platform, Secret};
use zeroize::Zeroizing;

use crate::args::{Import, Login};
use crate::outcome::Failure;
use crate::{prompt, report};

/// Credentials, complete.
pub(super) struct Gathered {
    pub(super) credentials: Credentials,
    /// What was taken over, where something was.
    pub(super) imported: Option<Imported>,
}

/// Gathers what the platform needs, asking for what is missing where somebody can be asked. A browser comes back to `redirect_uri`
/// unless something else is given.
pub(super) fn gather(wanted: &Login, platform: &Platform, redirect_uri: Option<&str>) -> Result<Gathered, Failure> {
    let imported = import(&wanted.import, platform)?;
    let mut credentials = imported.as_ref().map(|imported| imported.credentials.clone()).unwrap_or_default();
    for (name, secret) in variables(FIELD_VARIABLE)? {
        let name = name.trim_start_matches(FIELD_VARIABLE).to_ascii_lowercase();
        if !name.is_empty() && !secret.expose().is_empty() {
            credentials = credentials.with(name, secret.expose());
        }
    }
    for (name, file) in &wanted.field_file {
        let text = read(file)?;
        credentials = credentials.with(name, text.trim_end_matches(['\r', '\n']));
    }
    if let (Some(here), None) = (redirect_uri, credentials.field(REDIRECT)) {
        credentials = credentials.with(REDIRECT, here);
    }
    if prompt::is_possible() && source(&wanted.import).is_none_or(|file| file != Path::new("-")) {
        let mut names = credentials.missing_fields_for(platform.definition());
        names.sort_by_key(|name| !prompt::is_a_name(name));
        for name in names {
            let typed = prompt::field(&name, &wanted.whose.account)?;
            credentials = credentials.with(name, typed.as_str());
        }
    }
    let missing = credentials.missing_for(platform.definition());
    if missing.is_empty() {
        return Ok(Gathered { credentials, imported });
    }
    if let Some(imported) = imported.as_ref().filter(|_| !wanted.json) {
        tell(imported, platform);
    }
    let what = format!("signing in to `{}` needs {}", platform.id(), missing.join(", "));
    let hint = match credentials.missing_fields_for(platform.definition()).first() {
        Some(name) => format!(
            "nobody is at a terminal to be asked; give it by --field-file {name}=FILE, {FIELD_VARIABLE}{} or --bundle FILE",
            name.to_ascii_uppercase()
        ),
        None => "copy it from a signed-in browser: --curl takes a request copied as cURL, --bundle any other form"
            .to_owned(),
    };
    Err(Failure::from(invalid(what)).with_hint(hint))
}

/// Tells what was taken over, and what was not and why.
pub(super) fn tell(imported: &Imported, platform: &Platform) {
    match &imported.origin {
        Some(origin) => report::remark(&format!("read {} to {origin}", imported.form.as_str())),
        None => report::remark(&format!("read {}", imported.form.as_str())),
    }
    if let Some(origin) = imported.foreign_to(platform.compiled()) {
        report::remark(&format!(
            "warning: {origin} is none of the origins of `{}`; these credentials may be another service's",
            platform.id()
        ));
    }
    let mut reasons: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for left in &imported.left_out {
        reasons.entry(left.why).or_default().push(&left.what);
    }
    for (why, what) in reasons {
        let shown = what.iter().take(SHOWN).copied().collect::<Vec<_>>().join(", ");
        let more = if what.len() > SHOWN { format!(" and {} more", what.len() - SHOWN) } else { String::new() };
        report::remark(&format!("left out, since {why}: {shown}{more}"));
    }
}

/// Reads what is taken over, if something is.
pub(super) fn import(wanted: &Import, platform: &Platform) -> Result<Option<Imported>, Error> {
    if let Some(prefix) = &wanted.env {
        let imported = Credentials::from_env(prefix, &variables_of(prefix)?)?;
        if imported.credentials == Credentials::default() {
            return Err(invalid(format!("no variable in the environment begins with {prefix}_ and holds something")));
        }
        return Ok(Some(imported));
    }
    let Some(file) = source(wanted) else { return Ok(None) };
    let text = read(file)?;
    let (platform, now) = (platform.compiled(), report::now());
    let form = match wanted {
        Import { curl: Some(_), .. } => Some(Form::Curl),
        Import { cookies: Some(_), .. } => Some(Form::CookiesTxt),
        Import { har: Some(_), .. } => Some(Form::Har),
        Import { .. } => None,
    };
    let read = match form {
        Some(Form::Curl) => Credentials::from_curl(&text, platform),
        Some(Form::CookiesTxt) => Credentials::from_cookies_txt(&text, platform, now),
        Some(Form::Har) => Credentials::from_har(&text, platform),
        Some(_) | None => Credentials::import(&text, platform, now),
    };
    let name = if file == Path::new("-") { "standard input".to_owned() } else { file.display().to_string() };
    read.map(Some).map_err(|error| invalid(format!("{name}: {}", error.detail())))
}

/// The file that is imported, if one is.
fn source(wanted: &Import) -> Option<&Path> {
    let Import { bundle, curl, cookies, har, env: _ } = wanted;
    [bundle, curl, cookies, har].into_iter().flatten().map(AsRef::as_ref).next()
}

/// The variables with a prefix, and for those that end in `_FILE` what their file holds.
fn variables_of(prefix: &str) -> Result<Vec<(String, Secret)>, Error> {
    let mut found = variables(&format!("{prefix}_"))?;
    for (name, secret) in &mut found {
        let Some(of) = name.strip_suffix("_FILE").filter(|of| of.len() > prefix.len()) else { continue };
        let text = std::fs::read_to_string(secret.expose()).map(Zeroizing::new);
        // The path may be a secret that was meant for elsewhere.
        let text = text.map_err(|error| invalid(format!("the file that {name} names cannot be read: {error}")))?;
        (*name, *secret) = (of.to_owned(), Secret::new(text.as_str()));
    }
    Ok(found)
}

fn variables(start: &str) -> Result<Vec<(String, Secret)>, Error> {
    let mut found = Vec::new();
    for (name, value) in std::env::vars_os() {
        let Some(name) = name.to_str().filter(|name| name.starts_with(start)) else { continue };
        let value = value.to_str().ok_or_else(|| invalid(format!("{name} is not text")))?;
        found.push((name.to_owned(), Secret::new(value)));
    }
    found.sort_by(|(a, _), (b, _)| a.cmp(b));
    Ok(found)
}

/// Reads a file, or standard input where it is `-`.
pub(super) fn read(file: &Path) -> Result<Zeroizing<String>, Error> {
    let mut text = Zeroizing::new(String::new());
    let (name, read) = if file == Path::new("-") {
        ("standard input".to_owned(), std::io::stdin().lock().read_to_string(&mut text))
    } else {
        (file.display().to_string(), std::fs::File::open(file).and_then(|mut file| file.read_to_string(&mut text)))
    };
    read.map_err(|error| invalid(format!("{name} cannot be read: {error}")))?;
    Ok(text)
}

fn invalid(what: String) -> Error {
    Error::new(Kind::CredentialsInvalid, what)
}

/// What the names of environment variables with credentials begin with.
const FIELD_VARIABLE: &str = "HALLPASS_FIELD_";
/// The field that says where a browser comes back to.
pub(super) const REDIRECT: &str = "redirect_uri";
/// How many names of one reason are told.
const SHOWN: usize = 12;
