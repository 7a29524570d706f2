//! Do the numbers that a scraper reads equal what the platform counted?

#[path = "client/support.rs"]
#[expect(dead_code, reason = "other tests need the rest")]
mod support;

use std::collections::BTreeMap;

use hallpass::metrics::{Accounts, Meter, Prometheus};
use hallpass::{Client, Credentials};
use hallpass_testbed::{Action, Rule};

use support::{OAUTH, kind, platform, status, testbed};

/// Every sample by its name and labels.
fn samples(text: &str) -> BTreeMap<String, f64> {
    let sample = |line: &str| {
        let (name, value) = line.rsplit_once(' ').expect("a value");
        (name.to_owned(), value.parse().expect("a number"))
    };
    text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).map(sample).collect()
}

fn scrape(prometheus: &Prometheus, client: &Client) -> String {
    let request = http::Request::get("/metrics").body(()).expect("a request");
    let answer = prometheus.answer(client, &request);
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["content-type"], "text/plain; version=0.0.4; charset=utf-8");
    answer.into_body()
}

#[tokio::test]
async fn what_is_scraped_is_what_the_platform_counted() {
    let testbed = testbed().await;
    let prometheus = Prometheus::new(Accounts::Summed).expect("a recorder");
    let client = Client::builder().meter(prometheus.meter()).build().expect("a client");
    let grant = testbed.issue_refresh_token("alice").expect("a grant");
    let oauth = platform(&OAUTH.replace("base = \"250ms\"", "base = \"1ms\""), &testbed.url());
    let session = client.sign_in(&oauth, "alice", Credentials::refresh_token(grant.clone())).await.expect("signs in");
    for number in 0..10 {
        assert_eq!(status(&session, &format!("/api/items/{number}?key=PLANTED")).await, 200);
    }
    testbed.expire("alice");
    assert_eq!(status(&session, "/api/items/10").await, 200);
    testbed.script(Rule::on("/api/items", Action::Throttle { count: 1, retry_after: 0 })).expect("a rule");
    assert_eq!(status(&session, "/api/items/11").await, 200);
    assert_eq!(status(&session, "/nowhere").await, 404);

    let text = scrape(&prometheus, &client);
    let (found, counted) = (samples(&text), testbed.stats());
    let of = |name: &str| found[&format!("hallpass_{name}{{platform=\"testbed-oauth\"}}")];
    let status = |status: u16| counted.requests.by_status.get(&status).copied().unwrap_or_default();
    let tokens: u64 = counted.token_requests.total;
    assert!((of("calls_total") - 13.0).abs() < 0.1, "{text}");
    assert!((of("attempts_total") - (counted.requests.by_area["api"] + status(404)) as f64).abs() < 0.1, "{text}");
    assert!((of("sign_ins_total") + of("renewals_total") - tokens as f64).abs() < 0.1, "{text}");
    assert!((of("throttled_total") - status(429) as f64).abs() < 0.1, "{text}");
    assert!((of("refusals_total") - status(401) as f64).abs() < 0.1, "{text}");
    let declined = "hallpass_call_duration_seconds_count{platform=\"testbed-oauth\",outcome=\"declined\"}";
    let served = "hallpass_call_duration_seconds_count{platform=\"testbed-oauth\",outcome=\"served\"}";
    assert!((found[declined] - status(404) as f64).abs() < 0.1 && (found[served] - 12.0).abs() < 0.1, "{text}");
    let opened = counted.connections.accepted as f64;
    assert!((found["hallpass_connections_created_total"] - opened).abs() < 0.1, "{text}");
    assert!((found["hallpass_sessions{platform=\"testbed-oauth\",state=\"active\"}"] - 1.0).abs() < 0.1, "{text}");
    assert!(!text.contains("PLANTED") && !text.contains(&grant) && !text.contains("alice"), "{text}");

    testbed.stop().await;
    assert_eq!(kind(session.post("/api/items/1").send().await), "connect");
    session.close().await.expect("closes");
    drop(session);
    let found = samples(&scrape(&prometheus, &client));
    assert!(
        (found["hallpass_calls_total{platform=\"testbed-oauth\"}"] - 14.0).abs() < 0.1,
        "what is gone still counts"
    );
    assert!(found["hallpass_sessions{platform=\"testbed-oauth\",state=\"active\"}"].abs() < 0.1);
}

#[tokio::test]
async fn accounts_are_told_apart_only_when_asked_for_and_end_at_zero() {
    let testbed = testbed().await;
    let prometheus = Prometheus::new(Accounts::Labelled).expect("a recorder");
    let client = Client::builder().meter(prometheus.meter()).build().expect("a client");
    let json = support::quick(&testbed.url(), "");
    let session = client.sign_in(&json, "alice", support::alice()).await.expect("signs in");
    let name = "hallpass_session_generation{platform=\"testbed-json\",account=\"alice\"}";
    assert!((samples(&scrape(&prometheus, &client))[name] - 1.0).abs() < 0.1);
    session.close().await.expect("closes");
    assert!(samples(&scrape(&prometheus, &client))[name].abs() < 0.1);
}

#[tokio::test]
async fn only_the_one_page_is_there_and_a_recorder_of_the_programs_own_is_told_too() {
    let client = support::client();
    let prometheus = Prometheus::new(Accounts::Summed).expect("a recorder");
    for (method, path, status) in [("POST", "/metrics", 405), ("GET", "/", 404), ("HEAD", "/metrics", 200)] {
        let request = http::Request::builder().method(method).uri(path).body(()).expect("a request");
        assert_eq!(prometheus.answer(&client, &request).status(), status, "{method} {path}");
    }
    let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
    let handle = recorder.handle();
    Meter::with(recorder, Accounts::Summed).publish(&client.snapshot());
    assert!(handle.render().contains("hallpass_connections{state=\"idle\"} 0"));
}
