//! What the service is told of a Nexus task, in the form that it knows (spec 5.4, 5.5).

use corewasm_worker::nexus::failure_json::to_json;
use corewasm_worker::nexus::reply::{Answer, MalformedCompletion, RequestKind, oversized, reply};
use serde_json::json;
use temporalio_protos::coresdk::nexus::nexus_task_completion::Status;
use temporalio_protos::temporal::api::common::v1::{ActivityType, Payload};
use temporalio_protos::temporal::api::enums::v1::{NexusHandlerErrorRetryBehavior, RetryState, TimeoutType};
use temporalio_protos::temporal::api::failure::v1::failure::FailureInfo;
use temporalio_protos::temporal::api::failure::v1::{
    ActivityFailureInfo, ApplicationFailureInfo, CanceledFailureInfo, Failure, NexusHandlerFailureInfo,
    TimeoutFailureInfo,
};
use temporalio_protos::temporal::api::nexus::v1::{
    CancelOperationResponse, Response, StartOperationResponse, response, start_operation_response,
};

fn failure(info: FailureInfo) -> Failure {
    Failure {
        message: "it broke".to_owned(),
        stack_trace: "here".to_owned(),
        failure_info: Some(info),
        ..Default::default()
    }
}

fn application() -> FailureInfo {
    FailureInfo::ApplicationFailureInfo(ApplicationFailureInfo { r#type: "Mine".to_owned(), ..Default::default() })
}

fn handler() -> FailureInfo {
    FailureInfo::NexusHandlerFailureInfo(NexusHandlerFailureInfo {
        r#type: "BAD_REQUEST".to_owned(),
        retry_behavior: NexusHandlerErrorRetryBehavior::NonRetryable.into(),
    })
}

fn started(variant: start_operation_response::Variant) -> Status {
    let start = StartOperationResponse { variant: Some(variant) };
    Status::Completed(Response { variant: Some(response::Variant::StartOperation(start)) })
}

fn start_failed(info: FailureInfo) -> Status {
    started(start_operation_response::Variant::Failure(failure(info)))
}

fn start_variant(answer: Option<Answer>) -> start_operation_response::Variant {
    let Some(Answer::Completed(response)) = answer else { panic!("it is a completion") };
    let Some(response::Variant::StartOperation(start)) = response.variant else { panic!("it is a start") };
    start.variant.expect("it says something")
}

#[test]
#[allow(deprecated, reason = "the form that older services know")]
fn a_failed_operation_takes_the_form_that_the_service_knows() {
    let canceled = FailureInfo::CanceledFailureInfo(CanceledFailureInfo::default());
    for (info, state) in [(application(), "failed"), (canceled, "canceled")] {
        let newer = reply(start_failed(info.clone()), RequestKind::Start, true).expect("it is valid");
        assert_eq!(newer.failure_reason, Some(format!("operation_{state}")));
        assert_eq!(start_variant(newer.answer), start_operation_response::Variant::Failure(failure(info.clone())));

        let older = reply(start_failed(info), RequestKind::Start, false).expect("it is valid");
        assert_eq!(older.failure_reason, Some(format!("operation_{state}")));
        let start_operation_response::Variant::OperationError(error) = start_variant(older.answer) else {
            panic!("it is converted");
        };
        assert_eq!(error.operation_state, state);
        let converted = error.failure.expect("it has one");
        assert_eq!((converted.message.as_str(), converted.stack_trace.as_str()), ("it broke", "here"));
        assert_eq!(converted.metadata.get("type").map(String::as_str), Some("temporal.api.failure.v1.Failure"));
        let details: serde_json::Value = serde_json::from_slice(&converted.details).expect("it is JSON");
        assert_eq!((details.get("message"), details.get("stackTrace")), (None, Some(&json!("here"))));
    }
}

#[test]
fn a_failed_handler_takes_the_form_that_the_service_knows() {
    let newer = reply(Status::Failure(failure(handler())), RequestKind::Start, true).expect("it is valid");
    assert_eq!(newer.failure_reason.as_deref(), Some("handler_error_BAD_REQUEST"));
    assert_eq!(newer.answer, Some(Answer::Failure(Box::new(failure(handler())))));

    let older = reply(Status::Failure(failure(handler())), RequestKind::Cancel, false).expect("it is valid");
    let Some(Answer::LegacyError(error)) = older.answer else { panic!("it is converted") };
    assert_eq!(error.error_type, "BAD_REQUEST");
    assert_eq!(error.retry_behavior(), NexusHandlerErrorRetryBehavior::NonRetryable);
    assert_eq!(error.failure.map(|failure| failure.message).as_deref(), Some("it broke"));
}

#[test]
fn failures_of_the_wrong_kind_are_refused() {
    let operation = reply(start_failed(handler()), RequestKind::Start, true);
    assert_eq!(operation, Err(MalformedCompletion::NotOperationFailure));
    for takes_failures in [true, false] {
        let handled = reply(Status::Failure(failure(application())), RequestKind::Start, takes_failures);
        assert_eq!(handled, Err(MalformedCompletion::NotHandlerFailure));
    }
}

#[test]
fn the_response_must_be_to_the_request() {
    let cancelled = Some(response::Variant::CancelOperation(CancelOperationResponse {}));
    let cancelled = || Status::Completed(Response { variant: cancelled.clone() });
    let sync = || started(start_operation_response::Variant::SyncSuccess(Default::default()));
    assert_eq!(reply(cancelled(), RequestKind::Start, true), Err(MalformedCompletion::NotCancel));
    assert_eq!(reply(sync(), RequestKind::Cancel, true), Err(MalformedCompletion::NotStart));
    let nothing = Status::Completed(Response::default());
    assert_eq!(reply(nothing, RequestKind::Start, true), Err(MalformedCompletion::NoVariant));
    for (status, kind) in [(cancelled(), RequestKind::Cancel), (sync(), RequestKind::Start)] {
        let valid = reply(status, kind, false).expect("it is valid");
        assert_eq!(valid.failure_reason, None);
        assert!(matches!(valid.answer, Some(Answer::Completed(_))));
    }
}

#[test]
fn an_acknowledged_cancel_is_not_told_but_counts_as_a_timeout() {
    let acknowledged = reply(Status::AckCancel(true), RequestKind::Start, true).expect("it is valid");
    assert_eq!((acknowledged.answer, acknowledged.failure_reason.as_deref()), (None, Some("timeout")));
}

#[test]
fn what_is_too_large_becomes_a_retryable_error() {
    let Answer::LegacyError(error) = oversized("too large") else { panic!("it is an error") };
    assert_eq!(error.error_type, "PayloadsTooLarge");
    assert_eq!(error.retry_behavior(), NexusHandlerErrorRetryBehavior::Retryable);
    assert_eq!(error.failure.map(|failure| failure.message).as_deref(), Some("too large"));
}

#[test]
fn failures_are_written_in_the_json_form_of_protobuf() {
    let timeout = FailureInfo::TimeoutFailureInfo(TimeoutFailureInfo {
        timeout_type: TimeoutType::Heartbeat.into(),
        last_heartbeat_details: None,
    });
    let activity = FailureInfo::ActivityFailureInfo(ActivityFailureInfo {
        scheduled_event_id: 5,
        activity_type: Some(ActivityType { name: "an-activity".to_owned() }),
        retry_state: RetryState::Timeout.into(),
        ..Default::default()
    });
    let details = Payload {
        metadata: [("encoding".to_owned(), b"json/plain".to_vec())].into(),
        data: b"1".to_vec(),
        ..Default::default()
    };
    let application = FailureInfo::ApplicationFailureInfo(ApplicationFailureInfo {
        details: Some(details.into()),
        next_retry_delay: Some(prost_types::Duration { seconds: 1, nanos: 500_000_000 }),
        non_retryable: true,
        ..Default::default()
    });
    let with = |info, cause| Failure { failure_info: Some(info), cause, ..Default::default() };
    let chain = with(activity, Some(Box::new(with(timeout, Some(Box::new(with(application, None)))))));
    let expected = json!({
        "activityFailureInfo": {
            "scheduledEventId": "5",
            "activityType": { "name": "an-activity" },
            "retryState": "RETRY_STATE_TIMEOUT"
        },
        "cause": {
            "timeoutFailureInfo": { "timeoutType": "TIMEOUT_TYPE_HEARTBEAT" },
            "cause": {
                "applicationFailureInfo": {
                    "nonRetryable": true,
                    "nextRetryDelay": "1.500000000s",
                    "details": { "payloads": [{ "metadata": { "encoding": "anNvbi9wbGFpbg==" }, "data": "MQ==" }] }
                }
            }
        }
    });
    assert_eq!(to_json(&chain), expected);
}
