//! `hallpass export`: a saved session's cookies as a cookies.txt, in plaintext, because somebody asked for exactly that.
//!
//! **Invariant:** the file is readable by its owner alone from its first byte on, appears whole or not at all, and replaces nothing
//! unless that was asked for.

use std::io::Write;
use std::path::Path;

use hallpass::store::RecordKey;
use hallpass::{Error, Kind};
use serde_json::json;

use crate::args::{Common, Export};
use crate::outcome::{Exit, Failure};
use crate::places::Places;
use crate::vault::{NAMESPACE, Vault};
use crate::{output, platforms, report};

pub(crate) async fn run(common: &Common, wanted: &Export) -> Result<Exit, Failure> {
    let places = Places::find()?;
    let (word, account) = (&wanted.whose.platform, &wanted.whose.account);
    let platform = platforms::id_of(word, &places)?;
    let about = |error| Failure::about(error, word, account);
    let vault = Vault::open(common, &places)?;
    let keyring = vault.keyring_for(account).await.map_err(about)?;
    let key = RecordKey::session(NAMESPACE, &platform, account);
    let Some(kept) = vault.kept(&key, &keyring).await.map_err(about)? else {
        let what = format!("no session of `{account}` at `{platform}` is saved");
        return Err(about(Error::new(Kind::NoSession, what)));
    };
    let (text, left_out) = kept.jar.to_cookies_txt(report::now());
    let cookies = text.split(|&byte| byte == b'\n').count().saturating_sub(2);
    let to_stdout = wanted.output == Path::new("-");
    if to_stdout {
        let mut out = std::io::stdout().lock();
        out.write_all(&text)
            .and_then(|()| out.flush())
            .map_err(|error| super::unwritable("standard output", &error))?;
    } else {
        let replaces = if wanted.force { output::Replaces::Yes } else { output::Replaces::No };
        output::write_secret(&wanted.output, &text, replaces)?;
    }
    for name in &left_out {
        report::remark(&format!("left out the cookie {name:?}, which such a file cannot hold"));
    }
    if !to_stdout && wanted.json {
        super::say_json(&json!({
            "platform": platform, "account": account, "file": wanted.output, "cookies": cookies, "left_out": left_out.len(),
        }))?;
    } else if !to_stdout {
        super::say(&format!("wrote {cookies} cookies to {}", wanted.output.display()))?;
    }
    report::remark("warning: a cookies.txt is not encrypted; whoever reads it is signed in as this account");
    Ok(Exit::Served)
}
