//! What the poll engine reads in an answer.

use corewasm_engine::history::SplitPoll;
use temporalio_protos::temporal::api::workflowservice::v1::{
    PollActivityTaskQueueResponse, PollNexusTaskQueueResponse,
};

/// The answer to a poll.
pub trait PollAnswer: 'static {
    /// The long poll timed out: there is no task in it (spec 1.2.1).
    fn is_empty(&self) -> bool;
    /// How many polls more (or fewer) the server wants.
    fn scaling_delta(&self) -> Option<i32>;
    /// Tasks that wait in the queue.
    fn backlog_hint(&self) -> i64 {
        0
    }
}

impl PollAnswer for SplitPoll {
    fn is_empty(&self) -> bool {
        self.response.task_token.is_empty() && self.response.workflow_execution.is_none() && self.events.is_empty()
    }

    fn scaling_delta(&self) -> Option<i32> {
        self.response.poller_scaling_decision.as_ref().map(|decision| decision.poll_request_delta_suggestion)
    }

    fn backlog_hint(&self) -> i64 {
        self.response.backlog_count_hint
    }
}

impl PollAnswer for PollActivityTaskQueueResponse {
    fn is_empty(&self) -> bool {
        self.task_token.is_empty() && Self { poller_scaling_decision: None, ..self.clone() } == Self::default()
    }

    fn scaling_delta(&self) -> Option<i32> {
        self.poller_scaling_decision.as_ref().map(|decision| decision.poll_request_delta_suggestion)
    }
}

impl PollAnswer for PollNexusTaskQueueResponse {
    fn is_empty(&self) -> bool {
        self.task_token.is_empty() && Self { poller_scaling_decision: None, ..self.clone() } == Self::default()
    }

    fn scaling_delta(&self) -> Option<i32> {
        self.poller_scaling_decision.as_ref().map(|decision| decision.poll_request_delta_suggestion)
    }
}
