//! The issuer's side: metadata, the browser's way with PKCE, a device's wait for its person, a client of its own.

mod support;

use std::time::Duration;

use base64ct::Encoding;
use hallpass_testbed::{Clock, Config, Testbed, TokenFormat};
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

#[tokio::test]
async fn a_revoked_refresh_token_takes_its_grant_along_and_an_access_token_ends_alone() {
    let (testbed, mut client) = testbed().await;
    let metadata = client.get("/oauth/.well-known/openid-configuration", &[]).await.json();
    assert_eq!(text(&metadata, "revocation_endpoint"), "http://platform.test/oauth/revoke");
    let first = client.login("alice").await;
    let second = client.login("alice").await;
    let (access, refresh) = (text(&first, "access_token"), text(&first, "refresh_token"));
    let renewed = client.refresh(refresh).await.json();
    let (newer, next) = (text(&renewed, "access_token"), text(&renewed, "refresh_token"));
    for (token, still) in [(access, 200), (next, 401), ("never issued", 401), (next, 401)] {
        let got = client.form("/oauth/revoke", &[], &format!("token={token}&token_type_hint=nonsense")).await;
        assert_eq!((got.status.as_u16(), got.body.len()), (200, 0));
        assert_eq!(client.bearer("/me", access).await.status, 401);
        assert_eq!(client.bearer("/me", newer).await.status, still);
    }
    assert_eq!(client.refresh(next).await.status, 400);
    assert_eq!(client.bearer("/me", text(&second, "access_token")).await.status, 200, "another sign-in's");
    assert_eq!(client.form("/oauth/revoke", &[], "token_type_hint=access_token").await.status, 400);
    assert_eq!(client.form("/oauth/body/revoke", &[], "token=x&client_id=testbed").await.status, 401);
    assert_eq!(client.get("/oauth/revoke", &[]).await.status, 405);
    let counted = testbed.stats().revocations;
    assert_eq!((counted["access_token"], counted["refresh_token"], counted["nothing"]), (1, 1, 2));
}

#[tokio::test]
async fn access_tokens_can_be_jwts_that_say_when_they_end() {
    let config = Config { clock: Clock::manual(), access_tokens: TokenFormat::Jwt, ..Config::default() };
    let testbed = Testbed::start(Config { token_lifetime: Duration::from_millis(1500), ..config }).await.unwrap();
    let mut client = Client::connect(&testbed).await;
    let tokens = client.login("alice").await;
    let token = text(&tokens, "access_token");
    let claims = base64ct::Base64UrlUnpadded::decode_vec(token.split('.').nth(1).unwrap()).unwrap();
    let claims: serde_json::Value = serde_json::from_slice(&claims).unwrap();
    assert_eq!(text(&claims, "sub"), "alice");
    let (begins, ends) = (claims["iat"].as_f64().unwrap(), claims["exp"].as_f64().unwrap());
    assert!((ends - begins - 1.5).abs() < 0.001, "{claims}");
    assert_eq!(client.bearer("/me", token).await.status, 200);
    testbed.clock().advance(Duration::from_millis(1500)).unwrap();
    assert_eq!(client.bearer("/me", token).await.status, 401);
}
