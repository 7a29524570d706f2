//! Where do credentials go when a platform sends a call elsewhere? Only to the origins that it names.

use hallpass::{CallBody, Redirect, State};
use hallpass_testbed::Listener;
use serde_json::Value;

use crate::support::{BUNDLE, client, kind, platform, quick, signed_in, status, testbed};

#[tokio::test]
async fn nothing_secret_follows_a_redirect_to_another_origin() {
    let testbed = testbed().await;
    let issued = testbed.issue_bundle("alice", "Browser/1.0").expect("a bundle");
    let bundle = crate::support::bundle(&issued);
    let text = BUNDLE.replace("path = \"/me\"", "path = \"/bundle/me\"");
    let session = client().sign_in(&platform(&text, &testbed.url()), "alice", bundle).await.expect("signs in");
    let elsewhere = Listener::start().await.expect("listens");
    for code in [301, 302, 303, 307, 308] {
        let path = format!("/redirect/to?url={}/take&status={code}", elsewhere.url());
        // What a program sends itself on the platform's behalf stays behind as well.
        let call =
            session.post(&path).header("authorization", "Bearer programs-own").header("x-kept", "1").body("body");
        let answer = call.send().await.expect("the listener answers");
        assert_eq!((answer.status().as_u16(), answer.redirects(), answer.generation()), (200, 1, 0), "{code}");
    }
    let direct = session.get(&format!("{}/direct", elsewhere.url())).send().await.expect("answers");
    assert_eq!(direct.generation(), 0);
    let heads = elsewhere.heads();
    assert_eq!(heads.len(), 6);
    for head in &heads {
        assert!(!head.carries_credentials(), "{head:?}");
        let raw = String::from_utf8_lossy(head.raw()).into_owned();
        for secret in [issued.cookie.as_str(), &issued.x_bc, "Browser/1.0", "programs-own"] {
            assert!(!raw.contains(secret), "{head:?}");
        }
    }
    assert!(heads[..5].iter().all(|head| head.header("x-kept").is_some()));
    let methods: Vec<String> =
        heads.iter().map(|head| head.request_line().split(' ').next().expect("a method").to_owned()).collect();
    assert_eq!(methods, ["GET", "GET", "GET", "POST", "POST", "GET"]);
}

#[tokio::test]
async fn a_foreign_answer_says_nothing_about_the_session() {
    let (_testbed, _client, session) = signed_in().await;
    let refusing = b"HTTP/1.1 401 Unauthorized\r\nset-cookie: sid=stolen; Path=/\r\ncontent-length: 0\r\n\r\n".to_vec();
    let foreign = hallpass_testbed::Raw::start(vec![refusing]).await.expect("listens");
    let answer = session.get(&format!("/redirect/to?url={}/x", foreign.url())).send().await.expect("answers");
    assert_eq!((answer.status().as_u16(), answer.attempts()), (401, 2));
    assert_eq!((session.state(), session.generation()), (State::Active, 1));
    let seen = session.get("/cookies").send().await.expect("answers").text().await.expect("a body");
    assert!(!seen.contains("stolen"), "{seen}");
}

#[tokio::test]
async fn redirects_are_followed_ten_times_and_cookies_are_taken_on_each_hop() {
    let (testbed, _client, session) = signed_in().await;
    let answer = session.get("/redirect/10").send().await.expect("answers");
    assert_eq!((answer.status().as_u16(), answer.redirects()), (200, 10));
    assert_eq!(kind(session.get("/redirect/11").send().await), "too_many_redirects");
    assert_eq!(kind(session.get("/redirect/loop").send().await), "too_many_redirects");
    let cookies: Value = session.get("/redirect/cookies/3").send().await.expect("answers").json().await.expect("JSON");
    for hop in ["hop-1", "hop-2", "hop-3"] {
        assert!(cookies.to_string().contains(hop), "{cookies}");
    }
    assert_eq!(testbed.stats().refusals.total, 0);
}

#[tokio::test]
async fn a_program_may_take_redirects_itself_or_refuse_them() {
    let (_testbed, _client, session) = signed_in().await;
    let answer = session.get("/redirect/1").redirect(Redirect::Manual).send().await.expect("answers");
    assert_eq!((answer.status().as_u16(), answer.headers()["location"].to_str().expect("text")), (302, "/redirect/0"));
    assert_eq!(kind(session.get("/redirect/1").redirect(Redirect::Refuse).send().await), "redirect_invalid");
    for nowhere in ["ftp://127.0.0.1/x", "http://", "javascript:alert(1)"] {
        let path = format!("/redirect/to?url={}", nowhere.replace(':', "%3A").replace('/', "%2F"));
        assert_eq!(kind(session.get(&path).send().await), "redirect_invalid", "{nowhere}");
    }
}

#[tokio::test]
async fn a_body_that_can_be_sent_once_is_not_sent_to_a_second_place() {
    let (_testbed, _client, session) = signed_in().await;
    let body = || CallBody::stream(http_body_util::Full::new(bytes::Bytes::from_static(b"once")));
    assert_eq!(
        kind(session.post("/redirect/to?url=/api/echo&status=307").body(body()).send().await),
        "body_not_replayable"
    );
    let answer = session.post("/redirect/to?url=/api/items/1&status=303").body(body()).send().await.expect("answers");
    assert_eq!(answer.status(), 200, "a 303 needs no body");
    let kept = session.put("/redirect/to?url=/api/echo&status=307").body("again").send().await.expect("answers");
    assert_eq!(kept.json::<Value>().await.expect("JSON")["text"], "again");
}

#[tokio::test]
async fn a_second_origin_that_the_platform_names_gets_the_credentials() {
    let (first, second) = (testbed().await, testbed().await);
    let text =
        crate::support::JSON.replace("[sign_in.json]", &format!("origins = [\"{}\"]\n[sign_in.json]", second.url()));
    let session =
        client().sign_in(&platform(&text, &first.url()), "alice", crate::support::alice()).await.expect("signs in");
    let head =
        session.get(&format!("{}/head", second.url())).send().await.expect("answers").text().await.expect("a body");
    assert!(head.contains("Bearer "), "named");
    let plain = client().sign_in(&quick(&first.url(), ""), "alice", crate::support::alice()).await.expect("signs in");
    let head =
        plain.get(&format!("{}/head", second.url())).send().await.expect("answers").text().await.expect("a body");
    assert!(!head.contains("Bearer "), "not named");
    assert_eq!(status(&plain, "/api/items/1").await, 200);
}
