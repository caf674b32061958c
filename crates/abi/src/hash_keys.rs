//! The same turns give the same bytes, also where a hash map is encoded.

use std::sync::Once;

/// Has std make this thread's hash keys now. Must come first in every export that allocates.
///
/// The messages of Temporal have hash maps, and prost encodes their entries as the map iterates. On
/// wasm32-unknown-unknown std has no randomness for the keys of such maps: it takes them once from the addresses of a
/// variable on the stack and of one on the heap, and counts up from there with every map. Made before anything else is
/// allocated, by the first call of an export and at the bottom of the stack, the keys are the same in every instance;
/// made later, they would depend on the buffers that the host asked for before.
#[inline(never)]
pub fn fix_hash_keys() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        #[expect(clippy::disallowed_types, reason = "to fix its keys is what this is for")]
        let _keys = std::hash::RandomState::new();
    });
}
