//! How an exchange can fail on the wire, and whether the server may have seen it.

use std::borrow::Cow;

use crate::error::Kind;

/// An exchange that brought no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What broke.
    pub kind: FailureKind,
    /// Whether bytes of the request may have reached the server.
    pub sent: Sent,
    /// What the transport says of it; never a secret.
    pub detail: Cow<'static, str>,
}

/// What broke.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FailureKind {
    /// The host name does not resolve.
    Dns,
    /// The connection was refused or could not be made.
    Connect,
    /// No connection was made in time.
    ConnectTimeout,
    /// The TLS handshake failed or the certificate is not trusted.
    Tls,
    /// The answer's head did not arrive in time.
    FirstByteTimeout,
    /// The connection broke before the answer's head arrived.
    ConnectionLost,
    /// The answer is not HTTP.
    Protocol,
    /// The body that the program gave failed, or can be sent only once and was needed again.
    RequestBody,
    /// A body that had to be read whole broke off.
    BodyTruncated,
    /// The next part of a body that had to be read whole did not arrive in time.
    ChunkTimeout,
    /// The transport cannot do what was asked (an unknown scheme, a proxy it does not speak).
    Unsupported,
    /// The request was to be signed and was not.
    Unsigned,
    /// The core's own deadline for the effect passed.
    Overdue,
}

/// Whether the server may have seen the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sent {
    /// Not a byte of it was written.
    No,
    /// Some of it may have been written.
    Maybe,
}

impl Failure {
    /// A failure, with what the transport says of it.
    pub fn new(kind: FailureKind, sent: Sent, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { kind, sent, detail: detail.into() }
    }
}

impl FailureKind {
    /// Every kind of failure.
    pub const ALL: &'static [Self] = &[
        Self::Dns,
        Self::Connect,
        Self::ConnectTimeout,
        Self::Tls,
        Self::FirstByteTimeout,
        Self::ConnectionLost,
        Self::Protocol,
        Self::RequestBody,
        Self::BodyTruncated,
        Self::ChunkTimeout,
        Self::Unsupported,
        Self::Unsigned,
        Self::Overdue,
    ];

    /// The error kind under which a call reports it.
    pub const fn error_kind(self) -> Kind {
        match self {
            Self::Dns => Kind::Dns,
            Self::Connect => Kind::Connect,
            Self::ConnectTimeout => Kind::ConnectTimeout,
            Self::Tls => Kind::Tls,
            Self::FirstByteTimeout => Kind::FirstByteTimeout,
            Self::ConnectionLost => Kind::ConnectionLost,
            Self::Protocol => Kind::Protocol,
            Self::RequestBody => Kind::BodyNotReplayable,
            Self::BodyTruncated => Kind::BodyTruncated,
            Self::ChunkTimeout => Kind::ChunkTimeout,
            Self::Unsupported => Kind::RequestInvalid,
            Self::Unsigned => Kind::SignerFailed,
            Self::Overdue => Kind::DriverTimeout,
        }
    }
}
