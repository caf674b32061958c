//! Deadlines of many things, ordered by time.

use corewasm_engine::time::Instant;
use litemap::LiteMap;

/// At most one deadline for each key. Those due at the same instant come in the order of their keys.
#[derive(Debug)]
pub struct Deadlines<K> {
    by_time: LiteMap<(Instant, K), ()>,
    by_key: LiteMap<K, Instant>,
}

impl<K: Ord + Clone> Deadlines<K> {
    /// Sets the deadline of `key`, in place of an earlier one.
    pub fn set(&mut self, key: K, at: Instant) {
        self.clear(&key);
        self.by_time.insert((at, key.clone()), ());
        self.by_key.insert(key, at);
    }

    /// Forgets the deadline of `key`. Returns whether there was one.
    pub fn clear(&mut self, key: &K) -> bool {
        let Some(at) = self.by_key.remove(key) else {
            return false;
        };
        self.by_time.remove(&(at, key.clone())).is_some()
    }

    /// Takes the earliest deadline if it is due at `now`.
    pub fn take_due(&mut self, now: Instant) -> Option<K> {
        let ((_, key), ()) = self.by_time.first().filter(|((at, _), ())| *at <= now)?;
        let key = key.clone();
        self.clear(&key);
        Some(key)
    }

    /// The earliest deadline.
    pub fn next(&self) -> Option<Instant> {
        self.by_time.first().map(|((at, _), ())| *at)
    }
}

impl<K> Default for Deadlines<K> {
    fn default() -> Self {
        Self { by_time: LiteMap::new(), by_key: LiteMap::new() }
    }
}
