//! Spacing of polls in time: the schedule slips forward, bursts do not happen (spec 3.1.8).

use std::cell::Cell;
use std::time::Duration;

use corewasm_engine::time::Instant;
use corewasm_host::Host;

pub(super) struct RateLimiter {
    host: Host,
    interval: Duration,
    next: Cell<Instant>,
}

impl RateLimiter {
    /// `rate` is a positive number of polls per second.
    pub(super) fn new(host: Host, rate: f64) -> Self {
        let next = Cell::new(host.now().monotonic);
        let interval = Duration::try_from_secs_f64(rate.recip()).unwrap_or(Duration::MAX);
        Self { host, interval, next }
    }

    /// Wait for the next moment that is free, and take it.
    pub(super) async fn wait(&self) {
        let moment = self.next.get().max(self.host.now().monotonic);
        self.next.set(moment.plus(self.interval));
        self.host.sleep_until(moment).await;
    }
}
