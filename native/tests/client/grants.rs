//! Do the OAuth 2 grants sign in over the wire, with people and without, and does nobody else get a byte of their secrets?

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use hallpass::http::{ExchangeLimits, RequestBody, Transport, TransportSettings};
use hallpass::{Answer, Client, Credentials, Declined, Question, Secret};
use hallpass_testbed::{Action, Rule, Testbed};
use http::{Request, Response};

use crate::support::{client, client_at, kind, platform, status, testbed};

const CLIENT: &str = include_str!("../../../examples/platforms/testbed-client.toml");
const DEVICE: &str = include_str!("../../../examples/platforms/testbed-device.toml");
const CODE: &str = include_str!("../../../examples/platforms/testbed-code.toml");

const REDIRECT: &str = "http://127.0.0.1:9/callback";

/// One request as a person's browser makes it, without following anywhere.
async fn browser(request: Request<RequestBody>) -> Response<()> {
    let transport = Transport::new(TransportSettings::default()).expect("a transport");
    transport.exchange(request, ExchangeLimits::default()).await.expect("it answers").map(drop)
}

/// Where the issuer sends a browser that is sent to it.
async fn sent_back(url: &str) -> String {
    let answer = browser(Request::get(url).body(RequestBody::Empty).expect("a request")).await;
    assert_eq!(answer.status(), 302);
    answer.headers()["location"].to_str().expect("text").to_owned()
}

/// The person at the other device.
async fn decide(verification_uri: &str, form: String) {
    let request = Request::post(verification_uri).header("content-type", "application/x-www-form-urlencoded");
    let request = request.body(RequestBody::Full(form.into())).expect("a request");
    assert_eq!(browser(request).await.status(), 200);
}

/// A client whose person does what the issuer's page would have them do.
fn with_a_person(decision: &'static str) -> Client {
    let ask = move |_: String, question: Question| async move {
        match question {
            Question::Authorize { url, redirect_uri } => {
                assert_eq!(redirect_uri, REDIRECT);
                Ok(Answer::Redirected(Secret::new(sent_back(&url).await)))
            }
            Question::DeviceCode { user_code, verification_uri, .. } => {
                decide(&verification_uri, format!("user_code={user_code}&{decision}")).await;
                Ok(Answer::Shown)
            }
            _ => Err(Declined { why: "asked something else".to_owned() }),
        }
    };
    Client::builder().ask(ask).build().expect("a client")
}

fn back_here() -> Credentials {
    Credentials::default().with("redirect_uri", REDIRECT)
}

fn routes(testbed: &Testbed, route: &str) -> u64 {
    testbed.stats().requests.by_route.get(route).copied().unwrap_or(0)
}

#[tokio::test]
async fn a_client_of_its_own_signs_in_and_renews_without_any_refresh_token() {
    let testbed = testbed().await;
    let platform = platform(CLIENT, &testbed.url());
    let folder = tempfile::tempdir().expect("a folder");
    let first = client_at(folder.path());
    let credentials = Credentials::default().with("client_secret", "testbed-secret");
    let session = first.sign_in(&platform, "batch", credentials).await.expect("signs in");
    assert_eq!(session.account_id(), Some("acct-testbed".to_owned()));
    testbed.expire("testbed");
    assert_eq!(status(&session, "/api/items/1").await, 200);
    session.close().await.expect("closes");
    drop(first);
    let session = client_at(folder.path()).resume(&platform, "batch").await.expect("resumes");
    testbed.expire("testbed");
    assert_eq!(status(&session, "/api/items/2").await, 200);
    let stats = testbed.stats();
    assert_eq!((stats.token_requests.total, stats.token_requests.refused, stats.refresh_reuses), (3, 0, 0));
}

#[tokio::test]
async fn a_client_with_a_wrong_secret_asks_once() {
    let testbed = testbed().await;
    let credentials = Credentials::default().with("client_secret", "a guess");
    let refused = client().sign_in(&platform(CLIENT, &testbed.url()), "batch", credentials).await;
    assert_eq!(kind(refused), "credentials_refused");
    assert_eq!(testbed.stats().token_requests.total, 1);
}

#[tokio::test]
async fn a_browsers_code_signs_in_and_its_refresh_token_renews() {
    let testbed = testbed().await;
    let client = with_a_person("");
    let session = client.sign_in(&platform(CODE, &testbed.url()), "alice", back_here()).await.expect("signs in");
    assert_eq!(session.account_id(), Some("acct-alice".to_owned()));
    testbed.expire("alice");
    assert_eq!(status(&session, "/api/items/1").await, 200);
    let stats = testbed.stats();
    assert_eq!((stats.sign_ins.by_account["alice"], stats.token_requests.refused), (1, 0));
    assert_eq!(routes(&testbed, "GET /oauth/.well-known/openid-configuration"), 1);
    assert_eq!(routes(&testbed, "GET /oauth/authorize"), 1);
    assert_eq!(session.generation(), 2);
}

#[tokio::test]
async fn a_browser_that_comes_back_for_another_sign_in_brings_no_token_request_about() {
    let testbed = testbed().await;
    let seen = Arc::new(Mutex::new(Vec::new()));
    let addresses = Arc::clone(&seen);
    let ask = move |_: String, question: Question| {
        let addresses = Arc::clone(&addresses);
        async move {
            let Question::Authorize { url, .. } = question else { panic!("asked something else") };
            let back = sent_back(&url).await;
            addresses.lock().expect("whole").push(back.clone());
            // The first answer is that of the first sign-in, whoever asks.
            let first = addresses.lock().expect("whole")[0].clone();
            Ok(Answer::Redirected(Secret::new(first)))
        }
    };
    let client = Client::builder().ask(ask).build().expect("a client");
    let platform = platform(CODE, &testbed.url());
    client.sign_in(&platform, "alice", back_here()).await.expect("its own answer");
    let requests = testbed.stats().token_requests.total;
    let refused = client.sign_in(&platform, "mallory", back_here()).await;
    assert_eq!(kind(refused), "challenge_refused");
    assert_eq!(testbed.stats().token_requests.total, requests);
    assert_eq!(seen.lock().expect("whole").len(), 2);
}

#[tokio::test]
async fn a_device_code_signs_in_once_the_person_agrees() {
    let testbed = testbed().await;
    let client = with_a_person("username=bob&password=bob-password");
    let platform = platform(DEVICE, &testbed.url());
    let session = client.sign_in(&platform, "bob", Credentials::default()).await.expect("signs in");
    assert_eq!(session.account_id(), Some("acct-bob".to_owned()));
    session.renew().await.expect("its refresh token renews");
    let stats = testbed.stats();
    assert_eq!((stats.sign_ins.by_account["bob"], stats.token_requests.refused), (1, 0), "no poll came too early");
}

#[tokio::test]
async fn a_device_that_is_denied_is_told_so() {
    let testbed = testbed().await;
    let client = with_a_person("decision=deny");
    let denied = client.sign_in(&platform(DEVICE, &testbed.url()), "bob", Credentials::default()).await;
    assert_eq!(kind(denied), "credentials_refused");
    assert_eq!(testbed.stats().token_requests.total, 1);
}

#[tokio::test]
async fn an_issuer_whose_token_endpoint_is_elsewhere_gets_nothing_there() {
    let (testbed, hostile) = (testbed().await, testbed().await);
    let (ours, theirs) = (format!("{}/oauth", testbed.url()), format!("{}/oauth", hostile.url()));
    let metadata = format!(
        r#"{{"issuer": "{ours}", "token_endpoint": "{theirs}/token", "authorization_endpoint": "{ours}/authorize",
            "device_authorization_endpoint": "{theirs}/device"}}"#
    );
    let action = Action::Status { status: 200, headers: BTreeMap::default(), body: metadata };
    testbed.script(Rule::on("/oauth/.well-known", action).times(0)).expect("a rule");
    let client = with_a_person("username=bob&password=bob-password");
    let refused = client.sign_in(&platform(CODE, &testbed.url()), "alice", back_here()).await;
    assert_eq!(kind(refused), "platform_invalid");
    let refused = client.sign_in(&platform(DEVICE, &testbed.url()), "bob", Credentials::default()).await;
    assert_eq!(kind(refused), "platform_invalid");
    assert_eq!(hostile.stats().connections.accepted, 0);
    assert_eq!(routes(&testbed, "GET /oauth/authorize"), 0);
}
