//! What the parts of a worker share.

use std::rc::Rc;

use corewasm_host::{Host, HostRef};

use crate::config::{Config, PollerBehavior, SlotSource};
use crate::metrics::WorkerMetrics;
use crate::patience::Patience;
use crate::pollers::{Balance, PollAnswer, PollFn, PollerSettings, Pollers};
use crate::service::{NamespaceDescription, WorkerClient};
use crate::shutdown::ShutdownToken;
use crate::slots::{HostSupplier, ResourceController, ResourceSupplier, SlotKind, SlotPool};

/// Set by who runs the worker: how long polls may go on after shutdown, in milliseconds (spec 6.6.2).
const INTERRUPT_WAIT: &str = "TEMPORAL_POLL_SHUTDOWN_INTERRUPT_WAIT_MS";

/// Shared by the parts of a worker.
pub struct WorkerContext {
    /// Clocks, timers, tasks, randomness, logs.
    pub host: Host,
    /// The worker's handle.
    pub handle: HostRef,
    /// The checked configuration.
    pub config: Config,
    /// Calls of the service in this worker's name.
    pub client: WorkerClient,
    /// What the namespace can do.
    pub namespace: NamespaceDescription,
    /// Set when shutdown begins.
    pub shutdown: ShutdownToken,
    /// How long the server is waited for after that.
    pub patience: Patience,
    /// Instruments with the worker's labels.
    pub metrics: Rc<WorkerMetrics>,
    /// Slots by kind.
    pub slots: WorkerSlots,
}

/// The slots of a worker.
pub struct WorkerSlots {
    /// For workflow tasks.
    pub workflow: SlotPool,
    /// For activity tasks.
    pub activity: SlotPool,
    /// For local activities.
    pub local_activity: SlotPool,
    /// For Nexus tasks.
    pub nexus: SlotPool,
    /// Decides for the kinds that depend on the machine's load.
    pub resources: Option<Rc<ResourceController>>,
}

/// What differs between the pollers of a worker.
pub struct PollerChoice {
    /// As configured.
    pub behavior: PollerBehavior,
    /// Where permits come from.
    pub slots: SlotPool,
    /// This is the sticky queue.
    pub is_sticky: bool,
    /// At most so many polls begin in a second.
    pub max_per_second: Option<f64>,
    /// With the other queue's pollers.
    pub balance: Option<Balance>,
    /// Label `poller_type` (spec 11.4).
    pub poller_type: &'static str,
}

impl WorkerSlots {
    /// The slots that this configuration asks for.
    pub fn new(host: &Host, handle: HostRef, config: &Config, identity: &str) -> Self {
        let sources = &config.slots;
        let resources = sources.resource_targets.map(|targets| ResourceController::new(host.clone(), targets));
        let pool = |kind, source, limit| match (source, &resources) {
            (SlotSource::Fixed(slots), _) => SlotPool::fixed(kind, slots, limit),
            (SlotSource::ResourceBased(bounds), Some(controller)) => {
                SlotPool::new(kind, Box::new(ResourceSupplier::new(controller.clone(), kind, bounds)), limit)
            }
            // Targets come with every such source, so what is left is the host's.
            (SlotSource::Custom | SlotSource::ResourceBased(_), _) => {
                SlotPool::new(kind, Box::new(HostSupplier::new(host.slots(handle), kind, config, identity)), limit)
            }
        };
        Self {
            workflow: pool(SlotKind::Workflow, sources.workflow, config.workflow_permit_limit()),
            activity: pool(SlotKind::Activity, sources.activity, None),
            local_activity: pool(SlotKind::LocalActivity, sources.local_activity, None),
            nexus: pool(SlotKind::Nexus, sources.nexus, None),
            resources,
        }
    }

    /// Every pool.
    pub fn all(&self) -> [&SlotPool; 4] {
        [&self.workflow, &self.activity, &self.local_activity, &self.nexus]
    }
}

impl WorkerContext {
    /// The behaviour of pollers configured like this, now (spec 6.1.1).
    pub fn behavior(&self, configured: Option<PollerBehavior>) -> PollerBehavior {
        PollerBehavior::resolve(configured, self.namespace.capabilities().poller_autoscaling_auto_enroll())
    }

    /// Pollers in this worker's name.
    pub fn pollers<T: PollAnswer>(&self, choice: PollerChoice, poll: PollFn<T>) -> Pollers<T> {
        let (metrics, poller_type) = (self.metrics.clone(), choice.poller_type);
        let settings = PollerSettings {
            behavior: choice.behavior,
            slots: choice.slots,
            is_sticky: choice.is_sticky,
            max_per_second: choice.max_per_second,
            balance: choice.balance,
            namespace: self.namespace.clone(),
            shutdown: self.shutdown.clone(),
            patience: self.patience.clone(),
            interrupt_wait: self.interrupt_wait(),
            observer: Box::new(move |running| metrics.set_pollers(poller_type, running)),
        };
        Pollers::new(self.host.clone(), settings, poll)
    }

    fn interrupt_wait(&self) -> Option<std::time::Duration> {
        let settings = self.host.settings();
        let milliseconds = settings.environment.get(INTERRUPT_WAIT)?.parse().ok()?;
        Some(std::time::Duration::from_millis(milliseconds))
    }
}
