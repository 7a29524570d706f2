//! What is a scenario? One session's life as a file that every runner plays alike; `tests/vectors/scenarios/README.md` says how.

pub mod bare;
pub mod script;
pub mod signs;
pub mod tokio;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use hallpass_core::credentials::{Credentials, Secret};
use hallpass_core::envelope::Keyring;
use hallpass_core::machine::{Body, CallOptions, Head, KeepCredentials, Leases, Persist, Session, Settings};
use hallpass_core::platform::{Compiled, Platform};
use hallpass_core::seed::Seed;
use hallpass_core::time::{Mono, Now, Wall};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use serde::Deserialize;

use crate::hex;

/// A scenario as its file says it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the format's README says what each key means")]
pub struct Scenario {
    pub about: String,
    pub platform: serde_json::Value,
    pub account: String,
    #[serde(default)]
    pub keyring: Option<String>,
    /// Whether the store grants leases.
    #[serde(default)]
    pub leases: bool,
    #[serde(default)]
    pub namespace: String,
    #[serde(default)]
    pub renew_without_store: bool,
    #[serde(default)]
    pub keep_credentials: Keep,
    pub seed: String,
    pub start: i64,
    pub end: u64,
    #[serde(default)]
    pub credentials: Given,
    #[serde(default)]
    pub record: Option<String>,
    pub steps: Vec<Step>,
    #[serde(default)]
    pub answers: Vec<script::Answer>,
    #[serde(default)]
    pub store: Vec<script::StoreRule>,
    #[serde(default)]
    pub permits: Vec<script::PermitRule>,
    #[serde(default)]
    pub signs: Option<Vec<signs::SignRule>>,
    #[serde(default)]
    pub asks: Vec<script::AskRule>,
}

/// The setting of the same name.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the format's README says what each word means")]
pub enum Keep {
    #[default]
    Never,
    InMemory,
    Sealed,
}

/// The credentials that `sign_in` steps use.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[expect(missing_docs, reason = "the format's README says what each key means")]
pub struct Given {
    pub fields: BTreeMap<String, String>,
    pub cookies: Option<String>,
    pub user_agent: Option<String>,
    pub headers: BTreeMap<String, String>,
    pub account_id: Option<String>,
}

/// What the program does at a moment.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the format's README says what each key means")]
pub struct Step {
    pub at: u64,
    #[serde(rename = "do")]
    pub what: What,
    #[serde(default)]
    pub id: String,
    #[serde(default)]
    pub method: Option<String>,
    #[serde(default)]
    pub path: String,
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    #[serde(default)]
    pub body: Option<String>,
    #[serde(default)]
    pub timeout: Option<u64>,
    #[serde(default)]
    pub within: Option<u64>,
}

/// The kinds of steps.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "each is the command of the same name")]
pub enum What {
    Call,
    Cancel,
    SignIn,
    Resume,
    Renew,
    Validate,
    SignOut,
    Save,
    Close,
    Forget,
}

impl Scenario {
    /// Every scenario file, in order of name.
    pub fn files() -> Vec<PathBuf> {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("vectors/scenarios");
        let entries = std::fs::read_dir(&folder).expect("the folder of scenarios");
        let mut files: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
        files.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
        files.sort();
        files
    }

    /// Reads one.
    pub fn read(path: &std::path::Path) -> Self {
        let text = std::fs::read_to_string(path).expect("a scenario");
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// The moment so many virtual milliseconds after the session was made.
    pub fn now(&self, at: u64) -> Now {
        let since = Duration::from_millis(at);
        Now::new(Mono::from_nanos(0) + since, Wall::from_millis(self.start) + since)
    }

    /// The session at its beginning.
    pub fn session(&self) -> Session {
        let platform = Platform::from_json(&self.platform.to_string()).expect("a valid platform");
        let persist = self.keyring.as_ref().map(|text| Persist {
            keyring: Arc::new(Keyring::parse(text).expect("a valid keyring")),
            namespace: self.namespace.clone(),
            leases: if self.leases { Leases::Granted } else { Leases::NotNeeded },
        });
        let renew_without_store = self.renew_without_store;
        let (signer, asks) = (self.signs.is_some(), !self.asks.is_empty());
        let keep_credentials = match self.keep_credentials {
            Keep::Never => KeepCredentials::Never,
            Keep::InMemory => KeepCredentials::InMemory,
            Keep::Sealed => KeepCredentials::Sealed,
        };
        let settings = Settings {
            persist,
            renew_without_store,
            keep_credentials,
            signer,
            asks,
            trace: true,
            ..Settings::default()
        };
        let seed: [u8; 32] = hex::decode(&self.seed).and_then(|bytes| bytes.try_into().ok()).expect("32 bytes");
        let compiled = Arc::new(Compiled::new(platform).expect("a valid platform"));
        Session::new(compiled, self.account.clone(), settings, Seed::new(seed), self.now(0))
    }

    /// The credentials.
    pub fn credentials(&self) -> Credentials {
        self.credentials.credentials()
    }
}

impl Given {
    /// The same as the core takes them.
    pub fn credentials(&self) -> Credentials {
        let secrets = |map: &BTreeMap<String, String>| -> BTreeMap<String, Secret> {
            map.iter().map(|(name, value)| (name.clone(), Secret::new(value.as_str()))).collect()
        };
        Credentials {
            fields: secrets(&self.fields),
            cookies: self.cookies.as_deref().map(Secret::new),
            user_agent: self.user_agent.clone(),
            headers: secrets(&self.headers),
            account_id: self.account_id.clone(),
            ..Credentials::default()
        }
    }
}

impl Step {
    /// The head of a call.
    pub fn head(&self, session: &Session) -> Head {
        let mut headers = HeaderMap::new();
        for (name, value) in &self.headers {
            let name: HeaderName = name.parse().expect("a header name");
            headers.append(name, HeaderValue::from_str(value).expect("a header value"));
        }
        let method: Method = self.method.as_deref().unwrap_or("GET").parse().expect("a method");
        let body = match self.body.as_deref() {
            None | Some("empty") => Body::Empty,
            Some("replayable") => Body::Replayable,
            Some("once") => Body::Once,
            Some(other) => panic!("`{other}` is no kind of body"),
        };
        let options = CallOptions { timeout: self.timeout.map(Duration::from_millis), ..CallOptions::default() };
        let uri = session.compiled().resolve(&self.path).expect("an address");
        Head { method, uri, headers, body, options }
    }
}
