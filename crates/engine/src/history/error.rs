//! What can be wrong with a history before any event of it is applied.

/// A history that cannot be used. The first two texts reach lang as those of a status with code Unknown.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HistoryError {
    /// A workflow task brought neither events nor queries (spec 1.3.2).
    #[error("Received an empty workflow task with no queries or history")]
    EmptyTask,
    /// More events were needed and the service has none (spec 1.3.6).
    #[error("Fetched empty history page")]
    EmptyPage,
    /// Bytes that are no protobuf message of the kind expected.
    #[error("Could not decode {message}: {reason}")]
    Malformed {
        /// Name of the message.
        message: &'static str,
        /// What the decoder says.
        reason: String,
    },
}

impl HistoryError {
    /// A [`HistoryError::Malformed`] of this message.
    pub(super) fn malformed(message: &'static str, reason: &prost::DecodeError) -> Self {
        Self::Malformed { message, reason: reason.to_string() }
    }
}
