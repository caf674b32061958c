//! Spec 2.5, 17(12): every pair of state and input, and what a signal tells lang.

use temporalio_protos::coresdk::workflow_activation::workflow_activation_job::Variant;
use temporalio_protos::temporal::api::history::v1::SignalExternalWorkflowExecutionFailedEventAttributes;
use temporalio_protos::temporal::api::history::v1::history_event::Attributes;

use super::*;
use crate::machines::all_pairs::{self, INVALID_CANCEL, REPLAY, Via, event};

const STATES: [State; 5] = [
    State::SignalExternalCommandCreated,
    State::SignalExternalCommandRecorded,
    State::Signaled,
    State::Failed,
    State::Cancelled,
];

fn at(state: State) -> SignalExternalMachine {
    SignalExternalMachine { position: Position::new("SignalExternalMachine", TABLE, state), seq: 4 }
}

fn signaled() -> HistoryEvent {
    event(Attributes::ExternalWorkflowExecutionSignaledEventAttributes(Default::default()))
}

fn failed(cause: FailedCause) -> HistoryEvent {
    event(Attributes::SignalExternalWorkflowExecutionFailedEventAttributes(
        SignalExternalWorkflowExecutionFailedEventAttributes { cause: cause as i32, ..Default::default() },
    ))
}

fn resolved(outcome: Result<Vec<Response>>) -> ResolveSignalExternalWorkflow {
    match outcome.expect("the machine takes this").pop() {
        Some(Response::Job(Variant::ResolveSignalExternalWorkflow(resolve))) => resolve,
        other => panic!("not a resolution: {other:?}"),
    }
}

fn command_to(target: Target) -> SignalExternalWorkflowExecutionCommandAttributes {
    let signal = SignalExternalWorkflowExecution { seq: 4, target: Some(target), ..Default::default() };
    let (_, command) = SignalExternalMachine::new(signal, "home", Annotations::default()).expect("it has a target");
    match command.attributes {
        command::Attributes::SignalExternalWorkflowExecutionCommandAttributes(attributes) => attributes,
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_pair_of_state_and_input() {
    let initiated = event(Attributes::SignalExternalWorkflowExecutionInitiatedEventAttributes(Default::default()));
    let inputs = [
        (Input::Prepared, Via::Command(CommandType::SignalExternalWorkflowExecution)),
        (Input::Initiated, Via::event(initiated)),
        (Input::Signaled, Via::event(signaled())),
        (Input::Failed, Via::event(failed(FailedCause::NamespaceNotFound))),
        (Input::Cancel, Via::Call(SignalExternalMachine::cancel, INVALID_CANCEL)),
    ];
    all_pairs::check(TABLE, &STATES, at, &inputs);
}

#[test]
fn takes_no_foreign_events() {
    let text = "Signal external WF machine does not handle this event: HistoryEvent(id: 7, TimerFired)";
    all_pairs::check_foreign(&mut at(State::Signaled), EventType::TimerFired, text);
}

#[test]
#[allow(deprecated)]
fn a_child_lives_in_the_namespace_of_its_parent() {
    let command = command_to(Target::ChildWorkflowId("child".to_owned()));
    assert_eq!((command.namespace.as_str(), command.child_workflow_only), ("home", true));
    let execution = WorkflowExecution { workflow_id: "child".to_owned(), run_id: String::new() };
    assert_eq!(command.execution, Some(execution));
    assert_eq!((command.header, command.input), (None, None), "nothing empty is sent");
}

#[test]
#[allow(deprecated)]
fn any_other_workflow_is_named_in_full() {
    let command = command_to(Target::WorkflowExecution(NamespacedWorkflowExecution {
        namespace: "away".to_owned(),
        workflow_id: "workflow".to_owned(),
        run_id: "run".to_owned(),
    }));
    assert_eq!((command.namespace.as_str(), command.child_workflow_only), ("away", false));
    let execution = WorkflowExecution { workflow_id: "workflow".to_owned(), run_id: "run".to_owned() };
    assert_eq!(command.execution, Some(execution));
}

#[test]
fn without_target_lang_is_wrong() {
    let refused = SignalExternalMachine::new(Default::default(), "home", Annotations::default());
    let error = RunError::fatal("Signal external workflow command had empty target field");
    assert_eq!(refused.map(|_| ()), Err(error));
}

#[test]
fn a_cancel_before_sending_vanishes_and_resolves() {
    let mut machine = at(State::SignalExternalCommandCreated);
    let resolve = resolved(machine.cancel());
    let failure = resolve.failure.expect("it failed");
    assert_eq!(failure.message, "Signal was cancelled before being sent");
    assert!(matches!(failure.failure_info, Some(FailureInfo::CanceledFailureInfo(_))));
    assert!(machine.was_cancelled_before_sent());
}

#[test]
fn a_cancel_after_sending_does_nothing() {
    let mut machine = at(State::SignalExternalCommandRecorded);
    assert_eq!(machine.cancel(), Ok(vec![]));
    assert!(!machine.was_cancelled_before_sent());
    let resolve = resolved(machine.handle_event(signaled(), REPLAY));
    assert_eq!(resolve, ResolveSignalExternalWorkflow { seq: 4, failure: None, cause: 0 });
}

#[test]
fn a_failure_names_its_cause() {
    let cases = [
        (FailedCause::Unspecified, "unknown", "Unspecified"),
        (FailedCause::ExternalWorkflowExecutionNotFound, "it was not found", "ExternalWorkflowExecutionNotFound"),
        (FailedCause::NamespaceNotFound, "it was not found", "NamespaceNotFound"),
        (
            FailedCause::SignalCountLimitExceeded,
            "The per-workflow signal limit was exceeded",
            "SignalCountLimitExceeded",
        ),
    ];
    for (cause, reason, name) in cases {
        let resolve = resolved(at(State::SignalExternalCommandRecorded).handle_event(failed(cause), REPLAY));
        let failure = resolve.failure.expect("it failed");
        assert_eq!(failure.message, format!("Unable to signal external workflow because {reason}"));
        assert_eq!(failure.maybe_application_failure().map(|info| info.r#type.as_str()), Some(name));
        assert_eq!(resolve.cause, cause as i32);
    }
}
