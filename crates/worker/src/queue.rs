//! An unbounded queue between tasks of the one thread, to which an undelivered item can be given back.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;

use crate::signal::Signal;

/// A queue with many givers and takers. Once closed it still yields what it holds.
#[derive(Debug)]
pub struct Queue<T> {
    items: RefCell<VecDeque<T>>,
    closed: Cell<bool>,
    changed: Signal,
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Self { items: RefCell::default(), closed: Cell::new(false), changed: Signal::default() }
    }
}

impl<T> Queue<T> {
    /// Append an item.
    pub fn push(&self, item: T) {
        self.items.borrow_mut().push_back(item);
        self.changed.notify();
    }

    /// Put back, at the head, an item that did not reach who took it.
    pub fn give_back(&self, item: T) {
        self.items.borrow_mut().push_front(item);
        self.changed.notify();
    }

    /// No more items come.
    pub fn close(&self) {
        self.closed.set(true);
        self.changed.notify();
    }

    /// The next item; `None` when closed and empty.
    pub async fn next(&self) -> Option<T> {
        self.changed
            .until(|| match self.items.borrow_mut().pop_front() {
                Some(item) => Some(Some(item)),
                None => self.closed.get().then_some(None),
            })
            .await
    }

    /// The next item if there is one now.
    pub fn try_next(&self) -> Option<T> {
        self.items.borrow_mut().pop_front()
    }

    /// Nothing is queued.
    pub fn is_empty(&self) -> bool {
        self.items.borrow().is_empty()
    }
}
