//! Does dropping a call's future end that call and nothing else, wherever it stands?

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use hallpass_testbed::{Action, Point, Rule, Testbed};
use tokio::time::timeout;

use crate::support::{pool, signed_in, status};

/// Polls a future this often, letting the runtime go on in between; its output if it came to that.
async fn polled<F: Future>(times: usize, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    for _ in 0..times {
        let mut once = Some(());
        let polled = std::future::poll_fn(|cx| match (future.as_mut().poll(cx), once.take()) {
            (Poll::Ready(output), _) => Poll::Ready(Some(output)),
            (Poll::Pending, Some(())) => Poll::Ready(None),
            (Poll::Pending, None) => Poll::Pending,
        });
        if let Some(output) = polled.await {
            return Some(output);
        }
        // Only what has happened by then is seen by the next poll: each count stops somewhere else.
        tokio::time::sleep(Duration::from_micros(200)).await;
    }
    None
}

fn break_next(testbed: &Testbed, action: Action) {
    testbed.script(Rule::on("/api/items", action)).expect("a rule");
}

#[tokio::test]
async fn a_call_can_be_dropped_at_every_await_point() {
    let (testbed, client, session) = signed_in().await;
    let mut ended = 0;
    for round in 0..6 {
        for times in 0..40 {
            // Refused, broken, late; then redirected, with a large body, and plain.
            match round {
                0 => {
                    testbed.expire("alice");
                }
                1 => break_next(&testbed, Action::Reset { at: Point::Before }),
                2 => break_next(&testbed, Action::Delay { ms: 2 }),
                _ => {}
            }
            let path =
                ["/api/items/1", "/api/items/1", "/api/items/1", "/redirect/3", "/api/bytes/900000", "/me"][round];
            let call = async {
                let mut answer = session.get(path).send().await.expect("answers");
                while answer.chunk().await.expect("a part").is_some() {}
            };
            ended += usize::from(polled(times, call).await.is_some());
            testbed.clear_script();
        }
    }
    assert!(ended > 20, "{ended} calls came to their end");
    assert_eq!(status(&session, "/api/items/1").await, 200);
    let stats = testbed.stats();
    assert_eq!((stats.refresh_reuses, stats.token_requests.total + 1), (0, session.generation()));
    pool(&client, |stats| stats.in_use == 0 && stats.waiting == 0 && stats.connecting == 0).await;
    // A call that was not forgotten would hold this up.
    timeout(Duration::from_secs(5), session.close()).await.expect("nothing is under way").expect("closes");
    client.close().await.expect("closes");
    pool(&client, |stats| stats.open == 0).await;
}

#[tokio::test]
async fn a_call_that_nobody_polls_stalls_nobody() {
    let (testbed, client, session) = signed_in().await;
    let mut cx = Context::from_waker(Waker::noop());
    testbed.expire("alice");
    // One waits for its answer, one has just been made, and neither is polled again.
    let mut waiting = Box::pin(session.get("/api/items/1").send());
    assert!(waiting.as_mut().poll(&mut cx).is_pending());
    let _never_polled = session.get("/api/items/2").send();
    for number in 0..100 {
        assert_eq!(status(&session, &format!("/api/items/{number}")).await, 200);
    }
    session.renew().await.expect("renews");
    // One that waits at the gate for a renewal.
    testbed.script(Rule::on("/oauth/token", Action::Delay { ms: 30 })).expect("a rule");
    testbed.expire("alice");
    let noticed = session.get("/api/items/3").send();
    let mut parked = Box::pin(session.get("/api/items/4").send());
    assert!(parked.as_mut().poll(&mut cx).is_pending());
    assert_eq!(noticed.await.expect("answers").status(), 200);
    for number in 0..100 {
        assert_eq!(status(&session, &format!("/api/items/{number}")).await, 200);
    }
    // Taken up again, they come to their own ends.
    assert_eq!(parked.await.expect("answers").status(), 200);
    assert_eq!(waiting.await.expect("answers").status(), 200);
    assert_eq!(testbed.stats().refresh_reuses, 0);
    pool(&client, |stats| stats.in_use == 0).await;
}

#[tokio::test]
async fn dropping_the_call_that_noticed_a_refusal_leaves_the_renewal_alone() {
    let (testbed, _client, session) = signed_in().await;
    testbed.script(Rule::on("/oauth/token", Action::Delay { ms: 100 })).expect("a rule");
    testbed.expire("alice");
    let mut noticing = Box::pin(session.get("/api/items/1").send());
    while testbed.stats().token_requests.total == 0 {
        tokio::select! {
            biased;
            answer = &mut noticing => panic!("it waits for the renewal: {answer:?}"),
            () = tokio::time::sleep(Duration::from_millis(1)) => {}
        }
    }
    drop(noticing);
    assert_eq!(status(&session, "/api/items/2").await, 200);
    assert_eq!((session.generation(), testbed.stats().token_requests.total), (2, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thousands_of_calls_dropped_at_any_moment_leave_the_others_alone() {
    let (testbed, client, session) = signed_in().await;
    for round in 0..20_u64 {
        testbed.expire("alice");
        let mut tasks = tokio::task::JoinSet::new();
        for task in 0..96_u64 {
            let number = round * 100 + task;
            let call = session.get(&format!("/api/items/{number}")).send();
            tasks.spawn(async move {
                if number % 3 == 0 {
                    return drop(timeout(Duration::from_micros(number * 7 % 2000), call).await);
                }
                let answer = call.await.expect("answers");
                assert_eq!(answer.status(), 200);
                let item: serde_json::Value = answer.json().await.expect("JSON");
                assert_eq!(item["number"], number, "every call has its own answer");
            });
        }
        while let Some(ended) = tasks.join_next().await {
            ended.expect("a task ends well");
        }
    }
    let stats = testbed.stats();
    assert_eq!((stats.refresh_reuses, stats.token_requests.total + 1), (0, session.generation()));
    pool(&client, |stats| stats.in_use == 0 && stats.waiting == 0).await;
    timeout(Duration::from_secs(5), session.close()).await.expect("nothing is under way").expect("closes");
}
