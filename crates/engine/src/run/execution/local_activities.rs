//! Local activities as the execution sees them (spec 2.3, 1.13.6).

use std::collections::VecDeque;
use std::mem;
use std::time::Duration;

use litemap::LiteMap;
use temporalio_protos::coresdk::activity_result::Cancellation;
use temporalio_protos::coresdk::external_data::LocalActivityMarkerData;
use temporalio_protos::coresdk::workflow_commands::ScheduleLocalActivity;
use temporalio_protos::temporal::api::history::v1::HistoryEvent;

use super::machine_store::{CommandId, MachineKey};
use super::{Execution, Identity};
use crate::error::{Result, RunError};
use crate::input::{LocalActivityResolution, LocalActivityResult};
use crate::machines::Annotations;
use crate::machines::any::AnyMachine;
use crate::machines::local_activity::{LocalActivityMachine, validate};
use crate::machines::markers::{
    LocalActivityMarker, is_local_activity_marker, local_activity_marker_data, local_activity_marker_of,
};
use crate::output::{LocalActivityExecution, LocalActivityRequest};

/// What is known of the run's local activities.
#[derive(Debug, Default)]
pub(super) struct LocalActivities {
    /// Cancels that the executor was not told of yet.
    cancels: Vec<u32>,
    /// Requests that the executor was not told of yet.
    requests: Vec<(u32, MachineKey)>,
    /// Given to the executor, without a result so far.
    executing: LiteMap<u32, ()>,
    /// Scheduled in replay: resolved by a marker, or executed once replay is over.
    unresolved: Vec<MachineKey>,
    /// Results that look-ahead found in markers, in the order of the markers.
    ahead: VecDeque<Anticipated>,
    /// The workflow ends: their results do not matter any more.
    abandoned: bool,
    /// At least one was given to the executor in this run's life.
    used: bool,
    /// Position of the next activation within the workflow task (spec 2.3.6).
    activation_index: u64,
    /// Lang works on an activation.
    awaits_completion: bool,
    /// The task was reported and the next one is not here.
    awaits_task: bool,
    /// Results that came at a time at which replay could not apply them.
    deferred: VecDeque<LocalActivityResolution>,
}

/// A result that history has in store.
#[derive(Debug)]
struct Anticipated {
    seq: u32,
    /// Older markers have none and are applied as soon as they can be.
    activation_index: Option<u64>,
    marker: LocalActivityMarker,
}

impl LocalActivities {
    pub(super) const fn sequence_begins(&mut self) {
        self.activation_index = 0;
    }

    pub(super) const fn count_activation(&mut self) {
        self.activation_index += 1;
    }

    pub(super) const fn activation_given(&mut self, to_lang: bool) {
        self.awaits_completion = to_lang;
    }

    pub(super) const fn activation_completed(&mut self) {
        self.awaits_completion = false;
    }

    pub(super) const fn task_arrived(&mut self) {
        self.awaits_task = false;
    }

    pub(super) const fn task_reported(&mut self) {
        self.awaits_task = true;
    }

    /// Place of the next activation within the workflow task.
    pub(super) const fn activation_index(&self) -> u64 {
        self.activation_index
    }

    pub(super) const fn abandon_all(&mut self) {
        self.abandoned = true;
    }

    pub(super) fn request(&mut self, seq: u32, key: MachineKey) {
        self.requests.push((seq, key));
    }

    /// It does not count as outstanding any more.
    pub(super) fn finish(&mut self, seq: u32) {
        self.requests.retain(|(requested, _)| *requested != seq);
        self.executing.remove(&seq);
    }

    /// Takes a request back that the executor was not told of; answers whether there was one.
    fn withdraw(&mut self, seq: u32) -> bool {
        let before = self.requests.len();
        self.requests.retain(|(requested, _)| *requested != seq);
        self.requests.len() < before
    }

    fn next_anticipated(&self, include_held: bool) -> Option<u32> {
        self.ahead.front().filter(|next| include_held || !self.comes_later(next)).map(|next| next.seq)
    }

    fn take_anticipated(&mut self, seq: u32) -> Option<LocalActivityMarker> {
        let position = self.ahead.iter().position(|known| known.seq == seq)?;
        self.ahead.remove(position).map(|known| known.marker)
    }

    /// A result for a later activation waits for it, even if lang cancels now.
    fn is_held(&self, seq: u32) -> bool {
        self.ahead.iter().any(|known| known.seq == seq && self.comes_later(known))
    }

    fn comes_later(&self, known: &Anticipated) -> bool {
        known.activation_index.is_some_and(|index| index > self.activation_index)
    }

    const fn defers(&self) -> bool {
        self.awaits_completion || self.awaits_task
    }
}

impl Execution {
    /// A result from the executor: applied now, or when replay could apply it too (spec 1.13.6).
    pub(in crate::run) fn resolve_or_defer(&mut self, resolution: LocalActivityResolution) -> Result<()> {
        if self.local_activities.defers() {
            self.local_activities.deferred.push_back(resolution);
            return Ok(());
        }
        self.resolve(resolution)
    }

    pub(super) fn apply_deferred_resolutions(&mut self) -> Result<()> {
        if self.local_activities.defers() {
            return Ok(());
        }
        mem::take(&mut self.local_activities.deferred).into_iter().try_for_each(|resolution| self.resolve(resolution))
    }

    /// Some are requested or executing.
    pub(in crate::run) fn has_outstanding_local_activities(&self) -> bool {
        let known = &self.local_activities;
        let are_known = !known.executing.is_empty() || !known.requests.is_empty();
        are_known && !known.abandoned
    }

    /// The executor may know of some of this run.
    pub(in crate::run) const fn has_used_local_activities(&self) -> bool {
        self.local_activities.used
    }

    /// What the executor is to do: cancels before requests. Once the workflow ends, all that it still does is in vain
    /// (spec 2.3.11).
    ///
    /// # Errors
    /// Fatal: something is to be executed and this worker executes none.
    pub(in crate::run) fn take_local_activity_requests(&mut self) -> Result<Vec<LocalActivityRequest>> {
        if self.local_activities.abandoned {
            return Ok(self.local_activities.used.then_some(LocalActivityRequest::CancelAll).into_iter().collect());
        }
        let cancels =
            mem::take(&mut self.local_activities.cancels).into_iter().map(|seq| LocalActivityRequest::Cancel { seq });
        let requests = mem::take(&mut self.local_activities.requests);
        if !requests.is_empty() && !self.setup.local_activities && !self.setup.replay_only {
            return Err(RunError::fatal("Local activities are not enabled on this worker"));
        }
        let executions = requests.into_iter().filter_map(|(seq, key)| self.execution_of(seq, key));
        Ok(cancels.chain(executions.collect::<Vec<_>>()).collect())
    }

    pub(super) fn schedule_local_activity(
        &mut self,
        request: ScheduleLocalActivity,
        annotations: Annotations,
    ) -> Result<()> {
        let request = validate(request, self.now.wall)?;
        let (seq, replaying) = (request.seq, self.progress.replaying);
        let (machine, responses) = LocalActivityMachine::new(request, replaying, self.clock.current(), annotations);
        let key = self.machines.insert(machine);
        self.machines.name_by_id(CommandId::LocalActivity(seq), key);
        if replaying {
            self.local_activities.unresolved.push(key);
        }
        self.handle_responses(key, responses)
    }

    /// Lang cancels; where the request goes depends on how far the local activity has come (spec 2.3.7).
    pub(super) fn cancel_local_activity(&mut self, seq: u32, key: MachineKey) -> Result<()> {
        if self.local_activities.is_held(seq) {
            return Ok(());
        }
        if let Some(marker) = self.local_activities.take_anticipated(seq) {
            return self.resolve_from_marker(key, marker);
        }
        if self.local_activities.withdraw(seq) {
            return self.resolve_withdrawn(seq, key);
        }
        self.local_activities.cancels.push(seq);
        Ok(())
    }

    /// Replay is over: what still waits for a marker is executed.
    pub(super) fn execute_unresolved_local_activities(&mut self) -> Result<()> {
        mem::take(&mut self.local_activities.unresolved).into_iter().try_for_each(|key| {
            let responses = self.local_activity(key)?.handle_non_replay_task_started();
            self.handle_responses(key, responses)
        })
    }

    /// Look-ahead found a marker: it is applied in the activation in which the result was delivered at first.
    pub(super) fn anticipate_local_activity(&mut self, event: HistoryEvent) -> Result<()> {
        let data = local_activity_marker_data(&event).ok_or_else(|| unparsable(&event))?;
        let LocalActivityMarkerData { seq, activation_index, .. } = data;
        let Some(marker) = local_activity_marker_of(event, data) else { return Ok(()) };
        let accepts = self.machines.find_id(CommandId::LocalActivity(seq)).is_none_or(|key| self.accepts_marker(key));
        if !accepts {
            return Ok(());
        }
        self.local_activities.ahead.push_back(Anticipated { seq, activation_index, marker });
        self.apply_anticipated_resolutions(false)
    }

    /// Applies results found in markers, strictly in their order, until one is for a local activity that is not
    /// scheduled yet or, unless `include_held`, for a later activation of this task (spec 2.3.6).
    pub(super) fn apply_anticipated_resolutions(&mut self, include_held: bool) -> Result<()> {
        while let Some(seq) = self.local_activities.next_anticipated(include_held) {
            let Some(key) = self.machines.find_id(CommandId::LocalActivity(seq)) else { break };
            let marker = self.local_activities.ahead.pop_front().expect("it was just looked at").marker;
            self.resolve_from_marker(key, marker)?;
        }
        Ok(())
    }

    /// Held results wait for an activation; with no jobs none will come. That is so only if replay made other
    /// activations than the first execution: better late than never.
    pub(super) fn release_held_resolutions_if_idle(&mut self) -> Result<()> {
        if self.jobs.is_empty() { self.apply_anticipated_resolutions(true) } else { Ok(()) }
    }

    /// The marker of a local activity that was resolved from it ahead of time has no command to match; its machine
    /// takes it directly. Any other event is given back.
    pub(super) fn apply_resolved_marker(&mut self, event: HistoryEvent, is_last: bool) -> Result<Option<HistoryEvent>> {
        if !is_local_activity_marker(&event) {
            return Ok(Some(event));
        }
        let data = local_activity_marker_data(&event).ok_or_else(|| unparsable(&event))?;
        let key = self.machines.of_id(CommandId::LocalActivity(data.seq))?;
        if !self.local_activity(key)?.takes_marker_without_command()? {
            return Ok(Some(event));
        }
        let context = self.event_context(key, &event, is_last);
        let responses = self.local_activity(key)?.handle_resolved_marker(event, data, context)?;
        self.handle_responses(key, responses)?;
        Ok(None)
    }

    fn resolve(&mut self, resolution: LocalActivityResolution) -> Result<()> {
        let seq = resolution.seq;
        let key = self.machines.of_id(CommandId::LocalActivity(seq))?;
        let activation_index = self.local_activities.activation_index;
        let responses = self.local_activity(key)?.resolve(resolution, activation_index)?;
        self.handle_responses(key, responses)?;
        self.local_activities.finish(seq);
        Ok(())
    }

    fn resolve_from_marker(&mut self, key: MachineKey, marker: LocalActivityMarker) -> Result<()> {
        let responses = self.local_activity(key)?.resolve_from_marker(marker)?;
        self.handle_responses(key, responses)
    }

    /// It was never given to the executor, and will not be.
    fn resolve_withdrawn(&mut self, seq: u32, key: MachineKey) -> Result<()> {
        let activation_index = self.local_activities.activation_index;
        let machine = self.local_activity(key)?;
        let request = machine.take_request();
        let resolution = LocalActivityResolution {
            seq,
            result: LocalActivityResult::Cancelled(Cancellation::from_details(None)),
            runtime: Duration::ZERO,
            attempt: request.as_ref().map_or(0, |request| request.attempt),
            backoff: None,
            original_schedule_time: request.and_then(|request| request.original_schedule_time),
        };
        let responses = machine.resolve(resolution, activation_index)?;
        self.handle_responses(key, responses)
    }

    fn execution_of(&mut self, seq: u32, key: MachineKey) -> Option<LocalActivityRequest> {
        let AnyMachine::LocalActivity(machine) = self.machines.get_mut(key) else { return None };
        let schedule = machine.take_request()?;
        self.local_activities.executing.insert(seq, ());
        self.local_activities.used = true;
        let Identity { workflow_id, run_id, workflow_type } = self.identity.clone();
        Some(LocalActivityRequest::Execute(Box::new(LocalActivityExecution {
            schedule,
            workflow_type,
            workflow_id,
            run_id,
        })))
    }

    fn accepts_marker(&self, key: MachineKey) -> bool {
        matches!(self.machines.get(key), AnyMachine::LocalActivity(machine) if machine.accepts_marker_result())
    }

    fn local_activity(&mut self, key: MachineKey) -> Result<&mut LocalActivityMachine> {
        match self.machines.get_mut(key) {
            AnyMachine::LocalActivity(machine) => Ok(machine),
            _ => Err(RunError::nondeterminism("A local activity's name belongs to a machine of the wrong type")),
        }
    }
}

fn unparsable(event: &HistoryEvent) -> RunError {
    RunError::fatal(format!("Local activity marker was unparsable: {event:?}"))
}
