//! The one source of randomness: a seed given at construction, stretched by SHA-256.
//!
//! **Invariant:** the same seed and the same inputs give the same trace. A [`Seed`] is neither `Clone` nor serialised, and a
//! repeated one must not repeat a key and nonce (the envelope sees to that).

use std::fmt;

use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// Thirty-two bytes from a cryptographic generator, given once per machine.
pub struct Seed(Zeroizing<[u8; 32]>);

/// A stream of bytes drawn from a [`Seed`] for one purpose.
pub struct Rng {
    key: Zeroizing<[u8; 32]>,
    counter: u64,
}

impl Seed {
    /// Takes 32 bytes that a cryptographic generator made.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// A generator for one purpose; distinct labels give unrelated streams.
    pub fn rng(&self, label: &str) -> Rng {
        let mut hash = Sha256::new();
        hash.update(b"hallpass/seed/1");
        hash.update(self.0.as_slice());
        hash.update(label.as_bytes());
        Rng { key: Zeroizing::new(hash.finalize().into()), counter: 0 }
    }
}

impl Rng {
    /// The next 32 bytes of the stream.
    pub fn block(&mut self) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(self.key.as_slice());
        hash.update(self.counter.to_be_bytes());
        self.counter += 1;
        hash.finalize().into()
    }

    /// The next 64 bits of the stream.
    pub fn next_u64(&mut self) -> u64 {
        let block = self.block();
        u64::from_be_bytes([block[0], block[1], block[2], block[3], block[4], block[5], block[6], block[7]])
    }

    /// A number below `bound`, uniformly (bias under 2⁻³² for bounds below 2³²); zero when `bound` is zero.
    pub fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.next_u64()) * u128::from(bound)) >> 64) as u64
    }
}

impl fmt::Debug for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seed(redacted)")
    }
}

impl fmt::Debug for Rng {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rng").field("drawn", &self.counter).finish_non_exhaustive()
    }
}
