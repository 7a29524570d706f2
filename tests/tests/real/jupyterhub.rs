//! Does a session survive a hub that ends it with 403, says 403 for other reasons too, and lets one server start at a time?

mod server;

use std::time::Duration;

use hallpass::{Client, Credentials, KeepCredentials, Kind, Platform, Repeatable, Session, State, Verdict};
use http::Method;
use server::{Hub, PASSWORD};
use tokio::task::JoinSet;

fn described(text: &str, hub: &Hub) -> Platform {
    Platform::from_toml(&text.replace("http://127.0.0.1:8000", hub.url())).expect("the example is a platform")
}

fn platform(hub: &Hub) -> Platform {
    described(include_str!("../../../examples/platforms/jupyterhub.toml"), hub)
}

fn client(keep: KeepCredentials) -> Client {
    Client::builder().keep_credentials(keep).build().expect("the client builds")
}

async fn sign_in(client: &Client, platform: &Platform, name: &str) -> Session {
    let session = client.sign_in(platform, name, Credentials::password(name, PASSWORD)).await;
    session.unwrap_or_else(|error| panic!("{name} signs in: {error}"))
}

async fn asked(session: &Session, address: &str) -> (u16, Verdict) {
    let answer = session.get(address).send().await.expect("it answers");
    (answer.status().as_u16(), answer.verdict())
}

async fn who(session: &Session) -> (u16, Verdict) {
    asked(session, "/hub/api/user").await
}

#[tokio::test]
#[ignore = "needs PyPI's jupyterhub: cargo xtask test --real"]
async fn a_form_signs_in_and_a_403_that_means_something_else_ends_nothing() {
    let hub = Hub::start(HOUR).await;
    let (client, platform) = (client(KeepCredentials::Never), platform(&hub));
    let wrong = client.sign_in(&platform, "alice", Credentials::password("alice", "a guess")).await;
    assert_eq!(wrong.expect_err("the password is wrong").code(), Kind::CredentialsRefused);
    let session = sign_in(&client, &platform, "alice").await;
    assert_eq!((session.account_id().as_deref(), session.generation()), (Some("alice"), 1));
    assert_eq!(who(&session).await, (200, Verdict::Served));

    // She may not list the users: the same 403 as of a session that has ended.
    assert_eq!(asked(&session, "/hub/api/users").await, (403, Verdict::Declined));
    assert_eq!((session.state(), session.generation(), session.stats().refusals), (State::Active, 1, 0));
    assert_eq!(hub.sign_ins().await, 1);
}

#[tokio::test]
#[ignore = "needs PyPI's jupyterhub: cargo xtask test --real"]
async fn what_changes_something_carries_the_token_against_cross_site_requests_and_makes_a_token_for_the_api() {
    let hub = Hub::start(HOUR).await;
    let (client, platform) = (client(KeepCredentials::Never), platform(&hub));
    let make = |session: &Session| {
        let body = r#"{"expires_in": 6, "note": "for a test"}"#;
        session.post("/hub/api/users/alice/tokens").header("content-type", "application/json").body(body)
    };
    let text = include_str!("../../../examples/platforms/jupyterhub.toml");
    let text = text.replace(r#"id = "jupyterhub""#, r#"id = "other""#).replace("x-xsrftoken", "x-not-heeded");
    let without = sign_in(&client, &described(&text, &hub), "alice").await;
    let answer = make(&without).send().await.expect("it answers");
    assert_eq!((answer.status().as_u16(), answer.verdict()), (403, Verdict::Declined));
    assert_eq!((without.state(), without.generation()), (State::Active, 1));

    let session = sign_in(&client, &platform, "alice").await;
    let answer = make(&session).send().await.expect("it answers");
    assert_eq!(answer.status(), 201);
    let made: serde_json::Value = answer.json().await.expect("JSON");
    let token = made["token"].as_str().expect("a token").to_owned();

    let tokens = described(include_str!("../../../examples/platforms/jupyterhub-token.toml"), &hub);
    let bearer = client.sign_in(&tokens, "alice", Credentials::bearer(token)).await.expect("the token is good");
    assert_eq!(bearer.account_id().as_deref(), Some("alice"));
    tokio::time::sleep(Duration::from_secs(7)).await;
    assert_eq!(who(&bearer).await, (403, Verdict::Refused));
    assert_eq!(bearer.state(), State::Expired);
    assert_eq!(who(&session).await, (200, Verdict::Served), "the other session of the same account goes on");
}

#[tokio::test]
#[ignore = "needs PyPI's jupyterhub: cargo xtask test --real"]
async fn a_cookie_that_has_ended_is_told_by_the_api_and_by_the_pages() {
    let hub = Hub::start(COOKIE).await;
    let (client, platform) = (client(KeepCredentials::Never), platform(&hub));
    let alice = sign_in(&client, &platform, "alice").await;
    assert_eq!(who(&alice).await, (200, Verdict::Served));
    let bob = sign_in(&client, &platform, "bob").await;
    tokio::time::sleep(COOKIE + GRAIN).await;
    assert_eq!(who(&alice).await, (403, Verdict::Refused));
    assert_eq!(alice.state(), State::Expired);
    assert_eq!(asked(&bob, "/hub/home").await, (302, Verdict::Refused));
    assert_eq!(bob.state(), State::Expired);
    let error = alice.get("/hub/api/user").send().await.expect_err("the session has ended");
    assert_eq!(error.code(), Kind::Expired);
    assert_eq!(hub.sign_ins().await, 2, "nobody signs in unasked");
    assert_eq!(who(&sign_in(&client, &platform, "alice").await).await, (200, Verdict::Served));
}

#[tokio::test]
#[ignore = "needs PyPI's jupyterhub: cargo xtask test --real"]
async fn where_credentials_are_kept_a_cookie_that_has_ended_is_one_new_sign_in_for_all_calls() {
    let hub = Hub::start(COOKIE).await;
    let session = sign_in(&client(KeepCredentials::InMemory), &platform(&hub), "alice").await;
    tokio::time::sleep(COOKIE + GRAIN).await;
    let mut calls = JoinSet::new();
    for number in 0..16 {
        let session = session.clone();
        calls.spawn(async move {
            // What changes something carries the new session's token.
            let body = r#"{"expires_in": 60}"#;
            let call = match number % 2 {
                0 => session.get("/hub/api/user"),
                _ => session.post("/hub/api/users/alice/tokens").header("content-type", "application/json").body(body),
            };
            call.send().await.expect("it answers").status().as_u16()
        });
    }
    let mut statuses = calls.join_all().await;
    statuses.sort_unstable();
    assert_eq!(statuses, [[200; 8], [201; 8]].concat());
    assert_eq!((session.state(), session.generation(), session.stats().sign_ins), (State::Active, 2, 2));
    assert_eq!(hub.sign_ins().await, 2);
}

#[tokio::test]
#[ignore = "needs PyPI's jupyterhub: cargo xtask test --real"]
async fn a_hub_that_is_busy_starting_a_server_throttles_and_ends_no_session() {
    let hub = Hub::start(HOUR).await;
    let client = client(KeepCredentials::Never);
    let trying = |attempts| {
        let text = include_str!("../../../examples/platforms/jupyterhub.toml");
        described(&format!("{text}\n[retry]\nattempts = {attempts}\n"), &hub)
    };
    let start = |session: &Session| {
        let address = format!("/hub/api/users/{}/server", session.account());
        session.request(Method::POST, &address).repeatable(Repeatable::Yes).timeout(Duration::from_secs(60))
    };
    let alice = sign_in(&client, &trying(1), "alice").await;
    let answer = start(&alice).send().await.expect("it answers");
    assert_eq!(answer.status(), 202, "the server is on its way");

    let carol = sign_in(&client, &trying(1), "carol").await;
    let answer = start(&carol).send().await.expect("it answers");
    assert_eq!(answer.status(), 429);
    assert!(matches!(answer.verdict(), Verdict::Throttled(Some(_))), "{:?}", answer.verdict());
    assert!(answer.headers().contains_key("retry-after"));

    // Who has the patience is served once the hub is.
    let bob = sign_in(&client, &trying(20), "bob").await;
    let patient = tokio::spawn(start(&bob).send());
    while bob.stats().throttled == 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    hub.let_servers_start();
    let answer = patient.await.expect("it ends").expect("it answers");
    assert!(answer.status().is_success(), "{}", answer.status());
    assert!(answer.attempts() > 1, "the first answer was another 429");
    for session in [alice, bob, carol] {
        assert_eq!((session.state(), session.generation(), session.stats().refusals), (State::Active, 1, 0));
    }
}

const HOUR: Duration = Duration::from_secs(3_600);
const COOKIE: Duration = Duration::from_secs(8);
/// The hub dates its cookies in whole seconds.
const GRAIN: Duration = Duration::from_millis(1_500);
