//! What can be chosen for a pool?

use std::fmt;
use std::future::Future;
use std::num::NonZeroU32;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use hallpass_core::credentials::Credentials;
use hallpass_core::error::{Error, Kind};
use hallpass_core::rota::{Policy, Rules};

use super::SessionPool;
use super::machine::Inner;
use crate::client::Client;
use crate::platform::Platform;

/// Settings for a new [`SessionPool`].
#[must_use = "a pool is made by `build`"]
pub struct PoolBuilder {
    client: Client,
    platform: Platform,
    accounts: Vec<String>,
    rules: Rules,
    wait: Duration,
    source: Option<Source>,
}

/// Where the credentials of accounts come from that must sign in.
pub(super) type Source =
    Arc<dyn Fn(String) -> Pin<Box<dyn Future<Output = Result<Credentials, Error>> + Send>> + Send + Sync>;

impl Client {
    /// A pool over several accounts of a platform.
    pub fn pool(&self, platform: &Platform) -> PoolBuilder {
        PoolBuilder {
            client: self.clone(),
            platform: platform.clone(),
            accounts: Vec::new(),
            rules: Rules::default(),
            wait: Duration::from_secs(60),
            source: None,
        }
    }
}

impl PoolBuilder {
    /// The accounts, in the order in which they are first given. Where none is named, those that the client's store holds for this
    /// platform.
    pub fn accounts(mut self, accounts: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.accounts.extend(accounts.into_iter().map(Into::into));
        self
    }

    /// How an account gets its credentials when it must sign in: asked when its saved session is not there or has ended. An account
    /// that is refused then is expired; it is not asked for again until it is [restored](SessionPool::restore). Without this, accounts
    /// only resume.
    pub fn credentials<F, Fut>(mut self, source: F) -> Self
    where
        F: Fn(String) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Credentials, Error>> + Send + 'static,
    {
        self.source = Some(Arc::new(move |account| Box::pin(source(account))));
        self
    }

    /// Which account is next: the one given least recently when nothing is said.
    pub fn policy(mut self, policy: Policy) -> Self {
        self.rules.policy = policy;
        self
    }

    /// How many may use an account's session at once: one when nothing is said.
    pub fn concurrent(mut self, leases: NonZeroU32) -> Self {
        self.rules.concurrent = leases.get();
        self
    }

    /// How often an account is given before it retires.
    pub fn uses(mut self, most: u64) -> Self {
        self.rules.uses = Some(most.max(1));
        self
    }

    /// How long an account is given before it retires.
    pub fn age(mut self, most: Duration) -> Self {
        self.rules.age = Some(most);
        self
    }

    /// How long a retired account rests before it is given again; for ever when nothing is said.
    pub fn rest(mut self, rest: Duration) -> Self {
        self.rules.rest = Some(rest);
        self
    }

    /// How long an account is left alone that failed too often: 30 s when nothing is said, longer each time.
    pub fn cool_down(mut self, pause: Duration) -> Self {
        self.rules.cool_down = pause;
        self
    }

    /// How many may wait: 10,000 when nothing is said.
    pub fn waiting(mut self, most: usize) -> Self {
        self.rules.waiting = most;
        self
    }

    /// How long [`acquire`](SessionPool::acquire) waits: 60 s when nothing is said.
    pub fn wait(mut self, limit: Duration) -> Self {
        self.wait = limit;
        self
    }

    /// Every rule at once, in place of what was said before.
    pub fn rules(mut self, rules: Rules) -> Self {
        self.rules = rules;
        self
    }

    /// The pool. No session is opened before it is first given.
    ///
    /// # Errors
    ///
    /// `config_invalid` for an account without a name; where no account is named, the store's.
    pub async fn build(mut self) -> Result<SessionPool, Error> {
        if self.accounts.is_empty() {
            let saved = self.client.saved().await?;
            let ours = saved.into_iter().filter(|saved| saved.platform == self.platform.id());
            self.accounts = ours.map(|saved| saved.account).collect();
        }
        if self.accounts.iter().any(String::is_empty) {
            return Err(Error::new(Kind::ConfigInvalid, "an account of a pool needs a name"));
        }
        let seed = self.client.inner.new_seed()?;
        let inner = Inner::start(self.client, self.platform, self.rules, self.wait, self.source, &seed);
        for account in &self.accounts {
            inner.with(|machine, now| machine.rota.add(account, now));
        }
        Ok(SessionPool { inner })
    }
}

impl fmt::Debug for PoolBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PoolBuilder")
            .field("platform", &self.platform.id())
            .field("accounts", &self.accounts)
            .field("rules", &self.rules)
            .finish_non_exhaustive()
    }
}
