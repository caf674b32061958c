//! A host of Core that a test plays: turns with a clock that the test moves.

use core_wasm::Core;
use corewasm_abi::Module;
use corewasm_host::envelope::{
    CallError, ClientConfig, ClientConnect, Input, InputError, LogFilter, LogLevel, Open, PollerBehavior, RpcStart,
    TurnRequest, TurnResponse, WorkerConfig, WorkerOpen, call_resolved, effect, input, poller_behavior,
};
use prost::Message;

pub(crate) const CLIENT: u32 = 1;
pub(crate) const WORKER: u32 = 1;

#[derive(Default)]
pub(crate) struct TestHost {
    core: Core,
    now_ns: u64,
    /// Every request and its response, as bytes.
    pub(crate) log: Vec<(Vec<u8>, Vec<u8>)>,
}

impl TestHost {
    /// A host whose module is open.
    pub(crate) fn opened() -> Self {
        let mut host = Self::default();
        host.turn([input::Kind::Open(open())]);
        host
    }

    pub(crate) fn turn(&mut self, inputs: impl IntoIterator<Item = input::Kind>) -> TurnResponse {
        let inputs = inputs.into_iter().map(|kind| Input { kind: Some(kind), ..Input::default() }).collect();
        self.turn_raw(inputs)
    }

    pub(crate) fn turn_raw(&mut self, inputs: Vec<Input>) -> TurnResponse {
        let request = TurnRequest {
            wall_clock_ns: 1_704_067_200_000_000_000 + self.now_ns,
            monotonic_ns: self.now_ns,
            entropy: if self.now_ns == 0 { vec![42; 32].into() } else { Default::default() },
            inputs,
        };
        let request = request.encode_to_vec();
        let response = self.core.turn(request.clone().into());
        self.log.push((request, response.clone()));
        TurnResponse::decode(response.as_slice()).unwrap()
    }

    pub(crate) fn pass(&mut self, nanoseconds: u64) {
        self.now_ns += nanoseconds;
    }

    /// The refusal of the only input.
    pub(crate) fn refusal(&mut self, kind: input::Kind) -> InputError {
        let response = self.turn([kind]);
        assert_eq!(response.effects, [], "a refused input has no effect");
        let [error] = &response.input_errors[..] else { panic!("{response:?}") };
        error.clone()
    }
}

pub(crate) fn open() -> Open {
    let log_filter = Some(LogFilter { default_level: LogLevel::Info.into(), directives: Vec::new() });
    Open { log_filter, ..Open::default() }
}

pub(crate) fn connect(client: u32, call: u64) -> input::Kind {
    let config = ClientConfig {
        client_name: "temporal-python".to_owned(),
        client_version: "1.35.0".to_owned(),
        identity: "me".to_owned(),
        ..ClientConfig::default()
    };
    input::Kind::ClientConnect(ClientConnect { client, call, config: Some(config), adopt: false })
}

pub(crate) fn worker_config() -> WorkerConfig {
    let pollers = || Some(PollerBehavior { kind: Some(poller_behavior::Kind::SimpleMaximum(2)) });
    WorkerConfig {
        namespace: "default".to_owned(),
        task_queue: "queue".to_owned(),
        max_cached_workflows: 10,
        workflow_pollers: pollers(),
        activity_pollers: pollers(),
        nexus_pollers: pollers(),
        nonsticky_to_sticky_poll_ratio: 0.2,
        enable_workflows: true,
        enable_remote_activities: true,
        sticky_queue_schedule_to_start_timeout_ns: 10_000_000_000,
        max_heartbeat_throttle_interval_ns: 60_000_000_000,
        default_heartbeat_throttle_interval_ns: 30_000_000_000,
        max_eager_activity_reservations_per_workflow_task: 3,
        ..WorkerConfig::default()
    }
}

pub(crate) fn open_worker(worker: u32, call: u64) -> input::Kind {
    input::Kind::WorkerOpen(WorkerOpen { worker, client: CLIENT, call, config: Some(worker_config()), ledger: None })
}

pub(crate) fn starts(response: &TurnResponse) -> Vec<RpcStart> {
    let starts = response.effects.iter().filter_map(|effect| match &effect.kind {
        Some(effect::Kind::RpcStart(start)) => Some(start.clone()),
        _ => None,
    });
    starts.collect()
}

/// Calls that the turn resolved, with their values or errors.
pub(crate) fn resolved(response: &TurnResponse) -> Vec<(u64, Result<Vec<u8>, CallError>)> {
    let resolved = response.effects.iter().filter_map(|effect| match &effect.kind {
        Some(effect::Kind::CallResolved(resolved)) => Some(match resolved.result.clone()? {
            call_resolved::Result::Value(value) => (resolved.call, Ok(value.to_vec())),
            call_resolved::Result::Error(error) => (resolved.call, Err(error)),
        }),
        _ => None,
    });
    resolved.collect()
}

/// Clients and workers that the turn closed.
pub(crate) fn closed(response: &TurnResponse) -> Vec<(u32, u32)> {
    let closed = response.effects.iter().filter_map(|effect| match &effect.kind {
        Some(effect::Kind::HandleClosed(closed)) => Some((closed.client, closed.worker)),
        _ => None,
    });
    closed.collect()
}
