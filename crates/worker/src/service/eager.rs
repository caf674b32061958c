//! Eager workflow start: a client asks the workers of its connection for a slot (spec 9.2.2, 10.9).

use std::rc::{Rc, Weak};

use bytes::Bytes;
use corewasm_client::{EagerReservation, EagerSlot, EagerStarter};
use corewasm_host::Host;
use futures::future::LocalBoxFuture;
use temporalio_protos::temporal::api::deployment::v1::WorkerDeploymentOptions;

use super::connection::Shared;
use crate::slots::SlotPermit;

/// A worker that may be handed a workflow task without having polled for it.
pub(crate) trait EagerWorkflows {
    /// A slot for a workflow task, if one is free now.
    fn try_reserve(&self) -> LocalBoxFuture<'static, Option<SlotPermit>>;
    /// What a start must say of the worker's version (spec 8.8).
    fn deployment_options(&self) -> Option<WorkerDeploymentOptions>;
    /// Take an encoded task. The error says why it is not taken.
    fn take(self: Rc<Self>, task: Bytes, permit: SlotPermit) -> Result<(), String>;
}

/// The workers of a connection as its client sees them.
pub(super) struct Workers {
    pub(super) host: Host,
    pub(super) shared: Weak<Shared>,
}

struct Slot {
    worker: Weak<dyn EagerWorkflows>,
    permit: SlotPermit,
}

impl EagerStarter for Workers {
    fn reserve(&self, namespace: String, task_queue: String) -> LocalBoxFuture<'static, Option<EagerReservation>> {
        let found = self.shared.upgrade().map(|shared| shared.eager_workers(&namespace, &task_queue));
        let workers = shuffled(&self.host, found.unwrap_or_default());
        Box::pin(async move {
            for worker in workers {
                let Some(held) = worker.upgrade() else { continue };
                if let Some(permit) = held.try_reserve().await {
                    let deployment_options = held.deployment_options();
                    let slot = Box::new(Slot { worker, permit });
                    return Some(EagerReservation { deployment_options, slot });
                }
            }
            None
        })
    }
}

impl EagerSlot for Slot {
    fn schedule(self: Box<Self>, task: Bytes) -> Result<(), String> {
        let Self { worker, permit } = *self;
        let worker = worker.upgrade().ok_or("The worker is gone")?;
        worker.take(task, permit)
    }
}

/// In random order, so that no worker is always the first.
fn shuffled<T>(host: &Host, mut items: Vec<T>) -> Vec<T> {
    for last in (1..items.len()).rev() {
        items.swap(last, (host.random_u64() % (last as u64 + 1)) as usize);
    }
    items
}
