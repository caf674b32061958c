//! The state machines: one file per command kind, each with its transition table on top.
//!
//! A machine knows nothing of the run around it. It is told of its command (`handle_command_prepared`), of history
//! events (`handle_event`) and of lang's cancel requests (each machine's own `cancel`), and answers with [`Response`]s.

pub mod activity;
pub mod any;
pub mod cancel_external;
pub mod cancel_workflow;
pub mod child_workflow;
pub mod complete_workflow;
pub mod continue_as_new;
pub mod fail_workflow;
pub mod local_activity;
pub mod markers;
pub mod modify_workflow_properties;
pub mod nexus_operation;
pub mod patch;
mod position;
pub mod signal_external;
pub mod table;
pub mod timer;
pub mod update;
pub mod upsert_search_attributes;
pub mod workflow_task;

#[cfg(test)]
mod all_pairs;

use temporalio_protos::coresdk::workflow_activation::workflow_activation_job;
use temporalio_protos::temporal::api::command::v1::command;
use temporalio_protos::temporal::api::enums::v1::CommandType;
use temporalio_protos::temporal::api::history::v1::HistoryEvent;
use temporalio_protos::temporal::api::protocol::v1::Message;
use temporalio_protos::temporal::api::sdk::v1::{EventGroupMarker, UserMetadata};

use crate::error::Result;

/// Facts of the moment at which an event is applied.
#[derive(Clone, Copy, Debug)]
pub struct EventContext {
    /// The current workflow task is being replayed.
    pub replaying: bool,
    /// The workflow task being applied is the last one in history (`should_record` of spec 1.14.3, 2.0.5).
    pub last_task_in_history: bool,
    /// The flag that [`Machine::wants_flag`] named may be used: run the id and type checks.
    pub determinism_checks: bool,
}

/// A Core flag on which a machine's checks hang, wanted for one event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlagWanted {
    /// Number of the flag (spec 1.14.1).
    pub flag: u32,
    /// `should_record` of spec 1.14.3.
    pub should_record: bool,
}

/// Core flag 1, `ID_AND_TYPE_DETERMINISM_CHECKS`.
pub const ID_AND_TYPE_DETERMINISM_CHECKS: u32 = 1;
/// Core flag 4, `NEXUS_OPERATION_DETERMINISM_CHECKS`.
pub const NEXUS_OPERATION_DETERMINISM_CHECKS: u32 = 4;

/// User metadata and event group markers of a command (spec 2.0.2).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Annotations {
    /// Summary and details.
    pub user_metadata: Option<UserMetadata>,
    /// Event group markers.
    pub event_group_markers: Vec<EventGroupMarker>,
}

impl Annotations {
    /// Lays those of a cancel request over those of the command that it cancels: what the request sets wins, the rest
    /// stays.
    pub fn override_with(&mut self, later: Self) {
        if let Some(UserMetadata { summary, details }) = later.user_metadata {
            let metadata = self.user_metadata.get_or_insert_default();
            metadata.summary = summary.or(metadata.summary.take());
            metadata.details = details.or(metadata.details.take());
        }
        if !later.event_group_markers.is_empty() {
            self.event_group_markers = later.event_group_markers;
        }
    }
}

/// A command to be sent to the service, from the machine that issues it.
#[derive(Clone, Debug, PartialEq)]
pub struct NewCommand {
    /// What to do.
    pub attributes: command::Attributes,
    /// Metadata that goes onto the command.
    pub annotations: Annotations,
}

/// What a machine asks of the run.
#[derive(Clone, Debug, PartialEq)]
pub enum Response {
    /// A job for lang's next activation.
    Job(workflow_activation_job::Variant),
    /// The resolution of a local activity: a job with a place of its own in the order (spec 1.7.2).
    LocalActivityJob(workflow_activation_job::Variant),
    /// One more command of this machine (a cancel request), queued behind those already there.
    Command(NewCommand),
    /// A command that Core itself wants, with a machine of its own that never talks to lang (spec 2.0.1).
    CoreCommand(CoreCommand),
    /// A protocol message to the service (updates). Dropped while replaying.
    Message(Message),
    /// The workflow task started: the clock and the task's facts move on (spec 1.5.9, 1.5.12).
    TaskStarted(TaskStarted),
    /// A reset gave the run a new id to seed randomness from (spec 1.5.13).
    UpdateRandomSeed {
        /// `new_run_id` of the failed workflow task.
        run_id: String,
    },
    /// Execute this local activity.
    ScheduleLocalActivity {
        /// Lang's sequence number; the machine holds the request itself.
        seq: u32,
    },
    /// Ask the local activity's executor to cancel it.
    CancelLocalActivity {
        /// Lang's sequence number.
        seq: u32,
    },
    /// The local activity no longer counts as outstanding though no result came (ABANDON).
    AbandonLocalActivity {
        /// Lang's sequence number.
        seq: u32,
    },
    /// Workflow time moves forward to this (never back).
    AdvanceClock(prost_types::Timestamp),
}

impl Response {
    /// A job for lang's next activation.
    pub(crate) fn job(job: impl Into<workflow_activation_job::Variant>) -> Self {
        Self::Job(job.into())
    }
}

/// Commands that Core originates.
#[derive(Clone, Debug, PartialEq)]
pub enum CoreCommand {
    /// Cancel a child: RequestCancelExternalWorkflowExecution with `child_workflow_only` (spec 2.4.5).
    CancelChild {
        /// Namespace of the child.
        namespace: String,
        /// Workflow id of the child.
        workflow_id: String,
        /// Run id of the child, empty while it is not known.
        run_id: String,
        /// Given by lang.
        reason: String,
        /// Those of the child's start, overridden by those of its cancel request.
        annotations: Annotations,
    },
}

/// What a concluding WorkflowTaskStarted event says.
#[derive(Clone, Debug, PartialEq)]
pub struct TaskStarted {
    /// Id of the WorkflowTaskStarted event.
    pub event_id: i64,
    /// Its time.
    pub time: prost_types::Timestamp,
}

/// A state machine of one command (or one stateful event family).
pub trait Machine {
    /// The field's name of the machine, as it stands in error texts, e.g. "TimerMachine".
    fn name(&self) -> &'static str;

    /// The run took the machine's pending command up into the outgoing list.
    ///
    /// # Errors
    /// Nondeterminism if the machine has no such command to give.
    fn handle_command_prepared(&mut self, command: CommandType) -> Result<Vec<Response>>;

    /// The flag that must be tried before `event` is handled, with what comes of it in
    /// [`EventContext::determinism_checks`].
    fn wants_flag(&self, _event: &HistoryEvent, _last_task_in_history: bool) -> Option<FlagWanted> {
        None
    }

    /// An event that concerns this machine. Taken by value: its payloads move into the jobs.
    ///
    /// # Errors
    /// Nondeterminism if the machine never takes this type of event or the event contradicts the command; Fatal if it
    /// takes the type but not in this state (spec 1.6.3).
    fn handle_event(&mut self, event: HistoryEvent, context: EventContext) -> Result<Vec<Response>>;

    /// No transition leads out of the state (spec 1.6.5).
    fn is_final(&self) -> bool;

    /// The command was cancelled before the service saw it and must vanish (spec 1.6.2).
    fn was_cancelled_before_sent(&self) -> bool {
        false
    }
}
