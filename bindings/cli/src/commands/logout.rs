//! `hallpass logout`: is the session over, at the platform as well as here?
//!
//! What is saved is removed in any case. The platform is told where its file says how and the session opens; what it was told is said, and
//! so is why it was not.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use hallpass::core::platform::SignOut;
use hallpass::store::RecordKey;
use hallpass::{Error, Kind, Notice, Platform};
use serde_json::json;

use crate::args::{Common, Logout};
use crate::outcome::{Exit, Failure};
use crate::places::Places;
use crate::platforms;
use crate::vault::{NAMESPACE, Tells, Vault};

pub(crate) async fn run(common: &Common, wanted: &Logout) -> Result<Exit, Failure> {
    let places = Places::find()?;
    let platform = platforms::id_of(&wanted.platform, &places)?;
    let vault = Vault::open(common, &places)?;
    let key = RecordKey::session(NAMESPACE, &platform, &wanted.account);
    if !vault.has(&key).await? {
        let what = format!("no session of `{}` at `{platform}` is saved", wanted.account);
        let failure = Failure::from(Error::new(Kind::NoSession, what));
        return Err(failure.with_hint("`hallpass sessions` lists the saved ones"));
    }
    let told = if wanted.local {
        Told::Nothing("--local was given")
    } else if platforms::path_of(&wanted.platform, &places).is_err() {
        Told::Nothing("its platform file is gone")
    } else {
        tell(&vault, &platforms::find(&wanted.platform, &places)?, &wanted.account).await
    };
    // Signing out has removed it already; whatever did not open is removed here.
    vault.remove(&key).await?;
    report(wanted, &platform, told)
}

/// Signs out at the platform, if that can be.
async fn tell(vault: &Vault, platform: &Platform, account: &str) -> Told {
    let definition = platform.definition();
    if definition.sign_out.is_none() && definition.oauth.is_none() {
        return Told::Nothing("its file names no [sign_out]");
    }
    let heard = Arc::new(AtomicBool::new(false));
    match sign_out(vault, platform, account, Arc::clone(&heard)).await {
        Ok(()) if heard.load(Ordering::Relaxed) => Told::Platform(described(definition.sign_out.as_ref())),
        Ok(()) => Told::Nothing("the session held nothing to end there"),
        Err(error) if matches!(error.code(), Kind::NoSession | Kind::Expired | Kind::Rejected | Kind::RenewalLost) => {
            Told::Nothing("the session had ended already")
        }
        Err(error) => Told::Failed(error),
    }
}

async fn sign_out(vault: &Vault, platform: &Platform, account: &str, heard: Arc<AtomicBool>) -> Result<(), Error> {
    let keyring = vault.keyring_for(account).await?;
    let listen = move |_: &str, notice: &Notice| {
        heard.fetch_or(matches!(notice, Notice::SignedOut), Ordering::Relaxed);
    };
    let client = vault.builder(keyring, Tells::Nothing).on_notice(listen).build()?;
    client.resume(platform, account).await?.sign_out().await
}

fn described(rules: Option<&SignOut>) -> String {
    let address =
        rules.and_then(|rules| Some(format!("told the platform by {} {}", rules.method, rules.path.as_ref()?)));
    let revoked = rules.and_then(|rules| Some(format!("revoked its tokens at {}", rules.revoke.as_ref()?)));
    let told = [address, revoked].into_iter().flatten().collect::<Vec<_>>().join(" and ");
    if told.is_empty() { "revoked its tokens where its issuer says".to_owned() } else { told }
}

fn report(wanted: &Logout, platform: &str, told: Told) -> Result<Exit, Failure> {
    let account = &wanted.account;
    let (is_told, said) = match told {
        Told::Platform(how) => (true, how),
        Told::Nothing(why) => (false, format!("the platform was not told: {why}")),
        Told::Failed(error) => {
            let what = format!(
                "the session of {account} at {platform} is removed, but the platform was not told: {}",
                error.detail()
            );
            return Err(Failure::from(Error::new(error.code(), what)).with_hint("end it there if it matters"));
        }
    };
    if wanted.json {
        super::say_json(
            &json!({ "platform": platform, "account": account, "removed": true, "told": is_told, "how": said }),
        )?;
    } else {
        super::say(&format!("removed the session of {account} at {platform}; {said}"))?;
    }
    Ok(Exit::Served)
}

/// What the platform heard.
enum Told {
    /// That the session is over, in this way.
    Platform(String),
    /// Nothing, for this reason.
    Nothing(&'static str),
    /// Nothing, although its file says how.
    Failed(Error),
}
