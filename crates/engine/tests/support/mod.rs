//! Drives one run as a worker would: carries out what the run asks for and keeps what there was to see.

#![allow(dead_code, unreachable_pub, missing_docs)]

pub mod commands;
pub mod names;
pub mod recorder;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use corewasm_engine::history::{Event, Extraction, HistoryPage, HistoryUpdate, Paginator, TaskHistory};
use corewasm_engine::output::{
    EvictedRun, LocalActivityExecution, Observation, TaskCompletion, TaskEnded, TaskFailureKind,
};
use corewasm_engine::time::{Instant, Now, WallTime};
use corewasm_engine::{
    EvictionRequest, FetchOutcome, LocalActivitiesTaken, LocalActivityNotice, LocalActivityRequest,
    LocalActivityResolution, LocalActivityResult, PreparedTask, ReportOutcome, ReportResult, Run, RunOutput, RunSetup,
    TaskFailure, TaskReport, ValidCompletion, validate_completion,
};
use corewasm_testkit::history::{NAMESPACE, RUN_ID, TASK_QUEUE, WORKFLOW_ID, WORKFLOW_TYPE};
use corewasm_testkit::{HistoryBuilder, TaskView};
use proptest::test_runner::{Config as ProptestConfig, RngSeed};
use temporalio_protos::coresdk::activity_result::{Cancellation, Success};
use temporalio_protos::coresdk::workflow_activation::WorkflowActivation;
use temporalio_protos::coresdk::workflow_commands::QueryResult;
use temporalio_protos::coresdk::workflow_commands::workflow_command::Variant;
use temporalio_protos::coresdk::workflow_completion::{Failure, Success as Succeeded, WorkflowActivationCompletion};
use temporalio_protos::temporal::api::common::v1::Payload;
use temporalio_protos::temporal::api::failure::v1::Failure as ApiFailure;
use temporalio_protos::temporal::api::history::v1::{History, HistoryEvent};

/// A run and everything around it.
pub struct Driver {
    pub run: Run,
    pub now: Now,
    /// Given out and not completed yet.
    pub activation: Option<WorkflowActivation>,
    /// What the service was told, in order.
    pub reports: Vec<Report>,
    /// Decisions that nothing is to be told.
    pub silent_decisions: usize,
    pub ended: Vec<TaskEnded>,
    pub discarded: Vec<Bytes>,
    pub evicted: Option<EvictedRun>,
    pub local_activities: Vec<LocalActivityExecution>,
    pub local_activity_cancels: Vec<u32>,
    pub local_activity_notices: Vec<LocalActivityNotice>,
    /// Times that all local activities were cancelled.
    pub cancelled_all: usize,
    pub heartbeat: Option<Instant>,
    pub observations: Vec<Observation>,
    /// Answers to coming `LocalActivities` outputs; the default when empty.
    pub taken: VecDeque<LocalActivitiesTaken>,
    /// Pages that can still be fetched; each is (events, has a token).
    pub pages: VecDeque<HistoryPage>,
    /// Leave decided completions for `tell`.
    pub holds_reports: bool,
    pub held: VecDeque<(Option<Report>, bool, bool)>,
    /// Come with the responses to completions, one with each.
    pub next_tasks: VecDeque<PreparedTask>,
    pub reset_last_started_to: Option<i64>,
}

/// What the service was told.
#[derive(Debug)]
pub enum Report {
    Complete(TaskCompletion),
    Fail(TaskFailure),
    LegacyQuery(QueryResult),
}

impl Driver {
    /// A run that starts with this task.
    pub fn new(task: PreparedTask) -> Self {
        Self::with_setup(setup(), task)
    }

    /// A run that starts with this task, whose reports wait for `tell` from the first one on.
    pub fn new_holding(task: PreparedTask) -> Self {
        let mut driver = Self::not_started(setup(), task);
        driver.holds_reports = true;
        driver.carry_out();
        driver
    }

    pub fn with_setup(setup: RunSetup, task: PreparedTask) -> Self {
        let mut driver = Self::not_started(setup, task);
        driver.carry_out();
        driver
    }

    fn not_started(setup: RunSetup, task: PreparedTask) -> Self {
        let now = Now {
            monotonic: Instant::from_nanos(1_000_000_000),
            wall: WallTime::from_nanos(1_704_067_200_000_000_000),
        };
        Self {
            run: Run::new(Arc::new(setup), task, now),
            now,
            activation: None,
            reports: vec![],
            silent_decisions: 0,
            ended: vec![],
            discarded: vec![],
            evicted: None,
            local_activities: vec![],
            local_activity_cancels: vec![],
            local_activity_notices: vec![],
            cancelled_all: 0,
            heartbeat: None,
            observations: vec![],
            taken: VecDeque::new(),
            pages: VecDeque::new(),
            holds_reports: false,
            held: VecDeque::new(),
            next_tasks: VecDeque::new(),
            reset_last_started_to: None,
        }
    }

    /// Replays a whole history, whose pages may come one by one, with lang's answers.
    pub fn replay(
        task: PreparedTask,
        mut lang: impl FnMut(&WorkflowActivation) -> Vec<Variant>,
    ) -> (Self, Vec<WorkflowActivation>) {
        let mut driver = Self::new(task);
        let activations = driver.run_lang(&mut lang);
        (driver, activations)
    }

    /// Lets lang answer as long as there are activations.
    pub fn run_lang(&mut self, mut lang: impl FnMut(&WorkflowActivation) -> Vec<Variant>) -> Vec<WorkflowActivation> {
        let mut seen = vec![];
        while let Some(activation) = self.activation.clone() {
            let commands = lang(&activation);
            seen.push(activation);
            self.complete(commands);
        }
        seen
    }

    /// Lets lang answer as long as there are activations other than the eviction.
    pub fn run_lang_until_evicted(
        &mut self,
        mut lang: impl FnMut(&WorkflowActivation) -> Vec<Variant>,
    ) -> Vec<WorkflowActivation> {
        let mut seen = vec![];
        while let Some(activation) = self.activation.clone().filter(|a| names::job_names(a) != ["evict"]) {
            let commands = lang(&activation);
            seen.push(activation);
            self.complete(commands);
        }
        seen
    }

    /// The outstanding activation.
    pub fn activation(&self) -> &WorkflowActivation {
        self.activation.as_ref().expect("an activation is outstanding")
    }

    /// Names of the jobs of the outstanding activation.
    pub fn jobs(&self) -> Vec<String> {
        names::job_names(self.activation())
    }

    pub fn complete(&mut self, commands: impl IntoIterator<Item = Variant>) {
        let commands = commands.into_iter().map(Into::into).collect::<Vec<_>>();
        self.complete_with(Succeeded { commands, ..Succeeded::default() });
    }

    pub fn complete_with(&mut self, success: Succeeded) {
        self.activation.take().expect("an activation is outstanding");
        self.submit(success.into());
    }

    /// Answers as recorded.
    pub fn complete_as(&mut self, completion: WorkflowActivationCompletion) {
        self.activation.take().expect("an activation is outstanding");
        let valid = validate_completion(completion).expect("a valid completion");
        self.run.handle_completion(valid, self.now);
        self.carry_out();
    }

    pub fn fail(&mut self, message: &str) {
        self.activation.take().expect("an activation is outstanding");
        self.submit(Failure::from(ApiFailure::application_failure(message.to_owned(), false)).into());
    }

    pub fn task(&mut self, task: PreparedTask) {
        self.run.handle_task(task, self.now);
        self.carry_out();
    }

    pub fn evict(&mut self, request: EvictionRequest) {
        self.run.handle_eviction_request(request, self.now);
        self.carry_out();
    }

    pub fn resolve(&mut self, resolution: LocalActivityResolution) {
        self.run.handle_local_activity_resolution(resolution, self.now);
        self.carry_out();
    }

    pub fn cancel_delivered(&mut self) {
        self.run.handle_local_activity_cancel_delivered(self.now);
        self.carry_out();
    }

    pub fn heartbeat(&mut self) {
        self.heartbeat.take().expect("the heartbeat timer runs");
        self.run.handle_heartbeat_timeout(self.now);
        self.carry_out();
    }

    /// Tells the result of the oldest held report.
    pub fn tell(&mut self) {
        let (report, replaying, is_autocomplete) = self.held.pop_front().expect("a report is held");
        self.report(report, replaying, is_autocomplete);
        self.carry_out();
    }

    pub fn pass(&mut self, time: Duration) {
        self.now = Now { monotonic: self.now.monotonic.plus(time), wall: self.now.wall.plus(time) };
    }

    pub fn completions(&self) -> Vec<&TaskCompletion> {
        let complete = |report: &'_ Report| matches!(report, Report::Complete(_));
        self.reports.iter().filter(|report| complete(report)).map(|report| report.completion()).collect()
    }

    pub fn last_completion(&self) -> &TaskCompletion {
        self.reports.last().expect("something was reported").completion()
    }

    /// What was worth a line in the log.
    pub fn warnings(&self) -> Vec<&str> {
        let mut warnings = vec![];
        for observation in &self.observations {
            if let Observation::Warning(text) = observation {
                warnings.push(text.as_str());
            }
        }
        warnings
    }

    fn submit(
        &mut self,
        status: temporalio_protos::coresdk::workflow_completion::workflow_activation_completion::Status,
    ) {
        let completion =
            WorkflowActivationCompletion { run_id: RUN_ID.to_owned(), status: Some(status), ..Default::default() };
        let valid = validate_completion(completion).expect("the test sends valid completions");
        self.run.handle_completion(valid, self.now);
        self.carry_out();
    }

    fn carry_out(&mut self) {
        loop {
            let outputs = self.run.take_outputs();
            if outputs.is_empty() {
                return;
            }
            outputs.into_iter().for_each(|output| self.carry_out_one(output));
        }
    }

    fn carry_out_one(&mut self, output: RunOutput) {
        match output {
            RunOutput::Activation(activation) => {
                assert!(self.activation.replace(activation).is_none(), "one activation at a time");
            }
            RunOutput::Autocomplete => self.run.handle_completion(ValidCompletion::autocomplete(RUN_ID), self.now),
            RunOutput::AutoFail(error) => {
                self.run.handle_completion(ValidCompletion::auto_fail(RUN_ID, &error), self.now)
            }
            RunOutput::CompletionDecided { report, replaying, is_autocomplete } => {
                let report = match report {
                    TaskReport::Nothing => None,
                    TaskReport::Complete(completion) => Some(Report::Complete(*completion)),
                    TaskReport::Fail(failure) => Some(Report::Fail(*failure)),
                    TaskReport::LegacyQuery { result, .. } => Some(Report::LegacyQuery(result)),
                };
                if self.holds_reports {
                    self.held.push_back((report, replaying, is_autocomplete));
                } else {
                    self.report(report, replaying, is_autocomplete);
                }
            }
            RunOutput::FetchPage(paginator) => self.fetch(*paginator),
            RunOutput::LocalActivities(requests) => self.take_requests(requests),
            RunOutput::LocalActivityNotice(notice) => self.local_activity_notices.push(notice),
            RunOutput::HeartbeatTimer(deadline) => self.heartbeat = deadline,
            RunOutput::TaskEnded(ended) => self.ended.push(ended),
            RunOutput::TaskDiscarded { task_token } => self.discarded.push(task_token),
            RunOutput::Evicted(evicted) => self.evicted = Some(*evicted),
            RunOutput::Observed(observation) => self.observations.push(observation),
        }
    }

    fn report(&mut self, report: Option<Report>, replaying: bool, is_autocomplete: bool) {
        let outcome = match &report {
            None => ReportOutcome::NotReported,
            Some(Report::Fail(failure)) if is_dropped(failure) => ReportOutcome::Dropped,
            Some(_) => ReportOutcome::Reported { reset_last_started_to: self.reset_last_started_to.take() },
        };
        self.silent_decisions += usize::from(report.is_none());
        let is_complete = matches!(report, Some(Report::Complete(_)));
        let next_task = if is_complete { self.next_tasks.pop_front().map(Box::new) } else { None };
        self.reports.extend(report);
        self.run.handle_report_result(ReportResult { outcome, is_autocomplete, replaying, next_task }, self.now);
    }

    fn take_requests(&mut self, requests: Vec<LocalActivityRequest>) {
        for request in requests {
            match request {
                LocalActivityRequest::Execute(execution) => self.local_activities.push(*execution),
                LocalActivityRequest::Cancel { seq } => self.local_activity_cancels.push(seq),
                LocalActivityRequest::CancelAll => self.cancelled_all += 1,
            }
        }
        let taken = self.taken.pop_front().unwrap_or_default();
        self.run.handle_local_activities_taken(taken, self.now);
    }

    fn fetch(&mut self, mut paginator: Paginator) {
        let outcome = loop {
            match paginator.extract_next_update() {
                Ok(Extraction::Update(update)) => break FetchOutcome::Page { update, paginator: Box::new(paginator) },
                Ok(Extraction::NeedPage(_)) => match self.pages.pop_front() {
                    Some(page) => paginator.handle_page(page),
                    None => break FetchOutcome::Failed("no more pages".to_owned()),
                },
                Err(error) => break FetchOutcome::Failed(error.to_string()),
            }
        };
        self.run.handle_fetch(outcome, self.now);
    }
}

impl Report {
    pub fn completion(&self) -> &TaskCompletion {
        match self {
            Self::Complete(completion) => completion,
            other => panic!("no completion: {other:?}"),
        }
    }

    pub fn failure(&self) -> &TaskFailure {
        match self {
            Self::Fail(failure) => failure,
            other => panic!("no failure: {other:?}"),
        }
    }
}

/// Spec 1.8.7: what is not told to the service.
fn is_dropped(failure: &TaskFailure) -> bool {
    match failure.kind {
        TaskFailureKind::Task => failure.attempt > 1,
        TaskFailureKind::LegacyQuery => false,
        TaskFailureKind::RetryableLegacyQuery => true,
    }
}

/// A worker that caches runs, executes local activities, and may write SDK metadata.
pub fn setup() -> RunSetup {
    RunSetup {
        namespace: NAMESPACE.to_owned(),
        task_queue: TASK_QUEUE.to_owned(),
        sdk_name: "temporal-python".to_owned(),
        sdk_version: "1.35.0".to_owned(),
        sdk_metadata: true,
        caching: true,
        local_activities: true,
        ..RunSetup::default()
    }
}

/// So many cases, the same in every run: a property must not fail on a change that has nothing to do with it. To look
/// further, set `PROPTEST_RNG_SEED` and `PROPTEST_CASES` (docs/notes/fuzzing.md).
pub fn settled(cases: u32) -> ProptestConfig {
    let found = ProptestConfig::default();
    let asked = found.cases != 256 || found.rng_seed != RngSeed::Random;
    ProptestConfig {
        cases: if asked { found.cases } else { cases },
        rng_seed: if asked { found.rng_seed } else { RngSeed::Fixed(17) },
        failure_persistence: None,
        ..found
    }
}

/// A task that brings all its events at once.
pub fn task(view: &TaskView) -> PreparedTask {
    let update = HistoryUpdate::whole(events(&view.events), view.previous_started_event_id, view.started_event_id);
    prepared(view, update, vec![])
}

/// A task that brings as much of its history as a run needs to begin; the driver fetches the rest.
pub fn paged_task(view: &TaskView, page_size: usize) -> (PreparedTask, VecDeque<HistoryPage>) {
    paged(view, &[page_size])
}

/// The same, with pages of these sizes. The first page is never empty: a task brings at least one event.
pub fn paged(view: &TaskView, sizes: &[usize]) -> (PreparedTask, VecDeque<HistoryPage>) {
    let cut = HistoryBuilder::of_events(view.events.clone()).pages(sizes);
    let cut: Vec<_> = cut.into_iter().skip_while(|page| page.events.is_empty()).collect();
    let count = cut.len();
    let page = |(at, history): (usize, History)| HistoryPage {
        events: events(&history.events),
        next_page_token: token_after(at, count),
    };
    task_of_pages(view, cut.into_iter().enumerate().map(page).collect())
}

/// The same, of pages of any kind; the first must have an event.
pub fn task_of_pages(view: &TaskView, mut pages: VecDeque<HistoryPage>) -> (PreparedTask, VecDeque<HistoryPage>) {
    let first = pages.pop_front().expect("a history has events");
    let mut paginator = Paginator::for_task(TaskHistory {
        events: first.events,
        next_page_token: first.next_page_token,
        ..task_history(view)
    })
    .expect("a task with events")
    .for_uncached_run();
    let update = loop {
        match paginator.extract_next_update().expect("a sound history") {
            Extraction::Update(update) => break update,
            Extraction::NeedPage(_) => paginator.handle_page(pages.pop_front().expect("enough pages")),
        }
    };
    (PreparedTask { update, paginator, ..task(view) }, pages)
}

/// A task without events that asks a legacy query.
pub fn legacy_query(previous_started_event_id: i64, token: &str) -> PreparedTask {
    let view = TaskView { events: vec![], previous_started_event_id, started_event_id: 0 };
    let query = names::query("state");
    PreparedTask { legacy_query: Some(query), task_token: token.to_owned().into(), ..task(&view) }
}

/// A local activity that ended well.
pub fn completed_local_activity(seq: u32) -> LocalActivityResolution {
    completed_with(seq, seq.to_string().as_str().into())
}

/// A local activity that ended well, with this result.
pub fn completed_with(seq: u32, result: Payload) -> LocalActivityResolution {
    local_activity(seq, LocalActivityResult::Completed(Success { result: Some(result) }))
}

/// A local activity that was cancelled.
pub fn cancelled_local_activity(seq: u32) -> LocalActivityResolution {
    local_activity(seq, LocalActivityResult::Cancelled(Cancellation::from_details(None)))
}

fn local_activity(seq: u32, result: LocalActivityResult) -> LocalActivityResolution {
    LocalActivityResolution {
        seq,
        result,
        runtime: Duration::ZERO,
        attempt: 1,
        backoff: None,
        original_schedule_time: None,
    }
}

fn prepared(view: &TaskView, update: HistoryUpdate, rest: Vec<Event>) -> PreparedTask {
    PreparedTask {
        task_token: format!("token-{}", view.started_event_id).into(),
        attempt: 1,
        workflow_id: WORKFLOW_ID.to_owned(),
        run_id: RUN_ID.to_owned(),
        workflow_type: WORKFLOW_TYPE.to_owned(),
        legacy_query: None,
        queries: vec![],
        messages: vec![],
        update,
        paginator: Paginator::for_task(TaskHistory { events: rest, has_query: true, ..task_history(view) })
            .expect("a query"),
    }
}

fn task_history(view: &TaskView) -> TaskHistory {
    TaskHistory {
        workflow_id: WORKFLOW_ID.to_owned(),
        run_id: RUN_ID.to_owned(),
        previous_started_event_id: view.previous_started_event_id,
        started_event_id: view.started_event_id,
        ..TaskHistory::default()
    }
}

fn events(events: &[HistoryEvent]) -> Vec<Event> {
    events.iter().map(Event::from).collect()
}

fn token_after(at: usize, count: usize) -> Vec<u8> {
    if at + 1 < count { format!("page-{}", at + 1).into_bytes() } else { vec![] }
}
