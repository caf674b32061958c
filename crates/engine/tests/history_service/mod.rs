//! A service that gives a task's history page by page, and a worker that takes the sequences.

#![allow(dead_code, unreachable_pub, reason = "each test file uses what it needs")]

use std::collections::VecDeque;

use bytes::Bytes;
use corewasm_engine::history::{
    Event, Extraction, HistoryError, HistoryPage, HistoryUpdate, NextSequence, PageRequest, Paginator, TaskHistory,
    split_history,
};
use corewasm_testkit::{HistoryBuilder, TaskView};
use prost::Message;
use temporalio_protos::temporal::api::history::v1::{History, HistoryEvent};

/// Ids of a sequence's events: the first and the last.
pub type Span = (i64, i64);

/// The service's pages, given out one per request whatever token is asked for.
#[derive(Clone, Debug, Default)]
pub struct Service {
    pages: VecDeque<HistoryPage>,
    /// What was asked for.
    pub requests: Vec<PageRequest>,
}

impl Service {
    /// Gives these pages: events, and whether a token comes with them.
    pub fn of<'a>(pages: impl IntoIterator<Item = (&'a [HistoryEvent], bool)>) -> Self {
        let pages = pages.into_iter().enumerate().map(|(number, (events, more))| HistoryPage {
            events: slices(events),
            next_page_token: if more { format!("page {}", number + 1).into_bytes() } else { Vec::new() },
        });
        Self { pages: pages.collect(), requests: Vec::new() }
    }

    /// Gives these pages, each but the last with a token.
    pub fn of_pages(pages: &[History]) -> Self {
        let last = pages.len().saturating_sub(1);
        Self::of(pages.iter().enumerate().map(|(number, page)| (page.events.as_slice(), number < last)))
    }

    fn page(&mut self, request: PageRequest) -> HistoryPage {
        self.requests.push(request);
        self.pages.pop_front().expect("the paginator asks for no page after the last")
    }
}

/// These events as slices of their encoded history.
pub fn slices(events: &[HistoryEvent]) -> Vec<Event> {
    let encoded = Bytes::from(History { events: events.to_vec() }.encode_to_vec());
    split_history(&encoded).expect("prost encodes valid histories")
}

/// The paginator of this task, more pages behind it or not.
pub fn paginator(task: &TaskView, more: bool) -> Paginator {
    paginator_of(&task.events, task.previous_started_event_id, task.started_event_id, more)
}

/// The paginator of a task with these events and ids.
pub fn paginator_of(events: &[HistoryEvent], previous: i64, started: i64, more: bool) -> Paginator {
    Paginator::for_task(TaskHistory {
        workflow_id: "workflow-id".to_owned(),
        run_id: "run-id".to_owned(),
        previous_started_event_id: previous,
        started_event_id: started,
        events: slices(events),
        next_page_token: if more { b"page 0".to_vec() } else { Vec::new() },
        has_query: false,
    })
    .expect("the task has events")
}

/// The paginator that fetches all because the run is not cached.
pub fn after_cache_miss(task: &TaskView) -> Paginator {
    let mut first = paginator(task, false);
    match first.extract_next_update() {
        Ok(Extraction::Update(update)) => first.refetch_from_start(update),
        other => panic!("the task is complete: {other:?}"),
    }
}

/// All of this history as one update.
pub fn update(history: &HistoryBuilder) -> HistoryUpdate {
    let task = history.whole();
    HistoryUpdate::whole(slices(&task.events), task.previous_started_event_id, task.started_event_id)
}

/// Extracts, fetching what is needed.
pub fn extract(paginator: &mut Paginator, service: &mut Service) -> Result<HistoryUpdate, HistoryError> {
    loop {
        match paginator.extract_next_update()? {
            Extraction::Update(update) => return Ok(update),
            Extraction::NeedPage(request) => paginator.handle_page(service.page(request)),
        }
    }
}

/// Takes the next sequence; looking ahead must have shown the same one.
pub fn take(update: &mut HistoryUpdate, started_id: i64) -> Vec<Event> {
    match try_take(update, started_id) {
        NextSequence::Sequence(sequence) => sequence.events,
        other => panic!("expected a sequence after {started_id}, not {other:?}"),
    }
}

/// Takes what comes next; if that is a sequence, looking ahead must have shown the same one.
pub fn try_take(update: &mut HistoryUpdate, started_id: i64) -> NextSequence {
    let peeked: Vec<_> = update.peek_next_sequence(started_id).cloned().collect();
    let taken = update.take_next_sequence(started_id);
    if let NextSequence::Sequence(sequence) = &taken {
        assert_eq!(sequence.events, peeked, "taken and looked ahead to");
    }
    taken
}

/// The spans of all sequences of a fresh run, fetching what is needed.
pub fn replay(paginator: &mut Paginator, service: &mut Service) -> Result<Vec<Span>, HistoryError> {
    let mut update = extract(paginator, service)?;
    let mut spans = Vec::new();
    let mut last = 0;
    loop {
        match try_take(&mut update, last) {
            NextSequence::ReplayOver => return Ok(spans),
            NextSequence::NeedsFetch => update.extend(extract(paginator, service)?),
            NextSequence::Sequence(sequence) => {
                assert!(sequence.events.iter().all(|e| e.id() > last), "each event comes once, in order");
                spans.push(span(&sequence.events));
                last = spans[spans.len() - 1].1;
            }
        }
    }
}

/// First and last id.
pub fn span(events: &[Event]) -> Span {
    (events[0].id(), events[events.len() - 1].id())
}
