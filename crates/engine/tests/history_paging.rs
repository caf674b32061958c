//! Spec 1.3, 17(2): history that comes in pages.

use crate::history_service::{
    Service, after_cache_miss, extract, paginator, paginator_of, replay, span, take, try_take,
};
use corewasm_engine::history::{Extraction, HistoryError, HistoryUpdate, NextSequence, Paginator, TaskHistory};
use corewasm_testkit::{HistoryBuilder, TaskView};
use temporalio_protos::temporal::api::enums::v1::WorkflowTaskFailedCause;
use temporalio_protos::temporal::api::history::v1::HistoryEvent;

fn one_timer() -> HistoryBuilder {
    let mut history = HistoryBuilder::new();
    history.workflow_task();
    let timer = history.timer_started("1");
    history.timer_fired(timer);
    history.workflow_task_pending();
    history
}

fn timers(count: usize) -> HistoryBuilder {
    let mut history = HistoryBuilder::new();
    history.workflow_task();
    for number in 1..=count {
        let timer = history.timer_started(&number.to_string());
        history.timer_fired(timer);
        history.workflow_task();
    }
    history.execution_completed();
    history
}

fn three_tasks_then_heartbeats() -> HistoryBuilder {
    let mut history = HistoryBuilder::new();
    history.workflow_task();
    history.timer_started("1");
    history.workflow_task();
    history.timer_started("2");
    for _ in 0..50 {
        history.workflow_task();
    }
    history.execution_completed();
    history
}

/// The paginator and the service of a run that is replayed from its start, in pages of this size.
fn paged(history: &HistoryBuilder, size: usize) -> (Paginator, Service) {
    let pages = history.pages(&[size]);
    let started = history.whole().started_event_id;
    let paginator = paginator_of(&pages[0].events, 0, started, pages.len() > 1);
    (paginator, Service::of_pages(&pages[1..]))
}

#[test]
fn pages_of_any_size_give_the_same_tasks() {
    // Spec 1.3.3.
    let history = timers(100);
    let mut expected = vec![(1, 3)];
    expected.extend((0..100).map(|n| (4 + 5 * n, 8 + 5 * n)));
    expected.push((504, 505));
    for size in [1, 2, 3, 10, 11, 12, 13, 14, 600] {
        let (mut paginator, mut service) = paged(&history, size);
        assert_eq!(replay(&mut paginator, &mut service).as_ref(), Ok(&expected), "pages of {size}");
    }
}

#[test]
fn a_task_over_many_pages_stays_one() {
    // Spec 1.4.4, 1.3.3.
    for size in [10, 11, 12, 13, 14] {
        let (mut paginator, mut service) = paged(&three_tasks_then_heartbeats(), size);
        let spans = replay(&mut paginator, &mut service);
        assert_eq!(spans, Ok(vec![(1, 3), (4, 7), (8, 11), (12, 158), (159, 160)]), "pages of {size}");
    }
}

/// Upstream: needs_fetch_if_ending_in_middle_of_wft_seq.
#[test]
fn a_page_that_ends_inside_a_task_is_not_enough() {
    // Spec 1.4.7: wherever the heartbeat is cut, more must be fetched.
    for size in [18, 19, 20, 21] {
        let history = three_tasks_then_heartbeats();
        let (first, rest) = history.events().split_at(size);
        let mut service = Service::of([(rest, false)]);
        let mut paginator = paginator_of(first, 0, history.whole().started_event_id, true);
        let mut update = extract(&mut paginator, &mut service).expect("three tasks are complete");
        assert_eq!(service.requests, [], "nothing is fetched before it is needed");
        assert_eq!(span(&take(&mut update, 0)), (1, 3));
        assert_eq!(span(&take(&mut update, 3)), (4, 7));
        assert!(!update.can_take_next_sequence(7));
        assert_eq!(update.take_next_sequence(7), NextSequence::NeedsFetch);
        update.extend(extract(&mut paginator, &mut service).expect("the rest is there"));
        assert_eq!(span(&take(&mut update, 7)), (8, 11));
        assert_eq!(span(&take(&mut update, 11)), (12, 158));
    }
}

#[test]
fn a_task_is_taken_only_with_the_next_one_in_sight() {
    // Spec 1.5.11: applying a task looks ahead into the next, on whatever page that is.
    for size in 1..20 {
        let (mut paginator, mut service) = paged(&timers(5), size);
        let mut update = extract(&mut paginator, &mut service).expect("history is complete");
        for (n, from) in (3..).step_by(5).take(4).enumerate() {
            let taken_until = if n == 0 { 0 } else { from - 5 };
            while !update.can_take_next_sequence(taken_until) {
                update.extend(extract(&mut paginator, &mut service).expect("history is complete"));
            }
            take(&mut update, taken_until);
            assert_eq!(update.peek_next_sequence(from).last().map(|e| e.id()), Some(from + 5), "pages of {size}");
        }
    }
}

#[test]
fn a_cache_miss_fetches_everything_and_keeps_the_partial_task() {
    // Spec 1.3.7: the service does not give the WorkflowTaskStarted event of the task in hand.
    let history = one_timer();
    let mut paginator = after_cache_miss(&history.only_task(2));
    let mut service = Service::of([(&history.events()[..7], false)]);
    assert_eq!(replay(&mut paginator, &mut service), Ok(vec![(1, 3), (4, 8)]));
    assert_eq!(service.requests[0].next_page_token, b"", "from the start");
}

/// Upstream: cache_miss_with_only_one_wft_available_orders_properly.
#[test]
fn the_partial_task_comes_after_all_that_was_fetched() {
    // Spec 1.3.4, 1.3.7: the first page has a complete task, the partial one is two tasks on.
    let mut history = HistoryBuilder::new();
    history.workflow_task();
    history.timer_started("1");
    history.workflow_task();
    history.timer_started("2");
    history.workflow_task_pending();
    let task = history.only_task(3);
    assert_eq!((task.events[0].event_id, task.started_event_id), (8, 11));
    let mut service = Service::of([(&history.events()[..3], true), (&history.events()[..9], false)]);
    let mut paginator = after_cache_miss(&task);
    assert_eq!(replay(&mut paginator, &mut service), Ok(vec![(1, 3), (4, 7), (8, 11)]));
}

/// Upstream: handles_blank_fetch_response.
#[test]
fn an_empty_answer_to_a_cache_miss_is_an_error() {
    // Spec 1.3.6.
    let mut paginator = after_cache_miss(&one_timer().only_task(2));
    let error = extract(&mut paginator, &mut Service::of([(&[][..], false)])).expect_err("there is no history");
    assert_eq!(error, HistoryError::EmptyPage);
    assert_eq!(error.to_string(), "Fetched empty history page");
}

#[test]
fn history_that_ends_before_the_task_is_an_error() {
    // Spec 1.3.5, 1.3.6.
    let history = one_timer();
    let mut paginator = paginator_of(&history.events()[..6], 3, 8, false);
    assert_eq!(extract(&mut paginator, &mut Service::default()).expect_err("too short"), HistoryError::EmptyPage);
}

#[test]
fn an_empty_page_with_a_token_is_skipped() {
    // Spec 1.3.4.
    let history = one_timer();
    let mut paginator = after_cache_miss(&history.only_task(2));
    let mut service = Service::of([(&[][..], true), (history.events(), false)]);
    assert_eq!(replay(&mut paginator, &mut service), Ok(vec![(1, 3), (4, 8)]));
    let tokens: Vec<_> = service.requests.into_iter().map(|r| r.next_page_token).collect();
    assert_eq!(tokens, [b"".to_vec(), b"page 1".to_vec()]);
}

#[test]
fn a_token_to_an_empty_page_after_the_end_is_no_error() {
    // Spec 1.3.5: everything was there already.
    let history = one_timer();
    let mut paginator = after_cache_miss(&history.whole());
    let mut service = Service::of([(history.events(), true), (&[][..], false)]);
    assert_eq!(replay(&mut paginator, &mut service), Ok(vec![(1, 3), (4, 8)]));
}

/// Upstream: handles_fetching_page_with_complete_wft_and_page_token_to_empty_page.
#[test]
fn an_end_that_was_handed_out_before_it_was_known_yields_an_empty_last_update() {
    // Spec 1.3.5: two complete tasks were handed out, and behind the token there is nothing.
    let mut history = HistoryBuilder::new();
    history.workflow_task();
    history.execution_completed();
    let mut paginator = paginator_of(history.events(), 0, 3, true);
    let mut service = Service::of([(&[][..], false)]);
    let mut update = extract(&mut paginator, &mut service).expect("both tasks are complete");
    assert!(!update.has_last_task() && service.requests.is_empty());
    assert_eq!(span(&take(&mut update, 0)), (1, 3));
    let end = extract(&mut paginator, &mut service).expect("the end is known now");
    assert!(end.is_empty() && end.has_last_task());
    update.extend(end);
    assert_eq!(span(&take(&mut update, 3)), (4, 5));
    assert_eq!(try_take(&mut update, 5), NextSequence::ReplayOver);
}

/// Upstream: weird_pagination_doesnt_drop_wft_events.
#[test]
fn single_events_between_empty_pages_are_all_kept() {
    // Spec 1.3.4, 17(2).
    let mut history = HistoryBuilder::new();
    history.workflow_task();
    history.signaled("hi");
    history.workflow_task_pending();
    history.workflow_task_failed(WorkflowTaskFailedCause::UnhandledCommand);
    for _ in 0..5 {
        history.signaled("hi");
    }
    history.workflow_task_pending();
    let pages = history.events().iter().flat_map(|e| [(&[][..], true), (std::slice::from_ref(e), true)]);
    let mut service = Service::of(pages.chain([(&[][..], false)]));
    let mut paginator = paginator_of(&history.events()[..1], 3, 15, true);
    assert_eq!(replay(&mut paginator, &mut service), Ok(vec![(1, 3), (4, 15)]));
}

#[test]
fn a_cache_miss_survives_empty_pages_and_a_missing_tail() {
    // Spec 1.3.4, 17(2): the service gives 1 to 4, nothing, 5 to 8, nothing; the task brought 9 to 11.
    let mut history = HistoryBuilder::new();
    history.workflow_task();
    history.signaled("hi");
    history.workflow_task_pending();
    history.workflow_task_failed(WorkflowTaskFailedCause::UnhandledCommand);
    history.signaled("hi");
    history.workflow_task_pending();
    let events = history.events();
    let task = TaskView { events: events[8..].to_vec(), ..history.whole() };
    let mut service = Service::of([(&events[..4], true), (&[][..], true), (&events[4..8], true), (&[][..], false)]);
    assert_eq!(replay(&mut after_cache_miss(&task), &mut service), Ok(vec![(1, 3), (4, 11)]));
}

#[test]
fn a_started_task_at_the_end_of_a_page_waits_for_the_next_page() {
    // Spec 1.4.6: what it means is not known before.
    let mut history = HistoryBuilder::new();
    history.workflow_task();
    history.signaled("hi");
    history.workflow_task_pending();
    let mut paginator = after_cache_miss(&history.up_to_task(1));
    let mut service = Service::of([(history.events(), true), (&[][..], false)]);
    assert_eq!(replay(&mut paginator, &mut service), Ok(vec![(1, 3), (4, 7)]));
    assert_eq!(service.requests.len(), 2);
}

#[test]
fn a_task_that_fails_on_the_next_page_is_not_taken_for_concluded() {
    // Spec 1.4.3: pages may end between WorkflowTaskStarted and WorkflowTaskFailed.
    let mut history = HistoryBuilder::new();
    history.workflow_task();
    history.timer_started("1");
    history.workflow_task_pending();
    history.workflow_task_failed(WorkflowTaskFailedCause::UnhandledCommand);
    history.workflow_task();
    history.execution_completed();
    for size in 1..13 {
        let (mut paginator, mut service) = paged(&history, size);
        let spans = replay(&mut paginator, &mut service);
        assert_eq!(spans, Ok(vec![(1, 3), (4, 10), (11, 12)]), "pages of {size}");
    }
}

/// Upstream: heartbeats_then_signal.
#[test]
fn heartbeats_then_a_signal_on_the_next_page() {
    // Spec 1.3.4, 1.4.4: the next page starts over from the first event; the first task was handled.
    let mut history = HistoryBuilder::new();
    history.workflow_task();
    history.workflow_task();
    let first = history.events().to_vec();
    history.workflow_task();
    history.signaled("whatever");
    history.workflow_task_pending();
    let mut service = Service::of([(history.events(), false)]);
    let mut update = extract(&mut paginator_of(&first, 3, 6, true), &mut service).expect("history is complete");
    assert_eq!(span(&take(&mut update, 3)), (4, 9));
    assert_eq!(span(&take(&mut update, 9)), (10, 13));
}

#[test]
fn a_cached_run_gets_enough_to_go_on_from_a_full_history() {
    // Spec 1.3.3: the run stands at event 8; two tasks after that are needed, not two after the start.
    let history = timers(10);
    let pages = history.pages(&[6]);
    let mut service = Service::of_pages(&pages[1..]);
    let mut paginator = paginator_of(&pages[0].events, 8, 53, true);
    let mut update = extract(&mut paginator, &mut service).expect("history is complete");
    assert!(update.can_take_next_sequence(8));
    assert_eq!(span(&take(&mut update, 8)), (9, 13));
}

#[test]
fn a_run_that_is_not_cached_starts_with_its_first_tasks() {
    // Spec 1.3.3: there is no need to fetch up to where another worker was.
    let history = timers(10);
    let pages = history.pages(&[12]);
    let mut service = Service::of_pages(&pages[1..]);
    let mut paginator = paginator_of(&pages[0].events, 48, 53, true).for_uncached_run();
    let mut update = extract(&mut paginator, &mut service).expect("two tasks are complete");
    assert_eq!(service.requests, []);
    assert_eq!(span(&take(&mut update, 0)), (1, 3));
}

#[test]
fn a_task_with_neither_history_nor_queries_is_refused() {
    // Spec 1.3.2.
    let error = Paginator::for_task(TaskHistory::default()).expect_err("nothing is in it");
    assert_eq!(error.to_string(), "Received an empty workflow task with no queries or history");
}

#[test]
fn a_query_without_history_is_an_empty_last_update_and_a_cache_miss_fetches() {
    // Spec 1.3.2, 1.3.7.
    let query = TaskHistory { has_query: true, previous_started_event_id: 3, ..TaskHistory::default() };
    let mut paginator = Paginator::for_task(query).expect("a query came with it");
    let mut service = Service::of([(&one_timer().events()[..6], false)]);
    let mut update = extract(&mut paginator, &mut service).expect("no events are needed");
    assert!(update.is_incremental() && update.has_last_task() && service.requests.is_empty());
    assert_eq!(update.take_next_sequence(3), NextSequence::ReplayOver);
    let mut refetching = paginator.refetch_from_start(update);
    assert_eq!(replay(&mut refetching, &mut service), Ok(vec![(1, 3), (4, 6)]));
}

#[test]
fn a_task_without_a_token_asks_for_nothing() {
    // Spec 1.3.5.
    let extraction = paginator(&one_timer().whole(), false).extract_next_update();
    assert!(matches!(extraction, Ok(Extraction::Update(update)) if update.has_last_task() && update.len() == 8));
}

fn update_of(events: &[HistoryEvent], started_event_id: i64) -> HistoryUpdate {
    match paginator_of(events, started_event_id, started_event_id, false).extract_next_update() {
        Ok(Extraction::Update(update)) => update,
        other => panic!("everything is there: {other:?}"),
    }
}

#[test]
fn a_task_whose_events_have_no_ids_is_not_fetched_again() {
    // Spec 1.3.4: only pages repeat what came before.
    let mut events = one_timer().events().to_vec();
    events.iter_mut().for_each(|event| event.event_id = 0);
    let update = update_of(&events, 0);
    assert!(!update.is_incremental());
    assert_eq!(update.len(), events.len());
}

#[test]
fn ids_that_start_over_end_no_sequence() {
    // Spec 1.4.
    let once = timers(1).events().to_vec();
    let twice: Vec<_> = once[..9].iter().chain(&once).cloned().collect();
    let mut update = update_of(&twice, 8);
    for (started, length) in [(0, 3), (3, 5), (8, 11)] {
        let NextSequence::Sequence(sequence) = update.take_next_sequence(started) else { panic!("one more") };
        assert_eq!(sequence.events.len(), length);
    }
}
