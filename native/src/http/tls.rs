//! Whom does an encrypted connection trust, and how is it set up?
//!
//! **Invariant:** the cryptography is named explicitly by feature, never taken from a process-wide default.

use std::sync::{Arc, OnceLock};

use ::rustls::crypto::CryptoProvider;
use ::rustls::pki_types::pem::PemObject;
use ::rustls::pki_types::{CertificateDer, ServerName};
use ::rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion, version};
use hallpass_core::effect::{Failure, FailureKind, Sent};
use hallpass_core::error::{Error, Kind};
use rustls_platform_verifier::Verifier;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// How encrypted connections are made.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct TlsSettings {
    /// Whose certificates are trusted.
    pub roots: TlsRoots,
    /// The oldest version that is spoken.
    pub minimum: TlsMinimum,
}

/// Whose certificates are trusted.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub enum TlsRoots {
    /// Those that the operating system trusts.
    #[default]
    Platform,
    /// Those that the operating system trusts, and these authorities.
    Extended(Vec<CertificateDer<'static>>),
    /// These authorities and no other.
    Custom(Vec<CertificateDer<'static>>),
}

/// The oldest TLS version that is spoken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TlsMinimum {
    /// TLS 1.2
    #[default]
    V1_2,
    /// TLS 1.3
    V1_3,
}

impl TlsRoots {
    /// Trusts the authorities in a PEM text and no other.
    ///
    /// # Errors
    ///
    /// `config_invalid` if the text holds no certificate or a broken one.
    pub fn custom_pem(text: &str) -> Result<Self, Error> {
        certificates(text).map(Self::Custom)
    }

    /// Trusts the authorities in a PEM text besides those of the operating system.
    ///
    /// # Errors
    ///
    /// `config_invalid` if the text holds no certificate or a broken one.
    pub fn extended_pem(text: &str) -> Result<Self, Error> {
        certificates(text).map(Self::Extended)
    }
}

/// The TLS side of a transport; its trust anchors are loaded by the first connection that needs them.
#[derive(Debug)]
pub(super) struct Tls {
    settings: TlsSettings,
    connector: OnceLock<Result<Arc<ClientConfig>, ::rustls::Error>>,
}

impl Tls {
    /// Checks that given authorities can be read; loads nothing.
    pub(super) fn new(settings: TlsSettings) -> Result<Self, Error> {
        match &settings.roots {
            TlsRoots::Platform => {}
            TlsRoots::Extended(given) | TlsRoots::Custom(given) => {
                store(given)
                    .map_err(|error| invalid(format!("a given certificate authority cannot be used: {error}")))?;
            }
        }
        Ok(Self { settings, connector: OnceLock::new() })
    }

    /// Encrypts a connection to `host`.
    pub(super) async fn handshake(&self, host: &str, stream: TcpStream) -> Result<TlsStream<TcpStream>, Failure> {
        let config = self.connector.get_or_init(|| config(&self.settings).map(Arc::new));
        let config = config.as_ref().map_err(|error| failure(host, &error.to_string()))?;
        let name = ServerName::try_from(host.to_owned()).map_err(|error| failure(host, &error.to_string()))?;
        let connector = TlsConnector::from(Arc::clone(config));
        connector.connect(name, stream).await.map_err(|error| failure(host, &error.to_string()))
    }
}

fn config(settings: &TlsSettings) -> Result<ClientConfig, ::rustls::Error> {
    let provider = provider()?;
    let versions: &[&SupportedProtocolVersion] = match settings.minimum {
        TlsMinimum::V1_2 => &[&version::TLS13, &version::TLS12],
        TlsMinimum::V1_3 => &[&version::TLS13],
    };
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider)).with_protocol_versions(versions)?;
    let verified = match &settings.roots {
        TlsRoots::Platform => builder.dangerous().with_custom_certificate_verifier(Arc::new(Verifier::new(provider)?)),
        TlsRoots::Extended(given) => builder.dangerous().with_custom_certificate_verifier(Arc::new(
            Verifier::new_with_extra_roots(given.iter().cloned(), provider)?,
        )),
        TlsRoots::Custom(given) => builder.with_root_certificates(store(given)?),
    };
    let mut config = verified.with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

#[cfg(feature = "aws-lc-rs")]
#[expect(clippy::unnecessary_wraps, reason = "a build without a provider fails here")]
fn provider() -> Result<Arc<CryptoProvider>, ::rustls::Error> {
    Ok(Arc::new(::rustls::crypto::aws_lc_rs::default_provider()))
}

#[cfg(all(feature = "ring", not(feature = "aws-lc-rs")))]
#[expect(clippy::unnecessary_wraps, reason = "a build without a provider fails here")]
fn provider() -> Result<Arc<CryptoProvider>, ::rustls::Error> {
    Ok(Arc::new(::rustls::crypto::ring::default_provider()))
}

#[cfg(not(any(feature = "ring", feature = "aws-lc-rs")))]
fn provider() -> Result<Arc<CryptoProvider>, ::rustls::Error> {
    Err(::rustls::Error::General("built without cryptography: enable the feature aws-lc-rs or ring".to_owned()))
}

/// Makes this build's cryptography the process's, for libraries that ask for no other; whatever the program chose before stays.
#[cfg(feature = "redis")]
pub(crate) fn ensure_provider() {
    if let Ok(provider) = provider()
        && CryptoProvider::get_default().is_none()
    {
        // Another thread may have been first: then there is one.
        let _ = Arc::unwrap_or_clone(provider).install_default();
    }
}

fn store(given: &[CertificateDer<'static>]) -> Result<RootCertStore, ::rustls::Error> {
    let mut store = RootCertStore::empty();
    for certificate in given {
        store.add(certificate.clone())?;
    }
    Ok(store)
}

fn certificates(text: &str) -> Result<Vec<CertificateDer<'static>>, Error> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text.as_bytes()).collect();
    match found {
        Ok(found) if found.is_empty() => Err(invalid("the PEM text holds no certificate")),
        Ok(found) => Ok(found),
        Err(error) => Err(invalid(format!("the PEM text cannot be read: {error}"))),
    }
}

fn invalid(detail: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(Kind::ConfigInvalid, detail)
}

fn failure(host: &str, why: &str) -> Failure {
    Failure::new(FailureKind::Tls, Sent::No, format!("no encrypted connection to {host}: {why}"))
}
