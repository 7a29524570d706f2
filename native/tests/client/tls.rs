//! Does a session work end to end over TLS, with an authority of the program's own, and with no other?

use std::sync::Arc;

use hallpass::http::{TlsRoots, TransportSettings};
use hallpass::{Client, State};
use hallpass_testbed::Testbed;
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use crate::support::{JSON, alice, kind, platform, status, testbed};

/// The testbed behind TLS.
struct Encrypted {
    testbed: Testbed,
    url: String,
    authority: String,
    accepting: JoinHandle<()>,
}

impl Encrypted {
    async fn start() -> Self {
        let testbed = testbed().await;
        let mut authority = rcgen::CertificateParams::new(Vec::new()).expect("parameters");
        authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let authority_key = rcgen::KeyPair::generate().expect("a key");
        let root = authority.self_signed(&authority_key).expect("a certificate").pem();
        let issuer = rcgen::Issuer::new(authority, authority_key);
        let key = rcgen::KeyPair::generate().expect("a key");
        let leaf = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).expect("parameters");
        let leaf = leaf.signed_by(&key, &issuer).expect("a certificate");
        let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(vec![leaf.der().clone()], PrivateKeyDer::try_from(key.serialize_der()).expect("a key"))
            .expect("a configuration");
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("listens");
        let url = format!("https://localhost:{}", listener.local_addr().expect("an address").port());
        let port = testbed.port();
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    let Ok(mut outside) = acceptor.accept(stream).await else { return };
                    let mut inside = TcpStream::connect(("127.0.0.1", port)).await.expect("the testbed listens");
                    drop(copy_bidirectional(&mut outside, &mut inside).await);
                });
            }
        });
        Self { testbed, url, authority: root, accepting }
    }
}

impl Drop for Encrypted {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

fn trusting(authority: &str) -> Client {
    let mut settings = TransportSettings::default();
    settings.tls.roots = TlsRoots::custom_pem(authority).expect("a certificate");
    Client::builder().transport(settings).build().expect("a client")
}

#[tokio::test]
async fn a_session_lives_behind_an_authority_of_the_programs_own() {
    let server = Encrypted::start().await;
    let client = trusting(&server.authority);
    let session = client.sign_in(&platform(JSON, &server.url), "alice", alice()).await.expect("signs in");
    assert_eq!(status(&session, "/api/items/1").await, 200);
    server.testbed.expire("alice");
    assert_eq!(status(&session, "/api/items/1").await, 200);
    assert_eq!((session.generation(), server.testbed.stats().token_requests.total), (2, 1));
    session.close().await.expect("closes");
}

#[tokio::test]
async fn nothing_leaves_for_a_server_that_is_not_trusted() {
    let (server, other) = (Encrypted::start().await, Encrypted::start().await);
    for client in [trusting(&other.authority), crate::support::client()] {
        let error = client.sign_in(&platform(JSON, &server.url), "alice", alice()).await;
        assert_eq!(kind(error), "tls");
    }
    assert_eq!(server.testbed.stats().requests.total, 0);
    assert_eq!(kind(Client::builder().transport(garbled()).build()), "config_invalid");
}

#[tokio::test]
async fn credentials_do_not_follow_from_https_to_http() {
    let server = Encrypted::start().await;
    let session =
        trusting(&server.authority).sign_in(&platform(JSON, &server.url), "alice", alice()).await.expect("signs in");
    let listener = hallpass_testbed::Listener::start().await.expect("listens");
    let path = format!("/redirect/to?url={}/x", listener.url());
    assert_eq!(kind(session.get(&path).send().await), "redirect_invalid");
    assert_eq!((listener.connections(), session.state()), (0, State::Active));
}

fn garbled() -> TransportSettings {
    let mut settings = TransportSettings::default();
    settings.tls.roots = TlsRoots::Custom(vec![vec![1, 2, 3].into()]);
    settings
}
