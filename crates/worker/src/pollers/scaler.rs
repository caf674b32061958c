//! How many polls run at a time: a fixed number, or as the server's answers advise (spec 6.3).

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use corewasm_engine::time::Instant;
use corewasm_host::{Host, code};

use super::PollAnswer;
use crate::config::PollerBehavior;
use crate::error::status_text;
use crate::service::{NamespaceDescription, ServiceError, ServiceErrorKind};
use crate::shutdown::ShutdownToken;
use crate::signal::Signal;

const TARGET: &str = "temporalio_sdk_core::pollers::poll_buffer";
/// How often it is decided whether more polls brought more tasks (spec 6.3.2).
const PERIOD: Duration = Duration::from_millis(100);
const GROWTH: f64 = 1.1;
const JITTER: f64 = 0.2;
const BACK_OFF_MAXIMUM: Duration = Duration::from_secs(10);
const BACK_OFF: Duration = Duration::from_millis(200);
const THROTTLE_BACK_OFF: Duration = Duration::from_secs(1);
const FIRST_WARNING: Duration = Duration::from_secs(60);
const LONGEST_WARNING_INTERVAL: Duration = Duration::from_secs(15 * 60);

pub(super) struct Scaler {
    host: Host,
    scales: bool,
    minimum: usize,
    maximum: usize,
    target: Cell<usize>,
    active: Cell<usize>,
    saw_decision: Cell<bool>,
    ingested: Cell<usize>,
    ingested_before: Cell<usize>,
    may_grow: Cell<bool>,
    back_off: BackOff,
    throttle: BackOff,
    warnings: RefCell<ErrorWarnings>,
    namespace: NamespaceDescription,
    changed: Signal,
    also_notify: RefCell<Option<Signal>>,
}

/// One poll's place among the active ones.
pub(super) struct Active(Option<Rc<Scaler>>);

/// What becomes of an answer.
pub(super) struct Verdict {
    /// It goes on to the worker.
    pub(super) forward: bool,
    /// Wait so long before the next poll.
    pub(super) back_off: Option<Duration>,
}

impl Scaler {
    pub(super) fn new(host: Host, behavior: PollerBehavior, namespace: NamespaceDescription) -> Self {
        let (minimum, maximum, initial, scales) = match behavior {
            PollerBehavior::SimpleMaximum(maximum) => (1, maximum, maximum, false),
            PollerBehavior::Autoscaling { minimum, maximum, initial } => (minimum, maximum, initial, true),
        };
        Self {
            host,
            scales,
            minimum,
            maximum,
            target: Cell::new(initial),
            active: Cell::new(0),
            saw_decision: Cell::new(false),
            ingested: Cell::new(0),
            ingested_before: Cell::new(0),
            may_grow: Cell::new(true),
            back_off: BackOff::new(BACK_OFF),
            throttle: BackOff::new(THROTTLE_BACK_OFF),
            warnings: RefCell::default(),
            namespace,
            changed: Signal::default(),
            also_notify: RefCell::default(),
        }
    }

    /// Begin to compare periods. Only scaling pollers do.
    pub(super) fn start(self: Rc<Self>, shutdown: ShutdownToken) {
        if !self.scales {
            return;
        }
        let host = self.host.clone();
        host.spawn(async move {
            while shutdown.unless_begun(self.host.sleep(PERIOD)).await.is_some() {
                self.end_period();
                // An idle worker's clock must not tick: the next task starts a new comparison.
                shutdown.unless_begun(self.changed.until(|| self.has_something_to_compare().then_some(()))).await;
            }
        })
        .detach();
    }

    /// Wait for a place.
    pub(super) async fn activate(self: Rc<Self>, observer: &dyn Fn(usize)) -> Active {
        self.changed.until(|| (self.active.get() < self.target.get().min(self.maximum)).then_some(())).await;
        self.set_active(self.active.get() + 1);
        observer(self.active.get());
        Active(Some(self))
    }

    pub(super) fn active(&self) -> usize {
        self.active.get()
    }

    pub(super) fn target(&self) -> usize {
        self.target.get()
    }

    /// More than one task came in this period.
    pub(super) fn is_busy(&self) -> bool {
        self.ingested.get() > 1
    }

    pub(super) fn notify_too(&self, signal: Signal) {
        *self.also_notify.borrow_mut() = Some(signal);
    }

    pub(super) fn judge(&self, answer: &Result<impl PollAnswer, ServiceError>) -> Verdict {
        match answer {
            _ if !self.scales => Verdict { forward: true, back_off: None },
            Ok(answer) => {
                self.learn(answer);
                Verdict { forward: true, back_off: None }
            }
            Err(error) => self.judge_error(error),
        }
    }

    /// Spec 6.3.1.
    fn learn(&self, answer: &impl PollAnswer) {
        self.back_off.reset();
        self.throttle.reset();
        self.warnings.borrow_mut().reset();
        if !answer.is_empty() {
            self.ingested.set(self.ingested.get() + 1);
            self.changed.notify();
        }
        match answer.scaling_delta() {
            Some(delta) => {
                self.follow(delta);
                self.saw_decision.set(true);
            }
            None if answer.is_empty() && self.may_shrink() => self.set_target(self.target.get().saturating_sub(1)),
            None => {}
        }
    }

    fn follow(&self, delta: i32) {
        let by = delta.unsigned_abs() as usize;
        if delta < 0 {
            self.set_target(self.target.get().saturating_sub(by));
        } else if self.may_grow.get() {
            self.set_target(self.target.get().saturating_add(by));
        }
    }

    /// Spec 6.3.4.
    fn judge_error(&self, error: &ServiceError) -> Verdict {
        self.warn_if_persistent(error);
        let throttled = error.status.code == code::RESOURCE_EXHAUSTED;
        let delay = if throttled { self.throttle.next() } else { self.back_off.next() };
        if throttled && self.may_shrink() {
            self.set_target(self.target.get() / 2);
        }
        let jitter = 1.0 + JITTER * (2.0 * self.host.random_fraction() - 1.0);
        Verdict { forward: error.kind != ServiceErrorKind::ShortCircuited, back_off: Some(delay.mul_f64(jitter)) }
    }

    fn warn_if_persistent(&self, error: &ServiceError) {
        let Some(lasting) = self.warnings.borrow_mut().record(self.host.now().monotonic) else { return };
        let fields = [("error", status_text(&error.status).into()), ("error_duration", format!("{lasting:?}").into())];
        let text = "Task polling has encountered errors continuously; the worker will continue retrying";
        self.host.warn(TARGET, text, &fields);
    }

    fn may_shrink(&self) -> bool {
        self.saw_decision.get() || self.namespace.capabilities().poller_autoscaling()
    }

    fn set_target(&self, target: usize) {
        let target = target.clamp(self.minimum, self.maximum);
        if self.target.replace(target) != target {
            self.notify();
        }
    }

    fn set_active(&self, active: usize) {
        self.active.set(active);
        self.notify();
    }

    fn notify(&self) {
        self.changed.notify();
        if let Some(other) = &*self.also_notify.borrow() {
            other.notify();
        }
    }

    fn end_period(&self) {
        let ingested = self.ingested.replace(0);
        let before = self.ingested_before.replace(ingested);
        self.may_grow.set(ingested >= (before as f64 * GROWTH) as usize);
    }

    /// After two empty periods the next ones say nothing new.
    fn has_something_to_compare(&self) -> bool {
        self.ingested.get() > 0 || self.ingested_before.get() > 0 || !self.may_grow.get()
    }
}

impl Active {
    pub(super) fn end(mut self, observer: &dyn Fn(usize)) {
        if let Some(scaler) = self.0.take() {
            scaler.set_active(scaler.active.get() - 1);
            observer(scaler.active.get());
        }
    }
}

impl Drop for Active {
    fn drop(&mut self) {
        if let Some(scaler) = self.0.take() {
            scaler.set_active(scaler.active.get() - 1);
        }
    }
}

/// Doubles from its first delay up to the longest.
struct BackOff {
    first: Duration,
    next: Cell<Duration>,
}

impl BackOff {
    fn new(first: Duration) -> Self {
        Self { first, next: Cell::new(first) }
    }

    fn reset(&self) {
        self.next.set(self.first);
    }

    fn next(&self) -> Duration {
        let delay = self.next.get();
        self.next.set((delay * 2).min(BACK_OFF_MAXIMUM));
        delay
    }
}

/// When to warn of errors that do not end: after 1, 3, 7, 15, 30, 45 ... minutes (spec 6.3.5).
#[derive(Default)]
struct ErrorWarnings {
    since: Option<Instant>,
    next_warning: Option<(Instant, Duration)>,
}

impl ErrorWarnings {
    fn reset(&mut self) {
        *self = Self::default();
    }

    /// How long the errors have lasted, if it is time to warn.
    fn record(&mut self, now: Instant) -> Option<Duration> {
        let since = *self.since.get_or_insert(now);
        let (due, interval) = *self.next_warning.get_or_insert((now.plus(FIRST_WARNING), FIRST_WARNING));
        if now < due {
            return None;
        }
        let interval = (interval * 2).min(LONGEST_WARNING_INTERVAL);
        self.next_warning = Some((now.plus(interval), interval));
        Some(now.since(since))
    }
}
