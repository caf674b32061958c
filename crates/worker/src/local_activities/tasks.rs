//! The executor's state: requests in, tasks for lang and resolutions for runs out. No clock and no I/O.

use std::collections::VecDeque;

use corewasm_engine::input::{LocalActivitiesTaken, LocalActivityResult};
use corewasm_engine::output::LocalActivityExecution;
use corewasm_engine::output::LocalActivityNotice;
use corewasm_engine::time::{Instant, Now};
use corewasm_engine::{LocalActivityRequest, LocalActivityResolution};
use litemap::LiteMap;
use temporalio_protos::coresdk::activity_task::ActivityCancelReason;
use temporalio_protos::coresdk::activity_task::ActivityTask;
use temporalio_protos::temporal::api::enums::v1::TimeoutType;

use super::entry::{CancelDelivery, Entry, LocalActivityId, Stage};
use super::output::{LocalActivityObservation, LocalActivityOutput};
use super::{resolution, start_task, token};
use crate::activities::deadlines::Deadlines;

/// Executes local activities (spec 4). `P` is a slot permit; dropping one gives it back.
///
/// After every `handle_*` call drain [`Self::take_outputs`], then call [`Self::handle_time`] at [`Self::next_deadline`]
/// at the latest. Tasks for lang are taken whenever lang polls: cancels with [`Self::take_cancel`], which need no
/// permit, before starts, for which [`Self::next_start`] tells the type and [`Self::take_start`] uses up a permit.
#[derive(Debug)]
pub struct LocalActivityTasks<P> {
    pub(super) namespace: String,
    pub(super) entries: LiteMap<LocalActivityId, Box<Entry<P>>>,
    /// Activities by the number in their token.
    ids: LiteMap<u32, LocalActivityId>,
    /// Tokens in the order in which they wait for dispatch. Some may be stale: their activity was cancelled or
    /// forgotten.
    queue: VecDeque<u32>,
    pub(super) cancels: VecDeque<QueuedCancel>,
    pub(super) deadlines: Deadlines<Deadline>,
    /// Attempts that lang got from an earlier instance of this module. Their runs are gone; only their permits matter.
    adopted: LiteMap<u32, P>,
    last_token: u32,
    backing_off: usize,
    workflows_shut_down: bool,
    outputs: VecDeque<LocalActivityOutput>,
}

/// What happens at a deadline. At the same instant the close of the whole activity goes before that of an attempt.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Deadline {
    ScheduleToClose(LocalActivityId),
    StartToClose(LocalActivityId),
    EndOfBackoff(LocalActivityId),
}

/// A cancel task on its way to lang.
#[derive(Clone, Copy, Debug)]
pub(super) struct QueuedCancel {
    pub(super) token: u32,
    pub(super) reason: ActivityCancelReason,
}

impl<P> LocalActivityTasks<P> {
    /// An executor without work for a worker of this namespace.
    pub fn new(namespace: impl Into<String>) -> Self {
        Self {
            namespace: namespace.into(),
            entries: LiteMap::new(),
            ids: LiteMap::new(),
            queue: VecDeque::new(),
            cancels: VecDeque::new(),
            deadlines: Deadlines::default(),
            adopted: LiteMap::new(),
            last_token: 0,
            backing_off: 0,
            workflows_shut_down: false,
            outputs: VecDeque::new(),
        }
    }

    /// A run's requests, in order. The answer goes to the run at once.
    pub fn handle_requests(
        &mut self,
        run_id: &str,
        requests: Vec<LocalActivityRequest>,
        now: Now,
    ) -> LocalActivitiesTaken {
        let mut resolutions = Vec::new();
        for request in requests {
            match request {
                LocalActivityRequest::Execute(execution) => resolutions.extend(self.enqueue(*execution, now)),
                LocalActivityRequest::Cancel { seq } => {
                    resolutions.extend(self.cancel(&LocalActivityId { run_id: run_id.to_owned(), seq }));
                }
                LocalActivityRequest::CancelAll => self.cancel_all(run_id),
            }
        }
        LocalActivitiesTaken { resolutions, undelivered_cancels: self.has_undelivered_cancels(run_id) }
    }

    /// News of a run.
    pub fn handle_notice(&mut self, run_id: &str, notice: LocalActivityNotice) {
        match notice {
            LocalActivityNotice::TaskCompleted => {
                for entry in self.of_run_mut(run_id) {
                    entry.first_task_ended = true;
                    entry.attempts_in_task = 0;
                }
            }
            LocalActivityNotice::Forget => {
                for id in self.ids_of_run(run_id) {
                    self.remove(&id);
                }
            }
        }
    }

    /// Lang completed an attempt (spec 4.3). Activities that are not known any more are only logged.
    pub fn handle_completion(&mut self, task_token: &[u8], result: LocalActivityResult, now: Now) {
        let number = token::decode(task_token);
        if number.and_then(|number| self.adopted.remove(&number)).is_some() {
            return;
        }
        if let Some(id) = number.and_then(|number| self.dispatched(number)) {
            self.end_attempt(&id, result, now);
        } else if !matches!(result, LocalActivityResult::TimedOut(_) | LocalActivityResult::Cancelled(_)) {
            self.observe(LocalActivityObservation::UntrackedCompletion { task_token: task_token.to_vec() });
        }
    }

    /// Does whatever is due.
    pub fn handle_time(&mut self, now: Now) {
        while !self.is_finished()
            && let Some(deadline) = self.deadlines.take_due(now.monotonic)
        {
            match deadline {
                Deadline::ScheduleToClose(id) => self.time_out(&id, TimeoutType::ScheduleToClose, now),
                Deadline::StartToClose(id) => self.time_out(&id, TimeoutType::StartToClose, now),
                Deadline::EndOfBackoff(id) => self.end_backoff(&id, now),
            }
        }
    }

    /// The workflow stream has ended, or was never polled: no requests come any more (spec 4.5.4).
    pub fn handle_workflows_shut_down(&mut self) {
        self.workflows_shut_down = true;
    }

    /// Takes over an attempt that lang got from an earlier instance of this module, with a permit for it. Its run is
    /// replayed, so the attempt is cancelled and whatever it reports is dropped.
    pub fn handle_adopted(&mut self, task_token: &[u8], permit: P) {
        let Some(number) = token::decode(task_token) else { return };
        self.last_token = self.last_token.max(number);
        self.adopted.insert(number, permit);
        self.cancels.push_back(QueuedCancel { token: number, reason: ActivityCancelReason::Cancelled });
    }

    /// The next cancel task for lang, if any.
    pub fn take_cancel(&mut self) -> Option<ActivityTask> {
        while let Some(cancel) = self.cancels.pop_front() {
            if self.deliver(cancel) {
                let details = ActivityTask::primary_reason_to_cancellation_details(cancel.reason);
                return Some(ActivityTask::cancel_from_ids(token::encode(cancel.token), cancel.reason, details));
            }
        }
        None
    }

    /// The activity type of the attempt that is to be dispatched next, if any. Call it with a permit in hand: one that
    /// waited too long for it is resolved here (spec 4.2.2).
    pub fn next_start(&mut self, now: Now) -> Option<String> {
        loop {
            let number = *self.queue.front()?;
            match self.queued(number) {
                Some(id) if self.waited_too_long(&id, now) => {
                    self.resolve_waiting(&id, TimeoutType::ScheduleToStart, now)
                }
                Some(id) => return Some(self.entries.get(&id)?.execution.schedule.activity_type.clone()),
                None => {}
            }
            self.queue.pop_front();
        }
    }

    /// Dispatches the attempt that [`Self::next_start`] found. The permit is given back at once if there is none.
    pub fn take_start(&mut self, permit: P, now: Now) -> Option<ActivityTask> {
        let id = self.queue.pop_front().and_then(|number| self.queued(number))?;
        let entry = self.entries.get_mut(&id)?;
        entry.stage = Stage::Dispatched { since: now.monotonic, cancel: CancelDelivery::NotRequested, _permit: permit };
        let task = start_task::start_task(&self.namespace, entry, now.wall);
        let labels = entry.labels();
        if let Some(timeout) = entry.start_to_close() {
            self.deadlines.set(Deadline::StartToClose(id), now.monotonic.plus(timeout));
        }
        self.observe(LocalActivityObservation::Started(labels));
        Some(task)
    }

    /// What happened, in order.
    pub fn take_outputs(&mut self) -> Vec<LocalActivityOutput> {
        self.outputs.drain(..).collect()
    }

    /// [`Self::take_outputs`] has something to give.
    pub fn has_outputs(&self) -> bool {
        !self.outputs.is_empty()
    }

    /// When [`Self::handle_time`] has something to do.
    pub fn next_deadline(&self) -> Option<Instant> {
        if self.is_finished() { None } else { self.deadlines.next() }
    }

    /// Lang may have something to take: a cancel or a start.
    pub fn has_tasks(&self) -> bool {
        !self.cancels.is_empty() || !self.queue.is_empty()
    }

    /// Lang holds this attempt, and its result is awaited.
    pub fn is_awaited(&self, task_token: &[u8]) -> bool {
        let Some(number) = token::decode(task_token) else { return false };
        self.adopted.contains_key(&number) || self.dispatched(number).is_some()
    }

    /// A cancel of this run's is queued but lang did not get it yet (spec 1.9.8).
    pub fn has_undelivered_cancels(&self, run_id: &str) -> bool {
        self.of_run(run_id).any(Entry::has_undelivered_cancel)
    }

    /// Attempts within the current workflow task of activities that were there before it (spec 4.5.3).
    pub fn nonfirst_attempts(&self, run_id: &str) -> u32 {
        self.of_run(run_id).filter(|entry| entry.first_task_ended).map(|entry| entry.attempts_in_task).sum()
    }

    /// Lang holds nothing and nothing waits for dispatch. Activities that back off do not count (spec 4.5.4).
    pub fn is_idle(&self) -> bool {
        self.entries.len() == self.backing_off && self.adopted.is_empty()
    }

    /// No task comes any more: polls for local activities end.
    pub fn is_finished(&self) -> bool {
        self.workflows_shut_down && self.is_idle()
    }

    fn enqueue(&mut self, execution: LocalActivityExecution, now: Now) -> Option<LocalActivityResolution> {
        let id = LocalActivityId { run_id: execution.run_id.clone(), seq: execution.schedule.seq };
        if self.workflows_shut_down {
            self.observe(LocalActivityObservation::RequestAfterShutdown { run_id: id.run_id });
            return None;
        }
        if self.entries.contains_key(&id) {
            self.observe(LocalActivityObservation::DuplicateRequest { run_id: id.run_id, seq: id.seq });
            return None;
        }
        let entry = Entry::new(execution, self.new_token(), now);
        if entry.close_at.is_some_and(|at| at <= now.monotonic) {
            let result = resolution::timed_out(TimeoutType::ScheduleToClose);
            let attempt = entry.execution.schedule.attempt;
            return Some(resolution::resolved(&entry.execution, result, attempt, std::time::Duration::ZERO));
        }
        self.queue.push_back(entry.token);
        self.insert(id, entry);
        None
    }

    /// Spec 4.5.1.
    fn cancel(&mut self, id: &LocalActivityId) -> Option<LocalActivityResolution> {
        let entry = self.entries.get_mut(id)?;
        if let Stage::Dispatched { cancel, .. } = &mut entry.stage {
            // One cancel task per attempt is enough: an eviction asks again and again, and waits for what is queued.
            if *cancel == CancelDelivery::NotRequested {
                *cancel = CancelDelivery::Queued;
                self.cancels.push_back(QueuedCancel { token: entry.token, reason: ActivityCancelReason::Cancelled });
            }
            return None;
        }
        self.remove(id);
        Some(resolution::cancelled_unstarted(id.seq))
    }

    /// Spec 4.5.2: the run can not use resolutions of activities that lang does not hold.
    fn cancel_all(&mut self, run_id: &str) {
        for id in self.ids_of_run(run_id) {
            self.cancel(&id);
        }
    }

    /// Whether a cancel still has somebody to go to.
    fn deliver(&mut self, cancel: QueuedCancel) -> bool {
        // An attempt that timed out is not tracked any more, but lang still executes it.
        if cancel.reason == ActivityCancelReason::TimedOut || self.adopted.contains_key(&cancel.token) {
            return true;
        }
        let Some(entry) = self.dispatched(cancel.token).and_then(|id| self.entries.get_mut(&id)) else { return false };
        if let Stage::Dispatched { cancel, .. } = &mut entry.stage {
            *cancel = CancelDelivery::Delivered;
        }
        let run_id = entry.execution.run_id.clone();
        self.outputs.push_back(LocalActivityOutput::CancelDelivered { run_id });
        true
    }

    fn waited_too_long(&self, id: &LocalActivityId, now: Now) -> bool {
        let waited = self.entries.get(id).and_then(|entry| match entry.stage {
            Stage::Queued { since } => Some((now.monotonic.since(since), entry.schedule_to_start()?)),
            Stage::Dispatched { .. } | Stage::BackingOff => None,
        });
        waited.is_some_and(|(waited, limit)| waited > limit)
    }

    /// Ends an activity of which lang holds no attempt by a time-out.
    pub(super) fn resolve_waiting(&mut self, id: &LocalActivityId, kind: TimeoutType, now: Now) {
        let Some(entry) = self.remove(id) else { return };
        // While it backs off its number is already that of the next attempt.
        let attempt = if matches!(entry.stage, Stage::BackingOff) { entry.attempt - 1 } else { entry.attempt };
        let result = resolution::timed_out(kind);
        self.resolve(resolution::resolved(&entry.execution, result, attempt, entry.runtime(now)), id);
    }

    fn end_backoff(&mut self, id: &LocalActivityId, now: Now) {
        let Some(entry) = self.entries.get_mut(id) else { return };
        entry.stage = Stage::Queued { since: now.monotonic };
        self.queue.push_back(entry.token);
        self.backing_off -= 1;
    }
}

/// Bookkeeping.
impl<P> LocalActivityTasks<P> {
    pub(super) fn insert(&mut self, id: LocalActivityId, entry: Entry<P>) {
        self.ids.insert(entry.token, id.clone());
        if let Some(at) = entry.close_at {
            self.deadlines.set(Deadline::ScheduleToClose(id.clone()), at);
        }
        self.backing_off += usize::from(matches!(entry.stage, Stage::BackingOff));
        self.entries.insert(id, Box::new(entry));
    }

    pub(super) fn remove(&mut self, id: &LocalActivityId) -> Option<Entry<P>> {
        let entry = *self.entries.remove(id)?;
        self.ids.remove(&entry.token);
        for deadline in [Deadline::ScheduleToClose, Deadline::StartToClose, Deadline::EndOfBackoff] {
            self.deadlines.clear(&deadline(id.clone()));
        }
        self.backing_off -= usize::from(matches!(entry.stage, Stage::BackingOff));
        Some(entry)
    }

    pub(super) fn new_token(&mut self) -> u32 {
        self.last_token += 1;
        self.last_token
    }

    pub(super) fn resolve(&mut self, resolution: LocalActivityResolution, id: &LocalActivityId) {
        self.outputs
            .push_back(LocalActivityOutput::Resolved { run_id: id.run_id.clone(), resolution: Box::new(resolution) });
    }

    pub(super) fn observe(&mut self, observation: LocalActivityObservation) {
        self.outputs.push_back(LocalActivityOutput::Observed(observation));
    }

    fn dispatched(&self, number: u32) -> Option<LocalActivityId> {
        self.id_if(number, |stage| matches!(stage, Stage::Dispatched { .. }))
    }

    fn queued(&self, number: u32) -> Option<LocalActivityId> {
        self.id_if(number, |stage| matches!(stage, Stage::Queued { .. }))
    }

    fn id_if(&self, number: u32, wanted: impl Fn(&Stage<P>) -> bool) -> Option<LocalActivityId> {
        let id = self.ids.get(&number)?;
        wanted(&self.entries.get(id)?.stage).then(|| id.clone())
    }

    fn ids_of_run(&self, run_id: &str) -> Vec<LocalActivityId> {
        self.of_run(run_id).map(Entry::id).collect()
    }

    fn of_run(&self, run_id: &str) -> impl Iterator<Item = &Entry<P>> {
        let first = self.first_of_run(run_id);
        self.entries.iter().skip(first).take_while(move |(id, _)| id.run_id == run_id).map(|(_, entry)| &**entry)
    }

    fn of_run_mut(&mut self, run_id: &str) -> impl Iterator<Item = &mut Entry<P>> {
        let first = self.first_of_run(run_id);
        self.entries
            .iter_mut()
            .skip(first)
            .take_while(move |(id, _)| id.run_id == run_id)
            .map(|(_, entry)| &mut **entry)
    }

    /// Where the entries of a run begin, or would.
    fn first_of_run(&self, run_id: &str) -> usize {
        let lowest = LocalActivityId { run_id: run_id.to_owned(), seq: 0 };
        self.entries.find_index(&lowest).unwrap_or_else(|place| place)
    }
}
