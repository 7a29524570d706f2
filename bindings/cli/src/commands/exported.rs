//! `hallpass sessions export` and `import`: saved sessions in a file, for a backup, another machine or another store.
//!
//! **Invariant:** the file is sealed unless plaintext was asked for, is readable by its owner alone from its first byte on and appears whole;
//! what is saved and as new is replaced only where that was asked for.

use hallpass::core::machine::store_error;
use hallpass::exported::{self, Exported, Form, Replaces, Taken};
use hallpass::store::{RecordKind, StoreError};
use hallpass::{Error, Kind};
use serde_json::json;

use super::gather;
use crate::args::{Common, ExportSessions, ImportSessions};
use crate::outcome::{Exit, Failure};
use crate::places::Places;
use crate::vault::Vault;
use crate::{output, platforms, report};

pub(crate) async fn export(common: &Common, wanted: &ExportSessions) -> Result<Exit, Failure> {
    let places = Places::find()?;
    let platform = wanted.platform.as_deref().map(|word| platforms::id_of(word, &places)).transpose()?;
    let vault = Vault::open(common, &places)?;
    let keyring = if wanted.plaintext { vault.keyring()? } else { None };
    let form = match (&keyring, wanted.plaintext) {
        (Some(keyring), true) => Form::Plaintext(keyring),
        (None, true) => return Err(Error::new(Kind::KeyMissing, "there is no key to open the sessions with").into()),
        (_, false) => Form::Sealed,
    };
    let (mut entries, damaged) = vault.list().await?;
    entries.retain(|entry| {
        let is_theirs = wanted.all || wanted.account.contains(&entry.key.account);
        let is_there = platform.as_ref().is_none_or(|id| *id == entry.key.platform);
        entry.key.kind == RecordKind::Session && is_theirs && is_there
    });
    for account in &wanted.account {
        if !entries.iter().any(|entry| entry.key.account == *account) {
            return Err(Error::new(Kind::NoSession, format!("no session of `{account}` is saved")).into());
        }
    }
    let mut left_out = 0;
    let mut sessions = Vec::new();
    for entry in &entries {
        match exported::export(vault.store(), &entry.key, form).await {
            Ok(session) => sessions.extend(session),
            Err(error) if error.code() == Kind::StoreUnavailable => return Err(error.into()),
            Err(error) => {
                left_out += 1;
                report::remark(&format!("left out `{}` at {}: {error}", entry.key.account, entry.key.platform));
            }
        }
    }
    if wanted.all {
        left_out += damaged.len();
        for name in &damaged {
            let error = store_error(&StoreError::Damaged("it holds no record that can be read".to_owned()));
            report::remark(&format!("left out {}: {error}", vault.place_of(name)));
        }
    }
    let replaces = if wanted.force { output::Replaces::Yes } else { output::Replaces::No };
    output::write_secret(&wanted.to, &exported::write(&sessions), replaces)?;
    if wanted.plaintext {
        report::remark("warning: the file is not encrypted; whoever reads it is signed in as these accounts");
    }
    let count = sessions.len();
    if wanted.json {
        super::say_json(&json!({
            "file": wanted.to, "sessions": count, "left_out": left_out, "plaintext": wanted.plaintext,
        }))?;
    } else {
        super::say(&format!("wrote {count} sessions to {}", wanted.to.display()))?;
    }
    Ok(if left_out == 0 { Exit::Served } else { Exit::Store })
}

pub(crate) async fn import(common: &Common, wanted: &ImportSessions) -> Result<Exit, Failure> {
    let text = gather::read(&wanted.file)?;
    let sessions = exported::read(text.as_bytes())?;
    let vault = Vault::open(common, &Places::find()?)?;
    let keyring = vault.keyring_or_new().await?;
    let replaces = if wanted.replace { Replaces::Anything } else { Replaces::Older };
    let mut rows = Vec::new();
    for session in &sessions {
        let taken = exported::import(vault.store(), &keyring, session, replaces, report::now()).await;
        rows.push((session, taken));
    }
    tell(wanted, &rows)?;
    Ok(rows.iter().find_map(|(_, taken)| taken.as_ref().err()).map_or(Exit::Served, |error| Exit::of(error.code())))
}

fn tell(wanted: &ImportSessions, rows: &[(&Exported, Result<Taken, Error>)]) -> Result<(), Failure> {
    let words = |taken: &Result<Taken, Error>| match taken {
        Ok(Taken::Saved) => ("saved", "saved".to_owned()),
        Ok(Taken::Kept) => ("kept", "left alone: what is saved is as new or newer; --replace replaces it".to_owned()),
        Ok(Taken::Ended) => ("ended", "left alone: it has ended".to_owned()),
        // Whatever a later release adds has not been saved.
        Ok(_) => ("left", "left alone".to_owned()),
        Err(error) => ("failed", error.to_string()),
    };
    if !wanted.json {
        return rows.iter().try_for_each(|(session, taken)| {
            let (platform, account) = (session.key.platform.escape_debug(), session.key.account.escape_debug());
            super::say(&format!("{platform} {account}: {}", words(taken).1))
        });
    }
    let all = rows.iter().map(|(session, taken)| {
        let mut row = json!({
            "namespace": session.key.namespace, "platform": session.key.platform, "account": session.key.account,
            "outcome": words(taken).0,
        });
        if let Err(error) = taken {
            row["error"] = json!({ "kind": error.kind(), "detail": error.detail() });
        }
        row
    });
    super::say_json(&json!({ "sessions": all.collect::<Vec<_>>() }))
}
