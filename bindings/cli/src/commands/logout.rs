//! `hallpass logout`: is there a session to remove? The platform is not told, and no key is needed.

use hallpass::store::RecordKey;
use hallpass::{Error, Kind};
use serde_json::json;

use crate::args::{Common, Logout};
use crate::outcome::{Exit, Failure};
use crate::places::Places;
use crate::platforms;
use crate::vault::{NAMESPACE, Vault};

pub(crate) async fn run(common: &Common, wanted: &Logout) -> Result<Exit, Failure> {
    let places = Places::find()?;
    let platform = platforms::id_of(&wanted.platform, &places)?;
    let vault = Vault::open(common, &places)?;
    let key = RecordKey::session(NAMESPACE, &platform, &wanted.account);
    if !vault.remove(&key).await? {
        let what = format!("no session of `{}` at `{platform}` is saved", wanted.account);
        let failure = Failure::from(Error::new(Kind::NoSession, what));
        return Err(failure.with_hint("`hallpass sessions` lists the saved ones"));
    }
    if wanted.json {
        let removed = json!({ "platform": platform, "account": wanted.account, "removed": true });
        super::say_json(&removed)?;
    } else {
        super::say(&format!("removed the session of {} at {platform}", wanted.account))?;
    }
    Ok(Exit::Served)
}
