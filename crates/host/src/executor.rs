//! The executor: one thread, first woken first polled, and never more than a turn's share of work at once.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

use async_task::Runnable;
use futures::future::LocalBoxFuture;

/// Wakers must be Send, so the queue is behind a lock that nobody ever contends for.
type Queue = Arc<Mutex<VecDeque<Runnable>>>;

#[derive(Default)]
pub(crate) struct Executor {
    woken: Queue,
}

impl Executor {
    /// The future comes boxed: one copy of the task's machinery serves all kinds of futures.
    pub(crate) fn spawn(&self, future: LocalBoxFuture<'static, ()>) -> Task {
        let woken = Arc::clone(&self.woken);
        let schedule = move |runnable| push(&woken, runnable);
        let (runnable, task) = async_task::spawn_local(future, schedule);
        runnable.schedule();
        Task(Some(task))
    }

    /// Polls woken tasks in the order of their waking until none is left or `budget` is spent. True if none is left.
    pub(crate) fn run(&self, budget: usize) -> bool {
        for _ in 0..budget {
            match pop(&self.woken) {
                Some(runnable) => runnable.run(),
                None => return true,
            };
        }
        self.is_idle()
    }

    fn is_idle(&self) -> bool {
        self.woken.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }
}

fn push(queue: &Queue, runnable: Runnable) {
    queue.lock().unwrap_or_else(PoisonError::into_inner).push_back(runnable);
}

fn pop(queue: &Queue) -> Option<Runnable> {
    queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
}

/// A spawned future. Dropping this lets it run on; [`Task::abort`] ends it.
#[must_use = "a task that nobody keeps can not be aborted; call detach to say so"]
pub struct Task(Option<async_task::Task<()>>);

impl Task {
    /// Lets the future run on with nobody holding it.
    pub fn detach(self) {}

    /// The future is not polled again; it is dropped before this turn ends. Nothing happens if it is done.
    pub fn abort(mut self) {
        self.0.take();
    }

    /// Whether the future ran to its end.
    pub fn is_finished(&self) -> bool {
        self.0.as_ref().is_none_or(async_task::Task::is_finished)
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        if let Some(task) = self.0.take() {
            task.detach();
        }
    }
}
