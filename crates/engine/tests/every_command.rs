//! Spec 1.8.3, 17.1: nothing that lang may send is left out: every kind of command is taken. An event that no Core
//! knows fails the workflow task, to be tried again, and never the workflow.

use crate::support::commands::{
    accept_update, answer_query, cancel_activity, cancel_local_activity, cancel_timer, complete_workflow,
    continue_as_new, fail_workflow, schedule_activity, schedule_local_activity, set_patch, start_timer, upsert,
};
use crate::support::names::{command_types, job_names};
use crate::support::recorder::update_message;
use crate::support::{Driver, Report, setup, task};
use corewasm_engine::{PreparedTask, RunSetup};
use corewasm_testkit::HistoryBuilder;
use temporalio_protos::coresdk::common::NamespacedWorkflowExecution;
use temporalio_protos::coresdk::workflow_commands::workflow_command::Variant;
use temporalio_protos::coresdk::workflow_commands::{
    ActivityCancellationType, CancelChildWorkflowExecution, CancelSignalWorkflow, CancelWorkflowExecution,
    ModifyWorkflowProperties, RequestCancelExternalWorkflowExecution, RequestCancelNexusOperation,
    ScheduleNexusOperation, SignalExternalWorkflowExecution, StartChildWorkflowExecution,
    signal_external_workflow_execution,
};
use temporalio_protos::temporal::api::common::v1::Memo;
use temporalio_protos::temporal::api::enums::v1::WorkflowTaskFailedCause;
use temporalio_protos::temporal::api::failure::v1::failure::FailureInfo;

/// A first workflow task that asks for an update, and nothing before it.
fn first_task() -> PreparedTask {
    let mut history = HistoryBuilder::new();
    history.workflow_task_pending();
    let view = history.whole();
    let message = update_message("update", view.started_event_id - 1);
    PreparedTask { messages: vec![message], ..task(&view) }
}

fn child() -> Variant {
    let child = StartChildWorkflowExecution { seq: 1, workflow_id: "child".to_owned(), ..Default::default() };
    Variant::StartChildWorkflowExecution(child)
}

fn signal_child() -> Variant {
    let target = signal_external_workflow_execution::Target::ChildWorkflowId("child".to_owned());
    Variant::SignalExternalWorkflowExecution(SignalExternalWorkflowExecution {
        seq: 1,
        signal_name: "signal".to_owned(),
        target: Some(target),
        ..Default::default()
    })
}

fn nexus_operation() -> Variant {
    Variant::ScheduleNexusOperation(ScheduleNexusOperation { seq: 1, ..Default::default() })
}

/// Each kind of command, begun with `None`: the match has no default, so that a new kind does not compile until it
/// stands here.
fn after(command: Option<&Variant>) -> Option<Variant> {
    let cancellation = ActivityCancellationType::TryCancel;
    Some(match command {
        None => start_timer(1),
        Some(Variant::StartTimer(_)) => cancel_timer(1),
        Some(Variant::CancelTimer(_)) => schedule_activity(1, cancellation),
        Some(Variant::ScheduleActivity(_)) => cancel_activity(1),
        Some(Variant::RequestCancelActivity(_)) => schedule_local_activity(1, cancellation),
        Some(Variant::ScheduleLocalActivity(_)) => cancel_local_activity(1),
        Some(Variant::RequestCancelLocalActivity(_)) => child(),
        Some(Variant::StartChildWorkflowExecution(_)) => {
            let cancel = CancelChildWorkflowExecution { child_workflow_seq: 1, ..Default::default() };
            Variant::CancelChildWorkflowExecution(cancel)
        }
        Some(Variant::CancelChildWorkflowExecution(_)) => signal_child(),
        Some(Variant::SignalExternalWorkflowExecution(_)) => {
            Variant::CancelSignalWorkflow(CancelSignalWorkflow { seq: 1 })
        }
        Some(Variant::CancelSignalWorkflow(_)) => {
            let workflow_execution = Some(NamespacedWorkflowExecution::default());
            let request = RequestCancelExternalWorkflowExecution { seq: 1, workflow_execution, ..Default::default() };
            Variant::RequestCancelExternalWorkflowExecution(request)
        }
        Some(Variant::RequestCancelExternalWorkflowExecution(_)) => nexus_operation(),
        Some(Variant::ScheduleNexusOperation(_)) => {
            Variant::RequestCancelNexusOperation(RequestCancelNexusOperation { seq: 1 })
        }
        Some(Variant::RequestCancelNexusOperation(_)) => set_patch("patch", false),
        Some(Variant::SetPatchMarker(_)) => upsert("attribute"),
        Some(Variant::UpsertWorkflowSearchAttributes(_)) => {
            let upserted_memo = Some(Memo { fields: [("key".to_owned(), "value".into())].into() });
            Variant::ModifyWorkflowProperties(ModifyWorkflowProperties { upserted_memo })
        }
        Some(Variant::ModifyWorkflowProperties(_)) => accept_update("update"),
        Some(Variant::UpdateResponse(_)) => answer_query("query"),
        Some(Variant::RespondToQuery(_)) => continue_as_new(),
        Some(Variant::ContinueAsNewWorkflowExecution(_)) => fail_workflow("no"),
        Some(Variant::FailWorkflowExecution(_)) => Variant::CancelWorkflowExecution(CancelWorkflowExecution::default()),
        Some(Variant::CancelWorkflowExecution(_)) => complete_workflow(),
        Some(Variant::CompleteWorkflowExecution(_)) => return None,
    })
}

/// What must have been sent before a command of this kind.
fn before(command: &Variant) -> Vec<Variant> {
    let cancellation = ActivityCancellationType::TryCancel;
    match command {
        Variant::CancelTimer(_) => vec![start_timer(1)],
        Variant::RequestCancelActivity(_) => vec![schedule_activity(1, cancellation)],
        Variant::RequestCancelLocalActivity(_) => vec![schedule_local_activity(1, cancellation)],
        Variant::CancelChildWorkflowExecution(_) => vec![child()],
        Variant::CancelSignalWorkflow(_) => vec![signal_child()],
        Variant::RequestCancelNexusOperation(_) => vec![nexus_operation()],
        _ => vec![],
    }
}

fn every_command() -> impl Iterator<Item = Variant> {
    std::iter::successors(after(None), |command| after(Some(command)))
}

/// What the service is told of the commands of a first workflow task.
fn told_of(command: Variant) -> String {
    let mut driver = Driver::new(first_task());
    let kind = format!("{command:?}").split('(').next().unwrap_or_default().to_owned();
    driver.complete([before(&command), vec![command]].concat());
    let told = match driver.reports.first() {
        Some(Report::Complete(completion)) => command_types(&completion.commands).join(", "),
        Some(other) => format!("{other:?}"),
        None if driver.activation.is_some() => job_names(driver.activation()).join(", "),
        None => format!("{} local activity", driver.local_activities.len()),
    };
    format!("{kind}: {told}")
}

#[test]
fn every_kind_of_command_is_taken() {
    let told: Vec<_> = every_command().map(told_of).collect();
    assert_eq!(
        told,
        [
            "StartTimer: StartTimer",
            "CancelTimer: ",
            "ScheduleActivity: ScheduleActivityTask",
            "RequestCancelActivity: activity-1",
            "ScheduleLocalActivity: 1 local activity",
            "RequestCancelLocalActivity: local-1",
            "StartChildWorkflowExecution: StartChildWorkflowExecution",
            "CancelChildWorkflowExecution: child-start-1",
            "SignalExternalWorkflowExecution: SignalExternalWorkflowExecution",
            "CancelSignalWorkflow: signal-external-1",
            "RequestCancelExternalWorkflowExecution: RequestCancelExternalWorkflowExecution",
            "ScheduleNexusOperation: ScheduleNexusOperation",
            "RequestCancelNexusOperation: nexus-start-1",
            "SetPatchMarker: RecordMarker, UpsertWorkflowSearchAttributes",
            "UpsertWorkflowSearchAttributes: UpsertWorkflowSearchAttributes",
            "ModifyWorkflowProperties: ModifyWorkflowProperties",
            "UpdateResponse: ProtocolMessage",
            "RespondToQuery: ",
            "ContinueAsNewWorkflowExecution: ContinueAsNewWorkflowExecution",
            "FailWorkflowExecution: FailWorkflowExecution",
            "CancelWorkflowExecution: CancelWorkflowExecution",
            "CompleteWorkflowExecution: CompleteWorkflowExecution",
        ]
    );
}

#[test]
fn an_event_that_is_not_known_fails_the_task_and_not_the_workflow() {
    let mut history = HistoryBuilder::new();
    history.workflow_task();
    history.timer_started("1");
    history.add_unknown(false);
    history.workflow_task_pending();
    // Also where errors of the workflow's code are to fail the workflow.
    let setup = RunSetup { nondeterminism_fails_workflow: true, ..setup() };
    let mut driver = Driver::with_setup(setup, task(&history.whole()));
    driver.complete([start_timer(1)]);
    let [Report::Fail(failure)] = &driver.reports[..] else { panic!("one failed task: {:?}", driver.reports) };
    assert_eq!(failure.cause, WorkflowTaskFailedCause::WorkflowWorkerUnhandledFailure);
    assert!(failure.failure.message.contains("Event type is unspecified!"), "{failure:?}");
    assert!(
        !matches!(&failure.failure.failure_info, Some(FailureInfo::ApplicationFailureInfo(info)) if info.non_retryable)
    );
}
