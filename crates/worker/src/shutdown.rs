//! The one-way switch that everything of a worker watches.

use std::cell::Cell;
use std::future::Future;
use std::rc::Rc;

use futures::future::{Either, select};

use crate::signal::Signal;

/// Set once, never cleared. Clones are the same token.
#[derive(Clone, Debug, Default)]
pub struct ShutdownToken(Rc<State>);

#[derive(Debug, Default)]
struct State {
    set: Cell<bool>,
    changed: Signal,
}

impl ShutdownToken {
    /// Begin shutdown. Returns false if it had begun already.
    pub fn begin(&self) -> bool {
        let first = !self.0.set.replace(true);
        if first {
            self.0.changed.notify();
        }
        first
    }

    /// Shutdown has begun.
    pub fn has_begun(&self) -> bool {
        self.0.set.get()
    }

    /// Wait for shutdown to begin.
    pub async fn begun(&self) {
        self.0.changed.until(|| self.has_begun().then_some(())).await;
    }

    /// Do `work` unless shutdown begins first; then it is dropped and the answer is `None`.
    pub async fn unless_begun<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        let begun = std::pin::pin!(self.begun());
        match select(begun, std::pin::pin!(work)).await {
            Either::Left(_) => None,
            Either::Right((value, _)) => Some(value),
        }
    }
}
