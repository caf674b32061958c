//! A whole history as the one task of a replay worker (spec 12.2, 12.3).

use temporalio_protos::temporal::api::enums::v1::EventType;
use temporalio_protos::temporal::api::history::v1::history_event::Attributes;

use super::{Event, HistoryError, TaskHistory};

/// A history to replay, and what its first event says of the run.
#[derive(Clone, Debug)]
pub struct ReplayHistory {
    /// Its events and ids, for a [`super::Paginator`].
    pub task: TaskHistory,
    /// Workflow type.
    pub workflow_type: String,
    /// Task queue that the workflow was started on; empty if it says none.
    pub task_queue: String,
}

/// A history that cannot be replayed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReplayError {
    /// It has no events.
    #[error("History is empty!")]
    Empty,
    /// It does not begin at the beginning.
    #[error("First event in history was not workflow execution started!")]
    NoStart,
    /// The first event names no workflow type.
    #[error("No workflow type defined in execution started attributes")]
    NoWorkflowType,
    /// A WorkflowTaskStarted event is followed by an event that cannot follow it.
    #[error(
        "Invalid history! Event {event_id} ({event_type}) should be WFT completed, failed, or timed out - or WE \
         terminated."
    )]
    BadTask {
        /// Id of the event that follows.
        event_id: i64,
        /// Type of the event that follows.
        event_type: &'static str,
    },
    /// Bytes that are no events.
    #[error(transparent)]
    History(#[from] HistoryError),
}

impl ReplayHistory {
    /// The task that brings all of `events` to replay.
    ///
    /// # Errors
    /// If they are not the history of a run from its start.
    pub fn of(workflow_id: String, events: Vec<Event>) -> Result<Self, ReplayError> {
        let first = events.first().ok_or(ReplayError::Empty)?.decode()?;
        let Some(Attributes::WorkflowExecutionStartedEventAttributes(start)) = first.attributes else {
            return Err(ReplayError::NoStart);
        };
        let workflow_type = start.workflow_type.ok_or(ReplayError::NoWorkflowType)?.name;
        let (previous_started_event_id, started_event_id) = started_ids(&events)?;
        Ok(Self {
            workflow_type,
            task_queue: start.task_queue.map(|q| q.name).unwrap_or_default(),
            task: TaskHistory {
                workflow_id,
                run_id: start.original_execution_run_id,
                previous_started_event_id,
                started_event_id,
                events,
                next_page_token: Vec::new(),
                has_query: false,
            },
        })
    }
}

/// Previous and current started id: both the last task's, since all is replayed, unless history ends exactly when a
/// task has started: then that task is live.
fn started_ids(events: &[Event]) -> Result<(i64, i64), ReplayError> {
    let (mut previous, mut current) = (0, 0);
    for (position, event) in events.iter().enumerate() {
        if event.event_type() != EventType::WorkflowTaskStarted {
            continue;
        }
        let next = events.get(position + 1);
        if concludes(next)? {
            (previous, current) = (current, event.id());
        }
        if next.is_none() {
            return Ok((previous, current));
        }
    }
    Ok((current, current))
}

/// Whether the task of a WorkflowTaskStarted event that is followed by `next` was completed or is live.
fn concludes(next: Option<&Event>) -> Result<bool, ReplayError> {
    let Some(next) = next else { return Ok(true) };
    match next.event_type() {
        EventType::WorkflowTaskCompleted => Ok(true),
        EventType::WorkflowTaskFailed
        | EventType::WorkflowTaskTimedOut
        | EventType::WorkflowExecutionTerminated
        | EventType::WorkflowExecutionTimedOut => Ok(false),
        other => Err(ReplayError::BadTask { event_id: next.id(), event_type: other.as_str_name() }),
    }
}
