//! Spec 10.1.2 to 10.1.5: metadata and time-outs.

use std::time::Duration;

use bytes::Bytes;
use corewasm_client::{CallOptions, InvalidHeader};
use corewasm_host::{
    entries::{self, TextEntry},
    envelope::ClientConfig,
    testing::VirtualHost,
};
use litemap::LiteMap;
use temporalio_protos::temporal::api::workflowservice::v1::{
    GetSystemInfoRequest, ListNamespacesRequest, SignalWorkflowExecutionRequest,
};

use crate::support::{call, config, connection, header, turn_to_rpc};

fn texts(pairs: &[(&str, &str)]) -> Vec<TextEntry> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()).into()).collect()
}

fn signal() -> SignalWorkflowExecutionRequest {
    SignalWorkflowExecutionRequest { namespace: "orders".to_owned(), ..Default::default() }
}

#[test]
fn a_call_carries_the_connections_headers_and_its_namespace() {
    let mut host = VirtualHost::new();
    let headers = texts(&[("X-Team", "blue"), ("client-name", "mine")]);
    let binary_headers = vec![("trace-bin".to_owned(), Bytes::from_static(&[0, 1])).into()];
    let connection =
        connection(&host, ClientConfig { headers, binary_headers, api_key: Some("k".to_owned()), ..config() });
    let _outcome = call(&host, &connection, "SignalWorkflowExecution", &signal(), CallOptions::default());
    let start = turn_to_rpc(&mut host, []);
    assert_eq!(start.uri, "/temporal.api.workflowservice.v1.WorkflowService/SignalWorkflowExecution");
    let expected = [
        ("authorization", "Bearer k"),
        ("client-name", "temporal-python"),
        ("client-version", "1.35.0"),
        ("temporal-namespace", "orders"),
        ("trace-bin", "\0\u{1}"),
        ("x-team", "blue"),
    ];
    let sent: Vec<_> =
        start.metadata.iter().map(|entry| (entry.key.as_str(), str::from_utf8(&entry.value).unwrap())).collect();
    assert_eq!(sent, expected);
    assert_eq!(start.timeout_ns, 30_000_000_000);
}

#[test]
fn a_calls_own_metadata_wins_and_so_does_its_time_out() {
    let mut host = VirtualHost::new();
    let connection = connection(&host, ClientConfig { api_key: Some("k".to_owned()), ..config() });
    let mut options = CallOptions { timeout: Some(Duration::from_millis(5)), ..CallOptions::default() };
    options.metadata.insert("authorization", "mine");
    let _outcome = call(&host, &connection, "SignalWorkflowExecution", &signal(), options);
    let start = turn_to_rpc(&mut host, []);
    assert_eq!(header(&start, "authorization").as_deref(), Some("mine"));
    assert_eq!(start.timeout_ns, 5_000_000);
}

#[test]
fn new_headers_replace_all_old_ones_and_a_retry_has_them() {
    let mut host = VirtualHost::new();
    let connection = connection(&host, ClientConfig { headers: texts(&[("a", "1")]), ..config() });
    let _outcome = call(&host, &connection, "SignalWorkflowExecution", &signal(), CallOptions::default());
    let first = turn_to_rpc(&mut host, []);
    connection.update_headers(entries::texts(texts(&[("b", "2")])), LiteMap::new()).unwrap();
    connection.update_api_key(Some("new".to_owned()));
    host.turn([corewasm_host::testing::rpc_failure(first.rpc, corewasm_host::code::UNAVAILABLE, "")]);
    let second = crate::support::next_attempt(&mut host);
    assert_eq!((header(&second, "a"), header(&second, "b")), (None, Some("2".to_owned())));
    assert_eq!(header(&second, "authorization").as_deref(), Some("Bearer new"));
    connection.update_api_key(None);
    let _outcome = call(&host, &connection, "SignalWorkflowExecution", &signal(), CallOptions::default());
    assert_eq!(header(&turn_to_rpc(&mut host, []), "authorization"), None);
}

#[test]
fn invalid_headers_are_refused_and_the_old_ones_stay() {
    let mut host = VirtualHost::new();
    let connection = connection(&host, ClientConfig { headers: texts(&[("a", "1")]), ..config() });
    let refused = [
        (texts(&[("A B", "x")]), "Invalid ASCII header key 'A B': invalid gRPC metadata key name"),
        (texts(&[("x-bin", "x")]), "Invalid ASCII header key 'x-bin': invalid gRPC metadata key name"),
        (texts(&[("x", "a\nb")]), "Invalid ASCII header value for key 'x': failed to parse metadata value"),
    ];
    for (headers, text) in refused {
        assert_eq!(connection.update_headers(entries::texts(headers), LiteMap::new()).unwrap_err().to_string(), text);
    }
    let binary = [("x".to_owned(), Default::default())].into_iter().collect();
    let error = connection.update_headers(LiteMap::new(), binary).unwrap_err();
    assert_eq!(error, InvalidHeader::BinaryKey("x".to_owned()));
    let _outcome = call(&host, &connection, "SignalWorkflowExecution", &signal(), CallOptions::default());
    assert_eq!(header(&turn_to_rpc(&mut host, []), "a").as_deref(), Some("1"));
}

#[test]
fn requests_of_no_namespace_name_none() {
    let mut host = VirtualHost::new();
    let connection = connection(&host, config());
    let _first = call(&host, &connection, "GetSystemInfo", &GetSystemInfoRequest::default(), CallOptions::default());
    assert_eq!(header(&turn_to_rpc(&mut host, []), "temporal-namespace"), None);
    let _second = call(&host, &connection, "ListNamespaces", &ListNamespacesRequest::default(), CallOptions::default());
    assert_eq!(header(&turn_to_rpc(&mut host, []), "temporal-namespace"), None);
}
