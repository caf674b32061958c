//! Spec 1, as data: replaying what native Core replayed gives the activations that native Core gave.

#![allow(clippy::disallowed_methods, reason = "recorded data is read from files")]

use crate::support::names::job_names;
use crate::support::{Driver, setup, task};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use corewasm_engine::{PreparedTask, RunSetup};
use corewasm_testkit::HistoryBuilder;
use prost::Message;
use serde_json::Value;
use temporalio_protos::coresdk::workflow_activation::WorkflowActivation;
use temporalio_protos::coresdk::workflow_completion::WorkflowActivationCompletion;
use temporalio_protos::temporal::api::history::v1::History;

struct Vector {
    name: String,
    workflow_id: String,
    history: History,
    steps: Vec<(WorkflowActivation, WorkflowActivationCompletion)>,
}

fn decode<M: Message + Default>(value: &Value) -> M {
    let bytes = STANDARD.decode(value.as_str().expect("base64 text")).expect("base64");
    M::decode(&bytes[..]).expect("a message of this kind")
}

fn vectors() -> Vec<Vector> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../conformance/vectors/replay");
    let mut paths: Vec<_> =
        std::fs::read_dir(folder).expect("the vectors are there").map(|entry| entry.expect("a file").path()).collect();
    paths.sort();
    let all = paths.iter().map(|path| vector(&std::fs::read(path).expect("a file")));
    // Where a history that stops in its middle has its last task is for a replay worker to say: those are played by
    // whole modules only.
    all.filter(|vector| !vector.name.starts_with("bad-truncated")).collect()
}

fn vector(json: &[u8]) -> Vector {
    let json: Value = serde_json::from_slice(json).expect("JSON");
    let steps = json["steps"].as_array().expect("steps").iter();
    Vector {
        name: json["name"].as_str().expect("a name").to_owned(),
        workflow_id: json["workflow_id"].as_str().expect("an id").to_owned(),
        history: decode(&json["history"]),
        steps: steps.map(|step| (decode(&step[0]), decode(&step[1]))).collect(),
    }
}

fn replay_task(vector: &Vector) -> PreparedTask {
    let view = HistoryBuilder::of_events(vector.history.events.clone()).whole();
    let run_id = vector.history.extract_run_id_from_start().expect("a start event").to_owned();
    PreparedTask { attempt: 0, workflow_id: vector.workflow_id.clone(), run_id, ..task(&view) }
}

/// The first difference from native, if there is one.
fn difference(vector: &Vector, setup: RunSetup) -> Option<String> {
    let mut driver = Driver::with_setup(setup, replay_task(vector));
    for (number, (expected, completion)) in vector.steps.iter().enumerate() {
        let Some(mut activation) = driver.activation.clone() else {
            return Some(format!("{}: no activation {number}", vector.name));
        };
        let mut expected = expected.clone();
        expected.available_internal_flags.sort_unstable();
        activation.available_internal_flags.sort_unstable();
        if activation != expected {
            let names = (job_names(&activation), job_names(&expected));
            return Some(format!(
                "{} {number} {names:?}:\n  ours   {activation:?}\n  native {expected:?}",
                vector.name
            ));
        }
        driver.complete_as(completion.clone());
    }
    driver.activation.as_ref().map(|activation| format!("{}: one more: {:?}", vector.name, job_names(activation)))
}

#[test]
fn every_replay_gives_native_cores_activations() {
    let vectors = vectors();
    assert!(vectors.len() > 10, "the vectors are there");
    let setup = RunSetup { replay_only: true, ..setup() };
    let differences: Vec<_> = vectors.iter().filter_map(|vector| difference(vector, setup.clone())).collect();
    assert!(differences.is_empty(), "{} of {}:\n{}", differences.len(), vectors.len(), differences.join("\n"));
}
