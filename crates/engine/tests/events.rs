//! Spec 1.4, 1.5.7, 1.5.8, 1.5.13, 17(1): events that end, repeat or skip what comes before them.

use crate::support::commands::start_timer;
use crate::support::names::job_names;
use crate::support::{Driver, task};
use corewasm_testkit::HistoryBuilder;
use temporalio_protos::coresdk::workflow_activation::workflow_activation_job::Variant;
use temporalio_protos::temporal::api::enums::v1::WorkflowTaskFailedCause;

fn jobs_of(history: &HistoryBuilder) -> Vec<Vec<String>> {
    let (driver, activations) =
        Driver::replay(task(&history.whole()), |activation| match job_names(activation)[0].as_str() {
            "init" => vec![start_timer(1)],
            _ => vec![],
        });
    assert!(
        driver.reports.iter().all(|report| matches!(report, crate::support::Report::Complete(_))),
        "{:?}",
        driver.reports
    );
    activations.iter().map(job_names).collect()
}

#[test]
fn failed_and_timed_out_tasks_leave_no_trace() {
    let mut history = HistoryBuilder::new();
    history.workflow_task_pending();
    history.workflow_task_failed(WorkflowTaskFailedCause::WorkflowWorkerUnhandledFailure);
    history.workflow_task_pending();
    history.workflow_task_timed_out();
    history.workflow_task();
    history.timer_started("1");
    history.signaled("one");
    history.workflow_task_pending();
    history.workflow_task_timed_out();
    history.signaled("two");
    history.workflow_task_pending();
    assert_eq!(jobs_of(&history), [vec!["init"], vec!["signal-one", "signal-two"]]);
}

#[test]
fn heartbeats_merge_with_what_follows_them() {
    let mut history = HistoryBuilder::new();
    history.workflow_task();
    history.timer_started("1");
    history.signaled("one");
    history.workflow_task();
    history.workflow_task();
    history.workflow_task();
    history.signaled("two");
    history.workflow_task_pending();
    let jobs = jobs_of(&history);
    assert_eq!(jobs.concat(), ["init", "signal-one", "signal-two"]);
}

#[test]
fn a_reset_gives_the_workflow_other_random_numbers() {
    let mut history = HistoryBuilder::new();
    history.workflow_task();
    history.timer_started("1");
    history.workflow_task_pending();
    history.workflow_task_failed_by_reset("c7d6d7a2-5b6c-4a53-8f6e-0123456789ab");
    history.workflow_task_pending();
    let mut driver = Driver::new(task(&history.whole()));
    driver.complete([start_timer(1)]);
    let Some(Variant::UpdateRandomSeed(seed)) = &driver.activation().jobs[0].variant else {
        panic!("a new seed: {:?}", driver.jobs());
    };
    assert_eq!(seed.randomness_seed, 13_997_999_225_924_932_453);
}

#[test]
fn what_a_worker_may_ignore_is_ignored() {
    let mut history = HistoryBuilder::new();
    history.add_unknown(true);
    let options = history.options_updated();
    history.edit(options, |event| event.worker_may_ignore = true);
    history.workflow_task_pending();
    let driver = Driver::new(task(&history.whole()));
    assert_eq!(driver.jobs(), ["init"]);
    assert_eq!(driver.activation().history_length, 5);
}

#[test]
fn what_it_may_not_ignore_is_fatal() {
    let mut history = HistoryBuilder::new();
    history.add_unknown(false);
    history.workflow_task_pending();
    let driver = Driver::new(task(&history.whole()));
    let failure = driver.reports.last().expect("the task fails").failure();
    assert!(
        failure.failure.message.starts_with(
            "Fatal error in workflow machines: Event type is unspecified! This history is invalid. Event detail: "
        ),
        "{}",
        failure.failure.message
    );
}

#[test]
fn a_workflow_ended_from_outside_replays_to_its_end() {
    let ends: [fn(&mut HistoryBuilder) -> i64; 2] =
        [HistoryBuilder::execution_terminated, HistoryBuilder::execution_timed_out];
    for end in ends {
        let mut history = HistoryBuilder::new();
        history.workflow_task();
        history.timer_started("1");
        history.signaled("one");
        end(&mut history);
        let mut driver = Driver::new(task(&history.whole()));
        driver.complete([start_timer(1)]);
        assert!(driver.activation.is_none(), "lang is not bothered with what came before the end");
        assert!(driver.reports.is_empty(), "{:?}", driver.reports);
        assert_eq!(driver.ended.len(), 1);
    }
}
