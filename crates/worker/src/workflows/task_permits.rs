//! The permits of the tasks that runs have.

use std::collections::VecDeque;

use bytes::Bytes;
use litemap::LiteMap;

use crate::slots::SlotPermit;

/// The permit of every task that a run has, current or buffered. A task that the service gives out again while the
/// first is still in hand has the same token: its permit lies behind the first one's.
#[derive(Default)]
pub(super) struct TaskPermits(LiteMap<Bytes, VecDeque<SlotPermit>>);

impl TaskPermits {
    pub(super) fn insert(&mut self, task_token: Bytes, permit: SlotPermit) {
        self.0.entry(task_token).or_default().push_back(permit);
    }

    pub(super) fn remove(&mut self, task_token: &Bytes) -> Option<SlotPermit> {
        let permits = self.0.get_mut(task_token)?;
        let permit = permits.pop_front();
        if permits.is_empty() {
            self.0.remove(task_token);
        }
        permit
    }
}
