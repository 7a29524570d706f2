//! What does a program hear when connections break in the middle?

use hallpass::Client;
use hallpass_testbed::{Action, Point, Rule};

use crate::support::{alice, kind, pool, signed_in, status, testbed};

#[tokio::test]
async fn a_body_that_breaks_off_is_an_error_and_never_a_short_success() {
    let (testbed, client, session) = signed_in().await;
    for action in
        [Action::Truncate { keep: None }, Action::Reset { at: Point::Body }, Action::Close { at: Point::Body }]
    {
        for path in ["/api/items/1", "/api/bytes/500000"] {
            testbed.script(Rule::on(path, action.clone())).expect("a rule");
            let answer = session.get(path).send().await.expect("the head arrives whole");
            assert_eq!(answer.status(), 200);
            assert_eq!(kind(answer.bytes().await), "body_truncated", "{action:?} {path}");
        }
    }
    assert_eq!(status(&session, "/api/items/1").await, 200);
    pool(&client, |stats| stats.in_use == 0 && stats.connecting == 0).await;
}

#[tokio::test]
async fn a_connection_that_breaks_before_the_head_is_tried_again() {
    let (testbed, client, session) = signed_in().await;
    for at in [Point::Before, Point::Answered, Point::Head] {
        for action in [Action::Reset { at }, Action::Close { at }] {
            testbed.script(Rule::on("/api/items", action.clone())).expect("a rule");
            let answer = session.get("/api/items/1").send().await.expect("answers");
            assert_eq!((answer.status().as_u16(), answer.attempts()), (200, 2), "{action:?}");
        }
    }
    pool(&client, |stats| stats.in_use == 0).await;
}

#[tokio::test]
async fn a_body_that_must_be_read_for_its_meaning_and_breaks_off_is_read_again() {
    let testbed = testbed().await;
    let more = "[[refused.bodies]]\nstatus = [200]\npointer = \"/error/code\"\nvalues = [\"session_expired\"]";
    let text =
        crate::support::JSON.replace("status = [401]", &format!("status = [401]\n{more}")).replace("250ms", "1ms");
    let platform = crate::support::platform(&text, &testbed.url());
    let session = crate::support::client().sign_in(&platform, "alice", alice()).await.expect("signs in");
    testbed.script(Rule::on("/gone/200code", Action::Truncate { keep: Some(3) })).expect("a rule");
    let answer = session.get("/gone/200code/items/1").send().await.expect("answers");
    assert_eq!((answer.status().as_u16(), answer.attempts()), (200, 2));
}

#[tokio::test]
async fn an_answer_that_is_no_http_is_named_so() {
    let (_testbed, _client, session) = signed_in().await;
    let raw = hallpass_testbed::Raw::start(vec![b"SSH-2.0-OpenSSH_9.9\r\n".to_vec()]).await.expect("listens");
    assert_eq!(kind(session.post(&raw.url()).send().await), "protocol");
    let error = session.get("http://no-such-host.invalid/").timeout(std::time::Duration::from_secs(20)).send().await;
    assert_eq!(kind(error), "dns");
}

#[tokio::test]
async fn a_lost_answer_to_a_renewal_signs_out_and_says_so_but_a_lost_request_does_not() {
    for (at, expected) in [(Point::Answered, "renewal_lost"), (Point::Head, "renewal_lost")] {
        let (testbed, _client, session) = signed_in().await;
        testbed.script(Rule::on("/oauth/token", Action::Reset { at })).expect("a rule");
        assert_eq!(kind(session.renew().await), expected, "{at:?}");
        assert_eq!(testbed.stats().token_requests.total, 1, "never sent twice");
        // The access token is as good as before.
        assert_eq!(status(&session, "/api/items/1").await, 200);
        testbed.expire("alice");
        let answer = session.get("/api/items/1").send().await.expect("answers");
        assert_eq!((answer.status().as_u16(), session.state()), (401, hallpass::State::Expired));
        assert_eq!(kind(session.get("/api/items/1").send().await), expected);
        session.close().await.expect("closes");
    }
    let (testbed, _client, session) = signed_in().await;
    let busy = Action::Status { status: 503, headers: [].into(), body: String::new() };
    testbed.script(Rule { times: 2, ..Rule::on("/oauth/token", busy) }).expect("a rule");
    session.renew().await.expect("the third attempt is answered");
    assert_eq!((session.generation(), testbed.stats().refresh_reuses), (2, 0));
}

#[tokio::test]
async fn the_answer_to_a_renewal_that_comes_too_late_still_brings_the_rotated_token() {
    let testbed = testbed().await;
    let text = format!("{}\nexchange = \"100ms\"\n", crate::support::JSON.trim_end());
    let platform = crate::support::platform(&text, &testbed.url());
    let client = Client::builder().build().expect("a client");
    let session = client.sign_in(&platform, "alice", alice()).await.expect("signs in");
    testbed.script(Rule::on("/oauth/token", Action::Delay { ms: 600 })).expect("a rule");
    assert_eq!(kind(session.renew().await), "renewal_lost");
    crate::support::eventually(|| session.generation() == 2).await;
    session.renew().await.expect("renews with the token that came late");
    assert_eq!((testbed.stats().refresh_reuses, status(&session, "/api/items/1").await), (0, 200));
}
