//! `hallpass check`: is a saved session good, now?
//!
//! **Invariant:** only the platform's definite answer is told as an end; what nobody knows is told as unknown, and the session stays.

use hallpass::core::credentials::Drift;
use hallpass::core::time::Wall;
use hallpass::store::RecordKey;
use hallpass::{Error, Fault, Session};
use serde_json::json;

use super::gather;
use crate::args::{Check, Common, Import};
use crate::outcome::{Exit, Failure};
use crate::places::Places;
use crate::vault::{NAMESPACE, Tells, Vault};
use crate::{platforms, report};

pub(crate) async fn run(common: &Common, wanted: &Check) -> Result<Exit, Failure> {
    let places = Places::find()?;
    let (word, account) = (&wanted.whose.platform, &wanted.whose.account);
    let platform = platforms::find(word, &places)?;
    let bundle = Import { bundle: wanted.bundle.clone(), ..Import::default() };
    // A file that cannot be read is told before anything is sent.
    let bundle = gather::import(&bundle, &platform)?;
    let about = |error| Failure::about(error, word, account);
    let vault = Vault::open(common, &places)?;
    let keyring = vault.keyring_for(account).await.map_err(about)?;
    let key = RecordKey::session(NAMESPACE, platform.id(), account);
    let client = vault.client(keyring, Tells::Nothing)?;
    let session = client.resume(&platform, account).await.map_err(about)?;
    let checked = tokio::select! {
        checked = session.validate() => checked,
        // A renewal that was sent is the session's: closing waits for it, and saves what it brings.
        () = super::interrupted() => return session.close().await.map(|()| Exit::Interrupted).map_err(about),
    };
    let found = Found::of(&session, &checked);
    let closed = session.close().await;
    let mut drift = None;
    if let Some(bundle) = bundle {
        let keyring = vault.keyring_for(account).await.map_err(about)?;
        let saved = vault.kept(&key, &keyring).await.map_err(about)?;
        drift = saved.map(|saved| bundle.credentials.drift_from(&saved));
    }
    found.tell(wanted, platform.id(), drift.as_ref())?;
    checked.map_err(about)?;
    closed.map_err(about)?;
    Ok(Exit::Served)
}

/// What the platform said of the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Said {
    Valid,
    Ended,
    Unknown,
}

/// What is known of the session, now.
struct Found {
    said: Said,
    state: &'static str,
    account_id: Option<String>,
    generation: u64,
    expires_at: Option<Wall>,
}

impl Found {
    fn of(session: &Session, checked: &Result<(), Error>) -> Self {
        let said = match checked {
            Ok(()) => Said::Valid,
            Err(error) if error.code().fault() == Fault::Account => Said::Ended,
            Err(_) => Said::Unknown,
        };
        Self {
            said,
            state: session.state().as_str(),
            account_id: session.account_id(),
            generation: session.generation(),
            expires_at: session.expires_at(),
        }
    }

    fn tell(&self, wanted: &Check, platform: &str, drift: Option<&Drift>) -> Result<(), Failure> {
        let account = &wanted.whose.account;
        if wanted.json {
            return super::say_json(&json!({
                "platform": platform,
                "account": account,
                "valid": match self.said {
                    Said::Valid => Some(true),
                    Said::Ended => Some(false),
                    Said::Unknown => None,
                },
                "state": self.state,
                "account_id": self.account_id,
                "generation": self.generation,
                "expires_at": self.expires_at.map(Wall::as_millis),
                "drift": drift.map(super::drift_as_json),
            }));
        }
        let said = match self.said {
            Said::Valid => "is valid",
            Said::Ended => "has ended",
            Said::Unknown => "may be valid or not; nobody could be asked",
        };
        let known_as = self.account_id.as_ref().map(|id| format!(" ({id})")).unwrap_or_default();
        super::say(&format!("the session of {account}{known_as} at {platform} {said}"))?;
        let ends = match self.expires_at.filter(|_| self.said != Said::Ended) {
            Some(at) => format!("; its token ends {}", report::from_now(at, report::now())),
            None => String::new(),
        };
        super::say(&format!("state {}; generation {}{ends}", self.state, self.generation))?;
        match drift {
            Some(drift) if drift.is_none() => super::say("the bundle is as the session that is saved"),
            Some(drift) => super::say(&format!("the bundle, against the session that is saved: {drift}")),
            None => Ok(()),
        }
    }
}
