//! How a worker ends (spec 9.3).

use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use corewasm_host::code;
use futures::future::{Either, join_all, select};
use temporalio_protos::temporal::api::enums::v1::TaskQueueType;
use temporalio_protos::temporal::api::workflowservice::v1::{ShutdownWorkerRequest, ShutdownWorkerResponse};

use super::{TARGET, Worker};
use crate::error::full_status_text as error_text;
use crate::replay::Pusher;
use crate::service::{self, CallOptions, RetryKind, ServiceError};

const FAREWELL: &str = "ShutdownWorker";
/// Permits may come back late, but not be waited for without end.
const PERMITS_PATIENCE: Duration = Duration::from_secs(5);

impl Worker {
    /// Begin shutdown: no new polls; what is in hand can be completed. Later calls change nothing (spec 9.3.1).
    pub fn initiate_shutdown(&self) {
        let context = &self.0.context;
        if !context.shutdown.begin() {
            return;
        }
        context.patience.handle_shutdown();
        let fields = [
            ("task_queue", context.config.task_queue.clone().into()),
            ("namespace", context.client.namespace().into()),
        ];
        context.host.info(TARGET, "Initiated shutdown", &fields);
        self.0.registration.borrow_mut().take();
        let parts = self.parts();
        if let Some(workflows) = &parts.workflows {
            workflows.begin_shutdown();
        }
        if let Some(activities) = &parts.activities {
            activities.begin_shutdown();
        }
        if let Some(nexus) = &parts.nexus {
            nexus.begin_shutdown();
        }
        if let Some(local) = &parts.local_activities
            && parts.workflows.as_ref().is_none_or(|workflows| !workflows.ever_polled())
        {
            local.workflows_have_shut_down();
        }
        let worker = self.clone();
        self.0.context.host.spawn(async move { worker.tell_of_shutdown().await }).detach();
    }

    /// Shut down when this pusher's last history was taken, and take no more from it when shut down otherwise (spec
    /// 12.5).
    pub(crate) fn end_with(&self, pusher: Rc<Pusher>) {
        let shutdown = self.0.context.shutdown.clone();
        let worker = Rc::downgrade(&self.0);
        let ending = async move {
            shutdown.unless_begun(pusher.exhausted()).await;
            pusher.close();
            if let Some(worker) = worker.upgrade() {
                Worker(worker).initiate_shutdown();
            }
        };
        self.0.context.host.spawn(ending).detach();
    }

    /// Complete the shutdown: ready when everything that was in hand is dealt with (spec 9.3.3). The worker is of no
    /// use afterwards.
    pub async fn finalize_shutdown(&self) {
        self.initiate_shutdown();
        self.0.told.until(|| self.0.shutdown_told.get().then_some(())).await;
        let parts = self.parts();
        if let Some(local) = &parts.local_activities {
            local.idle().await;
        }
        if let Some(workflows) = &parts.workflows {
            workflows.drained().await;
        }
        if let Some(activities) = &parts.activities {
            activities.drained().await;
        }
        if let Some(nexus) = &parts.nexus
            && parts.nexus_polled.get()
        {
            nexus.drained().await;
        }
        self.wait_for_permits().await;
    }

    /// Shut down for a lang that is gone: nothing that it has in hand will come back. Ready when the service was told.
    pub async fn abandon(&self) {
        self.initiate_shutdown();
        self.0.told.until(|| self.0.shutdown_told.get().then_some(())).await;
    }

    async fn wait_for_permits(&self) {
        let slots = &self.0.context.slots;
        let all_back = join_all([&slots.workflow, &slots.activity, &slots.local_activity].map(|pool| pool.all_back()));
        let patience = self.0.context.host.sleep(PERMITS_PATIENCE);
        if let Either::Right(_) = select(all_back, patience).await {
            let text = "Waiting for all slot permits to release took too long!";
            self.0.context.host.error(TARGET, text, &[]);
        }
    }

    /// ShutdownWorker, once, not tried again (spec 9.3.2).
    async fn tell_of_shutdown(&self) {
        if !self.0.is_replay {
            self.say_farewell().await;
        }
        self.0.shutdown_told.set(true);
        self.0.told.notify();
    }

    /// A server that does not take it will not end the polls either (ADR 17).
    async fn say_farewell(&self) {
        let context = &self.0.context;
        let (sent, given_up) = (pin!(self.send_shutdown()), pin!(context.patience.polls_given_up()));
        let answer = match select(sent, given_up).await {
            Either::Left((answer, _)) => answer,
            Either::Right(_) => Err(service::given_up(FAREWELL)),
        };
        let Err(error) = answer else { return };
        context.patience.handle_farewell_refused();
        let text = error_text(&error.status);
        let fields = [("error", text.clone().into())];
        context.host.debug(TARGET, "The server did not take the farewell: polls are cancelled", &fields);
        if !matches!(error.status.code, code::UNIMPLEMENTED | code::UNAVAILABLE) {
            context.host.warn(TARGET, format!("shutdown_worker rpc errored during worker shutdown: {text}"), &[]);
        }
    }

    async fn send_shutdown(&self) -> Result<ShutdownWorkerResponse, ServiceError> {
        let context = &self.0.context;
        let types = context.config.task_types;
        let enabled = [
            (types.workflows, TaskQueueType::Workflow),
            (types.remote_activities, TaskQueueType::Activity),
            (types.nexus, TaskQueueType::Nexus),
        ];
        let request = ShutdownWorkerRequest {
            namespace: context.client.namespace().to_owned(),
            identity: context.client.identity(),
            sticky_task_queue: self.0.sticky_queue.clone().unwrap_or_default(),
            reason: "graceful shutdown".to_owned(),
            worker_instance_key: context.client.instance_key().to_owned(),
            task_queue: context.config.task_queue.clone(),
            task_queue_types: enabled.iter().filter(|(on, _)| *on).map(|(_, kind)| (*kind).into()).collect(),
            ..Default::default()
        };
        let options = CallOptions { retry: RetryKind::Never, ..CallOptions::default() };
        context.client.call(FAREWELL, request, options).await
    }
}
