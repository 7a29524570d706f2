//! What a session is good for, and counters that say so exactly.

mod support;

use std::sync::Arc;

use hallpass_testbed::{Config, Listener, Raw, RecordedHead, Stats, Testbed, Then};
use support::Client;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const ALICE: (&str, &str) = ("authorization", "Bearer static-alice");

async fn testbed() -> (Testbed, Client) {
    let testbed = Testbed::start(Config::default()).await.unwrap();
    let client = Client::connect(&testbed).await;
    (testbed, client)
}

#[tokio::test]
async fn resources_answer_as_they_are_listed() {
    let (testbed, mut client) = testbed().await;
    let item = client.get("/api/items/7", &[ALICE]).await;
    assert_eq!(item.json(), serde_json::json!({ "account": "alice", "number": 7 }));
    let head = client.send("HEAD", "/api/items/7", &[ALICE], "").await;
    assert_eq!((head.header("content-length"), head.body.len()), (item.header("content-length"), 0));
    let bytes = client.get("/api/bytes/100000", &[ALICE]).await;
    assert_eq!((bytes.body.len(), bytes.header("transfer-encoding")), (100_000, Some("chunked")));
    let slow = client.get("/api/slow?first_byte_ms=1&chunk_ms=1&chunks=4", &[ALICE]).await;
    assert_eq!(slow.text(), "....");
    let echo = client.send("POST", "/api/echo", &[ALICE], "hello world").await.json();
    assert_eq!(echo["text"], "hello world");
    assert_eq!(echo["sha256"], "b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9");
    assert_eq!(client.get("/nowhere", &[]).await.status, 404);
    assert_eq!(client.send("DELETE", "/me", &[ALICE], "").await.status, 405);
    assert_eq!(testbed.stats().requests.by_status, [(200, 5), (404, 1), (405, 1)].into());
}

#[tokio::test]
async fn a_write_with_a_key_is_carried_out_once() {
    let (testbed, mut client) = testbed().await;
    for expected in [false, true] {
        let got = client.send("POST", "/api/items/7", &[ALICE, ("idempotency-key", "k1")], "{}").await;
        assert_eq!((got.status.as_u16(), got.json()["replayed"].as_bool()), (201, Some(expected)));
    }
    for method in ["POST", "PUT", "PUT", "DELETE"] {
        assert!(client.send(method, "/api/items/7", &[ALICE], "").await.status.is_success());
    }
    client.send("POST", "/api/items/8", &[], "").await;
    let stats = testbed.stats();
    let expected = [("POST /api/items/7", 2), ("PUT /api/items/7", 2), ("DELETE /api/items/7", 1)];
    assert_eq!(stats.writes, expected.map(|(write, count)| (write.to_owned(), count)).into());
    assert_eq!(stats.idempotent_replays, 1);
    assert_eq!(stats.requests.by_route["POST /api/items/{n}"], 4);
}

#[tokio::test]
async fn counters_are_exact_however_many_clients_there_are() {
    let (testbed, _) = testbed().await;
    let testbed = Arc::new(testbed);
    let clients: Vec<_> = (0..8)
        .map(|number| {
            let testbed = Arc::clone(&testbed);
            tokio::spawn(async move {
                let mut client = Client::connect(&testbed).await;
                let account = ["alice", "bob"][number % 2];
                client.login(account).await;
                for item in 0..50 {
                    client.bearer(&format!("/api/items/{item}"), &format!("static-{account}")).await;
                    client.get(&format!("/plain/{item}"), &[]).await;
                    client.bearer("/plain/x", "whatever").await;
                }
                client.send("HEAD", "/plain/x", &[], "").await;
                client.get("/me", &[]).await;
            })
        })
        .collect();
    for client in clients {
        client.await.unwrap();
    }
    let stats = testbed.stats();
    assert_eq!(stats.requests.total, 8 * 153);
    assert_eq!(stats.requests.by_area["api"], 8 * 51);
    assert_eq!(stats.requests.by_area["plain"], 8 * 101);
    assert_eq!(stats.requests.by_route["GET /api/items/{n}"], 400);
    assert_eq!(stats.requests.by_route["GET /plain"], 800);
    assert_eq!(stats.requests.by_route["HEAD /plain"], 8);
    assert_eq!(stats.requests.by_route["POST /json/login"], 8);
    assert_eq!(stats.requests.by_account["alice"], 4 * 51);
    assert_eq!(stats.requests.by_status, [(200, 8 * 152), (401, 8)].into());
    assert_eq!(stats.sign_ins.by_account, [("alice".to_owned(), 4), ("bob".to_owned(), 4)].into());
    assert_eq!(stats.refusals.by_reason, [("missing".to_owned(), 8)].into());
    assert_eq!(stats.credentials_seen.requests, 800);
    assert_eq!(stats.credentials_seen.by_host, [("platform.test".to_owned(), 800)].into());
    assert_eq!((stats.connections.accepted, stats.connections.used), (9, 8));
    assert_eq!(stats.requests.concurrent, 0);
    assert!((1..=8).contains(&stats.requests.max_concurrent));
}

#[tokio::test]
async fn counters_read_over_the_wire_agree_and_can_be_reset() {
    let (testbed, mut client) = testbed().await;
    client.get("/api/items/1", &[ALICE]).await;
    let read: Stats = serde_json::from_slice(&client.get("/stats", &[ALICE]).await.body).unwrap();
    assert_eq!(read, testbed.stats());
    assert_eq!((read.requests.total, read.credentials_seen.requests), (1, 1));
    assert_eq!(client.send("POST", "/control/reset", &[], "").await.status, 204);
    let stats = testbed.stats();
    assert_eq!((stats.requests.total, stats.connections.open), (0, 1));
    // Tokens survive a reset.
    assert_eq!(client.get("/me", &[ALICE]).await.status, 200);
}

#[tokio::test]
async fn another_process_drives_it_through_control() {
    let (_testbed, mut client) = testbed().await;
    let grant = client.send("POST", "/control/grant", &[], r#"{"account":"bob"}"#).await.json();
    let tokens = client.refresh(support::text(&grant, "refresh_token")).await.json();
    let access = support::text(&tokens, "access_token");
    assert_eq!(client.bearer("/me", access).await.status, 200);
    assert_eq!(client.send("POST", "/control/expire?account=bob", &[], "").await.json()["expired"], 1);
    assert_eq!(client.bearer("/me", access).await.json()["reason"], "expired");
    assert_eq!(client.send("POST", "/control/revoke?account=bob", &[], "").await.json()["revoked"], 1);
    assert_eq!(client.refresh(support::text(&tokens, "refresh_token")).await.status, 400);
    let bundle = client.send("POST", "/control/bundle?account=bob&user_agent=UA", &[], "").await.json();
    assert_eq!(bundle["x_bc"], "bc-bob");
    assert_eq!(client.send("POST", "/control/grant?account=nobody", &[], "").await.status, 404);
    assert_eq!(client.send("POST", "/control/advance?ms=5", &[], "").await.status, 409);
    assert_eq!(client.send("POST", "/control/config", &[], r#"{"token_lifetime_ms":7}"#).await.status, 204);
    assert_eq!(client.login("alice").await["expires_in_ms"], 7);
    assert_eq!(client.send("POST", "/control/config", &[], r#"{"lifetime":7}"#).await.status, 400);
}

#[tokio::test]
async fn cookies_are_set_and_shown_as_asked() {
    let (_testbed, mut client) = testbed().await;
    let got = client.get("/cookies/set?a=1&attributes=Path%3D%2Fx%3B%20Secure", &[]).await;
    assert_eq!(got.header("set-cookie"), Some("a=1; Path=/x; Secure"));
    let got = client.get("/cookies", &[("cookie", "a=1; b=2=3")]).await;
    assert_eq!(got.json()["cookies"], serde_json::json!({ "a": "1", "b": "2=3" }));
    let got = client.send("PURGE", "/head?q", &[("x-one", "1")], "").await.json();
    assert_eq!((&got["method"], &got["target"]), (&"PURGE".into(), &"/head?q".into()));
    assert!(got["headers"].as_array().unwrap().contains(&serde_json::json!(["x-one", "1"])));
}

#[tokio::test]
async fn a_stopped_testbed_accepts_nobody() {
    let (testbed, mut client) = testbed().await;
    client.get("/plain/x", &[]).await;
    let port = testbed.port();
    testbed.stop().await;
    assert!(client.try_send("GET", "/plain/x", &[], "").await.is_err());
    assert!(TcpStream::connect(("127.0.0.1", port)).await.is_err());
}

#[tokio::test]
async fn a_listener_records_what_arrives_and_names_no_secret() {
    let listener = Listener::start().await.unwrap();
    assert_eq!((listener.connections(), listener.heads()), (0, vec![]));
    let mut stream = TcpStream::connect(listener.url().trim_start_matches("http://")).await.unwrap();
    stream.write_all(b"GET /x HTTP/1.1\r\nHost: h\r\nCookie: sid=planted\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK"));
    let heads = listener.heads();
    assert_eq!(heads[0].request_line(), "GET /x HTTP/1.1");
    assert_eq!(heads[0].header("cookie").as_deref(), Some("sid=planted"));
    assert!(heads.iter().all(RecordedHead::carries_credentials));
    assert!(!format!("{listener:?}{heads:?}").contains("planted"));
}

#[tokio::test]
async fn raw_answers_are_exact_and_in_order() {
    for then in [Then::Close, Then::Reset] {
        let raw = Raw::start_then(vec![b"garbage".to_vec(), b"HTTP/1.1 200".to_vec()], then).await.unwrap();
        for expected in [&b"garbage"[..], b"HTTP/1.1 200", b"HTTP/1.1 200"] {
            let mut stream = TcpStream::connect(raw.url().trim_start_matches("http://")).await.unwrap();
            stream.write_all(b"POST / HTTP/1.1\r\ncontent-length: 3\r\n\r\nabc").await.unwrap();
            let mut arrived = vec![0; expected.len()];
            stream.read_exact(&mut arrived).await.unwrap();
            assert_eq!(arrived, expected);
            let end = stream.read(&mut [0; 8]).await;
            match then {
                Then::Reset => assert_eq!(end.unwrap_err().kind(), std::io::ErrorKind::ConnectionReset),
                Then::Close | Then::Hold => assert_eq!(end.unwrap(), 0),
            }
        }
        assert_eq!((raw.connections(), raw.heads().len()), (3, 3));
    }
}
