//! A worker: its parts, from opening to the end of its shutdown (spec 0.2, 9).

mod left_out;
mod lifecycle;
mod parts_of;

use std::cell::{OnceCell, RefCell};
use std::rc::Rc;

use bytes::Bytes;
use corewasm_host::envelope::WorkerLedger;
use corewasm_host::{GrpcStatus, Host, HostRef, envelope};
use futures::future::LocalBoxFuture;
use prost::Message;
use temporalio_protos::coresdk::NamespaceInfo;
use temporalio_protos::coresdk::namespace_info::Limits;
use temporalio_protos::temporal::api::deployment::v1::WorkerDeploymentOptions;
use temporalio_protos::temporal::api::workflowservice::v1::DescribeNamespaceRequest;

use crate::TaskKind;
use crate::config::Config;
use crate::context::{WorkerContext, WorkerSlots};
use crate::error::{WorkerError, status_text};
use crate::metrics::WorkerMetrics;
use crate::patience::Patience;
use crate::service::{
    CallOptions, Connection, Description, EagerWorkflows, PayloadLimits, Registration, ServiceError, WorkerClient,
};
use crate::shutdown::ShutdownToken;
use crate::signal::Signal;
use crate::slots::{Load, SlotPermit};
use crate::workflows::PollWorkflow;
use parts_of::Parts;

const TARGET: &str = "temporalio_sdk_core::worker";

/// A worker. Clones are the same one.
#[derive(Clone)]
pub struct Worker(Rc<Inner>);

struct Inner {
    context: Rc<WorkerContext>,
    /// Made when first needed: by then validation may have told what the namespace can do (spec 9.1.2).
    parts: OnceCell<Parts>,
    sticky_queue: Option<String>,
    /// Taken when the parts are made.
    origin: RefCell<Origin>,
    is_replay: bool,
    registration: RefCell<Option<Registration>>,
    shutdown_told: std::cell::Cell<bool>,
    told: Signal,
}

/// Where the worker's tasks come from besides the service.
#[derive(Default)]
struct Origin {
    ledger: Option<WorkerLedger>,
    poll: Option<PollWorkflow>,
    run_gone: Option<Box<dyn Fn()>>,
}

/// What a replay worker polls and is told of.
pub(crate) struct ReplaySource {
    pub(crate) poll: PollWorkflow,
    pub(crate) run_gone: Box<dyn Fn()>,
}

impl Worker {
    /// Open a worker on a connection; `ledger` holds what an earlier instance of this module had in hand of it (design
    /// 4).
    ///
    /// # Errors
    /// A configuration that contradicts itself or asks for what is not offered; a worker of the same tasks on this
    /// connection.
    pub fn open(
        host: Host,
        handle: HostRef,
        connection: impl Into<Connection>,
        config: envelope::WorkerConfig,
        ledger: Option<WorkerLedger>,
    ) -> Result<Self, WorkerError> {
        let connection = connection.into();
        let config = Config::new(config)?;
        let instance_key = remembered(&ledger, |ledger| &ledger.worker_instance_key).unwrap_or_else(|| host.uuid_v4());
        let origin = Origin { ledger, ..Origin::default() };
        let worker = Self::build(host, handle, connection.clone(), config, instance_key, origin)?;
        worker.register(&connection).map_err(WorkerError::Creation)?;
        worker.tell_what_is_left_out();
        worker.resume();
        Ok(worker)
    }

    /// A worker that replays (spec 12.1).
    pub(crate) fn open_replay(
        host: Host,
        handle: HostRef,
        connection: Connection,
        config: Config,
        source: ReplaySource,
    ) -> Result<Self, WorkerError> {
        let instance_key = host.uuid_v4();
        let origin = Origin { ledger: None, poll: Some(source.poll), run_gone: Some(source.run_gone) };
        Self::build(host, handle, connection, config, instance_key, origin)
    }

    fn build(
        host: Host,
        handle: HostRef,
        connection: Connection,
        config: Config,
        instance_key: String,
        origin: Origin,
    ) -> Result<Self, WorkerError> {
        let is_replay = origin.poll.is_some();
        let namespace = connection.namespace(&config.namespace);
        let patience = Patience::new(host.clone(), config.graceful_shutdown_period);
        let client = WorkerClient::new(connection, &config, handle, instance_key, patience.clone());
        let identity = client.identity();
        check_names(&config, &identity)?;
        let sticky_queue = if is_replay { None } else { sticky_queue(&host, &config, &identity, &origin.ledger) };
        let metrics = Rc::new(WorkerMetrics::new(&host, &config));
        let slots = WorkerSlots::new(&host, handle, &config, &identity);
        for pool in slots.all() {
            metrics.watch_slots(pool);
        }
        metrics.worker_started();
        let shutdown = ShutdownToken::default();
        if let Some(resources) = &slots.resources {
            resources.clone().show(shutdown.clone());
        }
        let fields = [("task_queue", config.task_queue.clone().into()), ("namespace", config.namespace.clone().into())];
        host.info(TARGET, "Initializing worker", &fields);
        let context = WorkerContext { host, handle, config, client, namespace, shutdown, patience, metrics, slots };
        Ok(Self(Rc::new(Inner {
            context: Rc::new(context),
            parts: OnceCell::new(),
            sticky_queue,
            origin: RefCell::new(origin),
            is_replay,
            registration: RefCell::new(None),
            shutdown_told: std::cell::Cell::new(false),
            told: Signal::default(),
        })))
    }

    /// Ask the service about the namespace. Gives an encoded coresdk `NamespaceInfo` (spec 9.1).
    ///
    /// # Errors
    /// DescribeNamespace failed.
    pub async fn validate(&self) -> Result<Bytes, WorkerError> {
        let context = &self.0.context;
        let description = context.namespace.resolve(|| self.describe_namespace()).await;
        let description = description.map_err(|error| WorkerError::Validation {
            namespace: context.config.namespace.clone(),
            status: status_text(&error.status),
        })?;
        let limits = description.namespace_info.as_ref().and_then(|info| info.limits.as_ref()).map(|limits| Limits {
            blob_size_limit_error: limits.blob_size_limit_error,
            memo_size_limit_error: limits.memo_size_limit_error,
        });
        if let (Some(limits), false) = (&limits, context.config.disable_payload_error_limit) {
            context.client.set_payload_limits(PayloadLimits {
                blob: usize::try_from(limits.blob_size_limit_error).unwrap_or(0),
                memo: usize::try_from(limits.memo_size_limit_error).unwrap_or(0),
            });
        }
        self.parts();
        Ok(NamespaceInfo { limits }.encode_to_vec().into())
    }

    /// The next task of this kind, encoded.
    ///
    /// # Errors
    /// [`WorkerError::Shutdown`] when no more come, at once if the kind is not enabled; [`WorkerError::Poll`] if
    /// polling failed for good.
    pub async fn poll(&self, kind: TaskKind) -> Result<Bytes, WorkerError> {
        match kind {
            TaskKind::Workflow => self.poll_workflow().await,
            TaskKind::Activity => {
                let Some(activities) = self.parts().activities.clone() else { return Err(WorkerError::Shutdown) };
                let polled = activities.poll().await;
                // Such an error is final (spec 3.1.3).
                if matches!(polled, Err(WorkerError::Poll(_))) {
                    self.initiate_shutdown();
                }
                polled
            }
            TaskKind::Nexus => {
                let Some(nexus) = self.parts().nexus.clone() else { return Err(WorkerError::Shutdown) };
                self.parts().nexus_polled.set(true);
                nexus.poll().await
            }
        }
    }

    /// Take lang's completion and see it through.
    ///
    /// # Errors
    /// It does not decode, is malformed, or its kind is not enabled. Errors of the service are logged, not given (spec
    /// 0.3).
    pub async fn complete(&self, kind: TaskKind, completion: Bytes) -> Result<(), WorkerError> {
        self.0.context.patience.handle_news_of_lang();
        let not_enabled = |what: &str| WorkerError::Completion(format!("{what} not enabled on this worker"));
        match kind {
            TaskKind::Workflow => {
                let workflows = self.parts().workflows.clone().ok_or_else(|| not_enabled("Workflows are"))?;
                workflows.complete(completion).await
            }
            TaskKind::Activity => {
                let activities = self.parts().activities.clone().ok_or_else(|| not_enabled("Activities are"))?;
                activities.complete(completion).await
            }
            TaskKind::Nexus => {
                let nexus = self.parts().nexus.clone().ok_or_else(|| not_enabled("Nexus is"))?;
                nexus.complete(completion).await
            }
        }
    }

    /// A poll's value that did not reach lang, byte for byte: the next poll gets it.
    pub fn undelivered(&self, kind: TaskKind, value: Bytes) {
        let parts = self.parts();
        match kind {
            TaskKind::Workflow => {
                if let Some(workflows) = &parts.workflows {
                    workflows.undelivered(value);
                }
            }
            TaskKind::Activity => {
                if let Some(activities) = &parts.activities {
                    activities.undelivered(value);
                }
            }
            TaskKind::Nexus => {
                if let Some(nexus) = &parts.nexus {
                    nexus.undelivered(value);
                }
            }
        }
    }

    /// Take an encoded `ActivityHeartbeat`. An unknown token is only logged.
    ///
    /// # Errors
    /// It does not decode.
    pub fn record_heartbeat(&self, heartbeat: Bytes) -> Result<(), WorkerError> {
        self.0.context.patience.handle_news_of_lang();
        match &self.parts().activities {
            Some(activities) => activities.record_heartbeat(heartbeat),
            None => Ok(()),
        }
    }

    /// Ask for a run's eviction; nothing happens if there is no such run.
    pub fn request_eviction(&self, run_id: &str) {
        if let Some(workflows) = &self.parts().workflows {
            workflows.request_eviction(run_id);
        }
    }

    /// Use another connection from the next call on (spec 9.2.3).
    ///
    /// # Errors
    /// The other connection has a worker of the same tasks. This worker uses it all the same, as native Core's does.
    pub fn replace_client(&self, connection: impl Into<Connection>) -> Result<(), WorkerError> {
        let connection = connection.into();
        let context = &self.0.context;
        if self.0.registration.borrow_mut().take().is_none() {
            let text = "Worker not in all_workers during slot provider unregister";
            return Err(WorkerError::ReplaceClient(text.to_owned()));
        }
        context.client.replace_connection(connection.clone());
        self.register(&connection).map_err(WorkerError::ReplaceClient)
    }

    /// The sticky queue, empty if there is none, and the instance key: a worker that is opened again keeps both.
    pub fn names(&self) -> (String, String) {
        (self.0.sticky_queue.clone().unwrap_or_default(), self.0.context.client.instance_key().to_owned())
    }

    /// The host's newest sample of the machine's load. False if this worker has no slots that depend on it.
    pub fn set_load(&self, load: Load) -> bool {
        let resources = self.0.context.slots.resources.as_ref();
        resources.inspect(|resources| resources.set_load(load)).is_some()
    }

    /// The answer to a call that an earlier instance made. What it brings is taken in, once.
    pub fn adopt_rpc_result(&self, uri: &str, result: Result<Bytes, GrpcStatus>) {
        if let Ok(response) = result {
            self.parts().adopt_response(uri, &response);
        }
    }

    fn register(&self, connection: &Connection) -> Result<(), String> {
        let eager: Rc<dyn EagerWorkflows> = self.0.clone();
        let context = &self.0.context;
        let registration =
            connection.register(&context.config, context.client.instance_key(), Rc::downgrade(&eager))?;
        *self.0.registration.borrow_mut() = Some(registration);
        Ok(())
    }

    async fn poll_workflow(&self) -> Result<Bytes, WorkerError> {
        let Some(workflows) = self.parts().workflows.clone() else { return Err(WorkerError::Shutdown) };
        let polled = workflows.next_activation().await;
        if let Err(error) = &polled {
            self.initiate_shutdown();
            if let (WorkerError::Shutdown, Some(local)) = (error, &self.parts().local_activities) {
                local.workflows_have_shut_down();
            }
        }
        polled
    }

    async fn describe_namespace(&self) -> Result<Description, ServiceError> {
        let client = &self.0.context.client;
        let request = DescribeNamespaceRequest { namespace: client.namespace().to_owned(), ..Default::default() };
        client.call("DescribeNamespace", request, CallOptions::default()).await
    }

    /// After a trap nobody calls validate again: ask in the background, and take up what was in hand now.
    fn resume(&self) {
        let Some(shutdown) = self.0.origin.borrow().ledger.as_ref().map(|ledger| ledger.shutdown_initiated) else {
            return;
        };
        self.parts();
        let worker = self.clone();
        self.0.context.host.spawn(async move { drop(worker.validate().await) }).detach();
        if shutdown {
            self.initiate_shutdown();
        }
    }

    fn parts(&self) -> &Parts {
        self.0.parts.get_or_init(|| {
            let origin = std::mem::take(&mut *self.0.origin.borrow_mut());
            Parts::new(&self.0.context, self.0.sticky_queue.clone(), origin, self.0.is_replay)
        })
    }
}

impl EagerWorkflows for Inner {
    fn try_reserve(&self) -> LocalBoxFuture<'static, Option<SlotPermit>> {
        let slots = self.context.slots.workflow.clone();
        Box::pin(async move { slots.try_reserve().await })
    }

    fn deployment_options(&self) -> Option<WorkerDeploymentOptions> {
        self.context.client.deployment_options()
    }

    fn take(self: Rc<Self>, task: Bytes, permit: SlotPermit) -> Result<(), String> {
        let worker = Worker(self);
        match &worker.parts().workflows {
            Some(workflows) => workflows.take_eager(&task, permit),
            None => Err("The worker takes no workflow tasks".to_owned()),
        }
    }
}

impl Drop for Inner {
    /// Given up without a shutdown: nobody waits, but nothing may poll on.
    fn drop(&mut self) {
        self.context.shutdown.begin();
    }
}

fn check_names(config: &Config, identity: &str) -> Result<(), WorkerError> {
    if config.namespace.is_empty() {
        return Err(WorkerError::Creation("Worker namespace cannot be empty".to_owned()));
    }
    if identity.is_empty() {
        let text = "Client identity cannot be empty. Either lang or user should be setting this value";
        return Err(WorkerError::Creation(text.to_owned()));
    }
    Ok(())
}

/// The worker's own queue, if it caches (spec 0.4).
fn sticky_queue(host: &Host, config: &Config, identity: &str, ledger: &Option<WorkerLedger>) -> Option<String> {
    if !config.caches() || !config.task_types.workflows {
        return None;
    }
    let made = || format!("{identity}-{}", host.uuid_v4().replace('-', ""));
    Some(remembered(ledger, |ledger| &ledger.sticky_queue).unwrap_or_else(made))
}

fn remembered(ledger: &Option<WorkerLedger>, name: impl FnOnce(&WorkerLedger) -> &String) -> Option<String> {
    ledger.as_ref().map(name).filter(|name| !name.is_empty()).cloned()
}
