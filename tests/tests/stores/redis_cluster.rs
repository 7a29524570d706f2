//! Is the Redis store lawful in a cluster, and does it find a session's slot again when it has moved?

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use hallpass::store::{Expected, Expiry, RecordKey, RedisSettings, RedisStore, Store};
use hallpass_conformance::laws::{self, Subject};

use crate::server::{Server, cli, clock, until};

/// Three masters that share the slots.
fn cluster() -> Vec<Server> {
    let nodes: Vec<_> = (0..3).map(|_| Server::on_port(&["--cluster-enabled", "yes"])).collect();
    let mut create = vec!["--cluster".to_owned(), "create".to_owned()];
    create.extend(nodes.iter().map(|node| format!("127.0.0.1:{}", node.port())));
    create.push("--cluster-yes".to_owned());
    let create: Vec<_> = create.iter().map(String::as_str).collect();
    let said = cli(&[], &create);
    assert!(said.contains("All 16384 slots covered"), "{said}");
    for node in &nodes {
        until("every node knows the slots", || node.cli(&["CLUSTER", "INFO"]).contains("cluster_state:ok"));
    }
    nodes
}

fn settings(nodes: &[Server]) -> RedisSettings {
    RedisSettings::cluster([("127.0.0.1", nodes[0].port())]).replicas(0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "needs redis-server: cargo xtask test --only stores"]
async fn the_redis_store_obeys_every_law_in_a_cluster() {
    let nodes = cluster();
    let count = AtomicUsize::new(0);
    laws::all(|| {
        let prefix = format!("laws {}:", count.fetch_add(1, Ordering::Relaxed));
        let store = RedisStore::new(settings(&nodes).prefix(&prefix)).expect("the settings are good");
        let at = nodes.iter().map(|node| vec!["-p".to_owned(), node.port().to_string()]).collect();
        Subject { store: Arc::new(store), clock: clock(at, prefix) }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs redis-server: cargo xtask test --only stores"]
async fn a_session_is_found_again_after_its_slot_has_moved() {
    let nodes = cluster();
    let store = RedisStore::connect(settings(&nodes)).await.expect("it connects");
    let keys: Vec<_> = (0..60).map(|account| RecordKey::session("app", "example", &account.to_string())).collect();
    for key in &keys {
        store.save(key, b"sealed".to_vec(), Expected::Absent, Expiry::default()).await.expect("it is saved");
        store.lease(key, std::time::Duration::from_secs(60)).await.expect("it answers").expect("it is free");
    }
    assert!(nodes.iter().all(|node| node.cli(&["DBSIZE"]) != "0"), "the records are spread");

    let id = |node: &Server| node.cli(&["CLUSTER", "MYID"]);
    let at = format!("127.0.0.1:{}", nodes[0].port());
    let (from, to) = (id(&nodes[0]), id(&nodes[1]));
    let (from, to) = (["--cluster-from", &from], ["--cluster-to", &to]);
    let slots = ["--cluster-slots", "6000", "--cluster-yes"];
    let moved = cli(&[], &[&["--cluster", "reshard", &at][..], &from, &to, &slots].concat());
    assert_eq!(nodes[0].cli(&["DBSIZE"]), "0", "{moved}");

    for key in &keys {
        assert_eq!(store.load(key).await.expect("it loads").expect("it is there").sealed, b"sealed");
        assert_eq!(store.lease(key, std::time::Duration::from_secs(60)).await, Ok(None), "the lease moved along");
        store.save(key, b"newer".to_vec(), Expected::Any, Expiry::default()).await.expect("it is saved");
    }
    let page = store.list("app", None, NonZeroUsize::new(100).unwrap()).await.expect("it lists");
    assert_eq!(page.entries.len(), 60);
}
