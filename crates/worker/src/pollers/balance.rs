//! Who may poll next, the sticky or the normal queue, when slots are few (spec 6.2).

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use super::scaler::Scaler;
use crate::signal::Signal;

/// Which queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BalanceSide {
    /// The worker's own.
    Sticky,
    /// The task queue that all workers share.
    Normal,
}

/// Shared by a worker's sticky and normal pollers.
#[derive(Clone)]
pub struct Balance(Rc<Shared>);

struct Shared {
    /// Permits that can be out at a time; unknown: nothing is balanced.
    limit: Option<usize>,
    backlog: Cell<i64>,
    sticky: RefCell<Option<Rc<Scaler>>>,
    normal: RefCell<Option<Rc<Scaler>>>,
    changed: Signal,
}

/// What is decided on.
#[derive(Clone, Copy, Debug)]
struct Load {
    sticky: usize,
    sticky_target: usize,
    normal: usize,
    backlog: i64,
    limit: usize,
}

impl Balance {
    /// A balance under that many permits.
    pub fn new(limit: Option<usize>) -> Self {
        Self(Rc::new(Shared {
            limit,
            backlog: Cell::new(0),
            sticky: RefCell::default(),
            normal: RefCell::default(),
            changed: Signal::default(),
        }))
    }

    pub(super) fn watch(&self, is_sticky: bool, scaler: Rc<Scaler>) {
        scaler.notify_too(self.0.changed.clone());
        let side = if is_sticky { &self.0.sticky } else { &self.0.normal };
        *side.borrow_mut() = Some(scaler);
    }

    pub(super) fn record_backlog(&self, is_sticky: bool, backlog: i64) {
        if is_sticky {
            self.0.backlog.set(backlog);
            self.0.changed.notify();
        }
    }

    /// Wait until this side may take a permit.
    pub(super) async fn admit(&self, is_sticky: bool) {
        let side = if is_sticky { BalanceSide::Sticky } else { BalanceSide::Normal };
        self.0.changed.until(|| self.load().is_none_or(|load| load.admits(side)).then_some(())).await;
    }

    fn load(&self) -> Option<Load> {
        let (sticky, normal) = (self.0.sticky.borrow(), self.0.normal.borrow());
        let (sticky, normal) = (sticky.as_ref()?, normal.as_ref()?);
        Some(Load {
            sticky: sticky.active(),
            sticky_target: sticky.target(),
            normal: normal.active(),
            backlog: self.0.backlog.get(),
            limit: self.0.limit?,
        })
    }
}

impl Load {
    fn admits(self, side: BalanceSide) -> bool {
        match side {
            BalanceSide::Normal => self.admits_normal(),
            BalanceSide::Sticky => self.admits_sticky(),
        }
    }

    /// Spec 6.2.1.
    const fn admits_normal(self) -> bool {
        if self.normal == 0 {
            return true;
        }
        if (self.sticky == 0 && self.normal + 1 >= self.limit) || self.prefers_sticky() {
            return false;
        }
        self.sticky + self.normal < self.limit
    }

    /// Spec 6.2.2.
    const fn admits_sticky(self) -> bool {
        if self.sticky == 0 {
            return true;
        }
        if self.sticky >= self.sticky_target || (self.normal == 0 && self.sticky + 1 >= self.limit) {
            return false;
        }
        self.prefers_sticky() || self.sticky + self.normal < self.limit
    }

    /// Spec 6.2.3.
    const fn prefers_sticky(self) -> bool {
        self.backlog > 1 && self.backlog > self.sticky as i64 && self.sticky < self.sticky_target
    }
}
