//! What happened to activities, for metrics and the log.

use std::time::Duration;

use temporalio_protos::coresdk::activity_result::{ActivityTaskFailedCause, Failure as ActivityFailure};
use temporalio_protos::temporal::api::enums::v1::ApplicationErrorCategory;
use temporalio_protos::temporal::api::failure::v1::Failure;
use temporalio_protos::temporal::api::failure::v1::failure::FailureInfo;

/// Label `failure_reason` of an activity that failed (spec 11.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureReason {
    /// Its code failed.
    Activity,
    /// It ran out of time.
    Timeout,
    /// Something it sends exceeds a limit of the service.
    PayloadsTooLarge,
    /// A payload could not be stored or fetched.
    ExternalStorage,
}

impl FailureReason {
    /// Value of the label.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Activity => "ActivityError",
            Self::Timeout => "timeout",
            Self::PayloadsTooLarge => "PayloadsTooLarge",
            Self::ExternalStorage => "ExternalStorageError",
        }
    }
}

impl From<ActivityTaskFailedCause> for FailureReason {
    fn from(cause: ActivityTaskFailedCause) -> Self {
        match cause {
            ActivityTaskFailedCause::PayloadsTooLarge => Self::PayloadsTooLarge,
            ActivityTaskFailedCause::ExternalStorageFailure => Self::ExternalStorage,
            ActivityTaskFailedCause::Unspecified | ActivityTaskFailedCause::ActivityWorkerUnhandledFailure => {
                Self::Activity
            }
        }
    }
}

/// Why an activity failed, unless its author marked the failure as benign: that one is not counted.
pub fn counted_reason(failed: &ActivityFailure) -> Option<FailureReason> {
    if failed.failure.as_ref().is_some_and(is_benign) { None } else { Some(failed.cause().into()) }
}

fn is_benign(failure: &Failure) -> bool {
    matches!(&failure.failure_info, Some(FailureInfo::ApplicationFailureInfo(info))
        if info.category() == ApplicationErrorCategory::Benign)
}

/// Labels of the metrics of one activity.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ActivityLabels {
    /// Type of the activity.
    pub activity_type: String,
    /// Type of the workflow that scheduled it.
    pub workflow_type: String,
}

/// What happened, for metrics (spec 11.2, 11.3).
#[derive(Clone, Debug, PartialEq)]
pub enum ActivityObservation {
    /// A task came, by a poll or eagerly.
    Received {
        /// Which activity.
        labels: ActivityLabels,
        /// It came with the answer to a workflow task.
        eager: bool,
    },
    /// Time from the schedule of the attempt to its start.
    ScheduleToStart(Duration),
    /// Time from the start here to the completion.
    Executed(ActivityLabels, Duration),
    /// Time from the first schedule to a success that the service took.
    Succeeded(ActivityLabels, Duration),
    /// The attempt failed.
    Failed(ActivityLabels, FailureReason),
}
