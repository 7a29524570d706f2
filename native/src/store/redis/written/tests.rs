//! Is every setting read from where it may be written, and everything else refused without telling a secret?

use super::*;

const SECRET_TEXT: &str = "planted-p@ss/word";
const ENCODED: &str = "planted-p%40ss%2Fword";

fn url(url: &str) -> RedisSettings {
    let settings = RedisSettings::from_url(url).unwrap_or_else(|error| panic!("{url}: {error}"));
    settings.check().unwrap_or_else(|error| panic!("{url}: {error}"));
    settings
}

fn variables(given: &[(&str, &str)]) -> Result<Option<RedisSettings>, StoreError> {
    RedisSettings::from_variables(given.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
}

#[test]
fn a_url_says_everything() {
    let settings = url(&format!(
        "redis://app:{ENCODED}@[::1]:6380/3?prefix=mine%3A&connect_timeout=3s&command_timeout=250ms&connections=4&replicas=2"
    ));
    assert_eq!(settings.servers.to_string(), "Redis at [::1]:6380");
    assert_eq!((settings.db, settings.username.as_deref(), settings.secret()), (3, Some("app"), Some(SECRET_TEXT)));
    assert_eq!((settings.prefix.as_str(), settings.connections.get(), settings.confirming()), ("mine:", 4, 2));
    assert_eq!(settings.connect_timeout, Duration::from_secs(3));
    assert_eq!(settings.command_timeout, Duration::from_millis(250));
    assert!(settings.tls.is_none());
    let plain = url("valkeys://cache.example");
    assert_eq!(plain.servers.to_string(), "Redis at cache.example:6379");
    assert!(plain.tls.is_some() && plain.secret().is_none() && plain.confirming() == 0);
    assert_eq!(url(&format!("redis://:{ENCODED}@host")).username, None);
    let socket = url("unix://app:secret@/run/redis/socket?db=4");
    assert_eq!((socket.servers.to_string().as_str(), socket.db), ("Redis at /run/redis/socket", 4));
}

#[test]
fn a_url_names_sentinels_and_clusters() {
    let settings =
        url("rediss+sentinel://app:secret@s1,s2:26380/main/2?sentinel_username=watch&sentinel_password=other");
    assert_eq!(settings.servers.to_string(), "the master \"main\" of the sentinels s1:26379, s2:26380");
    assert_eq!((settings.db, settings.sentinel_user(), settings.sentinel_secret()), (2, Some("watch"), Some("other")));
    assert_eq!(settings.confirming(), 1);
    assert!(settings.tls.is_some());
    let cluster = url("redis+cluster://n1:7000,n2:7001?replicas=0");
    assert_eq!((cluster.servers.to_string().as_str(), cluster.confirming()), ("the cluster of n1:7000, n2:7001", 0));
}

#[test]
fn what_a_url_cannot_say_is_refused_by_name_and_without_its_secret() {
    for (written, named) in [
        ("host:6379", "scheme"),
        ("http://host", "scheme"),
        ("redis+proxy://host", "scheme"),
        ("redis://", "host"),
        ("redis://host:port", "port"),
        ("redis://host:70000", "port"),
        ("redis://host/one", "db"),
        ("redis://host/1/2", "/db"),
        ("redis://a,b", "several"),
        ("redis://host?db=1", "db"),
        ("redis://host?retries=1", "retries"),
        ("redis://host?connections=0", "connections"),
        ("redis://host?prefix=a&prefix=b", "prefix"),
        ("redis://host?command_timeout=5", "command_timeout"),
        ("redis://host?ca=/dev/null", "TLS"),
        ("rediss://host?cert=/dev/null", "together"),
        ("rediss://host?ca=/nowhere", "/nowhere"),
        ("redis://host#insecure", "fragment"),
        ("redis://host?sentinel_password=x", "sentinel"),
        ("redis+sentinel://host", "/master"),
        ("redis+cluster://host/1", "database 0"),
        ("unix://host/socket", "socket"),
    ] {
        let secret = written.replacen("://", &format!("://app:{ENCODED}@"), 1);
        for url in [written, secret.as_str()] {
            let error = RedisSettings::from_url(url).expect_err(url).to_string();
            assert!(error.contains(named), "{url}: {error}");
            assert!(!error.contains("planted"), "{url}: {error}");
        }
    }
}

#[test]
fn settings_that_contradict_are_refused() {
    let refused = |settings: RedisSettings, named: &str| {
        let error = super::super::RedisStore::new(settings).expect_err(named).to_string();
        assert!(error.contains(named), "{error}");
    };
    refused(RedisSettings::at("host", 1).prefix("{mine}:"), "braces");
    refused(RedisSettings::at("host", 1).prefix(""), "prefix");
    refused(RedisSettings::at("host", 1).username("app"), "password");
    refused(RedisSettings::at("host", 1).command_timeout(Duration::ZERO), "timeout");
    refused(RedisSettings::unix("/socket").tls(RedisTls::default()), "socket");
    refused(RedisSettings::cluster([("host", 1)]).db(1), "database 0");
    refused(RedisSettings::cluster(Vec::<(String, u16)>::new()), "node");
    refused(RedisSettings::sentinel("", [("host", 1)]), "Sentinel");
    refused(RedisSettings::at("host", 1).tls(RedisTls::default().ca_pem("none")), "no certificate");
    refused(RedisSettings::at("host", 1).sentinel_credentials(None, "x"), "Sentinel");
}

#[test]
fn the_environment_says_everything() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("password");
    fs::write(&file, format!("{SECRET_TEXT}\n")).unwrap();
    let settings = variables(&[
        ("REDIS_HOST", "redis.example"),
        ("REDIS_PORT", "6380"),
        ("REDIS_DB", "2"),
        ("REDIS_USERNAME", "app"),
        ("REDIS_PASSWORD_FILE", file.to_str().unwrap()),
        ("REDIS_TLS", "true"),
        ("REDIS_PREFIX", "mine:"),
        ("REDIS_CONNECT_TIMEOUT", "3s"),
        ("REDIS_COMMAND_TIMEOUT", "250ms"),
        ("REDIS_CONNECTIONS", "4"),
        ("REDIS_REPLICAS", "1"),
        ("REDIS_SERVICE_HOST", "10.0.0.1"),
        ("REDIS_PORT_6379_TCP", "tcp://10.0.0.1:6379"),
        ("OTHER", "x"),
    ]);
    let settings = settings.unwrap().unwrap();
    assert_eq!(settings.servers.to_string(), "Redis at redis.example:6380");
    assert_eq!((settings.db, settings.username.as_deref(), settings.secret()), (2, Some("app"), Some(SECRET_TEXT)));
    assert_eq!((settings.prefix.as_str(), settings.connections.get(), settings.confirming()), ("mine:", 4, 1));
    assert_eq!(settings.connect_timeout, Duration::from_secs(3));
    assert_eq!(settings.command_timeout, Duration::from_millis(250));
    assert!(settings.tls.is_some());
    assert!(!format!("{settings:?}").contains("planted"));
    let by_url = variables(&[("REDIS_URL", "redis://host/1"), ("REDIS_PASSWORD", "secret")]).unwrap().unwrap();
    assert_eq!((by_url.db, by_url.secret()), (1, Some("secret")));
    assert!(variables(&[("REDIS_SERVICE_HOST", "x"), ("REDIS_VERSION", "7"), ("REDIS_HOST", "")]).unwrap().is_none());
}

#[test]
fn what_the_environment_cannot_say_is_refused_by_name() {
    let url = ("REDIS_URL", "redis://app:planted@host");
    for (given, named) in [
        (&[("REDIS_HOTS", "x")][..], "REDIS_HOTS"),
        (&[("REDIS_PORT", "6379")], "REDIS_HOST"),
        (&[url, ("REDIS_HOST", "x")], "REDIS_HOST"),
        (&[url, ("REDIS_DB", "1")], "REDIS_DB"),
        (&[url, ("REDIS_PASSWORD", "planted")], "REDIS_PASSWORD"),
        (&[("REDIS_URL", "redis://app:planted@host?x=1")], "REDIS_URL"),
        (&[("REDIS_HOST", "x"), ("REDIS_PORT", "tcp://10.0.0.1:6379")], "REDIS_PORT"),
        (&[("REDIS_HOST", "x"), ("REDIS_TLS", "planted")], "REDIS_TLS"),
        (&[("REDIS_HOST", "x"), ("REDIS_CONNECTIONS", "0")], "REDIS_CONNECTIONS"),
        (&[("REDIS_HOST", "x"), ("REDIS_CA_FILE", "/dev/null")], "TLS"),
        (
            &[("REDIS_HOST", "x"), ("REDIS_PASSWORD", "planted"), ("REDIS_PASSWORD_FILE", "/dev/null")],
            "REDIS_PASSWORD_FILE",
        ),
        (&[("REDIS_URL_FILE", "/nowhere")], "/nowhere"),
    ] {
        let error = variables(given).expect_err(named).to_string();
        assert!(error.contains(named) && !error.contains("planted"), "{given:?}: {error}");
    }
}
