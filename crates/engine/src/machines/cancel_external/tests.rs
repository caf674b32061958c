//! Spec 2.6, 2.4.5, 17(14): every pair of state and input, and what a cancel request tells lang.

use temporalio_protos::coresdk::common::NamespacedWorkflowExecution;
use temporalio_protos::coresdk::workflow_activation::workflow_activation_job::Variant;
use temporalio_protos::temporal::api::history::v1::RequestCancelExternalWorkflowExecutionFailedEventAttributes;
use temporalio_protos::temporal::api::history::v1::history_event::Attributes;

use super::*;
use crate::machines::all_pairs::{self, REPLAY, Via, event};

const STATES: [State; 4] = [
    State::RequestCancelExternalCommandCreated,
    State::RequestCancelExternalCommandRecorded,
    State::CancelRequested,
    State::RequestCancelFailed,
];

fn at(state: State) -> CancelExternalMachine {
    CancelExternalMachine { position: Position::new("CancelExternalMachine", TABLE, state), seq: 4 }
}

fn requested() -> HistoryEvent {
    event(Attributes::ExternalWorkflowExecutionCancelRequestedEventAttributes(Default::default()))
}

fn failed(cause: FailedCause) -> HistoryEvent {
    event(Attributes::RequestCancelExternalWorkflowExecutionFailedEventAttributes(
        RequestCancelExternalWorkflowExecutionFailedEventAttributes { cause: cause as i32, ..Default::default() },
    ))
}

fn resolved(outcome: Result<Vec<Response>>) -> ResolveRequestCancelExternalWorkflow {
    match outcome.expect("the machine takes this").pop() {
        Some(Response::Job(Variant::ResolveRequestCancelExternalWorkflow(resolve))) => resolve,
        other => panic!("not a resolution: {other:?}"),
    }
}

fn attributes(command: NewCommand) -> CommandAttributes {
    match command.attributes {
        command::Attributes::RequestCancelExternalWorkflowExecutionCommandAttributes(attributes) => attributes,
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_pair_of_state_and_input() {
    let initiated =
        event(Attributes::RequestCancelExternalWorkflowExecutionInitiatedEventAttributes(Default::default()));
    let inputs = [
        (Input::Prepared, Via::Command(CommandType::RequestCancelExternalWorkflowExecution)),
        (Input::Initiated, Via::event(initiated)),
        (Input::Requested, Via::event(requested())),
        (Input::Failed, Via::event(failed(FailedCause::NamespaceNotFound))),
    ];
    all_pairs::check(TABLE, &STATES, at, &inputs);
}

#[test]
fn takes_no_foreign_events() {
    let text = "Cancel external WF machine does not handle this event: HistoryEvent(id: 7, TimerFired)";
    all_pairs::check_foreign(&mut at(State::CancelRequested), EventType::TimerFired, text);
}

#[test]
fn the_request_of_lang_says_who_asks() {
    let request = RequestCancelExternalWorkflowExecution {
        seq: 4,
        workflow_execution: Some(NamespacedWorkflowExecution {
            namespace: "away".to_owned(),
            workflow_id: "workflow".to_owned(),
            run_id: "its-run".to_owned(),
        }),
        reason: "enough".to_owned(),
    };
    let (_, command) = CancelExternalMachine::new(request, "my-run", Annotations::default()).expect("it has a target");
    let attributes = attributes(command);
    assert_eq!(attributes.reason, "Cancel requested by workflow with run id my-run with reason: enough");
    assert!(!attributes.child_workflow_only);
}

#[test]
fn without_workflow_lang_is_wrong() {
    let refused = CancelExternalMachine::new(Default::default(), "my-run", Annotations::default());
    let error = RunError::fatal("Cancel external workflow command had no workflow_execution field");
    assert_eq!(refused.map(|_| ()), Err(error));
}

#[test]
fn the_request_of_core_reaches_children_only() {
    let (_, command) = CancelExternalMachine::new_for_core(CoreCommand::CancelChild {
        namespace: "home".to_owned(),
        workflow_id: "child".to_owned(),
        run_id: String::new(),
        reason: "enough".to_owned(),
        annotations: Annotations::default(),
    });
    let attributes = attributes(command);
    assert_eq!(attributes.reason, "enough");
    assert!(attributes.child_workflow_only);
}

#[test]
fn a_request_resolves_without_failure() {
    let resolve = resolved(at(State::RequestCancelExternalCommandRecorded).handle_event(requested(), REPLAY));
    assert_eq!(resolve, ResolveRequestCancelExternalWorkflow { seq: 4, failure: None, cause: 0 });
}

#[test]
fn a_failure_names_its_cause() {
    let cases = [
        (FailedCause::Unspecified, "unknown", "Unspecified"),
        (FailedCause::ExternalWorkflowExecutionNotFound, "not found", "ExternalWorkflowExecutionNotFound"),
        (FailedCause::NamespaceNotFound, "not found", "NamespaceNotFound"),
    ];
    for (cause, reason, name) in cases {
        let resolve = resolved(at(State::RequestCancelExternalCommandRecorded).handle_event(failed(cause), REPLAY));
        let failure = resolve.failure.expect("it failed");
        assert_eq!(failure.message, format!("Unable to cancel external workflow because {reason}"));
        assert_eq!(failure.maybe_application_failure().map(|info| info.r#type.as_str()), Some(name));
        assert_eq!(resolve.cause, cause as i32);
    }
}
