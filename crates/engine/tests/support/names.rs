//! Short names of what a run gives out, to compare with.

use temporalio_protos::coresdk::workflow_activation::WorkflowActivation;
use temporalio_protos::coresdk::workflow_activation::workflow_activation_job::Variant;
use temporalio_protos::temporal::api::command::v1::Command;
use temporalio_protos::temporal::api::query::v1::WorkflowQuery;

/// A name for each job of an activation.
pub fn job_names(activation: &WorkflowActivation) -> Vec<String> {
    activation.jobs.iter().map(|job| job_name(job.variant.as_ref().expect("jobs have a variant"))).collect()
}

fn job_name(job: &Variant) -> String {
    match job {
        Variant::InitializeWorkflow(_) => "init".to_owned(),
        Variant::FireTimer(fire) => format!("timer-{}", fire.seq),
        Variant::UpdateRandomSeed(_) => "seed".to_owned(),
        Variant::QueryWorkflow(query) => format!("query-{}", query.query_id),
        Variant::CancelWorkflow(_) => "cancel".to_owned(),
        Variant::SignalWorkflow(signal) => format!("signal-{}", signal.signal_name),
        Variant::ResolveActivity(resolved) if resolved.is_local => format!("local-{}", resolved.seq),
        Variant::ResolveActivity(resolved) => format!("activity-{}", resolved.seq),
        Variant::NotifyHasPatch(patch) => format!("patch-{}", patch.patch_id),
        Variant::ResolveChildWorkflowExecutionStart(child) => format!("child-start-{}", child.seq),
        Variant::ResolveChildWorkflowExecution(child) => format!("child-{}", child.seq),
        Variant::ResolveSignalExternalWorkflow(signal) => format!("signal-external-{}", signal.seq),
        Variant::ResolveRequestCancelExternalWorkflow(cancel) => format!("cancel-external-{}", cancel.seq),
        Variant::DoUpdate(update) => format!("update-{}", update.id),
        Variant::ResolveNexusOperationStart(nexus) => format!("nexus-start-{}", nexus.seq),
        Variant::ResolveNexusOperation(nexus) => format!("nexus-{}", nexus.seq),
        Variant::RemoveFromCache(_) => "evict".to_owned(),
    }
}

/// The types of commands.
pub fn command_types(commands: &[Command]) -> Vec<String> {
    commands.iter().map(|command| format!("{:?}", command.command_type())).collect()
}

/// A query of that type.
pub fn query(query_type: &str) -> WorkflowQuery {
    WorkflowQuery { query_type: query_type.to_owned(), ..WorkflowQuery::default() }
}
