//! A worker over a scripted service: calls wait until the test answers them, time passes when the test says so.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part")]

pub mod commands;
pub mod service;

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use corewasm_host::envelope::{self, WorkerLedger, effect, slot_supplier};
use corewasm_host::testing::VirtualHost;
use corewasm_host::{HostRef, InputError};
use corewasm_testkit::history::{NAMESPACE, TASK_QUEUE};
use corewasm_worker::{Connection, ReplayWorker, TaskKind, Worker, WorkerError};
use prost::Message;
use service::ScriptedService;
use temporalio_protos::coresdk::workflow_activation::WorkflowActivation;
use temporalio_protos::coresdk::workflow_activation::workflow_activation_job::Variant;
use temporalio_protos::coresdk::workflow_commands::WorkflowCommand;
use temporalio_protos::coresdk::workflow_completion::{
    Failure, Success, WorkflowActivationCompletion, workflow_activation_completion,
};

/// What a spawned call ended with, once it has.
pub type Outcome<T> = Rc<RefCell<Option<T>>>;

pub struct Harness {
    pub host: VirtualHost,
    pub service: Rc<ScriptedService>,
    pub connection: Connection,
    pub worker: Worker,
    /// All effects so far, e.g. of the host's slot suppliers.
    pub effects: Vec<effect::Kind>,
}

pub fn handle(number: u32) -> HostRef {
    HostRef::new(number).expect("not zero")
}

/// Workflows only, cached, five slots, two pollers.
pub fn config() -> envelope::WorkerConfig {
    envelope::WorkerConfig {
        namespace: NAMESPACE.to_owned(),
        task_queue: TASK_QUEUE.to_owned(),
        max_cached_workflows: 10,
        workflow_slots: Some(fixed(5)),
        workflow_pollers: Some(pollers(2)),
        nonsticky_to_sticky_poll_ratio: 0.5,
        enable_workflows: true,
        sticky_queue_schedule_to_start_timeout_ns: 10_000_000_000,
        ..Default::default()
    }
}

pub fn fixed(slots: u32) -> envelope::SlotSupplier {
    envelope::SlotSupplier { kind: Some(slot_supplier::Kind::Fixed(slots)) }
}

pub fn pollers(maximum: u32) -> envelope::PollerBehavior {
    envelope::PollerBehavior { kind: Some(envelope::poller_behavior::Kind::SimpleMaximum(maximum)) }
}

impl Harness {
    pub fn new() -> Self {
        Self::with(config())
    }

    pub fn with(config: envelope::WorkerConfig) -> Self {
        Self::resumed(config, None)
    }

    pub fn resumed(config: envelope::WorkerConfig, ledger: Option<WorkerLedger>) -> Self {
        Self::on(VirtualHost::new(), config, ledger)
    }

    pub fn on(host: VirtualHost, config: envelope::WorkerConfig, ledger: Option<WorkerLedger>) -> Self {
        let service = Rc::new(ScriptedService::default());
        let connection = Connection::new(service.clone());
        let worker = Worker::open(host.host(), handle(1), connection.clone(), config, ledger).expect("it opens");
        let mut harness = Self { host, service, connection, worker, effects: Vec::new() };
        harness.turn();
        harness
    }

    pub fn turn(&mut self) {
        for _ in 0..8 {
            let effects = self.host.turn([]);
            self.effects.extend(effects);
        }
    }

    pub fn input(&mut self, input: envelope::input::Kind) {
        let effects = self.host.turn_with([input], &mut |_| Err(InputError::unknown_message()));
        self.effects.extend(effects);
        self.turn();
    }

    pub fn advance(&mut self, by: Duration) {
        let effects = self.host.advance(by);
        self.effects.extend(effects);
        self.turn();
    }

    /// Run a future on the host; its value appears when it is there.
    pub fn spawn<T: 'static>(&mut self, work: impl Future<Output = T> + 'static) -> Outcome<T> {
        let outcome = Outcome::default();
        let place = outcome.clone();
        self.host
            .host()
            .spawn(async move {
                let value = work.await;
                *place.borrow_mut() = Some(value);
            })
            .detach();
        self.turn();
        outcome
    }

    pub fn poll(&mut self) -> Outcome<Result<Bytes, WorkerError>> {
        let worker = self.worker.clone();
        self.spawn(async move { worker.poll(TaskKind::Workflow).await })
    }

    /// The next activation, which must be there.
    pub fn activation(&mut self) -> WorkflowActivation {
        got(&self.poll())
    }

    pub fn complete(&mut self, completion: WorkflowActivationCompletion) -> Outcome<Result<(), WorkerError>> {
        let worker = self.worker.clone();
        let bytes = completion.encode_to_vec().into();
        self.spawn(async move { worker.complete(TaskKind::Workflow, bytes).await })
    }

    pub fn succeed(
        &mut self,
        run_id: &str,
        commands: impl IntoIterator<Item = WorkflowCommand>,
    ) -> Outcome<Result<(), WorkerError>> {
        self.complete(success(run_id, commands))
    }

    pub fn fail(&mut self, run_id: &str, message: &str) -> Outcome<Result<(), WorkerError>> {
        self.complete(failure(run_id, message))
    }

    /// Answer a poll of the normal queue with this task and let it be taken in.
    pub fn give_task(&mut self, response: impl Message) {
        self.service.take_poll(false).answer(&response);
        self.turn();
    }

    pub fn give_sticky_task(&mut self, response: impl Message) {
        self.service.take_poll(true).answer(&response);
        self.turn();
    }

    /// Records logged so far whose text begins so.
    pub fn logs(&self, beginning: &str) -> Vec<envelope::LogRecord> {
        let record = |effect: &effect::Kind| match effect {
            effect::Kind::Log(record) if record.message.starts_with(beginning) => Some(record.clone()),
            _ => None,
        };
        self.effects.iter().filter_map(record).collect()
    }

    /// Values recorded so far for the instrument of this name, the prefix left out.
    pub fn recorded(&self, name: &str) -> Vec<u64> {
        let name = format!("temporal_{name}");
        let defined = |effect: &effect::Kind| match effect {
            effect::Kind::DefineInstrument(defined) if defined.name == name => Some(defined.instrument),
            _ => None,
        };
        let Some(instrument) = self.effects.iter().find_map(defined) else { return Vec::new() };
        let packed = self.effects.iter().filter_map(|effect| match effect {
            effect::Kind::MetricRecords(records) => Some(&records.packed[..]),
            _ => None,
        });
        let records = packed.flat_map(|packed| packed.chunks_exact(16));
        let of_instrument = records.filter(|record| record[..4] == instrument.to_le_bytes());
        of_instrument.map(|record| u64::from_le_bytes(record[8..].try_into().expect("8 bytes"))).collect()
    }

    pub fn initiate_shutdown(&mut self) {
        self.worker.initiate_shutdown();
        self.turn();
    }

    pub fn finalize(&mut self) -> Outcome<()> {
        let worker = self.worker.clone();
        self.spawn(async move { worker.finalize_shutdown().await })
    }
}

pub fn success(run_id: &str, commands: impl IntoIterator<Item = WorkflowCommand>) -> WorkflowActivationCompletion {
    let success = Success { commands: commands.into_iter().collect(), ..Default::default() };
    WorkflowActivationCompletion {
        run_id: run_id.to_owned(),
        status: Some(workflow_activation_completion::Status::Successful(success)),
        ..Default::default()
    }
}

pub fn failure(run_id: &str, message: &str) -> WorkflowActivationCompletion {
    let failure = Failure { failure: Some(corewasm_testkit::history::failure(message)), ..Default::default() };
    WorkflowActivationCompletion {
        run_id: run_id.to_owned(),
        status: Some(workflow_activation_completion::Status::Failed(failure)),
        ..Default::default()
    }
}

/// The activation that a poll got.
pub fn got(polled: &Outcome<Result<Bytes, WorkerError>>) -> WorkflowActivation {
    let polled = polled.borrow_mut().take().expect("an activation came");
    WorkflowActivation::decode(polled.expect("polling goes well")).expect("it decodes")
}

/// The jobs' kinds, in order.
pub fn jobs(activation: &WorkflowActivation) -> Vec<&'static str> {
    let name = |variant: &Variant| match variant {
        Variant::InitializeWorkflow(_) => "init",
        Variant::FireTimer(_) => "timer",
        Variant::ResolveActivity(_) => "activity",
        Variant::SignalWorkflow(_) => "signal",
        Variant::QueryWorkflow(_) => "query",
        Variant::RemoveFromCache(_) => "evict",
        _ => "other",
    };
    activation.jobs.iter().filter_map(|job| job.variant.as_ref()).map(name).collect()
}

/// Reason and message of an eviction.
pub fn eviction(activation: &WorkflowActivation) -> (i32, String) {
    match activation.jobs.as_slice() {
        [job] => match &job.variant {
            Some(Variant::RemoveFromCache(remove)) => (remove.reason, remove.message.clone()),
            other => panic!("not an eviction: {other:?}"),
        },
        jobs => panic!("not an eviction: {jobs:?}"),
    }
}

/// A replay worker and what drives it.
pub struct ReplayHarness {
    pub host: VirtualHost,
    pub replay: ReplayWorker,
}

impl ReplayHarness {
    pub fn new() -> Self {
        let host = VirtualHost::new();
        let replay = ReplayWorker::open(host.host(), handle(1), config()).expect("it opens");
        Self { host, replay }
    }

    pub fn spawn<T: 'static>(&mut self, work: impl Future<Output = T> + 'static) -> Outcome<T> {
        let outcome = Outcome::default();
        let place = outcome.clone();
        self.host
            .host()
            .spawn(async move {
                let value = work.await;
                *place.borrow_mut() = Some(value);
            })
            .detach();
        self.turn();
        outcome
    }

    pub fn turn(&mut self) {
        for _ in 0..8 {
            self.host.turn([]);
        }
    }

    pub fn push(&mut self, history: impl Into<Bytes>) -> Outcome<Result<(), WorkerError>> {
        let (replay, history) = (self.replay.clone(), history.into());
        self.spawn(async move { replay.push("workflow".to_owned(), history).await })
    }

    pub fn poll(&mut self) -> Outcome<Result<Bytes, WorkerError>> {
        let worker = self.replay.worker().clone();
        self.spawn(async move { worker.poll(TaskKind::Workflow).await })
    }

    pub fn activation(&mut self) -> WorkflowActivation {
        let polled = self.poll();
        let polled = polled.borrow_mut().take().expect("an activation is ready");
        WorkflowActivation::decode(polled.expect("polling goes well")).expect("it decodes")
    }

    pub fn complete(&mut self, completion: &WorkflowActivationCompletion) {
        let (worker, bytes) = (self.replay.worker().clone(), completion.encode_to_vec());
        let done = self.spawn(async move { worker.complete(TaskKind::Workflow, bytes.into()).await });
        assert_eq!(done.borrow_mut().take(), Some(Ok(())));
    }
}
