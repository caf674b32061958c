//! The failures by which an activity resolves (spec 2.1.10).

use temporalio_protos::temporal::api::common::v1::ActivityType;
use temporalio_protos::temporal::api::enums::v1::RetryState;
use temporalio_protos::temporal::api::failure::v1::failure::FailureInfo;
use temporalio_protos::temporal::api::failure::v1::{ActivityFailureInfo, CanceledFailureInfo, Failure};
use temporalio_protos::temporal::api::history::v1::{
    ActivityTaskCanceledEventAttributes, ActivityTaskFailedEventAttributes, ActivityTaskTimedOutEventAttributes,
};

use super::ActivityMachine;

/// The info of an activity's failure without identity and event ids.
pub(in crate::machines) fn activity_failure_info(
    activity_type: &str,
    activity_id: &str,
    retry_state: RetryState,
) -> ActivityFailureInfo {
    ActivityFailureInfo {
        activity_type: Some(ActivityType { name: activity_type.to_owned() }),
        activity_id: activity_id.to_owned(),
        retry_state: retry_state as i32,
        ..Default::default()
    }
}

impl ActivityMachine {
    pub(super) fn failed_failure(&self, event: ActivityTaskFailedEventAttributes) -> Failure {
        let info = ActivityFailureInfo {
            scheduled_event_id: event.scheduled_event_id,
            started_event_id: event.started_event_id,
            ..self.failure_info(event.retry_state())
        };
        let info = ActivityFailureInfo { identity: event.identity, ..info };
        failure("Activity task failed", event.failure, info)
    }

    pub(super) fn timed_out_failure(&self, event: ActivityTaskTimedOutEventAttributes) -> Failure {
        let info = ActivityFailureInfo {
            scheduled_event_id: event.scheduled_event_id,
            started_event_id: event.started_event_id,
            ..self.failure_info(event.retry_state())
        };
        failure("Activity task timed out", event.failure, info)
    }

    pub(super) fn cancelled_failure(&self, event: ActivityTaskCanceledEventAttributes) -> Failure {
        let info = ActivityFailureInfo {
            scheduled_event_id: event.scheduled_event_id,
            started_event_id: event.started_event_id,
            identity: event.identity,
            ..self.failure_info(RetryState::CancelRequested)
        };
        let details = CanceledFailureInfo { details: event.details, ..Default::default() };
        let cause = Failure { failure_info: Some(FailureInfo::CanceledFailureInfo(details)), ..Default::default() };
        failure("Activity cancelled", Some(cause), info)
    }

    fn failure_info(&self, retry_state: RetryState) -> ActivityFailureInfo {
        activity_failure_info(&self.activity_type, &self.activity_id, retry_state)
    }
}

fn failure(message: &str, cause: Option<Failure>, info: ActivityFailureInfo) -> Failure {
    Failure {
        message: message.to_owned(),
        cause: cause.map(Box::new),
        failure_info: Some(FailureInfo::ActivityFailureInfo(info)),
        ..Default::default()
    }
}
