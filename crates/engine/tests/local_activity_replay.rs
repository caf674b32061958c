//! Spec 2.3.6, 17(4): local activity results come back in the very activations in which they were delivered at first.

use crate::support::commands::{
    cancel_activity, cancel_local_activity, complete_workflow, schedule_activity, schedule_local_activity, start_timer,
};
use crate::support::names::{command_types, job_names};
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
    try_live(on_first, happenings).expect("all of it can happen")
}

/// Nothing if a heartbeat is wanted while none is due: lang is busy, or all is done. Nor if a result came while lang
/// ended the workflow: it is delivered behind the end, which no history can have.
fn try_live(on_first: OnFirst, happenings: &[Happens]) -> Option<(HistoryBuilder, Vec<Vec<String>>)> {
    let mut history = HistoryBuilder::new();
    history.workflow_task_pending();
    let mut driver = Driver::new(task(&history.whole()));
    let mut seen = vec![];
    let mut tasks = 1;
    let mut recorded = 0;
    for happening in happenings {
        match happening {
            // The workflow has ended, and with it all that it waited for.
            Happens::Ends(_) if driver.cancelled_all > 0 => {}
            Happens::Ends(seq) => driver.resolve(completed_local_activity(*seq)),
            Happens::Answer => {
                let activations = driver.run_lang_until_evicted(|a| answer(on_first, &job_names(a)));
                seen.extend(activations.iter().map(job_names));
            }
            Happens::Heartbeat | Happens::HeartbeatAndSignal => {
                if driver.heartbeat.is_none() || driver.activation.is_some() {
                    return None;
                }
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
    if seen.iter().rposition(|jobs| jobs.contains(&"local-2".to_owned())).is_some_and(|at| at + 1 < seen.len()) {
        return None;
    }
    assert_eq!(driver.completions().len(), recorded + 1, "{on_first:?} {happenings:?} {seen:?}");
    record(&mut history, driver.last_completion());
    Some((history, seen))
}

/// Every order in which two local activities can end, heartbeats with and without a signal lie between, and lang
/// answers at once or is slow.
fn every_order() -> Vec<Vec<Happens>> {
    use Happens::{Answer, Ends, Heartbeat, HeartbeatAndSignal};
    let mut orders = vec![vec![]];
    for happening in [Ends(1), Ends(2), Heartbeat, HeartbeatAndSignal] {
        let with = orders.iter().flat_map(|order: &Vec<Happens>| {
            (0..=order.len()).map(move |at| {
                let mut order = order.clone();
                order.insert(at, happening);
                order
            })
        });
        let with = with.collect::<Vec<_>>();
        // Both must end; heartbeats need not be.
        if matches!(happening, Ends(_)) { orders = with } else { orders.extend(with) }
    }
    let answered = |order: &Vec<Happens>, slow: usize| {
        let mut scenario = vec![Answer];
        for (number, happening) in order.iter().enumerate() {
            scenario.push(*happening);
            if slow >> number & 1 == 0 {
                scenario.push(Answer);
            }
        }
        scenario.push(Answer);
        scenario
    };
    orders.iter().flat_map(|order| (0..1 << order.len()).map(move |slow| answered(order, slow))).collect()
}

/// Upstream: replay_matches_live_activations, which tries some of these orders.
#[test]
fn in_whatever_order_it_happens_replay_gives_the_activations_that_were_live() {
    let mut tried = 0;
    for scenario in every_order() {
        for on_first in [OnFirst::Nothing, OnFirst::CancelActivity, OnFirst::CancelOtherThenActivity] {
            let Some((history, live)) = try_live(on_first, &scenario) else { continue };
            tried += 1;
            let (driver, replayed) = Driver::replay(task(&history.whole()), |a| answer(on_first, &job_names(a)));
            let replayed: Vec<_> = replayed.iter().map(job_names).filter(|jobs| jobs[0] != "evict").collect();
            assert_eq!(replayed, live, "{on_first:?} {scenario:?}");
            assert!(driver.reports.is_empty(), "{on_first:?} {scenario:?}: {:?}", driver.reports);
        }
    }
    assert!(tried > 200, "{tried}");
}

/// Upstream: local_activity_fanout_replay.
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

/// Upstream: cancel_does_not_pull_resolution_from_later_activation.
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

/// Lang with local activities 1 and 2 that completes when both have ended; it can not know which ends first.
fn answer_to_both(jobs: &[String], ended: &mut usize) -> Vec<Variant> {
    if jobs.contains(&"init".to_owned()) {
        return vec![schedule_local_activity(1, TryCancel), schedule_local_activity(2, TryCancel)];
    }
    *ended += jobs.iter().filter(|job| job.starts_with("local-")).count();
    if *ended == 2 { vec![complete_workflow()] } else { vec![] }
}

/// Upstream: replay_out_of_order_local_activity_markers_is_deterministic.
#[test]
fn markers_in_another_order_than_the_commands_replay_in_theirs() {
    let mut history = HistoryBuilder::new();
    history.workflow_task_pending();
    let (mut driver, mut ended, mut seen) = (Driver::new(task(&history.whole())), 0, vec![]);
    for seq in [2, 1] {
        let activations = driver.run_lang_until_evicted(|a| answer_to_both(&job_names(a), &mut ended));
        seen.extend(activations.iter().map(job_names));
        driver.resolve(completed_local_activity(seq));
    }
    seen.extend(driver.run_lang_until_evicted(|a| answer_to_both(&job_names(a), &mut ended)).iter().map(job_names));
    assert_eq!(seen, [["init"], ["local-2"], ["local-1"]]);
    record(&mut history, driver.last_completion());
    for _ in 0..2 {
        let mut ended = 0;
        let (replay, replayed) = Driver::replay(task(&history.whole()), |a| answer_to_both(&job_names(a), &mut ended));
        assert_eq!(replayed.iter().map(job_names).collect::<Vec<_>>(), seen, "{:?}", replay.reports);
    }

    let mut unindexed = HistoryBuilder::new();
    unindexed.workflow_task();
    unindexed.local_activity_marker(&LocalActivityMarker::completed(2));
    unindexed.local_activity_marker(&LocalActivityMarker::completed(1));
    unindexed.execution_completed();
    let mut ended = 0;
    let (_, replayed) = Driver::replay(task(&unindexed.whole()), |a| answer_to_both(&job_names(a), &mut ended));
    assert_eq!(replayed.iter().map(job_names).collect::<Vec<_>>(), [vec!["init"], vec!["local-2", "local-1"]]);
}

/// Upstream: old_batched_local_activity_history_replays. The third is scheduled because of the batch.
#[test]
fn a_batch_of_markers_without_an_index_stops_at_what_is_not_scheduled_yet() {
    let mut history = HistoryBuilder::new();
    history.workflow_task();
    for seq in [2, 1, 3] {
        history.local_activity_marker(&LocalActivityMarker::completed(seq));
    }
    history.workflow_task_pending();
    let (driver, replayed) = Driver::replay(task(&history.whole()), |a| match job_names(a)[0].as_str() {
        "init" => vec![schedule_local_activity(1, TryCancel), schedule_local_activity(2, TryCancel)],
        "local-2" => vec![schedule_local_activity(3, TryCancel)],
        "local-3" => vec![complete_workflow()],
        _ => vec![],
    });
    let jobs: Vec<_> = replayed.iter().map(job_names).collect();
    assert_eq!(jobs, [vec!["init"], vec!["local-2", "local-1"], vec!["local-3"], vec!["evict"]]);
    assert_eq!(command_types(&driver.last_completion().commands), ["CompleteWorkflowExecution"]);
    assert!(driver.local_activities.is_empty(), "nothing is executed again");
}

/// Upstream: histories_without_activation_indices_continue_and_replay.
#[test]
fn a_history_without_indices_goes_on_with_them_and_replays() {
    let lang = |jobs: &[String]| match jobs[0].as_str() {
        "init" => vec![schedule_local_activity(1, TryCancel), schedule_local_activity(2, TryCancel)],
        "local-1" => vec![start_timer(1)],
        "timer-1" => vec![schedule_local_activity(3, TryCancel), schedule_local_activity(4, TryCancel)],
        "local-3" => vec![schedule_local_activity(5, TryCancel)],
        "local-5" => vec![complete_workflow()],
        _ => vec![],
    };
    let mut history = HistoryBuilder::new();
    history.workflow_task();
    history.local_activity_marker(&LocalActivityMarker::completed(1));
    history.local_activity_marker(&LocalActivityMarker::completed(2));
    let timer = history.timer_started("1");
    history.timer_fired(timer);
    history.workflow_task_pending();
    let mut driver = Driver::new(task(&history.whole()));
    let mut seen = vec![];
    for seq in [4, 3, 5] {
        seen.extend(driver.run_lang_until_evicted(|a| lang(&job_names(a))).iter().map(job_names));
        driver.resolve(completed_local_activity(seq));
    }
    seen.extend(driver.run_lang_until_evicted(|a| lang(&job_names(a))).iter().map(job_names));
    let expected =
        [vec!["init"], vec!["local-1", "local-2"], vec!["timer-1"], vec!["local-4"], vec!["local-3"], vec!["local-5"]];
    assert_eq!(seen, expected);
    record(&mut history, driver.last_completion());
    let (replay, replayed) = Driver::replay(task(&history.whole()), |a| lang(&job_names(a)));
    assert_eq!(replayed.iter().map(job_names).collect::<Vec<_>>(), expected, "{:?}", replay.reports);
}

/// Upstream: histories_without_activation_indices_replay_unchanged.
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
