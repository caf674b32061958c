//! Carries out what a completion decided, and brings the outcome back to the run (spec 1.8).

use std::rc::Rc;

use bytes::Bytes;
use corewasm_engine::history::{SplitCompletion, SplitPoll, split_completion_response};
use corewasm_engine::output::TaskCompletion;
use corewasm_engine::{EvictionRequest, PreparedTask, ReportOutcome, ReportResult, TaskReport};
use corewasm_host::code;
use futures::channel::oneshot;
use temporalio_protos::coresdk::workflow_activation::remove_from_cache::EvictionReason;

use super::report::{ending_of, too_large_failure};
use super::stream::Input;
use super::task::ValidTask;
use super::{TARGET, Workflows};
use crate::error::status_text;
use crate::service::{ServiceError, undecodable, warn_of};

/// Everything that is known when a completion is decided.
struct Decided {
    run_id: String,
    workflow_type: String,
    replaying: bool,
    is_autocomplete: bool,
    done: Option<oneshot::Sender<()>>,
}

const REPORTED: ReportOutcome = ReportOutcome::Reported { reset_last_started_to: None };

impl Workflows {
    /// Report as decided. What needs no service is dealt with at once.
    pub(super) fn report(self: &Rc<Self>, run_id: &str, report: TaskReport, replaying: bool, is_autocomplete: bool) {
        let now = self.context.host.now().monotonic;
        let (mut workflow_type, mut done) = (String::new(), None);
        self.each_run(run_id, |cached| {
            cached.decided_at = now;
            workflow_type = cached.run.workflow_type().to_owned();
            let waiting = if is_autocomplete { None } else { cached.waiting_completion.take() };
            let (of_lang, storage) = waiting.map(|waiting| (waiting.done, waiting.storage)).unzip();
            done = of_lang;
            cached.storage = storage.unwrap_or_default();
        });
        let decided = Decided { run_id: run_id.to_owned(), workflow_type, replaying, is_autocomplete, done };
        match report {
            TaskReport::Nothing => self.finish(decided, ReportOutcome::NotReported, None),
            report => {
                let workflows = self.clone();
                self.spawn(async move { workflows.carry_out_report(report, decided).await });
            }
        }
    }

    async fn carry_out_report(self: Rc<Self>, report: TaskReport, decided: Decided) {
        let (outcome, next_task) = match report {
            TaskReport::Nothing => (ReportOutcome::NotReported, None),
            TaskReport::Complete(completion) => self.report_completion(*completion, &decided).await,
            TaskReport::Fail(failure) => {
                (self.report_failure(&decided.run_id, &decided.workflow_type, *failure).await, None)
            }
            TaskReport::LegacyQuery { task_token, result } => {
                self.answer_legacy_query(task_token, result).await;
                (REPORTED, None)
            }
        };
        self.finish(decided, outcome, next_task);
    }

    /// The run learns of the outcome, then lang.
    fn finish(self: &Rc<Self>, decided: Decided, outcome: ReportOutcome, next_task: Option<PreparedTask>) {
        let Decided { run_id, replaying, is_autocomplete, done, .. } = decided;
        let result = ReportResult { outcome, is_autocomplete, replaying, next_task: next_task.map(Box::new) };
        self.submit(Input::Reported { run_id, result });
        if let Some(done) = done {
            // Fails only if the caller gave up waiting.
            let _ = done.send(());
        }
    }

    async fn report_completion(
        self: &Rc<Self>,
        mut completion: TaskCompletion,
        decided: &Decided,
    ) -> (ReportOutcome, Option<PreparedTask>) {
        let (task_token, attempt) = (completion.task_token.clone(), completion.attempt);
        let ending = ending_of(&completion.commands);
        let reserved = self.reserve_eager_slots(&mut completion.commands).await;
        match self.send_completion(completion, &decided.run_id).await {
            Ok(answer) => {
                if let Some(ending) = ending {
                    self.context.metrics.workflow_ended(&decided.workflow_type, ending);
                }
                self.deliver_eager(reserved, answer.response.activity_tasks);
                let reset_to = Some(answer.response.reset_history_event_id).filter(|id| *id > 0);
                let next_task = self.next_task(&decided.run_id, answer.workflow_task).await;
                (ReportOutcome::Reported { reset_last_started_to: reset_to }, next_task)
            }
            Err(error) => {
                drop(reserved);
                if let Some(failure) = too_large_failure(&error, task_token, attempt) {
                    self.report_failure(&decided.run_id, &decided.workflow_type, failure).await;
                }
                self.evict_for(&decided.run_id, &error);
                (REPORTED, None)
            }
        }
    }

    async fn send_completion(
        self: &Rc<Self>,
        completion: TaskCompletion,
        run_id: &str,
    ) -> Result<SplitCompletion, ServiceError> {
        let request = self.completion_request(completion, run_id);
        let answer: Bytes = self.send_pages(request).await?;
        split_completion_response(&answer).map_err(|error| undecodable("RespondWorkflowTaskCompleted", &error))
    }

    /// The task that came with the answer, paged in (spec 1.8.12).
    async fn next_task(self: &Rc<Self>, run_id: &str, poll: Option<SplitPoll>) -> Option<PreparedTask> {
        let task = match ValidTask::new(poll?) {
            Ok(task) => task,
            Err(error) => {
                let fields = [("error", error.to_string().into())];
                self.context.host.error(TARGET, "Server returned an unparseable workflow task", &fields);
                self.evict(run_id, EvictionReason::Fatal, "Error reporting WFT to server".to_owned());
                return None;
            }
        };
        self.stream.begin_fetch();
        let prepared = self.stream.pager.prepare(task, true).await;
        self.stream.end_fetch();
        match prepared {
            Ok(task) => Some(task),
            Err(text) => {
                let message = format!("Failed to paginate workflow task from completion: {text}");
                self.evict(run_id, EvictionReason::Fatal, message);
                None
            }
        }
    }

    /// The service would not hear of the task: the run is of no use any more (spec 1.8.11).
    pub(super) fn evict_for(self: &Rc<Self>, run_id: &str, error: &ServiceError) {
        let status = &error.status;
        let reason = match status.code {
            code::INVALID_ARGUMENT if status.message == "UnhandledCommand" => {
                let fields = [("run_id", run_id.into()), ("error", status_text(status).into())];
                self.context.host.debug(TARGET, "Unhandled command response when completing", &fields);
                EvictionReason::UnhandledCommand
            }
            code::NOT_FOUND => {
                warn_of(&self.context.host, TARGET, "Task not found when completing", error);
                EvictionReason::TaskNotFound
            }
            _ => {
                warn_of(&self.context.host, TARGET, "Error while completing workflow activation", error);
                EvictionReason::Fatal
            }
        };
        let request = EvictionRequest { message: "Error reporting WFT to server".to_owned(), reason, fail_task: None };
        self.submit(Input::Eviction { run_id: run_id.to_owned(), request });
    }
}
