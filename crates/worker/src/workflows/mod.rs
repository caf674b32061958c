//! Workflow tasks: from the poll to the completion (spec 1).
//!
//! All state of all runs changes in one place, [`stream::Stream`], one [`stream::Input`] after the other; nothing waits
//! while it
//! changes (spec 1.1.1). What waits (polls, page fetches, reports to the service) are tasks around it that bring their
//! results back as inputs.

mod adoption;
mod cache;
mod commands;
mod completion;
mod eager;
mod failure;
mod pages;
mod paging;
mod polling;
mod query;
mod report;
mod slow_task;
mod stream;
mod task;
mod task_permits;

use std::cell::Cell;
use std::rc::{Rc, Weak};

use bytes::Bytes;
use corewasm_engine::deep_causes::{self, Carrier};
use corewasm_engine::history::{SplitPoll, split_poll_response};
use corewasm_engine::{EvictionRequest, LocalActivityResolution, RunSetup, validate_completion};
use corewasm_host::envelope::WorkerLedger;
use futures::channel::oneshot;
use temporalio_protos::coresdk::workflow_activation::remove_from_cache::EvictionReason;
use temporalio_protos::coresdk::workflow_completion::WorkflowActivationCompletion;

use crate::context::WorkerContext;
use crate::error::WorkerError;
use crate::parts::{EagerActivities, LocalActivityExecutor, LocalActivityListener};
use crate::queue::Queue;
use crate::slots::SlotPermit;
use cache::WaitingCompletion;
use polling::TaskPollers;
use slow_task::TaskStorage;
use stream::{Input, Stream};
use task::ValidTask;

pub(crate) use polling::PollWorkflow;

pub(crate) const TARGET: &str = "temporalio_sdk_core::worker::workflow";

/// What lang is given by its polls, in order.
type Activations = Queue<Result<Bytes, WorkerError>>;

/// What a set of workflow runs needs of the other parts.
pub(crate) struct Neighbours {
    /// Executes local activities; absent: none are enabled.
    pub(crate) local_activities: Option<Rc<dyn LocalActivityExecutor>>,
    /// Takes eager activities; absent: none are asked for.
    pub(crate) eager_activities: Option<Rc<dyn EagerActivities>>,
    /// Told of each run that leaves the cache, or never got there: the replay worker serves its next history then.
    pub(crate) run_gone: Option<Box<dyn Fn()>>,
}

/// The workflow runs of a worker.
pub(crate) struct Workflows {
    context: Rc<WorkerContext>,
    stream: Stream,
    pollers: TaskPollers,
    activations: Activations,
    neighbours: Neighbours,
    sticky_queue: Option<String>,
    polled: Cell<bool>,
}

impl Workflows {
    /// Runs over these pollers. Nothing is polled until lang polls (spec 1.1.3).
    pub(crate) fn new(
        context: Rc<WorkerContext>,
        setup: RunSetup,
        sticky_queue: Option<String>,
        poll: Option<PollWorkflow>,
        neighbours: impl FnOnce(Rc<dyn LocalActivityListener>) -> Neighbours,
    ) -> Rc<Self> {
        Rc::new_cyclic(|runs| Self {
            stream: Stream::new(context.clone(), setup),
            pollers: TaskPollers::new(&context, sticky_queue.as_deref(), poll),
            activations: Queue::default(),
            neighbours: neighbours(Rc::new(Listener(runs.clone()))),
            sticky_queue,
            polled: Cell::new(false),
            context,
        })
    }

    /// The next activation, encoded; [`WorkerError::Shutdown`] when there are no more.
    pub(crate) async fn next_activation(self: &Rc<Self>) -> Result<Bytes, WorkerError> {
        if !self.polled.replace(true) {
            self.start_polling();
        }
        self.activations.next().await.unwrap_or(Err(WorkerError::Shutdown))
    }

    /// An activation that did not reach lang: the next poll gets it.
    pub(crate) fn undelivered(&self, activation: Bytes) {
        self.activations.give_back(Ok(activation));
    }

    /// Take lang's completion; ready when it was dealt with, the report to the service included.
    pub(crate) async fn complete(self: &Rc<Self>, completion: Bytes) -> Result<(), WorkerError> {
        let completion: WorkflowActivationCompletion = deep_causes::decode(&completion, Carrier::WorkflowCompletion)
            .map_err(|error| WorkerError::InvalidProto(error.to_string()))?;
        if self.answers_held_run(&completion.run_id) {
            return Ok(());
        }
        let storage = TaskStorage::of(&completion);
        let completion = validate_completion(completion).map_err(|error| WorkerError::Completion(error.to_string()))?;
        let (done, is_done) = oneshot::channel();
        let waiting = WaitingCompletion { done, storage };
        self.submit(Input::Completion { completion: Box::new(completion), waiting });
        // Dropped unanswered if the run is gone: nobody is there to complain to.
        let _ = is_done.await;
        Ok(())
    }

    /// Ask for a run's eviction; nothing happens if there is no such run (spec 1.9.12).
    pub(crate) fn request_eviction(self: &Rc<Self>, run_id: &str) {
        let message = "Eviction explicitly requested by lang".to_owned();
        self.evict(run_id, EvictionReason::LangRequested, message);
    }

    /// The shutdown token is set: the stream ends as soon as nothing is pending.
    pub(crate) fn begin_shutdown(self: &Rc<Self>) {
        self.submit(Input::Bump);
    }

    /// Ready when the stream has ended (spec 9.3.4).
    pub(crate) async fn drained(&self) {
        self.stream.ended().await;
    }

    /// Lang polled at least once.
    pub(crate) fn ever_polled(&self) -> bool {
        self.polled.get()
    }

    /// Take up what an earlier instance had in hand (design 4).
    pub(crate) fn adopt(self: &Rc<Self>, ledger: &WorkerLedger, permits: Vec<SlotPermit>) {
        adoption::adopt(self, ledger, permits);
    }

    /// An earlier instance's poll brought this response: a task like any other.
    pub(crate) fn adopt_polled(self: &Rc<Self>, response: &Bytes) {
        match split_poll_response(response) {
            Ok(poll) => self.adopt_task(poll),
            Err(error) => self.context.host.error(TARGET, error.to_string(), &[]),
        }
    }

    /// A task that came with the start of its workflow (spec 10.9). The error says why it is not taken.
    pub(crate) fn take_eager(self: &Rc<Self>, response: &Bytes, permit: SlotPermit) -> Result<(), String> {
        let poll = split_poll_response(response).map_err(|error| error.to_string())?;
        ValidTask::check(&poll).map_err(|error| error.to_string())?;
        self.take_in(async move { (poll, permit) });
        Ok(())
    }

    /// A task that no permit of this instance was taken for. An empty poll is no task.
    pub(crate) fn adopt_task(self: &Rc<Self>, poll: SplitPoll) {
        if poll.response.task_token.is_empty() {
            return;
        }
        let slots = self.context.slots.workflow.clone();
        self.take_in(async move { (poll, slots.reserve_for_adopted().await) });
    }

    fn evict(self: &Rc<Self>, run_id: &str, reason: EvictionReason, message: String) {
        let request = EvictionRequest { message, reason, fail_task: None };
        self.submit(Input::Eviction { run_id: run_id.to_owned(), request });
    }

    fn spawn(&self, work: impl Future<Output = ()> + 'static) {
        self.context.host.spawn(work).detach();
    }
}

/// The runs as the local activity executor knows them.
struct Listener(Weak<Workflows>);

impl LocalActivityListener for Listener {
    fn resolved(&self, run_id: &str, resolution: LocalActivityResolution) {
        if let Some(workflows) = self.0.upgrade() {
            workflows
                .submit(Input::LocalActivityResolved { run_id: run_id.to_owned(), resolution: Box::new(resolution) });
        }
    }

    fn cancel_delivered(&self, run_id: &str) {
        if let Some(workflows) = self.0.upgrade() {
            workflows.submit(Input::LocalActivityCancelDelivered { run_id: run_id.to_owned() });
        }
    }
}
