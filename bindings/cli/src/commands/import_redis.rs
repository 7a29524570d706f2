//! `hallpass import redis`: what did another session manager save, and of which accounts does it sign in?
//!
//! **Invariant:** Redis is only read; nothing is sent to the platform and nothing is saved unless that was asked for; a report names
//! keys, accounts and reasons, never what was saved.

use std::collections::BTreeMap;
use std::time::Duration;

use hallpass::core::credentials::Imported;
use hallpass::store::RecordKey;
use hallpass::{Client, Credentials, Error, KeepCredentials, Keyring, Kind, Platform};
use regex_lite::Regex;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::{gather, redis};
use crate::args::{Common, ImportRedis};
use crate::asking::{Browser, Person};
use crate::fernet::{self, Age, Fernet};
use crate::outcome::{Exit, Failure};
use crate::places::Places;
use crate::vault::{NAMESPACE, Vault};
use crate::{platforms, report};

/// How a value was saved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wrapping {
    Plain,
    /// By which of the keys, counted from 1.
    Fernet(usize),
}

/// One key in Redis.
struct Row {
    key: String,
    account: Option<String>,
    wrapping: Wrapping,
    outcome: Result<Outcome, Error>,
}

enum Outcome {
    /// Good to be signed in.
    Ready(Box<Imported>),
    /// A session of this account is saved already.
    Kept,
    SignedIn(Option<String>),
}

/// How keys and values are read.
struct Rules<'a> {
    platform: &'a Platform,
    account: Regex,
    fernet: Vec<Fernet>,
    age: Option<Age>,
}

pub(crate) async fn run(common: &Common, wanted: &ImportRedis) -> Result<Exit, Failure> {
    let places = Places::find()?;
    let platform = platforms::find(&wanted.platform, &places)?;
    let rules = Rules {
        platform: &platform,
        account: account_in(wanted)?,
        fernet: fernet_keys(wanted)?,
        age: wanted.fernet_max_age.map(|limit| Age { limit: Duration::from_secs(limit), now: report::now() }),
    };
    let mut source = redis::connect(&wanted.url).await?;
    let mut rows = Vec::new();
    let mut seen: BTreeMap<String, String> = BTreeMap::new();
    for key in source.keys(&wanted.pattern).await? {
        let value = source.value(&key).await?;
        let Some(value) = value.transpose() else { continue };
        let mut row = rules.row(&key, value);
        if let Some(account) = &row.account {
            match seen.get(account) {
                Some(other) => row.outcome = Err(invalid(format!("`{account}` is the account of {other} too"))),
                None => drop(seen.insert(account.clone(), row.key.clone())),
            }
        }
        rows.push(row);
    }
    if wanted.write {
        write(common, wanted, &places, &platform, &mut rows).await?;
    }
    tell(wanted, &rows)?;
    Ok(rows.iter().find_map(|row| row.outcome.as_ref().err()).map_or(Exit::Served, |error| Exit::of(error.code())))
}

impl Rules<'_> {
    fn row(&self, key: &[u8], value: Result<Zeroizing<Vec<u8>>, Error>) -> Row {
        let shown = String::from_utf8_lossy(key).escape_debug().to_string();
        let account = std::str::from_utf8(key).ok().and_then(|key| self.account_of(key));
        let mut wrapping = Wrapping::Plain;
        let outcome = match (&account, value) {
            (None, _) => Err(invalid("no account's name is in this key; --account-from says where".to_owned())),
            (Some(_), Err(error)) => Err(error),
            (Some(_), Ok(value)) => self.read(value, &mut wrapping).map(|found| Outcome::Ready(Box::new(found))),
        };
        Row { key: shown, account, wrapping, outcome }
    }

    fn account_of(&self, key: &str) -> Option<String> {
        let found = self.account.captures(key)?.get(1)?.as_str();
        (!found.is_empty()).then(|| found.to_owned())
    }

    fn read(&self, value: Zeroizing<Vec<u8>>, wrapping: &mut Wrapping) -> Result<Imported, Error> {
        let mut value = value;
        loop {
            let text = std::str::from_utf8(&value).map_err(|_| invalid("the value is no text".to_owned()))?.trim();
            if text.starts_with('"') {
                // A text that was written as JSON once more.
                let inner = serde_json::from_str(text).map_err(|_| invalid("the value is no whole JSON".to_owned()))?;
                value = Zeroizing::new(String::into_bytes(inner));
            } else if fernet::looks_like_one(text) && *wrapping == Wrapping::Plain {
                let opened = self.fernet.iter().zip(1..).find_map(|(key, at)| Some((key.open(text, self.age)?, at)));
                let Some((opened, at)) = opened else { return Err(invalid(self.unopened())) };
                (value, *wrapping) = (opened, Wrapping::Fernet(at));
            } else {
                return self.understand(text);
            }
        }
    }

    fn understand(&self, text: &str) -> Result<Imported, Error> {
        let imported = Credentials::import(text, self.platform.compiled(), report::now())?;
        let missing = imported.credentials.missing_for(self.platform.definition());
        if missing.is_empty() {
            return Ok(imported);
        }
        Err(invalid(format!("signing in to `{}` needs {}", self.platform.id(), missing.join(", "))))
    }

    fn unopened(&self) -> String {
        let older = if self.age.is_some() { ", or it is older than --fernet-max-age" } else { "" };
        match self.fernet.len() {
            0 => "it is a Fernet token; give its key by --fernet-key-file".to_owned(),
            1 => format!("it is a Fernet token that the key does not open{older}"),
            keys => format!("it is a Fernet token that none of the {keys} keys opens{older}"),
        }
    }
}

/// Signs in what is good, one after the other: so a platform is not stormed, and an interruption ends between two.
async fn write(
    common: &Common,
    wanted: &ImportRedis,
    places: &Places,
    platform: &Platform,
    rows: &mut [Row],
) -> Result<(), Failure> {
    let vault = Vault::open(common, places)?;
    let keyring: Keyring = vault.keyring_or_new().await?;
    let person = Person { loopback: None, browser: Browser::LeftToThePerson };
    let client = vault.client_with(keyring, person, KeepCredentials::Never)?;
    for row in rows {
        let (Some(account), Ok(Outcome::Ready(imported))) = (&row.account, &row.outcome) else { continue };
        let key = RecordKey::session(NAMESPACE, platform.id(), account);
        row.outcome = if !wanted.replace && vault.has(&key).await? {
            Ok(Outcome::Kept)
        } else {
            sign_in(&client, platform, account, imported.credentials.clone()).await.map(Outcome::SignedIn)
        };
    }
    Ok(())
}

async fn sign_in(
    client: &Client,
    platform: &Platform,
    account: &str,
    credentials: Credentials,
) -> Result<Option<String>, Error> {
    let session = client.sign_in(platform, account, credentials).await?;
    session.save().await?;
    let id = session.account_id();
    session.close().await?;
    Ok(id)
}

fn tell(wanted: &ImportRedis, rows: &[Row]) -> Result<(), Failure> {
    if wanted.json {
        let all: Vec<_> = rows.iter().map(Row::as_json).collect();
        return super::say_json(&json!({ "written": wanted.write, "keys": all }));
    }
    for row in rows {
        super::say(&row.told())?;
    }
    let failed = rows.iter().filter(|row| row.outcome.is_err()).count();
    report::remark(&format!("{} keys, {failed} of no use; nothing was changed in Redis", rows.len()));
    if !wanted.write {
        report::remark("nothing was sent or saved: --write signs the accounts in and saves their sessions");
    }
    Ok(())
}

impl Row {
    fn told(&self) -> String {
        let account = self.account.as_deref().unwrap_or("?");
        let wrapping = match self.wrapping {
            Wrapping::Plain => String::new(),
            Wrapping::Fernet(at) => format!(" (Fernet, key {at})"),
        };
        let what = match &self.outcome {
            Ok(Outcome::Ready(imported)) => format!("would sign in with {}", imported.credentials.summary().join("; ")),
            Ok(Outcome::Kept) => "left alone: a session is saved already; --replace replaces it".to_owned(),
            Ok(Outcome::SignedIn(Some(id))) => format!("signed in ({id})"),
            Ok(Outcome::SignedIn(None)) => "signed in".to_owned(),
            Err(error) => error.to_string(),
        };
        format!("{} -> {}{wrapping}: {what}", self.key, account.escape_debug())
    }

    fn as_json(&self) -> Value {
        let mut row = json!({ "key": self.key, "account": self.account });
        row["fernet_key"] = match self.wrapping {
            Wrapping::Plain => Value::Null,
            Wrapping::Fernet(at) => at.into(),
        };
        match &self.outcome {
            Ok(outcome) => {
                let (word, id) = match outcome {
                    Outcome::Ready(_) => ("ready", None),
                    Outcome::Kept => ("kept", None),
                    Outcome::SignedIn(id) => ("signed_in", id.as_deref()),
                };
                row["outcome"] = word.into();
                row["account_id"] = id.into();
            }
            Err(error) => {
                row["outcome"] = "failed".into();
                row["error"] = json!({ "kind": error.kind(), "detail": error.detail() });
            }
        }
        row
    }
}

/// Where the account's name is.
fn account_in(wanted: &ImportRedis) -> Result<Regex, Failure> {
    let unfit = |what: String| Failure::from(Error::new(Kind::ConfigInvalid, what));
    if let Some(text) = &wanted.account_from {
        let regex = Regex::new(text).map_err(|error| unfit(format!("--account-from: {error}")))?;
        return match regex.captures_len() {
            2 => Ok(regex),
            _ => Err(unfit("--account-from needs one group, such as `session:(.*)`".to_owned())),
        };
    }
    let simple = wanted.pattern.matches('*').count() == 1 && !wanted.pattern.contains(['?', '[', '\\']);
    let Some((before, after)) = wanted.pattern.split_once('*').filter(|_| simple) else {
        let what = "the pattern is not plain text with one `*`, so --account-from must say where the account's name is";
        return Err(unfit(what.to_owned()));
    };
    let text = format!("^{}(?s:(.*)){}$", regex_lite::escape(before), regex_lite::escape(after));
    Regex::new(&text).map_err(|error| unfit(format!("--pattern: {error}")))
}

fn fernet_keys(wanted: &ImportRedis) -> Result<Vec<Fernet>, Error> {
    let mut texts: Vec<Zeroizing<String>> = wanted.fernet_key.iter().cloned().map(Zeroizing::new).collect();
    for file in &wanted.fernet_key_file {
        let text = gather::read(file)?;
        texts.extend(text.lines().filter(|line| !line.trim().is_empty()).map(|line| Zeroizing::new(line.to_owned())));
    }
    let read = |(at, text): (usize, &Zeroizing<String>)| {
        Fernet::new(text).ok_or_else(|| invalid(format!("Fernet key {at} is not 32 bytes in base64 for addresses")))
    };
    (1..).zip(&texts).map(read).collect()
}

fn invalid(what: String) -> Error {
    Error::new(Kind::CredentialsInvalid, what)
}
