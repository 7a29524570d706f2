//! Every way in, and what each answers to wrong credentials.

mod support;

use std::time::Duration;

use hallpass_testbed::{Clock, Config, Expiry, Registration, Rotation, Testbed};
use support::{Client, text};

async fn testbed() -> (Testbed, Client) {
    let testbed = Testbed::start(Config { clock: Clock::manual(), ..Config::default() }).await.unwrap();
    let client = Client::connect(&testbed).await;
    (testbed, client)
}

#[tokio::test]
async fn json_sign_in_gives_tokens_that_prove_the_account() {
    let (testbed, mut client) = testbed().await;
    let tokens = client.login("alice").await;
    assert_eq!(tokens["token_type"], "Bearer");
    assert_eq!(tokens["expires_in"], 3600);
    assert_eq!(tokens["account_id"], "acct-alice");
    let me = client.bearer("/me", text(&tokens, "access_token")).await;
    assert_eq!(me.json(), serde_json::json!({ "id": "acct-alice", "name": "alice" }));
    let stats = testbed.stats();
    assert_eq!(stats.sign_ins.by_account["alice"], 1);
    assert_eq!(stats.access_tokens.by_account["alice"], 1);
}

#[tokio::test]
async fn wrong_credentials_are_refused_with_the_part_that_was_wrong() {
    let (testbed, mut client) = testbed().await;
    for (body, field) in [
        (r#"{"username":"alice","password":"x"}"#, "password"),
        (r#"{"username":"nobody","password":"x"}"#, "username"),
    ] {
        let got = client.send("POST", "/json/login", &[], body).await;
        assert_eq!(got.status, 401);
        assert_eq!(got.json(), serde_json::json!({ "error": "invalid_credentials", "field": field }));
    }
    assert_eq!(client.send("POST", "/json/login", &[], "not json").await.status, 400);
    let stats = testbed.stats();
    assert_eq!((stats.sign_ins.total, stats.sign_ins.refused), (0, 2));
}

#[tokio::test]
async fn any_name_may_sign_in_where_the_registration_is_open() {
    let config = Config { registration: Registration::Open, ..Config::default() };
    let testbed = Testbed::start(config).await.unwrap();
    let mut client = Client::connect(&testbed).await;
    assert_eq!(client.login("zoe-17").await["account_id"], "acct-zoe-17");
}

#[tokio::test]
async fn form_sign_in_needs_the_field_and_the_cookie_to_agree() {
    let (testbed, mut client) = testbed().await;
    let page = client.get("/form/login", &[]).await;
    let xsrf = page.cookie("_xsrf").unwrap();
    let value = xsrf.strip_prefix("_xsrf=").unwrap().to_owned();
    assert!(page.text().contains(&format!("name=\"_xsrf\" value=\"{value}\"")));
    assert!(page.header("set-cookie").unwrap().ends_with("; Path=/form"));

    let encoded = value.replace('|', "%7C");
    let body = format!("username=alice&password=alice-password&_xsrf={encoded}");
    for (headers, body) in [
        (&[][..], body.as_str()),
        (&[("cookie", "_xsrf=other")], &body),
        (&[("cookie", &xsrf)], "username=alice&password=alice-password"),
    ] {
        let got = client.form("/form/login", headers, body).await;
        assert_eq!(got.status, 403);
        assert!(got.text().contains("'_xsrf' argument missing"));
    }
    let wrong = client.form("/form/login", &[("cookie", &xsrf)], &body.replace("alice-p", "bob-p")).await;
    assert_eq!(wrong.status, 401);

    let got = client.form("/form/login", &[("cookie", &xsrf)], &body).await;
    assert_eq!((got.status.as_u16(), got.header("location")), (302, Some("/form/home")));
    assert!(got.header("set-cookie").unwrap().ends_with("; HttpOnly; Path=/"));
    let sid = got.cookie("sid").unwrap();
    assert!(client.get("/form/home", &[("cookie", &sid)]).await.text().contains("alice"));
    assert_eq!(client.get("/me", &[("cookie", &sid)]).await.json()["id"], "acct-alice");

    // An API write needs the header too; a lost session is a 403 here and a redirect on pages.
    let both = format!("{sid}; {xsrf}");
    assert_eq!(client.send("POST", "/form/api/items/1", &[("cookie", &both)], "").await.status, 403);
    let headers = [("cookie", both.as_str()), ("x-xsrftoken", value.as_str())];
    assert_eq!(client.send("POST", "/form/api/items/1", &headers, "").await.status, 201);
    assert_eq!(client.form("/form/logout", &[("cookie", &sid)], "").await.status, 302);
    assert_eq!(client.get("/form/api/items/1", &[("cookie", &sid)]).await.status, 403);
    let home = client.get("/form/home", &[("cookie", &sid)]).await;
    assert_eq!((home.status.as_u16(), home.header("location")), (302, Some("/form/login?next=/form/home")));
    assert_eq!(testbed.stats().sign_ins.total, 1);
}

#[tokio::test]
async fn a_form_may_answer_200_to_both_outcomes() {
    let (_testbed, mut client) = testbed().await;
    let fails = client.form("/form200/login", &[], "username=bob&password=x").await;
    assert_eq!((fails.status.as_u16(), fails.text().as_str(), fails.cookie("sid")), (200, "Fails.", None));
    let ok = client.form("/form200/login", &[], "username=bob&password=bob-password").await;
    assert_eq!((ok.status.as_u16(), ok.text().as_str()), (200, "Ok."));
    let sid = ok.cookie("sid").unwrap();
    assert_eq!(client.get("/api/me", &[("cookie", &sid)]).await.json()["name"], "bob");
}

#[tokio::test]
async fn the_handshake_hands_its_token_over_in_a_409() {
    let (_testbed, mut client) = testbed().await;
    let body = r#"{"username":"carol","password":"carol-password"}"#;
    let first = client.send("POST", "/rpc/login", &[], body).await;
    assert_eq!(first.status, 409);
    let token = first.header("x-session-token").unwrap().to_owned();
    let header = ("x-session-token", token.as_str());
    let sid = client.send("POST", "/rpc/login", &[header], body).await.cookie("sid").unwrap();
    assert_eq!(client.send("POST", "/rpc", &[("cookie", &sid)], "{}").await.status, 409);
    assert_eq!(client.send("POST", "/rpc", &[header], "{}").await.status, 401);
    let got = client.send("POST", "/rpc", &[header, ("cookie", &sid)], r#"{"method":"list"}"#).await;
    assert_eq!(got.json()["account_id"], "acct-carol");
    assert_eq!(got.json()["arguments"]["method"], "list");
}

#[tokio::test]
async fn a_static_token_is_good_until_it_is_revoked() {
    let (testbed, mut client) = testbed().await;
    assert_eq!(client.bearer("/me", "static-bob").await.status, 200);
    assert_eq!(client.bearer("/me", "static-nobody").await.status, 401);
    testbed.revoke("bob");
    let got = client.bearer("/me", "static-bob").await;
    assert_eq!((got.status.as_u16(), got.json()["reason"].as_str()), (401, Some("revoked")));
    client.send("POST", "/control/restore?account=bob", &[], "").await;
    assert_eq!(client.bearer("/me", "static-bob").await.status, 200);
}

#[tokio::test]
async fn a_bundle_is_bound_to_its_device_and_user_agent() {
    let (testbed, mut client) = testbed().await;
    let bundle = testbed.issue_bundle("alice", "Firefox").unwrap();
    let cookie = ("cookie", bundle.cookie.as_str());
    let (agent, device) = (("user-agent", "Firefox"), ("x-bc", bundle.x_bc.as_str()));
    assert_eq!(client.get("/bundle/me", &[cookie, agent, device]).await.json()["id"], bundle.account_id);
    assert_eq!(client.get("/bundle/api/items/3", &[cookie, agent, device]).await.status, 200);
    for headers in [[cookie, agent, ("x-bc", "other")], [cookie, ("user-agent", "curl"), device]] {
        assert_eq!(client.get("/bundle/me", &headers).await.status, 401);
    }
    assert_eq!(client.get("/bundle/me", &[cookie, agent]).await.status, 401);
    assert_eq!(client.bearer("/bundle/me", "static-alice").await.status, 401);
    let refusals = testbed.stats().refusals;
    assert_eq!((refusals.by_reason["device"], refusals.by_reason["agent"], refusals.by_reason["missing"]), (2, 1, 1));

    let rotated = client.send("POST", "/bundle/rotate", &[cookie, agent, device], "").await.cookie("sid").unwrap();
    assert_eq!(client.get("/bundle/me", &[cookie, agent, device]).await.status, 401);
    assert_eq!(client.get("/bundle/me", &[("cookie", &rotated), agent, device]).await.status, 200);
    assert_eq!(testbed.stats().sign_ins.total, 0);
}

#[tokio::test]
async fn a_rotated_refresh_token_kills_its_grant_when_it_comes_back() {
    let (testbed, mut client) = testbed().await;
    let first = testbed.issue_refresh_token("alice").unwrap();
    let second = client.refresh(&first).await.json();
    assert_eq!(client.bearer("/me", text(&second, "access_token")).await.status, 200);
    let third = client.refresh(text(&second, "refresh_token")).await.json();
    assert_eq!(testbed.stats().refresh_reuses, 0);

    for _ in 0..2 {
        let reused = client.refresh(&first).await;
        assert_eq!((reused.status.as_u16(), reused.json()["error"].as_str()), (400, Some("invalid_grant")));
    }
    for tokens in [&second, &third] {
        assert_eq!(client.bearer("/me", text(tokens, "access_token")).await.status, 401);
    }
    assert_eq!(client.refresh(text(&third, "refresh_token")).await.status, 400);
    let stats = testbed.stats();
    assert_eq!((stats.refresh_reuses, stats.grants_killed), (2, 1));
    assert_eq!((stats.token_requests.total, stats.token_requests.refused), (5, 3));
    assert_eq!(stats.token_requests.by_account["alice"], 5);
    assert_eq!(stats.access_tokens.total, 2);
}

#[tokio::test]
async fn without_rotation_a_refresh_token_stays_good() {
    let testbed = Testbed::start(Config { rotation: Rotation::Never, ..Config::default() }).await.unwrap();
    let mut client = Client::connect(&testbed).await;
    let token = testbed.issue_refresh_token("bob").unwrap();
    for _ in 0..3 {
        let got = client.refresh(&token).await;
        assert_eq!(got.status, 200);
        assert!(got.json().get("refresh_token").is_none());
    }
    assert_eq!(testbed.stats().refresh_reuses, 0);
}

#[tokio::test]
async fn a_client_proves_itself_by_basic_or_in_the_body() {
    let (testbed, mut client) = testbed().await;
    let fresh = || format!("grant_type=refresh_token&refresh_token={}", testbed.issue_refresh_token("bob").unwrap());
    // testbed:testbed-secret and testbed:wrong
    let good = ("authorization", "Basic dGVzdGJlZDp0ZXN0YmVkLXNlY3JldA==");
    let bad = ("authorization", "Basic dGVzdGJlZDp3cm9uZw==");
    for (path, headers, more, status) in [
        ("/oauth/token", &[][..], "", 200),
        ("/oauth/token", &[good], "", 200),
        ("/oauth/token", &[bad], "", 401),
        ("/oauth/basic/token", &[], "", 401),
        ("/oauth/basic/token", &[bad], "", 401),
        ("/oauth/basic/token", &[good], "", 200),
        ("/oauth/body/token", &[good], "", 401),
        ("/oauth/body/token", &[], "&client_id=testbed&client_secret=wrong", 401),
        ("/oauth/body/token", &[], "&client_id=testbed&client_secret=testbed-secret", 200),
    ] {
        let got = client.form(path, headers, &(fresh() + more)).await;
        assert_eq!(got.status, status, "{path} {headers:?} {more}");
    }
    assert_eq!(client.form("/oauth/token", &[], "grant_type=password").await.json()["error"], "unsupported_grant_type");
    assert_eq!(client.form("/oauth/token", &[], "").await.json()["error"], "invalid_request");
    let json = format!("{{\"refresh_token\":\"{}\"}}", testbed.issue_refresh_token("bob").unwrap());
    assert_eq!(client.send("POST", "/json/refresh", &[], &json).await.status, 200);
}

#[tokio::test]
async fn access_tokens_live_for_their_lifetime_to_the_millisecond() {
    let config = Config { token_lifetime: Duration::from_millis(1500), clock: Clock::manual(), ..Config::default() };
    let testbed = Testbed::start(config).await.unwrap();
    let mut client = Client::connect(&testbed).await;
    let tokens = client.login("alice").await;
    assert_eq!((&tokens["expires_in"], &tokens["expires_in_ms"]), (&2.into(), &1500.into()));
    let access = text(&tokens, "access_token");
    testbed.clock().advance(Duration::from_millis(1499)).unwrap();
    assert_eq!(client.bearer("/me", access).await.status, 200);
    assert_eq!(client.send("POST", "/control/advance?ms=1", &[], "").await.status, 200);
    let got = client.bearer("/me", access).await;
    assert_eq!((got.status.as_u16(), got.json()["reason"].as_str()), (401, Some("expired")));
    assert!(got.header("www-authenticate").unwrap().contains("invalid_token"));
}

#[tokio::test]
async fn cookie_sessions_slide_or_end_at_a_fixed_time() {
    for (session_expiry, status) in [(Expiry::Sliding, 200), (Expiry::Fixed, 401)] {
        let session_lifetime = Duration::from_millis(100);
        let config = Config { session_expiry, session_lifetime, clock: Clock::manual(), ..Config::default() };
        let testbed = Testbed::start(config).await.unwrap();
        let mut client = Client::connect(&testbed).await;
        let sid = client.form("/form200/login", &[], "username=bob&password=bob-password").await.cookie("sid").unwrap();
        for expected in [200, status] {
            testbed.clock().advance(Duration::from_millis(60)).unwrap();
            assert_eq!(client.get("/me", &[("cookie", &sid)]).await.status, expected);
        }
        testbed.clock().advance(Duration::from_millis(100)).unwrap();
        assert_eq!(client.get("/me", &[("cookie", &sid)]).await.status, 401);
    }
}

#[tokio::test]
async fn tokens_of_another_testbed_are_unknown() {
    let (_one, mut client) = testbed().await;
    let (_other, mut stranger) = testbed().await;
    let tokens = client.login("alice").await;
    let got = stranger.bearer("/me", text(&tokens, "access_token")).await;
    assert_eq!(got.json()["reason"], "unknown");
}
