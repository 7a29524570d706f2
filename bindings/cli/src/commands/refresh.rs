//! `hallpass refresh`: renew a saved session now.

use hallpass::core::time::Wall;
use serde_json::json;

use crate::args::{Common, Refresh};
use crate::outcome::{Exit, Failure};
use crate::places::Places;
use crate::vault::{Tells, Vault};
use crate::{platforms, report};

pub(crate) async fn run(common: &Common, wanted: &Refresh) -> Result<Exit, Failure> {
    let places = Places::find()?;
    let (word, account) = (&wanted.whose.platform, &wanted.whose.account);
    let platform = platforms::find(word, &places)?;
    let about = |error| Failure::about(error, word, account);
    let vault = Vault::open(common, &places)?;
    let keyring = vault.keyring_for(account).await.map_err(about)?;
    let client = vault.client(keyring, Tells::Nothing)?;
    let session = client.resume(&platform, account).await.map_err(about)?;
    let renewed = tokio::select! {
        renewed = session.renew() => renewed,
        // A renewal that was sent is the session's: closing waits for it, and saves what it brings.
        () = super::interrupted() => return session.close().await.map(|()| Exit::Interrupted).map_err(about),
    };
    let (generation, expires_at) = (session.generation(), session.expires_at());
    let closed = session.close().await;
    renewed.map_err(about)?;
    closed.map_err(about)?;
    if wanted.json {
        super::say_json(&json!({
            "platform": platform.id(),
            "account": account,
            "generation": generation,
            "expires_at": expires_at.map(Wall::as_millis),
        }))?;
        return Ok(Exit::Served);
    }
    let ends = expires_at.map(|at| format!("; its token ends {}", report::from_now(at, report::now())));
    super::say(&format!(
        "renewed the session of {account} at {}; now generation {generation}{}",
        platform.id(),
        ends.unwrap_or_default()
    ))?;
    Ok(Exit::Served)
}
