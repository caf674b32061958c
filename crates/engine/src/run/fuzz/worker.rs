//! A worker that keeps the driver's contract, whatever the service and lang do.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use temporalio_protos::coresdk::activity_result::Success as ActivitySuccess;
use temporalio_protos::coresdk::workflow_activation::WorkflowActivation;
use temporalio_protos::coresdk::workflow_activation::remove_from_cache::EvictionReason;
use temporalio_protos::coresdk::workflow_activation::workflow_activation_job::Variant as Job;
use temporalio_protos::coresdk::workflow_commands::workflow_command::Variant;
use temporalio_protos::coresdk::workflow_commands::*;
use temporalio_protos::coresdk::workflow_completion::workflow_activation_completion::Status;
use temporalio_protos::coresdk::workflow_completion::{Failure, Success, WorkflowActivationCompletion};

use super::super::{Run, ValidCompletion, validate_completion};
use super::service::{RUN_ID, Service};
use crate::input::{
    EvictionRequest, FetchOutcome, LocalActivitiesTaken, LocalActivityResolution, LocalActivityResult, ReportOutcome,
    ReportResult, RunSetup,
};
use crate::output::{EvictedRun, LocalActivityRequest, RunOutput, TaskReport};
use crate::time::{Instant, Now, WallTime};

/// More than any input leads to by itself: nothing goes on for ever.
const MOST_STEPS: usize = 10_000;

#[derive(Debug)]
struct Decided {
    report: TaskReport,
    replaying: bool,
    is_autocomplete: bool,
}

#[derive(Debug)]
pub(super) struct Worker {
    run: Run,
    service: Service,
    now: Now,
    activation: Option<WorkflowActivation>,
    wishes: Vec<WorkflowCommand>,
    decided: VecDeque<Decided>,
    executing: Vec<u32>,
    heartbeat: bool,
    fetching: bool,
    cancel_is_slow: bool,
    permits: BTreeMap<Vec<u8>, usize>,
    given: usize,
    evicted: Option<Box<EvictedRun>>,
}

impl Worker {
    pub(super) fn new(settings: u8) -> Self {
        Self::of(settings, Service::new())
    }

    pub(super) fn of(settings: u8, mut service: Service) -> Self {
        let setup = RunSetup {
            sdk_metadata: settings & 1 == 0,
            caching: settings & 2 == 0,
            replay_only: settings & 4 != 0,
            nondeterminism_fails_workflow: settings & 8 != 0,
            local_activities: settings & 16 == 0,
            ..RunSetup::default()
        };
        let now = Now { monotonic: Instant::from_nanos(1), wall: WallTime::from_nanos(1) };
        let run = Run::new(Arc::new(setup), service.task(1), now);
        let mut worker = Self {
            run,
            service,
            now,
            activation: None,
            wishes: vec![],
            decided: VecDeque::new(),
            executing: vec![],
            heartbeat: false,
            fetching: false,
            cancel_is_slow: false,
            permits: BTreeMap::new(),
            given: 1,
            evicted: None,
        };
        worker.carry_out();
        worker
    }

    pub(super) fn happens(&mut self, kind: u8, detail: u8) {
        if self.evicted.is_some() {
            return;
        }
        self.now.monotonic = self.now.monotonic.plus(Duration::from_millis(detail.into()));
        match kind % 64 {
            0..=9 => self.complete_with_wishes(),
            10 => self.fail(),
            11..=29 => self.wishes.push(WorkflowCommand { variant: Some(wish(kind, detail)), ..Default::default() }),
            30..=44 => self.service.happens(detail, (kind % 64 - 30) / 2 + 1),
            45..=49 => self.give_task(detail),
            50..=53 => self.tell(detail),
            54 | 55 => self.end_local_activity(detail),
            56 => self.beat(),
            57 => self.request_eviction(detail),
            58 => self.run.handle_local_activity_cancel_delivered(self.now),
            59 => self.cancel_is_slow = detail & 1 == 0,
            60 => self.fail_fetch(),
            _ => self.tell(1),
        }
        self.carry_out();
    }

    /// Everybody does what is left to do, and the run goes.
    pub(super) fn finish(&mut self) {
        for _ in 0..MOST_STEPS {
            if self.evicted.is_some() {
                return self.check_permits();
            }
            self.cancel_is_slow = false;
            self.fail_fetch();
            if !self.decided.is_empty() {
                self.tell(1);
            } else if self.activation.is_some() {
                self.complete_with_wishes();
            } else {
                self.run.handle_eviction_request(EvictionRequest::cache_full(), self.now);
                self.carry_out();
                self.run.handle_local_activity_cancel_delivered(self.now);
            }
            self.carry_out();
        }
        panic!("the run never goes: {self:?}");
    }

    pub(super) fn complete(&mut self, completion: ValidCompletion) {
        if self.activation.take().is_some() {
            self.run.handle_completion(completion, self.now);
            self.carry_out();
        }
    }

    fn check_permits(&mut self) {
        let buffered = self.evicted.take().map(|evicted| evicted.buffered).unwrap_or_default();
        buffered.iter().for_each(|task| *self.permits.entry(task.task_token.to_vec()).or_default() += 1);
        assert_eq!(self.permits.len(), self.given, "every permit comes back: {:?}", self.permits);
        assert!(self.permits.values().all(|count| *count == 1), "every permit comes back once: {:?}", self.permits);
    }

    fn complete_with_wishes(&mut self) {
        let Some(activation) = &self.activation else { return };
        let answers: Vec<_> = activation.jobs.iter().filter_map(|job| answer(job.variant.as_ref()?)).collect();
        let commands = if answers.is_empty() { std::mem::take(&mut self.wishes) } else { answers };
        self.submit(Status::Successful(Success { commands, ..Success::default() }));
    }

    fn fail(&mut self) {
        self.submit(Status::Failed(Failure::default()));
    }

    fn submit(&mut self, status: Status) {
        let completion =
            WorkflowActivationCompletion { run_id: RUN_ID.to_owned(), status: Some(status), ..Default::default() };
        if let Ok(valid) = validate_completion(completion) {
            self.complete(valid);
        }
    }

    fn give_task(&mut self, how: u8) {
        self.given += 1;
        let task = self.service.task(how);
        self.run.handle_task(task, self.now);
    }

    fn tell(&mut self, how: u8) {
        let Some(Decided { report, replaying, is_autocomplete }) = self.decided.pop_front() else { return };
        let outcome = match &report {
            TaskReport::Nothing => ReportOutcome::NotReported,
            TaskReport::Fail(_) if how & 2 != 0 => ReportOutcome::Dropped,
            _ => ReportOutcome::Reported { reset_last_started_to: (how & 0x1c == 0x1c).then_some(3) },
        };
        let mut next_task = None;
        if let TaskReport::Complete(completion) = report {
            self.service.complete_task();
            completion.commands.into_iter().filter_map(|command| command.attributes).for_each(|command| {
                self.service.record(command);
            });
            if how & 0x60 == 0x60 {
                self.given += 1;
                next_task = Some(Box::new(self.service.task(how & 0x0e)));
            }
        }
        self.run.handle_report_result(ReportResult { outcome, is_autocomplete, replaying, next_task }, self.now);
    }

    fn end_local_activity(&mut self, how: u8) {
        if self.executing.is_empty() {
            return;
        }
        let seq = self.executing.remove(usize::from(how >> 4) % self.executing.len());
        let result = match how & 3 {
            0 => LocalActivityResult::Failed(Default::default()),
            1 => LocalActivityResult::Cancelled(Default::default()),
            2 => LocalActivityResult::TimedOut(Default::default()),
            _ => LocalActivityResult::Completed(ActivitySuccess::default()),
        };
        let backoff = (how & 7 == 0).then_some(prost_types::Duration { seconds: 100, nanos: 0 });
        let (runtime, original_schedule_time) = (Duration::from_secs(1), None);
        let resolution = LocalActivityResolution { seq, result, runtime, attempt: 1, backoff, original_schedule_time };
        self.run.handle_local_activity_resolution(resolution, self.now);
    }

    fn beat(&mut self) {
        if std::mem::take(&mut self.heartbeat) {
            self.run.handle_heartbeat_timeout(self.now);
        }
    }

    fn request_eviction(&mut self, how: u8) {
        let reason = EvictionReason::try_from(i32::from(how % 12)).unwrap_or(EvictionReason::CacheFull);
        self.run.handle_eviction_request(EvictionRequest::because(reason, "because"), self.now);
    }

    fn fail_fetch(&mut self) {
        if std::mem::take(&mut self.fetching) {
            self.run.handle_fetch(FetchOutcome::Failed("no page".to_owned()), self.now);
            self.carry_out();
        }
    }

    fn carry_out(&mut self) {
        for _ in 0..MOST_STEPS {
            let outputs = self.run.take_outputs();
            if outputs.is_empty() {
                return;
            }
            outputs.into_iter().for_each(|output| self.carry_out_one(output));
        }
        panic!("the run never rests: {self:?}");
    }

    fn carry_out_one(&mut self, output: RunOutput) {
        match output {
            RunOutput::Activation(activation) => {
                assert!(self.activation.replace(activation).is_none(), "one activation at a time");
            }
            RunOutput::Autocomplete => self.run.handle_completion(ValidCompletion::autocomplete(RUN_ID), self.now),
            RunOutput::AutoFail(error) => {
                self.run.handle_completion(ValidCompletion::auto_fail(RUN_ID, &error), self.now);
            }
            RunOutput::CompletionDecided { report, replaying, is_autocomplete } => {
                self.decided.push_back(Decided { report, replaying, is_autocomplete });
            }
            RunOutput::FetchPage(_) => self.fetching = true,
            RunOutput::LocalActivities(requests) => self.take_requests(requests),
            RunOutput::HeartbeatTimer(deadline) => self.heartbeat = deadline.is_some(),
            RunOutput::TaskEnded(ended) => self.give_back(&ended.task_token),
            RunOutput::TaskDiscarded { task_token } => self.give_back(&task_token),
            RunOutput::Evicted(evicted) => self.evicted = Some(evicted),
            RunOutput::LocalActivityNotice(_) | RunOutput::Observed(_) => {}
        }
    }

    fn give_back(&mut self, token: &[u8]) {
        *self.permits.entry(token.to_vec()).or_default() += 1;
    }

    fn take_requests(&mut self, requests: Vec<LocalActivityRequest>) {
        for request in requests {
            match request {
                LocalActivityRequest::Execute(execution) => self.executing.push(execution.schedule.seq),
                LocalActivityRequest::Cancel { .. } => {}
                LocalActivityRequest::CancelAll => self.executing.clear(),
            }
        }
        let undelivered_cancels = self.cancel_is_slow;
        let taken = LocalActivitiesTaken { undelivered_cancels, ..Default::default() };
        self.run.handle_local_activities_taken(taken, self.now);
    }
}

/// What lang answers at once: queries, and updates, which it accepts and completes or rejects.
fn answer(job: &Job) -> Option<WorkflowCommand> {
    let variant = match job {
        Job::QueryWorkflow(query) => Variant::RespondToQuery(QueryResult {
            query_id: query.query_id.clone(),
            variant: Some(query_result::Variant::Succeeded(QuerySuccess::default())),
        }),
        _ => return None,
    };
    Some(WorkflowCommand { variant: Some(variant), ..Default::default() })
}

/// A command of lang's; its number is one of four.
fn wish(kind: u8, detail: u8) -> Variant {
    let (seq, cancellation_type) = (u32::from(detail & 3) + 1, i32::from(detail >> 2 & 3));
    match kind % 64 {
        11 => Variant::StartTimer(StartTimer { seq, ..Default::default() }),
        12 => Variant::CancelTimer(CancelTimer { seq }),
        13 => Variant::ScheduleActivity(ScheduleActivity { seq, cancellation_type, ..Default::default() }),
        14 => Variant::RequestCancelActivity(RequestCancelActivity { seq }),
        15 | 16 => Variant::ScheduleLocalActivity(ScheduleLocalActivity {
            seq,
            cancellation_type,
            attempt: u32::from(detail >> 4),
            ..Default::default()
        }),
        17 => Variant::RequestCancelLocalActivity(RequestCancelLocalActivity { seq }),
        18 => Variant::StartChildWorkflowExecution(StartChildWorkflowExecution {
            seq,
            cancellation_type,
            ..Default::default()
        }),
        other => later_wish(other, detail, seq),
    }
}

fn later_wish(kind: u8, detail: u8, seq: u32) -> Variant {
    let cancellation_type = i32::from(detail >> 2 & 3);
    match kind {
        19 => Variant::CancelChildWorkflowExecution(CancelChildWorkflowExecution {
            child_workflow_seq: seq,
            reason: String::new(),
        }),
        20 => Variant::ScheduleNexusOperation(ScheduleNexusOperation { seq, cancellation_type, ..Default::default() }),
        21 => Variant::RequestCancelNexusOperation(RequestCancelNexusOperation { seq }),
        22 => Variant::SignalExternalWorkflowExecution(SignalExternalWorkflowExecution {
            seq,
            target: (detail & 4 == 0)
                .then(|| signal_external_workflow_execution::Target::ChildWorkflowId("child".to_owned())),
            ..Default::default()
        }),
        23 => Variant::CancelSignalWorkflow(CancelSignalWorkflow { seq }),
        24 => Variant::RequestCancelExternalWorkflowExecution(RequestCancelExternalWorkflowExecution {
            seq,
            workflow_execution: (detail & 4 == 0).then(Default::default),
            ..Default::default()
        }),
        25 => Variant::SetPatchMarker(SetPatchMarker { patch_id: seq.to_string(), deprecated: detail & 4 == 0 }),
        26 | 27 => Variant::UpdateResponse(UpdateResponse {
            protocol_instance_id: format!("update-{}", detail & 7),
            response: update_response(detail),
        }),
        28 => Variant::UpsertWorkflowSearchAttributes(UpsertWorkflowSearchAttributes::default()),
        _ if detail & 1 == 0 => Variant::CompleteWorkflowExecution(CompleteWorkflowExecution::default()),
        _ => Variant::ContinueAsNewWorkflowExecution(ContinueAsNewWorkflowExecution::default()),
    }
}

fn update_response(detail: u8) -> Option<update_response::Response> {
    match detail >> 3 & 3 {
        0 => Some(update_response::Response::Accepted(())),
        1 => Some(update_response::Response::Completed(Default::default())),
        2 => Some(update_response::Response::Rejected(Default::default())),
        _ => None,
    }
}
