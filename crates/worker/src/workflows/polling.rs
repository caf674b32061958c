//! Polls for workflow tasks, of the normal and of the sticky queue, and the way of an answer to the stream (spec 1.2,
//! 6.1.2).

use std::rc::Rc;

use corewasm_engine::EvictionRequest;
use corewasm_engine::history::{SplitPoll, split_poll_response};
use corewasm_engine::input::UnstoredTask;
use corewasm_engine::time::WallTime;
use futures::future::LocalBoxFuture;
use temporalio_protos::coresdk::workflow_activation::remove_from_cache::EvictionReason;
use temporalio_protos::temporal::api::enums::v1::TaskQueueKind;
use temporalio_protos::temporal::api::taskqueue::v1::TaskQueue;
use temporalio_protos::temporal::api::workflowservice::v1::{
    PollWorkflowTaskQueueRequest, PollWorkflowTaskQueueResponse,
};

use super::commands::fetch_failed;
use super::stream::{Input, PermittedTask};
use super::task::ValidTask;
use super::{TARGET, Workflows};
use crate::context::{PollerChoice, WorkerContext};
use crate::error::WorkerError;
use crate::pollers::{Balance, PollAnswer, PollFn, PollOptions, Polled, Pollers};
use crate::service::{CallOptions, ServiceError, undecodable};
use crate::slots::{SlotInfo, SlotPermit};

/// Polls in another way than by asking the service: the replay worker's.
pub(crate) type PollWorkflow = PollFn<SplitPoll>;

/// The pollers of both queues.
pub(super) struct TaskPollers {
    normal: Pollers<SplitPoll>,
    sticky: Option<Pollers<SplitPoll>>,
}

impl TaskPollers {
    pub(super) fn new(context: &Rc<WorkerContext>, sticky_queue: Option<&str>, poll: Option<PollWorkflow>) -> Self {
        let behavior = context.behavior(context.config.workflow_pollers);
        let (normal, sticky) = match sticky_queue {
            Some(_) => behavior.split(context.config.nonsticky_to_sticky_poll_ratio),
            None => (behavior, behavior),
        };
        let balance = sticky_queue.map(|_| Balance::new(context.slots.workflow.available()));
        let choice = |behavior, is_sticky, poller_type| PollerChoice {
            behavior,
            slots: context.slots.workflow.clone(),
            is_sticky,
            max_per_second: None,
            balance: balance.clone(),
            poller_type,
        };
        let poll_normal = poll.unwrap_or_else(|| poll_service(context, None));
        Self {
            normal: context.pollers(choice(normal, false, "workflow_task"), poll_normal),
            sticky: sticky_queue.map(|queue| {
                let poll = poll_service(context, Some(queue.to_owned()));
                context.pollers(choice(sticky, true, "sticky_workflow_task"), poll)
            }),
        }
    }
}

impl Workflows {
    /// Take from each queue as answers come.
    pub(super) fn start_polling(self: &Rc<Self>) {
        let both = std::iter::once(&self.pollers.normal).chain(&self.pollers.sticky);
        for pollers in both {
            let (workflows, pollers) = (self.clone(), pollers.clone());
            self.spawn(async move {
                while let Some(polled) = pollers.next().await {
                    workflows.take_answer(polled);
                }
            });
        }
    }

    fn take_answer(self: &Rc<Self>, polled: Polled<SplitPoll>) {
        match polled {
            Ok((poll, _)) if poll.is_empty() => self.context.metrics.workflow_poll_empty(),
            Ok((poll, permit)) => self.take_in(async move { (poll, permit) }),
            Err(error) => self.give_up_polling(&error),
        }
    }

    /// Such an error is final: lang is told, and the worker shuts down (spec 1.2.3).
    fn give_up_polling(self: &Rc<Self>, error: &ServiceError) {
        crate::service::warn_of(&self.context.host, TARGET, "Error while polling for workflow tasks", error);
        self.activations.push(Err(WorkerError::poll(&error.status)));
    }

    /// Take a task in once its permit is there. Shutdown waits for it.
    pub(super) fn take_in(self: &Rc<Self>, arriving: impl Future<Output = (SplitPoll, SlotPermit)> + 'static) {
        let workflows = self.clone();
        self.stream.begin_fetch();
        self.spawn(async move {
            let (poll, permit) = arriving.await;
            workflows.take_polled(poll, permit).await;
            workflows.stream.end_fetch();
            workflows.submit(Input::Bump);
        });
    }

    /// Check a task, page it in and hand it to the stream.
    async fn take_polled(self: &Rc<Self>, poll: SplitPoll, mut permit: SlotPermit) {
        let waited = schedule_to_start(&poll.response);
        let task = match ValidTask::new(poll) {
            Ok(task) => task,
            Err(error) => {
                let fields = [("error", error.to_string().into())];
                return self.context.host.error(TARGET, "Server returned an unparseable workflow task", &fields);
            }
        };
        self.context.metrics.workflow_poll_ok(waited);
        let unstored = UnstoredTask { task_token: task.token.clone(), attempt: task.attempt };
        let (run_id, workflow_type) = (task.run_id.clone(), task.workflow_type.clone());
        let is_cached = self.stream.is_cached(&run_id);
        let prepared = self.stream.pager.prepare(task, is_cached).await;
        self.submit(match prepared {
            Ok(task) => {
                permit.mark_used(SlotInfo::Workflow { workflow_type, is_sticky: task.update.is_incremental() });
                Input::Task(Box::new(PermittedTask { task, permit }))
            }
            Err(text) => Input::TaskFailed {
                run_id,
                workflow_type,
                request: EvictionRequest {
                    message: fetch_failed(&text),
                    reason: EvictionReason::PaginationOrHistoryFetch,
                    fail_task: Some(unstored),
                },
                permit,
            },
        });
    }
}

/// Polls the service, for the sticky queue if one is named.
fn poll_service(context: &Rc<WorkerContext>, sticky_queue: Option<String>) -> PollWorkflow {
    // The pollers are part of what the context's worker owns: they must not keep it alive.
    let context = Rc::downgrade(context);
    Box::new(move |options| {
        let context = context.upgrade();
        let sticky_queue = sticky_queue.clone();
        let polled: LocalBoxFuture<'static, _> = Box::pin(async move {
            let Some(context) = context else { return Ok(empty()) };
            poll_once(&context, sticky_queue, options).await
        });
        polled
    })
}

async fn poll_once(
    context: &WorkerContext,
    sticky_queue: Option<String>,
    options: PollOptions,
) -> Result<SplitPoll, ServiceError> {
    let request = poll_request(context, sticky_queue);
    let options = CallOptions { retry: options.retry, timeout: options.timeout };
    let answer = context.client.call_raw("PollWorkflowTaskQueue", request, options).await?;
    split_poll_response(&answer).map_err(|error| undecodable("PollWorkflowTaskQueue", &error))
}

#[expect(deprecated, reason = "older servers read these fields")]
fn poll_request(context: &WorkerContext, sticky_queue: Option<String>) -> PollWorkflowTaskQueueRequest {
    let client = &context.client;
    let normal = context.config.task_queue.clone();
    let task_queue = match sticky_queue {
        Some(name) => TaskQueue { name, kind: TaskQueueKind::Sticky.into(), normal_name: normal },
        None => TaskQueue { name: normal, kind: TaskQueueKind::Normal.into(), normal_name: String::new() },
    };
    PollWorkflowTaskQueueRequest {
        namespace: client.namespace().to_owned(),
        task_queue: Some(task_queue),
        identity: client.identity(),
        binary_checksum: client.binary_checksum(),
        worker_version_capabilities: client.version_capabilities(),
        deployment_options: client.deployment_options(),
        worker_instance_key: client.instance_key().to_owned(),
        worker_control_task_queue: client.worker_control_task_queue(),
        ..Default::default()
    }
}

fn empty() -> SplitPoll {
    SplitPoll { response: PollWorkflowTaskQueueResponse::default(), events: Vec::new() }
}

fn schedule_to_start(response: &PollWorkflowTaskQueueResponse) -> Option<std::time::Duration> {
    let scheduled = WallTime::from(response.scheduled_time.as_ref()?);
    Some(WallTime::from(response.started_time.as_ref()?).since(scheduled))
}
