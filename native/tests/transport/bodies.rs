//! Do bodies arrive whole or fail, and what becomes of their connection?

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use hallpass::http::RequestBody;
use hallpass_core::effect::{FailureKind, Sent};
use http_body::{Body, Frame};
use http_body_util::BodyExt;
use tokio::sync::{Notify, mpsc};

use crate::server::{Server, until};
use crate::{HELLO, SHORT, get, get_within, limits, post, read, transport};

/// A body of unknown length, fed by the test.
struct Fed<E>(mpsc::Receiver<Result<&'static str, E>>);

impl<E> Body for Fed<E> {
    type Data = Bytes;
    type Error = E;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, E>>> {
        self.0
            .poll_recv(cx)
            .map(|part| part.map(|part| part.map(|text| Frame::data(Bytes::from_static(text.as_bytes())))))
    }
}

#[tokio::test]
async fn a_body_that_ends_early_is_an_error() {
    let answers = [
        "HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nff\r\nhello",
    ];
    for answer in answers {
        let server = Server::start(move |mut wire| async move {
            wire.request().await;
            wire.write(answer).await;
        })
        .await;
        let transport = transport();
        let error = read(get(&transport, &server.url("/")).await.expect("a head")).await.expect_err(answer);
        assert_eq!(error.kind(), FailureKind::BodyTruncated, "{answer:?}");
        until(&transport, |stats| stats.open == 0 && stats.in_use == 0 && stats.closed == 1).await;
    }
}

#[tokio::test]
async fn a_chunk_that_is_none_is_named_so() {
    let server = Server::answering("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\nzz\r\n").await;
    let error = read(get(&transport(), &server.url("/")).await.expect("a head")).await.expect_err("garbage");
    assert_eq!(error.kind(), FailureKind::Protocol);
}

#[tokio::test]
async fn a_body_that_stalls_runs_into_the_chunk_limit() {
    let server = Server::start(|mut wire| async move {
        wire.request().await;
        wire.write("HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\nhello").await;
        wire.hung_up().await;
    })
    .await;
    let transport = transport();
    let limits = limits(|limits| limits.chunk = SHORT);
    let mut body = get_within(&transport, &server.url("/"), limits).await.expect("a head").into_body();
    let part = body.frame().await.expect("a part").expect("a good part").into_data().expect("data");
    assert_eq!(part, "hello");
    let error = body.frame().await.expect("an end").expect_err("silence");
    assert_eq!(error.kind(), FailureKind::ChunkTimeout);
    assert!(body.frame().await.is_none());
    until(&transport, |stats| stats.open == 0 && stats.in_use == 0 && stats.closed == 1).await;
}

#[tokio::test]
async fn chunked_bodies_and_bodies_until_the_end_of_the_connection_arrive_whole() {
    let answers = [
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\n\r\nhello world",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 11\r\n\r\nhello world",
    ];
    for answer in answers {
        let server = Server::start(move |mut wire| async move {
            wire.request().await;
            wire.write(answer).await;
        })
        .await;
        let body = read(get(&transport(), &server.url("/")).await.expect("a head")).await.expect("a body");
        assert_eq!(body, "hello world", "{answer:?}");
    }
}

#[tokio::test]
async fn a_body_dropped_early_closes_its_connection_once() {
    let ended = Arc::new(Notify::new());
    let signal = Arc::clone(&ended);
    let server = Server::start(move |mut wire| {
        let signal = Arc::clone(&signal);
        async move {
            wire.request().await;
            wire.write("HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\nhello").await;
            wire.hung_up().await;
            signal.notify_one();
        }
    })
    .await;
    let transport = transport();
    drop(get(&transport, &server.url("/")).await.expect("a head"));
    assert_eq!((transport.stats().in_use, transport.stats().idle), (0, 0));
    ended.notified().await;
    until(&transport, |stats| stats.open == 0 && stats.closed == 1).await;
    assert_eq!((transport.stats().created, transport.stats().closed), (1, 1));
}

#[tokio::test]
async fn a_body_dropped_after_all_of_it_arrived_keeps_its_connection() {
    let server = Server::answering(HELLO).await;
    let transport = transport();
    for _ in 0..3 {
        drop(get(&transport, &server.url("/")).await.expect("a head"));
    }
    assert_eq!((server.connections(), transport.stats().idle, transport.stats().in_use), (1, 1, 0));
}

#[tokio::test]
async fn full_and_streamed_uploads_arrive_whole_and_keep_the_connection() {
    let (seen, mut requests) = mpsc::unbounded_channel();
    let server = Server::start(move |mut wire| {
        let seen = seen.clone();
        async move {
            while let Some(request) = wire.request().await {
                seen.send(request).expect("a test that listens");
                wire.write(HELLO).await;
            }
        }
    })
    .await;
    let transport = transport();
    let url = server.url("/upload");
    read(post(&transport, &url, Bytes::from_static(b"abc").into()).await.expect("an answer")).await.expect("a body");
    let request = requests.recv().await.expect("a request");
    assert!(request.starts_with("post /upload http/1.1\r\n") && request.ends_with("\r\n\r\nabc"), "{request}");
    assert!(request.contains(&format!("host: {}\r\n", server.address)) && request.contains("content-length: 3\r\n"));

    let (feed, parts) = mpsc::channel(1);
    let feeding = tokio::spawn(async move {
        for part in ["one", "two", "three"] {
            feed.send(Ok::<_, Infallible>(part)).await.expect("a body that is read");
        }
    });
    read(post(&transport, &url, RequestBody::stream(Fed(parts))).await.expect("an answer")).await.expect("a body");
    feeding.await.expect("all parts taken");
    let request = requests.recv().await.expect("a request");
    assert!(request.ends_with("3\r\none\r\n3\r\ntwo\r\n5\r\nthree\r\n0\r\n\r\n"), "{request}");

    read(get(&transport, &url).await.expect("an answer")).await.expect("a body");
    assert_eq!((server.connections(), transport.stats().idle), (1, 1));
}

#[tokio::test]
async fn an_upload_that_fails_is_the_programs_fault() {
    let server = Server::answering(HELLO).await;
    let transport = transport();
    let (feed, parts) = mpsc::channel(2);
    feed.send(Ok("one")).await.expect("room");
    feed.send(Err(std::io::Error::other("the disk is gone"))).await.expect("room");
    let failure =
        post(&transport, &server.url("/"), RequestBody::stream(Fed(parts))).await.expect_err("half an upload");
    assert_eq!((failure.kind, failure.sent), (FailureKind::RequestBody, Sent::Maybe));
    until(&transport, |stats| stats.open == 0 && stats.in_use == 0).await;
}

#[tokio::test]
async fn a_connection_whose_upload_goes_on_after_the_answer_is_not_used_again() {
    let server = Server::start(|mut wire| async move {
        let mut first = [0; 16];
        tokio::io::AsyncReadExt::read_exact(&mut wire.stream, &mut first).await.expect("the start of a request");
        wire.write(HELLO).await;
        wire.hung_up().await;
    })
    .await;
    let transport = transport();
    let (feed, parts) = mpsc::channel::<Result<_, Infallible>>(1);
    feed.send(Ok("one")).await.expect("room");
    let answer = post(&transport, &server.url("/"), RequestBody::stream(Fed(parts))).await.expect("an early answer");
    assert_eq!(read(answer).await.expect("a body"), "hello");
    until(&transport, |stats| stats.open == 0 && stats.idle == 0 && stats.closed == 1).await;
    drop(feed);
}

#[tokio::test]
async fn an_upload_that_moves_on_is_not_cut_by_the_first_byte_limit() {
    let server = Server::answering(HELLO).await;
    let transport = transport();
    let (feed, parts) = mpsc::channel(1);
    let feeding = tokio::spawn(async move {
        for _ in 0..8 {
            tokio::time::sleep(SHORT / 2).await;
            feed.send(Ok::<_, Infallible>("part")).await.expect("a body that is read");
        }
    });
    let request = http::Request::post(server.url("/")).body(RequestBody::stream(Fed(parts))).expect("a request");
    let limits = limits(|limits| limits.first_byte = SHORT * 2);
    read(transport.exchange(request, limits).await.expect("an answer")).await.expect("a body");
    feeding.await.expect("all parts taken");
}
