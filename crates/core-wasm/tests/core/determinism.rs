//! The same requests give the same responses, byte for byte, whatever they are.
//!
//! prost encodes a map in the order of its hash table. In the module that order is fixed (corewasm_abi::fix_hash_keys),
//! on a machine it is not: here every map has one entry, and tests/module has maps of many.

use core_wasm::Core;
use corewasm_abi::Module;
use corewasm_host::{
    envelope::{
        CallCancelled, ClientCall, ClientClose, Input, MetricsOptions, Open, RpcResult, TaskKind, WorkerComplete,
        WorkerFinalizeShutdown, WorkerHeartbeat, WorkerInitiateShutdown, WorkerPoll, WorkerRequestEviction,
        WorkerValidate, input,
    },
    testing::{rpc_failure, rpc_response},
};
use proptest::prelude::*;
use temporalio_protos::temporal::api::{
    common::v1::{Payload, Payloads},
    workflowservice::v1::{GetSystemInfoResponse, PollActivityTaskQueueResponse},
};

use crate::support::{CLIENT, TestHost, WORKER, connect, open, open_worker};

/// Feeds a recorded log to a new instance.
fn replay(log: &[(Vec<u8>, Vec<u8>)]) {
    let mut core = Core::default();
    for (turn, (request, response)) in log.iter().enumerate() {
        assert_eq!(core.turn(request.clone().into()), *response, "turn {turn} differs");
    }
}

fn opened_with_metrics() -> TestHost {
    let metrics = Some(MetricsOptions { enabled: true, prefix: None, attach_service_name: true });
    let mut host = TestHost::default();
    host.turn([input::Kind::Open(Open { metrics, ..open() })]);
    host.turn([connect(CLIENT, 1)]);
    host.turn([rpc_response(1, &GetSystemInfoResponse::default()), open_worker(WORKER, 2)]);
    host
}

fn activity_task() -> PollActivityTaskQueueResponse {
    let payload = |number: u8| Payload {
        metadata: [("encoding".to_owned(), vec![number])].into(),
        data: vec![number; 9],
        ..Default::default()
    };
    PollActivityTaskQueueResponse {
        task_token: vec![1, 2, 3],
        activity_id: "1".to_owned(),
        input: Some(Payloads { payloads: (0..4).map(payload).collect() }),
        ..Default::default()
    }
}

fn any_input() -> impl Strategy<Value = input::Kind> {
    let poll = |kind: TaskKind| {
        (10_u64..99)
            .prop_map(move |call| input::Kind::WorkerPoll(WorkerPoll { worker: WORKER, kind: kind.into(), call }))
    };
    let call = |call| ClientCall {
        client: CLIENT,
        call,
        service: "temporal.api.workflowservice.v1.WorkflowService".to_owned(),
        rpc: "ListNamespaces".to_owned(),
        retry: true,
        ..ClientCall::default()
    };
    let complete = |(kind, body): (i32, Vec<u8>)| {
        input::Kind::WorkerComplete(WorkerComplete { worker: WORKER, kind, call: 300, body: body.into() })
    };
    prop_oneof![
        4 => poll(TaskKind::Activity),
        4 => poll(TaskKind::Workflow),
        2 => (100_u64..199).prop_map(move |number| input::Kind::ClientCall(call(number))),
        2 => (0_u64..199).prop_map(|call| input::Kind::CallCancelled(CallCancelled { call })),
        4 => (2_u64..30, 1_u32..17).prop_map(|(rpc, code)| rpc_failure(rpc, code, "no")),
        4 => (2_u64..30).prop_map(|rpc| rpc_response(rpc, &activity_task())),
        1 => (2_u64..30).prop_map(|rpc| input::Kind::RpcResult(RpcResult { rpc, result: None })),
        1 => (0_i32..5, proptest::collection::vec(any::<u8>(), 0..20)).prop_map(complete),
        1 => Just(input::Kind::WorkerValidate(WorkerValidate { worker: WORKER, call: 301 })),
        1 => Just(input::Kind::WorkerHeartbeat(WorkerHeartbeat { worker: WORKER, body: vec![10, 1, 1].into() })),
        1 => Just(input::Kind::WorkerRequestEviction(WorkerRequestEviction { worker: WORKER, run_id: "r".to_owned() })),
        1 => Just(input::Kind::WorkerInitiateShutdown(WorkerInitiateShutdown { worker: WORKER })),
        1 => Just(input::Kind::WorkerFinalizeShutdown(WorkerFinalizeShutdown { worker: WORKER, call: 302 })),
        1 => Just(input::Kind::ClientClose(ClientClose { client: CLIENT })),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_recorded_log_replays_to_the_byte(
        turns in proptest::collection::vec((proptest::collection::vec(any_input(), 0..4), 0_u64..3_000_000_000), 1..25),
    ) {
        let mut host = opened_with_metrics();
        for (inputs, pause) in turns {
            host.pass(pause);
            host.turn_raw(inputs.into_iter().map(|kind| Input { kind: Some(kind), ..Input::default() }).collect());
        }
        replay(&host.log);
    }
}
