//! When is a connection used again, and when not?

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use hallpass_core::effect::{FailureKind, Sent};
use tokio::sync::{Barrier, Notify};

use crate::server::{Server, until};
use crate::{HELLO, SHORT, configured, get, get_within, limits, read, transport};

#[tokio::test]
async fn calls_in_sequence_share_one_connection() {
    let server = Server::answering(HELLO).await;
    let transport = transport();
    for _ in 0..50 {
        let answer = get(&transport, &server.url("/a?b=c")).await.expect("an answer");
        assert_eq!(read(answer).await.expect("a body"), "hello");
    }
    let stats = transport.stats();
    assert_eq!((server.connections(), stats.created, stats.reused), (1, 1, 49));
    assert_eq!((stats.open, stats.idle, stats.in_use, stats.closed), (1, 1, 0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_in_sequence_share_one_connection_on_many_threads_too() {
    let server = Server::answering(HELLO).await;
    let transport = transport();
    for _ in 0..200 {
        read(get(&transport, &server.url("/")).await.expect("an answer")).await.expect("a body");
    }
    assert_eq!((server.connections(), transport.stats().created), (1, 1));
}

#[tokio::test]
async fn an_answer_without_body_frees_its_connection_with_its_head() {
    let server = Server::answering("HTTP/1.1 204 No Content\r\n\r\n").await;
    let transport = transport();
    let _first = get(&transport, &server.url("/")).await.expect("an answer");
    let _second = get(&transport, &server.url("/")).await.expect("an answer");
    assert_eq!((server.connections(), transport.stats().in_use, transport.stats().idle), (1, 0, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_calls_have_a_connection_each_and_leave_them_to_the_next() {
    const CALLS: usize = 16;
    let barrier = Arc::new(Barrier::new(CALLS));
    let server = Server::start(move |mut wire| {
        let barrier = Arc::clone(&barrier);
        async move {
            while wire.request().await.is_some() {
                barrier.wait().await;
                wire.write(HELLO).await;
            }
        }
    })
    .await;
    let transport = transport();
    for _ in 0..5 {
        let calls: Vec<_> = (0..CALLS)
            .map(|_| {
                let (transport, url) = (transport.clone(), server.url("/"));
                tokio::spawn(
                    async move { read(get(&transport, &url).await.expect("an answer")).await.expect("a body") },
                )
            })
            .collect();
        for call in calls {
            assert_eq!(call.await.expect("a call that ends"), "hello");
        }
    }
    let stats = transport.stats();
    assert_eq!((server.connections(), stats.open, stats.idle, stats.in_use), (CALLS, CALLS, CALLS, 0));
    assert_eq!((stats.created, stats.reused), (16, 64));
}

#[tokio::test]
async fn an_idle_connection_that_the_server_closed_is_replaced_unnoticed() {
    let server = Server::start(|mut wire| async move {
        if wire.request().await.is_some() {
            wire.write(HELLO).await;
        }
    })
    .await;
    let transport = transport();
    for _ in 0..200 {
        let answer = get(&transport, &server.url("/")).await.expect("an answer");
        assert_eq!(read(answer).await.expect("a body"), "hello");
        until(&transport, |stats| stats.open == 0).await;
    }
    let stats = transport.stats();
    assert_eq!((stats.created, stats.closed, stats.idle, stats.in_use), (200, 200, 0, 0));
}

#[tokio::test]
async fn a_connection_that_ended_while_nobody_looked_is_replaced_unnoticed() {
    let closed = Arc::new(Notify::new());
    let signal = Arc::clone(&closed);
    let server = Server::start(move |mut wire| {
        let signal = Arc::clone(&signal);
        async move {
            wire.request().await;
            wire.write(HELLO).await;
            if wire.number == 1 {
                drop(wire);
                signal.notify_one();
            } else {
                wire.hung_up().await;
            }
        }
    })
    .await;
    let transport = transport();
    read(get(&transport, &server.url("/")).await.expect("an answer")).await.expect("a body");
    closed.notified().await;
    // The program computes for a while: this thread's runtime has no chance to notice the farewell.
    std::thread::sleep(Duration::from_millis(150));
    read(get(&transport, &server.url("/")).await.expect("an answer")).await.expect("a body");
    assert_eq!(server.connections(), 2);
}

#[tokio::test]
async fn a_server_that_announces_its_end_is_believed() {
    let server = Server::answering("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok").await;
    let transport = transport();
    for _ in 0..3 {
        read(get(&transport, &server.url("/")).await.expect("an answer")).await.expect("a body");
    }
    until(&transport, |stats| stats.open == 0).await;
    assert_eq!((server.connections(), transport.stats().idle, transport.stats().closed), (3, 0, 3));
}

#[tokio::test]
async fn a_full_host_makes_the_next_call_wait_its_turn() {
    let server = Server::answering(HELLO).await;
    let transport = configured(|settings| settings.max_per_host = NonZeroUsize::new(1));
    let first = get(&transport, &server.url("/")).await.expect("an answer");
    let url = server.url("/");
    let waiting = tokio::spawn({
        let (transport, url) = (transport.clone(), url.clone());
        async move { read(get(&transport, &url).await.expect("an answer")).await.expect("a body") }
    });
    until(&transport, |stats| stats.waiting == 1).await;
    let late = get_within(&transport, &url, limits(|limits| limits.connect = SHORT)).await.expect_err("no room");
    assert_eq!((late.kind, late.sent), (FailureKind::ConnectTimeout, Sent::No));
    assert_eq!(transport.stats().waiting, 1);
    read(first).await.expect("a body");
    assert_eq!(waiting.await.expect("a call that ends"), "hello");
    assert_eq!((server.connections(), transport.stats().created, transport.stats().waiting), (1, 1, 0));
}

#[tokio::test]
async fn idle_connections_are_closed_after_their_time_and_on_request() {
    let server = Server::answering(HELLO).await;
    let transport = configured(|settings| settings.idle_timeout = SHORT);
    read(get(&transport, &server.url("/")).await.expect("an answer")).await.expect("a body");
    until(&transport, |stats| stats.open == 0 && stats.closed == 1 && stats.idle == 0).await;
    read(get(&transport, &server.url("/")).await.expect("an answer")).await.expect("a body");
    transport.close_idle();
    until(&transport, |stats| stats.open == 0 && stats.closed == 2).await;
}

#[tokio::test]
async fn dropping_the_transport_closes_its_connections() {
    let ended = Arc::new(Notify::new());
    let signal = Arc::clone(&ended);
    let server = Server::start(move |mut wire| {
        let signal = Arc::clone(&signal);
        async move {
            while wire.request().await.is_some() {
                wire.write(HELLO).await;
            }
            signal.notify_one();
        }
    })
    .await;
    let transport = transport();
    read(get(&transport, &server.url("/")).await.expect("an answer")).await.expect("a body");
    drop(transport);
    ended.notified().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_farewell_that_races_with_the_next_call_ends_in_an_answer_or_a_lost_connection() {
    let server = Server::start(|mut wire| async move {
        wire.request().await;
        wire.write(HELLO).await;
    })
    .await;
    let transport = transport();
    let mut answered = 0;
    for _ in 0..500 {
        match get(&transport, &server.url("/")).await {
            Ok(answer) => {
                assert_eq!(read(answer).await.expect("a body"), "hello");
                answered += 1;
            }
            Err(failure) => assert_eq!((failure.kind, failure.sent), (FailureKind::ConnectionLost, Sent::Maybe)),
        }
    }
    until(&transport, |stats| stats.open == 0 && stats.idle == 0 && stats.in_use == 0).await;
    assert_eq!((transport.stats().created, transport.stats().closed), (answered, answered));
}
