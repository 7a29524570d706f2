//! What does the Redis store say when Redis is away, full, busy or strange, and is it back when Redis is?

use std::time::Duration;

use hallpass::store::{Expected, Expiry, RecordKey, RedisSettings, RedisStore, Store, StoreError, Version};

use crate::server::{Server, free_port};

fn alice() -> RecordKey {
    RecordKey::session("app", "example", "alice")
}

async fn save(store: &RedisStore, sealed: &[u8], expected: Expected) -> Result<Version, StoreError> {
    store.save(&alice(), sealed.to_vec(), expected, Expiry::default()).await
}

/// That loading fails as unavailable, and says so in words.
async fn is_away(store: &RedisStore, words: &str) {
    let error = store.load(&alice()).await.expect_err(words);
    assert!(matches!(&error, StoreError::Unavailable(what) if what.contains(words)), "{words:?}: {error}");
    assert!(!format!("{error:?} {store:?}").contains("planted"), "{error:?}");
}

/// Loads until the server is found again.
async fn is_back(store: &RedisStore) -> Option<Vec<u8>> {
    for _ in 0..1000 {
        match store.load(&alice()).await {
            Ok(record) => return record.map(|record| record.sealed),
            Err(StoreError::Unavailable(_)) => tokio::time::sleep(Duration::from_millis(10)).await,
            Err(error) => panic!("{error}"),
        }
    }
    panic!("the store does not come back");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs redis-server: cargo xtask test --only stores"]
async fn a_killed_server_is_unavailable_and_then_back_with_what_it_kept() {
    let mut server = Server::start(&["--appendonly", "yes", "--appendfsync", "always"]);
    let store = RedisStore::connect(server.settings()).await.expect("it connects");
    let version = save(&store, b"sealed", Expected::Absent).await.expect("it is saved");
    server.kill();
    is_away(&store, "no connection").await;
    is_away(&store, "no connection").await;
    assert!(matches!(save(&store, b"newer", Expected::Version(version)).await, Err(StoreError::Unavailable(_))));
    assert!(RedisStore::connect(server.settings()).await.is_err(), "a start-up that must have its store fails");
    server.restart();
    assert_eq!(is_back(&store).await, Some(b"sealed".to_vec()));
    save(&store, b"newer", Expected::Version(version)).await.expect("it is saved");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs redis-server: cargo xtask test --only stores"]
async fn a_connection_that_is_cut_costs_no_operation() {
    let server = Server::start(&[]);
    let store = RedisStore::connect(server.settings()).await.expect("it connects");
    let mut version = save(&store, b"0", Expected::Absent).await.expect("it is saved");
    for round in 0..20 {
        server.cli(&["CLIENT", "KILL", "TYPE", "normal"]);
        version = save(&store, &[round], Expected::Version(version)).await.expect("it is saved by a new connection");
        assert_eq!(store.load(&alice()).await.expect("it loads").expect("it is there").version, version);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs redis-server: cargo xtask test --only stores"]
async fn a_paused_server_is_unavailable_within_the_timeout_and_then_back() {
    let server = Server::start(&[]);
    let settings =
        server.settings().command_timeout(Duration::from_millis(200)).connect_timeout(Duration::from_millis(300));
    let store = RedisStore::connect(settings).await.expect("it connects");
    save(&store, b"sealed", Expected::Absent).await.expect("it is saved");
    server.signal("-STOP");
    for _ in 0..5 {
        let outcome = tokio::time::timeout(Duration::from_secs(20), store.load(&alice())).await.expect("no load hangs");
        assert!(matches!(outcome, Err(StoreError::Unavailable(_))), "{outcome:?}");
    }
    server.signal("-CONT");
    assert_eq!(is_back(&store).await, Some(b"sealed".to_vec()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs redis-server: cargo xtask test --only stores"]
async fn a_full_server_refuses_to_save_and_keeps_what_it_has() {
    let server = Server::start(&[]);
    let store = RedisStore::connect(server.settings()).await.expect("it connects");
    let version = save(&store, b"sealed", Expected::Absent).await.expect("it is saved");
    server.cli(&["CONFIG", "SET", "maxmemory", "1"]);
    for expected in [Expected::Any, Expected::Version(version)] {
        let error = save(&store, b"newer", expected).await.expect_err("there is no room");
        assert!(matches!(&error, StoreError::Unavailable(what) if what.contains("maxmemory")), "{error}");
    }
    assert_eq!(store.load(&alice()).await.expect("it loads").expect("it is there").sealed, b"sealed");
    assert_eq!(store.remove(&alice(), Expected::Version(version)).await, Ok(Some(version)), "room can be made");
    server.cli(&["CONFIG", "SET", "maxmemory", "0"]);
    save(&store, b"newer", Expected::Absent).await.expect("it is saved");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs redis-server: cargo xtask test --only stores"]
async fn a_wrong_password_and_a_missing_one_are_told_apart_from_absence() {
    let server = Server::start(&["--requirepass", "planted"]);
    is_away(&RedisStore::new(server.settings()).unwrap(), "check the username and password").await;
    is_away(&RedisStore::new(server.settings().password("planted2")).unwrap(), "check the username and password").await;
    let unknown = server.settings().username("nobody").password("planted");
    is_away(&RedisStore::new(unknown).unwrap(), "check the username and password").await;
    assert_eq!(RedisStore::new(server.settings().password("planted")).unwrap().load(&alice()).await, Ok(None));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs redis-server: cargo xtask test --only stores"]
async fn a_script_that_does_not_end_keeps_redis_busy_and_nothing_is_absent() {
    let server = Server::start(&["--busy-reply-threshold", "10"]);
    let store = RedisStore::connect(server.settings()).await.expect("it connects");
    save(&store, b"sealed", Expected::Absent).await.expect("it is saved");
    let socket = server.socket();
    let endless = std::thread::spawn(move || {
        crate::server::cli(&["-s", socket.to_str().unwrap()], &["EVAL", "while true do end", "0"]);
    });
    crate::server::until("redis is busy", || server.cli(&["PING"]).starts_with("BUSY"));
    is_away(&store, "SCRIPT KILL").await;
    assert_eq!(server.cli(&["SCRIPT", "KILL"]), "OK");
    endless.join().expect("it was ended");
    assert_eq!(is_back(&store).await, Some(b"sealed".to_vec()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs redis-server: cargo xtask test --only stores"]
async fn a_server_that_reads_its_data_set_says_so() {
    let mut server = Server::start(&["--appendonly", "yes", "--appendfsync", "always"]);
    let store = RedisStore::connect(server.settings()).await.expect("it connects");
    save(&store, b"sealed", Expected::Absent).await.expect("it is saved");
    server.cli(&["DEBUG", "POPULATE", "2000", "filling"]);
    server.cli(&["BGREWRITEAOF"]);
    crate::server::until("the file is written", || {
        server.cli(&["INFO", "persistence"]).contains("aof_rewrite_in_progress:0")
            && server.cli(&["INFO", "persistence"]).contains("aof_rewrite_scheduled:0")
    });
    server.kill();
    // A millisecond for each key, with a look at its connections after every one.
    server.restart_with(&["--key-load-delay", "2000", "--loading-process-events-interval-bytes", "1024"]);
    let mut was_loading = false;
    for _ in 0..2000 {
        match store.load(&alice()).await {
            Err(StoreError::Unavailable(what)) => was_loading |= what.contains("data set from disk"),
            Ok(Some(_)) => break,
            other => panic!("{other:?}"),
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(was_loading, "loading is told");
    assert_eq!(is_back(&store).await, Some(b"sealed".to_vec()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs redis-server: cargo xtask test --only stores"]
async fn a_replica_takes_no_saves_and_says_why() {
    let master = Server::on_port(&[]);
    let replica = Server::start(&["--replicaof", &format!("127.0.0.1 {}", master.port())]);
    let store = RedisStore::connect(replica.settings()).await.expect("it connects");
    let error = save(&store, b"sealed", Expected::Absent).await.expect_err("it is a replica");
    assert!(matches!(&error, StoreError::Unavailable(what) if what.contains("replica")), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs redis-server: cargo xtask test --only stores"]
async fn nobody_there_and_somebody_silent_are_unavailable_in_time() {
    let settings = |port| RedisSettings::at("127.0.0.1", port).connect_timeout(Duration::from_millis(200));
    is_away(&RedisStore::new(settings(free_port())).unwrap(), "127.0.0.1").await;
    let silent = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let port = silent.local_addr().expect("it is bound").port();
    for settings in [
        settings(port),
        RedisSettings::sentinel("main", [("127.0.0.1", port)]).connect_timeout(Duration::from_millis(200)),
        RedisSettings::cluster([("127.0.0.1", port)]).connect_timeout(Duration::from_millis(200)),
    ] {
        let store = RedisStore::new(settings).unwrap();
        let outcome = tokio::time::timeout(Duration::from_secs(20), store.load(&alice())).await.expect("no load hangs");
        assert!(matches!(outcome, Err(StoreError::Unavailable(_))), "{outcome:?}");
    }
}
