//! The worker deployment version that a workflow task was or is completed by (spec 1.5.2, 1.7.1, 8.6).

use temporalio_protos::coresdk::common::WorkerDeploymentVersion;
use temporalio_protos::temporal::api::history::v1::WorkflowTaskCompletedEventAttributes;

use crate::input::RunSetup;

/// What a completed task says of its worker; nothing if it says nothing.
#[allow(deprecated)]
pub(super) fn recorded_version(completed: &WorkflowTaskCompletedEventAttributes) -> Option<WorkerDeploymentVersion> {
    if let Some(version) = &completed.deployment_version {
        return known(version.deployment_name.clone(), version.build_id.clone());
    }
    if let Some((deployment_name, build_id)) = completed.worker_deployment_version.split_once('.') {
        return known(deployment_name.to_owned(), build_id.to_owned());
    }
    let build_id = completed.worker_version.as_ref().map(|stamp| stamp.build_id.clone()).unwrap_or_default();
    known(completed.worker_deployment_name.clone(), build_id)
}

/// This worker's own version.
pub(super) fn computed_version(setup: &RunSetup) -> Option<WorkerDeploymentVersion> {
    let (deployment_name, build_id) = setup.deployment_version.clone()?;
    known(deployment_name, build_id)
}

fn known(deployment_name: String, build_id: String) -> Option<WorkerDeploymentVersion> {
    let is_known = !deployment_name.is_empty() || !build_id.is_empty();
    is_known.then_some(WorkerDeploymentVersion { deployment_name, build_id })
}
