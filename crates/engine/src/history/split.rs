//! Cuts received messages into undecoded events and the rest.
//!
//! Decoding a history with prost makes each event as large as the largest kind there is (3 KB); these functions find
//! the events in the encoded message and hand out slices of it. A message that occurs twice in a singular field
//! merges, as protobuf wants: its events follow one another.

use bytes::Bytes;
use prost::{DecodeError, Message};
use temporalio_protos::temporal::api::workflowservice::v1::{
    GetWorkflowExecutionHistoryResponse, PollWorkflowTaskQueueResponse, RespondWorkflowTaskCompletedResponse,
};

use super::wire::{Fields, take_field};
use super::{Event, HistoryError, HistoryPage};

const HISTORY_EVENTS: u32 = 1;
const POLL_HISTORY: u32 = 8;
const FETCH_HISTORY: u32 = 1;
const COMPLETION_WORKFLOW_TASK: u32 = 1;

/// A polled workflow task, its events apart.
#[derive(Clone, Debug, PartialEq)]
pub struct SplitPoll {
    /// The response. `history` is set if there was one, and has no events.
    pub response: PollWorkflowTaskQueueResponse,
    /// The events of its history.
    pub events: Vec<Event>,
}

/// The answer to a workflow task completion, the task in it apart.
#[derive(Clone, Debug, PartialEq)]
pub struct SplitCompletion {
    /// The response without its workflow task.
    pub response: RespondWorkflowTaskCompletedResponse,
    /// The workflow task that came with it (spec 1.2.5).
    pub workflow_task: Option<SplitPoll>,
}

/// The events of an encoded `History`.
///
/// # Errors
/// `Malformed` if the bytes are no such message.
pub fn split_history(history: &Bytes) -> Result<Vec<Event>, HistoryError> {
    let mut events = Vec::new();
    for field in Fields::of(history) {
        let field = field.map_err(malformed_history)?;
        if field.number == HISTORY_EVENTS {
            let event = field.value.delimited().map_err(malformed_history)?;
            events.push(Event::from_encoded(history.slice_ref(event))?);
        }
    }
    Ok(events)
}

/// Cuts an encoded `PollWorkflowTaskQueueResponse`.
///
/// # Errors
/// `Malformed` if the bytes are no such message.
pub fn split_poll_response(response: &Bytes) -> Result<SplitPoll, HistoryError> {
    const MESSAGE: &str = "PollWorkflowTaskQueueResponse";
    let (rest, histories) = take_field(response, POLL_HISTORY).map_err(|e| HistoryError::malformed(MESSAGE, &e))?;
    let mut response: PollWorkflowTaskQueueResponse = decode(MESSAGE, &rest)?;
    response.history = (!histories.is_empty()).then(Default::default);
    Ok(SplitPoll { response, events: events_of(&histories)? })
}

/// Cuts an encoded `GetWorkflowExecutionHistoryResponse`: the events and the token of the page after.
///
/// # Errors
/// `Malformed` if the bytes are no such message.
pub fn split_history_response(response: &Bytes) -> Result<HistoryPage, HistoryError> {
    const MESSAGE: &str = "GetWorkflowExecutionHistoryResponse";
    let (rest, histories) = take_field(response, FETCH_HISTORY).map_err(|e| HistoryError::malformed(MESSAGE, &e))?;
    let response: GetWorkflowExecutionHistoryResponse = decode(MESSAGE, &rest)?;
    Ok(HistoryPage { events: events_of(&histories)?, next_page_token: response.next_page_token })
}

/// Cuts an encoded `RespondWorkflowTaskCompletedResponse`.
///
/// # Errors
/// `Malformed` if the bytes are no such message.
pub fn split_completion_response(response: &Bytes) -> Result<SplitCompletion, HistoryError> {
    const MESSAGE: &str = "RespondWorkflowTaskCompletedResponse";
    let (rest, tasks) =
        take_field(response, COMPLETION_WORKFLOW_TASK).map_err(|e| HistoryError::malformed(MESSAGE, &e))?;
    Ok(SplitCompletion { response: decode(MESSAGE, &rest)?, workflow_task: merged_task(&tasks)? })
}

fn merged_task(tasks: &[Bytes]) -> Result<Option<SplitPoll>, HistoryError> {
    match tasks {
        [] => Ok(None),
        [task] => split_poll_response(task).map(Some),
        several => {
            // Encoded messages merge by concatenation, but only if each is whole: broken ones could complete each
            // other.
            several.iter().try_for_each(|task| split_poll_response(task).map(drop))?;
            split_poll_response(&several.concat().into()).map(Some)
        }
    }
}

fn events_of(histories: &[Bytes]) -> Result<Vec<Event>, HistoryError> {
    match histories {
        [history] => split_history(history),
        _ => Ok(histories.iter().map(split_history).collect::<Result<Vec<_>, _>>()?.concat()),
    }
}

fn decode<M: Message + Default>(message: &'static str, encoded: &[u8]) -> Result<M, HistoryError> {
    M::decode(encoded).map_err(|e| HistoryError::malformed(message, &e))
}

fn malformed_history(error: DecodeError) -> HistoryError {
    HistoryError::malformed("History", &error)
}
