//! What a scripted frontend and its lang do, as conformance/live/script.py.

use std::collections::BTreeMap;

use prost::Message;
use temporalio_protos::temporal::api::{
    history::v1::{History, history_event::Attributes},
    workflowservice::v1::{DescribeNamespaceResponse, PollWorkflowTaskQueueResponse},
};

use crate::vector::{Base64, LiveVector, LocalAttempt, WorkerOptions};

/// Which comes first: an answer to a worker, or the task that the service has because of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Arrival {
    /// The answer.
    #[default]
    AnswerFirst,
    /// Whatever else can come, in turns of their own.
    AnswerLast,
}

/// What the frontend gives out.
#[derive(Clone, Debug, Default)]
pub struct Script {
    /// Whole; GetWorkflowExecutionHistory is answered from it.
    pub history: History,
    /// Given out in order, each once all before were answered.
    pub polls: Vec<PollWorkflowTaskQueueResponse>,
    /// Size of the worker's cache.
    pub max_cached_workflows: u32,
    /// What its configuration has beside.
    pub worker: WorkerOptions,
    /// Number of the answer (0: first) to gRPC code and message.
    pub refusals: BTreeMap<usize, (u32, String)>,
    /// Events per page; tokens read page:<first>:<last>.
    pub page_size: Option<usize>,
    /// Later tasks travel in RespondWorkflowTaskCompletedResponse.
    pub in_completion: bool,
    /// Number of the answer to the event that its response resets the run to.
    pub resets: BTreeMap<usize, i64>,
    /// Number of a poll that is not answered to the number of evictions after which it is over.
    pub unanswered: BTreeMap<usize, usize>,
    /// Of the starts of local activities, in order; later ones succeed at once.
    pub local_activities: Vec<LocalAttempt>,
    /// Of the other runs.
    pub other_histories: Vec<History>,
    /// DescribeNamespace is answered with it.
    pub namespace: DescribeNamespaceResponse,
    /// In which order answers and tasks come.
    pub arrival: Arrival,
}

impl TryFrom<&LiveVector> for Script {
    type Error = prost::DecodeError;

    fn try_from(vector: &LiveVector) -> Result<Self, Self::Error> {
        Ok(Self {
            history: History::decode(vector.history.clone())?,
            polls: decode_all(&vector.polls)?,
            worker: vector.worker,
            resets: vector.resets.clone(),
            unanswered: vector.unanswered.clone(),
            local_activities: vector.local_activities.clone(),
            other_histories: decode_all(&vector.other_histories)?,
            namespace: decode_all(vector.namespace.as_slice())?.pop().unwrap_or_default(),
            max_cached_workflows: vector.max_cached_workflows,
            refusals: vector.refusals.clone(),
            page_size: vector.page_size,
            in_completion: vector.in_completion,
            arrival: Arrival::default(),
        })
    }
}

impl Script {
    /// The history of one of the runs.
    pub fn history_of(&self, run_id: &str) -> &History {
        self.other_histories.iter().find(|history| run_id_of(history) == Some(run_id)).unwrap_or(&self.history)
    }
}

/// The id that the history itself names.
fn run_id_of(history: &History) -> Option<&str> {
    match history.events.first()?.attributes.as_ref()? {
        Attributes::WorkflowExecutionStartedEventAttributes(start) => Some(&start.original_execution_run_id),
        _ => None,
    }
}

fn decode_all<M: Message + Default>(messages: &[Base64]) -> Result<Vec<M>, prost::DecodeError> {
    messages.iter().map(|message| M::decode(message.0.clone())).collect()
}
