//! The seed of a run's randomness (spec 1.5.14).

use std::hash::Hasher;

use siphasher::sip::SipHasher13;

/// SipHash-1-3 with zero keys over the id's bytes and one 0xFF. Recorded histories depend on it: it can never change.
pub(super) fn random_seed(run_id: &str) -> u64 {
    let mut hasher = SipHasher13::new();
    hasher.write(run_id.as_bytes());
    hasher.write_u8(0xff);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    #[test]
    fn equals_what_native_core_computes() {
        assert_eq!(super::random_seed("c7d6d7a2-5b6c-4a53-8f6e-0123456789ab"), 13_997_999_225_924_932_453);
    }
}
