//! A worker, its service and the world outside, on any workflow: lives through a run and remembers all there was to
//! see.

#![allow(unreachable_pub, missing_docs)]

pub mod lang;
pub mod replay;
mod service;

use std::time::Duration;

use corewasm_engine::{LocalActivityResolution, LocalActivityResult, PreparedTask};
use corewasm_testkit::{HistoryBuilder, TaskView};
use proptest::prelude::*;
use temporalio_protos::coresdk::activity_result::{Cancellation, Failure as ActivityFailure, Success};
use temporalio_protos::coresdk::workflow_activation::WorkflowActivation;
use temporalio_protos::temporal::api::command::v1::Command;
use temporalio_protos::temporal::api::enums::v1::{EventType, TimeoutType};
use temporalio_protos::temporal::api::failure::v1::failure::FailureInfo;
use temporalio_protos::temporal::api::failure::v1::{Failure, TimeoutFailureInfo};
use temporalio_protos::temporal::api::protocol::v1::Message;

use self::lang::{Script, any_script};
use self::replay::{Worker, remembered};
use self::service::Service;
use crate::support::recorder::update_message;
use crate::support::{Report, legacy_query, task};

const MOST_STEPS: usize = 400;

/// A workflow and what befalls it.
#[derive(Clone, Debug)]
pub struct Plan {
    pub script: Script,
    /// Each decides one thing; when they are used up nothing more happens.
    pub choices: Vec<u16>,
}

pub fn any_plan() -> impl Strategy<Value = Plan> {
    (any_script(), prop::collection::vec(any::<u16>(), 0..120)).prop_map(|(script, choices)| Plan { script, choices })
}

/// What a worker was told during a task, in order.
#[derive(Clone, Debug)]
pub enum Input {
    /// Lang answers an activation of which history tells.
    Answer,
    Resolve(Box<LocalActivityResolution>),
    /// The task was kept open for longer than it may be; `awaited`: for a result that the workflow waits for.
    Heartbeat {
        awaited: bool,
    },
}

/// A workflow task as it was lived through.
#[derive(Clone, Debug, Default)]
pub struct Task {
    pub inputs: Vec<Input>,
    pub messages: Vec<Message>,
    /// Those of which history tells.
    pub activations: Vec<WorkflowActivation>,
    pub commands: Vec<Command>,
    pub answers: Vec<Message>,
    /// An update came with a task right behind one without commands. A worker that meets the run with this task takes
    /// both for one, and the update for an earlier one than it was (docs/notes/quirks.md).
    pub joins_the_last: bool,
    /// The next task began right behind this one, without commands in between: replay takes both for one, which began
    /// when the last did.
    pub is_joined: bool,
}

/// A run that was lived through.
#[derive(Debug)]
pub struct Life {
    pub history: HistoryBuilder,
    /// One for each task of the history.
    pub tasks: Vec<Task>,
    /// The last task was completed.
    pub is_answered: bool,
}

/// Lives through the plan. Whenever the worker loses the run in between, its replay is compared with what went before.
pub fn live(plan: &Plan) -> Life {
    let mut world = World::new(plan);
    for _ in 0..MOST_STEPS {
        if world.is_over() {
            break;
        }
        world.step();
    }
    world.into_life()
}

struct World<'a> {
    script: &'a Script,
    choices: std::slice::Iter<'a, u16>,
    service: Service,
    worker: Worker<'a>,
    tasks: Vec<Task>,
    /// Happen when the task is over.
    buffered: Vec<usize>,
    /// Requests that a worker did not answer yet.
    updates: Vec<String>,
    update_count: usize,
    has_task: bool,
    /// Number of events before the task, if nothing but an update calls for it.
    speculative: Option<usize>,
    stopped: bool,
}

impl<'a> World<'a> {
    fn new(plan: &'a Plan) -> Self {
        let mut service = Service::new();
        service.history.workflow_task_pending();
        let worker = Worker::new(&plan.script, task(&service.history.up_to_task(1)));
        Self {
            script: &plan.script,
            choices: plan.choices.iter(),
            service,
            worker,
            tasks: vec![Task::default()],
            buffered: vec![],
            updates: vec![],
            update_count: 0,
            has_task: true,
            speculative: None,
            stopped: false,
        }
    }

    fn is_over(&self) -> bool {
        self.stopped || (!self.has_task && (self.choices.len() == 0 || self.worker.lang.ended))
    }

    fn into_life(self) -> Life {
        Life { is_answered: !self.has_task, history: self.service.history, tasks: self.tasks }
    }

    fn choose(&mut self) -> usize {
        self.choices.next().copied().map_or(0, usize::from)
    }

    fn step(&mut self) {
        if self.worker.driver.activation.is_some() {
            return self.step_with_activation();
        }
        if !self.worker.driver.held.is_empty() {
            return self.complete_task();
        }
        if self.has_task { self.wait() } else { self.rest() }
    }

    fn step_with_activation(&mut self) {
        let choice = self.choose();
        match choice % 16 {
            0..11 => self.answer(),
            11 => self.lose_task(),
            12 | 13 => self.buffered.push(choice / 16),
            // Behind a query it would be delivered with the next task, and in replay before (docs/notes/quirks.md).
            _ if self.lang_answers_queries() => self.answer(),
            // Its marker would follow the command that ends the workflow (docs/notes/quirks.md).
            _ if self.worker.lang.is_about_to_end() => self.answer(),
            // What it cancels comes first in replay (docs/notes/quirks.md).
            _ if self.worker.lang.is_about_to_cancel() => self.answer(),
            _ => self.end_local_activity(choice / 16),
        }
    }

    fn lang_answers_queries(&self) -> bool {
        self.worker.driver.jobs().iter().any(|job| job.starts_with("query-"))
    }

    fn answer(&mut self) {
        let activation = self.worker.driver.activation().clone();
        if remembered(&activation).is_some() {
            let task = self.tasks.last_mut().expect("there is a task");
            task.inputs.push(Input::Answer);
            task.activations.push(activation);
        }
        self.worker.answer();
    }

    /// Local activities keep the task open.
    fn wait(&mut self) {
        let choice = self.choose();
        match choice % 8 {
            0..4 => self.end_local_activity(choice / 8),
            4 | 5 if self.may_beat() => {
                let Worker { lang, .. } = &self.worker;
                let awaited = self.worker.executing().iter().any(|seq| lang.waits_for_local_activity(*seq));
                self.remember(Input::Heartbeat { awaited });
                self.worker.driver.heartbeat();
                self.worker.tell_silent();
            }
            6 => self.lose_task(),
            _ => self.buffered.push(choice / 8),
        }
    }

    /// The counter behind a marker's `activation_index` begins anew with the task that follows. If nothing happens in
    /// between, replay takes that for the same task: a result that could be delivered in more than one activation comes
    /// in another than it did (docs/notes/quirks.md).
    fn may_beat(&self) -> bool {
        let Worker { driver, lang, .. } = &self.worker;
        let is_alone = lang.is_sequential() && self.worker.executing() == lang.last_scheduled;
        driver.heartbeat.is_some() && (is_alone || !self.buffered.is_empty())
    }

    fn end_local_activity(&mut self, how: usize) {
        let executing = self.worker.executing();
        if executing.is_empty() {
            return;
        }
        let (seq, how) = (executing[how % executing.len()], how / executing.len());
        let result = self.local_activity_result(seq, how);
        let fails = matches!(result, LocalActivityResult::Failed(_));
        let backoff = (fails && how.is_multiple_of(2)).then_some(prost_types::Duration { seconds: 100, nanos: 0 });
        let original_schedule_time = Some(prost_types::Timestamp { seconds: 1_704_067_200, nanos: 0 });
        let runtime = Duration::from_secs(1);
        let resolution = LocalActivityResolution { seq, result, runtime, attempt: 1, backoff, original_schedule_time };
        self.remember(Input::Resolve(Box::new(resolution.clone())));
        self.worker.resolve(resolution);
    }

    fn local_activity_result(&self, seq: u32, how: usize) -> LocalActivityResult {
        let failure = |info| ActivityFailure {
            cause: 0,
            failure: Some(Failure { message: "broken".to_owned(), failure_info: info, ..Failure::default() }),
        };
        match how % 5 {
            0 if self.worker.lang.has_cancelled_local_activity(seq) => {
                LocalActivityResult::Cancelled(Cancellation::from_details(None))
            }
            1 => LocalActivityResult::Failed(failure(None)),
            2 => LocalActivityResult::TimedOut(failure(Some(FailureInfo::TimeoutFailureInfo(TimeoutFailureInfo {
                timeout_type: TimeoutType::StartToClose as i32,
                ..TimeoutFailureInfo::default()
            })))),
            _ => LocalActivityResult::Completed(Success { result: Some(seq.to_string().as_str().into()) }),
        }
    }

    fn remember(&mut self, input: Input) {
        self.tasks.last_mut().expect("there is a task").inputs.push(input);
    }

    /// Between tasks.
    fn rest(&mut self) {
        let choice = self.choose();
        let how = choice / 16;
        match choice % 16 {
            0..8 => self.outside(how),
            8 | 9 => self.add_update(how),
            10 => {
                let id = self.new_update(how);
                self.service.history.update_admitted(&id, "update");
                // What else happens in the same task would change places with it (docs/notes/quirks.md).
                self.start_task(how.is_multiple_of(5), how.is_multiple_of(7));
            }
            11 => self.ask(),
            _ => {
                if self.updates.is_empty() {
                    self.outside(how);
                }
                self.start_task(how.is_multiple_of(5), how.is_multiple_of(7));
            }
        }
    }

    fn outside(&mut self, how: usize) {
        let lang = &self.worker.lang;
        self.service.happens(how, |seq| lang.has_abandoned(seq));
    }

    fn add_update(&mut self, how: usize) {
        let id = self.new_update(how);
        self.updates.push(id);
    }

    fn new_update(&mut self, how: usize) -> String {
        self.update_count += 1;
        format!("update-{}-{}", self.update_count, ["now", "later", "reject"][how % 3])
    }

    fn ask(&mut self) {
        let started = self.service.history.up_to_task(self.tasks.len()).started_event_id;
        self.worker.driver.task(legacy_query(started, "query"));
        self.worker.tell_silent();
        self.worker.answer();
        self.worker.driver.tell();
    }

    /// The next task; `cold`: the worker has lost the run; `asks`: with a query.
    fn start_task(&mut self, cold: bool, asks: bool) {
        let prepared = self.next_task(cold, asks);
        if cold && !self.tasks.last().is_some_and(|task| task.joins_the_last) {
            self.worker = Worker::new(self.script, prepared);
            let (_, before) = self.tasks.split_last().expect("there is a task");
            self.worker.catch_up(before);
        } else {
            self.worker.driver.task(prepared);
            self.worker.tell_silent();
        }
    }

    fn next_task(&mut self, cold: bool, asks: bool) -> PreparedTask {
        let last_id = self.service.history.last_id() as usize;
        let has_news =
            self.service.history.events()[self.completed_position() + 1..].iter().any(|e| !e.is_command_event());
        let is_behind_empty = self.completed_position() + 1 == last_id && last_id > 1;
        if let Some(before) = self.tasks.last_mut() {
            before.is_joined |= is_behind_empty;
        }
        let is_beat = is_behind_empty && !self.worker.executing().is_empty();
        let waiting = if is_beat { vec![] } else { self.updates.clone() };
        let joins_the_last = is_behind_empty && !waiting.is_empty();
        let cold = cold && !joins_the_last;
        let update_alone = !has_news && !waiting.is_empty();
        self.speculative = update_alone.then_some(last_id);
        self.has_task = true;
        let started = self.service.history.workflow_task_pending();
        let messages = waiting.iter().map(|id| update_message(id, started - 1)).collect::<Vec<_>>();
        self.tasks.push(Task { messages: messages.clone(), joins_the_last, ..Task::default() });
        let number = self.service.history.task_count();
        assert_eq!(number, self.tasks.len(), "one record for each task");
        let view = if cold { self.service.history.up_to_task(number) } else { self.service.history.only_task(number) };
        let query = || ("1".to_owned(), crate::support::names::query("state"));
        // A query's answer ends the task like a heartbeat while a local activity runs.
        let asks = asks && !self.worker.lang.uses_local_activities();
        PreparedTask { messages, queries: if asks { vec![query()] } else { vec![] }, ..task(&view) }
    }

    fn completed_position(&self) -> usize {
        let events = self.service.history.events();
        events.iter().rposition(|event| event.event_type() == EventType::WorkflowTaskCompleted).unwrap_or(0)
    }

    /// The worker dies with the task, which times out; another one takes over.
    fn lose_task(&mut self) {
        let joins_the_last = self.tasks.last().is_some_and(|task| task.joins_the_last);
        if joins_the_last || self.speculative.is_some() {
            return;
        }
        self.service.history.workflow_task_timed_out();
        self.tasks.pop();
        if self.has_admitted() || self.tasks.last().is_some_and(|before| before.is_joined) {
            self.buffered.clear();
        }
        self.flush();
        self.start_task(true, false);
    }

    fn has_admitted(&self) -> bool {
        let events = &self.service.history.events()[self.completed_position()..];
        events.iter().any(|event| event.event_type() == EventType::WorkflowExecutionUpdateAdmitted)
    }

    fn flush(&mut self) {
        for how in std::mem::take(&mut self.buffered) {
            self.outside(how);
        }
    }

    fn complete_task(&mut self) {
        let completion = match self.worker.driver.held.front() {
            Some((Some(Report::Complete(completion)), ..)) => completion,
            other => panic!("no completion: {other:#?}, history {:#?}", names(&self.service.history)),
        };
        let task = self.tasks.last_mut().expect("there is a task");
        task.commands.clone_from(&completion.commands);
        task.answers.clone_from(&completion.messages);
        let goes_on = completion.force_create_new_task;
        let leaves_nothing = completion.commands.is_empty() && !goes_on && self.buffered.is_empty();
        self.has_task = false;
        if !task.messages.is_empty() {
            self.updates.clear();
        }
        if let Some(length) = self.speculative.take()
            && leaves_nothing
        {
            return self.forget_task(length);
        }
        self.service.record(completion);
        if self.worker.lang.ended {
            self.buffered.clear();
        }
        if goes_on && !self.buffered.is_empty() {
            self.service.signal();
        }
        self.flush();
        self.tell(goes_on);
    }

    /// The service drops a task in which nothing but rejections came of it.
    fn forget_task(&mut self, length: usize) {
        self.service.history = HistoryBuilder::of_events(self.service.history.events()[..length].to_vec());
        self.tasks.pop();
        self.tasks.last_mut().expect("a first task is never dropped").is_joined = false;
        let started = self.service.history.up_to_task(self.tasks.len()).started_event_id;
        self.worker.driver.reset_last_started_to = Some(started);
        self.worker.driver.tell();
    }

    /// Tells the worker that its task is over; the next one may come with that.
    fn tell(&mut self, goes_on: bool) {
        let choice = self.choose();
        let with_next = goes_on && choice.is_multiple_of(2);
        if with_next {
            let next = self.next_task(false, false);
            self.worker.driver.next_tasks.push_back(next);
        }
        self.worker.driver.tell();
        self.worker.tell_silent();
        if goes_on && !with_next {
            self.start_task(choice % 5 == 1, false);
        }
    }
}

/// Names of the events, to read in a failure.
pub fn names(history: &HistoryBuilder) -> Vec<String> {
    history.events().iter().map(|event| format!("{} {:?}", event.event_id, event.event_type())).collect()
}

/// The task with all history before it.
pub fn view_of(life: &Life, number: usize) -> TaskView {
    life.history.up_to_task(number)
}
