//! Slot suppliers that the host's users wrote. A permit is the host's object under a number.

use futures::channel::oneshot;
use litemap::LiteMap;

use crate::{
    Host, HostRef,
    envelope::{
        SlotInfo, SlotMarkUsed, SlotRelease, SlotReserve, SlotReserveCancel, SlotReserveContext, SlotTryReserve, effect,
    },
};

/// A permit that the host holds. It must be released exactly once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PermitRef(u32);

impl PermitRef {
    /// The permit of this number (e.g. out of a ledger); none for 0.
    pub const fn new(raw: u32) -> Option<Self> {
        if raw == 0 { None } else { Some(Self(raw)) }
    }

    /// The number that crosses the boundary.
    pub const fn raw(self) -> u32 {
        self.0
    }
}

type Granted = oneshot::Sender<Option<PermitRef>>;

/// Requests that wait for the host.
#[derive(Default)]
pub(crate) struct PendingReservations {
    waiting: LiteMap<u64, Granted>,
    last_id: u64,
}

/// The slot suppliers of one worker, as far as they are the host's.
#[derive(Clone)]
pub struct SlotsRef {
    host: Host,
    worker: HostRef,
}

impl SlotsRef {
    pub(crate) const fn new(host: Host, worker: HostRef) -> Self {
        Self { host, worker }
    }

    /// Waits for a permit. Dropping the future cancels the user's reservation; a permit that was granted already is
    /// released.
    pub async fn reserve(&self, context: SlotReserveContext) -> PermitRef {
        loop {
            let reservation = Reservation::begin(&self.host, true);
            let reserve =
                SlotReserve { request: reservation.request, worker: self.worker.raw(), context: Some(context.clone()) };
            self.host.emit(effect::Kind::SlotReserve(reserve));
            // A host that answers "none" to a reservation that waits is asked again.
            if let Some(permit) = reservation.granted().await {
                return permit;
            }
        }
    }

    /// A permit if one is to be had at once; the host answers in the next turn. If the future is dropped before, the
    /// permit is released when it comes.
    pub async fn try_reserve(&self, context: SlotReserveContext) -> Option<PermitRef> {
        let reservation = Reservation::begin(&self.host, false);
        let reserve =
            SlotTryReserve { request: reservation.request, worker: self.worker.raw(), context: Some(context) };
        self.host.emit(effect::Kind::SlotTryReserve(reserve));
        reservation.granted().await
    }

    /// Tells the supplier what the permit is used for, before the poll that shows it resolves.
    pub fn mark_used(&self, permit: PermitRef, info: SlotInfo) {
        self.host.emit(effect::Kind::SlotMarkUsed(SlotMarkUsed { permit: permit.raw(), info: Some(info) }));
    }

    /// Gives the permit back. `info` is absent if it was never used.
    pub fn release(&self, permit: PermitRef, info: Option<SlotInfo>) {
        self.host.release_permit(permit, info);
    }
}

struct Reservation {
    host: Host,
    request: u64,
    answer: oneshot::Receiver<Option<PermitRef>>,
    cancellable: bool,
}

impl Reservation {
    fn begin(host: &Host, cancellable: bool) -> Self {
        let (granted, answer) = oneshot::channel();
        let mut pending = host.pending_reservations();
        pending.last_id += 1;
        let request = pending.last_id;
        pending.waiting.insert(request, granted);
        Self { host: host.clone(), request, answer, cancellable }
    }

    async fn granted(mut self) -> Option<PermitRef> {
        (&mut self.answer).await.ok().flatten()
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        let waiting = self.host.pending_reservations().waiting.remove(&self.request).is_some();
        if waiting && self.cancellable {
            self.host.emit(effect::Kind::SlotReserveCancel(SlotReserveCancel { request: self.request }));
        }
        // Granted, but never taken out by `granted`.
        if let Ok(Some(Some(permit))) = self.answer.try_recv() {
            self.host.release_permit(permit, None);
        }
    }
}

impl Host {
    /// Hands a permit to whoever waits for it. With no one waiting (cancelled, or asked by an earlier instance), it is
    /// released.
    pub(crate) fn grant_permit(&self, request: u64, permit: Option<PermitRef>) {
        let waiting = self.pending_reservations().waiting.remove(&request);
        let left_over = match waiting {
            Some(granted) => granted.send(permit).err().flatten(),
            None => permit,
        };
        if let Some(permit) = left_over {
            self.release_permit(permit, None);
        }
    }

    /// Gives a permit back. `info` is absent if it was never used.
    pub fn release_permit(&self, permit: PermitRef, info: Option<SlotInfo>) {
        self.emit(effect::Kind::SlotRelease(SlotRelease { permit: permit.raw(), info }));
    }
}
