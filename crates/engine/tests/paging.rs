//! Spec 1.3.8, 17(2): histories that come page by page, and pages that do not come.

use crate::support::commands::{complete_workflow, start_timer};
use crate::support::names::job_names;
use crate::support::{Driver, paged_task, task, task_of_pages};
use corewasm_engine::history::{Event, HistoryPage};
use corewasm_testkit::HistoryBuilder;
use temporalio_protos::coresdk::workflow_activation::WorkflowActivation;
use temporalio_protos::coresdk::workflow_commands::workflow_command::Variant;
use temporalio_protos::temporal::api::enums::v1::WorkflowTaskFailedCause;
use temporalio_protos::temporal::api::history::v1::HistoryEvent;

const TIMERS: u32 = 10;

fn many_timers() -> HistoryBuilder {
    let mut history = HistoryBuilder::new();
    for seq in 1..=TIMERS {
        history.workflow_task();
        let timer = history.timer_started(&seq.to_string());
        history.timer_fired(timer);
    }
    history.workflow_task_pending();
    history
}

/// One timer after the other.
fn lang(activation: &WorkflowActivation) -> Vec<Variant> {
    let jobs = job_names(activation);
    match jobs[0].strip_prefix("timer-").map(|seq| seq.parse::<u32>().expect("a number")) {
        Some(TIMERS) => vec![complete_workflow()],
        Some(seq) => vec![start_timer(seq + 1)],
        None if jobs == ["init"] => vec![start_timer(1)],
        None => vec![],
    }
}

#[test]
fn every_page_size_gives_the_same_activations() {
    let (_, whole) = Driver::replay(task(&many_timers().whole()), lang);
    assert_eq!(whole.len(), TIMERS as usize + 2);
    for page_size in 1..=20 {
        let (first, pages) = paged_task(&many_timers().whole(), page_size);
        let mut driver = Driver::new(first);
        driver.pages = pages;
        let paged = driver.run_lang(lang);
        assert_eq!(paged, whole, "page size {page_size}");
        assert_eq!(driver.reports.len(), 1);
    }
}

/// Upstream: weird_pagination_doesnt_drop_wft_events. Single events between empty pages, a failed task among them, and
/// a token behind the last page that leads to nothing.
#[test]
fn odd_pages_lose_no_event() {
    let mut history = HistoryBuilder::new();
    history.workflow_task();
    history.signaled("one");
    history.workflow_task_pending();
    history.workflow_task_failed(WorkflowTaskFailedCause::UnhandledCommand);
    for name in ["two", "three", "four", "five"] {
        history.signaled(name);
    }
    history.workflow_task_pending();
    let view = history.whole();
    let (_, whole) = Driver::replay(task(&view), |_| vec![]);
    assert_eq!(whole.iter().flat_map(job_names).collect::<Vec<_>>().len(), 6);

    let page = |events: &[HistoryEvent], token: &str| HistoryPage {
        events: events.iter().map(Event::from).collect(),
        next_page_token: token.as_bytes().to_vec(),
    };
    let single = |event: &HistoryEvent| [page(&[], "more"), page(std::slice::from_ref(event), "more")];
    let pages = view.events.iter().flat_map(single).chain([page(&[], "")]).skip(1).collect();
    let (first, pages) = task_of_pages(&view, pages);
    let mut driver = Driver::new(first);
    driver.pages = pages;
    assert_eq!(driver.run_lang(|_| vec![]), whole);
    assert_eq!(driver.completions().len(), 1);
}

#[test]
fn a_page_that_can_not_be_had_fails_the_task_and_evicts() {
    let (first, _) = paged_task(&many_timers().whole(), 6);
    let mut driver = Driver::new(first);
    driver.run_lang(lang);
    let failure = driver.reports.last().expect("the task fails").failure();
    assert_eq!(failure.failure.message, "Fetching history failed: no more pages");
    assert!(driver.evicted.is_some());
    assert_eq!(driver.ended.len(), 1);
}

/// Tasks in which nothing happens that lang must hear of stand at the borders of pages as well.
#[test]
fn tasks_without_jobs_end_no_page() {
    let mut history = HistoryBuilder::new();
    for seq in 1..=TIMERS {
        history.workflow_task();
        let timer = history.timer_started(&seq.to_string());
        for _ in 0..seq % 4 {
            history.options_updated();
            history.workflow_task();
        }
        history.timer_fired(timer);
    }
    history.workflow_task_pending();
    let (_, whole) = Driver::replay(task(&history.whole()), lang);
    for page_size in 1..=20 {
        let (first, pages) = paged_task(&history.whole(), page_size);
        let mut driver = Driver::new(first);
        driver.pages = pages;
        let paged = driver.run_lang(lang);
        assert_eq!(paged, whole, "page size {page_size}");
    }
}
