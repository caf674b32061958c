//! Spec 1.9.8, 1.13, 4, 17(5), 17(7): workflow runs and the executor of their local activities, together.

use std::time::Duration;

use crate::common::commands::{complete_workflow, schedule_local_activity, start_timer};
use crate::common::{Harness, config, eviction, fixed, jobs};
use corewasm_host::envelope::WorkerConfig;
use corewasm_testkit::HistoryBuilder;
use corewasm_testkit::history::RUN_ID;
use corewasm_worker::TaskKind;
use prost::Message;
use temporalio_protos::coresdk::ActivityTaskCompletion;
use temporalio_protos::coresdk::activity_result::activity_execution_result::Status;
use temporalio_protos::coresdk::activity_result::{ActivityExecutionResult, Cancellation, Success};
use temporalio_protos::coresdk::activity_task::activity_task::Variant;
use temporalio_protos::coresdk::activity_task::{ActivityCancelReason, ActivityTask};
use temporalio_protos::temporal::api::workflowservice::v1::{
    RespondWorkflowTaskCompletedRequest, RespondWorkflowTaskCompletedResponse, RespondWorkflowTaskFailedResponse,
};

const RPC: &str = "RespondWorkflowTaskCompleted";

/// Two tasks: a heartbeat lies between them.
fn history() -> HistoryBuilder {
    let mut history = HistoryBuilder::new();
    history.workflow_task();
    history.workflow_task_pending();
    history
}

/// A worker of workflows and local activities whose lang polls both.
struct Both {
    harness: Harness,
}

impl Both {
    /// Lang has answered the first activation with local activities of these numbers, and has them in hand.
    fn with_local_activities(config: WorkerConfig, numbers: &[u32]) -> (Self, Vec<Vec<u8>>) {
        let mut harness = Harness::with(WorkerConfig {
            enable_local_activities: true,
            local_activity_slots: Some(fixed(5)),
            ..config
        });
        let _polled = harness.poll();
        harness.give_task(history().up_to_task(1).poll_response());
        let _completed = harness.succeed(RUN_ID, numbers.iter().map(|seq| schedule_local_activity(*seq)));
        let mut both = Self { harness };
        let tokens = numbers.iter().map(|_| both.start()).collect();
        (both, tokens)
    }

    /// Lang polls for activities, and gets something at once.
    fn activity(&mut self) -> ActivityTask {
        let worker = self.harness.worker.clone();
        let polled = self.harness.spawn(async move { worker.poll(TaskKind::Activity).await });
        let polled = polled.borrow_mut().take().expect("something is ready");
        ActivityTask::decode(polled.expect("polling goes well")).expect("it decodes")
    }

    fn start(&mut self) -> Vec<u8> {
        let task = self.activity();
        assert!(matches!(task.variant, Some(Variant::Start(start)) if start.is_local));
        task.task_token
    }

    fn cancel(&mut self) -> (Vec<u8>, ActivityCancelReason) {
        let task = self.activity();
        let Some(Variant::Cancel(cancel)) = task.variant else { panic!("no cancel: {task:?}") };
        (task.task_token, cancel.reason())
    }

    fn end(&mut self, token: &[u8], status: Status) {
        let result = Some(ActivityExecutionResult { status: Some(status) });
        let completion = ActivityTaskCompletion { task_token: token.to_vec(), result };
        let worker = self.harness.worker.clone();
        let bytes = completion.encode_to_vec().into();
        let ended = self.harness.spawn(async move { worker.complete(TaskKind::Activity, bytes).await });
        assert_eq!(ended.borrow_mut().take(), Some(Ok(())));
    }

    /// The service takes the completion that waits.
    fn accept(&mut self) -> RespondWorkflowTaskCompletedRequest {
        let call = self.harness.service.take(RPC);
        let request = call.request();
        call.answer(&RespondWorkflowTaskCompletedResponse::default());
        self.harness.turn();
        request
    }
}

fn success() -> Status {
    Status::Completed(Success { result: Some(Default::default()) })
}

fn commands(request: &RespondWorkflowTaskCompletedRequest) -> Vec<String> {
    request.commands.iter().map(|command| format!("{:?}", command.command_type())).collect()
}

#[test]
fn a_result_runs_the_workflow_on_within_its_task() {
    let (mut both, tokens) = Both::with_local_activities(config(), &[1]);
    assert_eq!(both.harness.service.waiting(), Vec::<&str>::new(), "the task is kept open");
    both.end(&tokens[0], success());
    assert_eq!(jobs(&both.harness.activation()), ["activity"]);
    let _completed = both.harness.succeed(RUN_ID, [complete_workflow()]);
    assert_eq!(commands(&both.accept()), ["RecordMarker", "CompleteWorkflowExecution"]);
}

/// Upstream: local_activity_with_heartbeat_only_causes_one_wakeup, local_act_heartbeat.
#[test]
fn a_long_one_is_kept_alive_by_heartbeats_of_its_task() {
    let (mut both, tokens) = Both::with_local_activities(config(), &[1]);
    let polled = both.harness.poll();
    both.harness.advance(Duration::from_millis(7_990));
    assert_eq!(both.harness.service.waiting(), Vec::<&str>::new());
    both.harness.advance(Duration::from_millis(20));
    let heartbeat = both.accept();
    assert!(heartbeat.force_create_new_workflow_task && heartbeat.commands.is_empty());
    both.harness.give_sticky_task(history().only_task(2).poll_response());
    both.harness.advance(Duration::from_secs(1));
    assert!(polled.borrow().is_none(), "lang is not woken");
    both.end(&tokens[0], success());
    assert!(polled.borrow().is_some());
    let _completed = both.harness.succeed(RUN_ID, [complete_workflow()]);
    let request = both.accept();
    assert_eq!(commands(&request), ["RecordMarker", "CompleteWorkflowExecution"]);
    assert!(!request.force_create_new_workflow_task);
}

/// Upstream: la_cancel_delivered_before_eviction_activation.
#[test]
fn lang_hears_of_the_cancel_before_the_eviction() {
    let (mut both, tokens) = Both::with_local_activities(config(), &[1]);
    let evicted = both.harness.poll();
    both.harness.worker.request_eviction(RUN_ID);
    both.harness.turn();
    assert!(evicted.borrow().is_none(), "lang has not heard of the cancel yet");
    assert_eq!(both.cancel(), (tokens[0].clone(), ActivityCancelReason::Cancelled));
    both.harness.turn();
    assert!(evicted.borrow().is_some(), "the eviction follows");
}

/// Upstream: la_success_after_its_cancel_is_polled_does_not_surface,
/// la_results_during_withheld_eviction_do_not_surface.
#[test]
fn a_result_behind_the_cancel_of_an_eviction_reaches_nobody() {
    for status in [success(), Status::Cancelled(Cancellation::from_details(None))] {
        let (mut both, tokens) = Both::with_local_activities(config(), &[1]);
        both.harness.worker.request_eviction(RUN_ID);
        both.harness.turn();
        assert_eq!(both.cancel().0, tokens[0]);
        both.end(&tokens[0], status);
        let evict = both.harness.activation();
        assert_eq!(eviction(&evict).1, "Eviction explicitly requested by lang", "and no resolution before it");
        let polled = both.harness.poll();
        let _evicted = both.harness.succeed(RUN_ID, []);
        assert!(polled.borrow().is_none());
        assert_eq!(both.harness.service.waiting(), Vec::<&str>::new(), "the task is left to time out");
        assert!(both.harness.logs("[TMPRL1104]").is_empty());
    }
}

/// Upstream: eviction_with_buffered_la_marker_replays_only_completed_la.
#[test]
fn an_eviction_brings_home_the_marker_that_was_earned() {
    let (mut both, tokens) = Both::with_local_activities(config(), &[1, 2]);
    both.end(&tokens[0], success());
    assert_eq!(jobs(&both.harness.activation()), ["activity"]);
    let _completed = both.harness.succeed(RUN_ID, []);
    both.harness.worker.request_eviction(RUN_ID);
    both.harness.turn();
    assert_eq!(both.cancel().0, tokens[1]);
    assert_eq!(jobs(&both.harness.activation()), ["evict"]);
    let _evicted = both.harness.succeed(RUN_ID, []);
    let request = both.accept();
    assert_eq!(commands(&request), ["RecordMarker"]);
    assert!(request.force_create_new_workflow_task, "the other one must be executed again");
}

/// Upstream: zero_cache_doesnt_evict_before_wft_is_answered.
#[test]
fn without_a_cache_the_run_stays_until_its_task_is_answered() {
    let (mut both, tokens) = Both::with_local_activities(WorkerConfig { max_cached_workflows: 0, ..config() }, &[1]);
    let polled = both.harness.poll();
    assert!(polled.borrow().is_none(), "no eviction while it runs");
    both.end(&tokens[0], success());
    let _completed = both.harness.succeed(RUN_ID, [start_timer(1)]);
    assert_eq!(commands(&both.accept()), ["RecordMarker", "StartTimer"]);
    assert_eq!(jobs(&both.harness.activation()), ["evict"]);
}

/// Upstream: wft_failure_cancels_running_las.
#[test]
fn a_failed_task_cancels_what_runs() {
    let (mut both, tokens) = Both::with_local_activities(config(), &[1, 2]);
    both.end(&tokens[0], success());
    assert_eq!(jobs(&both.harness.activation()), ["activity"]);
    let _failed = both.harness.fail(RUN_ID, "it went wrong");
    both.harness.service.take("RespondWorkflowTaskFailed").answer(&RespondWorkflowTaskFailedResponse::default());
    both.harness.turn();
    assert_eq!(both.cancel(), (tokens[1].clone(), ActivityCancelReason::Cancelled));
    assert_eq!(jobs(&both.harness.activation()), ["evict"]);
}
