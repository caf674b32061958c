//! Commands of lang's.

use temporalio_protos::coresdk::workflow_commands::workflow_command::Variant;
use temporalio_protos::coresdk::workflow_commands::{
    CompleteWorkflowExecution, QueryResult, QuerySuccess, ScheduleActivity, ScheduleLocalActivity, StartTimer,
    WorkflowCommand, query_result,
};

fn command(variant: Variant) -> WorkflowCommand {
    WorkflowCommand { variant: Some(variant), ..Default::default() }
}

pub fn start_timer(seq: u32) -> WorkflowCommand {
    let start_to_fire_timeout = Some(prost_types::Duration { seconds: 1, nanos: 0 });
    command(Variant::StartTimer(StartTimer { seq, start_to_fire_timeout }))
}

pub fn schedule_activity(seq: u32) -> WorkflowCommand {
    command(Variant::ScheduleActivity(ScheduleActivity {
        seq,
        activity_id: seq.to_string(),
        activity_type: "activity".to_owned(),
        task_queue: corewasm_testkit::history::TASK_QUEUE.to_owned(),
        start_to_close_timeout: Some(prost_types::Duration { seconds: 1, nanos: 0 }),
        ..Default::default()
    }))
}

pub fn schedule_local_activity(seq: u32) -> WorkflowCommand {
    command(Variant::ScheduleLocalActivity(ScheduleLocalActivity {
        seq,
        activity_id: seq.to_string(),
        activity_type: "activity".to_owned(),
        start_to_close_timeout: Some(prost_types::Duration { seconds: 60, nanos: 0 }),
        ..Default::default()
    }))
}

pub fn complete_workflow() -> WorkflowCommand {
    command(Variant::CompleteWorkflowExecution(CompleteWorkflowExecution::default()))
}

pub fn answer_query(query_id: &str) -> WorkflowCommand {
    let succeeded = query_result::Variant::Succeeded(QuerySuccess { response: Some(Default::default()) });
    command(Variant::RespondToQuery(QueryResult { query_id: query_id.to_owned(), variant: Some(succeeded) }))
}
