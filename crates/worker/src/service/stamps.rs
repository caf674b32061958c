//! Who the worker is, as its requests say it (spec 8.2, 8.3).

use temporalio_protos::temporal::api::common::v1::{WorkerVersionCapabilities, WorkerVersionStamp};
use temporalio_protos::temporal::api::deployment::v1::WorkerDeploymentOptions;
use temporalio_protos::temporal::api::enums::v1::WorkerVersioningMode;

use super::WorkerClient;
use crate::config::Versioning;

impl WorkerClient {
    /// Deployment name and build id, with worker deployments only.
    pub fn deployment_options(&self) -> Option<WorkerDeploymentOptions> {
        let Versioning::Deployment { deployment_name, build_id, use_worker_versioning, .. } = &self.versioning else {
            return None;
        };
        let mode =
            if *use_worker_versioning { WorkerVersioningMode::Versioned } else { WorkerVersioningMode::Unversioned };
        Some(WorkerDeploymentOptions {
            deployment_name: deployment_name.clone(),
            build_id: build_id.clone(),
            worker_versioning_mode: mode.into(),
        })
    }

    /// The build id, if the server knows of versions at all.
    pub fn version_capabilities(&self) -> Option<WorkerVersionCapabilities> {
        self.server_knows_versions().then(|| WorkerVersionCapabilities {
            build_id: self.versioning.build_id().to_owned(),
            use_versioning: self.uses_legacy_versioning(),
            deployment_series_name: String::new(),
        })
    }

    /// The same for answers.
    pub fn version_stamp(&self) -> Option<WorkerVersionStamp> {
        self.server_knows_versions().then(|| WorkerVersionStamp {
            build_id: self.versioning.build_id().to_owned(),
            use_versioning: self.uses_legacy_versioning(),
        })
    }

    /// Where servers that know nothing of versions find the build id.
    pub fn binary_checksum(&self) -> String {
        if self.server_knows_versions() { String::new() } else { self.versioning.build_id().to_owned() }
    }

    /// The queue that worker commands come by. None is polled, so none is named (spec 9.6).
    pub fn worker_control_task_queue(&self) -> String {
        String::new()
    }

    fn server_knows_versions(&self) -> bool {
        self.connection().service().capabilities().build_id_based_versioning
    }

    fn uses_legacy_versioning(&self) -> bool {
        matches!(self.versioning, Versioning::LegacyBuildId { .. })
    }
}
