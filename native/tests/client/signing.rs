//! Are requests signed so that a server that checks every one of them is content, and is no other server told?

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use hallpass::{Client, Credentials, Declined, Platform, Session, SignBody, SignRequest, Verdict};
use hallpass_testbed::{Listener, Testbed};
use http::HeaderMap;
use serde_json::Value;

use crate::support::{client_at, kind, testbed};

#[path = "../../examples/hmac/signer.rs"]
mod signer;

use signer::HmacSigner;

const HMAC: &str = r#"
id = "signed"
base_url = "URL"
[sign_in.bearer]
[signer]
body = "sha256"
[retry]
base = "1ms"
"#;

const DPOP: &str = r#"
id = "bound"
base_url = "URL"
[sign_in.oauth2_refresh]
[renew]
token_url = "/dpop/token"
[dpop]
alg = "ES256"
"#;

fn platform(text: &str, testbed: &Testbed) -> Platform {
    Platform::from_toml(&text.replace("URL", &testbed.url())).expect("it is a platform")
}

async fn signed() -> (Testbed, Session) {
    let testbed = testbed().await;
    let client = Client::builder().signer(HmacSigner::new("hmac-alice")).build().expect("a client");
    let session = client.sign_in(&platform(HMAC, &testbed), "alice", Credentials::bearer("static-alice")).await;
    (testbed, session.expect("signs in"))
}

async fn bound(testbed: &Testbed, client: &Client) -> Session {
    let refresh = testbed.issue_refresh_token("alice").expect("alice is known");
    let session = client.sign_in(&platform(DPOP, testbed), "alice", Credentials::refresh_token(refresh)).await;
    session.expect("signs in")
}

async fn json(session: &Session, path: &str) -> Value {
    let answer = session.get(path).send().await.expect("answers");
    assert_eq!((answer.status().as_u16(), answer.verdict()), (200, Verdict::Served), "{path}");
    answer.json().await.expect("JSON")
}

#[tokio::test]
async fn a_server_that_checks_every_signature_is_content_with_reads_writes_and_retries() {
    let (testbed, session) = signed().await;
    assert_eq!(json(&session, "/hmac/items/7?colour=red&size=%20l").await["number"], 7);
    let answer = session.post("/hmac/items/8").body("five!").send().await.expect("answers");
    assert_eq!(answer.json::<Value>().await.expect("JSON")["length"], 5);
    let down = r#"{"path": "/hmac", "times": 2, "action": {"kind": "status", "status": 503}}"#;
    testbed.script(serde_json::from_str(down).expect("a rule")).expect("a rule");
    assert_eq!(json(&session, "/hmac/items/9").await["number"], 9);
    let stats = testbed.stats();
    assert_eq!((stats.proofs["verified"], stats.proofs.len()), (3, 1), "{:?}", stats.proofs);
    assert_eq!(session.stats().retries, 2);
}

#[tokio::test]
async fn a_body_that_can_be_sent_once_is_not_signable_and_nothing_is_sent() {
    let (testbed, session) = signed().await;
    let body = http_body_util::Full::new(bytes::Bytes::from_static(b"once"));
    let sent = session.post("/hmac/items/8").body(hallpass::CallBody::stream(body)).send().await;
    assert_eq!(kind(sent), "body_not_signable");
    assert_eq!(testbed.stats().requests.total, 0);
}

#[tokio::test]
async fn a_signer_sees_the_attempt_and_is_asked_for_no_other_origin() {
    let testbed = testbed().await;
    let elsewhere = Listener::start().await.expect("a listener");
    let seen: Arc<Mutex<Vec<SignRequest>>> = Arc::default();
    let keep = Arc::clone(&seen);
    let client = Client::builder()
        .signer(move |request: SignRequest| {
            let keep = Arc::clone(&keep);
            async move {
                keep.lock().expect("no panic").push(request);
                tokio::task::yield_now().await;
                let mut headers = HeaderMap::new();
                headers.insert("x-mine", "planted".parse().expect("a value"));
                Ok(headers)
            }
        })
        .build()
        .expect("a client");
    let text = HMAC.replace("sha256", "bytes");
    let session = client.sign_in(&platform(&text, &testbed), "alice", Credentials::bearer("static-alice")).await;
    let session = session.expect("signs in");
    session.post("/api/echo").body("hello").send().await.expect("answers");
    let away = format!("/redirect/to?url={}/x", elsewhere.url());
    let _ = session.get(&away).timeout(std::time::Duration::from_secs(1)).send().await;
    let _ = session.get(&format!("{}/y", elsewhere.url())).timeout(std::time::Duration::from_secs(1)).send().await;
    let seen = seen.lock().expect("no panic");
    let paths: Vec<_> = seen.iter().map(|request| request.uri.path()).collect();
    assert_eq!(paths, ["/api/echo", "/redirect/to"]);
    assert!(matches!(&seen[0].body, SignBody::Bytes(bytes) if bytes == "hello"));
    assert_eq!((seen[0].account.as_str(), seen[0].attempt, seen[0].generation), ("alice", 1, 1));
    assert_eq!(seen[0].headers["authorization"], "Bearer static-alice");
    let shown = format!("{:?}", *seen);
    assert!(!shown.contains("static-alice") && !shown.contains("hello"), "{shown}");
    let heads = elsewhere.heads();
    assert_eq!(heads.len(), 2);
    for head in heads {
        assert!(!head.carries_credentials() && head.header("x-mine").is_none(), "{}", head.request_line());
    }
}

#[tokio::test]
async fn what_a_signer_declines_is_not_sent_and_says_why() {
    let testbed = testbed().await;
    let asked = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&asked);
    let client = Client::builder()
        .signer(move |_: SignRequest| {
            counted.fetch_add(1, Ordering::Relaxed);
            async { Err(Declined::new("the rules are out of date")) }
        })
        .build()
        .expect("a client");
    let session = client.sign_in(&platform(HMAC, &testbed), "alice", Credentials::bearer("static-alice")).await;
    let error = session.expect("signs in").get("/hmac/items/1").send().await.expect_err("declined");
    assert_eq!(error.kind(), "signer_failed");
    assert!(error.to_string().contains("the rules are out of date"), "{error}");
    assert_eq!((asked.load(Ordering::Relaxed), testbed.stats().requests.total), (1, 0));
}

#[tokio::test]
async fn tokens_bound_to_a_key_are_had_used_and_renewed_with_proofs_that_verify() {
    let testbed = testbed().await;
    let session = bound(&testbed, &crate::support::client()).await;
    for number in 0..12 {
        assert_eq!(json(&session, &format!("/dpop/items/{number}?q=1")).await["account"], "alice");
    }
    let answer = session.post("/dpop/items/1").body("five!").send().await.expect("answers");
    assert_eq!(answer.json::<Value>().await.expect("JSON")["length"], 5);
    testbed.expire("alice");
    assert_eq!(json(&session, "/dpop/items/99").await["number"], 99);
    let stats = testbed.stats();
    let other: Vec<_> =
        stats.proofs.keys().filter(|name| !["verified", "nonce_demanded"].contains(&name.as_str())).collect();
    assert!(other.is_empty(), "{:?}", stats.proofs);
    assert!(stats.proofs["nonce_demanded"] >= 1);
    // The nonces that were demanded, and are no refusals: only the end of the token was one.
    assert_eq!((session.generation(), session.stats().refusals, session.stats().retries), (2, 1, 0));
    assert_eq!(stats.refresh_reuses, 0);
}

#[tokio::test]
async fn many_calls_at_once_prove_possession_each_by_itself() {
    let testbed = testbed().await;
    let session = bound(&testbed, &crate::support::client()).await;
    let calls = (0..20).map(|number| {
        let session = session.clone();
        tokio::spawn(async move {
            session.get(&format!("/dpop/items/{number}")).send().await.expect("answers").status().as_u16()
        })
    });
    for call in calls.collect::<Vec<_>>() {
        assert_eq!(call.await.expect("no panic"), 200);
    }
    assert_eq!((session.stats().refusals, session.stats().renewals), (0, 0));
    let stats = testbed.stats();
    assert_eq!(stats.proofs.get("replayed"), None, "{:?}", stats.proofs);
    assert_eq!(stats.proofs.get("wrong_signature"), None);
}

#[tokio::test]
async fn a_resumed_session_goes_on_with_the_key_that_its_tokens_are_bound_to() {
    let testbed = testbed().await;
    let folder = tempfile::tempdir().expect("a folder");
    {
        let client = client_at(folder.path());
        let session = bound(&testbed, &client).await;
        json(&session, "/dpop/items/1").await;
        session.close().await.expect("saved");
    }
    let session = client_at(folder.path()).resume(&platform(DPOP, &testbed), "alice").await.expect("resumes");
    json(&session, "/dpop/items/2").await;
    session.renew().await.expect("the refresh token is bound to the same key");
    json(&session, "/dpop/items/3").await;
    let stats = testbed.stats();
    assert_eq!((stats.proofs.get("other_key"), stats.sign_ins.total), (None, 0), "{:?}", stats.proofs);
}
