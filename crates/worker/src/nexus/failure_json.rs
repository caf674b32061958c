//! A Temporal failure in the JSON form of protobuf: how services without Temporal's own failures carry one (spec 5.5).
//!
//! Fields with their default value are left out, 64-bit integers are texts, bytes are base64, enum values are their
//! names.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Map, Value, json};
use temporalio_protos::temporal::api::common::v1::{ActivityType, Payload, Payloads, WorkflowExecution, WorkflowType};
use temporalio_protos::temporal::api::failure::v1::Failure;
use temporalio_protos::temporal::api::failure::v1::failure::FailureInfo;

/// The failure as a JSON object.
pub fn to_json(failure: &Failure) -> Value {
    let (info_name, info) = failure.failure_info.as_ref().map_or(("", None), |info| {
        let (name, fields) = info_fields(info);
        (name, Some(object(fields)))
    });
    object(vec![
        ("message", text(&failure.message)),
        ("source", text(&failure.source)),
        ("stackTrace", text(&failure.stack_trace)),
        ("encodedAttributes", failure.encoded_attributes.as_ref().map(payload)),
        ("cause", failure.cause.as_deref().map(to_json)),
        (info_name, info),
    ])
}

type Fields = Vec<(&'static str, Option<Value>)>;

fn info_fields(info: &FailureInfo) -> (&'static str, Fields) {
    match info {
        FailureInfo::ApplicationFailureInfo(info) => (
            "applicationFailureInfo",
            vec![
                ("type", text(&info.r#type)),
                ("nonRetryable", flag(info.non_retryable)),
                ("details", info.details.as_ref().map(payloads)),
                ("nextRetryDelay", info.next_retry_delay.as_ref().map(duration)),
                ("category", name(info.category, info.category().as_str_name())),
            ],
        ),
        FailureInfo::TimeoutFailureInfo(info) => (
            "timeoutFailureInfo",
            vec![
                ("timeoutType", name(info.timeout_type, info.timeout_type().as_str_name())),
                ("lastHeartbeatDetails", info.last_heartbeat_details.as_ref().map(payloads)),
            ],
        ),
        FailureInfo::CanceledFailureInfo(info) => (
            "canceledFailureInfo",
            vec![("details", info.details.as_ref().map(payloads)), ("identity", text(&info.identity))],
        ),
        FailureInfo::TerminatedFailureInfo(info) => ("terminatedFailureInfo", vec![("identity", text(&info.identity))]),
        FailureInfo::ServerFailureInfo(info) => ("serverFailureInfo", vec![("nonRetryable", flag(info.non_retryable))]),
        FailureInfo::ResetWorkflowFailureInfo(info) => (
            "resetWorkflowFailureInfo",
            vec![("lastHeartbeatDetails", info.last_heartbeat_details.as_ref().map(payloads))],
        ),
        operation => operation_fields(operation),
    }
}

/// Failures that wrap the failure of something that a workflow had asked for.
#[allow(deprecated, reason = "the old name of the token is carried as well")]
fn operation_fields(info: &FailureInfo) -> (&'static str, Fields) {
    match info {
        FailureInfo::ActivityFailureInfo(info) => (
            "activityFailureInfo",
            vec![
                ("scheduledEventId", int64(info.scheduled_event_id)),
                ("startedEventId", int64(info.started_event_id)),
                ("identity", text(&info.identity)),
                ("activityType", info.activity_type.as_ref().map(|ActivityType { name }| named(name))),
                ("activityId", text(&info.activity_id)),
                ("retryState", name(info.retry_state, info.retry_state().as_str_name())),
            ],
        ),
        FailureInfo::ChildWorkflowExecutionFailureInfo(info) => (
            "childWorkflowExecutionFailureInfo",
            vec![
                ("namespace", text(&info.namespace)),
                ("workflowExecution", info.workflow_execution.as_ref().map(execution)),
                ("workflowType", info.workflow_type.as_ref().map(|WorkflowType { name }| named(name))),
                ("initiatedEventId", int64(info.initiated_event_id)),
                ("startedEventId", int64(info.started_event_id)),
                ("retryState", name(info.retry_state, info.retry_state().as_str_name())),
            ],
        ),
        FailureInfo::NexusOperationExecutionFailureInfo(info) => (
            "nexusOperationExecutionFailureInfo",
            vec![
                ("scheduledEventId", int64(info.scheduled_event_id)),
                ("endpoint", text(&info.endpoint)),
                ("service", text(&info.service)),
                ("operation", text(&info.operation)),
                ("operationId", text(&info.operation_id)),
                ("operationToken", text(&info.operation_token)),
            ],
        ),
        FailureInfo::NexusHandlerFailureInfo(info) => (
            "nexusHandlerFailureInfo",
            vec![
                ("type", text(&info.r#type)),
                ("retryBehavior", name(info.retry_behavior, info.retry_behavior().as_str_name())),
            ],
        ),
        // The others are dealt with by `info_fields`.
        _ => ("", Vec::new()),
    }
}

fn object(fields: Fields) -> Value {
    let mut object = Map::new();
    for (name, value) in fields {
        if let Some(value) = value {
            object.insert(name.to_owned(), value);
        }
    }
    Value::Object(object)
}

fn payloads(payloads: &Payloads) -> Value {
    let all: Vec<_> = payloads.payloads.iter().map(payload).collect();
    object(vec![("payloads", (!all.is_empty()).then_some(Value::Array(all)))])
}

fn payload(payload: &Payload) -> Value {
    let mut metadata = Map::new();
    payload.metadata.iter().for_each(|(key, value)| drop(metadata.insert(key.clone(), bytes(value))));
    let external =
        payload.external_payloads.iter().map(|external| object(vec![("sizeBytes", int64(external.size_bytes))]));
    let external: Vec<_> = external.collect();
    object(vec![
        ("metadata", (!metadata.is_empty()).then_some(Value::Object(metadata))),
        ("data", (!payload.data.is_empty()).then(|| bytes(&payload.data))),
        ("externalPayloads", (!external.is_empty()).then_some(Value::Array(external))),
    ])
}

fn execution(execution: &WorkflowExecution) -> Value {
    object(vec![("workflowId", text(&execution.workflow_id)), ("runId", text(&execution.run_id))])
}

fn named(name: &str) -> Value {
    object(vec![("name", text(name))])
}

fn duration(duration: &prost_types::Duration) -> Value {
    let sign = if duration.seconds < 0 || duration.nanos < 0 { "-" } else { "" };
    let (seconds, nanos) = (duration.seconds.unsigned_abs(), duration.nanos.unsigned_abs());
    if nanos == 0 { json!(format!("{sign}{seconds}s")) } else { json!(format!("{sign}{seconds}.{nanos:09}s")) }
}

fn bytes(bytes: &[u8]) -> Value {
    Value::String(BASE64_STANDARD.encode(bytes))
}

fn text(text: &str) -> Option<Value> {
    (!text.is_empty()).then(|| json!(text))
}

fn flag(flag: bool) -> Option<Value> {
    flag.then_some(Value::Bool(true))
}

fn int64(number: i64) -> Option<Value> {
    (number != 0).then(|| json!(number.to_string()))
}

/// Zero is an enum's default.
fn name(number: i32, name: &str) -> Option<Value> {
    (number != 0).then(|| json!(name))
}
