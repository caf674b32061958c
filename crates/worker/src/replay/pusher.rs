//! The way of a history into a replay worker: one waits at most, the next has to wait outside (spec 12.6).

use std::cell::{Cell, RefCell};

use corewasm_engine::history::SplitPoll;

use crate::error::WorkerError;
use crate::signal::Signal;

/// A channel of capacity 1.
#[derive(Default)]
pub(crate) struct Pusher {
    waiting: RefCell<Option<SplitPoll>>,
    closed: Cell<bool>,
    /// Somebody wanted a history and there will be none.
    exhausted: Cell<bool>,
    changed: Signal,
}

impl Pusher {
    pub(super) async fn push(&self, task: SplitPoll) -> Result<(), WorkerError> {
        let has_room = || (self.closed.get() || self.waiting.borrow().is_none()).then_some(());
        self.changed.until(has_room).await;
        if self.closed.get() {
            return Err(WorkerError::PusherClosed);
        }
        *self.waiting.borrow_mut() = Some(task);
        self.changed.notify();
        Ok(())
    }

    /// The next history; `None` when closed and empty.
    pub(super) async fn next(&self) -> Option<SplitPoll> {
        let task = self
            .changed
            .until(|| match self.waiting.borrow_mut().take() {
                Some(task) => Some(Some(task)),
                None => self.closed.get().then_some(None),
            })
            .await;
        self.exhausted.set(task.is_none());
        self.changed.notify();
        task
    }

    pub(crate) fn close(&self) {
        self.closed.set(true);
        self.changed.notify();
    }

    /// Closed, everything that was pushed was replayed, and the next one was asked for: only then nothing is left to
    /// lose.
    pub(crate) async fn exhausted(&self) {
        self.changed.until(|| self.exhausted.get().then_some(())).await;
    }
}
