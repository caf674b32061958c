//! Reads vectors from their files.

use std::{collections::BTreeMap, fs, path::Path};

use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use serde::{Deserialize, Deserializer, de::DeserializeOwned, de::Error};

/// A folder or file that can not be read as vectors; names it.
#[derive(Debug)]
pub struct VectorError(String);

impl std::fmt::Display for VectorError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for VectorError {}

/// A history, lang's completions, and the activations that native gave.
#[derive(Clone, Debug, Deserialize)]
pub struct ReplayVector {
    /// The file's name without its ending.
    pub name: String,
    /// Id under which the history is pushed.
    pub workflow_id: String,
    /// temporal.api.history.v1.History.
    #[serde(deserialize_with = "decoded")]
    pub history: Bytes,
    /// In order: the activation, and the completion that lang answers.
    pub steps: Vec<(Base64, Base64)>,
}

/// What a scripted frontend gives out, and the requests and activations that native made of it.
#[derive(Clone, Debug, Deserialize)]
pub struct LiveVector {
    /// History and variant.
    pub name: String,
    /// temporal.api.history.v1.History, whole: GetWorkflowExecutionHistory is answered from it.
    #[serde(deserialize_with = "decoded")]
    pub history: Bytes,
    /// PollWorkflowTaskQueueResponse, given out in order, each once all before were answered.
    pub polls: Vec<Base64>,
    /// Size of the worker's cache.
    pub max_cached_workflows: u32,
    /// Number of the answer (0: first) to gRPC code and message.
    pub refusals: BTreeMap<usize, (u32, String)>,
    /// Events per page.
    pub page_size: Option<usize>,
    /// Later tasks travel in RespondWorkflowTaskCompletedResponse.
    pub in_completion: bool,
    /// Activation timestamps are not compared.
    pub times_vary: bool,
    /// What the worker's configuration has beside its cache.
    #[serde(default)]
    pub worker: WorkerOptions,
    /// Number of the answer to the event that its response resets the run to.
    #[serde(default)]
    pub resets: BTreeMap<usize, i64>,
    /// Number of a poll that is not answered to the number of evictions after which it is over.
    #[serde(default)]
    pub unanswered: BTreeMap<usize, usize>,
    /// Of the starts of local activities, in order; later ones succeed at once.
    #[serde(default)]
    pub local_activities: Vec<LocalAttempt>,
    /// temporal.api.history.v1.History of the other runs.
    #[serde(default)]
    pub other_histories: Vec<Base64>,
    /// DescribeNamespaceResponse, if it says more than the name.
    #[serde(default)]
    pub namespace: Option<Base64>,
    /// Lang's answers, one per activation.
    pub completions: Vec<Base64>,
    /// RPC and request.
    pub requests: Vec<(String, Base64)>,
    /// coresdk WorkflowActivation.
    pub activations: Vec<Base64>,
}

/// Fields of the SDK's worker configuration.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WorkerOptions {
    /// Payloads that are too large are left to the service.
    pub disable_payload_error_limit: bool,
    /// Nondeterminism fails the workflow.
    pub nondeterminism_as_workflow_fail: bool,
}

impl Default for WorkerOptions {
    fn default() -> Self {
        Self { disable_payload_error_limit: true, nondeterminism_as_workflow_fail: false }
    }
}

/// What lang does with one attempt of a local activity.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct LocalAttempt {
    /// ActivityExecutionResult; none: nothing until it is cancelled.
    pub result: Option<Base64>,
    /// The result comes once so many answers were given.
    pub after_answers: usize,
}

/// Bytes that stand as base64 in a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Base64(pub Bytes);

impl<'de> Deserialize<'de> for Base64 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        decoded(deserializer).map(Self)
    }
}

fn decoded<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Bytes, D::Error> {
    let text = String::deserialize(deserializer)?;
    BASE64_STANDARD.decode(text).map(Bytes::from).map_err(D::Error::custom)
}

/// The replay vectors below `conformance/vectors` at `folder`, by name.
///
/// # Errors
/// A file that can not be read or is no vector.
pub fn replays(folder: &Path) -> Result<Vec<ReplayVector>, VectorError> {
    read_all(&folder.join("replay"))
}

/// The live vectors below `conformance/vectors` at `folder`, by name.
///
/// # Errors
/// A file that can not be read or is no vector.
pub fn lives(folder: &Path) -> Result<Vec<LiveVector>, VectorError> {
    read_all(&folder.join("live"))
}

#[expect(clippy::disallowed_methods, reason = "the testkit is no part of Core: vectors are files")]
fn read_all<V: DeserializeOwned>(folder: &Path) -> Result<Vec<V>, VectorError> {
    let entries = fs::read_dir(folder).map_err(|error| at(folder, error))?;
    let mut paths = entries
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<Vec<_>, _>>()
        .map_err(|e: std::io::Error| at(folder, e))?;
    paths.sort();
    paths.iter().map(|path| read(path)).collect()
}

#[expect(clippy::disallowed_methods, reason = "the testkit is no part of Core: vectors are files")]
fn read<V: DeserializeOwned>(path: &Path) -> Result<V, VectorError> {
    let text = fs::read_to_string(path).map_err(|error| at(path, error))?;
    serde_json::from_str(&text).map_err(|error| at(path, error))
}

fn at(path: &Path, error: impl std::fmt::Display) -> VectorError {
    VectorError(format!("{}: {error}", path.display()))
}
