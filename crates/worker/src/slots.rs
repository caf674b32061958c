//! Slots: how much work of a kind the worker takes on at once (spec 7).
//!
//! A permit is taken before a task is polled for, travels with the task, and goes back when it is dropped: exactly
//! once,
//! whatever path the task takes (spec 7.3).

mod host;
mod resource_based;

use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::Rc;

use futures::future::LocalBoxFuture;

use crate::signal::Signal;
pub use host::HostSupplier;
pub use resource_based::{Load, ResourceController, ResourceSlots, ResourceSupplier, ResourceTargets};

/// The kinds of slots.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SlotKind {
    /// Workflow tasks.
    Workflow,
    /// Activity tasks.
    Activity,
    /// Local activities.
    LocalActivity,
    /// Nexus tasks.
    Nexus,
}

/// What a slot is used for (spec 7.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SlotInfo {
    /// A workflow task.
    Workflow {
        /// Its workflow type.
        workflow_type: String,
        /// Its history is incremental.
        is_sticky: bool,
    },
    /// An activity task.
    Activity {
        /// Its activity type.
        activity_type: String,
    },
    /// A local activity.
    LocalActivity {
        /// Its activity type.
        activity_type: String,
    },
    /// A Nexus task.
    Nexus {
        /// Its service.
        service: String,
        /// Its operation.
        operation: String,
    },
}

/// A supplier's name of a permit that it issued.
pub type PermitId = u32;

/// Where permits come from (spec 7.1). Implementations are fixed numbers and the host's own suppliers.
pub trait SlotSupplier {
    /// Wait for a permit. Dropping the future gives up the wait.
    fn reserve(&self, is_sticky: bool) -> LocalBoxFuture<'static, PermitId>;
    /// A permit if one is to be had without waiting; the host answers in its next turn at the latest.
    fn try_reserve(&self) -> LocalBoxFuture<'static, Option<PermitId>>;
    /// The permit is used for this now.
    fn mark_used(&self, permit: PermitId, info: &SlotInfo);
    /// The permit goes back; `info` if it was used.
    fn release(&self, permit: PermitId, info: Option<&SlotInfo>);
    /// The permit was issued by an earlier instance and is out.
    fn adopt(&self, _permit: PermitId) {}
    /// A permit beyond what there is, if the supplier may give one.
    fn overdraw(&self) -> Option<PermitId> {
        None
    }
    /// Permits that could be issued now, if the supplier knows.
    fn available(&self) -> Option<usize>;
}

/// What watches a pool's counts, for metrics: permits available (if known) and in use (spec 7.4).
pub type SlotObserver = Box<dyn Fn(Option<usize>, usize)>;

/// The slots of one kind. Clones are the same pool.
#[derive(Clone)]
pub struct SlotPool(Rc<Pool>);

struct Pool {
    kind: SlotKind,
    supplier: Box<dyn SlotSupplier>,
    /// At most so many permits exist at a time, whatever the supplier would give (spec 1.10.4).
    limit: Option<usize>,
    issued: Cell<usize>,
    unused: Cell<usize>,
    changed: Signal,
    observer: RefCell<Option<SlotObserver>>,
}

/// One slot, from reservation to release.
#[derive(Debug)]
pub struct SlotPermit {
    pool: SlotPool,
    id: PermitId,
    info: Option<SlotInfo>,
}

/// A place under the pool's limit that is being filled; given back when the reservation is abandoned.
struct Place(Option<SlotPool>);

impl SlotPool {
    /// A pool over this supplier, of at most `limit` permits at a time.
    pub fn new(kind: SlotKind, supplier: Box<dyn SlotSupplier>, limit: Option<usize>) -> Self {
        Self(Rc::new(Pool {
            kind,
            supplier,
            limit,
            issued: Cell::new(0),
            unused: Cell::new(0),
            changed: Signal::default(),
            observer: RefCell::new(None),
        }))
    }

    /// A pool of that many slots (spec 7.5).
    pub fn fixed(kind: SlotKind, slots: usize, limit: Option<usize>) -> Self {
        Self::new(kind, Box::new(FixedSupplier::new(slots)), limit)
    }

    /// Tell this observer of every change.
    pub fn observe(&self, observer: SlotObserver) {
        *self.0.observer.borrow_mut() = Some(observer);
    }

    /// Wait for a permit. Dropping the future gives up the wait and whatever it had.
    pub async fn reserve(&self, is_sticky: bool) -> SlotPermit {
        let place = self.0.changed.until(|| self.take_place()).await;
        let id = self.0.supplier.reserve(is_sticky).await;
        place.fill(id)
    }

    /// A permit, if one is to be had without waiting for another to go back.
    pub async fn try_reserve(&self) -> Option<SlotPermit> {
        let place = self.take_place()?;
        let id = self.0.supplier.try_reserve().await?;
        Some(place.fill(id))
    }

    /// A permit for a task that is here already, polled by an earlier instance of this module: it must not wait for
    /// this instance's polls to end, which hold permits too.
    pub async fn reserve_for_adopted(&self) -> SlotPermit {
        let place = self.occupy();
        let id = match self.0.supplier.overdraw() {
            Some(id) => id,
            None => self.0.supplier.reserve(false).await,
        };
        place.fill(id)
    }

    /// Take over a permit that an earlier instance of this module had out, unused as far as is known.
    pub fn adopt(&self, id: PermitId) -> SlotPermit {
        self.0.supplier.adopt(id);
        self.occupy().fill(id)
    }

    /// The pool's kind.
    pub fn kind(&self) -> SlotKind {
        self.0.kind
    }

    /// Permits in existence, used or not.
    pub fn issued(&self) -> usize {
        self.0.issued.get()
    }

    /// Permits in use.
    pub fn used(&self) -> usize {
        self.0.issued.get() - self.0.unused.get()
    }

    /// Permits to be had now: the supplier's, within the limit; `None` if neither says (spec 6.2).
    pub fn available(&self) -> Option<usize> {
        let under_limit = self.0.limit.map(|limit| limit.saturating_sub(self.issued()));
        [self.0.supplier.available(), under_limit].into_iter().flatten().min()
    }

    /// Wait until every permit is back.
    pub async fn all_back(&self) {
        self.0.changed.until(|| (self.issued() == 0).then_some(())).await;
    }

    fn take_place(&self) -> Option<Place> {
        let full = self.0.limit.is_some_and(|limit| self.issued() >= limit);
        (!full).then(|| self.occupy())
    }

    /// Until it is filled the place counts as unused, so that it never shows as a slot in use.
    fn occupy(&self) -> Place {
        self.0.issued.set(self.0.issued.get() + 1);
        self.0.unused.set(self.0.unused.get() + 1);
        Place(Some(self.clone()))
    }

    fn report(&self) {
        if let Some(observer) = &*self.0.observer.borrow() {
            observer(self.0.supplier.available().map(|free| free + self.0.unused.get()), self.used());
        }
    }
}

impl SlotPermit {
    /// The permit is used for this task from now on; later calls change nothing.
    pub fn mark_used(&mut self, info: SlotInfo) {
        if self.info.is_some() {
            return;
        }
        self.pool.0.supplier.mark_used(self.id, &info);
        self.pool.0.unused.set(self.pool.0.unused.get() - 1);
        self.info = Some(info);
        self.pool.report();
    }

    /// The kind of slot that it is for.
    pub fn kind(&self) -> SlotKind {
        self.pool.kind()
    }

    /// The supplier's name of it.
    pub fn id(&self) -> PermitId {
        self.id
    }
}

impl Drop for SlotPermit {
    fn drop(&mut self) {
        let pool = &self.pool.0;
        pool.issued.set(pool.issued.get() - 1);
        if self.info.is_none() {
            pool.unused.set(pool.unused.get() - 1);
        }
        pool.supplier.release(self.id, self.info.as_ref());
        self.pool.report();
        pool.changed.notify();
    }
}

impl Place {
    fn fill(mut self, id: PermitId) -> SlotPermit {
        let pool = self.0.take().expect("a place is filled once, by value");
        let permit = SlotPermit { pool, id, info: None };
        permit.pool.report();
        permit
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(pool) = &self.0 {
            pool.0.issued.set(pool.0.issued.get() - 1);
            pool.0.unused.set(pool.0.unused.get() - 1);
            pool.0.changed.notify();
        }
    }
}

impl fmt::Debug for SlotPool {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "SlotPool({:?}, {} issued, {} used)", self.0.kind, self.issued(), self.used())
    }
}

/// A fixed number of slots: a counting semaphore.
struct FixedSupplier {
    /// Below zero while more permits were adopted than there are slots.
    free: Rc<Cell<isize>>,
    changed: Signal,
}

impl FixedSupplier {
    fn new(slots: usize) -> Self {
        Self { free: Rc::new(Cell::new(isize::try_from(slots).unwrap_or(isize::MAX))), changed: Signal::default() }
    }
}

fn take_one(free: &Cell<isize>) -> Option<PermitId> {
    let free_one = free.get() > 0;
    free_one.then(|| {
        free.set(free.get() - 1);
        0
    })
}

impl SlotSupplier for FixedSupplier {
    fn reserve(&self, _is_sticky: bool) -> LocalBoxFuture<'static, PermitId> {
        let (free, changed) = (self.free.clone(), self.changed.clone());
        Box::pin(async move { changed.until(|| take_one(&free)).await })
    }

    fn try_reserve(&self) -> LocalBoxFuture<'static, Option<PermitId>> {
        let free = self.free.clone();
        Box::pin(async move { take_one(&free) })
    }

    fn mark_used(&self, _permit: PermitId, _info: &SlotInfo) {}

    fn release(&self, _permit: PermitId, _info: Option<&SlotInfo>) {
        self.free.set(self.free.get() + 1);
        self.changed.notify();
    }

    fn adopt(&self, _permit: PermitId) {
        self.free.set(self.free.get() - 1);
    }

    fn overdraw(&self) -> Option<PermitId> {
        self.free.set(self.free.get() - 1);
        Some(0)
    }

    fn available(&self) -> Option<usize> {
        Some(usize::try_from(self.free.get()).unwrap_or(0))
    }
}
