//! Who makes the keys and signatures of proofs of possession? The cryptography that TLS uses here as well.
//!
//! **Invariant:** a private key is never written anywhere but into the core's hands, zeroized when it is dropped.

use hallpass_core::effect::{Declined, KeyPair};

#[cfg(feature = "aws-lc-rs")]
use aws_lc_rs as crypto;
#[cfg(all(feature = "ring", not(feature = "aws-lc-rs")))]
use ring as crypto;

#[cfg(any(feature = "ring", feature = "aws-lc-rs"))]
mod made {
    use hallpass_core::effect::{Declined, KeyPair};
    use zeroize::Zeroizing;

    use super::crypto::rand::SystemRandom;
    use super::crypto::signature::{ECDSA_P256_SHA256_FIXED_SIGNING as ES256, EcdsaKeyPair, KeyPair as _};

    pub(super) fn key() -> Result<KeyPair, Declined> {
        let document = EcdsaKeyPair::generate_pkcs8(&ES256, &SystemRandom::new())
            .map_err(|_| Declined::new("the system made no key"))?;
        let pkcs8 = Zeroizing::new(document.as_ref().to_vec());
        let public = open(&pkcs8)?.public_key().as_ref().try_into();
        let public = public.map_err(|_| Declined::new("the system made a key of another kind"))?;
        Ok(KeyPair { pkcs8, public })
    }

    pub(super) fn signature(key: &KeyPair, input: &[u8]) -> Result<[u8; 64], Declined> {
        let signature = open(&key.pkcs8)?.sign(&SystemRandom::new(), input);
        let signature = signature.map_err(|_| Declined::new("the session's key does not sign"))?;
        signature.as_ref().try_into().map_err(|_| Declined::new("the signature is not of 64 bytes"))
    }

    fn open(pkcs8: &[u8]) -> Result<EcdsaKeyPair, Declined> {
        #[cfg(feature = "aws-lc-rs")]
        let opened = EcdsaKeyPair::from_pkcs8(&ES256, pkcs8);
        #[cfg(all(feature = "ring", not(feature = "aws-lc-rs")))]
        let opened = EcdsaKeyPair::from_pkcs8(&ES256, pkcs8, &SystemRandom::new());
        opened.map_err(|_| Declined::new("the session's key cannot be read"))
    }
}

/// A new key for ECDSA on P-256.
pub(crate) fn key() -> Result<KeyPair, Declined> {
    #[cfg(any(feature = "ring", feature = "aws-lc-rs"))]
    return made::key();
    #[cfg(not(any(feature = "ring", feature = "aws-lc-rs")))]
    Err(Declined::new("built without cryptography: enable the feature aws-lc-rs or ring"))
}

/// An `ES256` signature over `input`.
pub(crate) fn signature(key: &KeyPair, input: &[u8]) -> Result<[u8; 64], Declined> {
    #[cfg(any(feature = "ring", feature = "aws-lc-rs"))]
    return made::signature(key, input);
    #[cfg(not(any(feature = "ring", feature = "aws-lc-rs")))]
    {
        let _ = (key, input);
        Err(Declined::new("built without cryptography: enable the feature aws-lc-rs or ring"))
    }
}
