//! Does a session survive a hub that ends it with 403, says 403 for other reasons too, and lets one server start at a time?

mod server;

use std::time::Duration;

use hallpass::{Client, Credentials, Kind, Platform, Repeatable, Session, State, Verdict};
use http::Method;
use server::{Hub, PASSWORD};

fn described(text: &str, hub: &Hub) -> Platform {
    Platform::from_toml(&text.replace("http://127.0.0.1:8000", hub.url())).expect("the example is a platform")
}

fn platform(hub: &Hub) -> Platform {
    described(include_str!("../../../examples/platforms/jupyterhub.toml"), hub)
}

async fn sign_in(client: &Client, hub: &Hub, name: &str) -> Session {
    let session = client.sign_in(&platform(hub), name, Credentials::password(name, PASSWORD)).await;
    session.unwrap_or_else(|error| panic!("{name} signs in: {error}"))
}

/// The token that the hub's own page hands to its scripts, as they send it.
async fn cross_site_token(session: &Session) -> String {
    let page = session.get("/hub/token").send().await.expect("a page").text().await.expect("text");
    let (_, rest) = page.split_once("xsrf_token: \"").expect("the page has it");
    rest.split('"').next().expect("it ends").to_owned()
}

async fn who(session: &Session) -> (u16, Verdict) {
    let answer = session.get("/hub/api/user").send().await.expect("it answers");
    (answer.status().as_u16(), answer.verdict())
}

#[tokio::test]
#[ignore = "needs PyPI's jupyterhub: cargo xtask test --real"]
async fn a_form_signs_in_and_a_403_that_means_something_else_ends_nothing() {
    let hub = Hub::start(HOUR).await;
    let client = Client::builder().build().expect("the client builds");
    let wrong = client.sign_in(&platform(&hub), "alice", Credentials::password("alice", "a guess")).await;
    assert_eq!(wrong.expect_err("the password is wrong").code(), Kind::CredentialsRefused);
    let session = sign_in(&client, &hub, "alice").await;
    assert_eq!((session.account_id().as_deref(), session.generation()), (Some("alice"), 1));
    assert_eq!(who(&session).await, (200, Verdict::Served));

    // Without the token against cross-site requests, the same 403 as of a session that has ended.
    let body = r#"{"expires_in": 6, "note": "for a test"}"#;
    let ask = || session.post("/hub/api/users/alice/tokens").header("content-type", "application/json").body(body);
    let answer = ask().send().await.expect("it answers");
    assert_eq!((answer.status().as_u16(), answer.verdict()), (403, Verdict::Declined));
    assert_eq!((session.state(), session.generation()), (State::Active, 1));

    let answer = ask().header("x-xsrftoken", &cross_site_token(&session).await).send().await.expect("it answers");
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
    let hub = Hub::start(Duration::from_secs(6)).await;
    let client = Client::builder().build().expect("the client builds");
    let (alice, bob) = (sign_in(&client, &hub, "alice").await, sign_in(&client, &hub, "bob").await);
    assert_eq!(who(&alice).await, (200, Verdict::Served));
    tokio::time::sleep(Duration::from_secs(8)).await;
    assert_eq!(who(&alice).await, (403, Verdict::Refused));
    assert_eq!(alice.state(), State::Expired);
    let page = bob.get("/hub/home").send().await.expect("it answers");
    assert_eq!((page.status().as_u16(), page.verdict()), (302, Verdict::Refused));
    assert_eq!(bob.state(), State::Expired);
    let error = alice.get("/hub/api/user").send().await.expect_err("the session has ended");
    assert_eq!(error.code(), Kind::Expired);
    assert_eq!(who(&sign_in(&client, &hub, "alice").await).await, (200, Verdict::Served));
}

#[tokio::test]
#[ignore = "needs PyPI's jupyterhub: cargo xtask test --real"]
async fn a_hub_that_is_busy_starting_a_server_throttles_and_ends_no_session() {
    let hub = Hub::start(HOUR).await;
    let client = Client::builder().build().expect("the client builds");
    let patient = format!("{}\n[retry]\nattempts = 20\n", include_str!("../../../examples/platforms/jupyterhub.toml"));
    let platform = described(&patient, &hub);
    let mut users = Vec::new();
    for name in ["alice", "bob", "carol"] {
        let session = client.sign_in(&platform, name, Credentials::password(name, PASSWORD)).await.expect("signs in");
        let token = cross_site_token(&session).await;
        users.push((name, session, token));
    }
    let start = |(name, session, token): &(&str, Session, String), patience| {
        let address = format!("/hub/api/users/{name}/server");
        session.request(Method::POST, &address).header("x-xsrftoken", token).timeout(patience)
    };
    let first = start(&users[0], Duration::from_secs(20)).send().await.expect("it answers");
    assert_eq!(first.status(), 202, "the server is on its way");
    for user in &users[1..] {
        let answer = start(user, Duration::from_secs(1)).send().await.expect("it answers");
        assert_eq!(answer.status(), 429);
        assert!(matches!(answer.verdict(), Verdict::Throttled(Some(_))), "{:?}", answer.verdict());
        assert!(answer.headers().contains_key("retry-after"));
        assert_eq!((user.1.state(), user.1.generation()), (State::Active, 1));
        assert_eq!(user.1.stats().refusals, 0);
    }
    // Who has the patience is served once the hub is; how long a server takes to come up is the machine's affair.
    let answer =
        start(&users[1], Duration::from_secs(60)).repeatable(Repeatable::Yes).send().await.expect("it answers");
    assert!(answer.status().is_success(), "{}", answer.status());
    assert!(answer.attempts() > 1, "the first answer was another 429");
}

const HOUR: Duration = Duration::from_secs(3_600);
