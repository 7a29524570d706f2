//! Where are the saved sessions, and with which keys are they opened?
//!
//! **Invariant:** a key is made only for a store that holds nothing sealed, and only by a login.

use std::path::PathBuf;
use std::sync::Arc;

use hallpass::core::machine::{Glance, kept, store_error};
use hallpass::keys::{self, KeyFile, Source};
use hallpass::store::{Entry, FileStore, RecordKey, RedisSettings, RedisStore, Store, StoreError};
use hallpass::{Builder, Client, Credentials, Error, KeepCredentials, Keyring, Kind, Notice, Secret};

use crate::args::Common;
use crate::asking::Person;
use crate::outcome::Failure;
use crate::places::Places;
use crate::{prompt, report};

/// Separates these sessions from those of other programs in the same store; the npm package says the same.
pub(crate) const NAMESPACE: &str = "hallpass";

/// The store, and where its key would be.
#[derive(Debug)]
pub(crate) struct Vault {
    store: Arc<dyn Store>,
    place: Place,
    /// The file that was named on the command line.
    named: Option<PathBuf>,
    usual: PathBuf,
}

impl Vault {
    /// Opens the store that was asked for, or the usual one.
    pub(crate) fn open(common: &Common, places: &Places) -> Result<Self, Failure> {
        let named = common.store.clone().unwrap_or_else(|| places.sessions());
        let (store, place) = open(named)
            .map_err(|error| Failure::from(store_error(&error)).with_hint("--store names another folder or Redis"))?;
        Ok(Self { store, place, named: common.key_file.clone(), usual: places.key_file() })
    }

    /// The keys at hand, if there are any. A passphrase that is in no file is asked for at a terminal.
    pub(crate) fn keyring(&self) -> Result<Option<Keyring>, Error> {
        let Some(source) = self.source()? else { return Ok(None) };
        source.read_asking(&mut |id| {
            if !prompt::is_possible() {
                return Ok(None);
            }
            let typed = prompt::secretly(&format!("passphrase of the key {id}")).map_err(|failure| failure.error)?;
            Ok(Some(Secret::new(typed.as_str())))
        })
    }

    /// Where the keys come from: the file that was named, what the environment says, or the usual file if it is there.
    pub(crate) fn source(&self) -> Result<Option<Source>, Error> {
        let named = match &self.named {
            Some(file) => Some(Source::file(file)),
            None => Source::from_environment()?,
        };
        let must = named.is_some();
        let source = named.unwrap_or_else(|| Source::file(&self.usual));
        match source.path() {
            Some(path) if !path.exists() => {
                let missing = || Error::new(Kind::KeyMissing, format!("there is no key file {}", path.display()));
                if must { Err(missing()) } else { Ok(None) }
            }
            Some(_) | None => Ok(Some(source)),
        }
    }

    /// The key file, whether or not it is there, unless the keys come from elsewhere.
    pub(crate) fn key_file(&self) -> Result<Option<KeyFile>, Error> {
        if let Some(file) = &self.named {
            return Ok(Some(KeyFile::at(file)));
        }
        match Source::from_environment()? {
            Some(source) => Ok(source.path().map(KeyFile::at)),
            None => Ok(Some(KeyFile::at(&self.usual))),
        }
    }

    /// The store itself.
    pub(crate) fn store(&self) -> &dyn Store {
        &*self.store
    }

    /// The keys at hand, or a new one where nothing is sealed yet; a new one is reported once.
    pub(crate) async fn keyring_or_new(&self) -> Result<Keyring, Error> {
        if let Some(keyring) = self.keyring()? {
            return Ok(keyring);
        }
        let keyring = keys::mint(&self.usual, &*self.store, NAMESPACE).await?;
        report::remark(&format!(
            "made the key `{}` in {}; back it up: without it the saved sessions cannot be opened",
            keyring.primary_id(),
            self.usual.display()
        ));
        Ok(keyring)
    }

    /// The keys to open an account's session with. Without any there is no session, or its key is missing.
    pub(crate) async fn keyring_for(&self, account: &str) -> Result<Keyring, Error> {
        if let Some(keyring) = self.keyring()? {
            return Ok(keyring);
        }
        let (entries, damaged) = self.list().await?;
        if entries.is_empty() && damaged.is_empty() {
            return Err(Error::new(Kind::NoSession, format!("no session of `{account}` is saved; sign in first")));
        }
        let what = format!("the store holds sealed sessions, but there is no key at {}", self.usual.display());
        Err(Error::new(Kind::KeyMissing, what))
    }

    /// A client over this store; with `tells` what happens is told on standard error.
    pub(crate) fn client(&self, keyring: Keyring, tells: Tells) -> Result<Client, Error> {
        self.builder(keyring, tells).build()
    }

    /// Settings of a client over this store. What was sealed for signing in again is used, and stays.
    pub(crate) fn builder(&self, keyring: Keyring, tells: Tells) -> Builder {
        let builder = Client::builder().namespace(NAMESPACE).shared_store(Arc::clone(&self.store)).keyring(keyring);
        let builder = builder.keep_credentials(KeepCredentials::Sealed);
        match tells {
            Tells::Nothing => builder,
            Tells::Notices => builder.on_notice(|_, notice| tell(notice)),
        }
    }

    /// A client over this store that asks this person, and keeps credentials or does not.
    pub(crate) fn client_with(&self, keyring: Keyring, person: Person, keep: KeepCredentials) -> Result<Client, Error> {
        let builder = Client::builder().namespace(NAMESPACE).shared_store(Arc::clone(&self.store)).keyring(keyring);
        builder.ask(person).keep_credentials(keep).build()
    }

    /// Every saved session, and the names of records that cannot be read.
    pub(crate) async fn list(&self) -> Result<(Vec<Entry>, Vec<String>), Error> {
        let (mut entries, mut damaged, mut after) = (Vec::new(), Vec::new(), None);
        let page = std::num::NonZeroUsize::MIN.saturating_add(255);
        loop {
            let page = self.store.list(NAMESPACE, after.as_ref(), page).await.map_err(|error| store_error(&error))?;
            entries.extend(page.entries);
            damaged.extend(page.damaged);
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        entries.sort_by(|a, b| a.key.cmp(&b.key));
        Ok((entries, damaged))
    }

    /// What the saved record of a key tells, if there is one.
    pub(crate) async fn glance(&self, key: &RecordKey, keyring: &Keyring) -> Result<Option<Glance>, Error> {
        let record = self.store.load(key).await.map_err(|error| store_error(&error))?;
        record.map(|record| Glance::of(keyring, key, &record.sealed)).transpose()
    }

    /// The credentials in the saved record of a key, if there is one: all of it is secret.
    pub(crate) async fn kept(&self, key: &RecordKey, keyring: &Keyring) -> Result<Option<Credentials>, Error> {
        let record = self.store.load(key).await.map_err(|error| store_error(&error))?;
        record.map(|record| kept(keyring, key, &record.sealed)).transpose()
    }

    /// Removes a record, whatever state it is in, if it is there.
    pub(crate) async fn remove(&self, key: &RecordKey) -> Result<(), Error> {
        self.store.remove(key, hallpass::store::Expected::Any).await.map_err(|error| store_error(&error))?;
        Ok(())
    }

    /// Whether there is a record, in whatever state.
    pub(crate) async fn has(&self, key: &RecordKey) -> Result<bool, Error> {
        match self.store.load(key).await {
            Ok(record) => Ok(record.is_some()),
            Err(StoreError::Damaged(_)) => Ok(true),
            Err(error) => Err(store_error(&error)),
        }
    }

    /// Where the sessions are, in words for people.
    pub(crate) fn place(&self) -> String {
        match &self.place {
            Place::Folder(folder) => folder.display().to_string(),
            Place::Redis => "Redis".to_owned(),
        }
    }

    /// Where the record of this name is, for people who look there.
    pub(crate) fn place_of(&self, name: &str) -> String {
        match &self.place {
            Place::Folder(folder) => folder.join(name).display().to_string(),
            Place::Redis => format!("the key {name}"),
        }
    }
}

/// Where the sessions are.
#[derive(Debug)]
enum Place {
    Folder(PathBuf),
    Redis,
}

/// Opens a folder, or what a URL names. No folder of people's has `://` in its name.
fn open(named: PathBuf) -> Result<(Arc<dyn Store>, Place), StoreError> {
    match named.to_str() {
        Some(url) if url.contains("://") => {
            let store = RedisStore::new(RedisSettings::from_url(url)?)?;
            Ok((Arc::new(store), Place::Redis))
        }
        Some(_) | None => Ok((Arc::new(FileStore::open(&named)?), Place::Folder(named))),
    }
}

/// What a client tells on standard error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tells {
    Nothing,
    Notices,
}

fn tell(notice: &Notice) {
    let text = match notice {
        Notice::Restored(generation) => format!("resumed generation {generation}"),
        Notice::Renewed(generation) => format!("renewed; now generation {generation}"),
        Notice::Adopted(generation) => format!("took over generation {generation} from another process"),
        Notice::Refused(generation) => format!("the platform refused generation {generation}"),
        Notice::RenewalFailed(kind) => format!("a renewal failed ({})", kind.as_str()),
        Notice::BundleDrift(header) => format!("sent the bundle's `{header}` in place of the one that was given"),
        Notice::Saved(version) => format!("saved version {}", version.0),
        Notice::SaveFailed(kind) => format!("a save failed ({})", kind.as_str()),
        Notice::Retried(_, pause, kind) => {
            format!("tries again after {} ms ({})", pause.as_millis(), kind.as_str())
        }
        _ => return,
    };
    report::line(&format!("* {text}"));
}
