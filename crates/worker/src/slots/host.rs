//! Suppliers that the host's users wrote.

use corewasm_host::{PermitRef, SlotsRef, envelope};
use futures::future::LocalBoxFuture;

use super::{PermitId, SlotInfo, SlotKind, SlotSupplier};
use crate::config::Config;

/// The host's supplier of one kind of slots.
pub struct HostSupplier {
    slots: SlotsRef,
    context: envelope::SlotReserveContext,
}

impl HostSupplier {
    /// The supplier of this kind for a worker of this configuration.
    pub fn new(slots: SlotsRef, kind: SlotKind, config: &Config, identity: &str) -> Self {
        let (deployment_name, build_id) = config.versioning.deployment_version().unwrap_or_default();
        let context = envelope::SlotReserveContext {
            kind: envelope::SlotKind::from(kind).into(),
            task_queue: config.task_queue.clone(),
            worker_identity: identity.to_owned(),
            deployment_name,
            build_id,
            is_sticky: false,
        };
        Self { slots, context }
    }
}

impl SlotSupplier for HostSupplier {
    fn reserve(&self, is_sticky: bool) -> LocalBoxFuture<'static, PermitId> {
        let slots = self.slots.clone();
        let context = envelope::SlotReserveContext { is_sticky, ..self.context.clone() };
        Box::pin(async move { slots.reserve(context).await.raw() })
    }

    fn try_reserve(&self) -> LocalBoxFuture<'static, Option<PermitId>> {
        let (slots, context) = (self.slots.clone(), self.context.clone());
        Box::pin(async move { slots.try_reserve(context).await.map(PermitRef::raw) })
    }

    fn mark_used(&self, permit: PermitId, info: &SlotInfo) {
        if let Some(permit) = PermitRef::new(permit) {
            self.slots.mark_used(permit, info.into());
        }
    }

    fn release(&self, permit: PermitId, info: Option<&SlotInfo>) {
        if let Some(permit) = PermitRef::new(permit) {
            self.slots.release(permit, info.map(Into::into));
        }
    }

    fn available(&self) -> Option<usize> {
        None
    }
}

impl From<SlotKind> for envelope::SlotKind {
    fn from(kind: SlotKind) -> Self {
        match kind {
            SlotKind::Workflow => Self::WorkflowSlot,
            SlotKind::Activity => Self::ActivitySlot,
            SlotKind::LocalActivity => Self::LocalActivitySlot,
            SlotKind::Nexus => Self::NexusSlot,
        }
    }
}

impl From<&SlotInfo> for envelope::SlotInfo {
    fn from(info: &SlotInfo) -> Self {
        use envelope::slot_info::Kind;
        let kind = match info.clone() {
            SlotInfo::Workflow { workflow_type, is_sticky } => {
                Kind::Workflow(envelope::WorkflowSlot { workflow_type, is_sticky })
            }
            SlotInfo::Activity { activity_type } => Kind::Activity(envelope::ActivitySlot { activity_type }),
            SlotInfo::LocalActivity { activity_type } => Kind::LocalActivity(envelope::ActivitySlot { activity_type }),
            SlotInfo::Nexus { service, operation } => Kind::Nexus(envelope::NexusSlot { service, operation }),
        };
        Self { kind: Some(kind) }
    }
}
