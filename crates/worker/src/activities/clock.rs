//! Keeps the deadlines of a state on the host's clock.

use corewasm_engine::time::Instant;
use corewasm_host::Host;
use futures::future::{Either, select};

use crate::signal::Signal;

/// A state with deadlines, whose changes a signal tells.
pub(crate) trait Timed {
    /// When [`Self::time_came`] has something to do.
    fn next_deadline(&self) -> Option<Instant>;
    /// Do whatever is due. Moves [`Self::next_deadline`] on.
    fn time_came(&self);
    /// No deadlines come any more.
    fn is_over(&self) -> bool;
}

/// Calls [`Timed::time_came`] at each deadline until it is over.
pub(crate) async fn keep_deadlines(host: &Host, state: &impl Timed, changed: &Signal) {
    while !state.is_over() {
        let deadline = state.next_deadline();
        let moved = changed.until(|| (state.is_over() || state.next_deadline() != deadline).then_some(()));
        let Some(at) = deadline else {
            moved.await;
            continue;
        };
        if let Either::Left(_) = select(host.sleep_until(at), std::pin::pin!(moved)).await {
            state.time_came();
        }
    }
}
