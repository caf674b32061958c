//! Where messages have failures, by the numbers of fields.

use Place::{Failure, NexusFailure, Within};

/// What a field leads to.
#[derive(Clone, Copy, Debug)]
pub(super) enum Place {
    /// A `temporal.api.failure.v1.Failure`.
    Failure,
    /// A `temporal.api.nexus.v1.Failure`.
    NexusFailure,
    /// A message with these of interest.
    Within(Places),
}

pub(super) type Places = &'static [(u32, Place)];

/// Of `coresdk.workflow_completion.WorkflowActivationCompletion`.
pub(super) const WORKFLOW_COMPLETION: Places = &[(2, Within(SUCCESS)), (3, Within(&[(1, Failure)]))];
const SUCCESS: Places = &[(1, Within(COMMAND))];
const COMMAND: Places = &[
    // respond_to_query
    (3, Within(&[(3, Failure)])),
    // fail_workflow_execution
    (7, Within(&[(1, Failure)])),
    // update_response
    (20, Within(&[(3, Failure)])),
];

/// Of `coresdk.ActivityTaskCompletion`: a failure or a cancellation.
pub(super) const ACTIVITY_COMPLETION: Places =
    &[(2, Within(&[(2, Within(&[(1, Failure)])), (3, Within(&[(1, Failure)]))]))];

/// Of `coresdk.nexus.NexusTaskCompletion`.
pub(super) const NEXUS_COMPLETION: Places =
    &[(2, Within(&[(1, Within(STARTED_OPERATION))])), (3, Within(&[(2, NexusFailure)])), (5, Failure)];
const STARTED_OPERATION: Places = &[(3, Within(&[(2, NexusFailure)])), (4, Failure)];

/// Of `temporal.api.history.v1.HistoryEvent`.
pub(super) const HISTORY_EVENT: Places = &[
    // WorkflowExecutionStarted
    (6, Within(&[(12, Failure)])),
    // WorkflowExecutionFailed
    (8, Within(&[(1, Failure)])),
    // WorkflowTaskFailed
    (14, Within(&[(4, Failure)])),
    // ActivityTaskStarted, ActivityTaskFailed, ActivityTaskTimedOut
    (16, Within(&[(5, Failure)])),
    (18, Within(&[(1, Failure)])),
    (19, Within(&[(1, Failure)])),
    // MarkerRecorded
    (25, Within(&[(5, Failure)])),
    // WorkflowExecutionContinuedAsNew
    (33, Within(&[(10, Failure)])),
    // ChildWorkflowExecutionFailed
    (38, Within(&[(1, Failure)])),
    // WorkflowExecutionUpdateRejected, WorkflowExecutionUpdateCompleted
    (47, Within(&[(5, Failure)])),
    (48, Within(&[(2, Within(&[(2, Failure)]))])),
    // NexusOperationFailed, NexusOperationCanceled, NexusOperationTimedOut, NexusOperationCancelRequestFailed
    (56, Within(&[(2, Failure)])),
    (57, Within(&[(2, Failure)])),
    (58, Within(&[(2, Failure)])),
    (62, Within(&[(3, Failure)])),
];

/// What the field leads to, if anything.
pub(super) fn place_of(places: Places, number: u32) -> Option<Place> {
    places.iter().find(|(known, _)| *known == number).map(|(_, place)| *place)
}
