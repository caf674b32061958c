//! What scripted lang may want.

use std::time::Duration;

use corewasm_testkit::history::NAMESPACE;
use temporalio_protos::coresdk::child_workflow::ChildWorkflowCancellationType;
use temporalio_protos::coresdk::common::NamespacedWorkflowExecution;
use temporalio_protos::coresdk::nexus::NexusOperationCancellationType;
use temporalio_protos::coresdk::workflow_commands::signal_external_workflow_execution::Target;
use temporalio_protos::coresdk::workflow_commands::workflow_command::Variant;
use temporalio_protos::coresdk::workflow_commands::{
    ActivityCancellationType, CancelChildWorkflowExecution, CancelSignalWorkflow, CancelTimer,
    CompleteWorkflowExecution, ContinueAsNewWorkflowExecution, FailWorkflowExecution, ModifyWorkflowProperties,
    QueryResult, QuerySuccess, RequestCancelActivity, RequestCancelExternalWorkflowExecution,
    RequestCancelLocalActivity, RequestCancelNexusOperation, ScheduleActivity, ScheduleLocalActivity,
    ScheduleNexusOperation, SetPatchMarker, SignalExternalWorkflowExecution, StartChildWorkflowExecution, StartTimer,
    UpdateResponse, UpsertWorkflowSearchAttributes, query_result, update_response,
};
use temporalio_protos::temporal::api::common::v1::{Memo, SearchAttributes};
use temporalio_protos::temporal::api::failure::v1::Failure;

pub fn start_timer(seq: u32) -> Variant {
    Variant::StartTimer(StartTimer { seq, start_to_fire_timeout: seconds(1) })
}

pub fn cancel_timer(seq: u32) -> Variant {
    Variant::CancelTimer(CancelTimer { seq })
}

/// An activity whose id is its number and whose type is that of the test histories.
pub fn schedule_activity(seq: u32, cancellation: ActivityCancellationType) -> Variant {
    Variant::ScheduleActivity(ScheduleActivity {
        seq,
        activity_id: seq.to_string(),
        activity_type: "activity".to_owned(),
        start_to_close_timeout: seconds(5),
        cancellation_type: cancellation as i32,
        ..ScheduleActivity::default()
    })
}

pub fn cancel_activity(seq: u32) -> Variant {
    Variant::RequestCancelActivity(RequestCancelActivity { seq })
}

pub fn schedule_local_activity(seq: u32, cancellation: ActivityCancellationType) -> Variant {
    Variant::ScheduleLocalActivity(ScheduleLocalActivity {
        seq,
        activity_id: seq.to_string(),
        activity_type: "activity".to_owned(),
        start_to_close_timeout: seconds(5),
        cancellation_type: cancellation as i32,
        ..ScheduleLocalActivity::default()
    })
}

pub fn cancel_local_activity(seq: u32) -> Variant {
    Variant::RequestCancelLocalActivity(RequestCancelLocalActivity { seq })
}

pub fn complete_workflow() -> Variant {
    Variant::CompleteWorkflowExecution(CompleteWorkflowExecution::default())
}

pub fn fail_workflow(message: &str) -> Variant {
    let failure = Some(Failure::application_failure(message.to_owned(), false));
    Variant::FailWorkflowExecution(FailWorkflowExecution { failure })
}

pub fn set_patch(patch_id: &str, deprecated: bool) -> Variant {
    Variant::SetPatchMarker(SetPatchMarker { patch_id: patch_id.to_owned(), deprecated })
}

pub fn answer_query(query_id: &str) -> Variant {
    let succeeded = QuerySuccess { response: Some("answer".into()) };
    Variant::RespondToQuery(QueryResult {
        query_id: query_id.to_owned(),
        variant: Some(query_result::Variant::Succeeded(succeeded)),
    })
}

fn seconds(seconds: u64) -> Option<prost_types::Duration> {
    Some(prost_types::Duration { seconds: Duration::from_secs(seconds).as_secs() as i64, nanos: 0 })
}

pub fn continue_as_new() -> Variant {
    Variant::ContinueAsNewWorkflowExecution(ContinueAsNewWorkflowExecution::default())
}

/// An upsert of one search attribute.
pub fn upsert(name: &str) -> Variant {
    let indexed_fields = [(name.to_owned(), "value".into())].into_iter().collect();
    let search_attributes = Some(SearchAttributes { indexed_fields });
    Variant::UpsertWorkflowSearchAttributes(UpsertWorkflowSearchAttributes { search_attributes })
}

pub fn accept_update(id: &str) -> Variant {
    answer_update(id, update_response::Response::Accepted(()))
}

pub fn complete_update(id: &str) -> Variant {
    answer_update(id, update_response::Response::Completed("done".into()))
}

pub fn reject_update(id: &str) -> Variant {
    answer_update(id, update_response::Response::Rejected(Failure::application_failure("no".to_owned(), false)))
}

fn answer_update(id: &str, response: update_response::Response) -> Variant {
    Variant::UpdateResponse(UpdateResponse { protocol_instance_id: id.to_owned(), response: Some(response) })
}

/// A child whose workflow id is "child-" and its number.
pub fn start_child(seq: u32, cancellation: ChildWorkflowCancellationType) -> Variant {
    Variant::StartChildWorkflowExecution(StartChildWorkflowExecution {
        seq,
        workflow_id: format!("child-{seq}"),
        workflow_type: "Child".to_owned(),
        cancellation_type: cancellation as i32,
        ..StartChildWorkflowExecution::default()
    })
}

pub fn cancel_child(seq: u32, reason: &str) -> Variant {
    Variant::CancelChildWorkflowExecution(CancelChildWorkflowExecution {
        child_workflow_seq: seq,
        reason: reason.to_owned(),
    })
}

pub fn signal_external(seq: u32, workflow_id: &str) -> Variant {
    Variant::SignalExternalWorkflowExecution(SignalExternalWorkflowExecution {
        seq,
        signal_name: "poke".to_owned(),
        target: Some(Target::WorkflowExecution(execution(workflow_id))),
        ..SignalExternalWorkflowExecution::default()
    })
}

pub fn cancel_signal(seq: u32) -> Variant {
    Variant::CancelSignalWorkflow(CancelSignalWorkflow { seq })
}

pub fn cancel_external(seq: u32, workflow_id: &str) -> Variant {
    Variant::RequestCancelExternalWorkflowExecution(RequestCancelExternalWorkflowExecution {
        seq,
        workflow_execution: Some(execution(workflow_id)),
        reason: "enough".to_owned(),
    })
}

/// An operation "operation" of the service "service".
pub fn schedule_nexus(seq: u32, cancellation: NexusOperationCancellationType) -> Variant {
    Variant::ScheduleNexusOperation(ScheduleNexusOperation {
        seq,
        endpoint: "endpoint".to_owned(),
        service: "service".to_owned(),
        operation: "operation".to_owned(),
        cancellation_type: cancellation as i32,
        ..ScheduleNexusOperation::default()
    })
}

pub fn cancel_nexus(seq: u32) -> Variant {
    Variant::RequestCancelNexusOperation(RequestCancelNexusOperation { seq })
}

/// A change of one field of the memo.
pub fn modify_memo(name: &str) -> Variant {
    let fields = [(name.to_owned(), "value".into())].into_iter().collect();
    Variant::ModifyWorkflowProperties(ModifyWorkflowProperties { upserted_memo: Some(Memo { fields }) })
}

fn execution(workflow_id: &str) -> NamespacedWorkflowExecution {
    NamespacedWorkflowExecution {
        namespace: NAMESPACE.to_owned(),
        workflow_id: workflow_id.to_owned(),
        run_id: String::new(),
    }
}
