//! A signal to another workflow (spec 2.5).

use temporalio_protos::coresdk::IntoPayloadsExt;
use temporalio_protos::coresdk::common::NamespacedWorkflowExecution;
use temporalio_protos::coresdk::workflow_activation::ResolveSignalExternalWorkflow;
use temporalio_protos::coresdk::workflow_commands::SignalExternalWorkflowExecution;
use temporalio_protos::coresdk::workflow_commands::signal_external_workflow_execution::Target;
use temporalio_protos::temporal::api::command::v1::{SignalExternalWorkflowExecutionCommandAttributes, command};
use temporalio_protos::temporal::api::common::v1::WorkflowExecution;
use temporalio_protos::temporal::api::enums::v1::{
    CommandType, EventType, SignalExternalWorkflowExecutionFailedCause as FailedCause,
};
use temporalio_protos::temporal::api::failure::v1::failure::FailureInfo;
use temporalio_protos::temporal::api::failure::v1::{ApplicationFailureInfo, CanceledFailureInfo, Failure};
use temporalio_protos::temporal::api::history::v1::HistoryEvent;

use super::position::{EventInfo, Position, attributes_of};
use super::table::{Table, transitions};
use super::{Annotations, EventContext, Machine, NewCommand, Response};
use crate::error::{Result, RunError};

#[cfg(test)]
mod tests;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    SignalExternalCommandCreated,
    SignalExternalCommandRecorded,
    Signaled,
    Failed,
    Cancelled,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Input {
    Prepared,
    Initiated,
    Signaled,
    Failed,
    Cancel,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    Nothing,
    Withdraw,
    Resolve,
    ResolveFailed,
}

static TABLE: Table<State, Input, Action> = transitions! {
    SignalExternalCommandCreated {
        Prepared => Nothing, SignalExternalCommandCreated;
        Initiated => Nothing, SignalExternalCommandRecorded;
        Cancel => Withdraw, Cancelled;
    }
    SignalExternalCommandRecorded {
        Cancel => Nothing, SignalExternalCommandRecorded;
        Signaled => Resolve, Signaled;
        Failed => ResolveFailed, Failed;
    }
    Cancelled {
        Cancel => Nothing, Cancelled;
    }
    Signaled {
        Cancel => Nothing, Signaled;
    }
};

/// A signal to another workflow.
#[derive(Clone, Debug)]
pub struct SignalExternalMachine {
    position: Position<State, Input, Action>,
    seq: u32,
}

impl SignalExternalMachine {
    /// The machine and its command. `namespace` is the worker's, in which children live.
    ///
    /// # Errors
    /// Fatal if lang named no target.
    pub fn new(
        signal: SignalExternalWorkflowExecution,
        namespace: &str,
        annotations: Annotations,
    ) -> Result<(Self, NewCommand)> {
        let (target, child_workflow_only) = match signal.target {
            None => return Err(RunError::fatal("Signal external workflow command had empty target field")),
            Some(Target::WorkflowExecution(execution)) => (execution, false),
            Some(Target::ChildWorkflowId(workflow_id)) => {
                let namespace = namespace.to_owned();
                (NamespacedWorkflowExecution { namespace, workflow_id, run_id: String::new() }, true)
            }
        };
        #[allow(deprecated)]
        let attributes = SignalExternalWorkflowExecutionCommandAttributes {
            namespace: target.namespace,
            execution: Some(WorkflowExecution { workflow_id: target.workflow_id, run_id: target.run_id }),
            signal_name: signal.signal_name,
            input: signal.args.into_payloads(),
            header: (!signal.headers.is_empty()).then(|| signal.headers.into()),
            child_workflow_only,
            ..Default::default()
        };
        let attributes = command::Attributes::SignalExternalWorkflowExecutionCommandAttributes(attributes);
        let position = Position::new("SignalExternalMachine", TABLE, State::SignalExternalCommandCreated);
        Ok((Self { position, seq: signal.seq }, NewCommand { attributes, annotations }))
    }

    /// Lang cancels the signal; only one that was not sent can be cancelled (spec 2.5.2).
    ///
    /// # Errors
    /// Nondeterminism if the signal failed.
    pub fn cancel(&mut self) -> Result<Vec<Response>> {
        Ok(match self.position.on_cancel(Input::Cancel)? {
            Action::Withdraw => vec![self.resolve(Some(cancelled_failure()), FailedCause::Unspecified)],
            _ => vec![],
        })
    }

    fn resolve(&self, failure: Option<Failure>, cause: FailedCause) -> Response {
        Response::job(ResolveSignalExternalWorkflow { seq: self.seq, failure, cause: cause as i32 })
    }
}

impl Machine for SignalExternalMachine {
    fn name(&self) -> &'static str {
        self.position.machine()
    }

    fn handle_command_prepared(&mut self, command: CommandType) -> Result<Vec<Response>> {
        let input = (command == CommandType::SignalExternalWorkflowExecution).then_some(Input::Prepared);
        self.position.on_command(input, command)?;
        Ok(vec![])
    }

    fn handle_event(&mut self, event: HistoryEvent, _context: EventContext) -> Result<Vec<Response>> {
        let info = EventInfo::of(&event);
        let input = match info.event_type {
            EventType::SignalExternalWorkflowExecutionInitiated => Input::Initiated,
            EventType::ExternalWorkflowExecutionSignaled => Input::Signaled,
            EventType::SignalExternalWorkflowExecutionFailed => Input::Failed,
            _ => {
                let text = format!("Signal external WF machine does not handle this event: {info}");
                return Err(RunError::nondeterminism(text));
            }
        };
        Ok(match self.position.on_event(input, info)? {
            Action::Resolve => vec![self.resolve(None, FailedCause::Unspecified)],
            Action::ResolveFailed => {
                let failed = attributes_of!(event, SignalExternalWorkflowExecutionFailedEventAttributes)
                    .ok_or_else(|| RunError::fatal(format!("Signal workflow failed attributes were unset: {info}")))?;
                vec![self.resolve(Some(failed_failure(failed.cause())), failed.cause())]
            }
            _ => vec![],
        })
    }

    fn is_final(&self) -> bool {
        self.position.is_final()
    }

    /// A signal that was sent can not be cancelled any more.
    fn was_cancelled_before_sent(&self) -> bool {
        self.position.state() == State::Cancelled
    }
}

fn cancelled_failure() -> Failure {
    Failure {
        message: "Signal was cancelled before being sent".to_owned(),
        failure_info: Some(FailureInfo::CanceledFailureInfo(CanceledFailureInfo::default())),
        ..Default::default()
    }
}

fn failed_failure(cause: FailedCause) -> Failure {
    let reason = match cause {
        FailedCause::Unspecified => "unknown",
        FailedCause::ExternalWorkflowExecutionNotFound | FailedCause::NamespaceNotFound => "it was not found",
        FailedCause::SignalCountLimitExceeded => "The per-workflow signal limit was exceeded",
    };
    Failure {
        message: format!("Unable to signal external workflow because {reason}"),
        failure_info: Some(FailureInfo::ApplicationFailureInfo(ApplicationFailureInfo {
            r#type: cause.to_string(),
            ..Default::default()
        })),
        ..Default::default()
    }
}
