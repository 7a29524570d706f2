//! Are encrypted connections made only with whom they are meant for?

use std::sync::Arc;

use hallpass::http::{TlsMinimum, TlsRoots, Transport};
use hallpass_core::effect::{FailureKind, Sent};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::PrivateKeyDer;
use tokio_rustls::TlsAcceptor;

use crate::server::{Server, Wire, until};
use crate::{HELLO, SHORT, configured, get, get_within, limits, read};

/// A server with a certificate of its own making for `name`, and that certificate as PEM.
async fn encrypted(name: &str, versions: &[&'static rustls::SupportedProtocolVersion]) -> (Server, String) {
    let made = rcgen::generate_simple_self_signed([name.to_owned()]).expect("a certificate");
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).expect("a key");
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(versions)
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .expect("a configuration");
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let server = Server::start(move |wire| {
        let acceptor = acceptor.clone();
        async move {
            let Ok(stream) = acceptor.accept(wire.stream).await else { return };
            let mut wire = Wire { stream, unread: Vec::new(), number: wire.number };
            while wire.request().await.is_some() {
                wire.write(HELLO).await;
            }
        }
    })
    .await;
    (server, made.cert.pem())
}

fn trusting(pem: &str) -> Transport {
    configured(|settings| settings.tls.roots = TlsRoots::custom_pem(pem).expect("a certificate"))
}

fn https(server: &Server, host: &str) -> String {
    format!("https://{host}:{}/", server.address.port())
}

#[tokio::test]
async fn a_trusted_certificate_makes_a_connection_that_is_kept() {
    let (server, pem) = encrypted("localhost", rustls::ALL_VERSIONS).await;
    let transport = trusting(&pem);
    for _ in 0..3 {
        let answer = get(&transport, &https(&server, "localhost")).await.expect("an answer");
        assert_eq!(read(answer).await.expect("a body"), "hello");
    }
    assert_eq!((transport.stats().created, transport.stats().reused), (1, 2));
    transport.close_idle();
    until(&transport, |stats| stats.open == 0 && stats.closed == 1).await;
}

#[tokio::test]
async fn an_untrusted_certificate_is_refused() {
    let (server, _) = encrypted("localhost", rustls::ALL_VERSIONS).await;
    let (_, other) = encrypted("localhost", rustls::ALL_VERSIONS).await;
    let failure = get(&trusting(&other), &https(&server, "localhost")).await.expect_err("a stranger");
    assert_eq!((failure.kind, failure.sent), (FailureKind::Tls, Sent::No));
    assert!(failure.detail.contains("certificate") && failure.detail.contains("localhost"), "{}", failure.detail);
}

#[tokio::test]
async fn a_certificate_for_another_name_is_refused() {
    let (server, pem) = encrypted("other.example", rustls::ALL_VERSIONS).await;
    for host in ["localhost", "127.0.0.1"] {
        let failure = get(&trusting(&pem), &https(&server, host)).await.expect_err("another name");
        assert_eq!((failure.kind, failure.sent), (FailureKind::Tls, Sent::No));
        assert!(failure.detail.contains("name"), "{}", failure.detail);
    }
}

#[tokio::test]
async fn an_older_version_than_allowed_is_refused() {
    let (server, pem) = encrypted("localhost", &[&rustls::version::TLS12]).await;
    let strict = configured(|settings| {
        settings.tls.roots = TlsRoots::custom_pem(&pem).expect("a certificate");
        settings.tls.minimum = TlsMinimum::V1_3;
    });
    let failure = get(&strict, &https(&server, "localhost")).await.expect_err("too old");
    assert_eq!((failure.kind, failure.sent), (FailureKind::Tls, Sent::No));
    read(get(&trusting(&pem), &https(&server, "localhost")).await.expect("an answer")).await.expect("a body");
}

#[tokio::test]
async fn a_server_that_does_not_encrypt_or_does_not_answer_is_no_tls_server() {
    let server = Server::start(|mut wire| async move {
        wire.write(HELLO).await;
        wire.hung_up().await;
    })
    .await;
    let failure = get(&trusting_nobody(), &https(&server, "127.0.0.1")).await.expect_err("plain text");
    assert_eq!((failure.kind, failure.sent), (FailureKind::Tls, Sent::No));
    let silent = Server::start(|mut wire| async move { wire.hung_up().await }).await;
    let limits = limits(|limits| limits.tls = SHORT);
    let failure = get_within(&trusting_nobody(), &https(&silent, "127.0.0.1"), limits).await.expect_err("silence");
    assert_eq!((failure.kind, failure.sent), (FailureKind::ConnectTimeout, Sent::No));
}

fn trusting_nobody() -> Transport {
    configured(|settings| settings.tls.roots = TlsRoots::Custom(Vec::new()))
}

#[test]
fn a_pem_text_without_a_certificate_is_a_wrong_setting() {
    for text in ["", "no certificate", "-----BEGIN CERTIFICATE-----\n%%%\n-----END CERTIFICATE-----\n"] {
        assert_eq!(TlsRoots::custom_pem(text).expect_err(text).kind(), "config_invalid");
    }
}
