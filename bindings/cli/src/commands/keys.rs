//! `hallpass keys`: which keys seal and open the saved sessions, and how is one replaced by another?
//!
//! **Invariant:** a key is shown only by `new --print`; the sealing key is changed before any record is, so that whoever is killed in
//! between leaves nothing that the key file does not open; no key is taken out while a record may need it.

use std::collections::BTreeMap;

use comfy_table::{Table, presets};
use hallpass::keys::{self, Census, Entry, KeyFile, Rotated, Stretching, Turn};
use hallpass::{Error, Kind, Secret};
use serde_json::json;

use crate::args::{Common, KeysCommand, ListKeys, NewKey, Retire, Rotate, Spaces};
use crate::outcome::{Exit, Failure};
use crate::places::Places;
use crate::vault::Vault;
use crate::{prompt, report};

pub(crate) async fn run(common: &Common, wanted: KeysCommand) -> Result<Exit, Failure> {
    if let KeysCommand::New(NewKey { print: true, passphrase, .. }) = wanted {
        let entry = if passphrase { from_passphrase()? } else { keys::generate()? };
        super::say(entry.text())?;
        return Ok(Exit::Served);
    }
    let vault = Vault::open(common, &Places::find()?)?;
    match wanted {
        KeysCommand::New(wanted) => new(&vault, &wanted).await,
        KeysCommand::List(wanted) => list(&vault, &wanted).await,
        KeysCommand::Rotate(wanted) => rotate(&vault, &wanted).await,
        KeysCommand::Retire(wanted) => retire(&vault, &wanted).await,
    }
}

async fn new(vault: &Vault, wanted: &NewKey) -> Result<Exit, Failure> {
    let file = key_file(vault)?;
    let was_there = file.path().exists();
    if !was_there {
        let (entries, damaged) = vault.list().await?;
        if !entries.is_empty() || !damaged.is_empty() {
            let what = format!(
                "there is no key file {}, but the store holds sealed sessions, which a new key would not open",
                file.path().display()
            );
            return Err(Error::new(Kind::KeyMissing, what).into());
        }
    }
    let entry = if wanted.passphrase { from_passphrase()? } else { keys::generate()? };
    file.add(&entry)?;
    if wanted.json {
        super::say_json(&json!({ "key": entry.id(), "seals": !was_there, "file": file.path() }))?;
        return Ok(Exit::Served);
    }
    super::say(entry.id())?;
    let does = if was_there { "added the key to" } else { "made" };
    report::remark(&format!("{does} {}; back it up", file.path().display()));
    if was_there {
        report::remark(&format!("it opens, and does not seal yet: `hallpass keys rotate --to {}`", entry.id()));
    }
    Ok(Exit::Served)
}

async fn list(vault: &Vault, wanted: &ListKeys) -> Result<Exit, Failure> {
    let census = census(vault, &wanted.spaces).await?;
    let ids = match vault.source()? {
        Some(source) => source.ids()?.unwrap_or_default(),
        None => Vec::new(),
    };
    let sealed = |id: &str| census.sealed.get(id).copied().unwrap_or_default();
    let unknown: BTreeMap<_, _> = census.sealed.iter().filter(|(id, _)| !ids.contains(id)).collect();
    if wanted.json {
        let rows = ids.iter().enumerate();
        let rows = rows.map(|(place, id)| json!({ "id": id, "seals": place == 0, "records": sealed(id) }));
        super::say_json(&json!({
            "keys": rows.collect::<Vec<_>>(), "unknown": unknown, "unreadable": census.unreadable,
        }))?;
        return Ok(Exit::Served);
    }
    tell_unreadable(&census);
    if ids.is_empty() && unknown.is_empty() {
        report::remark("there is no key yet; the first login makes one, and so does `hallpass keys new`");
        return Ok(Exit::Served);
    }
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["KEY", "DOES", "RECORDS"]);
    for (place, id) in ids.iter().enumerate() {
        let does = if place == 0 { "seals and opens" } else { "opens" };
        table.add_row([id.as_str(), does, &sealed(id).to_string()]);
    }
    for (id, records) in unknown {
        table.add_row([id.as_str(), "is not at hand", &records.to_string()]);
    }
    super::say(&table.trim_fmt())?;
    Ok(Exit::Served)
}

async fn rotate(vault: &Vault, wanted: &Rotate) -> Result<Exit, Failure> {
    let missing = || Error::new(Kind::KeyMissing, "there is no key to rotate; the first login makes one");
    let keyring = vault.keyring()?.ok_or_else(missing)?;
    let before = keyring.primary_id().to_owned();
    let mut seals = before.clone();
    let mut rotated = Rotated::default();
    if let Some(id) = &wanted.to {
        key_file(vault)?.promote(id)?;
    } else {
        rotated = rewrite(vault, &keyring, &wanted.spaces).await?;
        // What an earlier rotation left is a rotation of its own.
        let changes = !wanted.finish && rotated.rewritten == 0 && rotated.contended == 0 && rotated.unreadable == 0;
        if changes {
            let file = key_file(vault)?;
            file.seal_with(&keys::generate()?, &before)?;
        }
    }
    let keyring = vault.keyring()?.ok_or_else(missing)?;
    if keyring.primary_id() != before {
        keyring.primary_id().clone_into(&mut seals);
        if !wanted.json {
            report::remark(&format!("`{seals}` seals from now on; back up the key file"));
        }
        rotated = rewrite(vault, &keyring, &wanted.spaces).await?;
    }
    let left = rotated.contended + rotated.unreadable;
    if wanted.json {
        super::say_json(&json!({
            "key": seals, "rewritten": rotated.rewritten, "current": rotated.current, "gone": rotated.gone,
            "contended": rotated.contended, "unreadable": rotated.unreadable,
        }))?;
    } else {
        let (rewritten, current) = (rotated.rewritten, rotated.current);
        super::say(&format!(
            "`{seals}` seals: {rewritten} records sealed anew, {current} were already, {left} are not"
        ))?;
    }
    Ok(if left == 0 { Exit::Served } else { Exit::Store })
}

async fn rewrite(vault: &Vault, keyring: &hallpass::Keyring, spaces: &Spaces) -> Result<Rotated, Error> {
    let mut all = Rotated::default();
    for namespace in &spaces.names {
        let rotated = keys::rotate_telling(vault.store(), keyring, namespace, |turn| match turn {
            Turn::Unreadable(key, error) => report::remark(&format!("left {key:?} as it is: {error}")),
            Turn::Contended(key) => report::remark(&format!("left {key:?} as it is: others keep replacing it")),
            Turn::Damaged(name) => {
                report::remark(&format!("left {name} as it is: it holds no record that can be read"));
            }
            _ => {}
        });
        let rotated = rotated.await?;
        all.current += rotated.current;
        all.rewritten += rotated.rewritten;
        all.gone += rotated.gone;
        all.contended += rotated.contended;
        all.unreadable += rotated.unreadable;
    }
    Ok(all)
}

async fn retire(vault: &Vault, wanted: &Retire) -> Result<Exit, Failure> {
    let (file, id) = (key_file(vault)?, &wanted.id);
    let known = file.entries()?.unwrap_or_default();
    if !known.iter().any(|entry| entry.id() == id) {
        let what = format!("the key file {} holds no key `{id}`", file.path().display());
        return Err(Failure::from(Error::new(Kind::KeyUnknown, what)).with_hint("`hallpass keys list` shows them"));
    }
    let census = census(vault, &wanted.spaces).await?;
    let needed = census.sealed.get(id).copied().unwrap_or_default();
    if needed > 0 {
        let what = format!("{needed} saved records still need the key `{id}`");
        return Err(refuse(what).with_hint("`hallpass keys rotate` seals them anew, if another key seals"));
    }
    if census.needs(id) {
        tell_unreadable(&census);
        let what = format!("{} records do not tell which key they need; it may be `{id}`", census.unreadable);
        return Err(refuse(what).with_hint("remove them from the store, if they are of no use any more"));
    }
    file.retire(id)?;
    if wanted.json {
        super::say_json(&json!({ "retired": id, "file": file.path() }))?;
    } else {
        super::say(&format!("retired `{id}`: {} does not hold it any more", file.path().display()))?;
    }
    Ok(Exit::Served)
}

async fn census(vault: &Vault, spaces: &Spaces) -> Result<Census, Error> {
    let mut all = Census::default();
    for namespace in &spaces.names {
        let census = keys::census(vault.store(), namespace).await?;
        for (id, records) in census.sealed {
            *all.sealed.entry(id).or_default() += records;
        }
        // What a store cannot read belongs to no namespace, and is told with each.
        all.unreadable = all.unreadable.max(census.unreadable);
        all.examples.extend(census.examples);
    }
    all.examples.sort();
    all.examples.dedup();
    Ok(all)
}

fn tell_unreadable(census: &Census) {
    for name in &census.examples {
        report::remark(&format!("{name} does not tell which key it needs ({})", Kind::Damaged.as_str()));
    }
}

/// The file that can be changed, unless the keys come from elsewhere.
fn key_file(vault: &Vault) -> Result<KeyFile, Failure> {
    vault.key_file()?.ok_or_else(|| {
        let what = "the keys come from the environment or a command, so they are changed where they come from";
        let hint =
            "`hallpass keys new --print` makes one: put it first, keep the others, and `hallpass keys rotate --finish`";
        Failure::from(Error::new(Kind::ConfigInvalid, what)).with_hint(hint)
    })
}

fn from_passphrase() -> Result<Entry, Failure> {
    let passphrase = match keys::passphrases()?.into_iter().next() {
        Some(passphrase) => passphrase,
        None if prompt::is_possible() => {
            let first = prompt::secretly("passphrase")?;
            let again = prompt::secretly("the same again")?;
            if first != again {
                return Err(Error::new(Kind::KeyInvalid, "the two passphrases differ").into());
            }
            Secret::new(first.as_str())
        }
        None => {
            let what = format!(
                "nobody is at a terminal to be asked for a passphrase; {} names a file with it",
                keys::PASSPHRASE_FILE
            );
            return Err(Error::new(Kind::KeyMissing, what).into());
        }
    };
    Ok(keys::from_passphrase(&passphrase, Stretching::RECOMMENDED)?)
}

fn refuse(what: String) -> Failure {
    Failure::from(Error::new(Kind::ConfigInvalid, what)).with_exit(Exit::Store)
}
