//! ADR 17, through the client: what is tried again and again ends with the shutdown's bound.

use corewasm_host::{
    code,
    envelope::{
        self, RpcResult, TaskKind, WorkerComplete, WorkerFinalizeShutdown, WorkerInitiateShutdown, WorkerPoll,
        WorkerValidate, input, rpc_result,
    },
    testing::rpc_response,
};
use prost::Message;
use temporalio_protos::coresdk::ActivityTaskCompletion;
use temporalio_protos::coresdk::activity_result::{
    ActivityExecutionResult, Success, activity_execution_result::Status,
};
use temporalio_protos::temporal::api::namespace::v1::{NamespaceInfo, namespace_info::Capabilities};
use temporalio_protos::temporal::api::workflowservice::v1::{
    DescribeNamespaceResponse, GetSystemInfoResponse, PollActivityTaskQueueResponse,
};

use crate::support::{CLIENT, TestHost, WORKER, closed, connect, open_worker, resolved, starts};

const SECOND: u64 = 1_000_000_000;

fn refused(rpc: u64) -> input::Kind {
    let message = "connection refused".to_owned();
    let status = envelope::GrpcStatus { code: code::UNAVAILABLE, message, transport: true, ..Default::default() };
    input::Kind::RpcResult(RpcResult { rpc, result: Some(rpc_result::Result::Status(status)) })
}

/// A worker that polls, of a server that ends polls after a farewell.
fn polling() -> (TestHost, Vec<envelope::RpcStart>) {
    let mut host = TestHost::opened();
    let start = starts(&host.turn([connect(CLIENT, 1)])).remove(0);
    host.turn([rpc_response(start.rpc, &GetSystemInfoResponse::default())]);
    host.turn([open_worker(WORKER, 2)]);
    let start = starts(&host.turn([input::Kind::WorkerValidate(WorkerValidate { worker: WORKER, call: 3 })])).remove(0);
    let capabilities = Some(Capabilities { worker_poll_complete_on_shutdown: true, ..Default::default() });
    let namespace_info = Some(NamespaceInfo { capabilities, ..Default::default() });
    host.turn([rpc_response(start.rpc, &DescribeNamespaceResponse { namespace_info, ..Default::default() })]);
    let polls = starts(&host.turn([poll(4)]));
    (host, polls)
}

fn poll(call: u64) -> input::Kind {
    input::Kind::WorkerPoll(WorkerPoll { worker: WORKER, kind: TaskKind::Activity.into(), call })
}

fn completion(call: u64) -> input::Kind {
    let result =
        Some(ActivityExecutionResult { status: Some(Status::Completed(Success { result: Some(Default::default()) })) });
    let body = ActivityTaskCompletion { task_token: b"token".to_vec(), result }.encode_to_vec().into();
    input::Kind::WorkerComplete(WorkerComplete { worker: WORKER, kind: TaskKind::Activity.into(), call, body })
}

#[test]
fn against_a_dead_server_retries_end_with_the_bound_and_every_call_is_answered() {
    let (mut host, polls) = polling();
    let task = PollActivityTaskQueueResponse { task_token: b"token".to_vec(), ..Default::default() };
    let taken = host.turn([rpc_response(polls[0].rpc, &task)]);
    assert_eq!(resolved(&taken).len(), 1);
    let mut response = host.turn([completion(5), poll(6)]);
    let shutdown = input::Kind::WorkerInitiateShutdown(WorkerInitiateShutdown { worker: WORKER });
    let finalize = input::Kind::WorkerFinalizeShutdown(WorkerFinalizeShutdown { worker: WORKER, call: 7 });
    let mut refusals: Vec<_> = starts(&response).iter().map(|start| refused(start.rpc)).collect();
    refusals.extend(polls[1..].iter().map(|start| refused(start.rpc)));
    refusals.extend([shutdown, finalize]);
    let (mut calls, mut tried, mut passed) = (Vec::new(), 0, 0);
    while response.next_wakeup_ns.is_some() || !refusals.is_empty() {
        response = host.turn(std::mem::take(&mut refusals));
        calls.extend(resolved(&response).into_iter().map(|(call, _)| call));
        tried += starts(&response).iter().filter(|start| start.uri.ends_with("RespondActivityTaskCompleted")).count();
        refusals = starts(&response).iter().map(|start| refused(start.rpc)).collect();
        if closed(&response) == [(0, WORKER)] {
            break;
        }
        host.pass(SECOND / 10);
        passed += 1;
        assert!(passed <= 100, "it takes longer than 10 s");
    }
    calls.sort_unstable();
    assert_eq!(calls, [5, 6, 7]);
    assert!(tried >= 3, "the report was tried {tried} times more");
    assert_eq!(response.next_wakeup_ns, None, "nothing is tried any more");
}
