//! Spec 1.3, 1.4, 17(1), 17(2): what holds for every history and every way of cutting it into pages.

use crate::history_service::{Service, Span, after_cache_miss, paginator, paginator_of, replay, slices};
use crate::support::{Driver, Report, paged};
use corewasm_engine::history::{Event, is_command_event, is_final_execution_event};
use corewasm_testkit::history::generate::{any_history, any_page_sizes};
use corewasm_testkit::simulator::{HistoryLang, Lang};
use corewasm_testkit::{HistoryBuilder, TaskView};
use proptest::prelude::*;
use prost::Message;
use temporalio_protos::coresdk::workflow_activation::WorkflowActivation;
use temporalio_protos::coresdk::workflow_completion::WorkflowActivationCompletion;
use temporalio_protos::temporal::api::enums::v1::EventType as T;
use temporalio_protos::temporal::api::history::v1::HistoryEvent;
use temporalio_protos::temporal::api::history::v1::history_event::Attributes;

/// Spec 1.4 word by word, on a history that is all there: sequence after sequence, each searched from its first event.
fn sequences(events: &[HistoryEvent]) -> Vec<Span> {
    let mut spans = Vec::new();
    let mut rest = events;
    while let Some(end) = first_end(rest) {
        spans.push((rest[0].event_id, rest[end].event_id));
        rest = &rest[end + 1..];
    }
    if rest.len() > 1 {
        spans.push((rest[0].event_id, rest[rest.len() - 1].event_id));
    }
    spans
}

fn first_end(events: &[HistoryEvent]) -> Option<usize> {
    (0..events.len()).find_map(|position| match events[position].event_type() {
        kind if is_final_execution_event(kind) => Some(position),
        T::WorkflowTaskStarted => end_of_started(events, position),
        _ => None,
    })
}

fn end_of_started(events: &[HistoryEvent], position: usize) -> Option<usize> {
    if is_skipped(events, position) {
        return None;
    }
    let kinds: Vec<_> = events[..position].iter().map(HistoryEvent::event_type).collect();
    let saw_command = kinds.iter().any(|kind| is_command_event(*kind));
    let interesting = saw_command || kinds.contains(&T::WorkflowExecutionStarted);
    let next = events.get(position + 1);
    match (next.map(HistoryEvent::event_type), next.and(events.get(position + 2))) {
        (Some(T::WorkflowTaskCompleted), Some(after)) if after.event_type() == T::WorkflowTaskScheduled => {
            saw_command.then_some(position)
        }
        (Some(T::WorkflowTaskCompleted), Some(after)) => Some(place_of_update(events, position, after)),
        _ => interesting.then_some(position),
    }
}

fn place_of_update(events: &[HistoryEvent], position: usize, after: &HistoryEvent) -> usize {
    let Some(Attributes::WorkflowExecutionUpdateAcceptedEventAttributes(accepted)) = &after.attributes else {
        return position;
    };
    let earlier =
        (0..position).filter(|p| events[*p].event_type() == T::WorkflowTaskStarted && !is_skipped(events, *p));
    let mut before = earlier.filter(|p| events[*p].event_id < accepted.accepted_request_sequencing_event_id);
    before.next_back().unwrap_or(position)
}

fn is_skipped(events: &[HistoryEvent], position: usize) -> bool {
    events.get(position + 1).is_some_and(|next| {
        matches!(
            next.event_type(),
            T::WorkflowTaskFailed
                | T::WorkflowTaskTimedOut
                | T::WorkflowExecutionTimedOut
                | T::WorkflowExecutionTerminated
                | T::WorkflowExecutionCanceled
        )
    })
}

/// Replays a history with a lang that knows it, in pages if there are sizes.
fn replay_with_its_lang(history: &HistoryBuilder, sizes: &[usize]) -> Vec<WorkflowActivation> {
    let mut lang = HistoryLang::new(history.events());
    let (task, pages) = paged(&history.whole(), sizes);
    let mut driver = Driver::new_holding(task);
    (driver.holds_reports, driver.pages) = (false, pages);
    let mut seen = vec![];
    while let Some(activation) = driver.activation.clone() {
        let completion = lang.complete(&activation.encode_to_vec().into()).expect("it takes any activation");
        seen.push(activation);
        driver.complete_as(WorkflowActivationCompletion::decode(completion).expect("it gives a completion"));
    }
    let failed = driver.reports.iter().find(|report| matches!(report, Report::Fail(_)));
    assert!(failed.is_none(), "{failed:#?}");
    seen
}

/// The last task of the history that a sticky queue would bring without the history's start.
fn last_incremental(history: &HistoryBuilder) -> Option<TaskView> {
    let count = history.events().iter().filter(|e| e.event_type() == T::WorkflowTaskCompleted).count();
    (1..=count).rev().map(|number| history.only_task(number)).find(|task| task.events[0].event_id > 1)
}

proptest! {
    #[test]
    fn sequences_are_where_the_specification_says(history in any_history(12)) {
        let expected = sequences(history.events());
        let spans = replay(&mut paginator(&history.whole(), false), &mut Service::default());
        prop_assert_eq!(spans, Ok(expected));
    }

    #[test]
    fn pages_do_not_move_sequences(history in any_history(12), sizes in any_page_sizes(), lazily in any::<bool>()) {
        let task = history.whole();
        let expected = sequences(&task.events);
        // A task brings at least one event.
        let (first, rest) = task.events.split_at(1);
        let mut pages = HistoryBuilder::of_events(rest.to_vec()).pages(&sizes);
        pages.push(Default::default());
        let mut paginator = paginator_of(first, task.previous_started_event_id, task.started_event_id, true);
        if lazily {
            paginator = paginator.for_uncached_run();
        }
        prop_assert_eq!(replay(&mut paginator, &mut Service::of_pages(&pages)), Ok(expected));
    }

    #[test]
    fn a_cache_miss_replays_the_same_sequences(
        history in any_history(12), sizes in any_page_sizes(), missing in 0_usize..3,
    ) {
        let Some(task) = last_incremental(&history) else { return Ok(()) };
        let all = &history.events()[..task.started_event_id as usize];
        // The service need not give what came with the task.
        let given = all.len() - missing.min(task.events.len());
        let pages = HistoryBuilder::of_events(all[..given].to_vec()).pages(&sizes);
        let spans = replay(&mut after_cache_miss(&task), &mut Service::of_pages(&pages));
        prop_assert_eq!(spans, Ok(sequences(all)));
    }

    #[test]
    fn every_history_replays_to_its_end_in_any_pages(history in any_history(12), sizes in any_page_sizes()) {
        prop_assert_eq!(replay_with_its_lang(&history, &sizes), replay_with_its_lang(&history, &[10_000]));
    }

    #[test]
    fn what_is_known_before_decoding_is_right(history in any_history(6)) {
        let events = slices(history.events());
        prop_assert_eq!(events.len(), history.events().len());
        for (slice, event) in events.iter().zip(history.events()) {
            prop_assert_eq!(slice, &Event::from(event));
            prop_assert_eq!(slice.id(), event.event_id);
            prop_assert_eq!(slice.event_type(), event.event_type());
            prop_assert_eq!(slice.raw_type(), event.event_type);
            prop_assert_eq!(slice.worker_may_ignore(), event.worker_may_ignore);
            prop_assert_eq!(&slice.decode().expect("prost encoded it"), event);
        }
    }
}
