//! `hallpass login`: what proves the account, and is it proven?
//!
//! **Invariant:** nothing is sent before the store, the key and the record that may already be there are known to be fit; a
//! bundle's file is only read; secrets are shown nowhere.

use hallpass::core::credentials::{Drift, Imported};
use hallpass::core::platform::SignIn;
use hallpass::core::time::Wall;
use hallpass::store::RecordKey;
use hallpass::{Error, KeepCredentials, Kind, Platform, Session};
use serde_json::{Value, json};

use super::gather::{self, Gathered};
use crate::args::{Common, Login};
use crate::asking::{Browser, Person};
use crate::loopback::Loopback;
use crate::outcome::{Exit, Failure};
use crate::places::Places;
use crate::vault::{NAMESPACE, Vault};
use crate::{platforms, report};

pub(crate) async fn run(common: &Common, wanted: Login) -> Result<Exit, Failure> {
    let places = Places::find()?;
    let (word, account) = (&wanted.whose.platform, &wanted.whose.account);
    let platform = platforms::find(word, &places)?;
    let here = listen(&platform).await?;
    let Gathered { credentials, imported } =
        gather::gather(&wanted, &platform, here.as_ref().map(Loopback::redirect_uri))?;
    let loopback = listen_where(here, credentials.field(gather::REDIRECT)).await?;
    let about = |error| Failure::about(error, word, account);
    let vault = Vault::open(common, &places)?;
    let keyring = vault.keyring_or_new().await.map_err(about)?;
    let key = RecordKey::session(NAMESPACE, platform.id(), account);
    if let Some(saved) = vault.glance(&key, &keyring).await.map_err(about)? {
        saved.suits(platform.compiled()).map_err(about)?;
    }
    let saved = vault.kept(&key, &keyring).await.map_err(about)?;
    let drift = saved.filter(|_| imported.is_some()).map(|saved| credentials.drift_from(&saved));
    if !wanted.json {
        if let Some(imported) = &imported {
            gather::tell(imported, &platform);
        }
        for line in credentials.summary() {
            report::remark(&line);
        }
        if let Some(drift) = drift.as_ref().filter(|drift| !drift.is_none()) {
            report::remark(&format!("against the session that is saved: {drift}"));
        }
    }
    let browser = if wanted.browser { Browser::Opened } else { Browser::LeftToThePerson };
    let keep = if wanted.keep_credentials { KeepCredentials::Sealed } else { KeepCredentials::Never };
    let client = vault.client_with(keyring, Person { loopback, browser }, keep)?;
    let signed_in = tokio::select! {
        signed_in = client.sign_in(&platform, account, credentials) => signed_in,
        () = super::interrupted() => return Ok(Exit::Interrupted),
    };
    let session = signed_in.map_err(|error| refused(error, &platform))?;
    session.save().await.map_err(about)?;
    tell(&wanted, &platform, &session, imported.as_ref().map(|imported| told(imported, drift.as_ref(), &platform)))?;
    session.close().await.map_err(about)?;
    Ok(Exit::Served)
}

/// Listens for the browser, where the platform's sign-in uses one.
async fn listen(platform: &Platform) -> Result<Option<Loopback>, Failure> {
    if !matches!(platform.definition().sign_in, SignIn::AuthorizationCode(_)) {
        return Ok(None);
    }
    Loopback::anywhere().await.map(Some).map_err(|error| unheard(&error))
}

/// Listens where the platform was told beforehand, if that is somewhere else.
async fn listen_where(here: Option<Loopback>, redirect_uri: Option<&str>) -> Result<Option<Loopback>, Failure> {
    match redirect_uri.filter(|wanted| here.as_ref().is_some_and(|here| here.redirect_uri() != *wanted)) {
        Some(elsewhere) => Loopback::at(elsewhere).await.map_err(|error| unheard(&error)),
        None => Ok(here),
    }
}

fn unheard(error: &std::io::Error) -> Failure {
    Error::new(Kind::ConfigInvalid, format!("listening on loopback for the browser: {error}")).into()
}

fn tell(wanted: &Login, platform: &Platform, session: &Session, imported: Option<Value>) -> Result<(), Failure> {
    if wanted.json {
        let mut signed_in = json!({
            "platform": platform.id(),
            "account": session.account(),
            "account_id": session.account_id(),
            "generation": session.generation(),
            "state": session.state().as_str(),
            "expires_at": session.expires_at().map(Wall::as_millis),
        });
        if let Some(imported) = imported {
            signed_in["imported"] = imported;
        }
        return super::say_json(&signed_in);
    }
    let known_as = session.account_id().map(|id| format!(" ({id})")).unwrap_or_default();
    super::say(&format!("signed in to {} as {}{known_as}", platform.id(), session.account()))
}

/// What an import is told as in JSON.
fn told(imported: &Imported, drift: Option<&Drift>, platform: &Platform) -> Value {
    let left_out = imported.left_out.iter().map(|left| json!({ "what": left.what, "why": left.why }));
    json!({
        "form": imported.form.as_str(),
        "origin": imported.origin.as_ref().map(ToString::to_string),
        "foreign": imported.foreign_to(platform.compiled()).is_some(),
        "left_out": left_out.collect::<Vec<_>>(),
        "drift": drift.map(super::drift_as_json),
    })
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
