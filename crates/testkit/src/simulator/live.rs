//! A worker against the scripted frontend, from its connect to its end, as conformance/live/run.py.

use std::collections::VecDeque;

use bytes::Bytes;
use corewasm_host::envelope::{
    ClientConnect, TaskKind, WorkerComplete, WorkerConfig, WorkerFinalizeShutdown, WorkerInitiateShutdown, WorkerOpen,
    WorkerPoll, WorkerValidate, input,
};

use prost::Message;
use temporalio_protos::coresdk::workflow_activation::{WorkflowActivation, workflow_activation_job::Variant as Job};

use crate::vector::LocalAttempt;

use super::{
    Arrival, Lang, Script, SimulatedHost, Transcript, TurnLog, Turns, config,
    frontend::Frontend,
    host::Event,
    local_activities::{self, PATIENCE_NS, State},
};

const HANDLE: u32 = 1;
/// Nothing may be in lang's hands this long before the worker is shut down.
const QUIET_NS: u64 = 100_000_000;
/// Of virtual time, and of turns: beyond them the run does not end.
const MOST_NS: u64 = 3_600_000_000_000;
const MOST_TURNS: usize = 100_000;

/// Runs a script on a new module. The transcript, and all turns.
///
/// # Errors
/// What went wrong: a refused input, a failed call, or a run that does not end.
pub fn run_live<T: Turns>(module: T, script: Script, lang: &mut dyn Lang) -> Result<(Transcript, TurnLog), String> {
    let worker = WorkerConfig {
        disable_payload_error_limit: script.worker.disable_payload_error_limit,
        nondeterminism_as_workflow_fail: script.worker.nondeterminism_as_workflow_fail,
        ..config::worker(script.max_cached_workflows)
    };
    let (arrival, attempts) = (script.arrival, script.local_activities.iter().cloned().collect());
    let mut run = LiveRun {
        host: SimulatedHost::open(module)?,
        frontend: Frontend::new(script),
        lang,
        arrival,
        inputs: Vec::new(),
        late: Vec::new(),
        activations: Vec::new(),
        workflow: Workflow::Idle,
        local: State::Idle,
        attempts,
        evicting: false,
        stage: Stage::Connecting,
    };
    run.connect();
    run.drive(&worker).map_err(|error| run.explain(&error))?;
    let transcript = Transcript { requests: run.frontend.requests, activations: run.activations };
    Ok((transcript, run.host.into_log()))
}

/// What lang does about workflows.
#[derive(Debug)]
enum Workflow {
    Idle,
    Polling(u64),
    Completing(u64),
    Ended,
}

#[derive(Debug, PartialEq)]
enum Stage {
    Connecting,
    Opening,
    Validating,
    Running,
    /// Everything is answered; until then lang must have nothing in hand.
    Quiet(u64),
    ShuttingDown,
    Finalizing,
    Over,
}

struct LiveRun<'l, T> {
    host: SimulatedHost<T>,
    frontend: Frontend,
    lang: &'l mut dyn Lang,
    arrival: Arrival,
    /// Of the next turn.
    inputs: Vec<input::Kind>,
    /// Of a turn in which nothing else comes.
    late: Vec<input::Kind>,
    activations: Vec<Bytes>,
    workflow: Workflow,
    local: State,
    /// What becomes of the local activities that will be started.
    attempts: VecDeque<LocalAttempt>,
    /// Lang was told last to forget a run.
    evicting: bool,
    stage: Stage,
}

impl<T: Turns> LiveRun<'_, T> {
    fn drive(&mut self, worker: &WorkerConfig) -> Result<(), String> {
        for _ in 0..MOST_TURNS {
            let inputs = std::mem::take(&mut self.inputs);
            for event in self.host.turn(inputs)? {
                self.handle(event, worker)?;
            }
            self.inputs.extend(std::iter::from_fn(|| self.frontend.give()));
            self.go_on();
            if self.stage == Stage::Over {
                return Ok(());
            }
            if self.inputs.is_empty() {
                self.inputs.append(&mut self.late);
            }
            if self.inputs.is_empty() {
                self.pass_time()?;
            }
        }
        Err(format!("not over after {MOST_TURNS} turns"))
    }

    fn handle(&mut self, event: Event, worker: &WorkerConfig) -> Result<(), String> {
        match event {
            Event::RpcStarted(start) => {
                let answers = if self.arrival == Arrival::AnswerLast { &mut self.late } else { &mut self.inputs };
                answers.extend(self.frontend.request(start)?);
            }
            Event::RpcCancelled(rpc) => self.frontend.cancel(rpc),
            Event::Resolved(call, result) => self.resolved(call, result, worker)?,
        }
        Ok(())
    }

    fn resolved(&mut self, call: u64, result: Result<Bytes, String>, worker: &WorkerConfig) -> Result<(), String> {
        match (&self.workflow, &self.local) {
            (Workflow::Polling(poll), _) if *poll == call => return self.activation(result),
            (Workflow::Completing(completion), _) if *completion == call => {
                self.workflow = Workflow::Idle;
                if std::mem::take(&mut self.evicting) {
                    self.frontend.evicted();
                }
                return result.map(drop);
            }
            (_, State::Polling(poll)) if *poll == call => return self.local_task(result),
            (_, State::Completing { call: completion, seen }) if *completion == call => {
                let until_ns = self.host.now_ns() + PATIENCE_NS;
                self.local = State::Waiting { seen: *seen, until_ns };
                return result.map(drop);
            }
            _ => {}
        }
        result.map(|_| self.next_stage(worker))
    }

    fn next_stage(&mut self, worker: &WorkerConfig) {
        let call = self.host.next_call();
        match self.stage {
            Stage::Connecting => {
                let config = Some(worker.clone());
                let open = WorkerOpen { worker: HANDLE, client: HANDLE, call, config, ledger: None };
                self.inputs.push(input::Kind::WorkerOpen(open));
                self.stage = Stage::Opening;
            }
            Stage::Opening => {
                self.inputs.push(input::Kind::WorkerValidate(WorkerValidate { worker: HANDLE, call }));
                self.stage = Stage::Validating;
            }
            Stage::Validating => self.stage = Stage::Running,
            _ => self.stage = Stage::Over,
        }
    }

    /// Whatever can be done without waiting.
    fn go_on(&mut self) {
        if matches!(self.stage, Stage::Connecting | Stage::Opening | Stage::Validating) {
            return;
        }
        if matches!(self.workflow, Workflow::Idle) {
            self.workflow = Workflow::Polling(self.poll(TaskKind::Workflow));
        }
        self.go_on_locally();
        self.go_on_to_the_end();
    }

    fn go_on_locally(&mut self) {
        if let State::Waiting { seen, until_ns } = self.local
            && (self.host.now_ns() >= until_ns || self.activations.len() > seen && !self.is_busy())
        {
            self.local = State::Idle;
        }
        if let State::Held { until_ns: until @ None, after_answers, .. } = &mut self.local
            && self.frontend.answers >= *after_answers
        {
            // The task that comes with the answer, or after it, shall be there.
            *until = Some(self.host.now_ns() + if *after_answers == 0 { 0 } else { PATIENCE_NS });
        }
        if let State::Held { completion, until_ns: Some(until_ns), .. } = &self.local
            && self.host.now_ns() >= *until_ns
        {
            let (completion, seen) = (completion.clone(), self.activations.len());
            self.local = State::Completing { call: self.complete(TaskKind::Activity, completion), seen };
        }
        if matches!(self.local, State::Idle) {
            self.local = State::Polling(self.poll(TaskKind::Activity));
        }
    }

    fn go_on_to_the_end(&mut self) {
        match self.stage {
            Stage::Running if self.frontend.is_finished() && !self.is_busy() => {
                self.stage = Stage::Quiet(self.host.now_ns() + QUIET_NS);
            }
            Stage::Quiet(_) if self.is_busy() || !self.frontend.is_finished() => self.stage = Stage::Running,
            Stage::Quiet(until_ns) if self.host.now_ns() >= until_ns => {
                let shutdown = WorkerInitiateShutdown { worker: HANDLE };
                self.inputs.push(input::Kind::WorkerInitiateShutdown(shutdown));
                self.stage = Stage::ShuttingDown;
            }
            Stage::ShuttingDown if matches!((&self.workflow, &self.local), (Workflow::Ended, State::Ended)) => {
                let finalize = WorkerFinalizeShutdown { worker: HANDLE, call: self.host.next_call() };
                self.inputs.push(input::Kind::WorkerFinalizeShutdown(finalize));
                self.stage = Stage::Finalizing;
            }
            _ => {}
        }
    }

    /// Nothing moves: on to the next thing that someone waits for.
    fn pass_time(&mut self) -> Result<(), String> {
        let quiet = if let Stage::Quiet(until_ns) = self.stage { Some(until_ns) } else { None };
        let patience = match self.local {
            State::Waiting { until_ns, .. } => Some(until_ns),
            State::Held { until_ns, .. } => until_ns,
            _ => None,
        };
        let next = [self.host.wakeup_ns(), quiet, patience].into_iter().flatten().min();
        let next_ns = next.ok_or("nothing moves and nobody waits for anything")?;
        self.host.advance_to(next_ns);
        if self.host.now_ns() > MOST_NS { Err("an hour has passed".to_owned()) } else { Ok(()) }
    }

    fn activation(&mut self, result: Result<Bytes, String>) -> Result<(), String> {
        let Some(activation) = unless_shut_down(result)? else {
            self.workflow = Workflow::Ended;
            return Ok(());
        };
        self.activations.push(activation.clone());
        self.evicting = is_eviction(&activation)?;
        let completion = self.lang.complete(&activation)?;
        self.workflow = Workflow::Completing(self.complete(TaskKind::Workflow, completion));
        Ok(())
    }

    fn local_task(&mut self, result: Result<Bytes, String>) -> Result<(), String> {
        let Some(task) = unless_shut_down(result)? else {
            self.local = State::Ended;
            return Ok(());
        };
        self.local = local_activities::state_of(task, &mut self.attempts)?;
        Ok(())
    }

    const fn is_busy(&self) -> bool {
        matches!(self.workflow, Workflow::Completing(_))
    }

    fn connect(&mut self) {
        let (call, config) = (self.host.next_call(), Some(config::client()));
        self.inputs.push(input::Kind::ClientConnect(ClientConnect { client: HANDLE, call, config, adopt: false }));
    }

    fn poll(&mut self, kind: TaskKind) -> u64 {
        let call = self.host.next_call();
        self.inputs.push(input::Kind::WorkerPoll(WorkerPoll { worker: HANDLE, kind: kind.into(), call }));
        call
    }

    fn complete(&mut self, kind: TaskKind, body: Bytes) -> u64 {
        let call = self.host.next_call();
        let complete = WorkerComplete { worker: HANDLE, kind: kind.into(), call, body };
        self.inputs.push(input::Kind::WorkerComplete(complete));
        call
    }

    fn explain(&self, error: &str) -> String {
        let rpcs: Vec<_> = self.frontend.requests.iter().map(|(rpc, _)| rpc.as_str()).collect();
        format!("{error} ({:?}, {} activations, requests {rpcs:?})", self.stage, self.activations.len())
    }
}

fn is_eviction(activation: &Bytes) -> Result<bool, String> {
    let activation = WorkflowActivation::decode(activation.clone()).map_err(|error| error.to_string())?;
    Ok(activation.jobs.iter().any(|job| matches!(job.variant, Some(Job::RemoveFromCache(_)))))
}

/// The value of a poll; none when the worker is shut down for its kind.
pub(super) fn unless_shut_down(result: Result<Bytes, String>) -> Result<Option<Bytes>, String> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.starts_with("Shutdown") => Ok(None),
        Err(error) => Err(error),
    }
}
