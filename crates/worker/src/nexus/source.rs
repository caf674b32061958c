//! Nexus tasks on the host: polls and completions around [`NexusTasks`].

use std::cell::{Cell, RefCell};
use std::pin::pin;
use std::rc::Rc;

use bytes::Bytes;
use corewasm_engine::deep_causes::{self, Carrier};
use corewasm_engine::time::{Instant, WallTime};
use corewasm_host::{GrpcStatus, code};
use futures::future::{Either, LocalBoxFuture, select};
use prost::Message;
use temporalio_protos::TaskToken;
use temporalio_protos::coresdk::nexus::nexus_task::Variant;
use temporalio_protos::coresdk::nexus::{NexusTask, NexusTaskCompletion};
use temporalio_protos::temporal::api::nexus::v1::request;
use temporalio_protos::temporal::api::workflowservice::v1::PollNexusTaskQueueResponse;

use super::metrics::NexusMetrics;
use super::reply::{Answer, MalformedCompletion, oversized};
use super::requests;
use super::tasks::NexusTasks;
use crate::activities::clock::{Timed, keep_deadlines};
use crate::context::{PollerChoice, WorkerContext};
use crate::error::WorkerError;
use crate::parts::TaskSource;
use crate::pollers::{PollAnswer, Polled, Pollers};
use crate::queue::Queue;
use crate::service::{ServiceError, ServiceErrorKind, warn_of};
use crate::signal::Signal;
use crate::slots::{SlotInfo, SlotPermit};

const TARGET: &str = "temporalio_sdk_core::worker::nexus";

/// The Nexus tasks of a worker. Clones are the same.
#[derive(Clone)]
pub struct Nexus(Rc<Parts>);

struct Parts {
    context: Rc<WorkerContext>,
    tasks: RefCell<NexusTasks<SlotPermit>>,
    metrics: NexusMetrics,
    pollers: Pollers<PollNexusTaskQueueResponse>,
    /// Tasks that came otherwise than by the pollers.
    unpolled: Queue<(PollNexusTaskQueueResponse, SlotPermit)>,
    /// Tasks that lang was given but did not get.
    returned: Queue<NexusTask>,
    changed: Signal,
    clock_runs: Cell<bool>,
    polls_ended: Cell<bool>,
    finished: Cell<bool>,
}

impl Nexus {
    /// Nothing is polled for until lang polls.
    pub fn new(context: &Rc<WorkerContext>) -> Self {
        Self(Rc::new(Parts {
            tasks: RefCell::new(NexusTasks::new(context.config.graceful_shutdown_period)),
            metrics: NexusMetrics::new(&context.host, context.metrics.attributes()),
            pollers: pollers(context),
            context: context.clone(),
            unpolled: Queue::default(),
            returned: Queue::default(),
            changed: Signal::default(),
            clock_runs: Cell::new(false),
            polls_ended: Cell::new(false),
            finished: Cell::new(false),
        }))
    }
}

impl TaskSource for Nexus {
    fn poll(&self) -> LocalBoxFuture<'static, Result<Bytes, WorkerError>> {
        let parts = self.0.clone();
        Box::pin(async move { parts.next().await.map(|task| task.encode_to_vec().into()) })
    }

    fn complete(&self, completion: Bytes) -> LocalBoxFuture<'static, Result<(), WorkerError>> {
        let parts = self.0.clone();
        Box::pin(async move { parts.complete(completion).await })
    }

    fn undelivered(&self, task: Bytes) {
        if let Ok(task) = NexusTask::decode(&task[..]) {
            self.0.returned.push(task);
        }
    }

    /// The pollers watch the shutdown token themselves; the rest follows from their end.
    fn begin_shutdown(&self) {}

    fn drained(&self) -> LocalBoxFuture<'static, ()> {
        let parts = self.0.clone();
        Box::pin(async move { parts.context.slots.nexus.all_back().await })
    }

    fn adopt(&self, tasks: Vec<Bytes>, mut permits: Vec<SlotPermit>) {
        let now = self.0.context.host.now();
        for task in tasks.into_iter().filter_map(|task| NexusTask::decode(&task[..]).ok()) {
            // Suppliers of this module had no permits to hand over: the number means nothing to them.
            let permit = permits.pop().unwrap_or_else(|| self.0.context.slots.nexus.adopt(0));
            self.0.tasks.borrow_mut().handle_adopted(&task, permit, now);
        }
        self.0.keep_time();
        self.0.changed.notify();
    }

    fn adopt_polled(&self, response: Bytes) {
        let Ok(response) = PollNexusTaskQueueResponse::decode(&response[..]) else { return };
        if response.is_empty() {
            return;
        }
        let parts = self.0.clone();
        let reserved = async move {
            let permit = parts.context.slots.nexus.reserve(false).await;
            parts.unpolled.push((response, permit));
        };
        self.0.context.host.spawn(reserved).detach();
    }
}

impl Parts {
    /// The next task: cancels first. May be dropped at any time.
    async fn next(self: &Rc<Self>) -> Result<NexusTask, WorkerError> {
        self.keep_time();
        while !self.finished.get() {
            let cancel = pin!(self.changed.until(|| self.tasks.borrow_mut().take_cancel()));
            let (returned, unpolled) = (pin!(self.returned.next()), pin!(self.unpolled.next()));
            let polled = pin!(self.polled());
            let (urgent, others) = (select(returned, cancel), select(unpolled, polled));
            match select(urgent, others).await {
                Either::Left((Either::Left((Some(task), _)), _)) if self.is_wanted(&task) => return Ok(task),
                Either::Left((Either::Left(_), _)) => {}
                Either::Left((Either::Right((cancel, _)), _)) => return Ok(cancel),
                Either::Right((Either::Left((Some((response, permit)), _)), _)) => {
                    return Ok(self.begin(response, permit));
                }
                Either::Right((Either::Right((Some(polled), _)), _)) => {
                    if let Some(next) = self.received(polled) {
                        return next.map_err(|error| WorkerError::poll(&error.status));
                    }
                }
                Either::Right((Either::Left((None, _)) | Either::Right((None, _)), _)) => self.finished.set(true),
            }
        }
        Err(WorkerError::Shutdown)
    }

    /// The next answer to a poll; `None` when there are none any more and every permit is back (spec 5.8).
    async fn polled(&self) -> Option<Polled<PollNexusTaskQueueResponse>> {
        if !self.polls_ended.get() {
            if let Some(polled) = self.pollers.next().await {
                return Some(polled);
            }
            self.polls_ended.set(true);
            self.tasks.borrow_mut().handle_polls_ended(self.context.host.now());
            self.changed.notify();
        }
        self.context.slots.nexus.all_back().await;
        None
    }

    fn received(
        self: &Rc<Self>,
        polled: Polled<PollNexusTaskQueueResponse>,
    ) -> Option<Result<NexusTask, ServiceError>> {
        let (response, permit) = match polled {
            Ok(polled) => polled,
            Err(error) => {
                warn_of(&self.context.host, TARGET, "Error while polling for nexus tasks", &error);
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
        if let Some(missing) = missing_part(&response) {
            return Some(Err(GrpcStatus::new(code::INVALID_ARGUMENT, missing).into()));
        }
        Some(Ok(self.begin(response, permit)))
    }

    fn begin(self: &Rc<Self>, response: PollNexusTaskQueueResponse, mut permit: SlotPermit) -> NexusTask {
        let now = self.context.host.now();
        let scheduled = response.request.as_ref().and_then(|request| request.scheduled_time.as_ref());
        if let Some(scheduled) = scheduled {
            self.metrics.schedule_to_start(now.wall.since(WallTime::from(scheduled)));
        }
        permit.mark_used(slot_info(&response));
        let (task, invalid) = self.tasks.borrow_mut().handle_task(response, permit, now);
        if let Some(invalid) = invalid {
            let text = format!("Failed to parse nexus timeout header value '{}'", invalid.0);
            self.context.host.warn(TARGET, text, &[]);
        }
        self.changed.notify();
        task
    }

    /// A task that was completed meanwhile would be handled for nothing.
    fn is_wanted(&self, task: &NexusTask) -> bool {
        match &task.variant {
            Some(Variant::Task(response)) => self.tasks.borrow().is_tracked(&response.task_token),
            Some(Variant::CancelTask(cancel)) => self.tasks.borrow().is_tracked(&cancel.task_token),
            None => false,
        }
    }

    async fn complete(self: &Rc<Self>, completion: Bytes) -> Result<(), WorkerError> {
        let completion: NexusTaskCompletion = deep_causes::decode(&completion, Carrier::NexusCompletion)
            .map_err(|error| WorkerError::InvalidProto(error.to_string()))?;
        let status = completion.status.ok_or_else(|| malformed(&MalformedCompletion::NoStatus))?;
        let now = self.context.host.now();
        let completed = self.tasks.borrow_mut().handle_completion(&completion.task_token, status, now);
        let Some(completed) = completed else {
            let token = TaskToken::from(completion.task_token).to_string();
            let text = format!("Attempted to complete nexus task {token} but we were not tracking it");
            self.context.host.warn(TARGET, text, &[]);
            return Ok(());
        };
        self.changed.notify();
        self.metrics.latency(completed.took);
        let reply = completed.reply.map_err(|error| malformed(&error))?;
        if let Some(reason) = reply.failure_reason {
            self.metrics.failed(reason);
        }
        if let Some(answer) = reply.answer {
            self.send(completion.task_token, answer, completed.scheduled).await;
        }
        drop(completed.permit);
        Ok(())
    }

    /// Errors are logged only (spec 5.6).
    async fn send(&self, task_token: Vec<u8>, answer: Answer, scheduled: Option<WallTime>) {
        let client = &self.context.client;
        let mut sent = requests::answer(client, task_token.clone(), answer).await;
        if let Err(ServiceError { kind: ServiceErrorKind::PayloadsTooLarge(violation), .. }) = &sent {
            sent = requests::answer(client, task_token, oversized(violation)).await;
        }
        match sent {
            Ok(()) => {
                if let Some(scheduled) = scheduled {
                    self.metrics.end_to_end(self.context.host.now().wall.since(scheduled));
                }
            }
            Err(error) if error.status.code == code::NOT_FOUND => {
                let text = "Nexus task not found on completion. This may happen if the operation has already been \
                            cancelled but completed anyway.";
                warn_of(&self.context.host, TARGET, text, &error);
            }
            Err(error) => warn_of(&self.context.host, TARGET, "Network error while completing Nexus task", &error),
        }
    }

    fn keep_time(self: &Rc<Self>) {
        if !self.clock_runs.replace(true) {
            let this = self.clone();
            let clock = async move { keep_deadlines(&this.context.host, &*this, &this.changed).await };
            self.context.host.spawn(clock).detach();
        }
    }
}

impl Timed for Parts {
    fn next_deadline(&self) -> Option<Instant> {
        self.tasks.borrow().next_deadline()
    }

    fn time_came(&self) {
        self.tasks.borrow_mut().handle_time(self.context.host.now());
        self.changed.notify();
    }

    fn is_over(&self) -> bool {
        self.finished.get()
    }
}

/// What a task must have (spec 5.1).
fn missing_part(response: &PollNexusTaskQueueResponse) -> Option<&'static str> {
    match &response.request {
        _ if response.task_token.is_empty() => Some("missing task token"),
        None => Some("missing request field"),
        Some(request) if request.variant.is_none() => Some("missing request variant"),
        Some(_) => None,
    }
}

fn slot_info(response: &PollNexusTaskQueueResponse) -> SlotInfo {
    let variant = response.request.as_ref().and_then(|request| request.variant.as_ref());
    let (service, operation) = match variant {
        Some(request::Variant::StartOperation(start)) => (start.service.clone(), start.operation.clone()),
        Some(request::Variant::CancelOperation(cancel)) => (cancel.service.clone(), cancel.operation.clone()),
        None => Default::default(),
    };
    SlotInfo::Nexus { service, operation }
}

fn malformed(reason: &MalformedCompletion) -> WorkerError {
    WorkerError::Completion(format!("Lang SDK sent us a malformed nexus completion: {reason}"))
}

fn pollers(context: &Rc<WorkerContext>) -> Pollers<PollNexusTaskQueueResponse> {
    let choice = PollerChoice {
        behavior: context.behavior(context.config.nexus_pollers),
        slots: context.slots.nexus.clone(),
        is_sticky: false,
        max_per_second: None,
        balance: None,
        poller_type: "nexus_task",
    };
    let polling = context.clone();
    context.pollers(choice, Box::new(move |options| requests::poll(&polling, options)))
}
