//! Is a session asked after, kept alive, ended and signed out as its platform file says, and is the platform's own count the same?

use std::time::Duration;

use hallpass::{Credentials, Notice, State};
use hallpass_testbed::{Action, Config, Point, Rule, Testbed, TokenFormat};
use tokio::task::JoinSet;

use crate::support::{
    FORM, OAUTH, alice, client, client_at, eventually, keyring, kind, platform, quick, signed_in, status, testbed,
};

#[tokio::test]
async fn validating_renews_what_has_ended_and_finds_out_what_is_refused() {
    let (testbed, _client, session) = signed_in().await;
    testbed.reset_stats();
    session.validate().await.expect("it is good");
    testbed.expire("alice");
    session.validate().await.expect("it is good again");
    let stats = testbed.stats();
    assert_eq!((stats.requests.by_route["GET /me"], stats.token_requests.total), (3, 1));
    testbed.revoke("alice");
    assert_eq!(kind(session.validate().await), "expired");
    assert_eq!(session.state(), State::Expired);
    assert_eq!(testbed.stats().sign_ins.total, 0);
}

#[tokio::test]
async fn a_platform_that_is_down_leaves_the_session_as_it_is() {
    let (testbed, _client, session) = signed_in().await;
    let down = Action::Status { status: 500, headers: [].into(), body: String::new() };
    testbed.script(Rule::on("/me", down)).expect("a rule");
    assert_eq!(kind(session.validate().await), "platform_failed");
    assert_eq!((session.state(), status(&session, "/api/items/1").await), (State::Active, 200));
}

#[tokio::test]
async fn signing_out_ends_the_session_at_the_platform_and_removes_it() {
    let testbed = testbed().await;
    let folder = tempfile::tempdir().expect("a folder");
    let client = client_at(folder.path());
    let platform = platform(FORM, &testbed.url());
    let session = client.sign_in(&platform, "alice", alice()).await.expect("signs in");
    assert_eq!(client.saved().await.expect("lists").len(), 1);
    testbed.reset_stats();
    session.sign_out().await.expect("signs out");
    assert_eq!(testbed.stats().requests.by_route["POST /form/logout"], 1);
    assert!(client.saved().await.expect("lists").is_empty());
    assert_eq!((session.state(), kind(session.get("/me").send().await)), (State::Closed, "closed"));
    assert!(client.session("testbed-form", "alice").is_none());
    assert_eq!(kind(client.resume(&platform, "alice").await), "no_session");
}

#[tokio::test]
async fn a_sign_out_that_the_platform_does_not_hear_of_ends_the_session_here() {
    let testbed = testbed().await;
    let folder = tempfile::tempdir().expect("a folder");
    let client = client_at(folder.path());
    let platform = platform(FORM, &testbed.url());
    let session = client.sign_in(&platform, "alice", alice()).await.expect("signs in");
    let down = Action::Status { status: 404, headers: [].into(), body: String::new() };
    testbed.script(Rule::on("/form/logout", down)).expect("a rule");
    assert_eq!(kind(session.sign_out().await), "unexpected_answer");
    assert!(client.saved().await.expect("lists").is_empty());
    assert_eq!(session.state(), State::Closed);
}

#[tokio::test]
async fn a_resumed_session_that_signs_out_revokes_its_tokens_where_its_issuer_says() {
    let testbed = testbed().await;
    let folder = tempfile::tempdir().expect("a folder");
    let issuer = format!("{OAUTH}\n[oauth]\nissuer = \"{}/oauth\"\n", testbed.url());
    let platform = platform(&issuer, &testbed.url());
    let first = client_at(folder.path());
    let refresh = testbed.issue_refresh_token("alice").expect("a token");
    drop(first.sign_in(&platform, "alice", Credentials::refresh_token(refresh)).await.expect("signs in"));
    first.close().await.expect("closes");
    let session = client_at(folder.path()).resume(&platform, "alice").await.expect("resumes");
    assert_eq!(status(&session, "/me").await, 200);
    session.sign_out().await.expect("signs out");
    let stats = testbed.stats();
    assert_eq!(
        (stats.revocations["refresh_token"], stats.revocations["nothing"]),
        (1, 1),
        "the access token went with it"
    );
    assert_eq!(stats.requests.by_route["GET /oauth/.well-known/openid-configuration"], 1);
}

#[tokio::test]
async fn what_a_jwt_says_of_its_end_is_read() {
    let config = Config { access_tokens: TokenFormat::Jwt, ..Config::default() };
    let testbed = Testbed::start(config).await.expect("the testbed starts");
    let text = OAUTH.replace("[renew]", "[credential]\nexpires_from = [\"jwt\"]\n\n[renew]");
    let refresh = testbed.issue_refresh_token("alice").expect("a token");
    let (client, platform) = (client(), platform(&text, &testbed.url()));
    let session = client.sign_in(&platform, "alice", Credentials::refresh_token(refresh)).await.expect("signs in");
    let ends = session.snapshot().expires_at.expect("it is known");
    session.renew().await.expect("renews");
    let later = session.snapshot().expires_at.expect("it is known");
    assert!(later >= ends && later.since(ends) < Duration::from_secs(600), "an hour each, from when they were issued");
    assert_eq!(status(&session, "/me").await, 200);
}

#[tokio::test]
async fn a_session_is_kept_alive_while_it_is_held_and_no_longer() {
    let testbed = testbed().await;
    let client = client();
    let platform = platform(&FORM.replace("every = \"5m\"", "every = \"20ms\""), &testbed.url());
    let session = client.sign_in(&platform, "alice", alice()).await.expect("signs in");
    testbed.reset_stats();
    eventually(|| testbed.stats().requests.by_route.get("GET /me").is_some_and(|count| *count >= 3)).await;
    assert_ne!(session.state(), State::Closed);
    drop(session);
    eventually(|| client.session("testbed-form", "alice").is_none()).await;
    client.close().await.expect("closes");
    eventually(|| testbed.stats().requests.concurrent == 0).await;
    let asked = testbed.stats().requests.total;
    // Anything that still asked would have done so many times in this while.
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(testbed.stats().requests.total, asked);
}

#[tokio::test]
async fn closing_within_a_deadline_ends_the_calls_that_outlast_it_and_tells_of_every_session() {
    let testbed = testbed().await;
    let client = client();
    let platform = quick(&testbed.url(), "");
    let bob = hallpass::Credentials::password("bob", "bob-password");
    let first = client.sign_in(&platform, "alice", alice()).await.expect("signs in");
    let second = client.sign_in(&platform, "bob", bob).await.expect("signs in");
    testbed.script(Rule::on("/api/items/9", Action::Stall { at: Point::Before })).expect("a rule");
    let slow = tokio::spawn({
        let first = first.clone();
        async move { kind(first.get("/api/items/9").send().await) }
    });
    eventually(|| testbed.stats().requests.by_route.contains_key("GET /api/items/{n}")).await;
    let closed = client.close_within(Duration::from_millis(30)).await;
    let named: Vec<_> = closed.iter().map(|closed| (closed.account.as_str(), closed.result.is_ok())).collect();
    assert_eq!(named, [("alice", true), ("bob", true)]);
    assert_eq!(slow.await.expect("ends"), "closed");
    assert_eq!((first.state(), second.state()), (State::Closed, State::Closed));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_asks_while_others_close_gets_a_session_that_is_of_use() {
    let testbed = testbed().await;
    for round in 0..6_u32 {
        let folder = tempfile::tempdir().expect("a folder");
        let client = client_at(folder.path());
        let platform = quick(&testbed.url(), "");
        testbed.reset_stats();
        drop(client.sign_in(&platform, "alice", alice()).await.expect("signs in"));
        let mut tasks = JoinSet::new();
        for number in 0..64_u32 {
            let (client, platform) = (client.clone(), platform.clone());
            tasks.spawn(async move {
                let session = client.resume(&platform, "alice").await.expect("resumes, whoever closes meanwhile");
                // A third closes, a third calls, a third lets go; which ones, the round decides.
                match (number.wrapping_mul(7) + round * 13) % 3 {
                    0 => session.close().await.expect("closes"),
                    1 => match session.get("/api/items/1").send().await {
                        Ok(answer) => assert_eq!(answer.status().as_u16(), 200),
                        Err(error) => assert_eq!(error.kind(), "closed", "{error}"),
                    },
                    _ => {}
                }
            });
        }
        tasks.join_all().await;
        assert_eq!(testbed.stats().sign_ins.total, 1, "{round}");
        assert!(client.sessions().len() <= 1);
    }
}

#[tokio::test]
async fn a_session_past_its_lifetime_is_not_resumed() {
    let testbed = testbed().await;
    let folder = tempfile::tempdir().expect("a folder");
    let platform = quick(&testbed.url(), "[lifetime]\nabsolute = \"50ms\"");
    let client = client_at(folder.path());
    let session = client.sign_in(&platform, "alice", alice()).await.expect("signs in");
    let events = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let heard = std::sync::Arc::clone(&events);
    eventually(|| session.state() == State::Expired).await;
    assert_eq!(kind(session.get("/api/items/1").send().await), "expired");
    drop(session);
    let store = hallpass::store::FileStore::open(folder.path()).expect("the folder opens");
    let observer = move |_: &str, notice: &Notice| heard.lock().expect("whole").push(notice.clone());
    let later =
        hallpass::Client::builder().store(store).keyring(keyring()).on_notice(observer).build().expect("a client");
    let told = kind(later.resume(&platform, "alice").await);
    assert!(["expired", "no_session"].contains(&told), "{told}: the store may have dropped it by then");
    assert!(!events.lock().expect("whole").iter().any(|notice| matches!(notice, Notice::Restored(_))));
}
