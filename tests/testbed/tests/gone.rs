//! Every shape of "session gone", and answers that a careless client misreads.

mod support;

use hallpass_testbed::{Clock, Config, Testbed};
use support::{Client, Got, text};

async fn testbed() -> (Testbed, Client) {
    let testbed = Testbed::start(Config { clock: Clock::manual(), ..Config::default() }).await.unwrap();
    let client = Client::connect(&testbed).await;
    (testbed, client)
}

fn says_expired(got: &Got) -> bool {
    got.status == 200 && got.json()["error"]["code"] == "session_expired"
}

#[tokio::test]
async fn each_area_says_in_its_own_way_that_the_session_is_gone() {
    let (testbed, mut client) = testbed().await;
    let tokens = client.login("alice").await;
    let access = text(&tokens, "access_token");
    let sid = client.form("/form200/login", &[], "username=alice&password=alice-password").await.cookie("sid").unwrap();
    for shape in ["401", "403", "302", "200code", "deleted-cookie"] {
        for resource in ["me", "items/5"] {
            let path = format!("/gone/{shape}/{resource}");
            for got in [client.bearer(&path, access).await, client.get(&path, &[("cookie", &sid)]).await] {
                assert_eq!(got.status, 200, "{path}");
                assert!(got.json().get("error").is_none(), "{path}");
            }
        }
    }
    assert_eq!(testbed.expire("alice"), 2);
    for headers in [("authorization", format!("Bearer {access}")), ("cookie", sid)] {
        let headers = [(headers.0, headers.1.as_str())];
        let got = client.get("/gone/401/me", &headers).await;
        assert_eq!(got.status, 401);
        assert!(got.header("www-authenticate").is_some());
        assert_eq!(client.get("/gone/403/me", &headers).await.status, 403);
        let got = client.get("/gone/302/items/5", &headers).await;
        assert_eq!((got.status.as_u16(), got.header("location")), (302, Some("/form/login?next=/gone/302/items/5")));
        assert!(says_expired(&client.get("/gone/200code/me", &headers).await));
        let got = client.get("/gone/deleted-cookie/me", &headers).await;
        assert!(says_expired(&got));
        assert_eq!(got.cookie("sid").as_deref(), Some("sid=deleted"));
        assert!(got.header("set-cookie").unwrap().contains("Max-Age=0"));
    }
    assert_eq!(testbed.stats().refusals.by_reason["expired"], 10);
    assert_eq!(testbed.stats().refusals.by_account["alice"], 10);
}

#[tokio::test]
async fn retry_after_stands_on_every_200() {
    let (_testbed, mut client) = testbed().await;
    let got = client.bearer("/odd/retry-after-200/items/1", "static-alice").await;
    assert_eq!((got.status.as_u16(), got.header("retry-after")), (200, Some("30")));
    let got = client.bearer("/odd/retry-after-200/items/1", "bad").await;
    assert_eq!((got.status.as_u16(), got.header("retry-after")), (401, None));
}

#[tokio::test]
async fn limits_come_in_cycles_and_in_odd_shapes() {
    let (_testbed, mut client) = testbed().await;
    for _ in 0..2 {
        for _ in 0..2 {
            let got = client.get("/odd/rate-limit-200?ms=40", &[]).await;
            assert_eq!((got.status.as_u16(), got.json()["error"]["retry_after_ms"].as_u64()), (200, Some(40)));
        }
        assert_eq!(client.get("/odd/rate-limit-200?ms=40", &[]).await.json()["ok"], true);
    }
    let got = client.get("/odd/retry-after-ms?count=1&ms=1200", &[]).await;
    assert_eq!((got.status.as_u16(), got.header("retry-after")), (429, Some("2")));
    assert_eq!(got.json()["retry_after_ms"], 1200);
    assert_eq!(client.get("/odd/retry-after-ms?count=1&ms=1200", &[]).await.status, 200);
    // The manual clock starts at 2026-01-01 00:00.
    for (form, expected) in [
        ("imf", "Thu, 01 Jan 2026 00:00:05 GMT"),
        ("rfc850", "Thursday, 01-Jan-26 00:00:05 GMT"),
        ("asctime", "Thu Jan  1 00:00:05 2026"),
    ] {
        for (path, status) in [("/odd/429", 429), ("/odd/503", 503)] {
            let got = client.get(&format!("{path}?key={form}&retry_after=5&date={form}"), &[]).await;
            assert_eq!((got.status.as_u16(), got.header("retry-after")), (status, Some(expected)));
        }
    }
}

#[tokio::test]
async fn bodies_are_not_what_their_platform_promised() {
    let (_testbed, mut client) = testbed().await;
    let html = client.get("/odd/html", &[]).await;
    assert!(html.header("content-type").unwrap().starts_with("text/html"));
    for path in ["/odd/empty-json", "/odd/broken-json"] {
        let got = client.get(path, &[]).await;
        assert_eq!(got.header("content-type"), Some("application/json"));
        assert!(serde_json::from_slice::<serde_json::Value>(&got.body).is_err());
    }
}

#[tokio::test]
async fn redirects_lead_elsewhere_in_circles_and_down_chains() {
    let (_testbed, mut client) = testbed().await;
    let got = client.get("/redirect/to?url=http%3A%2F%2Fother.test%2Fx%3Fy&status=307", &[]).await;
    assert_eq!((got.status.as_u16(), got.header("location")), (307, Some("http://other.test/x?y")));
    let got = client.get("/redirect/loop", &[]).await;
    assert_eq!((got.status.as_u16(), got.header("location")), (302, Some("/redirect/loop")));
    let (mut at, mut hops, mut jar) = ("/redirect/cookies/3?status=303".to_owned(), 0, Vec::new());
    let seen = loop {
        let got = client.get(&at, &[("cookie", &jar.join("; "))]).await;
        match got.header("location") {
            Some(next) => {
                at = next.to_owned();
                hops += 1;
                assert_eq!(got.status, 303);
                jar.push(got.header("set-cookie").unwrap().split(';').next().unwrap().to_owned());
            }
            None => break got.json(),
        }
    };
    assert_eq!(hops, 3);
    assert_eq!(seen["cookies"], serde_json::json!({ "hop-1": "1", "hop-2": "1", "hop-3": "1" }));
    assert_eq!(client.get("/redirect/2", &[]).await.header("location"), Some("/redirect/1"));
    assert_eq!(client.get("/redirect/0", &[]).await.json()["redirected"], true);
}
