//! `hallpass sessions`: which sessions are saved, and what does the key at hand tell about each?
//!
//! **Invariant:** nobody is asked over the network, and a record that does not open is listed with why, never left out.

use comfy_table::{Table, presets};
use hallpass::core::machine::Glance;
use hallpass::core::time::Wall;
use hallpass::store::Entry;
use hallpass::{Error, Kind};
use serde_json::{Value, json};

use crate::args::{Common, Sessions};
use crate::outcome::{Exit, Failure};
use crate::places::Places;
use crate::report;
use crate::vault::Vault;

pub(crate) async fn run(common: &Common, wanted: &Sessions) -> Result<Exit, Failure> {
    let vault = Vault::open(common, &Places::find()?)?;
    let (entries, damaged) = vault.list().await?;
    let keyring = if entries.is_empty() { None } else { vault.keyring()? };
    let mut rows = Vec::new();
    for entry in entries {
        let glance = match &keyring {
            None => Err(Error::new(Kind::KeyMissing, "there is no key to open the session with")),
            Some(keyring) => match vault.glance(&entry.key, keyring).await {
                // Removed since it was listed.
                Ok(None) => continue,
                Ok(Some(glance)) => Ok(glance),
                Err(error) => Err(error),
            },
        };
        rows.push((entry, glance));
    }
    if wanted.json {
        let sessions: Vec<_> = rows.iter().map(|(entry, glance)| as_json(entry, glance)).collect();
        super::say_json(&json!({ "sessions": sessions, "unreadable": damaged }))?;
        return Ok(Exit::Served);
    }
    for name in &damaged {
        let place = vault.place_of(name);
        report::remark(&format!("{place} holds no record that can be read ({})", Kind::Damaged.as_str()));
    }
    if rows.is_empty() {
        report::remark(&format!("no sessions are saved in {}", vault.place()));
        return Ok(Exit::Served);
    }
    let now = report::now();
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["PLATFORM", "ACCOUNT", "ID", "GENERATION", "SIGNED IN", "TOKEN", "VERSION"]);
    for (entry, glance) in &rows {
        table.add_row(as_row(entry, glance, now));
    }
    super::say(&table.trim_fmt())?;
    Ok(Exit::Served)
}

fn as_row(entry: &Entry, glance: &Result<Glance, Error>, now: Wall) -> [String; 7] {
    let (platform, account) = (entry.key.platform.clone(), entry.key.account.clone());
    let version = entry.version.0.to_string();
    match glance {
        Ok(glance) => [
            platform,
            account,
            glance.account_id.clone().unwrap_or_default(),
            glance.generation.to_string(),
            report::from_now(glance.signed_in, now),
            token(glance, now),
            version,
        ],
        Err(error) => {
            let none = String::new;
            [platform, account, none(), none(), none(), error.kind().to_owned(), version]
        }
    }
}

/// What is to be said of the access token.
fn token(glance: &Glance, now: Wall) -> String {
    let renews = if glance.renews { ", renews" } else { "" };
    match glance.expires_at {
        None => format!("no known end{renews}"),
        Some(ends) if ends > now => format!("ends {}{renews}", report::from_now(ends, now)),
        Some(ends) => format!("ended {}{renews}", report::from_now(ends, now)),
    }
}

fn as_json(entry: &Entry, glance: &Result<Glance, Error>) -> Value {
    let mut session = json!({
        "platform": entry.key.platform,
        "account": entry.key.account,
        "version": entry.version.0,
    });
    match glance {
        Ok(glance) => {
            session["account_id"] = glance.account_id.as_deref().into();
            session["generation"] = glance.generation.into();
            session["signed_in_at"] = glance.signed_in.as_millis().into();
            session["expires_at"] = glance.expires_at.map(Wall::as_millis).into();
            session["renews"] = glance.renews.into();
            session["key"] = glance.key_id.as_str().into();
            session["origins"] = glance.origins.clone().into();
        }
        Err(error) => session["error"] = json!({ "kind": error.kind(), "detail": error.detail() }),
    }
    session
}
