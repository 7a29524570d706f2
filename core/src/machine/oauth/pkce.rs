//! The secrets that tie an authorization code to the session that asked for it (RFC 7636, RFC 6749 §10.12).

use base64ct::{Base64UrlUnpadded, Encoding};
use sha2::{Digest, Sha256};

use crate::credentials::Secret;
use crate::seed::Rng;

/// What is kept while a person's browser is at the issuer.
#[derive(Debug)]
pub(super) struct Proof {
    /// Comes back with the code, so that nobody else's code is taken.
    pub(super) state: Secret,
    /// Goes along with the code, so that nobody else can use it.
    pub(super) verifier: Secret,
}

impl Proof {
    /// Draws both: 256 bits each, in the characters of RFC 7636 §4.1.
    pub(super) fn draw(rng: &mut Rng) -> Self {
        let mut text = || Secret::new(Base64UrlUnpadded::encode_string(&rng.block()));
        Self { state: text(), verifier: text() }
    }

    /// The `S256` challenge of the verifier (RFC 7636 §4.2).
    pub(super) fn challenge(&self) -> String {
        Base64UrlUnpadded::encode_string(&Sha256::digest(self.verifier.expose()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::Seed;

    #[test]
    fn the_example_of_rfc_7636_appendix_b_has_its_challenge() {
        let verifier = Secret::new("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
        let proof = Proof { state: Secret::new("xyz"), verifier };
        assert_eq!(proof.challenge(), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    }

    #[test]
    fn every_proof_is_another_and_is_never_shown() {
        let mut rng = Seed::new([7; 32]).rng("oauth");
        let (one, two) = (Proof::draw(&mut rng), Proof::draw(&mut rng));
        let all = [&one.state, &one.verifier, &two.state, &two.verifier].map(Secret::expose);
        for (at, text) in all.iter().enumerate() {
            assert_eq!(text.len(), 43);
            assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)));
            assert!(!all[..at].contains(text));
            assert!(!format!("{one:?}{two:?}").contains(text));
        }
    }
}
