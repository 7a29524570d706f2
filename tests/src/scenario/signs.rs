//! What does a scripted signer make of an attempt, and which key has a scripted session?
//!
//! **Invariant:** nothing here is random: the same request gives the same signature in every runner.

use hallpass_core::effect::{Declined, KeyPair, SignWork, Signed};
use http::{HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::hex;

/// What is different about one signature.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the format's README says what each key means")]
pub struct SignRule {
    pub nth: u32,
    #[serde(default)]
    pub after: u64,
    #[serde(default)]
    pub declined: Option<String>,
    #[serde(default)]
    pub headers: Option<Vec<(String, String)>>,
}

/// What the `nth` signature is, and how much later.
pub(super) fn result(rules: &[SignRule], work: &SignWork, nth: u32) -> (u64, Result<Signed, Declined>) {
    let rule = rules.iter().find(|rule| rule.nth == nth);
    let after = rule.map_or(0, |rule| rule.after);
    if let Some(why) = rule.and_then(|rule| rule.declined.clone()) {
        return (after, Err(Declined { why }));
    }
    if let Some(headers) = rule.and_then(|rule| rule.headers.as_ref()) {
        return (after, Ok(Signed::Headers(map(headers))));
    }
    (after, Ok(made(work)))
}

/// What is made of work that no rule names.
pub fn made(work: &SignWork) -> Signed {
    match work {
        SignWork::NewKey => {
            let mut public = [4; 65];
            (1..=64_u8).for_each(|byte| public[usize::from(byte)] = byte);
            Signed::Key(KeyPair { pkcs8: b"scripted key".to_vec().into(), public })
        }
        SignWork::Es256 { input, .. } => {
            let digest: [u8; 32] = Sha256::digest(input.as_bytes()).into();
            let mut signature = [0; 64];
            signature[..32].copy_from_slice(&digest);
            signature[32..].copy_from_slice(&digest);
            Signed::Signature(signature)
        }
        SignWork::Attempt(attempt) => {
            let digest = Sha256::digest(format!("{} {}", attempt.method, attempt.uri));
            let text = hex::encode(&digest[..8]);
            Signed::Headers(map(&[("x-signed".to_owned(), text)]))
        }
    }
}

fn map(headers: &[(String, String)]) -> HeaderMap {
    let pair = |(name, value): &(String, String)| {
        let name: HeaderName = name.parse().expect("a header name");
        (name, HeaderValue::from_str(value).expect("a header value"))
    };
    headers.iter().map(pair).collect()
}
