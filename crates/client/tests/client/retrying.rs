//! Spec 10.2: what is tried again, how often and after which pause.

use std::time::Duration;

use corewasm_client::{CallOptions, Connection, Retry, RpcError};
use corewasm_host::{
    GrpcStatus, code,
    envelope::{GrpcStatus as WireStatus, LogLevel, RetryConfig, RpcResult, effect, input, rpc_result},
    testing::{VirtualHost, rpc_failure, rpc_response},
};
use temporalio_protos::temporal::api::workflowservice::v1::{
    CountWorkflowExecutionsRequest, CountWorkflowExecutionsResponse, PollActivityTaskQueueRequest,
    UpdateWorkflowExecutionRequest,
};

use crate::support::{Outcome, call, config, connection, next_attempt, spawn, turn_to_rpc};

fn without_jitter() -> RetryConfig {
    RetryConfig {
        initial_interval_ns: 100_000_000,
        randomization_factor: 0.0,
        multiplier: 2.0,
        max_interval_ns: 1_000_000_000,
        max_elapsed_ns: None,
        max_retries: 4,
    }
}

fn exact_connection(host: &VirtualHost) -> Connection {
    connection(host, corewasm_host::envelope::ClientConfig { retry: Some(without_jitter()), ..config() })
}

/// Fails every attempt with `code` until the call gives up; gives the pauses between the attempts in milliseconds and
/// the error.
fn pauses_until_given_up(
    host: &mut VirtualHost,
    outcome: &Outcome<Result<corewasm_host::GrpcResponse, RpcError>>,
    code: u32,
) -> (Vec<u128>, RpcError) {
    let mut pauses = Vec::new();
    let mut start = turn_to_rpc(host, []);
    loop {
        host.turn([rpc_failure(start.rpc, code, "no")]);
        if !outcome.is_pending() {
            return (pauses, outcome.take().unwrap().unwrap_err());
        }
        let before = host.elapsed();
        start = next_attempt(host);
        pauses.push((host.elapsed() - before).as_millis());
    }
}

#[test]
fn retryable_codes_are_tried_again_with_growing_pauses() {
    for code in [code::DATA_LOSS, code::INTERNAL, code::UNKNOWN, code::ABORTED, code::OUT_OF_RANGE, code::UNAVAILABLE] {
        let mut host = VirtualHost::new();
        let connection = exact_connection(&host);
        let outcome = call(&host, &connection, "CountWorkflowExecutions", &counting(), CallOptions::default());
        let (pauses, error) = pauses_until_given_up(&mut host, &outcome, code);
        assert_eq!(pauses, [100, 200, 400], "code {code}");
        assert_eq!(error.status.code, code);
    }
}

fn counting() -> CountWorkflowExecutionsRequest {
    CountWorkflowExecutionsRequest { namespace: "default".to_owned(), ..Default::default() }
}

#[test]
fn other_codes_reach_the_caller_at_once() {
    for code in [code::NOT_FOUND, code::INVALID_ARGUMENT, code::CANCELLED, code::DEADLINE_EXCEEDED, code::UNIMPLEMENTED]
    {
        let mut host = VirtualHost::new();
        let connection = exact_connection(&host);
        let outcome = call(&host, &connection, "CountWorkflowExecutions", &counting(), CallOptions::default());
        let (pauses, error) = pauses_until_given_up(&mut host, &outcome, code);
        assert_eq!((pauses.len(), error.status.code), (0, code));
    }
}

#[test]
fn exhaustion_waits_for_the_throttles_pause() {
    let mut host = VirtualHost::new();
    let connection = exact_connection(&host);
    let outcome = call(&host, &connection, "CountWorkflowExecutions", &counting(), CallOptions::default());
    let (pauses, _) = pauses_until_given_up(&mut host, &outcome, code::RESOURCE_EXHAUSTED);
    for (pause, nominal) in pauses.iter().zip([1000.0, 2000.0, 4000.0]) {
        let pause = *pause as f64;
        assert!((nominal * 0.8 - 1.0..=nominal * 1.2).contains(&pause), "{pauses:?}");
    }
    assert_eq!(pauses.len(), 3);
}

#[test]
fn a_success_after_failures_is_a_success() {
    let mut host = VirtualHost::new();
    let connection = exact_connection(&host);
    let outcome = call(&host, &connection, "CountWorkflowExecutions", &counting(), CallOptions::default());
    let first = turn_to_rpc(&mut host, []);
    host.turn([rpc_failure(first.rpc, code::UNAVAILABLE, "later")]);
    let second = next_attempt(&mut host);
    assert_eq!((&first.body, &first.metadata, first.uri), (&second.body, &second.metadata, second.uri));
    host.turn([rpc_response(second.rpc, &CountWorkflowExecutionsResponse { count: 3, ..Default::default() })]);
    assert!(outcome.take().unwrap().is_ok());
}

#[test]
fn the_default_policy_gives_up_when_the_next_pause_would_be_too_late() {
    let mut host = VirtualHost::new();
    let connection = connection(&host, config());
    let outcome = call(&host, &connection, "CountWorkflowExecutions", &counting(), CallOptions::default());
    let (pauses, _) = pauses_until_given_up(&mut host, &outcome, code::UNAVAILABLE);
    assert!(host.elapsed() <= Duration::from_secs(10));
    assert!(pauses.len() < 9, "{pauses:?}");
    assert!((80..=120).contains(&pauses[0]), "{pauses:?}");
}

#[test]
fn task_polls_are_tried_for_ever() {
    let mut host = VirtualHost::new();
    let connection = connection(&host, config());
    let request = PollActivityTaskQueueRequest::default();
    let options = CallOptions { retry: Retry::TaskPoll, ..CallOptions::default() };
    let outcome = call(&host, &connection, "PollActivityTaskQueue", &request, options);
    let mut start = turn_to_rpc(&mut host, []);
    assert_eq!(start.timeout_ns, 70_000_000_000);
    for attempt in 0..50 {
        let code = [code::UNAVAILABLE, code::CANCELLED, code::DEADLINE_EXCEEDED][attempt % 3];
        host.turn([rpc_failure(start.rpc, code, "no")]);
        assert!(outcome.is_pending());
        start = next_attempt(&mut host);
    }
}

#[test]
fn a_task_poll_puts_up_with_any_error_for_a_minute() {
    let mut host = VirtualHost::new();
    let connection = connection(&host, config());
    let request = PollActivityTaskQueueRequest::default();
    let options = CallOptions { retry: Retry::TaskPoll, ..CallOptions::default() };
    let outcome = call(&host, &connection, "PollActivityTaskQueue", &request, options);
    let (pauses, error) = pauses_until_given_up(&mut host, &outcome, code::NOT_FOUND);
    assert_eq!(pauses, [10_000; 7]);
    assert_eq!(error.status.code, code::NOT_FOUND);
}

#[test]
fn a_cancellation_by_the_transport_is_tried_again() {
    let mut host = VirtualHost::new();
    let connection = exact_connection(&host);
    let outcome = call(&host, &connection, "CountWorkflowExecutions", &counting(), CallOptions::default());
    let start = turn_to_rpc(&mut host, []);
    let status = WireStatus { code: code::CANCELLED, transport: true, ..Default::default() };
    let result = Some(rpc_result::Result::Status(status));
    host.turn([input::Kind::RpcResult(RpcResult { rpc: start.rpc, result })]);
    assert!(outcome.is_pending());
    next_attempt(&mut host);
}

#[test]
fn a_message_that_is_too_large_is_never_tried_again_and_marked() {
    let mut host = VirtualHost::new();
    let connection = exact_connection(&host);
    let outcome = call(&host, &connection, "CountWorkflowExecutions", &counting(), CallOptions::default());
    let start = turn_to_rpc(&mut host, []);
    let text = "grpc: received message larger than max (5 vs. 4)";
    host.turn([rpc_failure(start.rpc, code::RESOURCE_EXHAUSTED, text)]);
    let error = outcome.take().unwrap().unwrap_err();
    assert!(error.message_too_large);
}

#[test]
fn a_matching_error_is_forwarded_and_marked() {
    let mut host = VirtualHost::new();
    let connection = exact_connection(&host);
    let matches: fn(&GrpcStatus) -> bool = |status| status.code == code::UNAVAILABLE;
    let options = CallOptions { no_retry_on: Some(matches), ..CallOptions::default() };
    let outcome = call(&host, &connection, "CountWorkflowExecutions", &counting(), options);
    let start = turn_to_rpc(&mut host, []);
    host.turn([rpc_failure(start.rpc, code::UNAVAILABLE, "")]);
    assert!(outcome.take().unwrap().unwrap_err().short_circuit);
}

#[test]
fn users_long_polls_have_time_but_the_ordinary_policy() {
    let mut host = VirtualHost::new();
    let connection = exact_connection(&host);
    let request = UpdateWorkflowExecutionRequest::default();
    let outcome = call(&host, &connection, "UpdateWorkflowExecution", &request, CallOptions::default());
    let start = turn_to_rpc(&mut host, []);
    assert_eq!(start.timeout_ns, 70_000_000_000);
    host.turn([rpc_failure(start.rpc, code::DEADLINE_EXCEEDED, "")]);
    assert_eq!(outcome.take().unwrap().unwrap_err().status.code, code::DEADLINE_EXCEEDED);
}

#[test]
fn a_call_dropped_between_attempts_leaves_nothing_behind() {
    let mut host = VirtualHost::new();
    let connection = exact_connection(&host);
    let dropped = connection.clone();
    let task = host.host().spawn(async move {
        let rpc = corewasm_client::Rpc::workflow_service("CountWorkflowExecutions");
        let _ = dropped.call_raw(rpc, Default::default(), CallOptions::default()).await;
    });
    let start = turn_to_rpc(&mut host, []);
    host.turn([rpc_failure(start.rpc, code::UNAVAILABLE, "")]);
    assert!(host.last_response().next_wakeup_ns.is_some());
    task.abort();
    host.turn([]);
    assert_eq!(host.last_response().next_wakeup_ns, None);
}

#[test]
fn retries_grow_louder() {
    let mut host = VirtualHost::new();
    let connection = connection(&host, config());
    let options = CallOptions { retry: Retry::TaskPoll, ..CallOptions::default() };
    let request = PollActivityTaskQueueRequest::default();
    let polling = connection.clone();
    let body = prost::Message::encode_to_vec(&request);
    let _outcome = spawn(&host, async move {
        let rpc = corewasm_client::Rpc::workflow_service("PollActivityTaskQueue");
        polling.call_raw(rpc, body.into(), options).await
    });
    let mut levels = Vec::new();
    let mut start = turn_to_rpc(&mut host, []);
    for _ in 0..17 {
        let effects = host.turn([rpc_failure(start.rpc, code::UNAVAILABLE, "no")]);
        levels.extend(effects.iter().map(|effect| match effect {
            effect::Kind::Log(log) => log.level(),
            other => panic!("{other:?}"),
        }));
        start = next_attempt(&mut host);
    }
    let expected = [&[LogLevel::Debug][..], &[LogLevel::Warn; 10], &[LogLevel::Error; 2]].concat();
    assert_eq!(levels, expected);
}
