//! What a platform wants signed, as data: attempts by the program's own signer, and proofs of possession (DPoP).

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::duration;
use crate::effect::BodyWanted;

/// Attempts carry headers that the program's signer makes, such as an HMAC or AWS SigV4.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Signer {
    /// What of a request's body the signer sees.
    pub body: BodyWanted,
    /// Whether a session cannot be used by a program without a signer.
    pub required: bool,
    /// Whether the session's own requests (sign-in, renewal, probe) are signed as well.
    pub own: bool,
    /// How long a signature may take.
    #[serde(with = "duration")]
    #[cfg_attr(feature = "schema", schemars(with = "duration::Written"))]
    pub timeout: Duration,
}

/// Tokens are bound to a key of the session's own, and every use of one is proved (DPoP, RFC 9449).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Dpop {
    /// The algorithm of the proofs.
    #[serde(default)]
    pub alg: DpopAlg,
}

/// An algorithm of proofs (RFC 7518 §3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub enum DpopAlg {
    /// ECDSA on P-256 with SHA-256.
    #[default]
    #[serde(rename = "ES256")]
    Es256,
}

impl Default for Signer {
    fn default() -> Self {
        Self { body: BodyWanted::None, required: true, own: false, timeout: Duration::from_secs(10) }
    }
}
