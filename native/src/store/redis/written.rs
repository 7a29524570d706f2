//! How are settings written down: as a URL, or in the environment?
//!
//! **Invariant:** what is not known or contradicts something is refused by its name, and no message repeats a value that may be secret.

use std::collections::BTreeMap;
use std::fs;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use zeroize::Zeroizing;

use super::settings::{Place, RedisSettings, RedisTls, Servers};
use crate::store::StoreError;

impl RedisSettings {
    /// Settings from a URL:
    ///
    /// - `redis://[user][:password@]host[:port][/db]`; `rediss://` with TLS,
    /// - `unix://[user][:password@]/path/of/socket`,
    /// - `redis+sentinel://[user][:password@]sentinel[:port],sentinel…/master[/db]`,
    /// - `redis+cluster://[user][:password@]node[:port],node…`.
    ///
    /// `valkey` may stand for `redis`; `rediss` before `+` encrypts. User and password are percent-encoded where they hold other than
    /// letters, digits, `-`, `.`, `_` and `~`. After `?`: `prefix`, `connect_timeout` and `command_timeout` (`500ms`, `2s`),
    /// `connections`, `replicas`, `ca`, `cert` and `key` (paths of PEM files, with TLS), `db` (of a socket),
    /// `sentinel_username` and `sentinel_password`.
    ///
    /// ```
    /// use hallpass::store::RedisSettings;
    ///
    /// RedisSettings::from_url("rediss://app:secret@redis.example:6380/2?command_timeout=500ms").unwrap();
    /// let error = RedisSettings::from_url("redis://localhost/?comand_timeout=500ms").unwrap_err();
    /// assert!(error.to_string().contains("comand_timeout"));
    /// ```
    ///
    /// # Errors
    ///
    /// [`StoreError::Unsupported`] with what cannot be read.
    pub fn from_url(url: &str) -> Result<Self, StoreError> {
        read_url(url).map_err(|what| refused(&format!("the Redis URL: {what}")))
    }

    /// Settings from the environment; `None` where it says nothing of Redis.
    ///
    /// `REDIS_URL`, as [`RedisSettings::from_url`] reads it, or `REDIS_HOST` with `REDIS_PORT`, `REDIS_DB` and `REDIS_TLS` (`true` or `false`);
    /// with either `REDIS_USERNAME`, `REDIS_PASSWORD`, `REDIS_PREFIX`, `REDIS_CONNECT_TIMEOUT`, `REDIS_COMMAND_TIMEOUT`, `REDIS_CONNECTIONS`,
    /// `REDIS_REPLICAS`, `REDIS_CA_FILE`, `REDIS_CERT_FILE` and `REDIS_KEY_FILE`. `REDIS_URL_FILE`, `REDIS_USERNAME_FILE` and
    /// `REDIS_PASSWORD_FILE` name files that hold the value.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unsupported`] with what cannot be read, or with the name of a variable that begins with `REDIS_` and is not known.
    /// What Kubernetes and Redis's own images set by themselves is left alone.
    pub fn from_env() -> Result<Option<Self>, StoreError> {
        let variables = std::env::vars_os().filter_map(|(name, value)| {
            let name = name.into_string().ok().filter(|name| name.starts_with(START))?;
            Some((name, value.into_string().unwrap_or_else(|_| "\u{fffd}".to_owned())))
        });
        Self::from_variables(variables)
    }

    /// As [`RedisSettings::from_env`], from these variables.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn from_variables(variables: impl IntoIterator<Item = (String, String)>) -> Result<Option<Self>, StoreError> {
        let variables = variables.into_iter().filter(|(name, value)| name.starts_with(START) && !value.is_empty());
        let variables: BTreeMap<String, Zeroizing<String>> =
            variables.map(|(name, value)| (name, Zeroizing::new(value))).collect();
        read_variables(variables).map_err(|what| refused(&format!("the environment: {what}")))
    }

    /// One setting that a URL and the environment have in common.
    fn set(mut self, name: &str, value: &str) -> Result<Self, String> {
        let number = |value: &str| value.parse::<u32>().map_err(|_| format!("{name} is not a number"));
        match name {
            "db" => self.db = number(value)?,
            "prefix" => value.clone_into(&mut self.prefix),
            "connect_timeout" => self.connect_timeout = duration(name, value)?,
            "command_timeout" => self.command_timeout = duration(name, value)?,
            "connections" => {
                self.connections =
                    value.parse::<NonZeroUsize>().map_err(|_| format!("{name} is not a number above 0"))?;
            }
            "replicas" => self.replicas = Some(number(value)?),
            _ => return Err(format!("{name} is not known")),
        }
        Ok(self)
    }

    /// The PEM files of an encrypted connection.
    fn files(mut self, ca: Option<&str>, cert: Option<&str>, key: Option<&str>) -> Result<Self, String> {
        if ca.is_none() && cert.is_none() && key.is_none() {
            return Ok(self);
        }
        let Some(mut tls) = self.tls.take() else {
            return Err("certificates without TLS".to_owned());
        };
        if let Some(ca) = ca {
            tls = tls.ca_pem(file(ca)?.as_bytes());
        }
        match (cert, key) {
            (Some(cert), Some(key)) => tls = tls.client_pem(file(cert)?.as_bytes(), file(key)?.as_bytes()),
            (None, None) => {}
            (Some(_), None) | (None, Some(_)) => return Err("a client's certificate and key come together".to_owned()),
        }
        self.tls = Some(tls);
        Ok(self)
    }
}

fn read_url(url: &str) -> Result<RedisSettings, String> {
    let (scheme, rest) = url.split_once("://").ok_or("it has no scheme, such as redis://")?;
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    if rest.contains('#') || query.contains('#') {
        return Err("it has a fragment; encode # as %23".to_owned());
    }
    let (base, company) = scheme.split_once('+').unwrap_or((scheme, ""));
    let (authority, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
    let (user, hosts) = authority.rsplit_once('@').map_or((None, authority), |(user, hosts)| (Some(user), hosts));
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let (servers, db) = match (base, company, &parts[..]) {
        ("unix", "", _) | ("redis" | "valkey", "unix", _) if hosts.is_empty() && path.len() > 1 => {
            (Servers::One(Place::Unix(PathBuf::from(decoded(path)?))), None)
        }
        ("unix", "", _) | ("redis" | "valkey", "unix", _) => {
            return Err("a socket is three slashes and its path".to_owned());
        }
        (_, "", []) => (Servers::One(one(hosts)?), None),
        (_, "", [db]) => (Servers::One(one(hosts)?), Some(*db)),
        (_, "sentinel", [master, db @ ..]) if db.len() < 2 => {
            let (master, sentinels) = (decoded(master)?, places(hosts, 26379)?);
            (Servers::Sentinel { master, sentinels, username: None, password: None }, db.first().copied())
        }
        (_, "sentinel", _) => return Err("after the sentinels come /master and at most /db".to_owned()),
        (_, "cluster", []) => (Servers::Cluster(places(hosts, 6379)?), None),
        (_, "cluster", _) => return Err("a cluster has database 0 only, so no path".to_owned()),
        (_, _, _) => return Err("after the host comes at most /db, and before :// one of the known schemes".to_owned()),
    };
    let mut settings = RedisSettings::new(servers);
    settings.tls = match base {
        "redis" | "valkey" | "unix" => None,
        "rediss" | "valkeys" => Some(RedisTls::default()),
        _ => return Err("its scheme is not known".to_owned()),
    };
    if let Some(db) = db {
        settings = settings.set("db", db)?;
    }
    if let Some(user) = user {
        let (name, password) = user.split_once(':').map_or((user, None), |(name, password)| (name, Some(password)));
        settings.username = Some(decoded(name)?).filter(|name| !name.is_empty());
        settings.password = password.map(decoded).transpose()?.map(Zeroizing::new);
    }
    read_query(settings, query)
}

fn read_query(mut settings: RedisSettings, query: &str) -> Result<RedisSettings, String> {
    let mut given = BTreeMap::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        if given.insert(name, Zeroizing::new(decoded(value)?)).is_some() {
            return Err(format!("{name} is given twice"));
        }
    }
    let mut take = |name: &str| given.remove(name);
    let (ca, cert, key) = (take("ca"), take("cert"), take("key"));
    let (user, password) = (take("sentinel_username"), take("sentinel_password"));
    match (&mut settings.servers, user, password) {
        (_, None, None) => {}
        (Servers::Sentinel { username, password, .. }, user, Some(secret)) => {
            *username = user.map(|user| user.to_string());
            *password = Some(secret);
        }
        (Servers::Sentinel { .. }, Some(_), None) => {
            return Err("sentinel_username without sentinel_password".to_owned());
        }
        (Servers::One(_) | Servers::Cluster(_), _, _) => {
            return Err("sentinel_username and sentinel_password belong to redis+sentinel://".to_owned());
        }
    }
    let is_socket = matches!(settings.servers, Servers::One(Place::Unix(_)));
    for (name, value) in given {
        if name == "db" && !is_socket {
            return Err("db comes after the host, as /db".to_owned());
        }
        settings = settings.set(name, &value)?;
    }
    let text = |value: &Option<Zeroizing<String>>| value.as_ref().map(|value| value.to_string());
    settings.files(text(&ca).as_deref(), text(&cert).as_deref(), text(&key).as_deref())
}

fn read_variables(mut given: BTreeMap<String, Zeroizing<String>>) -> Result<Option<RedisSettings>, String> {
    given.retain(|name, _| !is_anothers(name));
    let known =
        |name: &str| KNOWN.contains(&name) || name.strip_suffix("_FILE").is_some_and(|name| SECRET.contains(&name));
    if let Some(name) = given.keys().find(|name| !known(name)) {
        return Err(format!("{name} is not known"));
    }
    for secret in SECRET {
        if let Some(path) = given.remove(&format!("{secret}_FILE")) {
            let text = Zeroizing::new(file(&path)?.trim_end_matches(['\n', '\r']).to_owned());
            if given.insert((*secret).to_owned(), text).is_some() {
                return Err(format!("{secret} and {secret}_FILE are both set"));
            }
        }
    }
    if given.is_empty() {
        return Ok(None);
    }
    let mut settings = match (given.remove("REDIS_URL"), given.remove("REDIS_HOST")) {
        (Some(_), Some(_)) => return Err("REDIS_URL and REDIS_HOST are both set".to_owned()),
        (Some(url), None) => read_url(&url).map_err(|what| format!("REDIS_URL: {what}"))?,
        (None, Some(host)) => {
            let port = given.remove("REDIS_PORT");
            let port = port.as_ref().map_or(Ok(6379), |port| port.parse().map_err(|_| "REDIS_PORT is not a port"))?;
            let mut settings = RedisSettings::at(host.as_str(), port);
            if let Some(tls) = given.remove("REDIS_TLS") {
                settings.tls = yes(&tls)?.then(RedisTls::default);
            }
            if let Some(db) = given.remove("REDIS_DB") {
                settings = settings.set("db", &db).map_err(|_| "REDIS_DB is not a number")?;
            }
            settings
        }
        (None, None) => return Err("REDIS_URL or REDIS_HOST is needed beside what is set".to_owned()),
    };
    if let Some(name) = ["REDIS_PORT", "REDIS_TLS", "REDIS_DB"].into_iter().find(|name| given.contains_key(*name)) {
        return Err(format!("{name} is set, and REDIS_URL says it already"));
    }
    for (name, slot) in
        [("REDIS_USERNAME", settings.username.is_some()), ("REDIS_PASSWORD", settings.password.is_some())]
    {
        if slot && given.contains_key(name) {
            return Err(format!("{name} is set, and REDIS_URL says it already"));
        }
    }
    settings.username = given.remove("REDIS_USERNAME").map(|name| name.to_string()).or(settings.username);
    settings.password = given.remove("REDIS_PASSWORD").or(settings.password);
    let mut take = |name: &str| given.remove(name).map(|path| path.to_string());
    let (ca, cert, key) = (take("REDIS_CA_FILE"), take("REDIS_CERT_FILE"), take("REDIS_KEY_FILE"));
    settings = settings.files(ca.as_deref(), cert.as_deref(), key.as_deref())?;
    for (name, value) in given {
        let short = name.trim_start_matches(START).to_lowercase();
        settings = settings.set(&short, &value).map_err(|what| what.replacen(&short, &name, 1))?;
    }
    Ok(Some(settings))
}

/// What Kubernetes sets for a service called `redis`, and Redis's images for themselves.
fn is_anothers(name: &str) -> bool {
    let linked =
        name.strip_prefix("REDIS_PORT_").is_some_and(|rest| rest.starts_with(|digit: char| digit.is_ascii_digit()));
    linked || name.starts_with("REDIS_SERVICE_") || name.starts_with("REDIS_DOWNLOAD_") || name == "REDIS_VERSION"
}

fn one(hosts: &str) -> Result<Place, String> {
    match &mut places(hosts, 6379)?[..] {
        [place] => Ok(place.clone()),
        _ => Err("several hosts are a matter of redis+sentinel:// or redis+cluster://".to_owned()),
    }
}

fn places(hosts: &str, usual: u16) -> Result<Vec<Place>, String> {
    hosts.split(',').map(|host| place(host, usual)).collect()
}

fn place(host: &str, usual: u16) -> Result<Place, String> {
    let (name, port) = match host.strip_prefix('[') {
        Some(rest) => {
            let (name, port) = rest.split_once(']').ok_or("an address in brackets does not end")?;
            (name, port.strip_prefix(':'))
        }
        None => host.split_once(':').map_or((host, None), |(name, port)| (name, Some(port))),
    };
    if name.is_empty() {
        return Err("a host is missing".to_owned());
    }
    let port = port.map_or(Ok(usual), |port| port.parse().map_err(|_| "a port is not a number from 1 to 65535"))?;
    Ok(Place::Tcp(name.to_owned(), port))
}

fn duration(name: &str, text: &str) -> Result<Duration, String> {
    let wrong = || format!("{name} is a time such as 500ms or 2s");
    let (number, whole): (&str, fn(u64) -> Duration) = match (text.strip_suffix("ms"), text.strip_suffix('s')) {
        (Some(number), _) => (number, Duration::from_millis),
        (None, Some(number)) => (number, Duration::from_secs),
        (None, None) => return Err(wrong()),
    };
    number.parse().map(whole).map_err(|_| wrong())
}

fn yes(text: &str) -> Result<bool, String> {
    match text.to_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Ok(true),
        "false" | "0" | "no" | "off" => Ok(false),
        _ => Err("REDIS_TLS is true or false".to_owned()),
    }
}

fn file(path: &str) -> Result<Zeroizing<String>, String> {
    fs::read_to_string(path).map(Zeroizing::new).map_err(|error| format!("{path} cannot be read: {error}"))
}

/// Undoes percent-encoding.
fn decoded(text: &str) -> Result<String, String> {
    let wrong = || "it is not percent-encoded text".to_owned();
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || rest.next().and_then(|digit| char::from(digit).to_digit(16)).ok_or_else(wrong);
        bytes.push((digit()? * 16 + digit()?) as u8);
    }
    String::from_utf8(bytes).map_err(|_| wrong())
}

fn refused(what: &str) -> StoreError {
    StoreError::Unsupported(what.to_owned())
}

const START: &str = "REDIS_";
const SECRET: &[&str] = &["REDIS_URL", "REDIS_USERNAME", "REDIS_PASSWORD"];
const KNOWN: &[&str] = &[
    "REDIS_URL",
    "REDIS_HOST",
    "REDIS_PORT",
    "REDIS_DB",
    "REDIS_USERNAME",
    "REDIS_PASSWORD",
    "REDIS_TLS",
    "REDIS_PREFIX",
    "REDIS_CONNECT_TIMEOUT",
    "REDIS_COMMAND_TIMEOUT",
    "REDIS_CONNECTIONS",
    "REDIS_REPLICAS",
    "REDIS_CA_FILE",
    "REDIS_CERT_FILE",
    "REDIS_KEY_FILE",
];

#[cfg(test)]
mod tests;
