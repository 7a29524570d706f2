//! Do the other OAuth 2 grants sign in at a provider that others wrote: with a browser, on another device, without anybody?
//!
//! The server's own counters are the judge.

use hallpass::{Answer, Client, Credentials, Declined, Platform, Question, Secret};

use crate::provider::{CLIENT_SECRET, Provider};
use crate::walk;

fn platform(text: &str, provider: &Provider) -> Platform {
    Platform::from_toml(&text.replace("http://127.0.0.1:3000", provider.url())).expect("the example is a platform")
}

/// A client whose person goes where they are sent, and agrees.
fn with_a_person() -> Client {
    let ask = |_: String, question: Question| async move {
        match question {
            Question::Authorize { url, .. } => Ok(Answer::Redirected(Secret::new(walk::sent_to(&url).await))),
            Question::DeviceCode { verification_uri_complete: Some(address), .. } => {
                walk::agree(&address).await;
                Ok(Answer::Shown)
            }
            _ => Err(Declined { why: "asked something else".to_owned() }),
        }
    };
    Client::builder().ask(ask).build().expect("the client builds")
}

#[tokio::test]
#[ignore = "needs npm's oidc-provider: cargo xtask test --only real"]
async fn a_browser_signs_in_with_pkce_at_endpoints_that_were_discovered() {
    let provider = Provider::start().await;
    let platform = platform(include_str!("../../../examples/platforms/oidc-provider-code.toml"), &provider);
    // A native client may come back to any port of loopback (RFC 8252 §7.3).
    let credentials = Credentials::default().with("redirect_uri", "http://127.0.0.1:7777/callback");
    let session = with_a_person().sign_in(&platform, "bob", credentials).await.expect("signs in");
    assert_eq!(session.account_id().as_deref(), Some(walk::LOGIN));
    session.renew().await.expect("its refresh token renews");
    assert_eq!(session.get("/me").send().await.expect("answers").status(), 200);
    let stats = provider.stats().await;
    assert_eq!(stats["grants"], serde_json::json!({ "authorization_code 200": 1, "refresh_token 200": 1 }));
    assert_eq!((&stats["errors"], &stats["revoked"]), (&serde_json::json!({}), &0.into()));
}

#[tokio::test]
#[ignore = "needs npm's oidc-provider: cargo xtask test --only real"]
async fn a_device_is_signed_in_once_its_person_has_agreed_elsewhere() {
    let provider = Provider::start().await;
    // Nobody but the ID token says who signed in.
    let text = include_str!("../../../examples/platforms/oidc-provider-device.toml");
    let platform = platform(&text.replace("path = \"/me\"\naccount_id = \"/sub\"\n", ""), &provider);
    let session = with_a_person().sign_in(&platform, "bob", Credentials::default()).await.expect("signs in");
    assert_eq!(session.account_id().as_deref(), Some(walk::LOGIN));
    session.renew().await.expect("its refresh token renews");
    assert_eq!(provider.stats().await["userinfo"], serde_json::json!({}));
    assert_eq!(session.get("/me").send().await.expect("answers").status(), 200);
    let stats = provider.stats().await;
    let device = "urn:ietf:params:oauth:grant-type:device_code 200";
    assert_eq!((&stats["grants"][device], &stats["grants"]["refresh_token 200"]), (&1.into(), &1.into()), "{stats}");
    assert_eq!(stats["errors"].get("slow_down"), None, "{stats}");
}

#[tokio::test]
#[ignore = "needs npm's oidc-provider: cargo xtask test --only real"]
async fn a_client_signs_in_as_itself_as_often_as_it_must() {
    let provider = Provider::start().await;
    let platform = platform(include_str!("../../../examples/platforms/oidc-provider-client.toml"), &provider);
    let client = Client::builder().build().expect("the client builds");
    let wrong = Credentials::default().with("client_secret", "a guess");
    let error = client.sign_in(&platform, "batch", wrong).await.expect_err("the secret is wrong");
    assert_eq!(error.kind(), "credentials_refused");
    let right = Credentials::default().with("client_secret", CLIENT_SECRET);
    let session = client.sign_in(&platform, "batch", right).await.expect("signs in");
    session.renew().await.expect("renews");
    assert_eq!(session.generation(), 2);
    let stats = provider.stats().await;
    assert_eq!(stats["granted"], 2, "{stats}");
    assert_eq!(stats["errors"], serde_json::json!({ "invalid_client": 1 }));
}
