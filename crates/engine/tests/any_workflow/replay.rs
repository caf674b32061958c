//! A worker's replay of a run that was lived through, compared with life.

#![allow(unreachable_pub, missing_docs)]

use std::collections::{BTreeSet, VecDeque};

use corewasm_engine::history::HistoryPage;
use corewasm_engine::output::TaskCompletion;
use corewasm_engine::{LocalActivityResolution, PreparedTask};
use temporalio_protos::coresdk::workflow_activation::{WorkflowActivation, WorkflowActivationJob};
use temporalio_protos::temporal::api::command::v1::Command;
use temporalio_protos::temporal::api::failure::v1::failure::FailureInfo;

use super::lang::{Lang, Script, is_remembered};
use super::{Input, Task};
use crate::support::recorder::{forget_in_marker, forget_marker_times};
use crate::support::{Driver, Report};

/// A worker with the run in its cache.
pub struct Worker<'a> {
    pub driver: Driver,
    pub lang: Lang<'a>,
    resolved: BTreeSet<u32>,
    /// The time in replay is not that in life any more.
    pub has_joined_tasks: bool,
}

impl<'a> Worker<'a> {
    /// Meets the run for the first time, with this task.
    pub fn new(script: &'a Script, task: PreparedTask) -> Self {
        Self::in_pages(script, task, VecDeque::new())
    }

    /// Meets the run for the first time, with a task whose history goes on in these pages.
    pub fn in_pages(script: &'a Script, task: PreparedTask, pages: VecDeque<HistoryPage>) -> Self {
        let mut driver = Driver::new_holding(task);
        driver.pages = pages;
        Self { driver, lang: Lang::new(script), resolved: BTreeSet::new(), has_joined_tasks: false }
    }

    /// Replays all tasks before the last.
    pub fn catch_up(&mut self, before: &[Task]) {
        for (number, task) in before.iter().enumerate() {
            self.has_joined_tasks |= task.is_joined;
            for expected in &task.activations {
                self.skip_what_is_not_remembered();
                let activation = self.driver.activation.clone();
                let activation =
                    activation.unwrap_or_else(|| panic!("task {number}: no activation, {:?}", self.driver.held));
                assert_same(&activation, expected, number, !self.has_joined_tasks);
                self.answer();
            }
        }
        self.tell_silent();
    }

    /// Plays the last task as it was lived through; what it is completed with.
    pub fn play(&mut self, task: &Task, number: usize) -> Option<TaskCompletion> {
        let mut expected = task.activations.iter();
        for input in &task.inputs {
            self.skip_what_is_not_remembered();
            match input {
                Input::Answer => {
                    let activation = self.driver.activation.clone().expect("an activation, as in life");
                    assert_same(
                        &activation,
                        expected.next().expect("one for each answer"),
                        number,
                        !self.has_joined_tasks,
                    );
                    self.answer();
                }
                Input::Resolve(resolution) => self.resolve(LocalActivityResolution::clone(resolution)),
                // A cancelled local activity may still execute where it began, and keep the task open. Nobody else
                // executes it: its marker is written (docs/notes/quirks.md).
                Input::Heartbeat { awaited: false } if self.driver.heartbeat.is_none() => {}
                Input::Heartbeat { .. } => self.driver.heartbeat(),
            }
        }
        self.skip_what_is_not_remembered();
        let (report, ..) = self.driver.held.pop_front()?;
        match report.expect("what was not silent") {
            Report::Complete(completion) => Some(completion),
            other => panic!("task {number}: no completion: {other:?}"),
        }
    }

    pub(super) fn answer(&mut self) {
        let activation = self.driver.activation().clone();
        let commands = self.lang.answer(&activation);
        self.driver.complete(commands);
        self.tell_silent();
    }

    fn skip_what_is_not_remembered(&mut self) {
        self.tell_silent();
        while self.driver.activation.as_ref().is_some_and(|activation| remembered(activation).is_none()) {
            self.answer();
        }
    }

    pub(super) fn tell_silent(&mut self) {
        while matches!(self.driver.held.front(), Some((None, ..))) {
            self.driver.tell();
        }
    }

    pub(super) fn executing(&self) -> Vec<u32> {
        let given = self.driver.local_activities.iter().map(|execution| execution.schedule.seq);
        given.filter(|seq| !self.resolved.contains(seq)).collect()
    }

    pub(super) fn resolve(&mut self, resolution: LocalActivityResolution) {
        if self.executing().contains(&resolution.seq) {
            self.resolved.insert(resolution.seq);
            self.driver.resolve(resolution);
            self.tell_silent();
        }
    }
}

/// The activation as history tells of it, if it does.
pub fn remembered(activation: &WorkflowActivation) -> Option<Vec<WorkflowActivationJob>> {
    let jobs = activation.jobs.iter().filter(|job| job.variant.as_ref().is_some_and(is_remembered));
    let jobs: Vec<_> = jobs.cloned().map(normal).collect();
    (!jobs.is_empty()).then_some(jobs)
}

/// A local activity that timed out is wrapped in life and bare in replay (docs/notes/quirks.md).
fn normal(mut job: WorkflowActivationJob) -> WorkflowActivationJob {
    use temporalio_protos::coresdk::activity_result::activity_resolution::Status;
    use temporalio_protos::coresdk::workflow_activation::workflow_activation_job::Variant;
    if let Some(Variant::ResolveActivity(resolved)) = &mut job.variant
        && resolved.is_local
        && let Some(Status::Failed(failed)) = resolved.result.as_mut().and_then(|result| result.status.as_mut())
        && let Some(failure) = &mut failed.failure
        && let Some(FailureInfo::ActivityFailureInfo(_)) = &failure.failure_info
        && failure.message == "Local Activity timed out"
        && let Some(cause) = failure.cause.take()
    {
        *failure = *cause;
    }
    // What was accepted once is not validated again.
    if let Some(Variant::DoUpdate(update)) = &mut job.variant {
        update.run_validator = true;
    }
    job
}

fn assert_same(replayed: &WorkflowActivation, lived: &WorkflowActivation, task: usize, at_the_same_time: bool) {
    pretty_assert(&remembered(replayed), &remembered(lived), &format!("activation of task {task}"));
    let jobs = crate::support::names::job_names(lived);
    if !at_the_same_time {
        return;
    }
    pretty_assert(&replayed.timestamp, &lived.timestamp, &format!("time of activation {jobs:?} of task {task}"));
}

fn pretty_assert<T: PartialEq + std::fmt::Debug>(replayed: &T, lived: &T, what: &str) {
    assert!(replayed == lived, "{what}: replayed {replayed:#?}\nlived {lived:#?}");
}

/// The completion is the one that was given in life.
pub fn assert_completes_as(task: &Task, completion: &TaskCompletion, number: usize, has_joined_tasks: bool) {
    let timeless = |commands: &[Command]| {
        let mut commands = commands.to_vec();
        commands.iter_mut().for_each(forget_marker_times);
        if has_joined_tasks {
            commands.iter_mut().for_each(|command| forget_in_marker(command, "activation_index"));
        }
        commands
    };
    pretty_assert(&timeless(&completion.commands), &timeless(&task.commands), &format!("commands of task {number}"));
    pretty_assert(&completion.messages, &task.answers, &format!("messages of task {number}"));
}
