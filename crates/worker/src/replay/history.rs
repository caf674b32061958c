//! A history as the one workflow task that replays it (spec 12.2, 12.3).

use bytes::Bytes;
use corewasm_engine::history::{ReplayError, ReplayHistory, SplitPoll, split_history};
use corewasm_host::Host;
use temporalio_protos::temporal::api::common::v1::{WorkflowExecution, WorkflowType};
use temporalio_protos::temporal::api::enums::v1::TaskQueueKind;
use temporalio_protos::temporal::api::taskqueue::v1::TaskQueue;
use temporalio_protos::temporal::api::workflowservice::v1::PollWorkflowTaskQueueResponse;

use crate::error::WorkerError;

/// The task of a history, still without a token.
pub(super) fn task_of(workflow_id: String, history: &Bytes) -> Result<SplitPoll, WorkerError> {
    let events = split_history(history).map_err(|error| WorkerError::InvalidProto(error.to_string()))?;
    let replay = ReplayHistory::of(workflow_id, events).map_err(invalid)?;
    let task = replay.task;
    let response = PollWorkflowTaskQueueResponse {
        workflow_execution: Some(WorkflowExecution { workflow_id: task.workflow_id, run_id: task.run_id }),
        workflow_type: Some(WorkflowType { name: replay.workflow_type }),
        workflow_execution_task_queue: Some(TaskQueue {
            name: replay.task_queue,
            kind: TaskQueueKind::Normal.into(),
            normal_name: String::new(),
        }),
        previous_started_event_id: task.previous_started_event_id,
        started_event_id: task.started_event_id,
        history: Some(Default::default()),
        ..Default::default()
    };
    Ok(SplitPoll { response, events: task.events })
}

/// Give the task a random token of 16 bytes.
pub(super) fn with_token(mut task: SplitPoll, host: &Host) -> SplitPoll {
    task.response.task_token = [host.random_u64().to_be_bytes(), host.random_u64().to_be_bytes()].concat();
    task
}

fn invalid(error: ReplayError) -> WorkerError {
    match error {
        ReplayError::History(malformed) => WorkerError::InvalidProto(malformed.to_string()),
        other => WorkerError::InvalidHistory(other.to_string()),
    }
}
