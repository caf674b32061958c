//! The task by which lang begins an attempt (spec 4.1.4).

use corewasm_engine::time::WallTime;
use prost_types::Timestamp;
use temporalio_protos::coresdk::activity_task::activity_task::Variant;
use temporalio_protos::coresdk::activity_task::{ActivityTask, Start};
use temporalio_protos::temporal::api::common::v1::WorkflowExecution;

use super::entry::Entry;
use super::token;

pub(super) fn start_task<P>(namespace: &str, entry: &Entry<P>, started: WallTime) -> ActivityTask {
    let start = Start {
        attempt: entry.attempt,
        started_time: Some(Timestamp::from(started)),
        ..start_of_any_attempt(namespace, entry)
    };
    ActivityTask { task_token: token::encode(entry.token), variant: Some(Variant::Start(start)) }
}

fn start_of_any_attempt<P>(namespace: &str, entry: &Entry<P>) -> Start {
    let execution = &entry.execution;
    let schedule = &execution.schedule;
    let requested = Some(Timestamp::from(entry.requested.wall));
    Start {
        workflow_namespace: namespace.to_owned(),
        workflow_type: execution.workflow_type.clone(),
        workflow_execution: Some(WorkflowExecution {
            workflow_id: execution.workflow_id.clone(),
            run_id: execution.run_id.clone(),
        }),
        activity_id: schedule.activity_id.clone(),
        activity_type: schedule.activity_type.clone(),
        header_fields: schedule.headers.clone(),
        input: schedule.arguments.clone(),
        scheduled_time: requested,
        current_attempt_scheduled_time: requested,
        schedule_to_close_timeout: Some(schedule.schedule_to_close_timeout.unwrap_or_default()),
        start_to_close_timeout: schedule.start_to_close_timeout.or(schedule.schedule_to_close_timeout),
        heartbeat_timeout: None,
        retry_policy: Some(entry.retry_policy.clone().into()),
        priority: Some(Default::default()),
        is_local: true,
        ..Default::default()
    }
}
