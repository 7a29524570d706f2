//! What is to be signed, and what a signature is: an attempt by the program's signer, a proof by the session's own key.
//!
//! **Invariant:** the core builds what is signed; a driver makes keys and signatures and decides nothing.

use std::fmt;
use std::sync::Arc;

use http::{HeaderMap, Method, Uri};
use zeroize::Zeroizing;

use super::exchange::{Owner, SendBody};
use super::kinds::SignKind;
use super::ticket::Ticket;
use crate::time::{Mono, Wall};

/// Make a signature, or the key for one.
#[derive(Debug)]
pub struct Sign {
    /// The right to answer.
    pub ticket: Ticket<SignKind>,
    /// On whose behalf; a call's is performed in the caller's own task.
    pub owner: Owner,
    /// When the core goes on without an answer: the exchange then fails with `signer_failed`.
    pub deadline: Mono,
    /// What is to be made.
    pub work: SignWork,
}

/// What is to be made.
#[derive(Debug)]
pub enum SignWork {
    /// Headers that the program's signer adds to an attempt.
    Attempt(Box<Unsigned>),
    /// A new key for ECDSA on P-256, which this session keeps as its own.
    NewKey,
    /// An ECDSA signature with SHA-256 over `input` by this key (`ES256`, RFC 7518 §3.4).
    Es256 {
        /// The session's key.
        key: Arc<KeyPair>,
        /// The bytes that are signed.
        input: String,
    },
}

/// An attempt as the program's signer sees it, just before it leaves.
pub struct Unsigned {
    /// The method.
    pub method: Method,
    /// The absolute address.
    pub uri: Uri,
    /// Every header so far, the session's credentials included.
    pub headers: HeaderMap,
    /// The present moment.
    pub now: Wall,
    /// The account's name.
    pub account: String,
    /// The id that the platform gave the account, once it is known.
    pub account_id: Option<String>,
    /// The generation of the session whose credentials the attempt carries.
    pub generation: u64,
    /// The number of this attempt within its call or purpose, from 1.
    pub attempt: u32,
    /// What of the body the signer wants to see.
    pub wants: BodyWanted,
    /// The body; [`SendBody::Callers`] is with the driver.
    pub body: SendBody,
}

/// What of a request's body a signer wants to see.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, serde::Deserialize, serde::Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum BodyWanted {
    /// Nothing.
    #[default]
    None,
    /// Its SHA-256.
    Sha256,
    /// All of it.
    Bytes,
}

/// What was made.
#[derive(Debug)]
pub enum Signed {
    /// Answers [`SignWork::Attempt`]: headers that replace those of the same name.
    Headers(HeaderMap),
    /// Answers [`SignWork::NewKey`].
    Key(KeyPair),
    /// Answers [`SignWork::Es256`]: `r` and `s`, 32 bytes each.
    Signature([u8; 64]),
}

/// A key for ECDSA on P-256.
#[derive(Clone, PartialEq, Eq)]
pub struct KeyPair {
    /// The private key as PKCS#8 (RFC 5208) in DER, with the public key in it.
    pub pkcs8: Zeroizing<Vec<u8>>,
    /// The public key as a point that is not compressed: 4, then `x` and `y` (SEC 1 §2.3.3).
    pub public: [u8; 65],
}

impl fmt::Debug for Unsigned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unsigned")
            .field("method", &self.method)
            .field("authority", &self.uri.authority())
            .field("generation", &self.generation)
            .field("attempt", &self.attempt)
            .field("wants", &self.wants)
            .field("body", &self.body)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for KeyPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyPair(redacted)")
    }
}
