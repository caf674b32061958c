//! Spec 2.3.6, 17(4): local activity results come back in the very activations in which they were delivered at first.

use crate::support::commands::{
    cancel_activity, cancel_local_activity, complete_workflow, schedule_activity, schedule_local_activity,
};
use crate::support::names::job_names;
use crate::support::recorder::record;
use crate::support::{Driver, completed_local_activity, task};
use corewasm_testkit::HistoryBuilder;
use corewasm_testkit::history::LocalActivityMarker;
use temporalio_protos::coresdk::workflow_commands::ActivityCancellationType::TryCancel;
use temporalio_protos::coresdk::workflow_commands::workflow_command::Variant;

/// What the workflow does about its first result.
#[derive(Clone, Copy, Debug)]
enum OnFirst {
    Nothing,
    CancelActivity,
    CancelOtherThenActivity,
}

/// What happens around the workflow.
#[derive(Clone, Copy, Debug)]
enum Happens {
    /// A local activity ends; lang does not get to see it yet if it is busy.
    Ends(u32),
    /// Lang answers until there is nothing left to answer.
    Answer,
    /// The heartbeat is due, and the service gives another task.
    Heartbeat,
    /// The same, and a signal has come.
    HeartbeatAndSignal,
}

/// Local activities 1 and 2 and activity 3 at once; completes when 2 has ended.
fn answer(on_first: OnFirst, jobs: &[String]) -> Vec<Variant> {
    let has = |name: &str| jobs.iter().any(|job| job == name);
    if has("init") {
        return vec![
            schedule_local_activity(1, TryCancel),
            schedule_local_activity(2, TryCancel),
            schedule_activity(3, TryCancel),
        ];
    }
    if has("local-2") {
        return vec![complete_workflow()];
    }
    match on_first {
        _ if !has("local-1") => vec![],
        OnFirst::Nothing => vec![],
        OnFirst::CancelActivity => vec![cancel_activity(3)],
        OnFirst::CancelOtherThenActivity => vec![cancel_local_activity(2), cancel_activity(3)],
    }
}

fn live(on_first: OnFirst, happenings: &[Happens]) -> (HistoryBuilder, Vec<Vec<String>>) {
    let mut history = HistoryBuilder::new();
    history.workflow_task_pending();
    let mut driver = Driver::new(task(&history.whole()));
    let mut seen = vec![];
    let mut tasks = 1;
    let mut recorded = 0;
    for happening in happenings {
        match happening {
            Happens::Ends(seq) => driver.resolve(completed_local_activity(*seq)),
            Happens::Answer => {
                let activations = driver.run_lang_until_evicted(|a| answer(on_first, &job_names(a)));
                seen.extend(activations.iter().map(job_names));
            }
            Happens::Heartbeat | Happens::HeartbeatAndSignal => {
                driver.heartbeat();
                record(&mut history, driver.last_completion());
                recorded += 1;
                if matches!(happening, Happens::HeartbeatAndSignal) {
                    history.signaled("poke");
                }
                history.workflow_task_pending();
                tasks += 1;
                driver.task(task(&history.only_task(tasks)));
            }
        }
    }
    assert_eq!(driver.completions().len(), recorded + 1, "{on_first:?} {happenings:?} {seen:?}");
    record(&mut history, driver.last_completion());
    (history, seen)
}

#[test]
fn replay_gives_the_activations_that_were_live() {
    use Happens::{Answer, Ends, Heartbeat, HeartbeatAndSignal};
    let scenarios: &[&[Happens]] = &[
        // One after the other.
        &[Answer, Ends(1), Answer, Ends(2), Answer],
        // The other way round: 2 ends the workflow.
        &[Answer, Ends(2), Answer],
        // The second while lang is busy with the first: one activation each.
        &[Answer, Ends(1), Ends(2), Answer],
        // Over heartbeats.
        &[Answer, Heartbeat, Ends(1), Answer, Ends(2), Answer],
        &[Answer, Ends(1), Answer, Heartbeat, Ends(2), Answer],
        &[Answer, Ends(1), Answer, HeartbeatAndSignal, Answer, Ends(2), Answer],
        &[Answer, HeartbeatAndSignal, Ends(1), Answer, Ends(2), Answer],
    ];
    for on_first in [OnFirst::Nothing, OnFirst::CancelActivity] {
        for scenario in scenarios {
            let (history, live) = live(on_first, scenario);
            let (driver, replayed) = Driver::replay(task(&history.whole()), |a| answer(on_first, &job_names(a)));
            let replayed: Vec<_> = replayed.iter().map(job_names).filter(|jobs| jobs[0] != "evict").collect();
            assert_eq!(replayed, live, "{on_first:?} {scenario:?}");
            assert!(driver.reports.is_empty(), "{on_first:?} {scenario:?}: {:?}", driver.reports);
        }
    }
}

#[test]
fn a_cancel_does_not_pull_a_result_out_of_a_later_activation() {
    use Happens::{Answer, Ends};
    let on_first = OnFirst::CancelOtherThenActivity;
    let (history, live) = live(on_first, &[Answer, Ends(1), Answer]);
    let (driver, replayed) = Driver::replay(task(&history.whole()), |a| answer(on_first, &job_names(a)));
    let replayed: Vec<_> = replayed.iter().map(job_names).filter(|jobs| jobs[0] != "evict").collect();
    assert_eq!(replayed, live);
    assert!(driver.reports.is_empty(), "{:?}", driver.reports);
}

#[test]
fn markers_without_an_index_are_applied_together_as_they_once_were() {
    let mut history = HistoryBuilder::new();
    history.workflow_task();
    history.local_activity_marker(&LocalActivityMarker::completed(1));
    history.local_activity_marker(&LocalActivityMarker::completed(2));
    history.execution_completed();
    let (driver, replayed) =
        Driver::replay(task(&history.whole()), |activation| match job_names(activation)[0].as_str() {
            "init" => vec![schedule_local_activity(1, TryCancel), schedule_local_activity(2, TryCancel)],
            "local-1" => vec![complete_workflow()],
            _ => vec![],
        });
    let jobs: Vec<_> = replayed.iter().map(job_names).collect();
    assert_eq!(jobs[1], ["local-1", "local-2"]);
    assert!(driver.reports.is_empty(), "{:?}", driver.reports);
    assert!(driver.local_activities.is_empty(), "nothing is executed in replay");
}

#[test]
fn a_local_activity_without_a_marker_is_executed_once_replay_is_over() {
    let mut history = HistoryBuilder::new();
    history.workflow_task();
    history.workflow_task_pending();
    let mut driver = Driver::new(task(&history.whole()));
    driver.complete([schedule_local_activity(1, TryCancel)]);
    assert_eq!(driver.local_activities.len(), 1);
    driver.resolve(completed_local_activity(1));
    assert_eq!(driver.jobs(), ["local-1"]);
}

#[test]
fn another_activity_type_than_the_markers_is_nondeterminism() {
    let mut history = HistoryBuilder::new();
    history.workflow_task_pending();
    let completed = history.workflow_task_completed();
    history.flags(completed, &[1], &[]);
    let marker = LocalActivityMarker { activity_type: "other".to_owned(), ..LocalActivityMarker::completed(1) };
    history.local_activity_marker(&marker);
    history.workflow_task_pending();
    let mut driver = Driver::new(task(&history.whole()));
    driver.complete([schedule_local_activity(1, TryCancel)]);
    driver.complete([]);
    let failure = driver.reports.last().expect("the task fails").failure();
    assert_eq!(
        failure.failure.message,
        "[TMPRL1100] Nondeterminism error: Activity type of recorded marker 'other' does not match activity type of \
         local activity command 'activity'"
    );
}
