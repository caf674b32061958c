//! The activities of the service, on the host: polls, heartbeats and completions around [`ActivityTasks`].

use std::cell::{Cell, RefCell};
use std::pin::pin;
use std::rc::Rc;

use corewasm_engine::time::Instant;
use corewasm_host::{GrpcStatus, code};
use futures::future::{Either, LocalBoxFuture, select};
use temporalio_protos::coresdk::ActivityHeartbeat;
use temporalio_protos::coresdk::activity_task::ActivityTask;
use temporalio_protos::temporal::api::workflowservice::v1::PollActivityTaskQueueResponse;

use super::clock::{Timed, keep_deadlines};
use super::heartbeats::HeartbeatReport;
use super::metrics::ActivityMetrics;
use super::tasks::{ActivitySettings, ActivityTasks, HeartbeatOutcome, UnknownActivity};
use super::{TARGET, completion, requests};
use crate::context::{PollerChoice, WorkerContext};
use crate::parts::EagerActivities;
use crate::pollers::{PollAnswer, Polled, Pollers};
use crate::queue::Queue;
use crate::service::{ServiceError, ServiceErrorKind, warn_of};
use crate::signal::Signal;
use crate::slots::{SlotInfo, SlotPermit};

pub(super) struct RemoteActivities {
    pub(super) context: Rc<WorkerContext>,
    pub(super) tasks: RefCell<ActivityTasks<SlotPermit>>,
    pub(super) metrics: ActivityMetrics,
    pub(super) changed: Signal,
    pollers: Pollers<PollActivityTaskQueueResponse>,
    /// Tasks that came otherwise than by the pollers, and whether eagerly.
    unpolled: Queue<(PollActivityTaskQueueResponse, SlotPermit, bool)>,
    clock_runs: Cell<bool>,
    polls_ended: Cell<bool>,
    finished: Cell<bool>,
}

type Next = Result<ActivityTask, ServiceError>;

impl RemoteActivities {
    pub(super) fn new(context: &Rc<WorkerContext>) -> Rc<Self> {
        let config = &context.config;
        let settings = ActivitySettings {
            default_heartbeat_throttle_interval: config.default_heartbeat_throttle_interval,
            max_heartbeat_throttle_interval: config.max_heartbeat_throttle_interval,
            local_timeout_buffer: config.local_timeout_buffer,
            graceful_shutdown_period: config.graceful_shutdown_period,
        };
        Rc::new(Self {
            context: context.clone(),
            tasks: RefCell::new(ActivityTasks::new(settings)),
            metrics: ActivityMetrics::new(&context.host, context.metrics.attributes()),
            changed: Signal::default(),
            pollers: pollers(context),
            unpolled: Queue::default(),
            clock_runs: Cell::new(false),
            polls_ended: Cell::new(false),
            finished: Cell::new(false),
        })
    }

    /// The next task: pending cancels before eager activities before polls (spec 3.1.1). `None`: no more come.
    ///
    /// May be dropped at any time: what is taken is returned without waiting for anything else.
    pub(super) async fn next(self: &Rc<Self>) -> Option<Next> {
        self.keep_time();
        while !self.finished.get() {
            let cancel = pin!(self.changed.until(|| self.tasks.borrow_mut().take_cancel()));
            let (unpolled, polled) = (pin!(self.unpolled.next()), pin!(self.polled()));
            match select(cancel, select(unpolled, polled)).await {
                Either::Left((cancel, _)) => return Some(Ok(cancel)),
                Either::Right((Either::Left((Some((response, permit, is_eager)), _)), _)) => {
                    return Some(Ok(self.begin(response, permit, is_eager)));
                }
                Either::Right((Either::Right((Some(polled), _)), _)) => {
                    if let Some(next) = self.received(polled) {
                        return Some(next);
                    }
                }
                Either::Right((Either::Left((None, _)) | Either::Right((None, _)), _)) => self.finished.set(true),
            }
        }
        None
    }

    /// The next answer to a poll; `None` when there are none any more and every permit is back: polls, reserved slots,
    /// activities and their completions all hold one (spec 3.6.3).
    async fn polled(&self) -> Option<Polled<PollActivityTaskQueueResponse>> {
        if !self.polls_ended.get() {
            if let Some(polled) = self.pollers.next().await {
                return Some(polled);
            }
            self.polls_ended.set(true);
        }
        self.context.slots.activity.all_back().await;
        None
    }

    fn received(self: &Rc<Self>, polled: Polled<PollActivityTaskQueueResponse>) -> Option<Next> {
        let (response, permit) = match polled {
            Ok(polled) => polled,
            Err(error) => {
                warn_of(&self.context.host, TARGET, "Error while polling for activity tasks", &error);
                return Some(Err(error));
            }
        };
        if response.is_empty() {
            // After shutdown began it is the server's answer to that, not a time-out.
            if !self.context.shutdown.has_begun() {
                self.metrics.poll_empty();
            }
            return None;
        }
        if response.task_token.is_empty() {
            let status = GrpcStatus::new(code::INVALID_ARGUMENT, "missing task token");
            return Some(Err(status.into()));
        }
        Some(Ok(self.begin(response, permit, false)))
    }

    fn begin(
        self: &Rc<Self>,
        response: PollActivityTaskQueueResponse,
        mut permit: SlotPermit,
        is_eager: bool,
    ) -> ActivityTask {
        let activity_type = response.activity_type.as_ref().map(|kind| kind.name.clone()).unwrap_or_default();
        permit.mark_used(SlotInfo::Activity { activity_type });
        let now = self.context.host.now();
        let task = self.tasks.borrow_mut().handle_start(response, permit, is_eager, now);
        self.follow_up();
        task
    }

    pub(super) fn record_heartbeat(self: &Rc<Self>, heartbeat: ActivityHeartbeat) -> Result<(), UnknownActivity> {
        let now = self.context.host.now();
        self.tasks.borrow_mut().handle_heartbeat(&heartbeat.task_token, heartbeat.details, now)?;
        self.follow_up();
        Ok(())
    }

    /// The service pushed a cancellation (spec 3.6.2).
    pub(super) fn cancel(self: &Rc<Self>, task_token: &[u8]) -> bool {
        let known = self.tasks.borrow_mut().handle_cancel_request(task_token);
        self.follow_up();
        known
    }

    pub(super) fn begin_shutdown(self: &Rc<Self>) {
        self.tasks.borrow_mut().handle_shutdown(self.context.host.now());
        self.follow_up();
    }

    pub(super) fn adopt(self: &Rc<Self>, task: &ActivityTask, permit: SlotPermit) {
        self.tasks.borrow_mut().handle_adopted(task, permit, self.context.host.now());
        self.keep_time();
        self.follow_up();
    }

    /// An answer that an earlier instance's poll brought: it needs a slot as any other.
    pub(super) fn adopt_polled(self: &Rc<Self>, response: PollActivityTaskQueueResponse) {
        if response.is_empty() {
            return;
        }
        let this = self.clone();
        let reserved = async move {
            let permit = this.context.slots.activity.reserve_for_adopted().await;
            this.unpolled.push((response, permit, false));
        };
        self.context.host.spawn(reserved).detach();
    }

    /// Every permit is back: nothing is executed and no completion is under way.
    pub(super) fn drained(self: &Rc<Self>) -> LocalBoxFuture<'static, ()> {
        let this = self.clone();
        Box::pin(async move { this.context.slots.activity.all_back().await })
    }

    /// Sends what is to be sent and counts what is to be counted after a change.
    pub(super) fn follow_up(self: &Rc<Self>) {
        let (reports, observations) = {
            let mut tasks = self.tasks.borrow_mut();
            (tasks.take_reports(), tasks.take_observations())
        };
        observations.into_iter().for_each(|observation| self.metrics.record(observation));
        for report in reports {
            let this = self.clone();
            self.context.host.spawn(async move { this.send_heartbeat(report).await }).detach();
        }
        self.changed.notify();
    }

    async fn send_heartbeat(self: Rc<Self>, report: HeartbeatReport) {
        let task_token = report.task_token.clone();
        let outcome = self.heartbeat_outcome(report).await;
        self.tasks.borrow_mut().handle_report_outcome(&task_token, &outcome, self.context.host.now());
        self.follow_up();
    }

    /// Sends a heartbeat. One that is too large fails the activity, as the service would (spec 3.4.4).
    pub(super) async fn heartbeat_outcome(&self, report: HeartbeatReport) -> HeartbeatOutcome {
        let client = &self.context.client;
        let task_token = report.task_token.clone();
        let error = match requests::record_heartbeat(client, report.task_token, report.details).await {
            Ok(response) => return HeartbeatOutcome::Recorded(response),
            Err(error) => error,
        };
        if let ServiceErrorKind::PayloadsTooLarge(violation) = &error.kind {
            let failed = completion::oversized_report(violation, &completion::Ended::default());
            if let Err(error) = requests::fail(client, task_token, failed).await {
                self.warn("Failed to fail activity after oversized heartbeat", &error);
            }
            return HeartbeatOutcome::TooLarge;
        }
        if error.status.code == code::NOT_FOUND {
            return HeartbeatOutcome::NotFound;
        }
        self.warn("Error when recording heartbeat", &error);
        HeartbeatOutcome::Failed
    }

    pub(super) fn warn(&self, message: &str, error: &ServiceError) {
        warn_of(&self.context.host, TARGET, message, error);
    }

    fn keep_time(self: &Rc<Self>) {
        if !self.clock_runs.replace(true) {
            let this = self.clone();
            let clock = async move { keep_deadlines(&this.context.host, &Clock(&this), &this.changed).await };
            self.context.host.spawn(clock).detach();
        }
    }
}

struct Clock<'a>(&'a Rc<RemoteActivities>);

impl Timed for Clock<'_> {
    fn next_deadline(&self) -> Option<Instant> {
        self.0.tasks.borrow().next_deadline()
    }

    fn time_came(&self) {
        self.0.tasks.borrow_mut().handle_time(self.0.context.host.now());
        self.0.follow_up();
    }

    fn is_over(&self) -> bool {
        self.0.finished.get()
    }
}

impl EagerActivities for RemoteActivities {
    fn try_reserve(&self) -> LocalBoxFuture<'static, Option<SlotPermit>> {
        let context = self.context.clone();
        Box::pin(async move {
            if context.shutdown.has_begun() {
                return None;
            }
            context.slots.activity.try_reserve().await
        })
    }

    fn deliver(&self, tasks: Vec<(PollActivityTaskQueueResponse, SlotPermit)>) {
        for (response, permit) in tasks {
            self.unpolled.push((response, permit, true));
        }
    }
}

fn pollers(context: &Rc<WorkerContext>) -> Pollers<PollActivityTaskQueueResponse> {
    let choice = PollerChoice {
        behavior: context.behavior(context.config.activity_pollers),
        slots: context.slots.activity.clone(),
        is_sticky: false,
        max_per_second: context.config.max_activities_per_second,
        balance: None,
        poller_type: "activity_task",
    };
    let polling = context.clone();
    context.pollers(choice, Box::new(move |options| requests::poll(&polling, options)))
}
