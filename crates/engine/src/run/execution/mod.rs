//! One workflow execution as history and lang's commands have made it so far.
//!
//! Each file beside this one knows one concern: its data type, if it has one, and the part of [`Execution`] that works
//! on it.

mod activation;
mod apply_event;
mod apply_task;
mod clock;
mod command_matching;
mod command_queue;
mod deployment;
mod inheritance;
mod jobs;
mod lang_commands;
mod local_activities;
mod look_ahead;
mod machine_store;
mod messages;
mod patches;
mod random_seed;
mod responses;
mod speculative;
mod task_facts;
mod task_response;

use std::mem;
use std::sync::Arc;

use temporalio_protos::coresdk::common::WorkerDeploymentVersion;
use temporalio_protos::temporal::api::protocol::v1::Message;

pub(super) use self::apply_task::Applied;
use self::clock::Clock;
use self::command_queue::CommandQueue;
use self::inheritance::Inheritance;
use self::jobs::PendingJobs;
use self::local_activities::LocalActivities;
use self::machine_store::MachineStore;
use self::messages::Messages;
use self::patches::Patches;
use self::task_facts::TaskFacts;
use crate::error::Result;
use crate::flags::{CoreFlag, Flags};
use crate::history::HistoryUpdate;
use crate::input::RunSetup;
use crate::output::Observation;
use crate::time::{Now, WallTime};

/// Which workflow this is.
#[derive(Clone, Debug)]
pub(super) struct Identity {
    pub(super) workflow_id: String,
    pub(super) run_id: String,
    pub(super) workflow_type: String,
}

/// A workflow execution.
#[derive(Debug)]
pub(super) struct Execution {
    setup: Arc<RunSetup>,
    identity: Identity,
    /// As of the input being handled.
    now: Now,
    history: HistoryUpdate,
    progress: Progress,
    clock: Clock,
    facts: TaskFacts,
    /// Of the worker that completed, or will complete, the current task.
    deployment_version: Option<WorkerDeploymentVersion>,
    flags: Flags,
    machines: MachineStore,
    commands: CommandQueue,
    jobs: PendingJobs,
    messages: Messages,
    patches: Patches,
    local_activities: LocalActivities,
    inheritance: Inheritance,
    lifetime: Lifetime,
    observations: Vec<Observation>,
}

/// How far history was applied.
#[derive(Debug, Default)]
struct Progress {
    /// The WorkflowTaskStarted event handled last, 0 before the first.
    started_event_id: i64,
    /// The WorkflowTaskStarted event that concludes the sequence being applied.
    concluding_event_id: i64,
    last_event_id: i64,
    replaying: bool,
    /// An event that ends the execution was seen: nothing more is ever applied (spec 1.5.16).
    terminal_event_seen: bool,
}

/// Start and end of the workflow, for its end-to-end latency (spec 2.7.3).
#[derive(Debug, Default)]
struct Lifetime {
    started: Option<WallTime>,
    /// Set when a terminal command of lang's was handled.
    ended: Option<WallTime>,
}

impl Execution {
    pub(super) fn new(setup: Arc<RunSetup>, identity: Identity, now: Now) -> Self {
        Self {
            flags: Flags::new(setup.sdk_metadata),
            setup,
            identity,
            now,
            history: HistoryUpdate::default(),
            progress: Progress::default(),
            clock: Clock::default(),
            facts: TaskFacts::default(),
            deployment_version: None,
            machines: MachineStore::default(),
            commands: CommandQueue::default(),
            jobs: PendingJobs::default(),
            messages: Messages::default(),
            patches: Patches::default(),
            local_activities: LocalActivities::default(),
            inheritance: Inheritance::default(),
            lifetime: Lifetime::default(),
            observations: Vec::new(),
        }
    }

    /// Time moves on with every input.
    pub(super) const fn set_now(&mut self, now: Now) {
        self.now = now;
    }

    /// A new task: its history and messages take the place of the last one's, and its first sequence is applied (spec
    /// 1.5.1).
    pub(super) fn take_task(&mut self, update: HistoryUpdate, messages: Vec<Message>) -> Result<()> {
        if self.messages.has_incoming() {
            self.warn("There are unprocessed protocol messages while receiving new work");
        }
        self.messages.receive(messages)?;
        self.progress.replaying = update.previous_started_event_id() > 0;
        self.history = update;
        self.apply_next_task()?;
        self.local_activities.task_arrived();
        self.apply_deferred_resolutions()
    }

    /// Another page of the current task's history (spec 1.3.8).
    pub(super) fn take_page(&mut self, update: HistoryUpdate) {
        self.history.extend(update);
    }

    /// History is at hand for the next sequence and the look-ahead behind it.
    pub(super) fn can_apply_next_task(&self) -> bool {
        self.progress.terminal_event_seen || self.history.can_take_next_sequence(self.progress.started_event_id)
    }

    /// Lang used these flags in the activation just completed.
    pub(super) fn add_lang_flags(&mut self, flags: Vec<u32>) {
        self.flags.add_lang_used(flags);
    }

    /// History was made by a Core that dropped what followed a terminal command (spec 1.8.2).
    pub(super) fn truncates_after_terminal(&mut self) -> bool {
        self.progress.replaying && !self.flags.try_use(CoreFlag::MoveTerminalCommands as u32, false)
    }

    /// Things that happened and are worth a metric.
    pub(super) fn take_observations(&mut self) -> Vec<Observation> {
        mem::take(&mut self.observations)
    }

    pub(super) const fn identity(&self) -> &Identity {
        &self.identity
    }

    pub(super) fn has_pending_jobs(&self) -> bool {
        !self.jobs.is_empty()
    }

    pub(super) const fn is_replaying(&self) -> bool {
        self.progress.replaying
    }

    pub(super) const fn last_event_id(&self) -> i64 {
        self.progress.last_event_id
    }

    pub(super) const fn started_event_id(&self) -> i64 {
        self.progress.started_event_id
    }

    pub(super) const fn terminal_event_seen(&self) -> bool {
        self.progress.terminal_event_seen
    }

    pub(super) const fn history_size_bytes(&self) -> u64 {
        self.facts.history_size_bytes
    }

    /// Lang gave a terminal command.
    pub(super) const fn is_finished(&self) -> bool {
        self.lifetime.ended.is_some()
    }

    /// Time-out of a workflow task; none if the start did not say.
    pub(super) const fn task_timeout(&self) -> Option<std::time::Duration> {
        self.inheritance.task_timeout()
    }
}
