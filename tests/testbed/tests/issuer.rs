//! The issuer's side: metadata, the browser's way with PKCE, a device's wait for its person, a client of its own.

mod support;

use std::time::Duration;

use hallpass_testbed::{Clock, Config, Testbed};
use serde_json::json;
use support::{Client, text};

async fn testbed() -> (Testbed, Client) {
    let testbed = Testbed::start(Config { clock: Clock::manual(), ..Config::default() }).await.unwrap();
    let client = Client::connect(&testbed).await;
    (testbed, client)
}

/// The pair of RFC 7636, appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

const POLL: &str = "grant_type=urn:ietf:params:oauth:grant-type:device_code&client_id=testbed&device_code=";

#[tokio::test]
async fn a_code_is_good_once_and_only_with_its_verifier_and_address() {
    let (testbed, mut client) = testbed().await;
    let ask = format!(
        "/oauth/authorize?response_type=code&client_id=testbed&redirect_uri=http://127.0.0.1:9/cb&state=s%261\
         &code_challenge={CHALLENGE}&code_challenge_method=S256&login_hint="
    );
    let denied = client.get(&format!("{ask}nobody"), &[]).await;
    assert!(
        denied.header("location").unwrap().starts_with("http://127.0.0.1:9/cb?error=access_denied&state=s%261&iss=")
    );
    for (verifier, redirect_uri, status) in [
        ("wrong", "http://127.0.0.1:9/cb", 400),
        (VERIFIER, "http://127.0.0.1:9/", 400),
        (VERIFIER, "http://127.0.0.1:9/cb", 200),
    ] {
        let back = client.get(&format!("{ask}alice"), &[]).await;
        let location = back.header("location").unwrap().to_owned();
        let code = location.split(['=', '&']).nth(1).unwrap();
        let body = format!(
            "grant_type=authorization_code&client_id=testbed&code={code}&redirect_uri={redirect_uri}&code_verifier={verifier}"
        );
        let got = client.form("/oauth/token", &[], &body).await;
        assert_eq!(got.status, status, "{verifier} {redirect_uri}");
        assert_eq!(client.form("/oauth/token", &[], &body).await.status, 400, "once only");
    }
    assert_eq!(testbed.stats().sign_ins.by_account["alice"], 1);
}

#[tokio::test]
async fn a_device_waits_for_its_person_and_is_slowed_down_when_it_asks_too_often() {
    let (testbed, mut client) = testbed().await;
    let device = client.form("/oauth/device", &[], "client_id=testbed&interval_ms=1000").await.json();
    let poll = format!("{POLL}{}", text(&device, "device_code"));
    for (wait, expected) in [(0, "authorization_pending"), (999, "slow_down"), (6000, "authorization_pending")] {
        testbed.clock().advance(Duration::from_millis(wait)).unwrap();
        let got = client.form("/oauth/token", &[], &poll).await;
        assert_eq!((got.status.as_u16(), got.json()), (400, json!({ "error": expected })));
    }
    let code = text(&device, "user_code");
    let wrong = format!("user_code={code}&username=alice&password=x");
    assert_eq!(client.form("/oauth/verify", &[], &wrong).await.status, 401);
    let right = format!("user_code={code}&username=alice&password=alice-password");
    assert_eq!(client.form("/oauth/verify", &[], &right).await.status, 200);
    testbed.clock().advance(Duration::from_secs(6)).unwrap();
    let tokens = client.form("/oauth/token", &[], &poll).await.json();
    assert_eq!(tokens["account_id"], "acct-alice");
    assert_eq!(client.form("/oauth/token", &[], &poll).await.json(), json!({ "error": "invalid_grant" }));
}

#[tokio::test]
async fn a_device_that_is_denied_or_too_late_is_told_so() {
    let (testbed, mut client) = testbed().await;
    let device = client.form("/oauth/device", &[], "client_id=testbed&expires_ms=60000").await.json();
    let code = text(&device, "user_code");
    assert_eq!(client.form("/oauth/verify", &[], &format!("user_code={code}&decision=deny")).await.status, 200);
    let poll = format!("{POLL}{}", text(&device, "device_code"));
    assert_eq!(client.form("/oauth/token", &[], &poll).await.json(), json!({ "error": "access_denied" }));
    testbed.clock().advance(Duration::from_secs(60)).unwrap();
    assert_eq!(client.form("/oauth/token", &[], &poll).await.json(), json!({ "error": "expired_token" }));
}

#[tokio::test]
async fn a_client_with_its_secret_signs_in_as_itself() {
    let (_testbed, mut client) = testbed().await;
    let body = "grant_type=client_credentials&client_id=testbed&client_secret=testbed-secret";
    let tokens = client.form("/oauth/body/token", &[], body).await.json();
    assert!(tokens.get("refresh_token").is_none());
    let me = client.bearer("/me", text(&tokens, "access_token")).await;
    assert_eq!(me.json()["id"], "acct-testbed");
    assert_eq!(client.form("/oauth/token", &[], body).await.json(), json!({ "error": "unauthorized_client" }));
}

#[tokio::test]
async fn the_metadata_names_the_issuer_that_the_client_sees() {
    let (_testbed, mut client) = testbed().await;
    let metadata = client.get("/oauth/.well-known/openid-configuration", &[]).await.json();
    assert_eq!(metadata["issuer"], "http://platform.test/oauth");
    assert_eq!(metadata["token_endpoint"], "http://platform.test/oauth/token");
}
