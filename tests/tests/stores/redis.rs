//! Is the Redis store lawful, and does it leave in Redis what its documentation says?

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use hallpass::store::{
    Expected, Expiry, LeaseNumber, RecordKey, RedisSettings, RedisStore, RedisTls, Store, StoreError,
};
use hallpass_conformance::laws;

use crate::server::{Server, until};

fn alice() -> RecordKey {
    RecordKey::session("app", "example", "alice")
}

/// Where the record of `alice` lives.
fn place() -> String {
    // The first 16 digits of SHA-256("app").
    format!("hallpass:a172cedcae47474b:{{{}}}", alice().digest())
}

async fn save(store: &RedisStore, sealed: &[u8], expected: Expected) -> Result<hallpass::store::Version, StoreError> {
    store.save(&alice(), sealed.to_vec(), expected, Expiry::default()).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "needs redis-server: cargo xtask test --only stores"]
async fn the_redis_store_obeys_every_law() {
    let server = Server::start(&[]);
    let count = AtomicUsize::new(0);
    laws::all(|| server.subject(&format!("laws[{}]*", count.fetch_add(1, Ordering::Relaxed)))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs redis-server: cargo xtask test --only stores"]
async fn what_is_in_redis_is_what_the_documentation_says() {
    let server = Server::start(&[]);
    let store = RedisStore::connect(server.settings()).await.expect("it connects");
    let expiry =
        Expiry { idle: Some(Duration::from_secs(60)), absolute: Some(crate::server::now() + Duration::from_secs(600)) };
    let version = store.save(&alice(), b"sealed".to_vec(), Expected::Absent, expiry).await.expect("it is saved");
    assert_eq!(server.cli(&["KEYS", "*"]), place());
    assert_eq!(server.cli(&["HGET", &place(), "v"]), version.0.to_string());
    assert_eq!(server.cli(&["HGET", &place(), "d"]), "sealed");
    assert_eq!(server.cli(&["HGET", &place(), "i"]), "60000");
    let left: i64 = server.cli(&["PTTL", &place()]).parse().expect("a number");
    assert!((1..=60_000).contains(&left), "{left} ms are left");
    let number = store.lease(&alice(), Duration::from_secs(30)).await.expect("it answers").expect("it is free");
    let held = server.cli(&["GET", &format!("{}:lease", place())]);
    assert!(held.starts_with(&format!("{} ", number.0)), "{held}");
    assert_eq!(store.count("app").await, Ok(1));
    assert_eq!(store.count("other").await, Ok(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs redis-server: cargo xtask test --only stores"]
async fn each_operation_is_one_round_trip_also_after_the_scripts_are_forgotten_once() {
    let server = Server::start(&[]);
    let store = RedisStore::connect(server.settings()).await.expect("it connects");
    let all = async || {
        let version = save(&store, b"sealed", Expected::Any).await.expect("it is saved");
        store.load(&alice()).await.expect("it loads").expect("it is there");
        store.touch(&alice()).await.expect("it is touched");
        let number = store.lease(&alice(), Duration::from_secs(30)).await.expect("it answers").expect("it is free");
        store.release(&alice(), number).await.expect("it is let go");
        store.remove(&alice(), Expected::Version(version)).await.expect("it is removed");
    };
    all().await;
    server.cli(&["SCRIPT", "FLUSH"]);
    all().await;
    server.cli(&["CONFIG", "RESETSTAT"]);
    all().await;
    let stats = server.cli(&["INFO", "commandstats"]);
    let calls = |name: &str| {
        let line = stats.lines().find_map(|line| line.strip_prefix(&format!("cmdstat_{name}:calls=")));
        line.map_or(0, |line| line.split(',').next().and_then(|count| count.parse::<u32>().ok()).expect("a number"))
    };
    assert_eq!((calls("evalsha"), calls("eval")), (6, 0), "{stats}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs redis-server: cargo xtask test --only stores"]
async fn what_others_wrote_is_damage_and_never_absence() {
    let server = Server::start(&[]);
    let store = RedisStore::connect(server.settings()).await.expect("it connects");
    let others: [&[&str]; 4] = [
        &["SET", &place(), "text"],
        &["HSET", &place(), "theirs", "1"],
        &["HSET", &place(), "v", "seven", "k", "x", "d", "y"],
        &["HSET", &place(), "v", "7", "k", "another key", "d", "y"],
    ];
    for other in others {
        server.cli(&["DEL", &place()]);
        server.cli(other);
        let is_damaged = |error: Option<StoreError>| matches!(error, Some(StoreError::Damaged(_)));
        assert!(is_damaged(store.load(&alice()).await.err()), "{other:?}");
        assert!(is_damaged(store.touch(&alice()).await.err()), "{other:?}");
        assert!(is_damaged(save(&store, b"sealed", Expected::Absent).await.err()), "{other:?}");
        assert!(is_damaged(store.remove(&alice(), Expected::Absent).await.err()), "{other:?}");
        let page = store.list("app", None, NonZeroUsize::MIN).await.expect("it lists");
        assert_eq!((page.entries.len(), page.damaged), (0, vec![place()]), "{other:?}");
        save(&store, b"sealed", Expected::Any).await.expect("the last writer wins");
        assert_eq!(store.load(&alice()).await.expect("it loads").expect("it is there").sealed, b"sealed");
    }
    server.cli(&["HSET", &format!("{}:lease", place()), "theirs", "1"]);
    assert!(matches!(store.lease(&alice(), Duration::from_secs(1)).await, Err(StoreError::Damaged(_))));
    assert!(matches!(store.release(&alice(), LeaseNumber(1)).await, Err(StoreError::Damaged(_))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs redis-server: cargo xtask test --only stores"]
async fn redis_itself_ends_a_record_and_a_lease() {
    let server = Server::start(&[]);
    let store = RedisStore::connect(server.settings()).await.expect("it connects");
    let brief = Expiry { idle: Some(Duration::from_millis(50)), absolute: None };
    store.save(&alice(), b"sealed".to_vec(), Expected::Absent, brief).await.expect("it is saved");
    store.lease(&alice(), Duration::from_millis(50)).await.expect("it answers").expect("it is free");
    until("both have ended", || server.cli(&["DBSIZE"]) == "0");
    assert_eq!(store.load(&alice()).await, Ok(None));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs redis-server: cargo xtask test --only stores"]
async fn the_documented_commands_are_enough_and_no_key_outside_the_prefix_is_touched() {
    let documented = include_str!("../../../docs/redis-store.md");
    let rule = documented.lines().find_map(|line| line.strip_prefix("ACL SETUSER ")).expect("the rule is documented");
    let server = Server::start(&[]);
    let mut command = vec!["ACL", "SETUSER"];
    command.extend(rule.split(' '));
    assert_eq!(server.cli(&command), "OK");
    server.cli(&["ACL", "SETUSER", "hallpass", "resetpass", ">secret"]);
    let store = RedisStore::connect(server.settings().username("hallpass").password("secret").replicas(0)).await;
    let store = store.expect("it connects");
    for account in 0..5 {
        let key = RecordKey::session("app", "example", &account.to_string());
        let expiry = Expiry { idle: Some(Duration::from_secs(60)), absolute: None };
        store.save(&key, b"sealed".to_vec(), Expected::Absent, expiry).await.expect("it is saved");
        store.save(&key, b"sealed".to_vec(), Expected::Any, Expiry::default()).await.expect("it is saved");
        store.load(&key).await.expect("it loads").expect("it is there");
        store.touch(&key).await.expect("it is touched").expect("it is there");
        let number = store.lease(&key, Duration::from_secs(30)).await.expect("it answers").expect("it is free");
        assert_eq!(store.release(&key, number).await, Ok(true));
    }
    assert_eq!(store.list("app", None, NonZeroUsize::new(10).unwrap()).await.expect("it lists").entries.len(), 5);
    assert!(store.remove(&alice(), Expected::Any).await.expect("it answers").is_none());
    let confirmed = RedisStore::new(server.settings().username("hallpass").password("secret").replicas(1)).unwrap();
    let error = save(&confirmed, b"sealed", Expected::Any).await.expect_err("there is no replica");
    assert!(error.to_string().contains("0 of 1 replicas"), "{error}");
    let elsewhere = server.settings().username("hallpass").password("secret").prefix("elsewhere:");
    let error = RedisStore::new(elsewhere).unwrap().load(&alice()).await.expect_err("the rule names the prefix");
    assert!(matches!(&error, StoreError::Unavailable(what) if what.contains("permission")), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs redis-server: cargo xtask test --only stores"]
async fn every_setting_reaches_redis() {
    let server = Server::on_port(&["--databases", "8"]);
    server.cli(&["ACL", "SETUSER", "app", "on", ">secret", "~*", "&*", "+@all"]);
    let settings = RedisSettings::at("127.0.0.1", server.port())
        .db(5)
        .username("app")
        .password("secret")
        .prefix("mine:")
        .connections(NonZeroUsize::new(3).unwrap());
    let store = RedisStore::connect(settings).await.expect("it connects");
    save(&store, b"sealed", Expected::Absent).await.expect("it is saved");
    assert_eq!(server.cli(&["-n", "5", "KEYS", "mine:*"]).lines().count(), 1);
    let clients = server.cli(&["CLIENT", "LIST"]);
    let ours: Vec<_> = clients.lines().filter(|line| line.contains("user=app ") && line.contains(" db=5 ")).collect();
    assert_eq!(ours.len(), 3, "{clients}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs redis-server: cargo xtask test --only stores"]
async fn a_server_with_tls_is_reached_with_its_authority_and_a_client_certificate_only() {
    let folder = tempfile::tempdir().expect("a folder");
    let (authority, server_pem, client) = certificates();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("it is written");
        path.to_str().expect("a path is text").to_owned()
    };
    let port = crate::server::free_port();
    let (ca, certificate, key) = (write("ca", &authority), write("cert", &server_pem.0), write("key", &server_pem.1));
    let _server = Server::launch(
        0,
        &[
            "--tls-port",
            &port.to_string(),
            "--tls-ca-cert-file",
            &ca,
            "--tls-cert-file",
            &certificate,
            "--tls-key-file",
            &key,
        ],
    );
    let settings = |tls| RedisSettings::at("localhost", port).tls(tls);
    let tls = || RedisTls::default().ca_pem(authority.clone());
    let store = RedisStore::connect(settings(tls().client_pem(client.0.clone(), client.1.clone()))).await;
    let store = store.expect("it connects");
    save(&store, b"sealed", Expected::Absent).await.expect("it is saved");
    let (shown, signed) = (write("client", &client.0), write("client-key", &client.1));
    let url = format!("rediss://localhost:{port}?ca={ca}&cert={shown}&key={signed}");
    let by_url = RedisStore::new(RedisSettings::from_url(&url).expect("the URL is good")).unwrap();
    assert!(by_url.load(&alice()).await.expect("it loads").is_some());
    let anonymous = RedisStore::new(settings(tls())).unwrap();
    assert!(
        matches!(anonymous.load(&alice()).await, Err(StoreError::Unavailable(_))),
        "a client shows its certificate"
    );
    let unknown = RedisTls::default().ca_pem(certificates().0).client_pem(client.0.clone(), client.1.clone());
    let stranger = RedisStore::new(settings(unknown)).unwrap();
    assert!(matches!(stranger.load(&alice()).await, Err(StoreError::Unavailable(_))), "another authority's server");
    let misnamed = RedisSettings::at("127.0.0.1", port).tls(tls().client_pem(client.0, client.1));
    let error = RedisStore::connect(misnamed).await.expect_err("the certificate names localhost only");
    assert!(matches!(error, StoreError::Unavailable(_)), "{error}");
}

type Pem = (String, String);

/// An authority, and what it signed for a server called localhost and for a client: certificates and keys.
fn certificates() -> (String, Pem, Pem) {
    use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
    let key = KeyPair::generate().expect("a key");
    let mut params = CertificateParams::new(Vec::new()).expect("no names");
    params.distinguished_name.push(DnType::CommonName, "authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, key).expect("an authority");
    let sign = |name: &str| {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(vec![name.to_owned()]).expect("a name");
        params.distinguished_name.push(DnType::CommonName, name);
        (params.signed_by(&key, &authority).expect("it is signed").pem(), key.serialize_pem())
    };
    (authority.pem(), sign("localhost"), sign("client"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs redis-server: cargo xtask test --only stores"]
async fn a_listing_of_thousands_names_each_once_and_walks_redis_once() {
    let server = Server::start(&[]);
    let store = RedisStore::connect(server.settings()).await.expect("it connects");
    let keys: BTreeSet<_> =
        (0..3000).map(|account| RecordKey::session("app", "example", &account.to_string())).collect();
    for key in &keys {
        store.save(key, b"sealed".to_vec(), Expected::Absent, Expiry::default()).await.expect("it is saved");
    }
    server.cli(&["CONFIG", "RESETSTAT"]);
    let (mut listed, mut after, mut pages) = (BTreeSet::new(), None, 0);
    loop {
        let page = store.list("app", after.as_ref(), NonZeroUsize::new(250).unwrap()).await.expect("it lists");
        pages += 1;
        for entry in page.entries {
            assert!(listed.insert(entry.key), "it is listed once");
        }
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!((listed, pages), (keys, 12));
    let stats = server.cli(&["INFO", "commandstats"]);
    let scans = stats.lines().find(|line| line.starts_with("cmdstat_scan:")).expect("it was walked");
    assert!(scans.contains("calls=3,") || scans.contains("calls=4,"), "{scans}");
}
