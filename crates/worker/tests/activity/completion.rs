//! Spec 3.5, 17(20): what the service is told of an activity that ended.

use corewasm_host::code;
use corewasm_worker::service::ServiceErrorKind;
use temporalio_protos::coresdk::activity_result::activity_execution_result::Status;
use temporalio_protos::coresdk::activity_result::{Success, WillCompleteAsync};
use temporalio_protos::temporal::api::enums::v1::ActivityTaskFailedCause;
use temporalio_protos::temporal::api::failure::v1::failure::FailureInfo;
use temporalio_protos::temporal::api::workflowservice::v1::{
    RecordActivityTaskHeartbeatResponse, RespondActivityTaskCanceledRequest, RespondActivityTaskCompletedRequest,
    RespondActivityTaskFailedRequest, RespondActivityTaskFailedResponse,
};

use crate::activity::support::*;

fn too_large() -> ServiceErrorKind {
    ServiceErrorKind::PayloadsTooLarge("[TMPRL1103] too large".to_owned())
}

#[test]
fn a_success_is_reported_with_its_result() {
    let mut fixture = Fixture::new();
    let token = fixture.start("a");
    fixture.complete(&token, success());
    let request: RespondActivityTaskCompletedRequest = fixture.take("RespondActivityTaskCompleted").request();
    assert_eq!((request.task_token, request.result), (token, Some(payload("result").into())));
    assert_eq!(request.identity, "tester");
}

#[test]
fn a_completion_needs_a_result_and_a_status() {
    let mut fixture = Fixture::new();
    let token = fixture.start("a");
    for (status, reason) in [
        (Some(Status::Completed(Success { result: None })), "must contain a `result` payload (which may be empty)"),
        (None, "Activity completion had empty result/status field"),
    ] {
        let outcome = fixture.complete_as(&token, status);
        let error = outcome.borrow_mut().take().expect("it is answered").expect_err("it is refused");
        assert!(error.to_string().contains("Lang SDK sent us a malformed activity completion"), "{error}");
        assert!(error.to_string().contains(reason), "{error}");
    }
    fixture.complete(&token, success());
    assert_eq!(fixture.calls(), ["RespondActivityTaskCompleted"], "the activity is still there");
}

/// Upstream: complete_act_with_fail_includes_latest_heartbeat.
#[test]
fn a_failure_carries_the_last_heartbeat_even_if_it_was_never_sent() {
    let mut fixture = Fixture::new();
    let token = fixture.start("a");
    fixture.heartbeat(&token, &["1"]);
    fixture.answer_heartbeat(&RecordActivityTaskHeartbeatResponse::default());
    fixture.heartbeat(&token, &["2"]);
    fixture.complete(&token, failure());
    assert_eq!(fixture.calls(), ["RespondActivityTaskFailed"]);
    let request: RespondActivityTaskFailedRequest = fixture.take("RespondActivityTaskFailed").request();
    assert_eq!(request.last_heartbeat_details, Some(payload("2").into()));
    assert_eq!(request.cause(), ActivityTaskFailedCause::ActivityWorkerUnhandledFailure);
    assert_eq!(request.failure, Some(application_failure()));
}

/// Upstream: activity_failure_distinguishes_no_heartbeat_from_empty_heartbeat.
#[test]
fn no_heartbeat_is_not_the_same_as_an_empty_one() {
    for heartbeats in [false, true] {
        let mut fixture = Fixture::new();
        let token = fixture.start("a");
        if heartbeats {
            fixture.heartbeat(&token, &[]);
            fixture.answer_heartbeat(&RecordActivityTaskHeartbeatResponse::default());
        }
        fixture.complete(&token, failure());
        let request: RespondActivityTaskFailedRequest = fixture.take("RespondActivityTaskFailed").request();
        assert_eq!(request.last_heartbeat_details, heartbeats.then(Default::default));
    }
}

#[test]
fn a_cancellation_is_reported_with_its_details() {
    let mut fixture = Fixture::new();
    let token = fixture.start("a");
    fixture.complete(&token, cancelled());
    let request: RespondActivityTaskCanceledRequest = fixture.take("RespondActivityTaskCanceled").request();
    assert_eq!(request.details, Some(payload("cancel details").into()));
}

#[test]
fn an_activity_that_completes_later_is_forgotten() {
    let mut fixture = Fixture::new();
    let token = fixture.start("a");
    let outcome = fixture.complete(&token, Status::WillCompleteAsync(WillCompleteAsync {}));
    assert_eq!(outcome.borrow_mut().take(), Some(Ok(())));
    assert!(fixture.calls().is_empty());
    fixture.heartbeat(&token, &["x"]);
    assert!(fixture.calls().is_empty());
}

#[test]
fn completing_what_is_not_there_does_nothing() {
    let mut fixture = Fixture::new();
    let outcome = fixture.complete(b"nobody", success());
    assert_eq!(outcome.borrow_mut().take(), Some(Ok(())));
    assert!(fixture.calls().is_empty());
}

#[test]
fn errors_of_the_service_are_not_lang_s_concern_and_free_the_slot() {
    for code in [code::NOT_FOUND, code::UNAVAILABLE] {
        let mut fixture = Fixture::with(corewasm_host::envelope::WorkerConfig {
            activity_slots: Some(crate::common::fixed(1)),
            ..config()
        });
        let token = fixture.start("a");
        let outcome = fixture.complete(&token, success());
        fixture.take("RespondActivityTaskCompleted").fail(code, "no");
        fixture.harness.turn();
        assert_eq!(outcome.borrow_mut().take(), Some(Ok(())));
        fixture.start("b");
    }
}

#[test]
fn an_oversized_result_or_cancellation_becomes_a_failure_with_the_last_heartbeat() {
    for (status, rpc) in [(success(), "RespondActivityTaskCompleted"), (cancelled(), "RespondActivityTaskCanceled")] {
        let mut fixture = Fixture::new();
        let token = fixture.start("a");
        fixture.heartbeat(&token, &["last"]);
        fixture.answer_heartbeat(&RecordActivityTaskHeartbeatResponse::default());
        let outcome = fixture.complete(&token, status);
        fixture.take(rpc).fail_as(too_large(), code::INVALID_ARGUMENT, "too large");
        fixture.harness.turn();
        let call = fixture.take("RespondActivityTaskFailed");
        let request: RespondActivityTaskFailedRequest = call.request();
        assert_eq!(request.cause(), ActivityTaskFailedCause::PayloadsTooLarge);
        assert_eq!(request.last_heartbeat_details, Some(payload("last").into()));
        let failure = request.failure.expect("it has one");
        let Some(FailureInfo::ApplicationFailureInfo(info)) = failure.failure_info else { panic!("application") };
        assert_eq!((info.r#type.as_str(), info.non_retryable), ("PayloadsTooLarge", false));
        call.answer(&RespondActivityTaskFailedResponse::default());
        fixture.harness.turn();
        assert_eq!(outcome.borrow_mut().take(), Some(Ok(())));
    }
}

/// Upstream: oversized_final_heartbeat_details_replace_reported_failure.
#[test]
fn oversized_last_details_replace_the_failure() {
    use temporalio_protos::temporal::api::namespace::v1::{NamespaceInfo, namespace_info::Limits};
    use temporalio_protos::temporal::api::workflowservice::v1::DescribeNamespaceResponse;
    let mut fixture = Fixture::new();
    let worker = fixture.harness.worker.clone();
    fixture.harness.spawn(async move { worker.validate().await });
    let limits = Some(Limits { blob_size_limit_error: 20, ..Default::default() });
    let namespace_info = Some(NamespaceInfo { limits, ..Default::default() });
    fixture.take("DescribeNamespace").answer(&DescribeNamespaceResponse { namespace_info, ..Default::default() });
    let token = fixture.start("a");
    fixture.heartbeat(&token, &["fits"]);
    fixture.answer_heartbeat(&RecordActivityTaskHeartbeatResponse::default());
    fixture.heartbeat(&token, &["this is far too long for the limit"]);
    fixture.complete(&token, failure());
    let request: RespondActivityTaskFailedRequest = fixture.take("RespondActivityTaskFailed").request();
    assert_eq!(request.cause(), ActivityTaskFailedCause::PayloadsTooLarge);
    assert_eq!(request.last_heartbeat_details, None);
    let message = request.failure.expect("it has one").message;
    assert_eq!(message, "[TMPRL1103] Attempted to upload payloads with size that exceeded the error limit.");
}
