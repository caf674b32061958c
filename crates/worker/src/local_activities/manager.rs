//! Local activities on the host: slots, time, and news for the runs, around [`LocalActivityTasks`].

use std::cell::{Cell, RefCell};
use std::pin::pin;
use std::rc::Rc;

use corewasm_engine::input::LocalActivityResult;
use corewasm_engine::output::LocalActivityNotice;
use corewasm_engine::time::Instant;
use corewasm_engine::{LocalActivitiesTaken, LocalActivityRequest};
use futures::future::{Either, LocalBoxFuture, select};
use temporalio_protos::TaskToken;
use temporalio_protos::coresdk::activity_task::ActivityTask;

use super::{LocalActivityObservation, LocalActivityOutput, LocalActivityTasks};
use crate::activities::clock::{Timed, keep_deadlines};
use crate::activities::metrics::LocalActivityMetrics;
use crate::context::WorkerContext;
use crate::parts::{LocalActivityExecutor, LocalActivityListener};
use crate::signal::Signal;
use crate::slots::{SlotInfo, SlotPermit};

const TARGET: &str = "temporalio_sdk_core::worker::activities::local_activities";

/// The local activities of a worker.
pub(crate) struct LocalActivities {
    context: Rc<WorkerContext>,
    tasks: Rc<RefCell<LocalActivityTasks<SlotPermit>>>,
    metrics: LocalActivityMetrics,
    listener: RefCell<Option<Rc<dyn LocalActivityListener>>>,
    changed: Signal,
    /// A permit for the next start, taken before there is one.
    standby: RefCell<Option<SlotPermit>>,
    clock_runs: Cell<bool>,
    is_polled: Cell<bool>,
}

impl LocalActivities {
    pub(crate) fn new(context: &Rc<WorkerContext>) -> Rc<Self> {
        Rc::new(Self {
            context: context.clone(),
            tasks: Rc::new(RefCell::new(LocalActivityTasks::new(&context.config.namespace))),
            metrics: LocalActivityMetrics::new(&context.host, context.metrics.attributes()),
            listener: RefCell::default(),
            changed: Signal::default(),
            standby: RefCell::default(),
            clock_runs: Cell::new(false),
            is_polled: Cell::new(false),
        })
    }

    pub(crate) fn listen(&self, listener: Rc<dyn LocalActivityListener>) {
        *self.listener.borrow_mut() = Some(listener);
    }

    /// The next task; `None`: no more come. May be dropped at any time.
    pub(crate) async fn next(self: &Rc<Self>) -> Option<ActivityTask> {
        self.keep_time();
        self.keep_permit();
        self.changed.until(|| self.look()).await
    }

    /// A task or the end, if there is one now.
    fn look(&self) -> Option<Option<ActivityTask>> {
        let task = self.take_task();
        // With or without a task: starts that waited too long are resolved on the way.
        if self.tasks.borrow().has_outputs() {
            self.follow_up();
        }
        (task.is_some() || self.tasks.borrow().is_finished()).then_some(task)
    }

    /// Lang completed an attempt.
    pub(crate) fn complete(&self, task_token: &[u8], result: LocalActivityResult) {
        self.tasks.borrow_mut().handle_completion(task_token, result, self.context.host.now());
        self.follow_up();
    }

    pub(crate) fn adopt(self: &Rc<Self>, task_token: &[u8], permit: SlotPermit) {
        self.tasks.borrow_mut().handle_adopted(task_token, permit);
        self.follow_up();
    }

    /// Lang holds this attempt, and its result is awaited.
    pub(crate) fn is_awaited(&self, task_token: &[u8]) -> bool {
        self.tasks.borrow().is_awaited(task_token)
    }

    fn take_task(&self) -> Option<ActivityTask> {
        let cancel = self.tasks.borrow_mut().take_cancel();
        cancel.or_else(|| self.take_start())
    }

    fn take_start(&self) -> Option<ActivityTask> {
        let now = self.context.host.now();
        let mut standby = self.standby.borrow_mut();
        standby.as_ref()?;
        let activity_type = self.tasks.borrow_mut().next_start(now)?;
        let mut permit = standby.take()?;
        permit.mark_used(SlotInfo::LocalActivity { activity_type });
        self.tasks.borrow_mut().take_start(permit, now)
    }

    /// Tells runs, metrics and the log what happened. Runs may ask for more while they are told.
    fn follow_up(&self) {
        let outputs = self.tasks.borrow_mut().take_outputs();
        let listener = self.listener.borrow().clone();
        for output in outputs {
            match output {
                LocalActivityOutput::Resolved { run_id, resolution } => {
                    if let Some(listener) = &listener {
                        listener.resolved(&run_id, *resolution);
                    }
                }
                LocalActivityOutput::CancelDelivered { run_id } => {
                    if let Some(listener) = &listener {
                        listener.cancel_delivered(&run_id);
                    }
                }
                LocalActivityOutput::Observed(observation) => {
                    self.metrics.record(&observation);
                    self.log(&observation);
                }
            }
        }
        self.changed.notify();
    }

    fn log(&self, observation: &LocalActivityObservation) {
        let host = &self.context.host;
        match observation {
            LocalActivityObservation::UntrackedCompletion { task_token } => {
                let token = TaskToken::from(task_token.clone()).to_string();
                host.warn(TARGET, "Tried to complete untracked local activity", &[("task_token", token.into())]);
            }
            LocalActivityObservation::DuplicateRequest { run_id, seq } => {
                let fields = [("run_id", run_id.as_str().into()), ("seq", (*seq).into())];
                host.error(TARGET, "Tried to queue already-executing local activity", &fields);
            }
            LocalActivityObservation::RequestAfterShutdown { run_id } => {
                let text = "Tried to enqueue local activity after workflows were shut down";
                host.error(TARGET, text, &[("run_id", run_id.as_str().into())]);
            }
            LocalActivityObservation::Started(_)
            | LocalActivityObservation::Executed(..)
            | LocalActivityObservation::Succeeded(..)
            | LocalActivityObservation::Failed(..)
            | LocalActivityObservation::Cancelled(_) => {}
        }
    }

    fn keep_time(self: &Rc<Self>) {
        if !self.clock_runs.replace(true) {
            let this = self.clone();
            let clock = async move { keep_deadlines(&this.context.host, &*this, &this.changed).await };
            self.context.host.spawn(clock).detach();
        }
    }

    /// From the first poll to the end one permit is held ready, so that a start need not wait for a turn of the host's
    /// supplier.
    fn keep_permit(self: &Rc<Self>) {
        if !self.is_polled.replace(true) {
            let this = self.clone();
            self.context.host.spawn(async move { this.renew_permit().await }).detach();
        }
    }

    async fn renew_permit(&self) {
        loop {
            let finished = || self.tasks.borrow().is_finished();
            self.changed.until(|| (finished() || self.standby.borrow().is_none()).then_some(())).await;
            let end = self.changed.until(|| finished().then_some(()));
            let reserve = self.context.slots.local_activity.reserve(false);
            match select(pin!(end), pin!(reserve)).await {
                Either::Left(_) => break,
                Either::Right((permit, _)) => *self.standby.borrow_mut() = Some(permit),
            }
            self.changed.notify();
        }
        self.standby.borrow_mut().take();
    }
}

impl LocalActivityExecutor for LocalActivities {
    fn take(&self, run_id: &str, requests: Vec<LocalActivityRequest>) -> LocalActivitiesTaken {
        let taken = self.tasks.borrow_mut().handle_requests(run_id, requests, self.context.host.now());
        self.follow_up();
        taken
    }

    fn notice(&self, run_id: &str, notice: LocalActivityNotice) {
        self.tasks.borrow_mut().handle_notice(run_id, notice);
        self.follow_up();
    }

    fn nonfirst_attempts(&self, run_id: &str) -> u32 {
        self.tasks.borrow().nonfirst_attempts(run_id)
    }

    fn workflows_have_shut_down(&self) {
        self.tasks.borrow_mut().handle_workflows_shut_down();
        self.follow_up();
    }

    fn idle(&self) -> LocalBoxFuture<'static, ()> {
        let (changed, tasks) = (self.changed.clone(), self.tasks.clone());
        Box::pin(async move { changed.until(|| tasks.borrow().is_idle().then_some(())).await })
    }
}

impl Timed for LocalActivities {
    fn next_deadline(&self) -> Option<Instant> {
        self.tasks.borrow().next_deadline()
    }

    fn time_came(&self) {
        self.tasks.borrow_mut().handle_time(self.context.host.now());
        self.follow_up();
    }

    fn is_over(&self) -> bool {
        self.tasks.borrow().is_finished()
    }
}
