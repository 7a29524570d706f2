//! Who signs attempts? A program's own [`Signer`], asked just before each attempt leaves.
//!
//! **Invariant:** a signer runs outside of every lock, in the task of the call that it signs; a session whose platform asks for no
//! signatures never meets it.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ::http::{HeaderMap, Method, Uri};
use bytes::Bytes;
use hallpass_core::effect::{BodyWanted, Declined, SendBody, Unsigned};
use sha2::{Digest, Sha256};

use crate::body::CallBody;

pub(crate) mod es256;

/// What a signer's method returns: the headers to add, or why there are none.
pub type SignFuture<'a> = Pin<Box<dyn Future<Output = Result<HeaderMap, Declined>> + Send + 'a>>;

/// Signs attempts for platforms whose file has a table `[signer]`.
///
/// It is asked for every attempt anew, so that repeated attempts, replays after a renewal and redirects within the platform have
/// fresh signatures; never for another origin. The headers that it gives replace those of the same name. Any
/// `Fn(SignRequest) -> impl Future` is a signer:
///
/// ```
/// use hallpass::{Client, Declined, SignRequest};
/// use http::{HeaderMap, HeaderValue};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), hallpass::Error> {
/// let client = Client::builder()
///     .signer(|request: SignRequest| async move {
///         let mut headers = HeaderMap::new();
///         let text = format!("{} {}", request.method, request.uri.path());
///         headers.insert("x-signed", HeaderValue::try_from(text).map_err(|_| Declined::new("odd path"))?);
///         Ok(headers)
///     })
///     .build()?;
/// # Ok(()) }
/// ```
pub trait Signer: Send + Sync + 'static {
    /// Signs one attempt. What it declines ends the call with `signer_failed` and its words.
    fn sign(&self, request: SignRequest) -> SignFuture<'_>;
}

/// An attempt as a signer sees it. `Debug` shows neither headers nor query nor body.
#[non_exhaustive]
pub struct SignRequest {
    /// The method.
    pub method: Method,
    /// The absolute address.
    pub uri: Uri,
    /// Every header so far, the session's credentials included. What the transport adds (`host`, `content-length`) is not there yet.
    pub headers: HeaderMap,
    /// The present moment, by the client's clock.
    pub time: SystemTime,
    /// The account's name.
    pub account: String,
    /// The id that the platform gave the account, once it is known.
    pub account_id: Option<String>,
    /// The generation of the session whose credentials the attempt carries.
    pub generation: u64,
    /// The number of this attempt within its call, from 1.
    pub attempt: u32,
    /// As much of the body as the platform file asks for (`signer.body`).
    pub body: SignBody,
}

/// As much of a request's body as a signer asked to see.
#[derive(Clone, PartialEq, Eq)]
pub enum SignBody {
    /// It asked for nothing.
    Unseen,
    /// The SHA-256 of the body; of no bytes where there is none.
    Sha256([u8; 32]),
    /// The body; no bytes where there is none.
    Bytes(Bytes),
}

impl<F, Made> Signer for F
where
    F: Fn(SignRequest) -> Made + Send + Sync + 'static,
    Made: Future<Output = Result<HeaderMap, Declined>> + Send + 'static,
{
    fn sign(&self, request: SignRequest) -> SignFuture<'_> {
        Box::pin(self(request))
    }
}

impl SignRequest {
    /// What a signer sees of an attempt whose body, if it is the program's, is this one.
    pub(crate) fn of(unsigned: Unsigned, callers: &CallBody) -> Result<Self, Declined> {
        let bytes = match unsigned.body {
            SendBody::Empty => Some(Bytes::new()),
            SendBody::Bytes(bytes) => Some(bytes),
            SendBody::Callers => callers.bytes(),
        };
        let body = match (unsigned.wants, bytes) {
            (BodyWanted::None, _) => SignBody::Unseen,
            (BodyWanted::Sha256, Some(bytes)) => SignBody::Sha256(Sha256::digest(&bytes).into()),
            (BodyWanted::Bytes, Some(bytes)) => SignBody::Bytes(bytes),
            (BodyWanted::Sha256 | BodyWanted::Bytes, None) => {
                return Err(Declined::new("the body can be sent only once, and so not be shown to a signer"));
            }
        };
        let Unsigned { method, uri, headers, now, account, account_id, generation, attempt, .. } = unsigned;
        let time = UNIX_EPOCH + Duration::from_millis(u64::try_from(now.as_millis()).unwrap_or(0));
        Ok(Self { method, uri, headers, time, account, account_id, generation, attempt, body })
    }
}

impl fmt::Debug for SignRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignRequest")
            .field("method", &self.method)
            .field("authority", &self.uri.authority())
            .field("account", &self.account)
            .field("generation", &self.generation)
            .field("attempt", &self.attempt)
            .field("body", &self.body)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for SignBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unseen => f.write_str("Unseen"),
            Self::Sha256(_) => f.write_str("Sha256"),
            Self::Bytes(bytes) => write!(f, "Bytes({})", bytes.len()),
        }
    }
}
