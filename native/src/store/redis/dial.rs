//! Where is the Redis that takes writes, and how is it reached?
//!
//! **Invariant:** every attempt ends by the connect timeout; behind Sentinel, a server that does not say of itself that it is the
//! master is not used, whatever the sentinels say.

use std::sync::Arc;

use futures_util::stream::{FuturesUnordered, StreamExt};
use redis::aio::MultiplexedConnection;
use redis::cluster::ClusterClientBuilder;
use redis::cluster_async::ClusterConnection;
use redis::{AsyncConnectionConfig, Client, ConnectionAddr, ConnectionInfo, IntoConnectionInfo, RedisConnectionInfo};
use tokio::time::timeout;

use super::fault::{Fault, Then};
use super::settings::{Place, RedisSettings, Servers};
use crate::http::ensure_provider;

/// A connection that many callers share.
#[derive(Clone)]
pub(super) enum Link {
    One(MultiplexedConnection),
    Cluster(ClusterConnection),
}

/// Opens connections as the settings say.
#[derive(Debug)]
pub(super) struct Dialer {
    settings: Arc<RedisSettings>,
}

impl Dialer {
    pub(super) fn new(settings: Arc<RedisSettings>) -> Self {
        Self { settings }
    }

    /// Opens a connection to wherever writes go now.
    pub(super) async fn dial(&self) -> Result<Link, Fault> {
        let within = self.settings.connect_timeout;
        let dialled = async {
            match &self.settings.servers {
                Servers::One(place) => self.one(place).await.map(Link::One),
                Servers::Sentinel { master, sentinels, .. } => self.master(master, sentinels).await.map(Link::One),
                Servers::Cluster(nodes) => self.cluster(nodes).await.map(Link::Cluster),
            }
        };
        let Ok(dialled) = timeout(within, dialled).await else {
            let what = format!("{} did not answer within {within:?}", self.settings.servers);
            return Err(Fault::new(Then::Broken, what));
        };
        dialled
    }

    async fn one(&self, place: &Place) -> Result<MultiplexedConnection, Fault> {
        let settings = &*self.settings;
        let user = user(settings.db, settings.username.as_deref(), settings.secret());
        self.open(place, user).await
    }

    async fn open(&self, place: &Place, user: RedisConnectionInfo) -> Result<MultiplexedConnection, Fault> {
        let settings = &*self.settings;
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(settings.connect_timeout))
            .set_response_timeout(Some(settings.command_timeout));
        let client = self.client(place, user)?;
        client.get_multiplexed_async_connection_with_config(&config).await.map_err(|error| at(place, &error))
    }

    fn client(&self, place: &Place, user: RedisConnectionInfo) -> Result<Client, Fault> {
        let info = self.info(place, user)?;
        let opened = match &self.settings.tls {
            Some(tls) => Client::build_with_tls(info, tls.certificates()),
            None => Client::open(info),
        };
        opened.map_err(|error| at(place, &error))
    }

    fn info(&self, place: &Place, user: RedisConnectionInfo) -> Result<ConnectionInfo, Fault> {
        let address = match (place, &self.settings.tls) {
            (Place::Unix(path), _) => ConnectionAddr::Unix(path.clone()),
            (Place::Tcp(host, port), None) => ConnectionAddr::Tcp(host.clone(), *port),
            (Place::Tcp(host, port), Some(_)) => {
                ensure_provider();
                ConnectionAddr::TcpTls { host: host.clone(), port: *port, insecure: false, tls_params: None }
            }
        };
        let info = address.into_connection_info().map_err(|error| at(place, &error))?;
        Ok(info.set_redis_settings(user))
    }

    /// Asks all sentinels at once; the first whose answer proves right decides.
    async fn master(&self, name: &str, sentinels: &[Place]) -> Result<MultiplexedConnection, Fault> {
        let mut asked: FuturesUnordered<_> = sentinels.iter().map(|sentinel| self.ask(sentinel, name)).collect();
        let mut tried: Vec<Place> = Vec::new();
        let mut last = Fault::new(Then::Broken, "no sentinel is configured");
        while let Some(answer) = asked.next().await {
            let connected = match answer {
                Ok(place) if tried.contains(&place) => continue,
                Ok(place) => {
                    tried.push(place.clone());
                    self.verified(&place).await
                }
                Err(fault) => Err(fault),
            };
            match connected {
                Ok(connection) => return Ok(connection),
                Err(fault) => last = fault,
            }
        }
        Err(last)
    }

    async fn ask(&self, sentinel: &Place, name: &str) -> Result<Place, Fault> {
        let settings = &*self.settings;
        let mut connection = self.open(sentinel, user(0, settings.sentinel_user(), settings.sentinel_secret())).await?;
        let answer: Option<(String, u16)> = redis::cmd("SENTINEL")
            .arg("GET-MASTER-ADDR-BY-NAME")
            .arg(name)
            .query_async(&mut connection)
            .await
            .map_err(|error| at(sentinel, &error))?;
        match answer {
            Some((host, port)) => Ok(Place::Tcp(host, port)),
            None => Err(Fault::new(Then::Broken, format!("the sentinel {sentinel} knows no master {name:?}"))),
        }
    }

    async fn verified(&self, place: &Place) -> Result<MultiplexedConnection, Fault> {
        let mut connection = self.one(place).await?;
        let role: Vec<redis::Value> =
            redis::cmd("ROLE").query_async(&mut connection).await.map_err(|error| at(place, &error))?;
        let role = role.into_iter().next().and_then(|first| redis::from_redis_value::<String>(first).ok());
        match role.as_deref() {
            Some("master") => Ok(connection),
            Some(_) | None => Err(Fault::new(
                Then::Broken,
                format!("the sentinels name {place} as master, and it says that it is not"),
            )),
        }
    }

    async fn cluster(&self, nodes: &[Place]) -> Result<ClusterConnection, Fault> {
        let settings = &*self.settings;
        let failed = |error: &redis::RedisError| {
            let mut fault = Fault::read(error);
            fault.then = Then::Broken;
            fault
        };
        let user = || user(settings.db, settings.username.as_deref(), settings.secret());
        let infos = nodes.iter().map(|node| self.info(node, user())).collect::<Result<Vec<_>, _>>()?;
        // The library's own waits grow to minutes; a caller's patience ends with the command timeout.
        let mut builder = ClusterClientBuilder::new(infos)
            .retries(RETRIES)
            .min_retry_wait(20)
            .max_retry_wait(400)
            .retry_wait_formula(20, 2)
            .connection_timeout(settings.connect_timeout)
            .response_timeout(settings.command_timeout)
            .overall_response_timeout(Some(settings.command_timeout));
        if let Some(tls) = &settings.tls {
            builder = builder.certs(tls.certificates());
        }
        let client = builder.build().map_err(|error| failed(&error))?;
        client.get_async_connection().await.map_err(|error| failed(&error))
    }
}

fn user(db: u32, name: Option<&str>, password: Option<&str>) -> RedisConnectionInfo {
    let mut user = RedisConnectionInfo::default().set_db(i64::from(db)).set_skip_set_lib_name();
    if let Some(name) = name {
        user = user.set_username(name);
    }
    if let Some(password) = password {
        user = user.set_password(password);
    }
    user
}

/// A failure to connect is never that of a command: whatever it was, nothing was asked.
fn at(place: &Place, error: &redis::RedisError) -> Fault {
    let mut fault = Fault::read(error);
    fault.then = Then::Broken;
    if let crate::store::StoreError::Unavailable(what) = &mut fault.error {
        *what = format!("{place}: {what}");
    }
    fault
}

/// Redirections and failovers that one command follows.
const RETRIES: u32 = 6;
