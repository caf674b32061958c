//! The warning about workflow tasks that took long, with what lang spent on payloads stored elsewhere (spec 1.8.14).

use std::time::Duration;

use corewasm_engine::output::TaskEnded;
use serde_json::Value;
use temporalio_protos::coresdk::common::ExternalStorageMetrics;
use temporalio_protos::coresdk::workflow_completion::WorkflowActivationCompletion;

use super::{TARGET, Workflows};

const WARN_AFTER_SECONDS: u64 = 5;
const WARN_AFTER_VARIABLE: &str = "TEMPORAL_WORKFLOW_TASK_DURATION_WARN_SECONDS";

/// What lang says it fetched from and put into external storage for one activation.
#[derive(Clone, Debug, Default)]
pub(super) struct TaskStorage {
    download: Option<ExternalStorageMetrics>,
    upload: Option<ExternalStorageMetrics>,
}

impl TaskStorage {
    pub(super) fn of(completion: &WorkflowActivationCompletion) -> Self {
        Self {
            download: completion.payload_download_metrics.clone(),
            upload: completion.payload_upload_metrics.clone(),
        }
    }
}

impl Workflows {
    pub(super) fn warn_if_slow(
        &self,
        run_id: &str,
        workflow_type: &str,
        ended: &TaskEnded,
        duration: Duration,
        storage: &TaskStorage,
    ) {
        let limit = self.slow_after();
        if duration <= limit {
            return;
        }
        let (event_id, attempt) = (ended.next_event_id, ended.attempt);
        let seconds = limit.as_secs();
        let text =
            format!("[TMPRL1104] {run_id}:{event_id}:{attempt} Workflow task duration exceeded {seconds} seconds.");
        let mut fields = vec![
            ("run_id", run_id.into()),
            ("workflow_type", workflow_type.into()),
            ("event_id", event_id.into()),
            ("attempt", attempt.into()),
            ("workflow_task_duration", milliseconds(duration).into()),
            ("workflow_history_size", ended.history_size_bytes.into()),
        ];
        fields.extend(DOWNLOAD.into_iter().zip(values(storage.download.as_ref())));
        fields.extend(UPLOAD.into_iter().zip(values(storage.upload.as_ref())));
        self.context.host.warn(TARGET, text, &fields);
    }

    /// What is no whole number of seconds counts as not set.
    fn slow_after(&self) -> Duration {
        let settings = self.context.host.settings();
        let seconds = settings.environment.get(WARN_AFTER_VARIABLE).and_then(|text| text.parse().ok());
        Duration::from_secs(seconds.unwrap_or(WARN_AFTER_SECONDS))
    }
}

const DOWNLOAD: [&str; 4] =
    ["payload_download_count", "payload_download_size", "payload_download_duration", "payload_download_drivers"];
const UPLOAD: [&str; 4] =
    ["payload_upload_count", "payload_upload_size", "payload_upload_duration", "payload_upload_drivers"];

/// Count, bytes, milliseconds and drivers; of nothing all are zero or empty.
fn values(metrics: Option<&ExternalStorageMetrics>) -> [Value; 4] {
    let metrics = metrics.cloned().unwrap_or_default();
    let took = metrics.total_duration.and_then(|duration| duration.try_into().ok()).map(milliseconds);
    let mut drivers = metrics.driver_names;
    drivers.sort();
    [
        metrics.payload_count.into(),
        metrics.total_size_bytes.into(),
        took.unwrap_or_default().into(),
        format!("{drivers:?}").into(),
    ]
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
