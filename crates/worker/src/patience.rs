//! How long a worker that shuts down waits for its server (ADR 17).
//!
//! Lang's own work is waited for without end, as native Core does. What is bounded is the wait for the server's
//! answers: calls under way, polls, and the farewell itself (ShutdownWorker).

use std::cell::Cell;
use std::future::Future;
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use corewasm_engine::time::Instant;
use corewasm_host::Host;
use futures::future::{Either, select};

use crate::signal::Signal;

/// The promise: no later than this after the end of the graceful period, or after lang's last completion if that comes
/// later, nobody waits for the server any more.
pub const BOUND: Duration = Duration::from_secs(10);
/// Set by who runs the worker: another bound, in whole seconds.
const BOUND_VARIABLE: &str = "TEMPORAL_SHUTDOWN_SERVER_WAIT_SECONDS";
/// Polls go on for so long after the farewell was refused. No new ones begin, so where tasks wait in the queue, which
/// is where a cancelled poll would lose one, the polls that are out are answered by then and their tasks are carried
/// out.
pub const POLLS_AFTER_REFUSAL: Duration = Duration::from_secs(1);

/// What the bound is made of. Up to two calls follow on one that was given up: a heartbeat, then the activity's report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waits {
    /// Calls under way are given up this long after the end of the graceful period; polls and the farewell, for which
    /// the graceful period is not meant, this long after the beginning of shutdown.
    pub first: Duration,
    /// A call that begins later than that, because lang took its time, is waited for at least this long.
    pub late_call: Duration,
    /// The same for a call to a server that has just left another one unanswered.
    pub following_call: Duration,
}

/// The patience of one worker. Clones are the same.
#[derive(Clone)]
pub struct Patience(Rc<State>);

struct State {
    host: Host,
    graceful_period: Duration,
    waits: Waits,
    polls_until: Cell<Option<Instant>>,
    calls_until: Cell<Option<Instant>>,
    /// A call was given up, and none was answered since.
    is_deaf: Cell<bool>,
    changed: Signal,
}

impl Waits {
    /// The parts of this bound.
    pub fn within(bound: Duration) -> Self {
        Self { first: bound * 4 / 5, late_call: bound / 2, following_call: bound / 10 }
    }
}

impl Patience {
    /// Without end until shutdown begins.
    pub fn new(host: Host, graceful_period: Option<Duration>) -> Self {
        let waits = Waits::within(bound(&host));
        Self(Rc::new(State {
            host,
            graceful_period: graceful_period.unwrap_or_default(),
            waits,
            polls_until: Cell::new(None),
            calls_until: Cell::new(None),
            is_deaf: Cell::new(false),
            changed: Signal::default(),
        }))
    }

    /// Shutdown begins.
    pub fn handle_shutdown(&self) {
        let now = self.0.now();
        self.0.polls_until.set(Some(now.plus(self.0.waits.first)));
        self.0.calls_until.set(Some(now.plus(self.0.graceful_period).plus(self.0.waits.first)));
        self.0.changed.notify();
    }

    /// The server did not take the farewell: it will not end the polls.
    pub fn handle_farewell_refused(&self) {
        let soon = self.0.now().plus(POLLS_AFTER_REFUSAL);
        self.0.polls_until.set(self.0.polls_until.get().map(|until| until.min(soon)));
        self.0.changed.notify();
    }

    /// Lang completed something, or an activity's heartbeat came: what is to be said of it is worth another try.
    pub fn handle_news_of_lang(&self) {
        self.0.is_deaf.set(false);
    }

    /// Wait until polls, and the farewell, are given up.
    pub async fn polls_given_up(&self) {
        self.0.reached(&self.0.polls_until).await;
    }

    /// Make a call unless it is given up first; then it is dropped and the answer is `None`.
    pub async fn call<Answer, Error>(
        &self,
        call: impl Future<Output = Result<Answer, Error>>,
    ) -> Option<Result<Answer, Error>> {
        self.0.handle_call_begun();
        match select(pin!(call), pin!(self.0.reached(&self.0.calls_until))).await {
            Either::Left((answer, _)) => {
                self.0.is_deaf.set(self.0.is_deaf.get() && answer.is_err());
                Some(answer)
            }
            Either::Right(_) => {
                self.0.is_deaf.set(true);
                None
            }
        }
    }
}

impl State {
    fn now(&self) -> Instant {
        self.host.now().monotonic
    }

    fn handle_call_begun(&self) {
        let least = self.now().plus(if self.is_deaf.get() { self.waits.following_call } else { self.waits.late_call });
        self.calls_until.set(self.calls_until.get().map(|until| until.max(least)));
    }

    /// The moment may be set, or moved either way, meanwhile.
    async fn reached(&self, moment: &Cell<Option<Instant>>) {
        loop {
            let until = self.changed.until(|| moment.get()).await;
            if self.now() >= until {
                return;
            }
            let moved = self.changed.until(|| moment.get().filter(|current| *current < until));
            select(pin!(moved), pin!(self.host.sleep_until(until))).await;
        }
    }
}

/// What is no whole number of seconds counts as not set.
fn bound(host: &Host) -> Duration {
    let settings = host.settings();
    let seconds = settings.environment.get(BOUND_VARIABLE).and_then(|text| text.parse::<u32>().ok());
    seconds.map_or(BOUND, |seconds| Duration::from_secs(seconds.into()))
}
