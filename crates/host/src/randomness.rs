//! The deterministic generator that the entropy of each turn is mixed into.

use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};

const SEED_BYTES: usize = 32;

/// The same entropy gives the same numbers.
pub(crate) struct Generator(ChaCha8Rng);

impl Default for Generator {
    fn default() -> Self {
        Self(ChaCha8Rng::from_seed([0; SEED_BYTES]))
    }
}

impl Generator {
    /// A new state out of the old one and `entropy`; nothing changes if there is none.
    pub(crate) fn mix(&mut self, entropy: &[u8]) {
        for chunk in entropy.chunks(SEED_BYTES) {
            let mut seed = [0; SEED_BYTES];
            self.0.fill_bytes(&mut seed);
            for (byte, fresh) in seed.iter_mut().zip(chunk) {
                *byte ^= fresh;
            }
            self.0 = ChaCha8Rng::from_seed(seed);
        }
    }

    pub(crate) fn next_u64(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// In [0, 1), of 53 random bits.
    pub(crate) fn fraction(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// A UUID of version 4 in its text form.
    pub(crate) fn uuid_v4(&mut self) -> String {
        let high = (self.next_u64() & !0xF000) | 0x4000;
        let low = (self.next_u64() & !(0b11 << 62)) | (0b10 << 62);
        format!(
            "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
            high >> 32,
            (high >> 16) & 0xFFFF,
            high & 0xFFFF,
            low >> 48,
            low & 0xFFFF_FFFF_FFFF
        )
    }
}
