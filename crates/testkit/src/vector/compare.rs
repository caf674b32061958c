//! Compares transcripts with vectors, message by message.

use bytes::Bytes;
use prost::Message;
use temporalio_protos::{
    coresdk::{
        activity_result::activity_resolution::Status,
        workflow_activation::{WorkflowActivation, workflow_activation_job::Variant as Job},
    },
    temporal::api::{
        command::v1::command::Attributes, common::v1::Payload, workflowservice::v1::RespondWorkflowTaskCompletedRequest,
    },
};

use super::{
    differences::{differences, message},
    file::{Base64, LiveVector, ReplayVector},
    masks::{ACTIVATIONS, ACTIVATIONS_OF_LOCAL_ACTIVITIES, LOCAL_ACTIVITY_MARKERS, Masks, REQUESTS},
};
use crate::simulator::Transcript;

const ACTIVATION: &str = "coresdk.workflow_activation.WorkflowActivation";

/// What differs between native's replay and ours, in the order of the activations.
pub fn replay_differences(vector: &ReplayVector, ours: &[Bytes]) -> Vec<String> {
    let native: Vec<_> = vector.steps.iter().map(|(activation, _)| activation.clone()).collect();
    activation_differences(&bytes_of(&native), ours, &ACTIVATIONS)
}

/// What differs between native's live run and ours: requests first, then activations.
pub fn live_differences(vector: &LiveVector, ours: &Transcript) -> Vec<String> {
    let mut found = request_differences(vector, &ours.requests);
    let masks = if vector.times_vary { &ACTIVATIONS_OF_LOCAL_ACTIVITIES } else { &ACTIVATIONS };
    let told: Vec<_> = ours.activations.iter().map(without_schedule_times).collect();
    found.extend(activation_differences(&bytes_of(&vector.activations), &told, masks));
    found
}

/// What differs between two streams of activations; stops where one ends.
pub fn activation_differences(native: &[Bytes], ours: &[Bytes], masks: &Masks) -> Vec<String> {
    let mut found = Vec::new();
    for (index, (left, right)) in native.iter().zip(ours).enumerate() {
        let texts = message_differences(ACTIVATION, left, right, masks);
        found.extend(texts.into_iter().map(|text| format!("activation {index}: {text}")));
    }
    if native.len() != ours.len() {
        let index = native.len().min(ours.len());
        let (core, extra) =
            if native.len() > ours.len() { ("native", &native[index]) } else { ("corewasm", &ours[index]) };
        let shown = message(ACTIVATION, extra).map_or_else(|error| error, |message| message.to_string());
        found.push(format!("activation {index}: only {core} has it: {shown}"));
    }
    found
}

fn request_differences(vector: &LiveVector, ours: &[(String, Bytes)]) -> Vec<String> {
    let mut found = Vec::new();
    for index in 0..vector.requests.len().max(ours.len()) {
        let (left, right) = (vector.requests.get(index), ours.get(index));
        let names = [left.map(|(rpc, _)| rpc.as_str()), right.map(|(rpc, _)| rpc.as_str())];
        let (Some((rpc, native)), Some((_, ours))) = (left, right) else {
            found.push(format!("request {index}: native {}, corewasm {}", name(names[0]), name(names[1])));
            break;
        };
        if names[0] != names[1] {
            found.push(format!("request {index}: native {}, corewasm {}", name(names[0]), name(names[1])));
            break;
        }
        let type_name = format!("temporal.api.workflowservice.v1.{rpc}Request");
        let [native, ours] = [&native.0, ours].map(|body| without_wall_times(rpc, body));
        let texts = message_differences(&type_name, &native, &ours, &REQUESTS);
        found.extend(texts.into_iter().map(|text| format!("request {index} {rpc}: {text}")));
    }
    found
}

fn message_differences(type_name: &str, native: &[u8], ours: &[u8], masks: &Masks) -> Vec<String> {
    match (message(type_name, native), message(type_name, ours)) {
        (Ok(native), Ok(ours)) => differences(&native, &ours, masks),
        (Err(error), _) | (_, Err(error)) => vec![error],
    }
}

/// A request whose local activity markers have zero for the masked times: these lie in JSON, not in fields.
fn without_wall_times(rpc: &str, body: &Bytes) -> Bytes {
    if rpc != "RespondWorkflowTaskCompleted" {
        return body.clone();
    }
    let Ok(mut request) = RespondWorkflowTaskCompletedRequest::decode(body.clone()) else { return body.clone() };
    for command in &mut request.commands {
        if let Some(Attributes::RecordMarkerCommandAttributes(marker)) = &mut command.attributes
            && marker.marker_name == "core_local_activity"
        {
            marker.details.values_mut().flat_map(|data| &mut data.payloads).for_each(zero_times);
        }
    }
    request.encode_to_vec().into()
}

/// When a local activity was first wanted becomes zero: it differs between any two runs.
fn without_schedule_times(activation: &Bytes) -> Bytes {
    let Ok(mut message) = WorkflowActivation::decode(activation.clone()) else { return activation.clone() };
    for job in &mut message.jobs {
        if let Some(Job::ResolveActivity(resolved)) = &mut job.variant
            && let Some(Status::Backoff(backoff)) = resolved.result.as_mut().and_then(|result| result.status.as_mut())
        {
            backoff.original_schedule_time = Some(prost_types::Timestamp::default());
        }
    }
    message.encode_to_vec().into()
}

fn zero_times(payload: &mut Payload) {
    let Ok(serde_json::Value::Object(mut data)) = serde_json::from_slice(&payload.data) else { return };
    for name in LOCAL_ACTIVITY_MARKERS.may_differ.keys() {
        if let Some(time) = data.get_mut(name).filter(|time| !time.is_null()) {
            *time = serde_json::json!({ "seconds": 0, "nanos": 0 });
        }
    }
    payload.data = serde_json::Value::Object(data).to_string().into_bytes();
}

fn name(rpc: Option<&str>) -> &str {
    rpc.unwrap_or("nothing")
}

fn bytes_of(messages: &[Base64]) -> Vec<Bytes> {
    messages.iter().map(|message| message.0.clone()).collect()
}
