//! Spec 10.1.6: what the server can do is asked when a client connects.

use corewasm_client::ConnectError;
use corewasm_host::{
    code,
    envelope::{ClientConfig, GrpcStatus, RpcResult, effect, input, rpc_result},
    testing::{VirtualHost, rpc_failure, rpc_response, rpc_starts},
};
use temporalio_protos::temporal::api::workflowservice::v1::{
    GetSystemInfoResponse, get_system_info_response::Capabilities,
};

use crate::support::{Outcome, config, connection, spawn, turn_to_rpc};

fn connecting(
    host: &VirtualHost,
    config: ClientConfig,
) -> (corewasm_client::Connection, Outcome<Result<(), ConnectError>>) {
    let connection = connection(host, config);
    let task = connection.clone();
    (connection, spawn(host, async move { task.connect().await }))
}

fn capable() -> GetSystemInfoResponse {
    let capabilities = Capabilities { sdk_metadata: true, ..Default::default() };
    GetSystemInfoResponse { capabilities: Some(capabilities), ..Default::default() }
}

#[test]
fn capabilities_are_learned() {
    let mut host = VirtualHost::new();
    let (connection, outcome) = connecting(&host, config());
    let start = turn_to_rpc(&mut host, []);
    assert_eq!(start.uri, "/temporal.api.workflowservice.v1.WorkflowService/GetSystemInfo");
    host.turn([rpc_response(start.rpc, &capable())]);
    assert_eq!(outcome.take(), Some(Ok(())));
    assert!(connection.capabilities().sdk_metadata);
}

#[test]
fn a_server_without_the_method_has_no_capabilities() {
    for text in [
        "unknown method GetSystemInfo for service x",
        "unknown service x",
        "Method not found",
        "x/GetSystemInfo is unimplemented",
    ] {
        let mut host = VirtualHost::new();
        let (connection, outcome) = connecting(&host, config());
        let start = turn_to_rpc(&mut host, []);
        host.turn([rpc_failure(start.rpc, code::UNIMPLEMENTED, text)]);
        assert_eq!(outcome.take(), Some(Ok(())), "{text}");
        assert_eq!(connection.capabilities(), Capabilities::default());
    }
}

#[test]
fn any_other_failure_is_the_connections_and_is_not_retried() {
    let mut host = VirtualHost::new();
    let (_connection, outcome) = connecting(&host, config());
    let start = turn_to_rpc(&mut host, []);
    host.turn([rpc_failure(start.rpc, code::UNAVAILABLE, "not now")]);
    let text = "`get_system_info` call error after connection: Status { code: Unavailable, message: \"not now\" }";
    assert_eq!(outcome.take().unwrap().unwrap_err().to_string(), text);
}

#[test]
fn an_unreachable_server_is_a_connection_error() {
    let mut host = VirtualHost::new();
    let (_connection, outcome) = connecting(&host, config());
    let start = turn_to_rpc(&mut host, []);
    let status =
        GrpcStatus { code: code::UNAVAILABLE, message: "refused".to_owned(), transport: true, ..Default::default() };
    let result = Some(rpc_result::Result::Status(status));
    host.turn([input::Kind::RpcResult(RpcResult { rpc: start.rpc, result })]);
    assert_eq!(outcome.take().unwrap().unwrap_err().to_string(), "Server connection error: refused");
}

#[test]
fn a_server_that_refuses_gzip_is_asked_once_more_without() {
    let mut host = VirtualHost::new();
    let (_connection, outcome) = connecting(&host, ClientConfig { gzip: true, ..config() });
    let first = turn_to_rpc(&mut host, []);
    assert!(first.gzip);
    let refusal = "grpc: Decompressor is not installed for grpc-encoding \"gzip\"";
    let second = turn_to_rpc(&mut host, [rpc_failure(first.rpc, code::UNIMPLEMENTED, refusal)]);
    assert!(!second.gzip);
    host.turn([rpc_failure(second.rpc, code::UNIMPLEMENTED, refusal)]);
    assert!(matches!(outcome.take(), Some(Err(ConnectError::SystemInfo(_)))));
}

#[test]
fn asking_can_be_skipped() {
    let mut host = VirtualHost::new();
    let (_connection, outcome) = connecting(&host, ClientConfig { skip_get_system_info: true, ..config() });
    assert!(rpc_starts(&host.turn([])).is_empty());
    assert_eq!(outcome.take(), Some(Ok(())));
}

#[test]
fn the_host_hears_when_the_last_user_of_a_connection_is_gone() {
    let mut host = VirtualHost::new();
    let connection = connection(&host, config());
    let worker = corewasm_client::Client::new(connection.clone(), None);
    drop(connection);
    assert_eq!(host.turn([]), []);
    drop(worker);
    assert!(matches!(&host.turn([])[..], [effect::Kind::HandleClosed(closed)] if closed.client == 1));
}
