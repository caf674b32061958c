//! Polling for activity tasks and handing them to lang (spec 3.1).

use corewasm_host::code;
use corewasm_worker::WorkerError;
use temporalio_protos::temporal::api::workflowservice::v1::{
    PollActivityTaskQueueRequest, PollActivityTaskQueueResponse, RespondActivityTaskCompletedResponse,
};

use crate::activity::support::*;
use crate::common::{fixed, pollers};

#[test]
fn lang_gets_the_task_as_the_service_gave_it() {
    let mut fixture = Fixture::new();
    fixture.expect_nothing();
    fixture.answer_poll(&PollActivityTaskQueueResponse {
        workflow_namespace: "somewhere".to_owned(),
        attempt: 3,
        heartbeat_details: Some(payload("before").into()),
        start_to_close_timeout: proto(secs(9)),
        ..task("a")
    });
    let (token, start) = fixture.expect_start();
    assert_eq!(token, b"a");
    assert_eq!((start.workflow_namespace.as_str(), start.activity_id.as_str()), ("somewhere", "id of a"));
    assert_eq!((start.attempt, start.is_local, start.run_id.as_str()), (3, false, ""));
    assert_eq!(start.heartbeat_details, [payload("before")]);
    assert_eq!(start.start_to_close_timeout, proto(secs(9)));
}

#[test]
fn a_standalone_activity_has_its_own_run_id_and_no_workflow() {
    let mut fixture = Fixture::new();
    fixture.expect_nothing();
    let standalone = PollActivityTaskQueueResponse {
        activity_run_id: "activity-run".to_owned(),
        workflow_execution: None,
        workflow_type: None,
        ..task("a")
    };
    fixture.answer_poll(&standalone);
    let (_, start) = fixture.expect_start();
    assert_eq!(start.run_id, "activity-run");
    assert_eq!(start.workflow_execution, Some(Default::default()));
}

#[test]
fn no_more_are_taken_than_there_are_slots() {
    let mut fixture = Fixture::with(corewasm_host::envelope::WorkerConfig {
        activity_slots: Some(fixed(2)),
        activity_pollers: Some(pollers(5)),
        ..config()
    });
    fixture.expect_nothing();
    assert_eq!(fixture.polls(), 2);
    let first = fixture.start("a");
    fixture.start("b");
    fixture.expect_nothing();
    assert_eq!(fixture.polls(), 0);
    fixture.complete(&first, success());
    fixture.expect_nothing();
    assert_eq!(fixture.polls(), 0, "the slot is held until the service has taken the result");
    fixture.take("RespondActivityTaskCompleted").answer(&RespondActivityTaskCompletedResponse::default());
    fixture.expect_nothing();
    assert_eq!(fixture.polls(), 1);
}

#[test]
fn a_poll_that_times_out_is_followed_by_another() {
    let mut fixture = Fixture::new();
    fixture.expect_nothing();
    fixture.answer_poll(&PollActivityTaskQueueResponse::default());
    fixture.expect_nothing();
    assert_eq!(fixture.polls(), 1);
    fixture.start("a");
}

#[test]
fn an_error_that_comes_through_is_fatal() {
    let mut fixture = Fixture::new();
    fixture.expect_nothing();
    fixture.take("PollActivityTaskQueue").fail(code::PERMISSION_DENIED, "no");
    fixture.harness.turn();
    let polled = fixture.poll();
    assert!(matches!(&polled, Some(Err(WorkerError::Poll(text))) if text.contains("PermissionDenied")), "{polled:?}");
    assert!(fixture.harness.service.waiting().contains(&"ShutdownWorker"));
    fixture.expect_shutdown();
}

#[test]
fn a_task_without_a_token_is_an_error() {
    let mut fixture = Fixture::new();
    fixture.expect_nothing();
    fixture.answer_poll(&PollActivityTaskQueueResponse { task_token: Vec::new(), ..task("a") });
    let polled = fixture.poll();
    assert!(matches!(&polled, Some(Err(WorkerError::Poll(text))) if text.contains("InvalidArgument")), "{polled:?}");
}

#[test]
fn the_rate_of_the_task_queue_is_told_with_each_poll() {
    for limit in [None, Some(0.5)] {
        let mut fixture = Fixture::with(corewasm_host::envelope::WorkerConfig {
            max_task_queue_activities_per_second: limit,
            ..config()
        });
        fixture.expect_nothing();
        let request: PollActivityTaskQueueRequest = fixture.take("PollActivityTaskQueue").request();
        assert_eq!(request.task_queue_metadata.and_then(|metadata| metadata.max_tasks_per_second), limit);
    }
}

#[test]
fn the_rate_of_the_worker_spaces_its_polls() {
    let mut fixture = Fixture::with(corewasm_host::envelope::WorkerConfig {
        max_activities_per_second: Some(0.5),
        activity_pollers: Some(pollers(3)),
        ..config()
    });
    fixture.expect_nothing();
    for polls in 1..=3 {
        assert_eq!(fixture.polls(), polls);
        fixture.advance(secs(2));
    }
    assert_eq!(fixture.polls(), 3);
}

#[test]
fn a_task_that_did_not_reach_lang_is_given_again_first() {
    use prost::Message;
    let mut fixture = Fixture::new();
    fixture.expect_nothing();
    fixture.answer_poll(&task("a"));
    let lost = fixture.poll().expect("a task is ready").expect("polling goes well");
    fixture.start("b");
    fixture.harness.worker.undelivered(corewasm_worker::TaskKind::Activity, lost.encode_to_vec().into());
    fixture.answer_poll(&task("c"));
    assert_eq!(fixture.expect_start().0, b"a");
    assert_eq!(fixture.expect_start().0, b"c");
}

#[test]
fn a_poll_that_lang_gives_up_loses_no_task() {
    let mut fixture = Fixture::new();
    let worker = fixture.harness.worker.clone();
    let mut given_up = Box::pin(async move { worker.poll(corewasm_worker::TaskKind::Activity).await });
    let waker = futures::task::noop_waker();
    assert!(given_up.as_mut().poll(&mut std::task::Context::from_waker(&waker)).is_pending());
    fixture.harness.turn();
    fixture.answer_poll(&task("a"));
    drop(given_up);
    assert_eq!(fixture.expect_start().0, b"a");
}

#[test]
fn a_worker_without_activities_has_no_tasks_and_takes_no_completions() {
    let mut fixture = Fixture::with(crate::common::config());
    fixture.expect_shutdown();
    let outcome = fixture.complete(b"a", success());
    let error = outcome.borrow_mut().take().expect("it is answered").expect_err("it is refused");
    assert!(error.to_string().ends_with("Activities are not enabled on this worker"), "{error}");
}
