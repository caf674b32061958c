//! One type for all machines, so that a run can store them side by side.

use temporalio_protos::temporal::api::enums::v1::CommandType;
use temporalio_protos::temporal::api::history::v1::HistoryEvent;

use super::activity::ActivityMachine;
use super::cancel_external::CancelExternalMachine;
use super::cancel_workflow::CancelWorkflowMachine;
use super::child_workflow::ChildWorkflowMachine;
use super::complete_workflow::CompleteWorkflowMachine;
use super::continue_as_new::ContinueAsNewWorkflowMachine;
use super::fail_workflow::FailWorkflowMachine;
use super::local_activity::LocalActivityMachine;
use super::modify_workflow_properties::ModifyWorkflowPropertiesMachine;
use super::nexus_operation::NexusOperationMachine;
use super::patch::PatchMachine;
use super::signal_external::SignalExternalMachine;
use super::timer::TimerMachine;
use super::update::UpdateMachine;
use super::upsert_search_attributes::UpsertSearchAttributesMachine;
use super::workflow_task::WorkflowTaskMachine;
use super::{EventContext, FlagWanted, Machine, Response};
use crate::error::Result;

/// Makes the enum, a `From` for each kind, and the dispatch of [`Machine`].
macro_rules! any_machine {
    ($($kind:ident($machine:ty),)*) => {
        /// Any machine.
        #[derive(Clone, Debug)]
        #[allow(clippy::large_enum_variant)]
        pub enum AnyMachine {
            $(#[doc = concat!("A [`", stringify!($machine), "`].")] $kind($machine),)*
        }

        $(impl From<$machine> for AnyMachine {
            fn from(machine: $machine) -> Self {
                Self::$kind(machine)
            }
        })*

        impl Machine for AnyMachine {
            fn name(&self) -> &'static str {
                match self { $(Self::$kind(machine) => machine.name(),)* }
            }

            fn handle_command_prepared(&mut self, command: CommandType) -> Result<Vec<Response>> {
                match self { $(Self::$kind(machine) => machine.handle_command_prepared(command),)* }
            }

            fn wants_flag(&self, event: &HistoryEvent, last_task_in_history: bool) -> Option<FlagWanted> {
                match self { $(Self::$kind(machine) => machine.wants_flag(event, last_task_in_history),)* }
            }

            fn handle_event(&mut self, event: HistoryEvent, context: EventContext) -> Result<Vec<Response>> {
                match self { $(Self::$kind(machine) => machine.handle_event(event, context),)* }
            }

            fn is_final(&self) -> bool {
                match self { $(Self::$kind(machine) => machine.is_final(),)* }
            }

            fn was_cancelled_before_sent(&self) -> bool {
                match self { $(Self::$kind(machine) => machine.was_cancelled_before_sent(),)* }
            }
        }
    };
}

any_machine! {
    Activity(ActivityMachine),
    CancelExternal(CancelExternalMachine),
    CancelWorkflow(CancelWorkflowMachine),
    ChildWorkflow(ChildWorkflowMachine),
    CompleteWorkflow(CompleteWorkflowMachine),
    ContinueAsNew(ContinueAsNewWorkflowMachine),
    FailWorkflow(FailWorkflowMachine),
    LocalActivity(LocalActivityMachine),
    ModifyWorkflowProperties(ModifyWorkflowPropertiesMachine),
    NexusOperation(NexusOperationMachine),
    Patch(PatchMachine),
    SignalExternal(SignalExternalMachine),
    Timer(TimerMachine),
    Update(UpdateMachine),
    UpsertSearchAttributes(UpsertSearchAttributesMachine),
    WorkflowTask(WorkflowTaskMachine),
}
