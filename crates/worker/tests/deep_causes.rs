//! Failures with causes nested deeper than protobuf messages can be read get to whom they concern, cut, at once.

use corewasm_testkit::HistoryBuilder;
use corewasm_testkit::history::RUN_ID;
use temporalio_protos::coresdk::activity_result::activity_execution_result::Status;
use temporalio_protos::coresdk::activity_result::{Failure as ActivityFailure, activity_resolution};
use temporalio_protos::coresdk::workflow_activation::workflow_activation_job::Variant;
use temporalio_protos::coresdk::workflow_commands::{FailWorkflowExecution, WorkflowCommand, workflow_command};
use temporalio_protos::coresdk::workflow_completion::workflow_activation_completion::Status as Completion;
use temporalio_protos::temporal::api::command::v1::command::Attributes;
use temporalio_protos::temporal::api::failure::v1::Failure;
use temporalio_protos::temporal::api::history::v1::history_event::Attributes as Event;
use temporalio_protos::temporal::api::workflowservice::v1::{
    RespondActivityTaskFailedRequest, RespondWorkflowTaskCompletedRequest, RespondWorkflowTaskCompletedResponse,
    RespondWorkflowTaskFailedRequest, RespondWorkflowTaskFailedResponse,
};

use crate::activity::support::Fixture;
use crate::common::commands::schedule_activity;
use crate::common::{Harness, failure, jobs};

const CAUSES: usize = 150;

fn deep() -> Failure {
    let named = |message: &str| Failure { message: message.to_owned(), ..Default::default() };
    (0..CAUSES).fold(named("innermost"), |cause, _| Failure { cause: Some(Box::new(cause)), ..named("outer") })
}

/// How many failures there are, and what the innermost says.
fn chain(failure: &Failure) -> (usize, String) {
    let all = std::iter::successors(Some(failure), |failure| failure.cause.as_deref());
    all.fold((0, String::new()), |(count, _), failure| (count + 1, failure.message.clone()))
}

fn expect_cut(failure: Option<Failure>) {
    let (count, innermost) = chain(&failure.expect("there is one"));
    assert_eq!(count, 91);
    assert!(innermost.ends_with("messages can be read: 61. The innermost of them says: innermost"), "{innermost}");
}

#[test]
fn an_activity_that_fails_deep_is_reported() {
    let mut fixture = Fixture::new();
    let token = fixture.start("a");
    let _completed =
        fixture.complete(&token, Status::Failed(ActivityFailure { failure: Some(deep()), ..Default::default() }));
    expect_cut(fixture.take("RespondActivityTaskFailed").request::<RespondActivityTaskFailedRequest>().failure);
}

/// A workflow in its first task.
fn begun() -> Harness {
    let mut harness = Harness::new();
    let _polled = harness.poll();
    let mut history = HistoryBuilder::new();
    history.workflow_task_pending();
    harness.give_task(history.whole().poll_response());
    harness
}

#[test]
fn a_workflow_that_fails_deep_fails_at_once() {
    let mut harness = begun();
    let fail = workflow_command::Variant::FailWorkflowExecution(FailWorkflowExecution { failure: Some(deep()) });
    let _completed = harness.succeed(RUN_ID, [WorkflowCommand { variant: Some(fail), ..Default::default() }]);
    let call = harness.service.take("RespondWorkflowTaskCompleted");
    let request: RespondWorkflowTaskCompletedRequest = call.request();
    match request.commands.into_iter().next().and_then(|command| command.attributes) {
        Some(Attributes::FailWorkflowExecutionCommandAttributes(attributes)) => expect_cut(attributes.failure),
        other => panic!("{other:?}"),
    }
    call.answer(&RespondWorkflowTaskCompletedResponse::default());
}

#[test]
fn a_workflow_task_that_fails_deep_is_reported() {
    let mut harness = begun();
    let mut completion = failure(RUN_ID, "");
    if let Some(Completion::Failed(failed)) = &mut completion.status {
        failed.failure = Some(deep());
    }
    let _completed = harness.complete(completion);
    let call = harness.service.take("RespondWorkflowTaskFailed");
    expect_cut(call.request::<RespondWorkflowTaskFailedRequest>().failure);
    call.answer(&RespondWorkflowTaskFailedResponse::default());
}

/// Another SDK, without this limit, may have written it.
#[test]
fn a_history_with_a_deep_failure_is_replayed() {
    let mut history = HistoryBuilder::new();
    history.workflow_task();
    let scheduled = history.activity_scheduled_as("1", "activity");
    let started = history.activity_started(scheduled);
    let failed = history.activity_failed(scheduled, started, "");
    history.edit(failed, |event| {
        let Some(Event::ActivityTaskFailedEventAttributes(attributes)) = &mut event.attributes else {
            panic!("not a failure: {event:?}")
        };
        attributes.failure = Some(deep());
    });
    history.workflow_task_pending();
    let mut harness = Harness::new();
    let _polled = harness.poll();
    harness.give_task(history.whole().poll_response());
    let _scheduled = harness.succeed(RUN_ID, [schedule_activity(1)]);
    let activation = harness.activation();
    assert_eq!(jobs(&activation), ["activity"]);
    let Some(Variant::ResolveActivity(resolved)) = &activation.jobs[0].variant else { panic!("{activation:?}") };
    match resolved.result.as_ref().and_then(|result| result.status.as_ref()) {
        Some(activity_resolution::Status::Failed(failed)) => {
            let (count, innermost) = chain(failed.failure.as_ref().expect("there is one"));
            assert_eq!(count, 93, "one around 91 and a note");
            assert!(innermost.contains("messages can be read: 60. "), "{innermost}");
        }
        other => panic!("{other:?}"),
    }
}
