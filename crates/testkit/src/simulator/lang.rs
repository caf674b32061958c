//! Who answers activations.

use std::collections::VecDeque;

use bytes::Bytes;

/// Answers activations with completions, both encoded.
pub trait Lang {
    /// The completion of this activation.
    ///
    /// # Errors
    /// If lang has no answer.
    fn complete(&mut self, activation: &Bytes) -> Result<Bytes, String>;
}

/// Gives the completions that were recorded, in order.
#[derive(Clone, Debug)]
pub struct StoredCompletions(VecDeque<Bytes>);

impl StoredCompletions {
    /// With these answers.
    pub fn new(completions: impl IntoIterator<Item = Bytes>) -> Self {
        Self(completions.into_iter().collect())
    }
}

impl Lang for StoredCompletions {
    fn complete(&mut self, _: &Bytes) -> Result<Bytes, String> {
        self.0.pop_front().ok_or_else(|| "more activations than completions are stored".to_owned())
    }
}
