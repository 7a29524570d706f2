//! `hallpass login`: what proves the account, and is it proven?
//!
//! **Invariant:** nothing is sent before the store, the key and the record that may already be there are known to be fit; a
//! bundle's file is only read; secrets are shown nowhere.

use std::io::Read;
use std::path::Path;

use hallpass::core::time::Wall;
use hallpass::store::RecordKey;
use hallpass::{Credentials, Error, Kind, Platform, Session};
use serde_json::json;
use zeroize::Zeroizing;

use crate::args::{Common, Login};
use crate::outcome::{Exit, Failure};
use crate::places::Places;
use crate::vault::{NAMESPACE, Tells, Vault};
use crate::{platforms, prompt, report};

pub(crate) async fn run(common: &Common, wanted: Login) -> Result<Exit, Failure> {
    let places = Places::find()?;
    let (word, account) = (&wanted.whose.platform, &wanted.whose.account);
    let platform = platforms::find(word, &places)?;
    let credentials = gather(&wanted, &platform)?;
    let about = |error| Failure::about(error, word, account);
    let vault = Vault::open(common, &places)?;
    let keyring = vault.keyring_or_new().await.map_err(about)?;
    let key = RecordKey::session(NAMESPACE, platform.id(), account);
    if let Some(saved) = vault.glance(&key, &keyring).await.map_err(about)? {
        saved.suits(platform.compiled()).map_err(about)?;
    }
    if !wanted.json {
        for line in credentials.summary() {
            report::remark(&line);
        }
    }
    let client = vault.client(keyring, Tells::Nothing)?;
    let signed_in = tokio::select! {
        signed_in = client.sign_in(&platform, account, credentials) => signed_in,
        () = super::interrupted() => return Ok(Exit::Interrupted),
    };
    let session = signed_in.map_err(|error| refused(error, &platform))?;
    session.save().await.map_err(about)?;
    tell(&wanted, &platform, &session)?;
    session.close().await.map_err(about)?;
    Ok(Exit::Served)
}

fn tell(wanted: &Login, platform: &Platform, session: &Session) -> Result<(), Failure> {
    if wanted.json {
        return super::say_json(&json!({
            "platform": platform.id(),
            "account": session.account(),
            "account_id": session.account_id(),
            "generation": session.generation(),
            "state": session.state().as_str(),
            "expires_at": session.expires_at().map(Wall::as_millis),
        }));
    }
    let known_as = session.account_id().map(|id| format!(" ({id})")).unwrap_or_default();
    super::say(&format!("signed in to {} as {}{known_as}", platform.id(), session.account()))
}

/// The credentials, complete.
fn gather(wanted: &Login, platform: &Platform) -> Result<Credentials, Failure> {
    let mut credentials = match &wanted.bundle {
        Some(file) => read_bundle(file)?,
        None => Credentials::default(),
    };
    for (name, value) in std::env::vars_os() {
        let Some(name) = name.to_str().and_then(|name| name.strip_prefix(FIELD_VARIABLE)) else { continue };
        let value = value.to_str().ok_or_else(|| invalid(format!("{FIELD_VARIABLE}{name} is not text")))?;
        if !name.is_empty() && !value.is_empty() {
            credentials = credentials.with(name.to_ascii_lowercase(), value);
        }
    }
    for (name, file) in &wanted.field_file {
        let text = read(file)?;
        credentials = credentials.with(name, text.trim_end_matches(['\r', '\n']));
    }
    let from_stdin = wanted.bundle.as_deref().is_some_and(|file| file == Path::new("-"));
    if prompt::is_possible() && !from_stdin {
        let mut names = credentials.missing_fields_for(platform.definition());
        names.sort_by_key(|name| !prompt::is_a_name(name));
        for name in names {
            let typed = prompt::field(&name, &wanted.whose.account)?;
            credentials = credentials.with(name, typed.as_str());
        }
    }
    let missing = credentials.missing_for(platform.definition());
    if missing.is_empty() {
        return Ok(credentials);
    }
    let what = format!("signing in to `{}` needs {}", platform.id(), missing.join(", "));
    let hint = match credentials.missing_fields_for(platform.definition()).first() {
        Some(name) => format!(
            "nobody is at a terminal to be asked; give it by --field-file {name}=FILE, {FIELD_VARIABLE}{} or --bundle FILE",
            name.to_ascii_uppercase()
        ),
        None => "export it from a signed-in browser and give it by --bundle FILE".to_owned(),
    };
    Err(Failure::from(invalid(what)).with_hint(hint))
}

fn read_bundle(file: &Path) -> Result<Credentials, Error> {
    let text = if file == Path::new("-") {
        let mut text = Zeroizing::new(String::new());
        let read = std::io::stdin().lock().read_to_string(&mut text);
        read.map_err(|error| invalid(format!("reading the bundle from standard input: {error}")))?;
        text
    } else {
        read(file)?
    };
    Credentials::from_json(&text).map_err(|error| invalid(format!("{}: {}", file.display(), error.detail())))
}

fn read(file: &Path) -> Result<Zeroizing<String>, Error> {
    let text = std::fs::read_to_string(file);
    text.map(Zeroizing::new).map_err(|error| invalid(format!("{} cannot be read: {error}", file.display())))
}

fn refused(error: Error, platform: &Platform) -> Failure {
    let hint = match error.code() {
        Kind::UnexpectedAnswer => Some(format!("is `{}` what its platform file says?", platform.definition().base_url)),
        Kind::CredentialsRefused => Some("nothing was saved; the credentials were sent once".to_owned()),
        _ => None,
    };
    match hint {
        Some(hint) => Failure::from(error).with_hint(hint),
        None => error.into(),
    }
}

fn invalid(what: String) -> Error {
    Error::new(Kind::CredentialsInvalid, what)
}

/// What the names of environment variables with credentials begin with.
const FIELD_VARIABLE: &str = "HALLPASS_FIELD_";
