//! How a program holds the platform: start it, drive it, read it, stop it.
//!
//! **Invariant:** whatever is dropped or stopped leaves no listener, task or connection behind.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::accept;
use crate::clock::Clock;
use crate::config::Config;
use crate::error::{BadRule, UnknownAccount};
use crate::faults::FaultRates;
use crate::platform::Platform;
use crate::script::{Rule, RuleId, RuleState};
use crate::stats::Stats;

/// A running platform; dropping it ends it.
pub struct Testbed {
    platform: Arc<Platform>,
    port: u16,
    stop: watch::Sender<()>,
    accepting: JoinHandle<()>,
}

/// What a browser that is signed in would export.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bundle {
    /// The `Cookie` header.
    pub cookie: String,
    /// The `User-Agent` header; another one is refused.
    pub user_agent: String,
    /// The `x-bc` header: the account's device; another one is refused.
    pub x_bc: String,
    /// The account's id, as `/bundle/me` answers it.
    pub account_id: String,
}

impl Testbed {
    /// Listens on loopback and serves from tasks of the present runtime.
    pub async fn start(config: Config) -> std::io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, config.port)).await?;
        let port = listener.local_addr()?.port();
        let platform = Arc::new(Platform::new(&config, port));
        let (stop, stopped) = watch::channel(());
        let accepting = tokio::spawn(accept::accept(listener, Arc::clone(&platform), stopped));
        Ok(Self { platform, port, stop, accepting })
    }

    /// `http://127.0.0.1:PORT`, without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The port that it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The clock that lifetimes are judged by.
    pub fn clock(&self) -> &Clock {
        self.platform.clock()
    }

    /// What was counted since the start or the last reset.
    pub fn stats(&self) -> Stats {
        self.platform.stats()
    }

    /// Counts from zero. Tokens, sessions, rules and the faults' place in their sequence stay.
    pub fn reset_stats(&self) {
        self.platform.reset_stats();
    }

    /// Adds a scripted fault.
    pub fn script(&self, rule: Rule) -> Result<RuleId, BadRule> {
        self.platform.world().script.add(rule)
    }

    /// Every scripted fault, with how often it matched and acted.
    pub fn rules(&self) -> Vec<RuleState> {
        self.platform.world().script.states()
    }

    /// Forgets all scripted faults.
    pub fn clear_script(&self) {
        self.platform.world().script.clear();
    }

    /// Changes the rates of seeded faults and starts their sequence again.
    pub fn set_faults(&self, rates: FaultRates) {
        self.platform.world().faults.restart(rates);
    }

    /// Changes the lifetime of access tokens issued from now on.
    pub fn set_token_lifetime(&self, lifetime: Duration) {
        self.platform.world().settings.token_lifetime = crate::clock::millis(lifetime);
    }

    /// A new grant, as an authorization that happened elsewhere would leave it; not counted as a sign-in.
    pub fn issue_refresh_token(&self, account: &str) -> Result<String, UnknownAccount> {
        self.platform.world().issue_refresh_token(account)
    }

    /// A new session that is bound to the account's device and this user agent; not counted as a sign-in.
    pub fn issue_bundle(&self, account: &str, user_agent: &str) -> Result<Bundle, UnknownAccount> {
        let now = self.clock().unix_millis();
        self.platform.world().issue_bundle(account, user_agent, now)
    }

    /// Writes down every request from now on.
    pub fn record(&self) {
        self.platform.world().record.begin();
    }

    /// Every request since then: its line, a line for each header, a blank one, and the body.
    pub fn recorded(&self) -> Vec<String> {
        self.platform.world().record.requests().to_vec()
    }

    /// Every secret that an account has or was ever given: password, tokens, session cookies, devices.
    pub fn secrets(&self, account: &str) -> Vec<String> {
        self.platform.world().secrets(account)
    }

    /// Lets the account's access tokens and cookie sessions expire now; answers how many.
    pub fn expire(&self, account: &str) -> usize {
        let now = self.clock().unix_millis();
        self.platform.world().expire(account, now)
    }

    /// Ends the account's grants, cookie sessions and static token; answers how many grants and sessions.
    pub fn revoke(&self, account: &str) -> usize {
        self.platform.world().revoke(account)
    }

    /// Stops accepting, lets requests in flight end for half a second, and cuts off the rest.
    pub async fn stop(mut self) {
        self.stop.send_replace(());
        // A task that panicked is over too.
        let _ = (&mut self.accepting).await;
    }
}

impl Drop for Testbed {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl std::fmt::Debug for Testbed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Testbed").field("port", &self.port).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Bundle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bundle")
            .field("user_agent", &self.user_agent)
            .field("account_id", &self.account_id)
            .finish_non_exhaustive()
    }
}
