//! A client from its connect to its close.

use corewasm_host::{
    code,
    envelope::{CallCancelled, ClientCall, ClientClose, call_error, effect, input},
    testing::{rpc_failure, rpc_response},
};
use temporalio_protos::temporal::api::workflowservice::v1::GetSystemInfoResponse;

use crate::support::{CLIENT, TestHost, closed, connect, resolved, starts};

fn connected() -> TestHost {
    let mut host = TestHost::opened();
    let start = starts(&host.turn([connect(CLIENT, 1)])).remove(0);
    assert_eq!(start.client, CLIENT);
    let response = host.turn([rpc_response(start.rpc, &GetSystemInfoResponse::default())]);
    assert_eq!(resolved(&response), [(1, Ok(vec![]))]);
    host
}

fn list_namespaces(call: u64) -> input::Kind {
    input::Kind::ClientCall(ClientCall {
        client: CLIENT,
        call,
        service: "temporal.api.workflowservice.v1.WorkflowService".to_owned(),
        rpc: "ListNamespaces".to_owned(),
        ..ClientCall::default()
    })
}

#[test]
fn a_call_is_made_and_answered() {
    let mut host = connected();
    let start = starts(&host.turn([list_namespaces(2)])).remove(0);
    assert_eq!(start.uri, "/temporal.api.workflowservice.v1.WorkflowService/ListNamespaces");
    let response = host.turn([rpc_failure(start.rpc, code::PERMISSION_DENIED, "no")]);
    let [(2, Err(error))] = &resolved(&response)[..] else { panic!("{response:?}") };
    assert_eq!((error.kind(), error.rpc_code), (call_error::Kind::Rpc, code::PERMISSION_DENIED));
}

#[test]
fn a_cancelled_call_cancels_its_rpc() {
    let mut host = connected();
    let start = starts(&host.turn([list_namespaces(2)])).remove(0);
    let response = host.turn([input::Kind::CallCancelled(CallCancelled { call: 2 })]);
    let cancelled = |kind: &effect::Kind| matches!(kind, effect::Kind::RpcCancel(cancel) if cancel.rpc == start.rpc);
    assert!(response.effects.iter().filter_map(|effect| effect.kind.as_ref()).any(cancelled));
    assert!(matches!(&resolved(&response)[..], [(2, Err(error))] if error.kind() == call_error::Kind::Cancelled));
}

#[test]
fn a_connect_that_fails_closes_its_handle() {
    let mut host = TestHost::opened();
    let start = starts(&host.turn([connect(CLIENT, 1)])).remove(0);
    let response = host.turn([rpc_failure(start.rpc, code::UNAVAILABLE, "down")]);
    let [(1, Err(error))] = &resolved(&response)[..] else { panic!("{response:?}") };
    assert_eq!(error.kind(), call_error::Kind::Runtime);
    assert!(error.message.starts_with("Failed client connect: "));
    assert_eq!(closed(&response), [(CLIENT, 0)]);
    let error = host.refusal(input::Kind::ClientClose(ClientClose { client: CLIENT }));
    assert_eq!(error.message, "client: handle 1 is closed");
}

#[test]
fn a_connect_that_is_cancelled_closes_its_handle() {
    let mut host = TestHost::opened();
    host.turn([connect(CLIENT, 1)]);
    let response = host.turn([input::Kind::CallCancelled(CallCancelled { call: 1 })]);
    assert_eq!(resolved(&response).len(), 1);
    assert_eq!(closed(&response), [(CLIENT, 0)]);
}

#[test]
fn calls_in_flight_outlive_the_close() {
    let mut host = connected();
    let start = starts(&host.turn([list_namespaces(2)])).remove(0);
    let response = host.turn([input::Kind::ClientClose(ClientClose { client: CLIENT })]);
    assert_eq!(closed(&response), []);
    let response = host.turn([rpc_response(start.rpc, &GetSystemInfoResponse::default())]);
    assert!(matches!(&resolved(&response)[..], [(2, Ok(_))]));
    assert_eq!(closed(&response), [(CLIENT, 0)]);
}
