//! Does what a program sends arrive, and does it read what was answered?

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hallpass::{CallBody, Verdict};
use http::Method;
use http_body::{Body, Frame};
use http_body_util::{BodyExt, Full};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::support::{kind, signed_in};

fn hex(bytes: &[u8]) -> String {
    hallpass::core::store::hex(&Sha256::digest(bytes))
}

#[tokio::test]
async fn every_method_arrives_as_itself() {
    let (testbed, _client, session) = signed_in().await;
    for (method, status) in [("GET", 200), ("HEAD", 200), ("POST", 201), ("PUT", 200), ("PATCH", 200), ("DELETE", 204)]
    {
        let method: Method = method.parse().expect("a method");
        let answer = session.request(method.clone(), "/api/items/3").send().await.expect("answers");
        assert_eq!(answer.status(), status, "{method}");
        assert_eq!(answer.verdict(), Verdict::Served);
        assert_eq!(answer.bytes().await.expect("a body").is_empty(), matches!(method.as_str(), "HEAD" | "DELETE"));
    }
    let seen = testbed.stats().requests.by_route;
    for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"] {
        assert_eq!(seen[&format!("{method} /api/items/{{n}}")], 1, "{seen:?}");
    }
    let answer: Value =
        session.request(Method::OPTIONS, "/api/echo").send().await.expect("answers").json().await.expect("JSON");
    assert_eq!(answer["method"], "OPTIONS");
}

#[tokio::test]
async fn json_and_bytes_arrive_byte_for_byte_with_their_type() {
    let (_testbed, _client, session) = signed_in().await;
    let sent = json!({ "name": "Zoë", "n": [1, 2, 3] });
    let got: Value = session.post("/api/echo").json(&sent).send().await.expect("answers").json().await.expect("JSON");
    assert_eq!((&got["content_type"], &got["method"]), (&json!("application/json"), &json!("POST")));
    assert_eq!(serde_json::from_str::<Value>(got["text"].as_str().expect("text")).expect("JSON"), sent);

    let own = session.put("/api/echo").header("content-type", "application/vnd.x+json").json(&sent);
    let got: Value = own.send().await.expect("answers").json().await.expect("JSON");
    assert_eq!(got["content_type"], "application/vnd.x+json");

    let large: Vec<u8> = (0..1_000_003_u32).map(|number| (number % 251) as u8).collect();
    let got: Value =
        session.put("/api/echo").body(large.clone()).send().await.expect("answers").json().await.expect("JSON");
    assert_eq!((&got["length"], &got["sha256"]), (&json!(1_000_003), &json!(hex(&large))));
}

#[tokio::test]
async fn streams_go_up_and_come_down_without_being_gathered() {
    let (_testbed, client, session) = signed_in().await;
    let frames = (0..50_u8).map(|part| Ok::<_, Infallible>(Frame::data(Bytes::from(vec![part; 4096]))));
    let expected: Vec<u8> = (0..50_u8).flat_map(|part| vec![part; 4096]).collect();
    let body = CallBody::stream(Frames(frames));
    let got: Value = session.post("/api/echo").body(body).send().await.expect("answers").json().await.expect("JSON");
    assert_eq!((&got["length"], &got["sha256"]), (&json!(204_800), &json!(hex(&expected))));

    let mut answer = session.get("/api/bytes/3000000").send().await.expect("answers");
    let (mut length, mut parts) = (0, 0);
    while let Some(part) = answer.chunk().await.expect("a part") {
        length += part.len();
        parts += 1;
    }
    assert_eq!(length, 3_000_000);
    assert!(parts > 10, "{parts} parts");
    let stream = session.get("/api/bytes/70000").send().await.expect("answers").into_body();
    assert_eq!(stream.collect().await.expect("a body").to_bytes().len(), 70_000);
    drop(answer);
    assert_eq!(client.connections().expect("a network").in_use, 0);
}

#[tokio::test]
async fn a_stream_cannot_be_sent_again_after_a_refusal_but_bytes_can() {
    let (testbed, _client, session) = signed_in().await;
    testbed.expire("alice");
    let once = CallBody::stream(Full::new(Bytes::from_static(b"once")));
    assert_eq!(kind(session.post("/api/echo").body(once).send().await), "body_not_replayable");
    let got: Value = session.post("/api/echo").body("again").send().await.expect("answers").json().await.expect("JSON");
    assert_eq!(got["text"], "again");
    testbed.expire("alice");
    let answer = session.post("/api/echo").body("again").send().await.expect("answers");
    assert_eq!((answer.status().as_u16(), answer.attempts(), answer.generation()), (200, 2, 3));
    assert_eq!(testbed.stats().refresh_reuses, 0);
}

#[tokio::test]
async fn a_stream_that_fails_while_it_is_sent_fails_its_call_and_nothing_else() {
    let (testbed, client, session) = signed_in().await;
    let frames = [Ok(Frame::data(Bytes::from_static(b"half"))), Err(std::io::Error::other("the disk is gone"))];
    let error = session.post("/api/echo").body(CallBody::stream(Frames(frames.into_iter()))).send().await;
    let error = error.expect_err("the body broke");
    assert!(error.to_string().contains("the disk is gone"), "{error}");
    assert_eq!(session.get("/api/items/1").send().await.expect("answers").status(), 200);
    drop(client);
    assert_eq!(testbed.stats().requests.by_route.get("POST /api/echo"), None);
}

#[tokio::test]
async fn what_cannot_be_sent_is_refused_before_anything_leaves() {
    let (testbed, _client, session) = signed_in().await;
    let before = testbed.stats().requests.total;
    assert_eq!(kind(session.get("/api/items/1").body("a GET with a body").send().await), "request_invalid");
    assert_eq!(kind(session.get("127.0.0.1:80/items").send().await), "request_invalid");
    assert_eq!(kind(session.get("ftp://127.0.0.1/x").send().await), "request_invalid");
    assert_eq!(kind(session.get("/x").header("bad name", "x").send().await), "request_invalid");
    let split = session.get("/x").header("x-split", "a\r\nb: c").send().await;
    assert_eq!(kind(split), "request_invalid");
    assert_eq!(testbed.stats().requests.total, before);
}

#[tokio::test]
async fn the_sessions_credentials_replace_the_programs_on_the_platforms_origin() {
    let (_testbed, _client, session) = signed_in().await;
    let call =
        session.get("/head").header("authorization", "Bearer mine").header("cookie", "mine=1").header("x-own", "kept");
    let head: Value = call.send().await.expect("answers").json().await.expect("JSON");
    let text = head.to_string();
    assert!(!text.contains("mine"), "{text}");
    assert!(text.contains("kept") && text.contains("Bearer "), "{text}");
}

#[tokio::test]
async fn an_answer_that_is_not_the_json_expected_says_where_and_not_what() {
    let (_testbed, _client, session) = signed_in().await;
    for path in ["/odd/html", "/odd/broken-json", "/odd/empty-json"] {
        let error = session.get(path).send().await.expect("answers").json::<Value>().await.expect_err("no JSON");
        assert_eq!(error.kind(), "unexpected_answer");
        assert!(error.to_string().contains(path), "{error}");
    }
    let answer = session.get("/api/nothing").send().await.expect("answers");
    assert_eq!((answer.status().as_u16(), answer.verdict()), (404, Verdict::Declined));
    assert_eq!(answer.error_for_verdict().expect("a 404 is an answer").status(), 404);
}

/// A body of these frames.
struct Frames<I>(I);

impl<I, E> Body for Frames<I>
where
    I: Iterator<Item = Result<Frame<Bytes>, E>> + Unpin,
{
    type Data = Bytes;
    type Error = E;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<I::Item>> {
        Poll::Ready(self.0.next())
    }
}
