//! Calls of users: checks, options and errors as the native bridge has them.

use bytes::Bytes;
use corewasm_client::Connection;
use corewasm_host::{
    CallResult, code,
    envelope::{CallError, ClientCall, GrpcStatus, RpcResult, call_error::Kind, input, rpc_result},
    testing::{VirtualHost, rpc_failure, rpc_response},
};
use prost::Message;
use temporalio_protos::temporal::api::workflowservice::v1::{
    GetWorkflowExecutionHistoryRequest, SignalWorkflowExecutionResponse,
};

use crate::support::{Outcome, config, connection, header, spawn, turn_to_rpc};

fn user_call(host: &VirtualHost, connection: &Connection, call: ClientCall) -> Outcome<CallResult> {
    let connection = connection.clone();
    spawn(host, async move { connection.user_call(call).await })
}

fn signal() -> ClientCall {
    ClientCall {
        service: "temporal.api.workflowservice.v1.WorkflowService".to_owned(),
        rpc: "SignalWorkflowExecution".to_owned(),
        retry: true,
        ..ClientCall::default()
    }
}

#[test]
fn the_response_comes_back_encoded() {
    let mut host = VirtualHost::new();
    let connection = connection(&host, config());
    let call = ClientCall { timeout_ns: 9, headers: vec![("Mine".to_owned(), "1".to_owned()).into()], ..signal() };
    let outcome = user_call(&host, &connection, call);
    let start = turn_to_rpc(&mut host, []);
    assert_eq!((start.timeout_ns, header(&start, "mine").as_deref()), (9, Some("1")));
    let link = Some(Default::default());
    let response = SignalWorkflowExecutionResponse { link };
    host.turn([rpc_response(start.rpc, &response)]);
    assert_eq!(outcome.take().unwrap().unwrap(), response.encode_to_vec());
}

#[test]
fn a_status_comes_back_with_code_text_and_details() {
    let mut host = VirtualHost::new();
    let connection = connection(&host, config());
    let outcome = user_call(&host, &connection, signal());
    let start = turn_to_rpc(&mut host, []);
    let status =
        GrpcStatus { code: code::NOT_FOUND, message: "gone".to_owned(), details: vec![1].into(), ..Default::default() };
    let result = Some(rpc_result::Result::Status(status));
    host.turn([input::Kind::RpcResult(RpcResult { rpc: start.rpc, result })]);
    assert_eq!(outcome.take(), Some(Err(CallError::rpc(code::NOT_FOUND, "gone", vec![1].into()))));
}

#[test]
fn without_retry_it_is_made_once_and_does_not_wait_longer() {
    let mut host = VirtualHost::new();
    let connection = connection(&host, config());
    let history = GetWorkflowExecutionHistoryRequest { wait_new_event: true, ..Default::default() };
    let call = |retry| ClientCall {
        rpc: "GetWorkflowExecutionHistory".to_owned(),
        body: history.encode_to_vec().into(),
        retry,
        ..signal()
    };
    let _retried = user_call(&host, &connection, call(true));
    assert_eq!(turn_to_rpc(&mut host, []).timeout_ns, 70_000_000_000);
    let outcome = user_call(&host, &connection, call(false));
    let start = turn_to_rpc(&mut host, []);
    assert_eq!(start.timeout_ns, 30_000_000_000);
    host.turn([rpc_failure(start.rpc, code::UNAVAILABLE, "no")]);
    assert!(matches!(outcome.take(), Some(Err(error)) if error.rpc_code == code::UNAVAILABLE));
}

#[test]
fn what_can_not_be_sent_is_a_value_error() {
    let mut host = VirtualHost::new();
    let connection = connection(&host, config());
    let text =
        |key: &str, value: &str| ClientCall { headers: vec![(key.to_owned(), value.to_owned()).into()], ..signal() };
    let binary = |key: &str| ClientCall { binary_headers: vec![(key.to_owned(), Bytes::new()).into()], ..signal() };
    let refused = [
        (text("A B", "x"), "Invalid metadata key: invalid gRPC metadata key name"),
        (text("x-bin", "x"), "Invalid metadata value for binary key x-bin: expected bytes"),
        (text("x", "\n"), "Invalid metadata value: failed to parse metadata value"),
        (binary("x"), "Invalid metadata value for ASCII key x: expected str"),
    ];
    for (call, expected) in refused {
        let outcome = user_call(&host, &connection, call);
        assert_eq!(host.turn([]), []);
        let error = outcome.take().unwrap().unwrap_err();
        assert_eq!((error.kind(), error.message.as_str()), (Kind::Value, expected));
    }
    let outcome = user_call(&host, &connection, ClientCall { body: b"\x0a\xff".as_slice().into(), ..signal() });
    host.turn([]);
    assert!(
        outcome.take().unwrap().unwrap_err().message.starts_with("Invalid proto: failed to decode Protobuf message")
    );
}
