//! Slots as long as the machine is not too busy (spec 7.6 to 7.10).

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use corewasm_engine::time::Instant;
use corewasm_host::{GaugeF64Ref, Host, MetricsAttributesOptions, MetricsAttributesRef};
use futures::future::LocalBoxFuture;

use super::{PermitId, SlotInfo, SlotKind, SlotSupplier};
use crate::shutdown::ShutdownToken;

const PROPORTIONAL_GAIN: f64 = 5.0;
const DERIVATIVE_GAIN: f64 = 1.0;
const OUTPUT_LIMIT: f64 = 100.0;
const MEMORY_THRESHOLD: f64 = 0.25;
const CPU_THRESHOLD: f64 = 0.05;
/// How long a refused reservation waits before it is tried again.
const RETRY: Duration = Duration::from_millis(10);
const METRICS_PERIOD: Duration = Duration::from_secs(1);

/// How busy the machine is, as shares of what it has, 0 to 1.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Load {
    /// Memory in use.
    pub memory: f64,
    /// Processor time in use.
    pub cpu: f64,
}

/// How busy the machine shall be at most.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ResourceTargets {
    /// Share of the memory.
    pub memory: f64,
    /// Share of the processor time.
    pub cpu: f64,
}

/// Bounds of one kind of slots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResourceSlots {
    /// So many are given out whatever the load.
    pub minimum: usize,
    /// Never more.
    pub maximum: usize,
    /// Above the minimum at least this long between two.
    pub ramp_throttle: Duration,
}

/// Decides for all kinds of slots of a worker: one pair of controllers, fed with the host's samples.
pub struct ResourceController {
    host: Host,
    targets: ResourceTargets,
    /// Absent until the host's first sample: no more than the minimum is given out blindly.
    load: Cell<Option<Load>>,
    controllers: RefCell<Controllers>,
    outputs: Cell<Load>,
}

struct Controllers {
    memory: Controller,
    cpu: Controller,
}

/// Proportional and derivative; the integral gain is 0 (spec 7.8).
struct Controller {
    target: f64,
    before: Option<f64>,
}

/// The supplier of one kind of slots. Clones share the counts.
#[derive(Clone)]
pub struct ResourceSupplier(Rc<Supplier>);

struct Supplier {
    controller: Rc<ResourceController>,
    kind: SlotKind,
    bounds: ResourceSlots,
    /// Issued for the normal queue (or any task that is no workflow task) and for the sticky queue.
    issued: [Cell<usize>; 2],
    last_issued: Cell<Instant>,
}

impl ResourceController {
    /// A controller for these targets.
    pub fn new(host: Host, targets: ResourceTargets) -> Rc<Self> {
        let controller = |target| Controller { target, before: None };
        let controllers = Controllers { memory: controller(targets.memory), cpu: controller(targets.cpu) };
        Rc::new(Self {
            host,
            targets,
            load: Cell::new(None),
            controllers: RefCell::new(controllers),
            outputs: Cell::default(),
        })
    }

    /// Take the host's newest sample.
    pub fn set_load(&self, load: Load) {
        self.load.set(Some(load));
    }

    /// Show the controllers' state in metrics until shutdown (spec 7.10).
    pub fn show(self: Rc<Self>, shutdown: ShutdownToken) {
        let meter = self.host.get_meter_provider();
        let attributes = MetricsAttributesRef::new(&meter, MetricsAttributesOptions::default());
        let gauge = |name| meter.new_gauge_f64(name);
        let gauges = [
            gauge("resource_slots_mem_usage"),
            gauge("resource_slots_cpu_usage"),
            gauge("resource_slots_mem_pid_output"),
            gauge("resource_slots_cpu_pid_output"),
        ];
        let host = self.host.clone();
        host.spawn(async move {
            loop {
                self.record(&gauges, &attributes);
                if shutdown.unless_begun(self.host.sleep(METRICS_PERIOD)).await.is_none() {
                    return;
                }
            }
        })
        .detach();
    }

    fn record(&self, [memory, cpu, memory_output, cpu_output]: &[GaugeF64Ref; 4], attributes: &MetricsAttributesRef) {
        let (load, outputs) = (self.load.get().unwrap_or_default(), self.outputs.get());
        memory.record(load.memory * 100.0, attributes);
        cpu.record(load.cpu * 100.0, attributes);
        memory_output.record(outputs.memory, attributes);
        cpu_output.record(outputs.cpu, attributes);
    }

    /// The machine can take one more.
    fn allows(&self) -> bool {
        let Some(load) = self.load.get() else { return false };
        let mut controllers = self.controllers.borrow_mut();
        let outputs = Load { memory: controllers.memory.next(load.memory), cpu: controllers.cpu.next(load.cpu) };
        self.outputs.set(outputs);
        outputs.memory > MEMORY_THRESHOLD && outputs.cpu > CPU_THRESHOLD && load.memory <= self.targets.memory
    }
}

impl Controller {
    fn next(&mut self, measured: f64) -> f64 {
        let limited = |value: f64| value.clamp(-OUTPUT_LIMIT, OUTPUT_LIMIT);
        let proportional = limited(PROPORTIONAL_GAIN * (self.target - measured));
        let change = measured - self.before.replace(measured).unwrap_or(measured);
        limited(proportional + limited(-DERIVATIVE_GAIN * change))
    }
}

impl ResourceSupplier {
    /// The supplier of this kind.
    pub fn new(controller: Rc<ResourceController>, kind: SlotKind, bounds: ResourceSlots) -> Self {
        let last_issued = Cell::new(controller.host.now().monotonic);
        Self(Rc::new(Supplier { controller, kind, bounds, issued: Default::default(), last_issued }))
    }
}

impl Supplier {
    fn host(&self) -> &Host {
        &self.controller.host
    }

    fn issued(&self) -> usize {
        self.issued.iter().map(Cell::get).sum()
    }

    fn issue(&self, is_sticky: bool) -> PermitId {
        let issued = &self.issued[usize::from(is_sticky)];
        issued.set(issued.get() + 1);
        self.last_issued.set(self.host().now().monotonic);
        PermitId::from(is_sticky)
    }

    /// Given out whatever the load: the minimum, and one for each queue of workflow tasks, or nothing would ever go on.
    fn is_due(&self, is_sticky: bool) -> bool {
        let none_of_its_queue = self.issued[usize::from(is_sticky)].get() == 0;
        self.issued() < self.bounds.minimum || (self.kind == SlotKind::Workflow && none_of_its_queue)
    }

    fn since_last_issue(&self) -> Duration {
        self.host().now().monotonic.since(self.last_issued.get())
    }

    fn try_issue(&self, is_sticky: bool) -> Option<PermitId> {
        let ramped = self.since_last_issue() >= self.bounds.ramp_throttle;
        let may = || ramped && self.issued() < self.bounds.maximum && self.controller.allows();
        (self.is_due(is_sticky) || may()).then(|| self.issue(is_sticky))
    }

    async fn reserve(&self, is_sticky: bool) -> PermitId {
        loop {
            if self.is_due(is_sticky) {
                return self.issue(is_sticky);
            }
            self.host().sleep(self.bounds.ramp_throttle.saturating_sub(self.since_last_issue())).await;
            if let Some(permit) = self.try_issue(is_sticky) {
                return permit;
            }
            self.host().sleep(RETRY).await;
        }
    }
}

impl SlotSupplier for ResourceSupplier {
    fn reserve(&self, is_sticky: bool) -> LocalBoxFuture<'static, PermitId> {
        let supplier = self.0.clone();
        Box::pin(async move { supplier.reserve(is_sticky).await })
    }

    fn try_reserve(&self) -> LocalBoxFuture<'static, Option<PermitId>> {
        let supplier = self.0.clone();
        Box::pin(async move { supplier.try_issue(false) })
    }

    fn mark_used(&self, _permit: PermitId, _info: &SlotInfo) {}

    fn release(&self, permit: PermitId, _info: Option<&SlotInfo>) {
        // The permit's number says for which queue it was issued.
        let issued = &self.0.issued[permit.min(1) as usize];
        issued.set(issued.get().saturating_sub(1));
    }

    fn available(&self) -> Option<usize> {
        None
    }
}
