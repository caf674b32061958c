//! One connection and the workers on it (spec 9.2.1).

use std::cell::RefCell;
use std::rc::{Rc, Weak};

use corewasm_client::EagerStarter;
use litemap::LiteMap;

use super::eager::{EagerWorkflows, Workers};
use super::live::LiveService;
use super::{NamespaceDescription, Service};
use crate::config::{Config, TaskTypes, Versioning};

/// A connection to the service and what its workers share. Clones are the same one.
#[derive(Clone)]
pub struct Connection {
    service: Rc<dyn Service>,
    shared: Rc<Shared>,
}

#[derive(Default)]
pub(super) struct Shared {
    workers: RefCell<LiteMap<u64, Worker>>,
    last_number: RefCell<u64>,
    namespaces: RefCell<LiteMap<String, NamespaceDescription>>,
    /// Kept alive for the client, which holds it weakly.
    starter: RefCell<Option<Rc<dyn EagerStarter>>>,
}

/// What is known of a registered worker.
#[derive(Clone)]
struct Worker {
    namespace: String,
    task_queue: String,
    build_id: Option<String>,
    task_types: TaskTypes,
    eager: Weak<dyn EagerWorkflows>,
}

/// A worker's place on its connection; given back when dropped.
pub struct Registration {
    connection: Weak<Shared>,
    number: u64,
}

impl Connection {
    /// A connection of its own over this service.
    pub fn new(service: Rc<dyn Service>) -> Self {
        Self { service, shared: Rc::default() }
    }

    /// One of the host's clients. What its workers share is kept with it.
    pub fn of_client(client: &corewasm_client::Connection) -> Self {
        let shared = client.extension(Shared::default);
        if shared.starter.borrow().is_none() {
            let workers = Workers { host: client.host().clone(), shared: Rc::downgrade(&shared) };
            let starter: Rc<dyn EagerStarter> = Rc::new(workers);
            client.set_eager_starter(&starter);
            *shared.starter.borrow_mut() = Some(starter);
        }
        Self { service: Rc::new(LiveService(client.clone())), shared }
    }

    /// The service behind it.
    pub fn service(&self) -> Rc<dyn Service> {
        self.service.clone()
    }

    /// The description of a namespace, shared by the workers of this connection.
    pub fn namespace(&self, namespace: &str) -> NamespaceDescription {
        self.shared.namespaces.borrow_mut().entry(namespace.to_owned()).or_default().clone()
    }

    /// Take a worker in, unless one is there that would take the same tasks.
    pub(crate) fn register(
        &self,
        config: &Config,
        instance_key: &str,
        eager: Weak<dyn EagerWorkflows>,
    ) -> Result<Registration, String> {
        let worker = Worker::new(config, eager);
        if !config.skip_registration_check {
            self.check_overlap(&worker, instance_key)?;
        }
        let number = self.next_number();
        self.shared.workers.borrow_mut().insert(number, worker);
        Ok(Registration { connection: Rc::downgrade(&self.shared), number })
    }

    fn next_number(&self) -> u64 {
        let mut last = self.shared.last_number.borrow_mut();
        *last += 1;
        *last
    }

    fn check_overlap(&self, worker: &Worker, instance_key: &str) -> Result<(), String> {
        match self.shared.workers.borrow().values().find(|other| other.overlaps(worker)) {
            None => Ok(()),
            Some(other) => Err(format!(
                "Registration of multiple workers with overlapping worker task types on the same namespace, task \
                 queue, and deployment build ID not allowed: SlotKey {{ namespace: {:?}, task_queue: {:?} }}, \
                 worker_instance_key: {instance_key} build_id: {:?}, new task types: {}, existing task types: {}.",
                worker.namespace,
                worker.task_queue,
                worker.build_id,
                types_text(worker.task_types),
                types_text(other.task_types),
            )),
        }
    }
}

impl Shared {
    /// Workers that take workflow tasks of this queue.
    pub(super) fn eager_workers(&self, namespace: &str, task_queue: &str) -> Vec<Weak<dyn EagerWorkflows>> {
        let workers = self.workers.borrow();
        let fitting = workers.values().filter(|worker| {
            worker.task_types.workflows && worker.namespace == namespace && worker.task_queue == task_queue
        });
        fitting.map(|worker| worker.eager.clone()).collect()
    }
}

impl From<&corewasm_client::Connection> for Connection {
    fn from(client: &corewasm_client::Connection) -> Self {
        Self::of_client(client)
    }
}

impl Worker {
    fn new(config: &Config, eager: Weak<dyn EagerWorkflows>) -> Self {
        let build_id = match &config.versioning {
            Versioning::Deployment { build_id, .. } => Some(build_id.clone()),
            Versioning::None { .. } | Versioning::LegacyBuildId { .. } => None,
        };
        Self {
            namespace: config.namespace.clone(),
            task_queue: config.task_queue.clone(),
            build_id,
            task_types: config.task_types,
            eager,
        }
    }

    fn overlaps(&self, other: &Self) -> bool {
        self.namespace == other.namespace
            && self.task_queue == other.task_queue
            && self.build_id == other.build_id
            && self.task_types.overlaps(other.task_types)
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.upgrade() {
            connection.workers.borrow_mut().remove(&self.number);
        }
    }
}

fn types_text(types: TaskTypes) -> String {
    format!(
        "WorkerTaskTypes {{ enable_workflows: {}, enable_local_activities: {}, enable_remote_activities: {}, \
         enable_nexus: {} }}",
        types.workflows, types.local_activities, types.remote_activities, types.nexus
    )
}
