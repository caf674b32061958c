//! Applying one logical workflow task (spec 1.5).

use temporalio_protos::temporal::api::enums::v1::EventType;
use temporalio_protos::temporal::api::history::v1::HistoryEvent;
use temporalio_protos::temporal::api::history::v1::history_event::Attributes;

use super::Execution;
use super::deployment::recorded_version;
use super::messages::take_admitted;
use crate::error::{Result, RunError};
use crate::history::{Event, NextSequence, Sequence};
use crate::output::Observation;

/// How far history was applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::run) enum Applied {
    /// Lang has something to do, or replay is over.
    Enough,
    /// There is more, on a page that must be fetched first.
    AllAtHand,
}

impl Execution {
    /// Applies sequences until there are jobs, or replay is over (spec 1.7.5). Does nothing while jobs wait.
    pub(in crate::run) fn apply_tasks_until_jobs(&mut self) -> Result<Applied> {
        while self.jobs.is_empty() {
            if !self.can_apply_next_task() {
                return Ok(Applied::AllAtHand);
            }
            let applied = self.apply_next_task()?;
            if applied == 0 || !self.progress.replaying {
                break;
            }
        }
        Ok(Applied::Enough)
    }

    /// Applies the next sequence; answers how many events it had.
    pub(in crate::run) fn apply_next_task(&mut self) -> Result<usize> {
        if self.progress.terminal_event_seen {
            self.progress.replaying = false;
            return Ok(0);
        }
        let from = self.progress.started_event_id;
        let Sequence { events, is_last } = self.take_unprocessed_sequence(from)?;
        let count = events.len();
        self.begin_sequence(&events)?;
        let was_replaying = self.progress.replaying;
        self.apply_events(events, is_last)?;
        self.look_ahead(from)?;
        self.messages.forget_admitted();
        self.release_held_resolutions_if_idle()?;
        if was_replaying && !self.progress.replaying {
            self.observations.push(Observation::ReplayEnded);
        }
        Ok(count)
    }

    fn take_unprocessed_sequence(&mut self, from: i64) -> Result<Sequence> {
        match self.history.take_next_sequence(from) {
            NextSequence::ReplayOver => Ok(Sequence { events: vec![], is_last: true }),
            NextSequence::Sequence(mut sequence) => {
                sequence.events.retain(|event| event.id() > self.progress.last_event_id);
                Ok(sequence)
            }
            NextSequence::NeedsFetch => Err(RunError::fatal(
                "Need to fetch history events to continue applying workflow task, but this should be prevented ahead \
                 of time! This is a Core SDK bug.",
            )),
        }
    }

    fn begin_sequence(&mut self, events: &[Event]) -> Result<()> {
        let Some(last) = events.last() else {
            self.progress.replaying = false;
            return Ok(());
        };
        self.local_activities.sequence_begins();
        if last.event_type() == EventType::WorkflowTaskStarted {
            self.progress.concluding_event_id = last.id();
        }
        for event in events.iter().filter(|event| event.event_type() == EventType::WorkflowTaskCompleted) {
            self.learn_from_completed(event.clone())?;
        }
        match self.history.peek_next_task_completed(last.id()).cloned() {
            Some(event) => self.learn_from_completed(event),
            None => Ok(()),
        }
    }

    /// Flags, SDK and worker version that a completed task brings into force, also the next one's: it tells how the
    /// current task was completed (spec 1.5.2).
    fn learn_from_completed(&mut self, event: Event) -> Result<()> {
        let Some(Attributes::WorkflowTaskCompletedEventAttributes(completed)) = decode(&event)?.attributes else {
            return Ok(());
        };
        if let Some(metadata) = &completed.sdk_metadata {
            self.flags.learn(metadata);
        }
        if let Some(version) = recorded_version(&completed) {
            self.deployment_version = Some(version);
        }
        Ok(())
    }

    /// Decodes and applies one event after the other; each is shown the one behind it.
    fn apply_events(&mut self, events: Vec<Event>, is_last: bool) -> Result<()> {
        let mut coming = events.into_iter();
        let mut decode_next = || coming.next().map(|event| decode(&event)).transpose();
        let mut next = decode_next()?;
        let mut skip = false;
        while let Some(event) = next {
            next = decode_next()?;
            skip = self.apply_in_order(event, next.as_ref(), is_last, skip)?;
        }
        Ok(())
    }

    /// Answers whether the next event is to be skipped.
    fn apply_in_order(
        &mut self,
        mut event: HistoryEvent,
        next: Option<&HistoryEvent>,
        is_last: bool,
        skip: bool,
    ) -> Result<bool> {
        let id = event.event_id;
        self.check_order(id)?;
        self.end_replay_at_news(&event, is_last);
        let admitted = take_admitted(&mut event);
        let skip = skip || admitted.is_some();
        if let Some(admitted) = admitted {
            self.messages.admit(id, admitted, self.progress.replaying)?;
        }
        for request in self.messages.due_before(id) {
            self.handle_update_request(request)?;
        }
        let skip_next = if skip { false } else { self.apply_event(event, next, is_last)? };
        self.progress.last_event_id = id;
        Ok(skip_next)
    }

    fn check_order(&self, id: i64) -> Result<()> {
        let last = self.progress.last_event_id;
        if id == last + 1 {
            return Ok(());
        }
        Err(RunError::fatal(format!("History is out of order. Last processed event: {last}, event id: {id}")))
    }

    /// Replay is over at the first event that the workflow did not cause itself, if it is news to this worker (spec
    /// 1.5.4).
    fn end_replay_at_news(&mut self, event: &HistoryEvent, is_last: bool) {
        let is_new = event.event_id > self.history.previous_started_event_id();
        let is_own = event.event_type() == EventType::WorkflowTaskCompleted || event.is_command_event();
        if is_last && is_new && !is_own {
            self.progress.replaying = false;
        }
    }
}

/// # Errors
/// Fatal: the event's bytes are no event.
pub(super) fn decode(event: &Event) -> Result<HistoryEvent> {
    event
        .decode()
        .map_err(|error| RunError::fatal(format!("Event {} of the history is unreadable: {error}", event.id())))
}
