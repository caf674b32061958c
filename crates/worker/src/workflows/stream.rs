//! The one place where runs change: one input after the other, each with all that follows from it at once (spec 1.1).

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;

use corewasm_engine::{
    EvictionRequest, FetchOutcome, LocalActivityResolution, PreparedTask, ReportResult, Run, RunOutput, RunSetup,
    ValidCompletion,
};
use temporalio_protos::coresdk::workflow_activation::remove_from_cache::EvictionReason;

use super::adoption::HeldRuns;
use super::cache::{CachedRun, RunCache, WaitingCompletion};
use super::paging::Pager;
use super::task_permits::TaskPermits;
use super::{TARGET, Workflows};
use crate::context::WorkerContext;
use crate::signal::Signal;
use crate::slots::SlotPermit;

/// Under this name native Core logs the stream's end.
const STREAM_TARGET: &str = "temporalio_sdk_core::worker::workflow::workflow_stream";

/// What can happen to the runs.
pub(super) enum Input {
    /// A task is ready to be applied.
    Task(Box<PermittedTask>),
    /// A task could not be paged in (spec 1.9.10).
    TaskFailed { run_id: String, workflow_type: String, request: EvictionRequest, permit: SlotPermit },
    /// Lang completed an activation.
    Completion { completion: Box<ValidCompletion>, waiting: WaitingCompletion },
    /// The page that a run waits for came, or did not.
    Fetched { run_id: String, outcome: FetchOutcome },
    /// A completion was reported.
    Reported { run_id: String, result: ReportResult },
    /// A run shall leave the cache.
    Eviction { run_id: String, request: EvictionRequest },
    /// A run's workflow task is about to time out while local activities run.
    HeartbeatDue { run_id: String },
    /// A local activity ended.
    LocalActivityResolved { run_id: String, resolution: Box<LocalActivityResolution> },
    /// A cancel of a local activity reached lang.
    LocalActivityCancelDelivered { run_id: String },
    /// Look whether shutdown is done.
    Bump,
}

/// A task and the permit for it.
pub(super) struct PermittedTask {
    pub(super) task: PreparedTask,
    pub(super) permit: SlotPermit,
}

/// The runs and all that waits for them.
pub(super) struct Stream {
    pub(super) setup: Arc<RunSetup>,
    pub(super) state: RefCell<State>,
    pub(super) pager: Pager,
    inbox: RefCell<VecDeque<Input>>,
    processing: Cell<bool>,
    /// Fetches under way; shutdown waits for them (spec 9.3.4).
    fetching: Cell<usize>,
    ended: Cell<bool>,
    end: Signal,
}

pub(super) struct State {
    pub(super) cache: RunCache,
    /// Tasks of runs that wait for a place in the cache, by run, the first come first (spec 1.10.2).
    pub(super) waiting: VecDeque<Vec<PermittedTask>>,
    pub(super) permits: TaskPermits,
    /// Runs that lang still holds from an earlier instance.
    pub(super) held: HeldRuns,
}

impl Stream {
    pub(super) fn new(context: Rc<WorkerContext>, setup: RunSetup) -> Self {
        let state = State {
            cache: RunCache::new(context.config.max_cached_workflows),
            waiting: VecDeque::new(),
            permits: TaskPermits::default(),
            held: HeldRuns::default(),
        };
        Self {
            setup: Arc::new(setup),
            state: RefCell::new(state),
            pager: Pager::new(context),
            inbox: RefCell::default(),
            processing: Cell::new(false),
            fetching: Cell::new(0),
            ended: Cell::new(false),
            end: Signal::default(),
        }
    }

    pub(super) async fn ended(&self) {
        self.end.until(|| self.ended.get().then_some(())).await;
    }

    pub(super) fn has_ended(&self) -> bool {
        self.ended.get()
    }

    pub(super) fn is_cached(&self, run_id: &str) -> bool {
        self.state.borrow().cache.contains(run_id)
    }

    pub(super) fn begin_fetch(&self) {
        self.fetching.set(self.fetching.get() + 1);
    }

    pub(super) fn end_fetch(&self) {
        self.fetching.set(self.fetching.get() - 1);
    }
}

impl Workflows {
    /// Take an input. What a part does in answer to an output (a local activity that is resolved at once) comes in here
    /// again and
    /// waits for its turn.
    pub(super) fn submit(self: &Rc<Self>, input: Input) {
        self.stream.inbox.borrow_mut().push_back(input);
        if self.stream.processing.replace(true) {
            return;
        }
        while let Some(input) = self.next_input() {
            self.process(input);
            self.make_room();
        }
        self.stream.processing.set(false);
        self.end_if_done();
    }

    /// Tasks that were here before anything that waits in the inbox: the place that became free is theirs.
    pub(super) fn take_first(&self, tasks: Vec<PermittedTask>) {
        let mut inbox = self.stream.inbox.borrow_mut();
        for permitted in tasks.into_iter().rev() {
            inbox.push_front(Input::Task(Box::new(permitted)));
        }
    }

    fn next_input(&self) -> Option<Input> {
        self.stream.inbox.borrow_mut().pop_front()
    }

    fn process(self: &Rc<Self>, input: Input) {
        let now = self.context.host.now();
        match input {
            Input::Task(task) => self.process_task(*task),
            Input::TaskFailed { run_id, workflow_type, request, permit } => {
                self.process_failed_task(&run_id, workflow_type, request, permit);
            }
            Input::Completion { completion, waiting } => self.process_completion(*completion, waiting),
            Input::Fetched { run_id, outcome } => {
                self.with_run(&run_id, |cached| cached.run.handle_fetch(outcome, now))
            }
            Input::Reported { run_id, result } => {
                self.with_run(&run_id, |cached| cached.run.handle_report_result(result, now));
            }
            Input::Eviction { run_id, request } => {
                self.with_run(&run_id, |cached| cached.run.handle_eviction_request(request, now));
            }
            Input::HeartbeatDue { run_id } => self.with_run(&run_id, |cached| cached.run.handle_heartbeat_timeout(now)),
            Input::LocalActivityResolved { run_id, resolution } => {
                self.with_run(&run_id, |cached| cached.run.handle_local_activity_resolution(*resolution, now));
            }
            Input::LocalActivityCancelDelivered { run_id } => {
                self.with_run(&run_id, |cached| cached.run.handle_local_activity_cancel_delivered(now));
            }
            Input::Bump => {}
        }
    }

    /// Hand something to a run and carry out what it wants. Nothing happens if the run is gone.
    pub(super) fn with_run(self: &Rc<Self>, run_id: &str, handle: impl FnOnce(&mut CachedRun)) {
        let found = match self.stream.state.borrow_mut().cache.get_mut(run_id) {
            Some(cached) => {
                handle(cached);
                true
            }
            None => false,
        };
        if found {
            self.drain_outputs(run_id);
        }
    }

    /// A task goes to its run, waits for a place in the cache, or for its whole history (spec 1.3.7, 1.10.2).
    fn process_task(self: &Rc<Self>, permitted: PermittedTask) {
        if self.stream.has_ended() {
            // Lang polls no more: the service gives the task to another worker when it times out.
            return;
        }
        let Some(permitted) = self.stream.state.borrow_mut().held.keep_back(permitted) else { return };
        let run_id = permitted.task.run_id.clone();
        if self.stream.is_cached(&run_id) {
            return self.apply_task(permitted);
        }
        if self.stream.state.borrow().cache.is_full() {
            return self.stream.state.borrow_mut().wait_for_place(permitted);
        }
        if permitted.task.update.is_incremental() {
            self.context.metrics.cache_miss();
            return self.refetch(permitted);
        }
        self.apply_task(permitted);
    }

    fn apply_task(self: &Rc<Self>, permitted: PermittedTask) {
        let now = self.context.host.now();
        let PermittedTask { task, permit } = permitted;
        let run_id = task.run_id.clone();
        let mut state = self.stream.state.borrow_mut();
        state.permits.insert(task.task_token.clone(), permit);
        match state.cache.get_mut(&run_id) {
            Some(cached) => {
                cached.task_at = now.monotonic;
                cached.run.handle_task(task, now);
            }
            None => {
                let run = Run::new(self.stream.setup.clone(), task, now);
                state.cache.insert(&run_id, CachedRun::new(run, now.monotonic));
                self.context.metrics.set_cache_size(state.cache.len());
            }
        }
        drop(state);
        self.drain_outputs(&run_id);
    }

    /// Only a run that exists can be evicted; without one the task fails by itself (spec 1.9.10).
    fn process_failed_task(
        self: &Rc<Self>,
        run_id: &str,
        workflow_type: String,
        request: EvictionRequest,
        permit: SlotPermit,
    ) {
        if self.stream.is_cached(run_id) {
            let now = self.context.host.now();
            drop(permit);
            return self.with_run(run_id, |cached| cached.run.handle_eviction_request(request, now));
        }
        self.fail_unstored(run_id, workflow_type, request, permit);
    }

    fn process_completion(self: &Rc<Self>, completion: ValidCompletion, waiting: WaitingCompletion) {
        let run_id = completion.run_id().to_owned();
        let now = self.context.host.now();
        if !self.stream.is_cached(&run_id) {
            let fields = [("run_id", run_id.into())];
            return self.context.host.warn(TARGET, "Completion for a run that is not known", &fields);
        }
        self.with_run(&run_id, |cached| {
            cached.waiting_completion = Some(waiting);
            cached.run.handle_completion(completion, now);
        });
    }

    /// Carry out what a run wants until it wants nothing more.
    pub(super) fn drain_outputs(self: &Rc<Self>, run_id: &str) {
        loop {
            let outputs = match self.stream.state.borrow_mut().cache.get_mut(run_id) {
                Some(cached) => cached.run.take_outputs(),
                None => return,
            };
            if outputs.is_empty() {
                return;
            }
            for output in outputs {
                self.carry_out(run_id, output);
            }
        }
    }

    fn carry_out(self: &Rc<Self>, run_id: &str, output: RunOutput) {
        let now = self.context.host.now();
        match output {
            RunOutput::Activation(activation) => self.send_to_lang(&activation),
            RunOutput::Autocomplete => {
                let completion = ValidCompletion::autocomplete(run_id);
                self.each_run(run_id, |cached| cached.run.handle_completion(completion, now));
            }
            RunOutput::AutoFail(error) => {
                let completion = ValidCompletion::auto_fail(run_id, &error);
                self.each_run(run_id, |cached| cached.run.handle_completion(completion, now));
            }
            RunOutput::CompletionDecided { report, replaying, is_autocomplete } => {
                self.report(run_id, report, replaying, is_autocomplete);
            }
            RunOutput::FetchPage(paginator) => self.fetch_page(run_id, *paginator),
            RunOutput::LocalActivities(requests) => self.request_local_activities(run_id, requests),
            RunOutput::LocalActivityNotice(notice) => {
                if let Some(executor) = &self.neighbours.local_activities {
                    executor.notice(run_id, notice);
                }
            }
            RunOutput::HeartbeatTimer(deadline) => self.set_heartbeat(run_id, deadline),
            RunOutput::TaskEnded(ended) => self.end_task(run_id, &ended),
            RunOutput::TaskDiscarded { task_token } => self.discard_task(&task_token),
            RunOutput::Evicted(evicted) => self.remove_run(run_id, *evicted),
            RunOutput::Observed(observation) => self.observe(run_id, observation),
        }
    }

    /// Change a run while its outputs are carried out; they follow in the next round.
    pub(super) fn each_run(&self, run_id: &str, change: impl FnOnce(&mut CachedRun)) {
        if let Some(cached) = self.stream.state.borrow_mut().cache.get_mut(run_id) {
            change(cached);
        }
    }

    /// As many runs must be on their way out as others wait for a place (spec 1.10.2).
    fn make_room(self: &Rc<Self>) {
        let victims = self.stream.state.borrow().victims();
        for run_id in victims {
            let now = self.context.host.now();
            let request = EvictionRequest {
                message: "Workflow cache full".to_owned(),
                reason: EvictionReason::CacheFull,
                fail_task: None,
            };
            self.with_run(&run_id, |cached| cached.run.handle_eviction_request(request, now));
        }
    }

    fn end_if_done(&self) {
        if self.stream.has_ended() || !self.context.shutdown.has_begun() || !self.is_done() {
            return;
        }
        self.stream.ended.set(true);
        self.context.host.info(STREAM_TARGET, "Workflow shutdown is done", &[]);
        self.activations.close();
        self.stream.end.notify();
    }

    /// Spec 9.3.4.
    fn is_done(&self) -> bool {
        let state = self.stream.state.borrow();
        let ignore_evictions = self.context.config.ignore_evicts_on_shutdown;
        self.stream.fetching.get() == 0
            && state.waiting.is_empty()
            && state.held.is_empty()
            && state.cache.least_used_first().all(|(_, run)| !run.has_pending_work(ignore_evictions, false))
    }
}

impl State {
    fn wait_for_place(&mut self, permitted: PermittedTask) {
        let run_id = permitted.task.run_id.clone();
        let same_run = |tasks: &&mut Vec<PermittedTask>| tasks.first().is_some_and(|first| first.task.run_id == run_id);
        match self.waiting.iter_mut().find(same_run) {
            Some(tasks) => tasks.push(permitted),
            None => self.waiting.push_back(vec![permitted]),
        }
    }

    /// The least recently used runs without tasks of their own, as many as are missing.
    fn victims(&self) -> Vec<String> {
        if self.waiting.is_empty() {
            return Vec::new();
        }
        let evicting = self.cache.least_used_first().filter(|(_, run)| run.is_evicting()).count();
        let missing = self.waiting.len().saturating_sub(evicting);
        self.cache
            .least_used_first()
            .filter(|(_, run)| !run.is_evicting() && !run.has_buffered_tasks())
            .take(missing)
            .map(|(run_id, _)| run_id.to_owned())
            .collect()
    }
}
