//! What leaves the executor besides tasks.

use std::time::Duration;

use corewasm_engine::LocalActivityResolution;

use crate::activities::observation::{ActivityLabels, FailureReason};

/// One thing the driver must do, in order.
#[derive(Clone, Debug, PartialEq)]
pub enum LocalActivityOutput {
    /// Tell the run that an activity of its ended.
    Resolved {
        /// The run.
        run_id: String,
        /// How it ended.
        resolution: Box<LocalActivityResolution>,
    },
    /// A cancellation reached lang: an eviction of the run may have waited for it (spec 1.9, 4.5.2).
    CancelDelivered {
        /// The run.
        run_id: String,
    },
    /// Something worth a metric or a line in the log.
    Observed(LocalActivityObservation),
}

/// What happened, for metrics (spec 11.2, 11.3) and the log.
#[derive(Clone, Debug, PartialEq)]
pub enum LocalActivityObservation {
    /// An attempt was handed to lang.
    Started(ActivityLabels),
    /// An attempt ended this long after it was handed to lang.
    Executed(ActivityLabels, Duration),
    /// An activity succeeded this long after its first schedule.
    Succeeded(ActivityLabels, Duration),
    /// An attempt failed.
    Failed(ActivityLabels, FailureReason),
    /// An activity reported itself cancelled.
    Cancelled(ActivityLabels),
    /// Lang completed an activity that is not known: it was forgotten, or never existed.
    UntrackedCompletion {
        /// Token of the completion.
        task_token: Vec<u8>,
    },
    /// A request came for an activity that is already there; it was dropped.
    DuplicateRequest {
        /// The run.
        run_id: String,
        /// Lang's sequence number.
        seq: u32,
    },
    /// A request came after workflows had shut down; it was dropped.
    RequestAfterShutdown {
        /// The run.
        run_id: String,
    },
}
