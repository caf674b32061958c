//! What the rest of Core is given instead of a machine.

use std::{
    cell::{Cell, RefCell, RefMut},
    future::Future,
    rc::Rc,
    time::Duration,
};

use corewasm_engine::time::{Instant, Now};
use litemap::LiteMap;

use crate::{
    GrpcClientRef, HostRef, Sleep, SlotsRef, Task,
    calls::RunningCalls,
    envelope::{HandleClosed, LogFilter, effect},
    executor::Executor,
    grpc::PendingRpcs,
    metrics::MetricsRegistry,
    outbox::Outbox,
    randomness::Generator,
    slots::PendingReservations,
    timers::Timers,
};

/// Everything with side effects. Cheap to clone: all clones are the same host.
#[derive(Clone)]
pub struct Host(Rc<Shared>);

/// What the host said of itself and its user's wishes when it opened the module.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// How often workers are to tell the server about themselves; none: never. They do not yet.
    pub worker_heartbeat_interval: Option<Duration>,
    /// Whether the worker heartbeat says nothing of the environment.
    pub disable_environment_info: bool,
    /// For the worker heartbeat.
    pub host_name: String,
    /// For the worker heartbeat.
    pub process_id: String,
    /// Environment variables that Core honours and that are set.
    pub environment: LiteMap<String, String>,
}

#[derive(Default)]
struct Shared {
    now: Cell<Now>,
    executor: Executor,
    outbox: RefCell<Outbox>,
    timers: RefCell<Timers>,
    generator: RefCell<Generator>,
    rpcs: RefCell<PendingRpcs>,
    calls: RefCell<RunningCalls>,
    reservations: RefCell<PendingReservations>,
    metrics: RefCell<MetricsRegistry>,
    log_filter: RefCell<LogFilter>,
    settings: RefCell<Rc<Settings>>,
}

impl Host {
    pub(crate) fn new() -> Self {
        Self(Rc::default())
    }

    /// Both clocks. They stand still during a turn.
    pub fn now(&self) -> Now {
        self.0.now.get()
    }

    /// Ready after `duration`, at once if it is zero.
    pub fn sleep(&self, duration: Duration) -> Sleep {
        self.sleep_until(self.now().monotonic.plus(duration))
    }

    /// Ready at `deadline`.
    pub fn sleep_until(&self, deadline: Instant) -> Sleep {
        Sleep::new(self.clone(), deadline)
    }

    /// Runs a future to its end, beginning later in this turn.
    pub fn spawn(&self, future: impl Future<Output = ()> + 'static) -> Task {
        self.0.executor.spawn(Box::pin(future))
    }

    /// A number from the generator that the host's entropy feeds.
    pub fn random_u64(&self) -> u64 {
        self.0.generator.borrow_mut().next_u64()
    }

    /// A random number in [0, 1).
    pub fn random_fraction(&self) -> f64 {
        self.0.generator.borrow_mut().fraction()
    }

    /// A random UUID as text, e.g. "c7d6d7a2-5b6c-4a53-8f6e-0123456789ab".
    pub fn uuid_v4(&self) -> String {
        self.0.generator.borrow_mut().uuid_v4()
    }

    /// The host's gRPC client of this handle.
    pub fn grpc_client(&self, client: HostRef) -> GrpcClientRef {
        GrpcClientRef::new(self.clone(), client)
    }

    /// The host's slot suppliers of this worker.
    pub fn slots(&self, worker: HostRef) -> SlotsRef {
        SlotsRef::new(self.clone(), worker)
    }

    /// What the host said when it opened the module.
    pub fn settings(&self) -> Rc<Settings> {
        Rc::clone(&self.0.settings.borrow())
    }

    /// Tells the host that nothing is kept under this client's handle any more.
    pub fn client_closed(&self, client: HostRef) {
        self.emit(effect::Kind::HandleClosed(HandleClosed { client: client.raw(), worker: 0 }));
    }

    /// Tells the host that nothing is kept under this worker's handle any more.
    pub fn worker_closed(&self, worker: HostRef) {
        self.emit(effect::Kind::HandleClosed(HandleClosed { client: 0, worker: worker.raw() }));
    }
}

/// What the modules of this crate share.
impl Host {
    pub(crate) fn set_now(&self, now: Now) {
        self.0.now.set(now);
    }

    pub(crate) fn mix_entropy(&self, entropy: &[u8]) {
        self.0.generator.borrow_mut().mix(entropy);
    }

    pub(crate) fn open(&self, settings: Settings, log_filter: LogFilter) {
        self.0.settings.replace(Rc::new(settings));
        self.0.log_filter.replace(log_filter);
    }

    pub(crate) fn run_tasks(&self, budget: usize) -> bool {
        self.0.executor.run(budget)
    }

    pub(crate) fn emit(&self, effect: effect::Kind) {
        self.0.outbox.borrow_mut().push(effect);
    }

    pub(crate) fn record_metric(&self, instrument: u32, attributes: u32, value: u64) {
        self.0.outbox.borrow_mut().record_metric(instrument, attributes, value);
    }

    pub(crate) fn outbox(&self) -> RefMut<'_, Outbox> {
        self.0.outbox.borrow_mut()
    }

    pub(crate) fn timers(&self) -> RefMut<'_, Timers> {
        self.0.timers.borrow_mut()
    }

    pub(crate) fn pending_rpcs(&self) -> RefMut<'_, PendingRpcs> {
        self.0.rpcs.borrow_mut()
    }

    pub(crate) fn running_calls(&self) -> RefMut<'_, RunningCalls> {
        self.0.calls.borrow_mut()
    }

    pub(crate) fn pending_reservations(&self) -> RefMut<'_, PendingReservations> {
        self.0.reservations.borrow_mut()
    }

    pub(crate) fn metrics(&self) -> RefMut<'_, MetricsRegistry> {
        self.0.metrics.borrow_mut()
    }

    pub(crate) fn with_log_filter<T>(&self, read: impl FnOnce(&LogFilter) -> T) -> T {
        read(&self.0.log_filter.borrow())
    }
}
