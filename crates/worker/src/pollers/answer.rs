//! What the poll engine reads in an answer.

use corewasm_engine::history::SplitPoll;
use prost::{Message, encoding};
use temporalio_protos::temporal::api::taskqueue::v1::PollerScalingDecision;
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
        const SCALING_DECISION: u32 = 18;
        self.encoded_len() == length(SCALING_DECISION, self.poller_scaling_decision.as_ref())
    }

    fn scaling_delta(&self) -> Option<i32> {
        self.poller_scaling_decision.as_ref().map(|decision| decision.poll_request_delta_suggestion)
    }
}

impl PollAnswer for PollNexusTaskQueueResponse {
    fn is_empty(&self) -> bool {
        const SCALING_DECISION: u32 = 3;
        self.encoded_len() == length(SCALING_DECISION, self.poller_scaling_decision.as_ref())
    }

    fn scaling_delta(&self) -> Option<i32> {
        self.poller_scaling_decision.as_ref().map(|decision| decision.poll_request_delta_suggestion)
    }
}

/// How long the field is that an empty answer may have. Lengths tell as much as comparing with an empty answer would,
/// which takes code for every type that an answer holds.
fn length(field: u32, decision: Option<&PollerScalingDecision>) -> usize {
    decision.map_or(0, |decision| encoding::message::encoded_len(field, decision))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_of_at_most_a_scaling_decision_is_empty() {
        let poller_scaling_decision = Some(PollerScalingDecision { poll_request_delta_suggestion: -1 });
        assert!(PollActivityTaskQueueResponse::default().is_empty());
        assert!(PollActivityTaskQueueResponse { poller_scaling_decision, ..Default::default() }.is_empty());
        let activity_id = "1".to_owned();
        let task = PollActivityTaskQueueResponse { activity_id, poller_scaling_decision, ..Default::default() };
        assert!(!task.is_empty());
        assert!(PollNexusTaskQueueResponse::default().is_empty());
        assert!(PollNexusTaskQueueResponse { poller_scaling_decision, ..Default::default() }.is_empty());
        let task_token = b"token".to_vec();
        assert!(!PollNexusTaskQueueResponse { task_token, poller_scaling_decision, ..Default::default() }.is_empty());
    }
}
