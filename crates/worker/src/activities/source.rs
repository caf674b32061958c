//! What lang polls for: local activities and those of the service, as one stream (spec 3.1.1).

use std::cell::Cell;
use std::future::pending;
use std::pin::pin;
use std::rc::Rc;

use bytes::Bytes;
use corewasm_engine::deep_causes::{self, Carrier};
use futures::future::{Either, LocalBoxFuture, join, select};
use prost::Message;
use temporalio_protos::TaskToken;
use temporalio_protos::coresdk::activity_task::ActivityTask;
use temporalio_protos::coresdk::activity_task::activity_task::Variant;
use temporalio_protos::coresdk::{ActivityHeartbeat, ActivityTaskCompletion};
use temporalio_protos::temporal::api::workflowservice::v1::PollActivityTaskQueueResponse;

use super::completion;
use super::remote::RemoteActivities;
use crate::context::{WorkerContext, WorkerSlots};
use crate::error::WorkerError;
use crate::local_activities::{LocalActivities, resolution, token};
use crate::parts::{ActivityTaskSource, EagerActivities, LocalActivityExecutor, LocalActivityListener, TaskSource};
use crate::queue::Queue;
use crate::service::ServiceError;
use crate::slots::{SlotKind, SlotPermit};

/// Native Core logs this where the worker itself takes heartbeats in.
const WORKER_TARGET: &str = "temporalio_sdk_core::worker";

/// The activities of a worker. Clones are the same.
#[derive(Clone)]
pub struct Activities(Rc<Parts>);

struct Parts {
    context: Rc<WorkerContext>,
    local: Option<Rc<LocalActivities>>,
    remote: Option<Rc<RemoteActivities>>,
    /// Tasks that lang was given but did not get.
    returned: Queue<ActivityTask>,
    local_ended: Cell<bool>,
    remote_ended: Cell<bool>,
}

impl Activities {
    /// The kinds of activities that the worker's configuration enables.
    pub fn new(context: &Rc<WorkerContext>) -> Self {
        let types = context.config.task_types;
        let local = types.local_activities.then(|| LocalActivities::new(context));
        let remote = types.remote_activities.then(|| RemoteActivities::new(context));
        Self(Rc::new(Parts {
            context: context.clone(),
            local_ended: Cell::new(local.is_none()),
            remote_ended: Cell::new(remote.is_none()),
            local,
            remote,
            returned: Queue::default(),
        }))
    }

    /// Who is told of local activities from now on.
    pub fn listen(&self, listener: Rc<dyn LocalActivityListener>) {
        if let Some(local) = &self.0.local {
            local.listen(listener);
        }
    }

    /// The executor for workflow runs, if local activities are enabled.
    pub fn local(&self) -> Option<Rc<dyn LocalActivityExecutor>> {
        self.0.local.clone().map(|local| local as Rc<dyn LocalActivityExecutor>)
    }

    /// Eager execution, unless the worker polls for no activities or the task queue has a rate limit (spec 3.3.1).
    pub fn eager(&self) -> Option<Rc<dyn EagerActivities>> {
        let limited = self.0.context.config.max_task_queue_activities_per_second.is_some_and(|rate| rate > 0.0);
        self.0.remote.clone().filter(|_| !limited).map(|remote| remote as Rc<dyn EagerActivities>)
    }

    /// Cancels an activity that lang executes, in the service's name (spec 3.6.2). Returns whether it is known here.
    pub fn cancel(&self, task_token: &[u8]) -> bool {
        self.0.remote.as_ref().is_some_and(|remote| remote.cancel(task_token))
    }
}

impl TaskSource for Activities {
    fn poll(&self) -> LocalBoxFuture<'static, Result<Bytes, WorkerError>> {
        let parts = self.0.clone();
        Box::pin(async move { parts.next().await.map(|task| task.encode_to_vec().into()) })
    }

    fn complete(&self, completion: Bytes) -> LocalBoxFuture<'static, Result<(), WorkerError>> {
        let parts = self.0.clone();
        Box::pin(async move { parts.complete(completion).await })
    }

    fn undelivered(&self, task: Bytes) {
        if let Ok(task) = ActivityTask::decode(&task[..]) {
            self.0.returned.push(task);
        }
    }

    fn begin_shutdown(&self) {
        if let Some(remote) = &self.0.remote {
            remote.begin_shutdown();
        }
    }

    fn drained(&self) -> LocalBoxFuture<'static, ()> {
        let parts = self.0.clone();
        Box::pin(async move {
            let local = async {
                if let Some(local) = &parts.local {
                    local.idle().await;
                }
            };
            let remote = async {
                if let Some(remote) = &parts.remote {
                    remote.drained().await;
                }
            };
            join(local, remote).await;
        })
    }

    fn adopt(&self, tasks: Vec<Bytes>, permits: Vec<SlotPermit>) {
        let mut permits = AdoptedPermits { slots: &self.0.context.slots, permits };
        for task in tasks.into_iter().filter_map(|task| ActivityTask::decode(&task[..]).ok()) {
            let is_local = token::is_local(&task.task_token);
            if let (true, Some(local)) = (is_local, &self.0.local) {
                local.adopt(&task.task_token, permits.take(SlotKind::LocalActivity));
            } else if let (false, Some(remote)) = (is_local, &self.0.remote) {
                remote.adopt(&task, permits.take(SlotKind::Activity));
            }
        }
    }

    fn adopt_polled(&self, response: Bytes) {
        if let (Some(remote), Ok(response)) = (&self.0.remote, PollActivityTaskQueueResponse::decode(&response[..])) {
            remote.adopt_polled(response);
        }
    }
}

impl ActivityTaskSource for Activities {
    fn record_heartbeat(&self, heartbeat: Bytes) -> Result<(), WorkerError> {
        let heartbeat =
            ActivityHeartbeat::decode(&heartbeat[..]).map_err(|error| WorkerError::InvalidProto(error.to_string()))?;
        let Some(remote) = &self.0.remote else { return Ok(()) };
        let task_token = TaskToken::from(heartbeat.task_token.clone()).to_string();
        if let Err(error) = remote.record_heartbeat(heartbeat) {
            let fields = [("task_token", task_token.into()), ("details", format!("{error:?}").into())];
            self.0.context.host.warn(WORKER_TARGET, "Activity heartbeat failed.", &fields);
        }
        Ok(())
    }
}

impl Parts {
    /// Local activities first. May be dropped at any time.
    async fn next(&self) -> Result<ActivityTask, WorkerError> {
        loop {
            if let Some(task) = self.take_returned() {
                return Ok(task);
            }
            if self.local_ended.get() && self.remote_ended.get() {
                return Err(WorkerError::Shutdown);
            }
            let (local, remote) = (pin!(self.next_local()), pin!(self.next_remote()));
            match select(pin!(self.returned.next()), select(local, remote)).await {
                Either::Left((Some(task), _)) if self.is_wanted(&task) => return Ok(task),
                Either::Left(_) => {}
                Either::Right((Either::Left((Some(task), _)), _)) => return Ok(task),
                Either::Right((Either::Left((None, _)), _)) => self.local_ended.set(true),
                Either::Right((Either::Right((Some(Ok(task)), _)), _)) => return Ok(task),
                Either::Right((Either::Right((Some(Err(error)), _)), _)) => {
                    return Err(WorkerError::poll(&error.status));
                }
                Either::Right((Either::Right((None, _)), _)) => self.remote_ended.set(true),
            }
        }
    }

    async fn next_local(&self) -> Option<ActivityTask> {
        match &self.local {
            Some(local) if !self.local_ended.get() => local.next().await,
            _ => pending().await,
        }
    }

    async fn next_remote(&self) -> Option<Result<ActivityTask, ServiceError>> {
        match &self.remote {
            Some(remote) if !self.remote_ended.get() => remote.next().await,
            _ => pending().await,
        }
    }

    fn take_returned(&self) -> Option<ActivityTask> {
        std::iter::from_fn(|| self.returned.try_next()).find(|task| self.is_wanted(task))
    }

    /// A start whose activity is over by now, for example timed out, would be executed for nothing.
    fn is_wanted(&self, task: &ActivityTask) -> bool {
        let is_start = matches!(task.variant, Some(Variant::Start(_)));
        let local = || self.local.as_ref().is_some_and(|local| local.is_awaited(&task.task_token));
        let remote = || self.remote.as_ref().is_some_and(|remote| remote.tasks.borrow().is_tracked(&task.task_token));
        !is_start || local() || remote()
    }

    async fn complete(&self, completion: Bytes) -> Result<(), WorkerError> {
        let completion: ActivityTaskCompletion = deep_causes::decode(&completion, Carrier::ActivityCompletion)
            .map_err(|error| WorkerError::InvalidProto(error.to_string()))?;
        let status = completion.result.and_then(|result| result.status);
        let status = completion::validated(status).map_err(|error| malformed(&error))?;
        if token::is_local(&completion.task_token) {
            let result = resolution::from_completion(status).map_err(|error| malformed(&error))?;
            if let Some(local) = &self.local {
                local.complete(&completion.task_token, result);
            }
            return Ok(());
        }
        let remote = self.remote.as_ref().ok_or_else(not_enabled)?;
        remote.complete(completion.task_token, status).await;
        Ok(())
    }
}

fn malformed(reason: &dyn std::error::Error) -> WorkerError {
    WorkerError::Completion(format!("Lang SDK sent us a malformed activity completion ({reason}): None"))
}

fn not_enabled() -> WorkerError {
    WorkerError::Completion("Activities are not enabled on this worker".to_owned())
}

/// The permits of an earlier instance, handed out to its tasks. What is left over goes back.
struct AdoptedPermits<'a> {
    slots: &'a WorkerSlots,
    permits: Vec<SlotPermit>,
}

impl AdoptedPermits<'_> {
    /// Suppliers of this module had no permits to hand over: the number means nothing to them.
    fn take(&mut self, kind: SlotKind) -> SlotPermit {
        let pool = match kind {
            SlotKind::LocalActivity => &self.slots.local_activity,
            SlotKind::Workflow | SlotKind::Activity | SlotKind::Nexus => &self.slots.activity,
        };
        let index = self.permits.iter().position(|permit| permit.kind() == kind);
        index.map_or_else(|| pool.adopt(0), |index| self.permits.swap_remove(index))
    }
}
