//! What a completed workflow task tells the service (spec 1.8.5).

use temporalio_protos::temporal::api::command::v1::Command;
use temporalio_protos::temporal::api::protocol::v1::Message;
use temporalio_protos::temporal::api::sdk::v1::WorkflowTaskCompletedMetadata;

use super::Execution;
use super::deployment::computed_version;

/// Everything that the execution has to say.
#[derive(Debug)]
pub(in crate::run) struct TaskOutput {
    pub(in crate::run) commands: Vec<Command>,
    pub(in crate::run) messages: Vec<Message>,
    pub(in crate::run) sdk_metadata: WorkflowTaskCompletedMetadata,
}

impl Execution {
    /// Takes what goes out. Commands stay queued until their events come (spec 1.6.1).
    pub(in crate::run) fn take_output(&mut self) -> TaskOutput {
        self.flags.record_all_known();
        let commands: Vec<_> = self.commands.unfinished(&self.machines).cloned().collect();
        // A query that comes before new history must see this worker's version as the one that completed the task.
        self.deployment_version = computed_version(&self.setup);
        let sdk_metadata = self.flags.take_unrecorded(&self.setup.sdk_name, &self.setup.sdk_version);
        self.local_activities.task_reported();
        TaskOutput { messages: self.messages.take_outgoing(&commands), commands, sdk_metadata }
    }

    /// Commands or messages wait to go out.
    pub(in crate::run) fn has_output(&self) -> bool {
        self.messages.has_outgoing() || self.commands.unfinished(&self.machines).next().is_some()
    }

    /// A local activity's resolution waits for lang.
    pub(in crate::run) fn has_pending_resolution(&self) -> bool {
        self.jobs.resolve_local_activity()
    }
}
