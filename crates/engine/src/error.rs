//! What can be wrong with a run: two kinds, since they end differently (spec 1.8.8, 1.8.9).

use temporalio_protos::coresdk::workflow_activation::remove_from_cache::EvictionReason;
use temporalio_protos::temporal::api::enums::v1::WorkflowTaskFailedCause;

/// A run can not go on. The text names the event, command or machine concerned.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RunError {
    /// The workflow's code and its history disagree.
    #[error("[TMPRL1100] Nondeterminism error: {0}")]
    Nondeterminism(String),
    /// The history or the service is not as it can be.
    #[error("Fatal error in workflow machines: {0}")]
    Fatal(String),
    /// The machines were never made because their history could not be had.
    #[error("{0}")]
    Fetch(String),
}

/// What the machines answer.
pub type Result<T, E = RunError> = std::result::Result<T, E>;

impl RunError {
    /// A [`RunError::Nondeterminism`] with this text.
    pub fn nondeterminism(message: impl Into<String>) -> Self {
        Self::Nondeterminism(message.into())
    }

    /// A [`RunError::Fatal`] with this text.
    pub fn fatal(message: impl Into<String>) -> Self {
        Self::Fatal(message.into())
    }

    /// The cause that a failure made of this error insists on; unspecified leaves it to the default.
    pub(crate) const fn forced_cause(&self) -> WorkflowTaskFailedCause {
        match self {
            Self::Nondeterminism(_) => WorkflowTaskFailedCause::NonDeterministicError,
            Self::Fatal(_) | Self::Fetch(_) => WorkflowTaskFailedCause::Unspecified,
        }
    }

    /// Why a run that broke by this error is evicted (spec 1.9.6).
    pub(crate) const fn eviction_reason(&self) -> EvictionReason {
        match self {
            Self::Nondeterminism(_) => EvictionReason::Nondeterminism,
            Self::Fatal(_) | Self::Fetch(_) => EvictionReason::Fatal,
        }
    }

    /// The cause with which a workflow task fails by this error (spec 1.8.8).
    pub const fn task_failed_cause(&self) -> WorkflowTaskFailedCause {
        match self {
            Self::Nondeterminism(_) => WorkflowTaskFailedCause::NonDeterministicError,
            Self::Fatal(_) | Self::Fetch(_) => WorkflowTaskFailedCause::WorkflowWorkerUnhandledFailure,
        }
    }
}

/// Lang's completion can not be taken (spec 1.8.1).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Lang SDK sent us a malformed workflow completion for run ({run_id}): {reason}")]
pub struct MalformedCompletion {
    /// Run that the completion names.
    pub run_id: String,
    /// What is wrong with it.
    pub reason: String,
}
