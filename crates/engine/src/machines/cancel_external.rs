//! A request to cancel another workflow: of lang's, or of Core's own for a child (spec 2.6, 2.4.5).

use temporalio_protos::coresdk::workflow_activation::ResolveRequestCancelExternalWorkflow;
use temporalio_protos::coresdk::workflow_commands::RequestCancelExternalWorkflowExecution;
use temporalio_protos::temporal::api::command::v1::{
    RequestCancelExternalWorkflowExecutionCommandAttributes as CommandAttributes, command,
};
use temporalio_protos::temporal::api::enums::v1::{
    CancelExternalWorkflowExecutionFailedCause as FailedCause, CommandType, EventType,
};
use temporalio_protos::temporal::api::failure::v1::failure::FailureInfo;
use temporalio_protos::temporal::api::failure::v1::{ApplicationFailureInfo, Failure};
use temporalio_protos::temporal::api::history::v1::HistoryEvent;

use super::position::{EventInfo, Position, attributes_of};
use super::table::{Table, transitions};
use super::{Annotations, CoreCommand, EventContext, Machine, NewCommand, Response};
use crate::error::{Result, RunError};

#[cfg(test)]
mod tests;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    RequestCancelExternalCommandCreated,
    RequestCancelExternalCommandRecorded,
    CancelRequested,
    RequestCancelFailed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Input {
    Prepared,
    Initiated,
    Requested,
    Failed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    Nothing,
    Resolve,
    ResolveFailed,
}

static TABLE: Table<State, Input, Action> = transitions! {
    RequestCancelExternalCommandCreated {
        Prepared => Nothing, RequestCancelExternalCommandCreated;
        Initiated => Nothing, RequestCancelExternalCommandRecorded;
    }
    RequestCancelExternalCommandRecorded {
        Requested => Resolve, CancelRequested;
        Failed => ResolveFailed, RequestCancelFailed;
    }
};

/// A request to cancel another workflow.
#[derive(Clone, Debug)]
pub struct CancelExternalMachine {
    position: Position<State, Input, Action>,
    seq: u32,
}

impl CancelExternalMachine {
    /// The machine and command of lang's request; `run_id` is the requesting workflow's.
    ///
    /// # Errors
    /// Fatal if lang named no workflow.
    pub fn new(
        request: RequestCancelExternalWorkflowExecution,
        run_id: &str,
        annotations: Annotations,
    ) -> Result<(Self, NewCommand)> {
        let target = request
            .workflow_execution
            .ok_or_else(|| RunError::fatal("Cancel external workflow command had no workflow_execution field"))?;
        #[allow(deprecated)]
        let attributes = CommandAttributes {
            namespace: target.namespace,
            workflow_id: target.workflow_id,
            run_id: target.run_id,
            reason: format!("Cancel requested by workflow with run id {run_id} with reason: {}", request.reason),
            ..Default::default()
        };
        Ok(Self::with_attributes(request.seq, attributes, annotations))
    }

    /// The machine and command by which Core cancels a child. Its jobs are not for lang: the run drops them (spec
    /// 2.0.1).
    pub fn new_for_core(command: CoreCommand) -> (Self, NewCommand) {
        let CoreCommand::CancelChild { namespace, workflow_id, run_id, reason, annotations } = command;
        #[allow(deprecated)]
        let attributes = CommandAttributes {
            namespace,
            workflow_id,
            run_id,
            reason,
            child_workflow_only: true,
            ..Default::default()
        };
        Self::with_attributes(0, attributes, annotations)
    }

    fn with_attributes(seq: u32, attributes: CommandAttributes, annotations: Annotations) -> (Self, NewCommand) {
        let position = Position::new("CancelExternalMachine", TABLE, State::RequestCancelExternalCommandCreated);
        let attributes = command::Attributes::RequestCancelExternalWorkflowExecutionCommandAttributes(attributes);
        (Self { position, seq }, NewCommand { attributes, annotations })
    }

    fn resolve(&self, failure: Option<Failure>, cause: FailedCause) -> Response {
        Response::job(ResolveRequestCancelExternalWorkflow { seq: self.seq, failure, cause: cause as i32 })
    }
}

impl Machine for CancelExternalMachine {
    fn name(&self) -> &'static str {
        self.position.machine()
    }

    fn handle_command_prepared(&mut self, command: CommandType) -> Result<Vec<Response>> {
        let input = (command == CommandType::RequestCancelExternalWorkflowExecution).then_some(Input::Prepared);
        self.position.on_command(input, command)?;
        Ok(vec![])
    }

    fn handle_event(&mut self, event: HistoryEvent, _context: EventContext) -> Result<Vec<Response>> {
        let info = EventInfo::of(&event);
        let input = match info.event_type {
            EventType::RequestCancelExternalWorkflowExecutionInitiated => Input::Initiated,
            EventType::ExternalWorkflowExecutionCancelRequested => Input::Requested,
            EventType::RequestCancelExternalWorkflowExecutionFailed => Input::Failed,
            _ => {
                let text = format!("Cancel external WF machine does not handle this event: {info}");
                return Err(RunError::nondeterminism(text));
            }
        };
        Ok(match self.position.on_event(input, info)? {
            Action::Nothing => vec![],
            Action::Resolve => vec![self.resolve(None, FailedCause::Unspecified)],
            Action::ResolveFailed => {
                let failed = attributes_of!(event, RequestCancelExternalWorkflowExecutionFailedEventAttributes)
                    .ok_or_else(|| RunError::fatal(format!("Cancelworkflow failed attributes were unset: {info}")))?;
                vec![self.resolve(Some(failed_failure(failed.cause())), failed.cause())]
            }
        })
    }

    fn is_final(&self) -> bool {
        self.position.is_final()
    }
}

fn failed_failure(cause: FailedCause) -> Failure {
    let reason = match cause {
        FailedCause::Unspecified => "unknown",
        FailedCause::ExternalWorkflowExecutionNotFound | FailedCause::NamespaceNotFound => "not found",
    };
    Failure {
        message: format!("Unable to cancel external workflow because {reason}"),
        failure_info: Some(FailureInfo::ApplicationFailureInfo(ApplicationFailureInfo {
            r#type: cause.to_string(),
            ..Default::default()
        })),
        ..Default::default()
    }
}
