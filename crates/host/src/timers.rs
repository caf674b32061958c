//! Timers: who waits until when. The earliest of them is the turn's next wake-up.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, Waker},
};

use corewasm_engine::time::Instant;
use litemap::LiteMap;

use crate::Host;

/// Sleepers by deadline, and among equals by the order in which they began to sleep.
#[derive(Default)]
pub(crate) struct Timers {
    sleepers: LiteMap<(Instant, u64), Waker>,
    next_sequence: u64,
}

impl Timers {
    pub(crate) fn earliest(&self) -> Option<Instant> {
        self.sleepers.first().map(|((deadline, _), _)| *deadline)
    }

    pub(crate) fn wake_due(&mut self, now: Instant) {
        if self.earliest().is_some_and(|earliest| earliest <= now) {
            self.sleepers.retain(|(deadline, _), waker| {
                let sleeps_on = *deadline > now;
                if !sleeps_on {
                    waker.wake_by_ref();
                }
                sleeps_on
            });
        }
    }

    fn sequence(&mut self) -> u64 {
        self.next_sequence += 1;
        self.next_sequence
    }
}

/// Ready at its deadline. Dropping it forgets the timer.
pub struct Sleep {
    host: Host,
    deadline: Instant,
    sequence: Option<u64>,
}

impl Sleep {
    pub(crate) const fn new(host: Host, deadline: Instant) -> Self {
        Self { host, deadline, sequence: None }
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.host.now().monotonic >= self.deadline {
            return Poll::Ready(());
        }
        let host = self.host.clone();
        let mut timers = host.timers();
        let sequence = *self.sequence.get_or_insert_with(|| timers.sequence());
        timers.sleepers.insert((self.deadline, sequence), context.waker().clone());
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(sequence) = self.sequence {
            self.host.timers().sleepers.remove(&(self.deadline, sequence));
        }
    }
}
