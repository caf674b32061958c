//! Taking up what lang's workflow code wants (spec 2).

use temporalio_protos::coresdk::common::VersioningIntent;
use temporalio_protos::coresdk::workflow_commands::workflow_command::Variant;
use temporalio_protos::coresdk::workflow_commands::{
    ContinueAsNewWorkflowExecution, RequestCancelExternalWorkflowExecution, ScheduleActivity, ScheduleNexusOperation,
    SignalExternalWorkflowExecution, StartChildWorkflowExecution, StartTimer, UpsertWorkflowSearchAttributes,
    WorkflowCommand,
};

use temporalio_protos::temporal::api::common::v1::SearchAttributes;

use super::machine_store::{CommandId, MachineKey};
use super::{Execution, Lifetime};
use crate::error::{Result, RunError};
use crate::flags::CoreFlag;
use crate::machines::activity::ActivityMachine;
use crate::machines::any::AnyMachine;
use crate::machines::cancel_external::CancelExternalMachine;
use crate::machines::cancel_workflow::CancelWorkflowMachine;
use crate::machines::child_workflow::ChildWorkflowMachine;
use crate::machines::complete_workflow::CompleteWorkflowMachine;
use crate::machines::continue_as_new::ContinueAsNewWorkflowMachine;
use crate::machines::fail_workflow::FailWorkflowMachine;
use crate::machines::markers::direct_change_version_warning;
use crate::machines::modify_workflow_properties::ModifyWorkflowPropertiesMachine;
use crate::machines::nexus_operation::NexusOperationMachine;
use crate::machines::signal_external::SignalExternalMachine;
use crate::machines::timer::TimerMachine;
use crate::machines::upsert_search_attributes::{UpsertSearchAttributesMachine, writes_change_version};
use crate::machines::{Annotations, NewCommand};
use crate::output::Observation;

/// Asks the machine that lang names to cancel, and carries out what it answers.
macro_rules! cancel {
    ($execution:expr, $id:expr, $kind:ident $(, $argument:expr)*) => {{
        let (execution, id) = ($execution, $id);
        let key = execution.machines.of_id(id)?;
        let AnyMachine::$kind(machine) = execution.machines.get_mut(key) else {
            return Err(wrong_kind(concat!(stringify!($kind), "Machine"), id));
        };
        let responses = machine.cancel($($argument),*)?;
        execution.commands.note_cancel();
        execution.handle_responses(key, responses)
    }};
}

impl Execution {
    /// Lang's answer to an activation: takes its commands up, then lets known local activity results follow (spec
    /// 1.8.3).
    pub(in crate::run) fn take_commands(&mut self, commands: Vec<WorkflowCommand>) -> Result<()> {
        commands.into_iter().try_for_each(|command| self.take_command(command))?;
        self.apply_anticipated_resolutions(false)?;
        self.release_held_resolutions_if_idle()?;
        self.prepare_commands()?;
        self.observe_end();
        self.local_activities.activation_completed();
        self.apply_deferred_resolutions()
    }

    fn take_command(&mut self, command: WorkflowCommand) -> Result<()> {
        let annotations =
            Annotations { user_metadata: command.user_metadata, event_group_markers: command.event_group_markers };
        match command.variant.expect("checked when lang's completion was taken") {
            Variant::StartTimer(start) => self.start_timer(start, annotations),
            Variant::CancelTimer(cancel) => return cancel!(self, CommandId::Timer(cancel.seq), Timer, annotations),
            Variant::ScheduleActivity(schedule) => self.schedule_activity(schedule, annotations),
            Variant::RequestCancelActivity(cancel) => {
                return cancel!(self, CommandId::Activity(cancel.seq), Activity, annotations);
            }
            Variant::CompleteWorkflowExecution(complete) => {
                self.end(CompleteWorkflowMachine::new(complete, annotations))
            }
            Variant::FailWorkflowExecution(fail) => self.end(FailWorkflowMachine::new(fail, annotations)),
            Variant::CancelWorkflowExecution(cancel) => self.end(CancelWorkflowMachine::new(cancel, annotations)),
            Variant::ContinueAsNewWorkflowExecution(command) => self.continue_as_new(command, annotations),
            Variant::UpsertWorkflowSearchAttributes(upsert) => self.upsert_search_attributes(upsert, annotations),
            Variant::ModifyWorkflowProperties(modify) => {
                self.add(None, ModifyWorkflowPropertiesMachine::new(modify, annotations));
            }
            Variant::StartChildWorkflowExecution(start) => self.start_child(start, annotations),
            Variant::CancelChildWorkflowExecution(cancel) => {
                let id = CommandId::ChildWorkflowStart(cancel.child_workflow_seq);
                return cancel!(self, id, ChildWorkflow, cancel.reason, annotations);
            }
            Variant::SignalExternalWorkflowExecution(signal) => return self.signal_external(signal, annotations),
            Variant::CancelSignalWorkflow(cancel) => {
                return cancel!(self, CommandId::SignalExternal(cancel.seq), SignalExternal);
            }
            Variant::RequestCancelExternalWorkflowExecution(request) => {
                return self.cancel_external(request, annotations);
            }
            Variant::SetPatchMarker(patch) => return self.set_patch(patch, annotations),
            Variant::ScheduleLocalActivity(schedule) => return self.schedule_local_activity(schedule, annotations),
            Variant::RequestCancelLocalActivity(cancel) => {
                let activation_index = self.local_activities.activation_index();
                return cancel!(self, CommandId::LocalActivity(cancel.seq), LocalActivity, activation_index);
            }
            Variant::UpdateResponse(answer) => return self.answer_update(answer),
            Variant::ScheduleNexusOperation(schedule) => self.schedule_nexus_operation(schedule, annotations),
            Variant::RequestCancelNexusOperation(cancel) => {
                return cancel!(self, CommandId::NexusOperation(cancel.seq), NexusOperation, annotations);
            }
            Variant::RespondToQuery(_) => {
                return Err(RunError::fatal("A query's answer reached the workflow's state. This is a Core SDK bug."));
            }
        }
        Ok(())
    }

    fn start_timer(&mut self, start: StartTimer, annotations: Annotations) {
        self.add(Some(CommandId::Timer(start.seq)), TimerMachine::new(start, annotations));
    }

    fn schedule_activity(&mut self, schedule: ScheduleActivity, annotations: Annotations) {
        let id = CommandId::Activity(schedule.seq);
        let stays_compatible = self.stays_compatible(schedule.versioning_intent(), &schedule.task_queue);
        self.add(Some(id), ActivityMachine::new(schedule, stays_compatible, annotations));
    }

    fn start_child(&mut self, start: StartChildWorkflowExecution, annotations: Annotations) {
        let id = CommandId::ChildWorkflowStart(start.seq);
        let stays_compatible = self.stays_compatible(start.versioning_intent(), &start.task_queue);
        self.add(Some(id), ChildWorkflowMachine::new(start, stays_compatible, annotations));
    }

    fn signal_external(&mut self, signal: SignalExternalWorkflowExecution, annotations: Annotations) -> Result<()> {
        let id = CommandId::SignalExternal(signal.seq);
        self.add(Some(id), SignalExternalMachine::new(signal, &self.setup.namespace, annotations)?);
        Ok(())
    }

    fn cancel_external(
        &mut self,
        request: RequestCancelExternalWorkflowExecution,
        annotations: Annotations,
    ) -> Result<()> {
        let id = CommandId::CancelExternal(request.seq);
        self.add(Some(id), CancelExternalMachine::new(request, &self.identity.run_id, annotations)?);
        Ok(())
    }

    fn schedule_nexus_operation(&mut self, schedule: ScheduleNexusOperation, annotations: Annotations) {
        let id = CommandId::NexusOperation(schedule.seq);
        self.add(Some(id), NexusOperationMachine::new(schedule, annotations));
    }

    fn continue_as_new(&mut self, mut command: ContinueAsNewWorkflowExecution, annotations: Annotations) {
        self.inheritance.fill_in(&mut command);
        let stays_compatible = self.stays_compatible(command.versioning_intent(), &command.task_queue);
        self.end(ContinueAsNewWorkflowMachine::new(command, stays_compatible, annotations));
    }

    /// Lang may not write the attribute that Core keeps for patches: the command stays, for the sake of older
    /// histories, but empty (spec 2.9.1).
    fn upsert_search_attributes(&mut self, upsert: UpsertWorkflowSearchAttributes, annotations: Annotations) {
        self.inheritance.upsert(upsert.search_attributes.as_ref());
        let mut attributes = upsert.search_attributes.unwrap_or_default();
        let flag = CoreFlag::UpsertSearchAttributeOnPatch as u32;
        if writes_change_version(&attributes) && self.flags.try_use(flag, !self.progress.replaying) {
            self.warn(direct_change_version_warning());
            attributes = SearchAttributes::default();
        }
        self.add(None, UpsertSearchAttributesMachine::new(attributes, annotations));
    }

    /// Keeps a machine and queues its command; `id` is lang's name for it, if it has one.
    pub(super) fn add<M: Into<AnyMachine>>(
        &mut self,
        id: Option<CommandId>,
        (machine, command): (M, NewCommand),
    ) -> MachineKey {
        let key = self.machines.insert(machine);
        if let Some(id) = id {
            self.machines.name_by_id(id, key);
        }
        self.commands.push(command, key);
        key
    }

    /// A terminal command; local activities do not matter any more (spec 2.3.11).
    fn end<M: Into<AnyMachine>>(&mut self, terminal: (M, NewCommand)) {
        self.add(None, terminal);
        self.lifetime.ended = Some(self.now.wall);
        self.local_activities.abandon_all();
    }

    /// The end-to-end latency is told with every completion once the workflow has ended (spec 2.7.3).
    fn observe_end(&mut self) {
        let Lifetime { started: Some(started), ended: Some(ended) } = self.lifetime else { return };
        if ended >= started {
            self.observations.push(Observation::EndToEndLatency(ended.since(started)));
        }
    }

    /// The target keeps to the version of this workflow (spec 8.5). An empty task queue means the worker's own.
    pub(super) fn stays_compatible(&self, intent: VersioningIntent, task_queue: &str) -> bool {
        match intent {
            VersioningIntent::Compatible => true,
            VersioningIntent::Default => false,
            VersioningIntent::Unspecified => task_queue.is_empty() || task_queue == self.setup.task_queue,
        }
    }

    pub(super) fn warn(&mut self, message: impl Into<String>) {
        self.observations.push(Observation::Warning(message.into()));
    }
}

fn wrong_kind(expected: &str, id: CommandId) -> RunError {
    RunError::nondeterminism(format!(
        "Machine was not a {expected} when it should have been during cancellation: {id:?}"
    ))
}
