//! Random histories that a service could have recorded, for property tests.
//!
//! A history is made of rounds: things happen, a workflow task is scheduled and ends in some way; if it was completed
//! its commands follow. Only what is open goes on: timers that were started fire, children that were initiated start,
//! and so on.

mod open;

use proptest::prelude::*;
use serde_json::Value;
use temporalio_protos::temporal::api::enums::v1::{EventType, WorkflowTaskFailedCause};
use temporalio_protos::temporal::api::history::v1::HistoryEvent;

use super::{HistoryBuilder, LocalActivityMarker, json};
use open::Open;

/// Of a Core that knows all rules: the marker of a patch has an upsert beside it only by one of them.
const CORE_FLAGS: [u32; 4] = [1, 2, 3, 4];

/// Something that happens to the execution from outside.
#[derive(Clone, Copy, Debug)]
enum Happening {
    Signal,
    CancelRequest,
    OptionsUpdate,
    UpdateAdmitted,
    /// The open thing with this number, modulo their count, goes on.
    Progress(usize),
}

/// What a completed workflow task asks for.
#[derive(Clone, Copy, Debug)]
enum Command {
    Timer,
    Activity,
    Child,
    Nexus,
    SignalExternal,
    CancelExternal,
    LocalActivity {
        indexed: bool,
    },
    Patch {
        deprecated: bool,
    },
    Update {
        /// Of an admitted one, if there is any.
        admitted: bool,
        completed: bool,
    },
    Properties,
    SearchAttributes,
    /// The timer, activity, child or operation with this number, modulo their count, is to be cancelled: one that an
    /// earlier task began.
    Cancel(usize),
}

/// How a workflow task ends.
#[derive(Clone, Debug)]
enum TaskEnd {
    /// With these commands; with none it was a heartbeat, or there was nothing to do.
    Completed(Vec<Command>),
    Failed,
    TimedOut,
    /// The run was reset to this place.
    Reset,
    /// It never started: it is rescheduled.
    NeverStarted,
}

/// Things happen, then a workflow task.
#[derive(Clone, Debug)]
struct Round {
    before: Vec<Happening>,
    /// While the task is scheduled but not started.
    scheduled: Vec<Happening>,
    end: TaskEnd,
}

/// How the history ends.
#[derive(Clone, Copy, Debug)]
enum End {
    /// After the last round, whatever that was.
    Open,
    /// With a workflow task that a worker has now.
    Pending,
    /// By the workflow's own command.
    Completed,
    Failed,
    Canceled,
    ContinuedAsNew,
    /// From outside, between tasks or while a task is with a worker.
    Terminated {
        during_task: bool,
    },
    TimedOut {
        during_task: bool,
    },
}

/// Histories of up to this many rounds, of every kind of event, ended in any way.
pub fn any_history(rounds: usize) -> impl Strategy<Value = HistoryBuilder> {
    (prop::collection::vec(round(), 0..=rounds), end()).prop_map(|(rounds, end)| build(&rounds, end))
}

/// Page sizes for [`HistoryBuilder::pages`]: small ones, and empty pages between.
pub fn any_page_sizes() -> impl Strategy<Value = Vec<usize>> {
    (prop::collection::vec(0_usize..9, 0..6), 1_usize..9).prop_map(|(mut sizes, last)| {
        sizes.push(last);
        sizes
    })
}

fn round() -> impl Strategy<Value = Round> {
    let end = prop_oneof![
        6 => prop::collection::vec(command(), 0..4).prop_map(TaskEnd::Completed),
        2 => Just(TaskEnd::Completed(Vec::new())),
        1 => Just(TaskEnd::Failed),
        1 => Just(TaskEnd::TimedOut),
        1 => Just(TaskEnd::Reset),
        1 => Just(TaskEnd::NeverStarted),
    ];
    let happenings = |most| prop::collection::vec(happening(), 0..most);
    (happenings(3), happenings(2), end).prop_map(|(before, scheduled, end)| Round { before, scheduled, end })
}

fn happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        2 => Just(Happening::Signal),
        1 => Just(Happening::CancelRequest),
        1 => Just(Happening::OptionsUpdate),
        1 => Just(Happening::UpdateAdmitted),
        6 => any::<usize>().prop_map(Happening::Progress),
    ]
}

fn command() -> impl Strategy<Value = Command> {
    prop_oneof![
        2 => Just(Command::Timer),
        2 => Just(Command::Activity),
        2 => Just(Command::Child),
        2 => Just(Command::Nexus),
        1 => Just(Command::SignalExternal),
        1 => Just(Command::CancelExternal),
        1 => any::<bool>().prop_map(|indexed| Command::LocalActivity { indexed }),
        1 => any::<bool>().prop_map(|deprecated| Command::Patch { deprecated }),
        1 => any::<(bool, bool)>().prop_map(|(admitted, completed)| Command::Update { admitted, completed }),
        1 => Just(Command::Properties),
        1 => Just(Command::SearchAttributes),
        3 => any::<usize>().prop_map(Command::Cancel),
    ]
}

fn end() -> impl Strategy<Value = End> {
    prop_oneof![
        Just(End::Open),
        Just(End::Pending),
        Just(End::Completed),
        Just(End::Failed),
        Just(End::Canceled),
        Just(End::ContinuedAsNew),
        any::<bool>().prop_map(|during_task| End::Terminated { during_task }),
        any::<bool>().prop_map(|during_task| End::TimedOut { during_task }),
    ]
}

fn build(rounds: &[Round], end: End) -> HistoryBuilder {
    let (history, open) = (HistoryBuilder::new(), Open::default());
    let mut recorder = Recorder { history, open, next: 1, admitted: Vec::new(), resolutions: 0 };
    for round in rounds {
        recorder.round(round);
    }
    recorder.end(end);
    recorder.history
}

struct Recorder {
    history: HistoryBuilder,
    open: Open,
    /// Lang's next sequence number, also used to name things.
    next: u32,
    /// Updates that the service admitted since the last completed task: their ids and events.
    admitted: Vec<(String, i64)>,
    /// Of local activities, in this task.
    resolutions: u64,
}

impl Recorder {
    fn round(&mut self, round: &Round) {
        self.happen(&round.before);
        if matches!(&round.end, TaskEnd::Completed(commands) if !commands.is_empty()) {
            self.give_cause();
        }
        self.history.workflow_task_scheduled();
        self.happen(&round.scheduled);
        if matches!(round.end, TaskEnd::NeverStarted) {
            self.history.workflow_task_timed_out();
            return;
        }
        self.history.workflow_task_started();
        self.end_task(&round.end);
    }

    /// A workflow does nothing unless it is told something: it is if this did not happen since it did something last.
    fn give_cause(&mut self) {
        let events = self.history.events();
        let completed = events.iter().rposition(|event| event.event_type() == EventType::WorkflowTaskCompleted);
        let news = events.split_at(completed.unwrap_or_default()).1;
        let is_told = |event: &HistoryEvent| {
            matches!(event.event_type(), EventType::WorkflowExecutionStarted | EventType::WorkflowExecutionSignaled)
        };
        if !news.iter().any(is_told) {
            self.history.signaled("signal");
        }
    }

    fn end_task(&mut self, end: &TaskEnd) {
        match end {
            TaskEnd::Failed => {
                self.history.workflow_task_failed(WorkflowTaskFailedCause::UnhandledCommand);
            }
            TaskEnd::TimedOut | TaskEnd::NeverStarted => {
                self.history.workflow_task_timed_out();
            }
            TaskEnd::Reset => {
                self.history.workflow_task_failed_by_reset("run-id-after-reset");
            }
            TaskEnd::Completed(commands) => {
                let completed = self.history.workflow_task_completed();
                self.history.flags(completed, &CORE_FLAGS, &[]);
                self.resolutions = 0;
                for command in commands {
                    self.record(*command, completed);
                }
                self.admitted.clear();
            }
        }
    }

    fn happen(&mut self, happenings: &[Happening]) {
        for happening in happenings {
            match happening {
                Happening::Signal => drop(self.history.signaled("signal")),
                Happening::CancelRequest => drop(self.history.cancel_requested("no longer needed")),
                Happening::OptionsUpdate => drop(self.history.options_updated()),
                Happening::UpdateAdmitted => {
                    let id = self.name("admitted");
                    let event_id = self.history.update_admitted(&id, "update");
                    self.admitted.push((id, event_id));
                }
                Happening::Progress(which) => self.open.progress(*which, &mut self.history),
            }
        }
    }

    fn record(&mut self, command: Command, completed: i64) {
        let seq = self.next.to_string();
        match command {
            Command::Timer => self.open.timer(self.history.timer_started(&seq)),
            Command::Activity => self.open.activity(self.history.activity_scheduled(&seq)),
            Command::Child => self.open.child(self.history.child_initiated(&format!("child-{seq}"), "Child")),
            Command::Nexus => self.open.nexus(self.history.nexus_scheduled("service", "operation")),
            Command::SignalExternal => self.open.signal(self.history.signal_external_initiated("other", "signal")),
            Command::CancelExternal => self.open.cancel_external(self.history.cancel_external_initiated("other")),
            Command::LocalActivity { indexed } => self.local_activity(indexed),
            Command::Patch { deprecated } => self.patch(deprecated),
            Command::Update { admitted, completed } => self.update(admitted, completed),
            Command::Properties => {
                self.history.properties_modified([("key".to_owned(), json(&Value::Null))].into());
            }
            Command::SearchAttributes => {
                self.history.search_attributes_upserted([("key".to_owned(), json(&Value::Null))].into());
            }
            Command::Cancel(which) => self.open.cancel(which, completed, &mut self.history),
        }
        self.next += 1;
    }

    /// One after the other: each result comes with an activation of its own, behind the first.
    fn local_activity(&mut self, indexed: bool) {
        let marker = LocalActivityMarker::completed(self.next);
        self.resolutions += 1;
        let activation_index = indexed.then_some(self.resolutions);
        self.history.local_activity_marker(&LocalActivityMarker { activation_index, ..marker });
    }

    fn patch(&mut self, deprecated: bool) {
        let id = self.name("patch");
        self.history.patch_marker(&id, deprecated);
        self.history.patch_search_attribute(&[&id]);
    }

    fn update(&mut self, admitted: bool, completed: bool) {
        let accepted = match self.admitted.pop().filter(|_| admitted) {
            Some((id, event_id)) => self.history.update_accepted_after_admission(&id, event_id),
            None => {
                let id = self.name("update");
                self.history.update_accepted(&id, "update")
            }
        };
        if completed {
            self.history.update_completed(accepted, json(&Value::Null));
        }
    }

    fn end(&mut self, end: End) {
        match end {
            End::Open => {}
            End::Pending => drop(self.history.workflow_task_pending()),
            End::Completed => self.end_by_command(HistoryBuilder::execution_completed),
            End::Failed => self.end_by_command(|history| history.execution_failed("broken")),
            End::Canceled => self.end_by_command(HistoryBuilder::execution_canceled),
            End::ContinuedAsNew => self.end_by_command(HistoryBuilder::continued_as_new),
            End::Terminated { during_task } => {
                self.end_from_outside(during_task, HistoryBuilder::execution_terminated);
            }
            End::TimedOut { during_task } => self.end_from_outside(during_task, HistoryBuilder::execution_timed_out),
        }
    }

    fn end_by_command(&mut self, command: impl FnOnce(&mut HistoryBuilder) -> i64) {
        self.give_cause();
        self.history.workflow_task();
        command(&mut self.history);
    }

    fn end_from_outside(&mut self, during_task: bool, event: impl FnOnce(&mut HistoryBuilder) -> i64) {
        if during_task {
            self.history.workflow_task_pending();
        }
        event(&mut self.history);
    }

    fn name(&mut self, kind: &str) -> String {
        self.next += 1;
        format!("{kind}-{}", self.next)
    }
}
