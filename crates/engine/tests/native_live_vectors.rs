//! Spec 1, as data: what native Core gave lang and told the service, task by task, is what a run gives and tells.

#![allow(clippy::disallowed_methods, reason = "recorded data is read from files")]

use crate::support::names::job_names;
use crate::support::{Driver, Report, completed_with, setup};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use corewasm_engine::history::{Extraction, Paginator, TaskHistory, split_poll_response};
use corewasm_engine::{PreparedTask, RunSetup};
use prost::Message;
use serde_json::Value;
use temporalio_protos::coresdk::workflow_activation::WorkflowActivation;
use temporalio_protos::coresdk::workflow_completion::WorkflowActivationCompletion;
use temporalio_protos::temporal::api::command::v1::command::Attributes;
use temporalio_protos::temporal::api::common::v1::Payload;
use temporalio_protos::temporal::api::workflowservice::v1::{
    RespondQueryTaskCompletedRequest, RespondWorkflowTaskCompletedRequest, RespondWorkflowTaskFailedRequest,
};

struct Vector {
    json: Value,
}

impl Vector {
    fn name(&self) -> &str {
        self.json["name"].as_str().expect("a name")
    }

    fn list(&self, field: &str) -> &[Value] {
        self.json[field].as_array().expect("a list")
    }

    /// The run takes the tasks as they come: cached, whole, none refused.
    fn is_for_one_run(&self) -> bool {
        let kind = self.name().rsplit('/').next();
        let fetches = self.list("requests").iter().any(|request| request[0] == "GetWorkflowExecutionHistory");
        matches!(kind, Some("sticky" | "queried" | "handed-on")) && !fetches
    }
}

fn bytes(value: &Value) -> Vec<u8> {
    STANDARD.decode(value.as_str().expect("base64 text")).expect("base64")
}

fn decode<M: Message + Default>(value: &Value) -> M {
    M::decode(&bytes(value)[..]).expect("a message of this kind")
}

fn vectors() -> Vec<Vector> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../conformance/vectors/live");
    let mut paths: Vec<_> =
        std::fs::read_dir(folder).expect("the vectors are there").map(|entry| entry.expect("a file").path()).collect();
    paths.sort();
    let read = |path| serde_json::from_slice(&std::fs::read(path).expect("a file")).expect("JSON");
    paths.iter().map(|path| Vector { json: read(path) }).filter(Vector::is_for_one_run).collect()
}

fn polled_task(poll: &Value) -> PreparedTask {
    let split = split_poll_response(&bytes(poll).into()).expect("a poll response");
    let response = split.response;
    let execution = response.workflow_execution.expect("an execution");
    let mut queries: Vec<_> = response.queries.into_iter().collect();
    queries.sort_by(|one, other| one.0.cmp(&other.0));
    let mut paginator = Paginator::for_task(TaskHistory {
        workflow_id: execution.workflow_id.clone(),
        run_id: execution.run_id.clone(),
        previous_started_event_id: response.previous_started_event_id,
        started_event_id: response.started_event_id,
        events: split.events,
        next_page_token: response.next_page_token,
        has_query: response.query.is_some() || !queries.is_empty(),
    })
    .expect("a task with events or a query");
    let update = match paginator.extract_next_update() {
        Ok(Extraction::Update(update)) => update,
        other => panic!("the task is whole: {other:?}"),
    };
    PreparedTask {
        task_token: response.task_token.into(),
        attempt: u32::try_from(response.attempt).expect("attempts are positive"),
        workflow_id: execution.workflow_id,
        run_id: execution.run_id,
        workflow_type: response.workflow_type.expect("a type").name,
        legacy_query: response.query,
        queries,
        messages: response.messages,
        update,
        paginator,
    }
}

/// Plays the vector; answers the activations.
fn play(vector: &Vector) -> (Driver, Vec<WorkflowActivation>) {
    let mut completions = vector.list("completions").iter().map(decode::<WorkflowActivationCompletion>);
    let mut polls = vector.list("polls").iter().map(polled_task);
    let setup = RunSetup {
        task_queue: "replay".to_owned(),
        deployment_version: Some((String::new(), "conformance".to_owned())),
        ..setup()
    };
    let mut driver = Driver::with_setup(setup, polls.next().expect("a first task"));
    let mut seen = vec![];
    let mut executed = 0;
    if vector.json["in_completion"] == true {
        driver.next_tasks.extend(polls.by_ref());
    }
    loop {
        if let Some(activation) = driver.activation.clone() {
            seen.push(activation);
            match completions.next() {
                Some(completion) => driver.complete_as(completion),
                None => break,
            }
        } else if let Some(execution) = driver.local_activities.get(executed) {
            let seq = execution.schedule.seq;
            executed += 1;
            let metadata = [("encoding".to_owned(), b"json/plain".to_vec())].into_iter().collect();
            driver
                .resolve(completed_with(seq, Payload { metadata, data: b"\"local\"".to_vec(), ..Payload::default() }));
        } else if driver.evicted.is_some() {
            break;
        } else if let Some(task) = polls.next() {
            driver.task(task);
        } else {
            break;
        }
    }
    (driver, seen)
}

fn differences(vector: &Vector) -> Vec<String> {
    let (driver, seen) = play(vector);
    let native: Vec<WorkflowActivation> = vector.list("activations").iter().map(decode).collect();
    let times_vary = vector.json["times_vary"] == true;
    let activations = (0..seen.len().max(native.len())).filter_map(|number| {
        let (ours, native) = (seen.get(number), native.get(number));
        let (ours, native) = (ours.map(|a| comparable(a, times_vary)), native.map(|a| comparable(a, times_vary)));
        (ours != native).then(|| {
            let names = (ours.as_ref().map(job_names), native.as_ref().map(job_names));
            format!("{} activation {number} {names:?}\n  ours   {ours:?}\n  native {native:?}", vector.name())
        })
    });
    let requests = vector.list("requests");
    let reports = (0..requests.len().max(driver.reports.len())).filter_map(|number| {
        let ours = driver.reports.get(number).map(told);
        let native = requests.get(number).map(requested);
        (ours != native).then(|| format!("{} report {number}\n  ours   {ours:?}\n  native {native:?}", vector.name()))
    });
    activations.chain(reports).collect()
}

fn comparable(activation: &WorkflowActivation, times_vary: bool) -> WorkflowActivation {
    let mut activation = activation.clone();
    activation.available_internal_flags.sort_unstable();
    if times_vary {
        activation.timestamp = None;
    }
    activation
}

/// What of a report both sides have, with flags in order and the times in markers left out.
fn told(report: &Report) -> RespondWorkflowTaskCompletedRequest {
    match report {
        Report::Complete(completion) => normal(RespondWorkflowTaskCompletedRequest {
            task_token: completion.task_token.to_vec(),
            commands: completion.commands.clone(),
            messages: completion.messages.clone(),
            force_create_new_workflow_task: completion.force_create_new_task,
            sdk_metadata: Some(completion.sdk_metadata.clone()),
            versioning_behavior: completion.versioning_behavior as i32,
            ..Default::default()
        }),
        Report::Fail(failure) => failed(failure.task_token.to_vec(), failure.cause as i32, &failure.failure.message),
        Report::LegacyQuery(_) => failed(vec![], 0, "a query"),
    }
}

fn requested(request: &Value) -> RespondWorkflowTaskCompletedRequest {
    match request[0].as_str() {
        Some("RespondWorkflowTaskCompleted") => {
            let request: RespondWorkflowTaskCompletedRequest = decode(&request[1]);
            normal(RespondWorkflowTaskCompletedRequest {
                task_token: request.task_token,
                commands: request.commands,
                messages: request.messages,
                force_create_new_workflow_task: request.force_create_new_workflow_task,
                sdk_metadata: request.sdk_metadata,
                versioning_behavior: request.versioning_behavior,
                ..Default::default()
            })
        }
        Some("RespondWorkflowTaskFailed") => {
            let request: RespondWorkflowTaskFailedRequest = decode(&request[1]);
            failed(request.task_token, request.cause, &request.failure.unwrap_or_default().message)
        }
        Some("RespondQueryTaskCompleted") => {
            let _: RespondQueryTaskCompletedRequest = decode(&request[1]);
            failed(vec![], 0, "a query")
        }
        other => panic!("a run does not ask for {other:?}"),
    }
}

/// A failure, in the shape of a completion so that all reports compare alike.
fn failed(task_token: Vec<u8>, cause: i32, message: &str) -> RespondWorkflowTaskCompletedRequest {
    RespondWorkflowTaskCompletedRequest {
        task_token,
        identity: format!("failed with cause {cause}: {message}"),
        ..Default::default()
    }
}

fn normal(mut request: RespondWorkflowTaskCompletedRequest) -> RespondWorkflowTaskCompletedRequest {
    if let Some(metadata) = &mut request.sdk_metadata {
        metadata.core_used_flags.sort_unstable();
        metadata.lang_used_flags.sort_unstable();
    }
    for command in &mut request.commands {
        crate::support::recorder::forget_marker_times(command);
        // Whether an activity may start eagerly is for the worker to say: it knows its slots.
        if let Some(Attributes::ScheduleActivityTaskCommandAttributes(schedule)) = &mut command.attributes {
            schedule.request_eager_execution = false;
        }
    }
    request
}

#[test]
fn every_task_ends_as_it_did_on_native_core() {
    let vectors = vectors();
    assert!(vectors.len() > 30, "the vectors are there");
    let differences: Vec<_> = vectors.iter().flat_map(differences).collect();
    assert!(differences.is_empty(), "{} differences:\n{}", differences.len(), differences.join("\n"));
}
