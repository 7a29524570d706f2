//! Does the Redis store follow the master that the sentinels choose, and lose nothing that it called saved?

use std::time::Duration;

use hallpass::store::{Expected, Expiry, RecordKey, RedisSettings, RedisStore, Store, StoreError, Version};

use crate::server::{Server, until};

/// A master, a replica, and three sentinels that watch them.
struct Watched {
    master: Server,
    replica: Server,
    sentinels: Vec<Server>,
}

impl Watched {
    fn start() -> Self {
        let master = Server::on_port(&[]);
        let replica = Server::on_port(&["--replicaof", &format!("127.0.0.1 {}", master.port())]);
        until("the replica follows", || replica.cli(&["INFO", "replication"]).contains("master_link_status:up"));
        let sentinels: Vec<_> = (0..3).map(|_| Server::sentinel(master.port())).collect();
        for sentinel in &sentinels {
            until("each sentinel knows the others and the replica", || {
                let known = sentinel.cli(&["SENTINEL", "MASTER", "main"]);
                let says = |name: &str, count: &str| {
                    let mut lines = known.lines().skip_while(|line| *line != name);
                    lines.nth(1) == Some(count)
                };
                says("num-other-sentinels", "2") && says("num-slaves", "1")
            });
        }
        Self { master, replica, sentinels }
    }

    fn settings(&self) -> RedisSettings {
        // One sentinel that is not there, so that the others must be asked.
        let ports = self.sentinels.iter().map(Server::port);
        RedisSettings::sentinel("main", ports.chain([1]).map(|port| ("127.0.0.1", port)))
    }
}

fn alice() -> RecordKey {
    RecordKey::session("app", "example", "alice")
}

async fn save(store: &RedisStore, sealed: &[u8], expected: Expected) -> Result<Version, StoreError> {
    store.save(&alice(), sealed.to_vec(), expected, Expiry::default()).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs redis-server: cargo xtask test --only stores"]
async fn the_store_follows_a_failover_and_keeps_what_it_called_saved() {
    let mut watched = Watched::start();
    let store = RedisStore::connect(watched.settings()).await.expect("it connects");
    let version = save(&store, b"before", Expected::Absent).await.expect("a replica confirms it");
    let number = store.lease(&alice(), Duration::from_secs(300)).await.expect("it answers").expect("it is free");

    watched.master.kill();
    let record = loop_until_answered(&store).await;
    assert_eq!((record.0, record.1.as_slice()), (version, &b"before"[..]));
    assert_eq!(store.lease(&alice(), Duration::from_secs(1)).await, Ok(None), "the lease is held on the new master");
    assert_eq!(store.release(&alice(), number).await, Ok(true));

    // No replica is left to confirm: what is not confirmed is not called saved.
    let error = save(&store, b"alone", Expected::Any).await.expect_err("nobody confirms");
    assert!(matches!(&error, StoreError::Unavailable(what) if what.contains("0 of 1 replicas")), "{error}");
    let alone = RedisStore::new(watched.settings().replicas(0)).unwrap();
    let newer = save(&alone, b"after", Expected::Any).await.expect("none was asked for");
    assert!(newer > version);
    assert_eq!(watched.replica.cli(&["ROLE"]).lines().next(), Some("master"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs redis-server: cargo xtask test --only stores"]
async fn a_master_that_was_demoted_is_left_behind() {
    let watched = Watched::start();
    let store = RedisStore::connect(watched.settings().replicas(0)).await.expect("it connects");
    save(&store, b"before", Expected::Absent).await.expect("it is saved");
    assert_eq!(watched.sentinels[0].cli(&["SENTINEL", "FAILOVER", "main"]), "OK");
    until("the master has become a replica", || watched.master.cli(&["ROLE"]).starts_with("slave"));
    until("the replica has become master", || watched.replica.cli(&["ROLE"]).starts_with("master"));
    let mut saved = save(&store, b"after", Expected::Any).await;
    for _ in 0..1000 {
        if saved.is_ok() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
        saved = save(&store, b"after", Expected::Any).await;
    }
    saved.expect("the new master takes it");
    let place = watched.replica.cli(&["KEYS", "*"]);
    assert_eq!(watched.replica.cli(&["HGET", &place, "d"]), "after");
}

/// Loads until the store has found the new master; whatever it says until then is an error and never absence.
async fn loop_until_answered(store: &RedisStore) -> (Version, Vec<u8>) {
    for _ in 0..3000 {
        match store.load(&alice()).await {
            Ok(Some(record)) => return (record.version, record.sealed),
            Ok(None) => panic!("a failover reads as absence"),
            Err(StoreError::Unavailable(_)) => tokio::time::sleep(Duration::from_millis(10)).await,
            Err(error) => panic!("{error}"),
        }
    }
    panic!("the store does not find the new master");
}
