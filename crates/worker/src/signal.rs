//! Waiting for a change on one thread: who waits looks again after every notification.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};

use litemap::LiteMap;

/// Wakes everyone who waits on it. Clones share the waiters.
#[derive(Clone, Debug, Default)]
pub struct Signal(Rc<Waiters>);

#[derive(Debug, Default)]
struct Waiters {
    /// By the number under which each began to wait, so that the longest waiting looks first.
    waiting: RefCell<LiteMap<u64, Waker>>,
    last_number: Cell<u64>,
}

/// One who waits. Whoever gives up waiting leaves nothing behind: some signals are never notified in a worker's life.
struct Place<'a> {
    waiters: &'a Waiters,
    number: u64,
}

impl Signal {
    /// Let every waiter look again, in the order in which they began to wait.
    pub fn notify(&self) {
        let waiting = std::mem::take(&mut *self.0.waiting.borrow_mut());
        for (_, waker) in waiting {
            waker.wake();
        }
    }

    /// Wait until `look` finds something. It is called at once, and again after each notification.
    pub async fn until<T>(&self, mut look: impl FnMut() -> Option<T>) -> T {
        let place = self.0.place();
        poll_fn(|context| match look() {
            Some(found) => Poll::Ready(found),
            None => {
                place.register(context.waker());
                Poll::Pending
            }
        })
        .await
    }
}

impl Waiters {
    fn place(&self) -> Place<'_> {
        self.last_number.set(self.last_number.get() + 1);
        Place { waiters: self, number: self.last_number.get() }
    }
}

impl Place<'_> {
    fn register(&self, waker: &Waker) {
        self.waiters.waiting.borrow_mut().insert(self.number, waker.clone());
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.waiters.waiting.borrow_mut().remove(&self.number);
    }
}
