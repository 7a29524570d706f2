//! Is a session renewed, or ended, whichever way the platform says that it is gone?

use std::num::NonZeroUsize;

use hallpass::http::TransportSettings;
use hallpass::{Client, Credentials, State, Verdict};
use hallpass_testbed::{Action, Rule};
use serde_json::Value;

use crate::support::{BEARER, BUNDLE, FORM, alice, client, kind, platform, quick, signed_in, status, testbed};

/// What the JSON platform's description must say for each door of the testbed.
const SHAPES: [(&str, &str); 5] = [
    ("401", "status = [401]"),
    ("403", "status = [403]"),
    ("302", "status = [401]\nredirect_to = [\"/form/login\"]"),
    (
        "200code",
        "status = [401]\n[[refused.bodies]]\nstatus = [200]\npointer = \"/error/code\"\nvalues = [\"session_expired\"]",
    ),
    ("deleted-cookie", "status = [401]\ncookie_deleted = true"),
];

#[tokio::test]
async fn a_suspected_answer_gives_its_connection_back_before_the_platform_is_asked() {
    let testbed = testbed().await;
    let mut connections = TransportSettings::default();
    connections.max_per_host = NonZeroUsize::new(1);
    let client = Client::builder().transport(connections).build().expect("a client");
    let platform = platform(FORM, &testbed.url());
    let session = client.sign_in(&platform, "alice", alice()).await.expect("signs in");
    let body = "no entry ".repeat(5_000);
    let forbidden = Action::Status { status: 403, headers: [].into(), body: body.clone() };
    testbed.script(Rule::on("/api/items/9", forbidden).times(0)).expect("a rule");
    testbed.reset_stats();
    let answer = session.get("/api/items/9").send().await.expect("answers");
    assert_eq!(answer.status(), 403);
    assert_eq!(testbed.stats().requests.by_route["GET /me"], 1, "asked over the one connection that there is");
    assert_eq!(answer.text().await.expect("whole"), body);
    assert_eq!((session.state(), testbed.stats().connections.accepted), (State::Active, 0));
}

#[tokio::test]
async fn every_shape_of_gone_renews_once_and_the_call_is_served() {
    for (shape, rules) in SHAPES {
        let testbed = testbed().await;
        let text = crate::support::JSON.replace("status = [401]", rules);
        let text = if shape == "deleted-cookie" { format!("{text}\n[credential]\ncookie = \"sid\"\n") } else { text };
        let session = client().sign_in(&platform(&text, &testbed.url()), "alice", alice()).await.expect("signs in");
        testbed.expire("alice");
        let path = format!("/gone/{shape}/items/5");
        let answer = session.get(&path).send().await.expect("answers");
        assert_eq!(
            (answer.status().as_u16(), answer.verdict(), answer.attempts()),
            (200, Verdict::Served, 2),
            "{shape}"
        );
        let item: Value = answer.json().await.expect("JSON");
        assert_eq!(item["number"], 5, "{shape}: {item}");
        assert_eq!((session.generation(), session.stats().renewals, session.stats().replays), (2, 1, 1), "{shape}");
        assert_eq!(testbed.stats().token_requests.total, 1, "{shape}");
    }
}

#[tokio::test]
async fn a_body_that_was_read_to_know_what_it_means_reaches_the_program_whole() {
    let testbed = testbed().await;
    let (_, rules) = SHAPES[3];
    let capped = format!("{rules}\ncap = 100");
    let text = crate::support::JSON.replace("status = [401]", &capped);
    let session = client().sign_in(&platform(&text, &testbed.url()), "alice", alice()).await.expect("signs in");
    let small: Value = session.get("/gone/200code/items/5").send().await.expect("answers").json().await.expect("JSON");
    assert_eq!(small["number"], 5);
    let sent = "x".repeat(5000);
    let large: Value = session
        .post("/gone/200code/echo")
        .body(sent.clone())
        .send()
        .await
        .expect("answers")
        .json()
        .await
        .expect("JSON");
    assert_eq!(large["text"], sent);
    for path in ["/odd/html", "/odd/broken-json", "/odd/empty-json"] {
        assert_eq!(status(&session, path).await, 200, "{path}");
    }
    assert_eq!(session.state(), State::Active);
}

#[tokio::test]
async fn a_session_that_cannot_be_renewed_ends_and_later_calls_do_not_leave() {
    let testbed = testbed().await;
    let session = client().sign_in(&platform(FORM, &testbed.url()), "alice", alice()).await.expect("signs in");
    assert_eq!(status(&session, "/form/api/items/1").await, 200);
    testbed.expire("alice");
    let answer = session.get("/gone/302/items/1").send().await.expect("the refusal is an answer");
    assert_eq!((answer.status().as_u16(), answer.verdict()), (302, Verdict::Refused));
    assert_eq!(answer.error_for_verdict().expect_err("refused").kind(), "expired");
    assert_eq!(session.state(), State::Expired);
    let before = testbed.stats().requests.total;
    assert_eq!(kind(session.get("/form/api/items/1").send().await), "expired");
    assert_eq!(testbed.stats().requests.total, before);
}

#[tokio::test]
async fn a_suspicion_is_settled_by_asking_who_we_are() {
    let testbed = testbed().await;
    let session = client().sign_in(&platform(FORM, &testbed.url()), "alice", alice()).await.expect("signs in");
    // A write without the CSRF header is a 403 although the session is good.
    let answer = session.post("/form/api/items/1").send().await.expect("answers");
    assert_eq!((answer.status().as_u16(), answer.verdict()), (403, Verdict::Declined));
    assert_eq!(session.state(), State::Active);
    testbed.expire("alice");
    let again = client().sign_in(&platform(FORM, &testbed.url()), "alice", alice()).await.expect("signs in");
    testbed.expire("alice");
    let answer = again.get("/form/api/items/1").send().await.expect("answers");
    assert_eq!((answer.status().as_u16(), answer.verdict(), again.state()), (403, Verdict::Refused, State::Expired));
}

#[tokio::test]
async fn a_bundle_is_used_as_it_is_and_its_cookie_is_followed() {
    let testbed = testbed().await;
    let issued = testbed.issue_bundle("alice", "Browser/1.0").expect("a bundle");
    let bundle = crate::support::bundle(&issued);
    let text = BUNDLE.replace("path = \"/me\"", "path = \"/bundle/me\"");
    let platform = platform(&text, &testbed.url());
    let session = client().sign_in(&platform, "alice", bundle.clone()).await.expect("signs in");
    assert_eq!(status(&session, "/bundle/items/1").await, 200);
    assert_eq!(session.post("/bundle/rotate").send().await.expect("answers").status(), 200);
    assert_eq!(session.generation(), 2, "the cookie is the credential, and it changed");
    assert_eq!(status(&session, "/bundle/items/2").await, 200);

    let issued = testbed.issue_bundle("alice", "Browser/1.0").expect("a bundle");
    let bundle = Credentials { cookies: Some(hallpass::Secret::new(issued.cookie)), ..bundle };
    let wrong = Credentials { account_id: Some("acct-bob".to_owned()), ..bundle.clone() };
    assert_eq!(kind(client().sign_in(&platform, "bob", wrong).await), "account_mismatch");
    let lacking = Credentials { headers: std::collections::BTreeMap::new(), ..bundle };
    let error = client().sign_in(&platform, "alice", lacking).await.expect_err("no x-bc");
    assert_eq!(error.kind(), "credentials_invalid");
    assert!(error.to_string().contains("x-bc"), "{error}");
}

#[tokio::test]
async fn a_fresh_generation_that_is_refused_again_ends_the_session() {
    let (testbed, _client, session) = signed_in().await;
    let gone = Action::Status { status: 401, headers: [].into(), body: String::new() };
    testbed.script(Rule { times: 0, ..Rule::on("/api/items", gone) }).expect("a rule");
    let answer = session.get("/api/items/1").send().await.expect("the refusal is an answer");
    assert_eq!((answer.status().as_u16(), answer.verdict()), (401, Verdict::Rejected));
    assert_eq!(session.state(), State::Rejected);
    assert_eq!(kind(session.get("/api/items/1").send().await), "rejected");
    assert_eq!(testbed.stats().token_requests.total, 1);
}

#[tokio::test]
async fn refused_credentials_are_tried_once() {
    let testbed = testbed().await;
    let client = client();
    let wrong = Credentials::password("alice", "wrong");
    assert_eq!(kind(client.sign_in(&quick(&testbed.url(), ""), "alice", wrong).await), "credentials_refused");
    assert_eq!(testbed.stats().sign_ins.refused, 1);
    let nobody = Credentials::bearer("not-a-token");
    assert_eq!(kind(client.sign_in(&platform(BEARER, &testbed.url()), "alice", nobody).await), "credentials_refused");
    assert_eq!(testbed.stats().refusals.total, 1);
    assert!(client.sessions().is_empty());
    let right = client.sign_in(&quick(&testbed.url(), ""), "alice", alice()).await;
    assert_eq!(right.expect("a failed sign-in leaves nothing in the way").state(), State::Active);
}
