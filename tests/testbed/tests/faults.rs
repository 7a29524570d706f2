//! Faults by script and by seed: what a client sees of them, and that they are the same again.

mod support;

use std::collections::BTreeMap;
use std::io::ErrorKind;

use hallpass_testbed::{Action, BadRule, Config, FaultRates, FaultScope, Point, Rule, Testbed};
use support::{Client, bare_get};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const ALICE: (&str, &str) = ("authorization", "Bearer static-alice");

async fn testbed() -> (Testbed, Client) {
    let testbed = Testbed::start(Config::default()).await.unwrap();
    let client = Client::connect(&testbed).await;
    (testbed, client)
}

fn status(status: u16) -> Action {
    Action::Status { status, headers: BTreeMap::new(), body: String::new() }
}

#[tokio::test]
async fn a_rule_acts_on_its_nth_match_and_is_used_up() {
    let (testbed, mut client) = testbed().await;
    let rule = Rule::on("/api/items", status(503)).method("GET").account("alice").nth(2).times(2);
    let id = testbed.script(rule).unwrap();
    let mut seen = Vec::new();
    for _ in 0..4 {
        client.bearer("/api/items/1", "static-bob").await;
        client.bearer("/me", "static-alice").await;
        client.send("POST", "/api/items/1", &[ALICE], "").await;
        seen.push(client.bearer("/api/items/1", "static-alice").await.status.as_u16());
    }
    assert_eq!(seen, [200, 503, 503, 200]);
    let state = testbed.rules().remove(0);
    assert_eq!((state.id, state.matched, state.fired), (id, 4, 2));
    assert_eq!(testbed.stats().scripted, [("status".to_owned(), 2)].into());
    testbed.clear_script();
    assert_eq!(testbed.rules(), []);
}

#[tokio::test]
async fn a_status_rule_answers_with_its_headers_and_body() {
    let (testbed, mut client) = testbed().await;
    let rules = r#"[{"path":"/me","times":0,"action":{"kind":"status","status":429,"headers":{"Retry-After":"7"},"body":"{\"a\":1}"}}]"#;
    let added = client.send("POST", "/control/script", &[], rules).await;
    assert_eq!((added.status.as_u16(), added.json()), (201, serde_json::json!({ "rules": [1] })));
    for _ in 0..3 {
        let got = client.bearer("/me", "static-alice").await;
        assert_eq!(
            (got.status.as_u16(), got.header("retry-after"), got.json()["a"].as_u64()),
            (429, Some("7"), Some(1))
        );
    }
    assert_eq!(client.get("/control/script", &[]).await.json()[0]["fired"], 3);
    assert_eq!(client.send("DELETE", "/control/script", &[], "").await.status, 204);
    assert_eq!(client.bearer("/me", "static-alice").await.status, 200);
    assert_eq!(testbed.stats().scripted["status"], 3);
}

#[tokio::test]
async fn a_rule_that_no_answer_can_be_made_from_is_refused() {
    let (testbed, mut client) = testbed().await;
    assert_eq!(testbed.script(Rule::on("/", status(99))), Err(BadRule::Status(99)));
    assert_eq!(testbed.script(Rule::on("/", status(500)).nth(0)), Err(BadRule::Nth));
    for bad in [
        r#"{"path":"/","action":{"kind":"explode"}}"#,
        r#"{"pth":"/","action":{"kind":"reset"}}"#,
        r#"[{"action":{"kind":"reset"}},{"action":{"kind":"throttle","count":0,"retry_after":1}}]"#,
        r#"{"action":{"kind":"status","status":200,"headers":{"a b":"c"}}}"#,
    ] {
        assert_eq!(client.send("POST", "/control/script", &[], bad).await.status, 400, "{bad}");
    }
    assert_eq!(testbed.rules(), []);
}

#[tokio::test]
async fn a_throttle_answers_a_burst_of_429() {
    let (testbed, mut client) = testbed().await;
    testbed.script(Rule::on("/api", Action::Throttle { count: 3, retry_after: 9 }).nth(2)).unwrap();
    let mut seen = Vec::new();
    for _ in 0..6 {
        let got = client.bearer("/api/items/1", "static-alice").await;
        assert_eq!(got.header("retry-after"), (got.status == 429).then_some("9"));
        seen.push(got.status.as_u16());
    }
    assert_eq!(seen, [200, 429, 429, 429, 200, 200]);
}

#[tokio::test]
async fn resets_are_resets_wherever_the_answer_stops() {
    let (testbed, _client) = testbed().await;
    let whole = bare_length(&testbed).await;
    for at in [Point::Before, Point::Answered, Point::Head, Point::Body] {
        testbed.reset_stats();
        testbed.script(Rule::on("/api/me", Action::Reset { at })).unwrap();
        let (arrived, end) = bare_get(&testbed, "/api/me").await;
        assert_eq!(end.unwrap_err().kind(), ErrorKind::ConnectionReset, "{at:?}");
        match at {
            Point::Before | Point::Answered => assert_eq!(arrived, b""),
            Point::Head => assert_eq!(arrived, b"HTTP/1.1 200"),
            Point::Body => {
                let head = arrived.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
                assert!(arrived.len() > head && arrived.len() < whole, "{} of {whole}", arrived.len());
            }
        }
        let stats = testbed.stats();
        assert_eq!(stats.scripted, [("reset".to_owned(), 1)].into());
        assert_eq!(stats.requests.total, 1);
    }
}

async fn bare_length(testbed: &Testbed) -> usize {
    // A close after the last byte but one shows the length of the whole.
    testbed.script(Rule::on("/api/me", Action::Truncate { keep: Some(u64::MAX) })).unwrap();
    let (arrived, end) = bare_get(testbed, "/api/me").await;
    end.unwrap();
    arrived.len() + 1
}

#[tokio::test]
async fn a_reset_after_the_request_was_carried_out_leaves_its_effect() {
    let (testbed, _) = testbed().await;
    for (at, writes) in [(Point::Before, 0), (Point::Answered, 1), (Point::Head, 2), (Point::Body, 3)] {
        testbed.script(Rule::on("/api/items/1", Action::Reset { at })).unwrap();
        let mut client = Client::connect(&testbed).await;
        assert!(client.try_send("POST", "/api/items/1", &[ALICE], "x").await.is_err());
        assert_eq!(testbed.stats().writes.get("POST /api/items/1").copied().unwrap_or(0), writes);
    }
}

#[tokio::test]
async fn a_truncated_body_ends_cleanly_and_short() {
    let (testbed, _client) = testbed().await;
    for path in ["/api/me", "/api/bytes/50000"] {
        testbed.script(Rule::on(path, Action::Truncate { keep: Some(5) })).unwrap();
        let (arrived, end) = bare_get(&testbed, path).await;
        end.unwrap();
        let head = arrived.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
        assert_eq!(arrived.len(), head + 5);
        testbed.script(Rule::on(path, Action::Truncate { keep: None })).unwrap();
        let mut client = Client::connect(&testbed).await;
        assert!(client.try_send("GET", path, &[ALICE], "").await.is_err());
    }
    testbed.script(Rule::on("/api/me", Action::Close { at: Point::Head })).unwrap();
    let (arrived, end) = bare_get(&testbed, "/api/me").await;
    assert_eq!((arrived.as_slice(), end.is_ok()), (&b"HTTP/1.1 200"[..], true));
}

#[tokio::test]
async fn a_stalled_answer_waits_for_the_client_to_give_up() {
    let (testbed, _client) = testbed().await;
    for (at, arrives) in [(Point::Before, ""), (Point::Head, "HTTP/1.1 200"), (Point::Body, "HTTP/1.1 200 OK\r\n")] {
        testbed.script(Rule::on("/api/me", Action::Stall { at })).unwrap();
        let mut stream = TcpStream::connect(("127.0.0.1", testbed.port())).await.unwrap();
        stream.write_all(b"GET /api/me HTTP/1.1\r\nauthorization: Bearer static-alice\r\n\r\n").await.unwrap();
        let mut arrived = vec![0; arrives.len()];
        stream.read_exact(&mut arrived).await.unwrap();
        assert_eq!(String::from_utf8(arrived).unwrap(), arrives);
        while testbed.stats().requests.total < 1 {
            tokio::task::yield_now().await;
        }
        assert_eq!(testbed.stats().connections.open, 2);
        drop(stream);
        while testbed.stats().connections.open > 1 {
            tokio::task::yield_now().await;
        }
        assert_eq!(testbed.stats().requests.concurrent, 0);
    }
    assert_eq!(testbed.stats().scripted["stall"], 3);
}

#[tokio::test]
async fn a_delayed_answer_is_whole() {
    let (testbed, mut client) = testbed().await;
    testbed.script(Rule::on("/api/me", Action::Delay { ms: 5 })).unwrap();
    assert_eq!(client.bearer("/api/me", "static-alice").await.json()["name"], "alice");
    assert_eq!(testbed.stats().scripted["delay"], 1);
}

/// What each account sees at each of its requests: a status, or nothing for a connection that broke.
async fn walk(seed: u64, order: &[(&'static str, u64)]) -> BTreeMap<(&'static str, u64), Vec<Option<u16>>> {
    let faults = FaultRates { delay_max_ms: 1, ..FaultRates::heavy() };
    let testbed = Testbed::start(Config { seed, faults, ..Config::default() }).await.unwrap();
    let mut seen: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for (account, item) in order {
        let mut client = Client::connect(&testbed).await;
        let header = format!("Bearer static-{account}");
        let got = client.try_send("GET", &format!("/api/items/{item}"), &[("authorization", &header)], "").await;
        seen.entry((*account, *item)).or_default().push(got.ok().map(|got| got.status.as_u16()));
    }
    let stats = testbed.stats();
    let broken = seen.values().flatten().filter(|status| status.is_none()).count() as u64;
    let count = |kind: &str| stats.faults.get(kind).copied().unwrap_or(0);
    assert_eq!(broken, count("reset") + count("truncate"));
    assert_eq!(count("throttle"), stats.requests.by_status.get(&429).copied().unwrap_or(0));
    assert_eq!(count("status"), stats.requests.by_status.get(&503).copied().unwrap_or(0));
    seen
}

#[tokio::test]
async fn the_same_seed_brings_the_same_faults_whatever_the_interleaving() {
    let order: Vec<(&str, u64)> =
        (0..4).flat_map(|_| (0..30).flat_map(|item| ["alice", "bob"].map(|account| (account, item)))).collect();
    let mut other_order = order.clone();
    other_order.sort_unstable();
    let mut worlds = Vec::new();
    for seed in 0..3 {
        let world = walk(seed, &order).await;
        assert_eq!(world, walk(seed, &other_order).await, "seed {seed}");
        assert!(world.values().flatten().any(Option::is_none));
        assert!(world.values().flatten().any(|status| *status == Some(429)));
        worlds.push(world);
    }
    assert_ne!(worlds[0], worlds[1]);
    assert_ne!(worlds[1], worlds[2]);
}

#[tokio::test]
async fn seeded_faults_spare_sign_ins_and_tokens_unless_asked() {
    let faults = FaultRates { unavailable: 1000, ..FaultRates::none() };
    for (fault_scope, sign_in, token) in [(FaultScope::Resources, 200, 200), (FaultScope::Everything, 503, 503)] {
        let testbed = Testbed::start(Config { faults, fault_scope, ..Config::default() }).await.unwrap();
        let mut client = Client::connect(&testbed).await;
        let body = r#"{"username":"alice","password":"alice-password"}"#;
        assert_eq!(client.send("POST", "/json/login", &[], body).await.status, sign_in);
        let refresh = testbed.issue_refresh_token("bob").unwrap();
        assert_eq!(client.refresh(&refresh).await.status, token);
        assert_eq!(client.bearer("/me", "static-alice").await.status, 503);
        assert_eq!(client.get("/plain/x", &[]).await.status, 200);
        testbed.set_faults(FaultRates::none());
        assert_eq!(client.bearer("/me", "static-alice").await.status, 200);
    }
}

#[tokio::test]
async fn refused_requests_meet_no_fault_where_only_served_ones_do() {
    let faults = FaultRates { unavailable: 400, ..FaultRates::none() };
    let seen = async |refusals: usize| {
        let config = Config { faults, fault_scope: FaultScope::Served, ..Config::default() };
        let testbed = Testbed::start(config).await.unwrap();
        let mut client = Client::connect(&testbed).await;
        let login = client.login("alice").await;
        let token = support::text(&login, "access_token");
        let mut seen = Vec::new();
        for item in 0..20 {
            seen.push(client.bearer(&format!("/api/items/{item}"), token).await.status.as_u16());
        }
        testbed.expire("alice");
        for item in 0..refusals {
            let refused = client.bearer(&format!("/api/items/{}", item % 20), token).await;
            assert_eq!(refused.status, 401);
        }
        let token = client.login("alice").await;
        let token = support::text(&token, "access_token");
        for item in 0..20 {
            seen.push(client.bearer(&format!("/api/items/{item}"), token).await.status.as_u16());
        }
        seen
    };
    let undisturbed = seen(0).await;
    assert!(undisturbed.contains(&200) && undisturbed.contains(&503), "{undisturbed:?}");
    assert_eq!(seen(33).await, undisturbed);
}
