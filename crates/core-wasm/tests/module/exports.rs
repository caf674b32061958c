//! The exports of the built module: ownership of buffers, refusals, determinism, memory.

use corewasm_host::{
    envelope::{
        CallResolved, ClientConfig, ClientConnect, Input, Open, PollerBehavior, RpcStart, TaskKind, TurnRequest,
        TurnResponse, WorkerConfig, WorkerOpen, WorkerPoll, effect, input, poller_behavior,
    },
    testing::rpc_response,
};
use prost::Message;
use temporalio_protos::temporal::api::{
    common::v1::{Payload, Payloads},
    workflowservice::v1::{GetSystemInfoResponse, PollActivityTaskQueueResponse},
};

use corewasm_testkit::simulator::Turns;

use crate::wasm::Wasm;

fn request(inputs: Vec<input::Kind>) -> Vec<u8> {
    let inputs = inputs.into_iter().map(|kind| Input { kind: Some(kind), ..Input::default() }).collect();
    TurnRequest { monotonic_ns: 1, entropy: vec![1; 32].into(), inputs, ..TurnRequest::default() }.encode_to_vec()
}

fn starts(response: &[u8]) -> Vec<RpcStart> {
    let effects = TurnResponse::decode(response).unwrap().effects.into_iter();
    let starts = effects.filter_map(|effect| match effect.kind {
        Some(effect::Kind::RpcStart(start)) => Some(start),
        _ => None,
    });
    starts.collect()
}

fn opening() -> Vec<u8> {
    let config = Some(ClientConfig { identity: "me".to_owned(), ..ClientConfig::default() });
    let connect = ClientConnect { client: 1, call: 1, config, adopt: false };
    request(vec![input::Kind::Open(Open::default()), input::Kind::ClientConnect(connect)])
}

fn worker_open() -> input::Kind {
    let pollers = || Some(PollerBehavior { kind: Some(poller_behavior::Kind::SimpleMaximum(1)) });
    let config = WorkerConfig {
        namespace: "default".to_owned(),
        task_queue: "queue".to_owned(),
        activity_pollers: pollers(),
        enable_remote_activities: true,
        ..WorkerConfig::default()
    };
    input::Kind::WorkerOpen(WorkerOpen { worker: 1, client: 1, call: 2, config: Some(config), ledger: None })
}

/// A task whose payloads have maps of many entries.
fn activity_task() -> PollActivityTaskQueueResponse {
    let metadata = (0..20).map(|key: u8| (format!("key{key}"), vec![key])).collect();
    let payload = Payload { metadata, ..Default::default() };
    PollActivityTaskQueueResponse {
        task_token: vec![1],
        input: Some(Payloads { payloads: vec![payload.clone(), payload] }),
        ..Default::default()
    }
}

/// Requests of a session in which a worker gets an activity, each made from the response to the one before.
fn session(core: &mut Wasm, task: &PollActivityTaskQueueResponse) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut log = Vec::new();
    let mut take = |core: &mut Wasm, request: Vec<u8>| {
        let response = core.turn(request.clone());
        log.push((request, response.clone()));
        response
    };
    let connecting = take(core, opening());
    let connected = rpc_response(starts(&connecting)[0].rpc, &GetSystemInfoResponse::default());
    let poll = input::Kind::WorkerPoll(WorkerPoll { worker: 1, kind: TaskKind::Activity.into(), call: 3 });
    let polling = take(core, request(vec![connected, worker_open(), poll]));
    take(core, request(vec![rpc_response(starts(&polling)[0].rpc, task)]));
    log
}

#[test]
fn a_worker_gets_its_task_and_another_instance_says_the_same_to_the_byte() {
    let log = session(&mut Wasm::default(), &activity_task());
    let effects = TurnResponse::decode(log.last().unwrap().1.as_slice()).unwrap().effects;
    let delivered = |kind: &effect::Kind| matches!(kind, effect::Kind::CallResolved(CallResolved { call: 3, .. }));
    assert!(effects.iter().filter_map(|effect| effect.kind.as_ref()).any(delivered), "{effects:?}");
    let mut again = Wasm::default();
    for (request, response) in log {
        assert_eq!(again.turn(request), response);
    }
}

#[test]
fn a_pointer_that_is_not_the_hosts_is_refused_and_the_instance_goes_on() {
    let mut core = Wasm::default();
    for (pointer, length) in [(0, 0), (8, 16), (u32::MAX, u32::MAX)] {
        let packed = core.call(&core.turn.clone(), (pointer, length));
        let response = TurnResponse::decode(core.take(packed).as_slice()).unwrap();
        assert!(response.request_error.contains("is the host's"), "{response:?}");
        core.call(&core.free.clone(), (pointer, length));
    }
    assert_eq!(starts(&core.turn(opening())).len(), 1);
}

#[test]
fn a_buffer_that_is_longer_than_its_requests_serves_for_all_turns() {
    let log = session(&mut Wasm::default(), &activity_task());
    let mut core = Wasm::default();
    let buffer = core.call(&core.alloc.clone(), 65_536);
    for (request, response) in log {
        assert_eq!(core.turn_in(buffer, &request), response);
    }
    let before = core.pages();
    for _ in 0..100 {
        core.turn_in(buffer, &[0xFF; 65_535]);
    }
    assert_eq!(core.pages(), before);
}

/// What hosts do with memory before their first turn, each in another order.
fn habits() -> [fn(&mut Wasm); 4] {
    [
        |core| _ = core.call(&core.alloc.clone(), 1),
        |core| core.call(&core.free.clone(), (8, 16)),
        |core| _ = core.call(&core.turn.clone(), (8, 16)),
        |core| {
            let first = core.call(&core.alloc.clone(), 70_000);
            core.call(&core.alloc.clone(), 24);
            core.call(&core.free.clone(), (first, 70_000));
        },
    ]
}

#[test]
fn the_same_requests_give_the_same_bytes_wherever_the_hosts_buffers_lie() {
    let log = session(&mut Wasm::default(), &activity_task());
    for (number, habit) in habits().into_iter().enumerate() {
        let mut core = Wasm::default();
        habit(&mut core);
        for (turn, (request, response)) in log.iter().enumerate() {
            assert!(core.turn(request.clone()) == *response, "habit {number}: turn {turn} differs");
            core.call(&core.alloc.clone(), 1000 + turn as u32);
        }
    }
}

#[test]
fn a_request_that_is_longer_than_its_buffer_is_refused() {
    let mut core = Wasm::default();
    let buffer = core.call(&core.alloc.clone(), 16);
    let packed = core.call(&core.turn.clone(), (buffer, 17));
    let response = TurnResponse::decode(core.take(packed).as_slice()).unwrap();
    assert!(response.request_error.contains("no buffer of 17 bytes"), "{response:?}");
    core.call(&core.free.clone(), (buffer, 16));
    assert_eq!(starts(&core.turn(opening())).len(), 1);
}

#[test]
fn garbage_is_refused_and_the_instance_goes_on() {
    let mut core = Wasm::default();
    for garbage in [&b"\xff"[..], &[0; 100], b"\x22\x05\x0a\xff\xff\xff\xff"] {
        let response = TurnResponse::decode(core.turn(garbage.to_vec()).as_slice()).unwrap();
        assert!(!response.request_error.is_empty());
    }
    assert_eq!(starts(&core.turn(opening())).len(), 1);
}

#[test]
fn versions_and_panics_can_be_asked_for() {
    let mut core = Wasm::default();
    assert_eq!(core.call(&core.abi_version.clone(), ()) >> 16, 1);
    assert_eq!(core.call(&core.last_panic.clone(), ()) as u32, 0);
}

#[test]
fn turns_leave_no_memory_behind() {
    let mut core = Wasm::default();
    core.turn(opening());
    let garbage = vec![0xFF; 100_000];
    core.turn(garbage.clone());
    let before = core.pages();
    for _ in 0..100 {
        core.turn(garbage.clone());
    }
    assert_eq!(core.pages(), before);
}
