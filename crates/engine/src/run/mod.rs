//! One workflow run: its tasks, activations, completions, and its end.
//!
//! `execution` knows history and commands; the files beside this one each know one thing that can happen to a run and
//! the part of [`Run`] that deals with it. All of them end in `Run::proceed`, which decides what the run does next.

mod buffer;
mod completing;
mod completion;
mod deciding;
mod eviction;
mod execution;
mod failing;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzz;
mod heartbeat;
mod local_activities;
mod next_step;
mod outstanding;
mod queries;
mod reporting;
mod tasks;

use std::mem;
use std::sync::Arc;

use self::buffer::TaskBuffer;
use self::completing::InFlightCompletion;
pub use self::completion::{LEGACY_QUERY_ID, ValidCompletion, validate_completion};
use self::execution::{Execution, Identity};
use self::heartbeat::LocalActivityWait;
use self::local_activities::AfterLocalActivities;
use self::outstanding::{OutstandingActivation, OutstandingTask};
use crate::history::Paginator;
use crate::input::{
    EvictionRequest, FetchOutcome, LocalActivitiesTaken, LocalActivityResolution, PreparedTask, ReportResult, RunSetup,
};
use crate::output::{Observation, RunOutput};
use crate::time::Now;

/// One workflow run (see the crate's front page for who calls what when).
///
/// Every `handle_*` method leaves its results in [`Run::take_outputs`].
#[derive(Debug)]
pub struct Run {
    setup: Arc<RunSetup>,
    now: Now,
    execution: Execution,
    task: Option<OutstandingTask>,
    activation: Option<OutstandingActivation>,
    buffer: TaskBuffer,
    /// Set once somebody wants the run gone.
    eviction: Option<EvictionRequest>,
    /// Set while the task is kept open for local activities.
    wait: Option<LocalActivityWait>,
    /// The execution hit an error: eviction is the only way on.
    broken: bool,
    /// Of the current task.
    paginator: Option<Box<Paginator>>,
    /// Waits for a page of history.
    parked: Option<InFlightCompletion>,
    /// What goes on once the local activity executor has answered.
    after_local_activities: Option<AfterLocalActivities>,
    outputs: Vec<RunOutput>,
}

impl Run {
    /// A run that starts with this task.
    pub fn new(setup: Arc<RunSetup>, task: PreparedTask, now: Now) -> Self {
        let identity = Identity {
            workflow_id: task.workflow_id.clone(),
            run_id: task.run_id.clone(),
            workflow_type: task.workflow_type.clone(),
        };
        let mut run = Self {
            execution: Execution::new(setup.clone(), identity, now),
            setup,
            now,
            task: None,
            activation: None,
            buffer: TaskBuffer::default(),
            eviction: None,
            wait: None,
            broken: false,
            paginator: None,
            parked: None,
            after_local_activities: None,
            outputs: vec![],
        };
        run.start_task(task);
        run
    }

    /// A task for this run: taken up now, or kept until the run is free (spec 1.11.1).
    pub fn handle_task(&mut self, task: PreparedTask, now: Now) {
        self.set_now(now);
        self.accept_task(task);
    }

    /// Lang or Core completed the outstanding activation. Leads to exactly one [`RunOutput::CompletionDecided`].
    pub fn handle_completion(&mut self, completion: ValidCompletion, now: Now) {
        self.set_now(now);
        self.complete(completion);
    }

    /// Answers [`RunOutput::FetchPage`].
    pub fn handle_fetch(&mut self, outcome: FetchOutcome, now: Now) {
        self.set_now(now);
        self.resume_with(outcome);
    }

    /// Answers [`RunOutput::CompletionDecided`].
    pub fn handle_report_result(&mut self, result: ReportResult, now: Now) {
        self.set_now(now);
        self.take_report_result(result);
    }

    /// Somebody wants the run gone. It goes when it is free (spec 1.9.2).
    pub fn handle_eviction_request(&mut self, request: EvictionRequest, now: Now) {
        self.set_now(now);
        self.request_eviction(request);
    }

    /// Answers [`RunOutput::LocalActivities`].
    pub fn handle_local_activities_taken(&mut self, taken: LocalActivitiesTaken, now: Now) {
        self.set_now(now);
        self.go_on_after_local_activities(taken);
    }

    /// A local activity ended.
    pub fn handle_local_activity_resolution(&mut self, resolution: LocalActivityResolution, now: Now) {
        self.set_now(now);
        self.take_local_activity_resolution(resolution);
    }

    /// A queued cancel of a local activity was handed to lang: an eviction may have waited for that (spec 1.9.8).
    pub fn handle_local_activity_cancel_delivered(&mut self, now: Now) {
        self.set_now(now);
        let step = self.next_step();
        self.proceed(step);
    }

    /// The deadline of [`RunOutput::HeartbeatTimer`] passed (spec 1.13.2).
    pub fn handle_heartbeat_timeout(&mut self, now: Now) {
        self.set_now(now);
        self.take_heartbeat_timeout();
    }

    /// What is to be done, in order.
    pub fn take_outputs(&mut self) -> Vec<RunOutput> {
        let observations = self.execution.take_observations();
        self.outputs.extend(observations.into_iter().map(RunOutput::Observed));
        mem::take(&mut self.outputs)
    }

    /// Run id.
    pub fn run_id(&self) -> &str {
        &self.execution.identity().run_id
    }

    /// Workflow id.
    pub fn workflow_id(&self) -> &str {
        &self.execution.identity().workflow_id
    }

    /// Workflow type.
    pub fn workflow_type(&self) -> &str {
        &self.execution.identity().workflow_type
    }

    /// The run works on a workflow task.
    pub const fn has_task(&self) -> bool {
        self.task.is_some()
    }

    /// Lang or Core has an activation in hand.
    pub const fn has_outstanding_activation(&self) -> bool {
        self.activation.is_some()
    }

    /// Somebody wants the run gone.
    pub const fn is_evicting(&self) -> bool {
        self.eviction.is_some()
    }

    /// Tasks wait for the run.
    pub fn has_buffered_tasks(&self) -> bool {
        !self.buffer.is_empty()
    }

    /// The task is kept open for local activities.
    pub const fn waits_for_local_activities(&self) -> bool {
        self.wait.is_some()
    }

    /// Lang gave a terminal command.
    pub const fn workflow_is_finished(&self) -> bool {
        self.execution.is_finished()
    }

    /// Id of the last event that was applied, 0 before the first.
    pub const fn last_event_id(&self) -> i64 {
        self.execution.last_event_id()
    }

    /// Anything is left to do: for shutdown (spec 9.3). `ignore_evictions`: a pending or outstanding eviction does not
    /// count; `ignore_buffered`: tasks that wait do not count.
    pub fn has_pending_work(&self, ignore_evictions: bool, ignore_buffered: bool) -> bool {
        let evicts = !ignore_evictions && self.eviction.is_some();
        let activates = match self.activation {
            None => false,
            Some(OutstandingActivation::Eviction) => !ignore_evictions,
            Some(_) => true,
        };
        let waits = !ignore_buffered && self.has_buffered_tasks();
        self.task.is_some() || evicts || activates || waits
    }

    /// Jobs wait for lang, and a task is there on which they can be delivered. Without one they must wait: the next
    /// task may bring jobs for the same activation.
    fn has_deliverable_jobs(&self) -> bool {
        self.task.is_some() && self.execution.has_pending_jobs()
    }

    fn set_now(&mut self, now: Now) {
        self.now = now;
        self.execution.set_now(now);
    }

    fn emit(&mut self, output: RunOutput) {
        self.outputs.push(output);
    }

    fn warn(&mut self, message: impl Into<String>) {
        self.emit(RunOutput::Observed(Observation::Warning(message.into())));
    }
}
