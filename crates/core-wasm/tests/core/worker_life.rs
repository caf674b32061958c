//! A worker from its opening to its end, as far as the module has a hand in it.

use corewasm_host::{
    code,
    envelope::{
        ClientClose, TaskKind, WorkerConfig, WorkerDrop, WorkerFinalizeShutdown, WorkerInitiateShutdown, WorkerOpen,
        WorkerPoll, call_error, input,
    },
    testing::{rpc_failure, rpc_response},
};
use temporalio_protos::temporal::api::workflowservice::v1::GetSystemInfoResponse;

use crate::support::{CLIENT, TestHost, WORKER, closed, connect, open_worker, resolved, starts};

fn with_worker() -> TestHost {
    let mut host = TestHost::opened();
    let start = starts(&host.turn([connect(CLIENT, 1)])).remove(0);
    host.turn([rpc_response(start.rpc, &GetSystemInfoResponse::default())]);
    let response = host.turn([open_worker(WORKER, 2)]);
    assert_eq!(resolved(&response), [(2, Ok(vec![]))], "{response:?}");
    host
}

fn poll(call: u64) -> input::Kind {
    input::Kind::WorkerPoll(WorkerPoll { worker: WORKER, kind: TaskKind::Activity.into(), call })
}

#[test]
fn polls_reach_the_server_in_the_workers_name() {
    let mut host = with_worker();
    let starts = starts(&host.turn([poll(3)]));
    assert!(!starts.is_empty());
    assert!(starts.iter().all(|start| (start.client, start.worker) == (CLIENT, WORKER)));
}

#[test]
fn shutdown_ends_polls_and_finalize_closes_the_handle() {
    let mut host = with_worker();
    host.turn([poll(3)]);
    let shutdown = input::Kind::WorkerInitiateShutdown(WorkerInitiateShutdown { worker: WORKER });
    let finalize = input::Kind::WorkerFinalizeShutdown(WorkerFinalizeShutdown { worker: WORKER, call: 4 });
    let mut response = host.turn([shutdown, finalize]);
    let (mut calls, mut handles) = (resolved(&response), closed(&response));
    for _ in 0..20 {
        let answers: Vec<_> =
            starts(&response).iter().map(|start| rpc_failure(start.rpc, code::UNIMPLEMENTED, "")).collect();
        host.pass(1_000_000_000);
        response = host.turn(answers);
        calls.extend(resolved(&response));
        handles.extend(closed(&response));
    }
    calls.sort_by_key(|(call, _)| *call);
    let [(3, Err(polled)), (4, Ok(_))] = &calls[..] else { panic!("{calls:?}") };
    assert_eq!(polled.kind(), call_error::Kind::Shutdown);
    assert_eq!(handles, [(0, WORKER)]);
    let error = host.refusal(poll(5));
    assert_eq!(error.message, "worker: handle 1 is closed");
}

#[test]
fn a_worker_that_was_never_started_is_dropped_without_a_trace() {
    let mut host = with_worker();
    let mut response = host.turn([input::Kind::WorkerDrop(WorkerDrop { worker: WORKER })]);
    let mut handles = closed(&response);
    for _ in 0..10 {
        let answers: Vec<_> =
            starts(&response).iter().map(|start| rpc_failure(start.rpc, code::UNIMPLEMENTED, "")).collect();
        host.pass(1_000_000_000);
        response = host.turn(answers);
        handles.extend(closed(&response));
    }
    assert_eq!(handles, [(0, WORKER)]);
    assert_eq!(response.next_wakeup_ns, None);
    let response = host.turn([input::Kind::ClientClose(ClientClose { client: CLIENT })]);
    assert_eq!(closed(&response), [(CLIENT, 0)], "nothing of the worker holds the client");
}

#[test]
fn a_worker_that_can_not_be_opened_leaves_its_handle_free() {
    let mut host = with_worker();
    let config = Some(WorkerConfig { namespace: "default".to_owned(), ..WorkerConfig::default() });
    let refused = WorkerOpen { worker: 2, client: CLIENT, call: 7, config, ledger: None };
    let response = host.turn([input::Kind::WorkerOpen(refused)]);
    assert!(
        matches!(&resolved(&response)[..], [(7, Err(error))] if error.kind() == call_error::Kind::Value),
        "{response:?}"
    );
    let response = host.turn([open_worker(2, 8)]);
    let [(8, Err(error))] = &resolved(&response)[..] else { panic!("{response:?}") };
    assert!(error.message.contains("Registration of multiple workers"), "{error:?}");
}
