//! How does a signer make an HMAC of its own over method, address, time and body?
//!
//! The text that is signed is the testbed's: method, path with query, `x-time`, `x-nonce` and the SHA-256 of the body in hexadecimal,
//! a line feed between them.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::UNIX_EPOCH;

use hallpass::{Declined, SignBody, SignFuture, SignRequest, Signer};
use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderMap, HeaderValue};
use sha2::Sha256;

/// Signs with a key that only the account and the platform know.
pub(crate) struct HmacSigner {
    key: Vec<u8>,
    signed: AtomicU64,
}

impl HmacSigner {
    pub(crate) fn new(key: impl Into<Vec<u8>>) -> Self {
        Self { key: key.into(), signed: AtomicU64::new(0) }
    }
}

impl Signer for HmacSigner {
    fn sign(&self, request: SignRequest) -> SignFuture<'_> {
        // No two attempts are signed alike, were they made in the same millisecond.
        let nonce = self.signed.fetch_add(1, Ordering::Relaxed).to_string();
        Box::pin(async move {
            let SignBody::Sha256(body) = &request.body else {
                return Err(Declined::new("this signer needs `signer.body = \"sha256\"`"));
            };
            let time = request.time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis()).to_string();
            let target = request.uri.path_and_query().map_or("/", |target| target.as_str());
            let text = format!("{}\n{target}\n{time}\n{nonce}\n{}", request.method, hex(body));
            let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).map_err(|_| Declined::new("the key is no key"))?;
            mac.update(text.as_bytes());
            let mut headers = HeaderMap::new();
            for (name, text) in
                [("x-time", time), ("x-nonce", nonce), ("x-signature", hex(&mac.finalize().into_bytes()))]
            {
                let value = HeaderValue::try_from(text).map_err(|_| Declined::new("a header cannot be written"))?;
                headers.insert(name, value);
            }
            Ok(headers)
        })
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
