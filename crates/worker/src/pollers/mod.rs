//! Long polls: how many run at a time, when they may begin, and what becomes of their answers (spec 6).
//!
//! Every kind of task is polled for by the same engine, [`Pollers`]. A permit is taken before the poll begins and
//! travels with its answer.

mod answer;
mod balance;
mod rate;
mod scaler;

use std::cell::Cell;
use std::future::Future;
use std::rc::Rc;
use std::time::Duration;

use corewasm_host::Host;
use futures::future::{Either, LocalBoxFuture, select};

pub use answer::PollAnswer;
pub use balance::{Balance, BalanceSide};
use rate::RateLimiter;
use scaler::{Active, Scaler, Verdict};

use crate::config::PollerBehavior;
use crate::patience::Patience;
use crate::queue::Queue;
use crate::service::{NamespaceDescription, RetryKind, ServiceError};
use crate::shutdown::ShutdownToken;
use crate::signal::Signal;
use crate::slots::{SlotPermit, SlotPool};

/// Instead of the default when tasks come often, so that no long polls linger after a burst (spec 6.3.3).
const SHORT_POLL: Duration = Duration::from_secs(11);

/// What one poll is made with.
#[derive(Clone, Copy, Debug)]
pub struct PollOptions {
    /// How it is tried again.
    pub retry: RetryKind,
    /// Instead of the default for task polls.
    pub timeout: Option<Duration>,
}

/// Makes one poll.
pub type PollFn<T> = Box<dyn Fn(PollOptions) -> LocalBoxFuture<'static, Result<T, ServiceError>>>;

/// How the pollers of one kind of task behave.
pub struct PollerSettings {
    /// How many at a time.
    pub behavior: PollerBehavior,
    /// Where permits come from.
    pub slots: SlotPool,
    /// This is the sticky queue.
    pub is_sticky: bool,
    /// At most so many polls begin in a second (spec 3.1.8).
    pub max_per_second: Option<f64>,
    /// Shared by the sticky and the normal pollers of a worker.
    pub balance: Option<Balance>,
    /// What the namespace can do, asked when it matters.
    pub namespace: NamespaceDescription,
    /// No new polls after this.
    pub shutdown: ShutdownToken,
    /// How long after that polls may go on that the server ends itself.
    pub patience: Patience,
    /// How long a poll may go on after shutdown where the server does not end it itself (spec 6.6.2).
    pub interrupt_wait: Option<Duration>,
    /// Told of the number of running polls, for metrics.
    pub observer: Box<dyn Fn(usize)>,
}

/// An answer with the permit for what is in it.
pub type Polled<T> = Result<(T, SlotPermit), ServiceError>;

/// The pollers of one kind of task.
pub struct Pollers<T>(Rc<Shared<T>>);

impl<T> Clone for Pollers<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

struct Shared<T> {
    host: Host,
    settings: PollerSettings,
    poll: PollFn<T>,
    scaler: Rc<Scaler>,
    rate: Option<RateLimiter>,
    answers: Queue<Polled<T>>,
    started: Cell<bool>,
    running: Cell<usize>,
    finished: Signal,
}

impl<T: PollAnswer> Pollers<T> {
    /// Pollers that begin when the first answer is asked for (spec 6.1.3).
    pub fn new(host: Host, settings: PollerSettings, poll: PollFn<T>) -> Self {
        let scaler = Rc::new(Scaler::new(host.clone(), settings.behavior, settings.namespace.clone()));
        if let Some(balance) = &settings.balance {
            balance.watch(settings.is_sticky, scaler.clone());
        }
        Self(Rc::new(Shared {
            rate: settings.max_per_second.map(|rate| RateLimiter::new(host.clone(), rate)),
            host,
            settings,
            poll,
            scaler,
            answers: Queue::default(),
            started: Cell::new(false),
            running: Cell::new(0),
            finished: Signal::default(),
        }))
    }

    /// The next answer; empty ones (long-poll time-outs) included. `None` once shutdown ended all polls.
    pub async fn next(&self) -> Option<Polled<T>> {
        self.start();
        self.0.answers.next().await
    }

    /// Begin to poll, if that did not happen yet.
    pub fn start(&self) {
        if !self.0.started.replace(true) {
            self.0.host.spawn(run(self.0.clone())).detach();
            self.0.scaler.clone().start(self.0.settings.shutdown.clone());
        }
    }
}

/// Begin poll after poll until shutdown, then wait for those that run.
async fn run<T: PollAnswer>(shared: Rc<Shared<T>>) {
    let shutdown = shared.settings.shutdown.clone();
    while let Some((permit, active)) = shutdown.unless_begun(admit(&shared)).await {
        // Both may come at the same moment; shutdown wins.
        if shutdown.has_begun() {
            break;
        }
        shared.running.set(shared.running.get() + 1);
        let poll = shared.clone();
        shared
            .host
            .spawn(async move {
                poll_once(&poll, permit, active).await;
                poll.running.set(poll.running.get() - 1);
                poll.finished.notify();
            })
            .detach();
    }
    shared.finished.until(|| (shared.running.get() == 0).then_some(())).await;
    shared.answers.close();
}

/// Wait until another poll may begin: balance or rate first, then a permit, then a place among the pollers (spec
/// 6.1.3).
async fn admit<T>(shared: &Shared<T>) -> (SlotPermit, Active) {
    if let Some(balance) = &shared.settings.balance {
        balance.admit(shared.settings.is_sticky).await;
    }
    if let Some(rate) = &shared.rate {
        rate.wait().await;
    }
    let permit = shared.settings.slots.reserve(shared.settings.is_sticky).await;
    let active = shared.scaler.clone().activate(&shared.settings.observer).await;
    (permit, active)
}

async fn poll_once<T: PollAnswer>(shared: &Rc<Shared<T>>, permit: SlotPermit, active: Active) {
    let answer = uninterrupted(shared, (shared.poll)(poll_options(shared))).await;
    let Some(answer) = answer else { return release(shared, active) };
    if let (Ok(answer), Some(balance)) = (&answer, &shared.settings.balance) {
        balance.record_backlog(shared.settings.is_sticky, answer.backlog_hint());
    }
    let Verdict { forward, back_off } = shared.scaler.judge(&answer);
    if let Some(back_off) = back_off {
        // The place and the permit are kept meanwhile, so that no other poll begins (spec 6.3.4).
        let slept = shared.settings.shutdown.unless_begun(shared.host.sleep(back_off)).await;
        if slept.is_some() {
            return release(shared, active);
        }
    }
    release(shared, active);
    if forward {
        shared.answers.push(answer.map(|answer| (answer, permit)));
    }
}

fn release<T>(shared: &Shared<T>, active: Active) {
    active.end(&shared.settings.observer);
}

fn poll_options<T>(shared: &Shared<T>) -> PollOptions {
    let scaling = matches!(shared.settings.behavior, PollerBehavior::Autoscaling { .. });
    PollOptions {
        retry: if scaling { RetryKind::ScalingTaskPoll } else { RetryKind::TaskPoll },
        timeout: shared.scaler.is_busy().then_some(SHORT_POLL),
    }
}

/// The poll's answer; `None` if shutdown cut it off (spec 6.6, ADR 17).
async fn uninterrupted<T, Answer>(shared: &Shared<T>, poll: impl Future<Output = Answer> + Unpin) -> Option<Answer> {
    let cut = std::pin::pin!(async {
        shared.settings.shutdown.begun().await;
        if shared.settings.namespace.capabilities().graceful_poll_shutdown() {
            shared.settings.patience.polls_given_up().await;
        } else if let Some(wait) = shared.settings.interrupt_wait {
            shared.host.sleep(wait).await;
        }
    });
    match select(poll, cut).await {
        Either::Left((answer, _)) => Some(answer),
        Either::Right(_) => None,
    }
}
