//! What fuzzers run: each function takes any bytes and panics if something is wrong. Also run by the tests below.

use std::collections::VecDeque;

use bytes::Bytes;
use prost::Message;
use temporalio_protos::temporal::api::history::v1::{History, HistoryEvent};
use temporalio_protos::temporal::api::workflowservice::v1::{
    GetWorkflowExecutionHistoryResponse, PollWorkflowTaskQueueResponse, RespondWorkflowTaskCompletedResponse,
};

use super::{
    Event, Extraction, HistoryError, HistoryPage, HistoryUpdate, NextSequence, Paginator, TaskHistory,
    split_completion_response, split_history, split_history_response, split_poll_response,
};

/// Splitting and then decoding gives what decoding as a whole gives, for any bytes.
pub fn split(data: &[u8]) {
    let bytes = Bytes::copy_from_slice(data);
    assert_same(split_history(&bytes).and_then(|events| joined(&events)), History::decode(data));
    assert_same(split_poll_response(&bytes).and_then(joined_poll), PollWorkflowTaskQueueResponse::decode(data));
    assert_same(
        split_history_response(&bytes).and_then(|page| Ok((joined(&page.events)?.events, page.next_page_token))),
        GetWorkflowExecutionHistoryResponse::decode(data)
            .map(|r| (r.history.unwrap_or_default().events, r.next_page_token)),
    );
    assert_same(
        split_completion_response(&bytes).and_then(|split| {
            let workflow_task = split.workflow_task.map(joined_poll).transpose()?;
            Ok(RespondWorkflowTaskCompletedResponse { workflow_task, ..split.response })
        }),
        RespondWorkflowTaskCompletedResponse::decode(data),
    );
}

/// Events of any types and ids, in any pages, never make paging panic or go on for ever.
pub fn paginate(data: &[u8]) {
    let [previous, started, rest @ ..] = data else { return };
    let mut pages = pages_of(rest);
    let first = pages.pop_front().unwrap_or_default();
    let task = TaskHistory {
        previous_started_event_id: (*previous).into(),
        started_event_id: (*started).into(),
        events: first.events,
        next_page_token: first.next_page_token,
        has_query: previous % 2 == 0,
        ..TaskHistory::default()
    };
    let Ok(mut paginator) = Paginator::for_task(task) else { return };
    if let Ok(update) = drain(&mut paginator, &mut pages, (*started).into()) {
        let mut again = paginator.refetch_from_start(update);
        let mut pages = pages_of(rest);
        drop(drain(&mut again, &mut pages, 0));
    }
}

/// Takes all there is; what was not taken in the end comes back.
fn drain(
    paginator: &mut Paginator,
    pages: &mut VecDeque<HistoryPage>,
    mut last: i64,
) -> Result<HistoryUpdate, HistoryError> {
    let mut update = extract(paginator, pages)?;
    loop {
        let peeked: Vec<_> = update.peek_next_sequence(last).cloned().collect();
        let _ = update.peek_next_task_completed(last);
        match update.take_next_sequence(last) {
            NextSequence::ReplayOver => return Ok(update),
            NextSequence::NeedsFetch => update.extend(extract(paginator, pages)?),
            NextSequence::Sequence(sequence) => {
                assert_eq!(sequence.events, peeked, "taken and looked ahead to");
                last = sequence.events.last().expect("a sequence has events").id();
            }
        }
    }
}

fn extract(paginator: &mut Paginator, pages: &mut VecDeque<HistoryPage>) -> Result<HistoryUpdate, HistoryError> {
    loop {
        match paginator.extract_next_update()? {
            Extraction::Update(update) => return Ok(update),
            Extraction::NeedPage(_) => paginator.handle_page(pages.pop_front().unwrap_or_default()),
        }
    }
}

/// Pages of events: a byte is an event's type, 255 ends a page; from 200 on ids make a leap.
fn pages_of(data: &[u8]) -> VecDeque<HistoryPage> {
    let mut id = 0_i64;
    let pages = data.split(|byte| *byte == 255);
    let mut pages: VecDeque<_> = pages.map(|page| page_of(page.iter().map(|byte| event(*byte, &mut id)))).collect();
    if let Some(last) = pages.back_mut() {
        last.next_page_token.clear();
    }
    pages
}

fn page_of(events: impl Iterator<Item = HistoryEvent>) -> HistoryPage {
    HistoryPage { events: events.map(|e| Event::from(&e)).collect(), next_page_token: b"more".to_vec() }
}

fn event(byte: u8, id: &mut i64) -> HistoryEvent {
    *id = match byte {
        0..=199 => id.saturating_add(1),
        200..=219 => id.saturating_sub(i64::from(byte - 199)),
        220..=239 => id.saturating_add(i64::from(byte)),
        240..=247 => i64::MAX,
        _ => i64::MIN,
    };
    HistoryEvent { event_id: *id, event_type: i32::from(byte % 64), ..HistoryEvent::default() }
}

fn joined(events: &[Event]) -> Result<History, HistoryError> {
    // Not by `Event::decode`, which cuts causes off.
    let decode = |event: &Event| HistoryEvent::decode(&event.encoded()[..]);
    let decoded = events.iter().map(decode).collect::<Result<_, _>>();
    Ok(History { events: decoded.map_err(|error| HistoryError::malformed("HistoryEvent", &error))? })
}

fn joined_poll(split: super::SplitPoll) -> Result<PollWorkflowTaskQueueResponse, HistoryError> {
    let events = joined(&split.events)?.events;
    let history = split.response.history.map(|_| History { events });
    Ok(PollWorkflowTaskQueueResponse { history, ..split.response })
}

/// Both fail or both give the same. Values with a NaN in them are not the same as themselves and prove nothing; and
/// prost's limit of nesting is reached later by a message that is decoded in parts.
#[allow(clippy::eq_op, reason = "that is how a NaN shows")]
fn assert_same<T: PartialEq + std::fmt::Debug>(split: Result<T, HistoryError>, whole: Result<T, prost::DecodeError>) {
    match (split, whole) {
        (Ok(split), Ok(whole)) => assert!(whole != whole || split == whole, "split {split:?}, whole {whole:?}"),
        (Ok(_), Err(error)) => assert!(error.to_string().contains("recursion"), "only split: {error}"),
        (Err(error), Ok(whole)) => panic!("only whole: {error}, {whole:?}"),
        (Err(_), Err(_)) => {}
    }
}

#[cfg(test)]
mod tests {
    use corewasm_testkit::HistoryBuilder;
    use corewasm_testkit::corpus::inputs;
    use corewasm_testkit::history::generate::any_history;
    use proptest::prelude::*;

    use super::*;

    /// Valid messages with bytes changed, cut out and put in.
    fn damaged() -> impl Strategy<Value = Vec<u8>> {
        let poll = any_history(2).prop_map(|h| h.whole().poll_response().encode_to_vec());
        let completion = any_history(2).prop_map(|h| {
            let workflow_task = Some(h.whole().poll_response());
            RespondWorkflowTaskCompletedResponse { workflow_task, ..Default::default() }.encode_to_vec()
        });
        let history = any_history(2).prop_map(|h: HistoryBuilder| h.history_bytes());
        let damage = (any::<prop::sample::Index>(), any::<u8>(), 0..3_u8);
        let valid = prop_oneof![poll, completion, history];
        (valid, prop::collection::vec(damage, 0..4)).prop_map(|(mut bytes, damages)| {
            for (place, byte, kind) in damages {
                let place = place.index(bytes.len().max(1));
                match kind {
                    _ if bytes.is_empty() => bytes.push(byte),
                    0 => bytes[place] = byte,
                    1 => drop(bytes.remove(place)),
                    _ => bytes.insert(place, byte),
                }
            }
            bytes
        })
    }

    #[test]
    fn what_fuzzing_found_is_taken() {
        inputs("history_split").iter().for_each(|data| split(data));
        inputs("history_paginate").iter().for_each(|data| paginate(data));
    }

    /// Found by fuzzing: a task in two parts, each broken, that together make a whole one.
    #[test]
    fn broken_parts_do_not_complete_each_other() {
        split(&[0x0a, 0x01, 0x42, 0x0a, 0x01, 0x00]);
    }

    proptest! {
        #[test]
        fn any_bytes_split_like_they_decode(data in prop::collection::vec(any::<u8>(), 0..64)) {
            split(&data);
        }

        #[test]
        fn damaged_messages_split_like_they_decode(data in damaged()) {
            split(&data);
        }

        #[test]
        fn any_events_in_any_pages_come_to_an_end(data in prop::collection::vec(any::<u8>(), 0..64)) {
            paginate(&data);
        }

        #[test]
        fn likely_events_in_any_pages_come_to_an_end(
            data in prop::collection::vec(prop::sample::select(vec![1, 5, 6, 7, 8, 9, 12, 17, 26, 47, 255]), 2..64),
        ) {
            paginate(&data);
        }
    }
}
