//! Does each fault have its own name, and is it said whether the server may have seen the request?

use hallpass_core::effect::{Failure, FailureKind, Sent};
use tokio::net::TcpListener;

use crate::server::{Server, until};
use crate::{HELLO, SHORT, get, get_within, limits, read, transport};

fn named(failure: &Failure) -> (FailureKind, Sent) {
    (failure.kind, failure.sent)
}

#[tokio::test]
async fn a_refused_connection_sent_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    drop(listener);
    let transport = transport();
    let failure = get(&transport, &format!("http://{address}/")).await.expect_err("nobody listens");
    assert_eq!(named(&failure), (FailureKind::Connect, Sent::No));
    assert_eq!(transport.stats(), Default::default());
}

#[tokio::test]
async fn a_name_that_does_not_resolve_sent_nothing() {
    let failure = get(&transport(), "http://no-such-host.invalid/").await.expect_err("a reserved name");
    assert_eq!(named(&failure), (FailureKind::Dns, Sent::No));
}

#[tokio::test]
async fn a_reset_before_the_head_leaves_it_open_whether_the_server_saw_it() {
    let server = Server::start(|mut wire| async move {
        wire.request().await;
        wire.reset();
    })
    .await;
    let transport = transport();
    let failure = get(&transport, &server.url("/")).await.expect_err("a reset");
    assert_eq!(named(&failure), (FailureKind::ConnectionLost, Sent::Maybe));
    until(&transport, |stats| stats.open == 0 && stats.in_use == 0 && stats.closed == 1).await;
}

#[tokio::test]
async fn a_farewell_before_or_inside_the_head_is_a_lost_connection() {
    for part in ["", "HTTP/1.1 200 OK\r\ncontent-le"] {
        let server = Server::start(move |mut wire| async move {
            wire.request().await;
            wire.write(part).await;
        })
        .await;
        let failure = get(&transport(), &server.url("/")).await.expect_err("half an answer");
        assert_eq!(named(&failure), (FailureKind::ConnectionLost, Sent::Maybe), "{part}");
    }
}

#[tokio::test]
async fn a_reused_connection_that_breaks_after_sending_is_not_tried_again() {
    let server = Server::start(|mut wire| async move {
        wire.request().await;
        wire.write(HELLO).await;
        wire.request().await;
    })
    .await;
    let transport = transport();
    read(get(&transport, &server.url("/")).await.expect("an answer")).await.expect("a body");
    let failure = get(&transport, &server.url("/")).await.expect_err("a farewell");
    assert_eq!(named(&failure), (FailureKind::ConnectionLost, Sent::Maybe));
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn what_is_no_http_is_named_so() {
    let answers = [
        "SSH-2.0-OpenSSH_9.6\r\n\r\n",
        "\u{15}\u{3}\u{1}\u{0}\u{2}\u{2}\u{28}\r\n\r\n",
        "HTTP/1.1 OK 200\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: five\r\n\r\nhello",
    ];
    for answer in answers {
        let server = Server::answering(answer).await;
        let failure = get(&transport(), &server.url("/")).await.expect_err(answer);
        assert_eq!(named(&failure), (FailureKind::Protocol, Sent::Maybe), "{answer:?}");
    }
}

#[tokio::test]
async fn a_head_without_end_is_cut_off() {
    let server = Server::start(|mut wire| async move {
        wire.request().await;
        wire.write("HTTP/1.1 200 OK\r\n").await;
        let line = format!("x-filler: {}\r\n", "x".repeat(2000));
        for _ in 0..500 {
            wire.write(&line).await;
        }
    })
    .await;
    let failure = get(&transport(), &server.url("/")).await.expect_err("too much");
    assert_eq!(named(&failure), (FailureKind::Protocol, Sent::Maybe));
}

#[tokio::test]
async fn a_server_that_never_answers_runs_into_the_first_byte_limit() {
    let server = Server::start(|mut wire| async move { wire.hung_up().await }).await;
    let transport = transport();
    let limits = limits(|limits| limits.first_byte = SHORT);
    let failure = get_within(&transport, &server.url("/"), limits).await.expect_err("silence");
    assert_eq!(named(&failure), (FailureKind::FirstByteTimeout, Sent::Maybe));
    until(&transport, |stats| stats.open == 0 && stats.in_use == 0 && stats.closed == 1).await;
}

#[tokio::test]
async fn a_reused_connection_has_the_limit_of_its_present_exchange() {
    let server = Server::start(|mut wire| async move {
        wire.request().await;
        wire.write(HELLO).await;
        wire.hung_up().await;
    })
    .await;
    let transport = transport();
    read(get(&transport, &server.url("/")).await.expect("an answer")).await.expect("a body");
    let limits = limits(|limits| limits.deadline = Some(tokio::time::Instant::now() + SHORT));
    let failure = get_within(&transport, &server.url("/"), limits).await.expect_err("silence");
    assert_eq!(named(&failure), (FailureKind::FirstByteTimeout, Sent::Maybe));
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn a_dropped_call_closes_its_connection_once() {
    let server = Server::start(|mut wire| async move { wire.hung_up().await }).await;
    let transport = transport();
    let url = server.url("/");
    let call = tokio::spawn({
        let transport = transport.clone();
        async move { get(&transport, &url).await.map(drop) }
    });
    until(&transport, |stats| stats.in_use == 1).await;
    call.abort();
    until(&transport, |stats| stats.open == 0 && stats.in_use == 0 && stats.closed == 1).await;
}

#[tokio::test]
async fn an_unknown_scheme_is_unsupported() {
    let failure = get(&transport(), "gopher://127.0.0.1/").await.expect_err("not HTTP");
    assert_eq!(named(&failure), (FailureKind::Unsupported, Sent::No));
}
