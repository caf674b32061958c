//! Spec 10.3: payloads are measured before anything is sent.

use corewasm_client::{CallOptions, LimitClass, PayloadErrorLimits, Retry};
use corewasm_host::{
    code,
    envelope::{ClientConfig, LogLevel, effect},
    testing::{VirtualHost, rpc_starts},
};
use prost::Message;
use temporalio_protos::temporal::api::{
    command::v1::{
        Command, RecordMarkerCommandAttributes, UpsertWorkflowSearchAttributesCommandAttributes, command::Attributes,
    },
    common::v1::{Memo, Payload, Payloads, SearchAttributes},
    workflowservice::v1::{
        RespondActivityTaskFailedRequest, RespondWorkflowTaskCompletedRequest, StartWorkflowExecutionRequest,
    },
};

use crate::support::{call, config, connection};

const LIMITS: PayloadErrorLimits = PayloadErrorLimits { blob: 100, memo: 50 };

fn payload(bytes: usize) -> Payload {
    Payload { data: vec![7; bytes], ..Default::default() }
}

fn payloads(bytes: usize) -> Option<Payloads> {
    Some(Payloads { payloads: vec![payload(bytes)] })
}

fn completion(attributes: Attributes) -> RespondWorkflowTaskCompletedRequest {
    let command = Command { attributes: Some(attributes), ..Default::default() };
    RespondWorkflowTaskCompletedRequest { commands: vec![command], ..Default::default() }
}

/// Size and class of what fails the call, if anything does, and whether it was sent.
fn judged(method: &'static str, request: &impl Message) -> (Option<(LimitClass, u64)>, bool) {
    let mut host = VirtualHost::new();
    let connection = connection(&host, config());
    let options = CallOptions { payload_error_limits: LIMITS, ..CallOptions::default() };
    let outcome = call(&host, &connection, method, request, options);
    let effects = host.turn([]);
    let error = outcome.take().map(|result| result.unwrap_err());
    if let Some(error) = &error {
        assert_eq!(error.status.code, code::INVALID_ARGUMENT);
        assert!(error.status.message.starts_with("[TMPRL1103] Attempted to upload "));
        assert!(error.status.message.ends_with(" with size that exceeded the error limit."));
    }
    let violation = error.and_then(|error| error.payload_limit);
    (violation.map(|violation| (violation.class, violation.size)), !rpc_starts(&effects).is_empty())
}

#[test]
fn an_oversized_input_is_not_sent() {
    let request = StartWorkflowExecutionRequest { input: payloads(200), ..Default::default() };
    let size = request.input.as_ref().unwrap().encoded_len() as u64;
    assert_eq!(judged("StartWorkflowExecution", &request), (Some((LimitClass::Blob, size)), false));
    let request = StartWorkflowExecutionRequest { input: payloads(20), ..Default::default() };
    assert_eq!(judged("StartWorkflowExecution", &request), (None, true));
}

#[test]
fn a_memo_is_under_its_own_limit() {
    let memo = Memo { fields: [("key".to_owned(), payload(60))].into() };
    let size = memo.encoded_len() as u64;
    let request = StartWorkflowExecutionRequest { memo: Some(memo), ..Default::default() };
    assert_eq!(judged("StartWorkflowExecution", &request), (Some((LimitClass::Memo, size)), false));
}

#[test]
fn a_markers_details_are_summed_by_key_and_encoded_value() {
    let details = [("ab".to_owned(), payloads(60).unwrap()), ("cde".to_owned(), payloads(61).unwrap())];
    let sum = 5 + details.iter().map(|(_, value)| value.encoded_len() as u64).sum::<u64>();
    let marker = RecordMarkerCommandAttributes { details: details.into(), ..Default::default() };
    let request = completion(Attributes::RecordMarkerCommandAttributes(marker));
    assert_eq!(judged("RespondWorkflowTaskCompleted", &request), (Some((LimitClass::Blob, sum)), false));
}

#[test]
fn search_attributes_count_their_raw_data() {
    let fields = [("ab".to_owned(), payload(60)), ("cde".to_owned(), payload(61))];
    let search_attributes = Some(SearchAttributes { indexed_fields: fields.into() });
    let upsert = UpsertWorkflowSearchAttributesCommandAttributes { search_attributes };
    let request = completion(Attributes::UpsertWorkflowSearchAttributesCommandAttributes(upsert));
    assert_eq!(judged("RespondWorkflowTaskCompleted", &request), (Some((LimitClass::Blob, 126)), false));
}

#[test]
fn some_fields_only_warn() {
    let request = RespondActivityTaskFailedRequest { last_heartbeat_details: payloads(500), ..Default::default() };
    assert_eq!(judged("RespondActivityTaskFailed", &request), (None, true));
}

#[test]
fn what_is_over_the_warning_size_is_logged_and_sent() {
    let mut host = VirtualHost::new();
    let connection = connection(&host, ClientConfig { payloads_warn_size: 10, ..config() });
    let request = StartWorkflowExecutionRequest { input: payloads(20), ..Default::default() };
    let _outcome = call(&host, &connection, "StartWorkflowExecution", &request, CallOptions::default());
    let effects = host.turn([]);
    let [effect::Kind::Log(log), effect::Kind::RpcStart(_)] = &effects[..] else { panic!("{effects:?}") };
    assert_eq!(log.level(), LogLevel::Warn);
    assert_eq!(log.message, "[TMPRL1103] Attempted to upload payloads with size that exceeded the warning limit.");
    assert_eq!(log.field("limit"), Some("10"));
    let options = CallOptions { retry: Retry::Off, ..CallOptions::default() };
    let _outcome = call(&host, &connection, "StartWorkflowExecution", &request, options);
    assert_eq!(host.turn([]).len(), 1, "a call past the client's layers is not measured");
}
