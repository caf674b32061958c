//! Sessions that no vector has: what a host asks of Core beside workflow tasks.

use corewasm_host::envelope::{
    AutoscalingPollers, CallCancelled, ClientCall, ClientClose, ClientConfig, ClientConnect, ClientUpdateApiKey,
    CustomSlots, GrpcResponse, GrpcStatus, Input, Keep, Kept, LogFilter, LogLevel, MetricsOptions, Open,
    PollerBehavior, RpcResult, RpcStart, SlotReserved, SlotSupplier, TaskKind, Trapped, TurnRequest, TurnResponse,
    WorkerComplete, WorkerConfig, WorkerFinalizeShutdown, WorkerHeartbeat, WorkerInitiateShutdown, WorkerOpen,
    WorkerPoll, call_resolved, effect, input, input::Repetition, keep, poller_behavior, rpc_result, slot_supplier,
};
use corewasm_testkit::simulator::{TurnLog, Turns, worker_config};
use prost::Message;
use temporalio_protos::{
    coresdk::{
        ActivityHeartbeat, ActivityTaskCompletion,
        activity_result::{ActivityExecutionResult, Success, activity_execution_result},
    },
    temporal::api::{common::v1::Payload, workflowservice::v1::PollActivityTaskQueueResponse},
};

use crate::wasm::Wasm;

const HANDLE: u32 = 1;
const SECOND_NS: u64 = 1_000_000_000;

/// Names, and the turns of each instance.
pub(crate) fn sessions() -> Vec<(&'static str, Vec<TurnLog>)> {
    vec![
        ("connect-fails-then-succeeds", connect()),
        ("user-rpcs", user_rpcs()),
        ("refused-inputs", refused_inputs()),
        ("activity-with-heartbeats", activity()),
        ("slot-supplier-and-autoscaling", slots()),
        ("trap-and-next-instance", trap()),
    ]
}

/// A host with a clock that the session moves, which keeps what Core says.
struct Host {
    module: Wasm,
    now_ns: u64,
    log: TurnLog,
    kept: Vec<Kept>,
}

impl Host {
    fn new() -> Self {
        Self { module: Wasm::default(), now_ns: 0, log: TurnLog::new(), kept: Vec::new() }
    }

    fn opened() -> Self {
        let mut host = Self::new();
        host.turn([input::Kind::Open(open())]);
        host
    }

    /// With an open client and worker.
    fn with_worker(config: WorkerConfig) -> Self {
        let mut host = Self::opened();
        let started = host.turn([client_connect(1)]);
        let open = WorkerOpen { worker: HANDLE, client: HANDLE, call: 2, config: Some(config), ledger: None };
        host.turn([response(&started, "GetSystemInfo", &()), input::Kind::WorkerOpen(open)]);
        host
    }

    fn turn(&mut self, kinds: impl IntoIterator<Item = input::Kind>) -> TurnResponse {
        self.inputs(kinds.into_iter().map(|kind| Input { kind: Some(kind), ..Input::default() }).collect())
    }

    fn inputs(&mut self, inputs: Vec<Input>) -> TurnResponse {
        let entropy = if self.log.is_empty() { vec![42; 32] } else { Vec::new() };
        let bodies: Vec<_> = inputs.iter().map(Message::encode_to_vec).collect();
        let wall_clock_ns = 1_704_067_200_000_000_000 + self.now_ns;
        let request = TurnRequest { wall_clock_ns, monotonic_ns: self.now_ns, entropy: entropy.into(), inputs };
        let response = self.raw(request.encode_to_vec());
        let changes = response.kept.clone().unwrap_or_default();
        changes.keep.iter().for_each(|each| self.keep(each, &bodies, &response));
        self.kept.retain(|kept| !changes.forget.contains(&kept.key));
        response
    }

    fn raw(&mut self, request: Vec<u8>) -> TurnResponse {
        let response = self.module.turn(request.clone());
        self.log.push((request, response.clone()));
        TurnResponse::decode(&response[..]).expect("Core answers with a response")
    }

    fn keep(&mut self, keep: &Keep, inputs: &[Vec<u8>], response: &TurnResponse) {
        let before = self.kept.iter().position(|kept| kept.key == keep.key).map(|place| self.kept.remove(place));
        let body = match &keep.body {
            None => Default::default(),
            Some(keep::Body::Input(index)) => inputs[*index as usize].clone().into(),
            Some(keep::Body::Value(index)) => match &response.effects[*index as usize].kind {
                Some(effect::Kind::CallResolved(resolved)) => match &resolved.result {
                    Some(call_resolved::Result::Value(value)) => value.clone(),
                    other => panic!("a value is kept, not {other:?}"),
                },
                other => panic!("a call's value is kept, not {other:?}"),
            },
            Some(keep::Body::Unchanged(_)) => before.expect("there is a body").body,
        };
        self.kept.push(Kept { key: keep.key.clone(), state: keep.state.clone(), body });
    }

    /// Time passes.
    fn pass(&mut self, nanoseconds: u64) -> TurnResponse {
        self.now_ns += nanoseconds;
        self.turn([])
    }
}

/// A connect whose GetSystemInfo fails is not retried by Core, as by native: whoever connects tries again, under a
/// handle of the next generation.
fn connect() -> Vec<TurnLog> {
    let mut host = Host::opened();
    let connect_of = |generation: u32| {
        let (client, call) = (HANDLE | generation << 20, u64::from(generation) + 1);
        let config = Some(ClientConfig { identity: "kit".to_owned(), ..ClientConfig::default() });
        input::Kind::ClientConnect(ClientConnect { client, call, config, adopt: false })
    };
    for (generation, code, transport) in [(0, 16, false), (1, 14, true)] {
        let started = host.turn([connect_of(generation)]);
        host.turn([failure(&started, code, transport)]);
    }
    let started = host.turn([connect_of(2)]);
    host.turn([response(&started, "GetSystemInfo", &())]);
    host.turn([input::Kind::ClientClose(ClientClose { client: HANDLE | 2 << 20 })]);
    vec![host.log]
}

fn user_rpcs() -> Vec<TurnLog> {
    let mut host = Host::opened();
    let started = host.turn([client_connect(1)]);
    host.turn([response(&started, "GetSystemInfo", &())]);
    let services = [
        ("temporal.api.workflowservice.v1.WorkflowService", "ListNamespaces"),
        ("temporal.api.operatorservice.v1.OperatorService", "ListSearchAttributes"),
        ("grpc.health.v1.Health", "Check"),
        ("temporal.api.workflowservice.v1.WorkflowService", "NoSuchMethod"),
    ];
    for (call, (service, rpc)) in (10..).zip(services) {
        let started = host.turn([client_call(call, service, rpc)]);
        if !starts(&started).is_empty() {
            host.turn([response(&started, rpc, &())]);
        }
    }
    let started = host.turn([client_call(20, services[0].0, services[0].1)]);
    host.turn([failure(&started, 14, false)]);
    let again = host.pass(10 * SECOND_NS);
    host.turn([failure(&again, 5, false)]);
    host.turn([client_call(21, services[0].0, services[0].1)]);
    host.turn([input::Kind::CallCancelled(CallCancelled { call: 21 })]);
    host.turn([input::Kind::ClientUpdateApiKey(ClientUpdateApiKey { client: HANDLE, api_key: Some("a-key".into()) })]);
    host.turn([client_call(22, services[0].0, services[0].1)]);
    vec![host.log]
}

fn refused_inputs() -> Vec<TurnLog> {
    let mut host = Host::new();
    host.turn([client_connect(1)]);
    host.turn([input::Kind::Open(open())]);
    host.turn([input::Kind::Open(open())]);
    host.turn([input::Kind::ClientClose(ClientClose { client: 7 })]);
    host.turn([poll(TaskKind::Workflow, 2)]);
    host.inputs(vec![Input::default()]);
    host.raw(vec![0xff; 9]);
    host.raw(Vec::new());
    let started = host.turn([client_connect(3)]);
    host.turn([response(&started, "GetSystemInfo", &())]);
    let nonsense = WorkerConfig { nonsticky_to_sticky_poll_ratio: f64::NAN as _, ..WorkerConfig::default() };
    let open = WorkerOpen { worker: HANDLE, client: HANDLE, call: 4, config: Some(nonsense), ledger: None };
    host.turn([input::Kind::WorkerOpen(open)]);
    vec![host.log]
}

/// The server does not know the activity any more: lang is told to cancel it, and its completion is not sent.
fn activity() -> Vec<TurnLog> {
    let mut host = Host::with_worker(worker());
    let polls = host.turn([poll(TaskKind::Activity, 3)]);
    host.turn([response(&polls, "PollActivityTaskQueue", &activity_task())]);
    let body = ActivityHeartbeat { task_token: b"token".to_vec(), details: Vec::new() }.encode_to_vec().into();
    let beat = host.turn([input::Kind::WorkerHeartbeat(WorkerHeartbeat { worker: HANDLE, body })]);
    let heartbeat = starts(&beat).iter().find(|start| start.uri.ends_with("Heartbeat")).expect("it is sent").rpc;
    let status = GrpcStatus { code: 5, message: "gone".to_owned(), ..GrpcStatus::default() };
    let result = Some(rpc_result::Result::Status(status));
    host.turn([input::Kind::RpcResult(RpcResult { rpc: heartbeat, result })]);
    host.turn([poll(TaskKind::Activity, 4)]);
    host.turn([activity_completed(5)]);
    shut_down(&mut host);
    vec![host.log]
}

fn slots() -> Vec<TurnLog> {
    let supplier = SlotSupplier { kind: Some(slot_supplier::Kind::Custom(CustomSlots {})) };
    let scaling = AutoscalingPollers { minimum: 1, maximum: 10, initial: 2 };
    let config = WorkerConfig {
        activity_slots: Some(supplier),
        activity_pollers: Some(PollerBehavior { kind: Some(poller_behavior::Kind::Autoscaling(scaling)) }),
        ..worker()
    };
    let mut host = Host::with_worker(config);
    let asked = host.turn([poll(TaskKind::Activity, 3)]);
    let requests = asked.effects.iter().filter_map(|effect| match &effect.kind {
        Some(effect::Kind::SlotReserve(reserve)) => Some(reserve.request),
        _ => None,
    });
    let given =
        (1..).zip(requests).map(|(permit, request)| input::Kind::SlotReserved(SlotReserved { request, permit }));
    let polls = host.turn(given.collect::<Vec<_>>());
    host.turn([response(&polls, "PollActivityTaskQueue", &activity_task())]);
    let complete = host.turn([activity_completed(4)]);
    host.turn([response(&complete, "RespondActivityTaskCompleted", &())]);
    shut_down(&mut host);
    vec![host.log]
}

/// The instance is lost while a completion is on its way: the next one is opened with what was kept.
fn trap() -> Vec<TurnLog> {
    let mut host = Host::with_worker(worker());
    let polls = host.turn([poll(TaskKind::Activity, 3)]);
    host.turn([response(&polls, "PollActivityTaskQueue", &activity_task())]);
    let mut next = Host { now_ns: host.now_ns, kept: host.kept.clone(), ..Host::new() };
    let trapped = Some(Trapped { text: "out of bounds".to_owned(), at_ns: vec![1], ..Trapped::default() });
    next.turn([input::Kind::Open(Open { kept: host.kept, trapped, ..open() })]);
    let again = Input { kind: Some(activity_completed(4)), repetition: Repetition::Trapped.into() };
    let complete = next.inputs(vec![again]);
    next.turn([response(&complete, "RespondActivityTaskCompleted", &())]);
    shut_down(&mut next);
    vec![host.log, next.log]
}

fn shut_down(host: &mut Host) {
    host.turn([input::Kind::WorkerInitiateShutdown(WorkerInitiateShutdown { worker: HANDLE })]);
    host.turn([poll(TaskKind::Activity, 90), poll(TaskKind::Workflow, 91)]);
    host.pass(10 * SECOND_NS);
    host.turn([input::Kind::WorkerFinalizeShutdown(WorkerFinalizeShutdown { worker: HANDLE, call: 92 })]);
    host.pass(10 * SECOND_NS);
}

fn open() -> Open {
    let log_filter = Some(LogFilter { default_level: LogLevel::Trace.into(), directives: Vec::new() });
    let metrics = Some(MetricsOptions { enabled: true, prefix: None, attach_service_name: true });
    Open { log_filter, metrics, keep: true, ..Open::default() }
}

fn client_connect(call: u64) -> input::Kind {
    let config = Some(ClientConfig { identity: "kit".to_owned(), ..ClientConfig::default() });
    input::Kind::ClientConnect(ClientConnect { client: HANDLE, call, config, adopt: false })
}

fn client_call(call: u64, service: &str, rpc: &str) -> input::Kind {
    let (service, rpc) = (service.to_owned(), rpc.to_owned());
    input::Kind::ClientCall(ClientCall { client: HANDLE, call, service, rpc, retry: true, ..ClientCall::default() })
}

fn worker() -> WorkerConfig {
    WorkerConfig { enable_remote_activities: true, ..worker_config(10) }
}

fn poll(kind: TaskKind, call: u64) -> input::Kind {
    input::Kind::WorkerPoll(WorkerPoll { worker: HANDLE, kind: kind.into(), call })
}

fn activity_task() -> PollActivityTaskQueueResponse {
    PollActivityTaskQueueResponse {
        task_token: b"token".to_vec(),
        activity_id: "1".to_owned(),
        heartbeat_timeout: Some(std::time::Duration::from_secs(60).try_into().expect("a minute")),
        ..Default::default()
    }
}

fn activity_completed(call: u64) -> input::Kind {
    let status = Some(activity_execution_result::Status::Completed(Success { result: Some(Payload::default()) }));
    let result = Some(ActivityExecutionResult { status });
    let body = ActivityTaskCompletion { task_token: b"token".to_vec(), result }.encode_to_vec().into();
    input::Kind::WorkerComplete(WorkerComplete { worker: HANDLE, kind: TaskKind::Activity.into(), call, body })
}

fn starts(response: &TurnResponse) -> Vec<&RpcStart> {
    let starts = response.effects.iter().filter_map(|effect| match &effect.kind {
        Some(effect::Kind::RpcStart(start)) => Some(start),
        _ => None,
    });
    starts.collect()
}

/// The server answers the RPC of this name that the turn began.
fn response(turn: &TurnResponse, rpc: &str, message: &impl Message) -> input::Kind {
    let starts = starts(turn);
    let started = starts.iter().find(|start| start.uri.ends_with(&format!("/{rpc}")));
    let rpc = started.unwrap_or_else(|| panic!("no {rpc}: {turn:?}")).rpc;
    let answer = GrpcResponse { body: message.encode_to_vec().into(), metadata: Vec::new() };
    input::Kind::RpcResult(RpcResult { rpc, result: Some(rpc_result::Result::Response(answer)) })
}

/// The first RPC that the turn began fails.
fn failure(turn: &TurnResponse, code: u32, transport: bool) -> input::Kind {
    let rpc = starts(turn).first().unwrap_or_else(|| panic!("no RPC was begun: {turn:?}")).rpc;
    let status = GrpcStatus { code, message: "no".to_owned(), transport, ..GrpcStatus::default() };
    input::Kind::RpcResult(RpcResult { rpc, result: Some(rpc_result::Result::Status(status)) })
}
