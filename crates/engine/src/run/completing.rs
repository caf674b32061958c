//! Completions of activations (spec 1.8.2, 1.8.3).

use std::mem;

use bytes::Bytes;
use temporalio_protos::coresdk::workflow_commands::workflow_command::Variant;
use temporalio_protos::coresdk::workflow_commands::{QueryResult, WorkflowCommand};
use temporalio_protos::temporal::api::enums::v1::VersioningBehavior;

use super::Run;
use super::completion::{CompletionStatus, Succeeded, ValidCompletion, answers_legacy_query};
use super::execution::Applied;
use super::local_activities::AfterLocalActivities;
use super::outstanding::OutstandingActivation;
use crate::error::{Result, RunError};
use crate::input::FetchOutcome;
use crate::output::{LocalActivityRequest, RunOutput, TaskReport};
use crate::time::Instant;

/// A completion that is not yet decided.
#[derive(Debug)]
pub(super) struct InFlightCompletion {
    pub(super) token: Bytes,
    pub(super) task_started: Instant,
    pub(super) commands: Vec<WorkflowCommand>,
    pub(super) query_results: Vec<QueryResult>,
    pub(super) used_flags: Vec<u32>,
    pub(super) versioning_behavior: VersioningBehavior,
    pub(super) is_autocomplete: bool,
    pub(super) had_pending_queries: bool,
    pub(super) was_eviction: bool,
    /// The workflow fails because it is nondeterministic: told to the service even while replaying (spec 1.8.10).
    pub(super) is_forced_failure: bool,
    /// A heartbeat is due: the completion goes out though local activities run (spec 1.13.2).
    pub(super) is_heartbeat: bool,
    /// The execution has its commands already.
    pub(super) is_taken_up: bool,
}

impl Run {
    pub(super) fn complete(&mut self, completion: ValidCompletion) {
        let is_autocomplete = completion.is_autocomplete;
        match completion.status {
            CompletionStatus::Succeeded(success) => self.complete_successfully(success, is_autocomplete, false),
            CompletionStatus::Failed(failure) => self.complete_failed(*failure, is_autocomplete),
        }
        self.evict_if_not_cached();
    }

    /// Lang's turn is over. `is_forced_failure`: Core made the commands up to fail the workflow.
    pub(super) fn complete_successfully(
        &mut self,
        mut success: Succeeded,
        is_autocomplete: bool,
        is_forced_failure: bool,
    ) {
        let was_eviction = self.activation == Some(OutstandingActivation::Eviction);
        if was_eviction && !success.commands.is_empty() {
            self.warn("Reply to an eviction included commands");
            success.commands.clear();
        }
        if self.task.is_none() {
            return self.complete_without_task(is_autocomplete, was_eviction);
        }
        if let [only] = success.commands.as_slice()
            && answers_legacy_query(only)
        {
            return self.answer_legacy_query(success.commands, is_autocomplete);
        }
        let completion = self.in_flight(success, is_autocomplete, is_forced_failure);
        if is_forced_failure || was_eviction || self.execution.can_apply_next_task() {
            return self.process(completion);
        }
        self.park(completion);
    }

    /// The page arrived that a completion waits for, or it could not be had.
    pub(super) fn resume_with(&mut self, outcome: FetchOutcome) {
        match outcome {
            FetchOutcome::Failed(reason) => self.fail_fetch(&reason),
            FetchOutcome::Page { update, paginator } => {
                self.paginator = Some(paginator);
                let Some(completion) = self.parked.take() else { return };
                self.execution.take_page(update);
                if completion.is_taken_up {
                    self.catch_up(completion)
                } else {
                    self.process(completion)
                }
                self.evict_if_not_cached();
            }
        }
    }

    fn in_flight(&mut self, success: Succeeded, is_autocomplete: bool, is_forced_failure: bool) -> InFlightCompletion {
        let task = self.task.as_ref().expect("the caller has seen the task");
        let (token, task_started) = (task.token.clone(), task.started);
        let had_pending_queries = !task.pending_queries.is_empty();
        let truncates = self.execution.truncates_after_terminal();
        let (commands, query_results) = preprocess(success.commands, truncates);
        InFlightCompletion {
            token,
            task_started,
            commands,
            query_results,
            used_flags: success.used_flags,
            versioning_behavior: success.versioning_behavior,
            is_autocomplete,
            had_pending_queries,
            was_eviction: self.activation == Some(OutstandingActivation::Eviction),
            is_forced_failure,
            is_heartbeat: false,
            is_taken_up: false,
        }
    }

    /// Usual for evictions; nothing else is ever outstanding without a task.
    fn complete_without_task(&mut self, is_autocomplete: bool, was_eviction: bool) {
        if !was_eviction {
            let run_id = self.run_id();
            let message = format!("Attempted to complete activation for run {run_id} without associated workflow task");
            self.warn(message);
        }
        let report = self.report_of_unstored_task();
        self.decide(report, is_autocomplete);
    }

    fn answer_legacy_query(&mut self, commands: Vec<WorkflowCommand>, is_autocomplete: bool) {
        let task_token = self.task.as_ref().expect("the caller has seen the task").token.clone();
        let answers = commands.into_iter().filter_map(|command| command.variant);
        let reports = answers.filter_map(|variant| match variant {
            Variant::RespondToQuery(result) => Some(TaskReport::LegacyQuery { task_token: task_token.clone(), result }),
            _ => None,
        });
        let report = reports.last().expect("the caller has seen the answer");
        self.decide(report, is_autocomplete);
    }

    fn park(&mut self, completion: InFlightCompletion) {
        match self.paginator.take() {
            Some(paginator) => {
                self.parked = Some(completion);
                self.emit(RunOutput::FetchPage(paginator));
            }
            None => self.fail_in_flight(
                &completion,
                RunError::fatal(
                    "Run's paginator was absent when attempting to fetch next history page. This is a Core SDK bug.",
                ),
            ),
        }
    }

    /// Lets the execution take up what lang wants.
    fn process(&mut self, mut completion: InFlightCompletion) {
        completion.is_heartbeat = self.completes_heartbeat() || self.wait.as_ref().is_some_and(|wait| wait.is_due);
        self.execution.add_lang_flags(mem::take(&mut completion.used_flags));
        if completion.was_eviction {
            return self.respond(completion, false);
        }
        completion.is_taken_up = true;
        match self.execution.take_commands(mem::take(&mut completion.commands)) {
            Ok(()) => self.catch_up(completion),
            Err(error) => self.fail_in_flight(&completion, error),
        }
    }

    /// Applies history until there is something for lang to do, then asks the local activity executor to do its part.
    /// If the pages at hand do not reach so far, the next one is needed first (spec 1.3.8, 1.7.5).
    fn catch_up(&mut self, completion: InFlightCompletion) {
        match self.apply_tasks(completion.is_forced_failure) {
            Ok(None) => self.park(completion),
            Ok(Some(requests)) => {
                self.ask_local_activities(requests, AfterLocalActivities::Decide(Box::new(completion)));
            }
            Err(error) => self.fail_in_flight(&completion, error),
        }
    }

    /// What the local activity executor is to do; none if history is missing.
    fn apply_tasks(&mut self, is_forced_failure: bool) -> Result<Option<Vec<LocalActivityRequest>>> {
        if !self.broken && !is_forced_failure && self.execution.apply_tasks_until_jobs()? == Applied::AllAtHand {
            return Ok(None);
        }
        self.execution.take_local_activity_requests().map(Some)
    }
}

/// Takes query answers out and puts terminal commands right (spec 1.8.2). `truncates`: what follows the first terminal
/// command is dropped, as it once was; otherwise the first terminal command moves to the end.
fn preprocess(commands: Vec<WorkflowCommand>, truncates: bool) -> (Vec<WorkflowCommand>, Vec<QueryResult>) {
    let (mut kept, mut terminal, mut answers) = (vec![], None, vec![]);
    for command in commands {
        match command.variant {
            Some(Variant::RespondToQuery(answer)) => answers.push(answer),
            _ if is_terminal(&command) => {
                terminal.get_or_insert(command);
            }
            _ if truncates && terminal.is_some() => {}
            _ => kept.push(command),
        }
    }
    kept.extend(terminal);
    (kept, answers)
}

const fn is_terminal(command: &WorkflowCommand) -> bool {
    matches!(
        command.variant,
        Some(
            Variant::CompleteWorkflowExecution(_)
                | Variant::FailWorkflowExecution(_)
                | Variant::CancelWorkflowExecution(_)
                | Variant::ContinueAsNewWorkflowExecution(_)
        )
    )
}
