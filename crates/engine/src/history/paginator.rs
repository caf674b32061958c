//! Where a task's history comes from, page by page (spec 1.3). Fetches nothing itself: it says what to fetch.

use std::collections::VecDeque;
use std::{fmt, mem};

use super::chunk::Chunker;
use super::{Event, HistoryError, HistoryUpdate};

/// So many sequences make an update: one to apply and one to look ahead into (spec 1.3.3).
const ENOUGH_SEQUENCES: usize = 2;

/// The parts of a workflow task that its history comes of.
#[derive(Clone, Debug, Default)]
pub struct TaskHistory {
    /// Workflow id.
    pub workflow_id: String,
    /// Run id.
    pub run_id: String,
    /// `previous_started_event_id` of the task.
    pub previous_started_event_id: i64,
    /// `started_event_id` of the task; 0 for a query on a run without a new task.
    pub started_event_id: i64,
    /// The events that came with the task.
    pub events: Vec<Event>,
    /// Token of the next page, empty if there is none.
    pub next_page_token: Vec<u8>,
    /// A query came with the task, legacy or not.
    pub has_query: bool,
}

/// What to ask of GetWorkflowExecutionHistory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageRequest {
    /// Workflow id.
    pub workflow_id: String,
    /// Run id.
    pub run_id: String,
    /// Token of the page; empty for the first one.
    pub next_page_token: Vec<u8>,
}

/// A page of history.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HistoryPage {
    /// Its events.
    pub events: Vec<Event>,
    /// Token of the page after, empty if this is the last.
    pub next_page_token: Vec<u8>,
}

/// What [`Paginator::extract_next_update`] answers.
#[derive(Debug)]
pub enum Extraction {
    /// Events to apply.
    Update(HistoryUpdate),
    /// Fetch this page, hand it to [`Paginator::handle_page`], then extract again.
    NeedPage(PageRequest),
}

/// Where further pages are.
#[derive(Clone, Debug, PartialEq, Eq)]
enum NextPage {
    /// History must be fetched from its start.
    First,
    /// Behind this token.
    Token(Vec<u8>),
    /// There are none.
    None,
}

/// A task's history: queued events, the ends of sequences among them, and where the rest is.
#[derive(Clone)]
pub struct Paginator {
    workflow_id: String,
    run_id: String,
    previous_started_event_id: i64,
    started_event_id: i64,
    queue: VecDeque<Event>,
    chunker: Chunker,
    /// Where the sequences found in `queue` end: count of events up to each end.
    ends: VecDeque<usize>,
    next_page: NextPage,
    /// Events of a partial task that are due once everything before them was fetched (spec 1.3.4).
    final_events: Vec<Event>,
    /// Id of the newest event that was ever queued, 0 before the first.
    last_queued_id: i64,
    /// Id of the last event that was handed out, 0 before the first.
    last_extracted_id: i64,
    /// Only sequences that end after this event count as enough.
    enough_after_id: i64,
    /// The task had no events: its first update is empty (spec 1.3.2).
    query_only: bool,
}

impl Paginator {
    /// The paginator of a workflow task that was received.
    ///
    /// # Errors
    /// `EmptyTask` if it has neither events nor a query (spec 1.3.2).
    pub fn for_task(task: TaskHistory) -> Result<Self, HistoryError> {
        let query_only = task.events.is_empty();
        if query_only && !task.has_query {
            return Err(HistoryError::EmptyTask);
        }
        let next_page = if query_only { NextPage::First } else { NextPage::behind(task.next_page_token) };
        // Taken as they are: only pages repeat what came before.
        let queue = VecDeque::from(task.events);
        Ok(Self {
            workflow_id: task.workflow_id,
            run_id: task.run_id,
            previous_started_event_id: task.previous_started_event_id,
            started_event_id: task.started_event_id,
            last_queued_id: queue.back().map_or(0, Event::id),
            queue,
            chunker: Chunker::default(),
            ends: VecDeque::new(),
            next_page,
            final_events: Vec::new(),
            last_extracted_id: 0,
            enough_after_id: task.previous_started_event_id,
            query_only,
        })
    }

    /// The paginator that fetches all of history because the run is not cached, for a task that brought only its end.
    /// The events of `update`, and those left here, are kept and follow last: the service may not give them again
    /// (spec 1.3.7).
    #[must_use]
    pub fn refetch_from_start(self, update: HistoryUpdate) -> Self {
        Self {
            next_page: NextPage::First,
            final_events: update.into_events().chain(self.queue).chain(self.final_events).collect(),
            queue: VecDeque::new(),
            chunker: Chunker::default(),
            ends: VecDeque::new(),
            last_queued_id: 0,
            last_extracted_id: 0,
            enough_after_id: 0,
            query_only: false,
            ..self
        }
    }

    /// The run is not cached, so it will be replayed from its start: hand events out as soon as replay can begin,
    /// instead of first fetching up to where a cached run would go on. Keeps one page in memory at a time, not the
    /// whole history.
    #[must_use]
    pub fn for_uncached_run(mut self) -> Self {
        self.enough_after_id = 0;
        self
    }

    /// The next events to apply: at least two sequences unless history ends before (spec 1.3.3).
    ///
    /// # Errors
    /// `EmptyPage` if the service has no more events although the task's end was not reached (spec 1.3.6).
    pub fn extract_next_update(&mut self) -> Result<Extraction, HistoryError> {
        if mem::take(&mut self.query_only) {
            return Ok(Extraction::Update(self.update_of(VecDeque::new(), true)));
        }
        let has_ended = self.next_page == NextPage::None;
        self.find_ends(has_ended);
        if has_ended {
            return self.extract_last().map(Extraction::Update);
        }
        if self.has_enough() {
            let length = self.ends.back().copied().unwrap_or(0);
            return Ok(Extraction::Update(self.release(length, false)));
        }
        Ok(Extraction::NeedPage(self.page_request()))
    }

    /// The page that [`Extraction::NeedPage`] asked for. Events already seen are dropped (spec 1.3.4).
    pub fn handle_page(&mut self, page: HistoryPage) {
        self.next_page = NextPage::behind(page.next_page_token);
        self.enqueue(page.events);
        // If nothing was fetched at all, the partial task alone would be taken for the whole history.
        if self.next_page == NextPage::None && self.last_queued_id > 0 {
            let final_events = mem::take(&mut self.final_events);
            self.enqueue(final_events);
        }
    }

    /// Workflow id.
    pub fn workflow_id(&self) -> &str {
        &self.workflow_id
    }

    /// Run id.
    pub fn run_id(&self) -> &str {
        &self.run_id
    }

    fn enqueue(&mut self, events: Vec<Event>) {
        let newest = self.last_queued_id;
        self.queue.extend(events.into_iter().skip_while(|e| e.id() <= newest));
        self.last_queued_id = self.queue.back().map_or(newest, Event::id);
    }

    fn find_ends(&mut self, has_ended: bool) {
        while let Some(end) = self.chunker.next_end(&self.queue, has_ended) {
            self.ends.push_back(end + 1);
        }
    }

    fn has_enough(&self) -> bool {
        let counting = self.ends.iter().rev().take(ENOUGH_SEQUENCES);
        counting.filter(|end| self.queue[**end - 1].id() > self.enough_after_id).count() == ENOUGH_SEQUENCES
    }

    /// Everything that is left, or nothing if all was handed out before the end was known (spec 1.3.5).
    fn extract_last(&mut self) -> Result<HistoryUpdate, HistoryError> {
        let last_id = self.queue.back().map_or(self.last_extracted_id, Event::id);
        if last_id < self.started_event_id {
            return Err(HistoryError::EmptyPage);
        }
        Ok(self.release(self.queue.len(), true))
    }

    /// Hands out the first `length` events and the sequences found in them.
    fn release(&mut self, length: usize, has_last: bool) -> HistoryUpdate {
        let rest = self.queue.split_off(length);
        let events = mem::replace(&mut self.queue, rest);
        self.chunker.forget(length);
        self.last_extracted_id = events.back().map_or(self.last_extracted_id, Event::id);
        self.update_of(events, has_last)
    }

    fn update_of(&mut self, events: VecDeque<Event>, has_last: bool) -> HistoryUpdate {
        let ends = mem::take(&mut self.ends);
        HistoryUpdate::of_sequences(events, ends, has_last, self.previous_started_event_id, self.started_event_id)
    }

    fn page_request(&self) -> PageRequest {
        PageRequest {
            workflow_id: self.workflow_id.clone(),
            run_id: self.run_id.clone(),
            next_page_token: match &self.next_page {
                NextPage::Token(token) => token.clone(),
                NextPage::First | NextPage::None => Vec::new(),
            },
        }
    }
}

impl NextPage {
    fn behind(token: Vec<u8>) -> Self {
        if token.is_empty() { Self::None } else { Self::Token(token) }
    }
}

impl fmt::Debug for Paginator {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut fields = formatter.debug_struct("Paginator");
        fields.field("workflow_id", &self.workflow_id).field("run_id", &self.run_id);
        fields.field("queued", &self.queue.len()).field("next_page", &self.next_page).finish_non_exhaustive()
    }
}
