//! The platform that the demo plays against: which accounts, how long tokens live, how often what goes wrong.

use std::time::Duration;

use hallpass::{Credentials, Error, Kind, Platform};
use hallpass_testbed::{Config, FaultRates, FaultScope, Stats, Testbed};
use tokio::runtime::Runtime;

use crate::commands::unwritable;
use crate::outcome::Failure;

/// A running platform, on threads of its own.
pub(super) struct Stage {
    testbed: Testbed,
    platform: Platform,
    accounts: Vec<String>,
    // The last field: the testbed's tasks live in it.
    _runtime: Runtime,
}

impl Stage {
    pub(super) fn open(seed: u64, accounts: u64) -> Result<Self, Failure> {
        let accounts: Vec<_> = (0..).map(name).take(usize::try_from(accounts).unwrap_or(usize::MAX)).collect();
        let config = Config {
            seed,
            token_lifetime: TOKENS_LIVE,
            accounts: accounts.iter().map(|name| (name.clone(), password(name))).collect(),
            faults: RATES,
            fault_scope: FaultScope::Served,
            ..Config::default()
        };
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("platform")
            .enable_all()
            .build()
            .map_err(|error| Error::new(Kind::ConfigInvalid, format!("the runtime cannot be started: {error}")))?;
        let testbed = runtime
            .block_on(Testbed::start(config))
            .map_err(|error| unwritable("on a socket of the loopback", &error))?;
        let platform = Platform::from_toml(&PLATFORM.replace("{url}", &testbed.url()))?;
        Ok(Self { testbed, platform, accounts, _runtime: runtime })
    }

    pub(super) fn url(&self) -> String {
        self.testbed.url()
    }

    pub(super) fn platform(&self) -> &Platform {
        &self.platform
    }

    pub(super) fn accounts(&self) -> &[String] {
        &self.accounts
    }

    pub(super) fn credentials(account: &str) -> Credentials {
        Credentials::password(account, password(account))
    }

    /// Ends an account's token before its time, so that the next calls are refused.
    pub(super) fn expire(&self, account: &str) {
        self.testbed.expire(account);
    }

    /// What the platform counted.
    pub(super) fn stats(&self) -> Stats {
        self.testbed.stats()
    }
}

fn name(number: usize) -> String {
    const NAMES: [&str; 8] = ["alice", "bob", "carol", "dave", "erin", "frank", "grace", "heidi"];
    NAMES.get(number).map_or_else(|| format!("account-{}", number + 1), |name| (*name).to_owned())
}

fn password(account: &str) -> String {
    format!("{account}-password")
}

/// A whole second, since `expires_in` counts those: a longer fraction would be promised and not kept.
const TOKENS_LIVE: Duration = Duration::from_secs(2);

/// Out of a thousand answers. Most are late, so that tokens end while calls are under way.
const RATES: FaultRates = FaultRates {
    reset: 25,
    truncate: 10,
    throttle: 15,
    unavailable: 15,
    delay: 850,
    throttle_burst: 1,
    retry_after: 1,
    delay_max_ms: 450,
};

const PLATFORM: &str = r#"
id = "demo"
base_url = "{url}"

[sign_in.json]
path = "/json/login"
fields = { username = "{username}", password = "{password}" }
tokens = {}

[renew]
token_url = "/oauth/token"
client_id = "testbed"
rotates = true

[identity]
path = "/me"
account_id = "/id"

[retry]
attempts = 8
base = "50ms"
cap = "2s"
"#;
