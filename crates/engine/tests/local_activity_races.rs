//! Spec 1.13.6, 2.3.6, 17(6): results of local activities that meet other news, live and in the replay of what came of
//! it.

use crate::support::commands::{
    cancel_activity, cancel_timer, complete_workflow, schedule_activity, schedule_local_activity, start_timer,
};
use crate::support::names::{command_types, job_names};
use crate::support::recorder::record;
use crate::support::{Driver, completed_local_activity, task};
use corewasm_engine::LocalActivityResolution;
use corewasm_testkit::HistoryBuilder;
use temporalio_protos::coresdk::workflow_commands::ActivityCancellationType::TryCancel;
use temporalio_protos::coresdk::workflow_commands::workflow_command::Variant;

/// A run and the service that writes its history.
struct World<L> {
    driver: Driver,
    history: HistoryBuilder,
    lang: L,
    seen: Vec<Vec<String>>,
}

impl<L: FnMut(&[String]) -> Vec<Variant>> World<L> {
    fn new(lang: L) -> Self {
        let mut history = HistoryBuilder::new();
        history.workflow_task_pending();
        let mut world = Self { driver: Driver::new(task(&history.whole())), history, lang, seen: vec![] };
        world.answer_all();
        world
    }

    /// Lang answers one activation.
    fn answer(&mut self) {
        let jobs = self.driver.jobs();
        let commands = (self.lang)(&jobs);
        self.seen.push(jobs);
        self.driver.complete(commands);
    }

    fn answer_all(&mut self) {
        while self.driver.activation.as_ref().is_some_and(|activation| job_names(activation) != ["evict"]) {
            self.answer();
        }
    }

    /// The service writes the last report down, and what else happens; then comes the next task.
    fn next_task(&mut self, happens: impl FnOnce(&mut HistoryBuilder) -> i64) {
        record(&mut self.history, self.driver.last_completion());
        happens(&mut self.history);
        self.history.workflow_task_pending();
        let number = self.history.task_count();
        self.driver.task(task(&self.history.only_task(number)));
    }

    /// The workflow has ended; its history replays.
    fn assert_replays(mut self) {
        record(&mut self.history, self.driver.last_completion());
        let (driver, replayed) =
            Driver::replay(task(&self.history.whole()), |activation| (self.lang)(&job_names(activation)));
        let replayed: Vec<_> = replayed.iter().map(job_names).filter(|jobs| jobs[0] != "evict").collect();
        assert_eq!(replayed, self.seen, "{:?}", driver.reports);
        assert!(driver.reports.is_empty(), "{:?}", driver.reports);
    }
}

/// Upstream: la_resolve_same_time_as_other_cancel. The cancelled activity is first, however fast the local one is.
#[test]
fn a_result_beside_the_cancel_of_an_activity_stays_behind_it() {
    let lang = |jobs: &[String]| match jobs[0].as_str() {
        "init" => vec![schedule_activity(1, TryCancel), start_timer(1)],
        "timer-1" => vec![schedule_local_activity(2, TryCancel), cancel_activity(1)],
        "activity-1" => vec![start_timer(2)],
        "local-2" => vec![complete_workflow()],
        _ => vec![],
    };
    let mut world = World::new(lang);
    world.next_task(|history| history.timer_fired(6));
    world.answer();
    assert_eq!(world.driver.jobs(), ["activity-1"], "its cancellation is known at once");
    world.driver.resolve(completed_local_activity(2));
    assert_eq!(world.driver.jobs(), ["activity-1"], "lang has the activation already");
    world.answer_all();
    assert_eq!(world.seen, [["init"], ["timer-1"], ["activity-1"], ["local-2"]]);
    let types = command_types(&world.driver.last_completion().commands);
    assert_eq!(types, ["RequestCancelActivityTask", "StartTimer", "RecordMarker", "CompleteWorkflowExecution"]);
    world.assert_replays();
}

/// Upstream: repro_nondeterminism_with_timer_bug. The local activity is tried again by a timer of lang's; its end
/// cancels the timer that it raced.
#[test]
fn a_local_activity_that_races_a_timer_replays_with_its_back_off() {
    let lang = |jobs: &[String]| match jobs[0].as_str() {
        "init" => vec![start_timer(1), schedule_local_activity(1, TryCancel)],
        "local-1" => vec![start_timer(2)],
        "timer-2" => vec![schedule_local_activity(2, TryCancel)],
        "local-2" => vec![cancel_timer(1), start_timer(3)],
        "timer-3" => vec![complete_workflow()],
        _ => vec![],
    };
    let mut world = World::new(lang);
    let backoff = Some(prost_types::Duration { seconds: 2, nanos: 0 });
    world.driver.resolve(LocalActivityResolution { backoff, ..completed_local_activity(1) });
    world.answer_all();
    let types = command_types(&world.driver.last_completion().commands);
    assert_eq!(types, ["StartTimer", "RecordMarker", "StartTimer"]);
    world.next_task(|history| history.timer_fired(7));
    world.answer_all();
    world.driver.heartbeat();
    assert!(world.driver.last_completion().force_create_new_task);
    world.driver.resolve(completed_local_activity(2));
    world.next_task(|history| history.last_id());
    world.answer_all();
    let types = command_types(&world.driver.last_completion().commands);
    assert_eq!(types, ["RecordMarker", "CancelTimer", "StartTimer"]);
    world.next_task(|history| history.timer_fired(history.last_id()));
    world.answer_all();
    assert_eq!(world.seen, [["init"], ["local-1"], ["timer-2"], ["local-2"], ["timer-3"]]);
    world.assert_replays();
}

/// A quirk that is kept (docs/notes/quirks.md): the workflow has ended, and lang is given the result all the same.
#[test]
fn a_result_that_comes_while_lang_ends_the_workflow_is_delivered_behind_its_end() {
    let lang = |jobs: &[String]| match jobs[0].as_str() {
        "init" => vec![schedule_local_activity(1, TryCancel), schedule_local_activity(2, TryCancel)],
        "local-1" => vec![complete_workflow()],
        _ => vec![],
    };
    let mut world = World::new(lang);
    world.driver.resolve(completed_local_activity(1));
    world.driver.resolve(completed_local_activity(2));
    world.answer_all();
    assert_eq!(world.seen, [["init"], ["local-1"], ["local-2"]]);
    let types = command_types(&world.driver.last_completion().commands);
    assert_eq!(types, ["RecordMarker", "CompleteWorkflowExecution", "RecordMarker"]);
}

/// A result between two tasks comes behind the news of the second, in the same activation.
#[test]
fn a_result_between_tasks_joins_the_news_of_the_next() {
    let lang = |jobs: &[String]| match jobs[0].as_str() {
        "init" => vec![schedule_local_activity(1, TryCancel), start_timer(1)],
        "timer-1" => vec![complete_workflow()],
        _ => vec![],
    };
    let mut world = World::new(lang);
    world.driver.heartbeat();
    world.driver.resolve(completed_local_activity(1));
    assert!(world.driver.activation.is_none(), "without a task lang is not woken");
    world.next_task(|history| history.timer_fired(5));
    assert_eq!(world.driver.jobs(), ["timer-1", "local-1"]);
    world.answer_all();
    world.assert_replays();
}
