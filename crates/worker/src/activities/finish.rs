//! Lang's completion on its way to the service (spec 3.5).

use std::rc::Rc;

use corewasm_engine::time::WallTime;
use corewasm_host::code;
use prost::Message;
use temporalio_protos::coresdk::activity_result::activity_execution_result::Status;
use temporalio_protos::temporal::api::common::v1::{Payload, Payloads};

use super::completion::{self, ActivityReport, Ended, FailedReport};
use super::heartbeats::HeartbeatReport;
use super::observation::{ActivityLabels, ActivityObservation};
use super::remote::RemoteActivities;
use super::tasks::InFlight;
use super::{TARGET, requests};
use crate::service::{ServiceError, ServiceErrorKind};
use crate::slots::SlotPermit;

/// What the service measures payloads by (spec 10.3.1).
const OVERSIZED: &str = "[TMPRL1103] Attempted to upload payloads with size that exceeded the error limit.";

impl RemoteActivities {
    /// Sees a completion through. The activity's slot is free when this is done, and not before.
    pub(super) async fn complete(self: &Rc<Self>, task_token: Vec<u8>, status: Status) {
        let now = self.context.host.now();
        let ended = self.tasks.borrow_mut().handle_completion(&task_token, now);
        let Some((activity, unsent)) = ended else {
            let token = format_token(&task_token);
            let text = format!("Attempted to complete activity task {token} but we were not tracking it");
            self.context.host.warn(TARGET, text, &[]);
            return;
        };
        self.follow_up();
        self.settle_heartbeats(&task_token, &activity, &status, unsent).await;
        // Nobody waits for the answer of an activity that the service has given up (spec 3.5.2).
        if !activity.known_not_found {
            self.report(&task_token, &activity, status).await;
        }
        drop(activity);
        self.follow_up();
    }

    /// Heartbeats must not arrive after the completion (spec 3.4.6).
    async fn settle_heartbeats(
        self: &Rc<Self>,
        task_token: &[u8],
        activity: &InFlight<SlotPermit>,
        status: &Status,
        unsent: Option<Vec<Payload>>,
    ) {
        self.changed.until(|| (!self.tasks.borrow().is_reporting(task_token)).then_some(())).await;
        let flushes = !activity.known_not_found && completion::flushes_heartbeat(status, activity.issued_cancel);
        if let Some(details) = unsent.filter(|_| flushes) {
            // The activity has ended: whatever the answer is, it concerns nobody any more.
            self.heartbeat_outcome(HeartbeatReport { task_token: task_token.to_vec(), details }).await;
        }
    }

    async fn report(&self, task_token: &[u8], activity: &InFlight<SlotPermit>, status: Status) {
        if !completion::is_proper_cancellation(&status) {
            let text = "Expected activity cancelled status with CanceledFailureInfo";
            self.context.host.warn(TARGET, text, &[("task_token", format_token(task_token).into())]);
        }
        let ended = self.ended(activity);
        let Some(report) = completion::report(status, &ended) else { return };
        if let Err(error) = self.send(task_token, activity, report, &ended).await {
            self.warn_of_completion(task_token, &error);
        }
    }

    async fn send(
        &self,
        task_token: &[u8],
        activity: &InFlight<SlotPermit>,
        report: ActivityReport,
        ended: &Ended,
    ) -> Result<(), ServiceError> {
        let client = &self.context.client;
        let token = task_token.to_vec();
        let sent = match report {
            ActivityReport::Failed(failed) => return self.send_failure(token, activity, *failed).await,
            ActivityReport::Canceled { details } => requests::cancel(client, token, details).await.map(drop),
            ActivityReport::Completed { result } => {
                let sent = requests::complete(client, token, result).await.map(drop);
                self.observe_success(sent.is_ok(), activity);
                sent
            }
        };
        match sent {
            Err(ServiceError { kind: ServiceErrorKind::PayloadsTooLarge(violation), .. }) => {
                let failed = completion::oversized_report(&violation, ended);
                self.send_failure(task_token.to_vec(), activity, failed).await
            }
            sent => sent,
        }
    }

    async fn send_failure(
        &self,
        task_token: Vec<u8>,
        activity: &InFlight<SlotPermit>,
        failed: FailedReport,
    ) -> Result<(), ServiceError> {
        if let Some(reason) = failed.counted {
            self.metrics.record(ActivityObservation::Failed(activity.labels.clone(), reason));
        }
        requests::fail(&self.context.client, task_token, failed).await.map(drop)
    }

    /// Time from the first schedule to a success that the service took (spec 3.5.3).
    fn observe_success(&self, taken: bool, activity: &InFlight<SlotPermit>) {
        let labels: ActivityLabels = activity.labels.clone();
        if let Some(scheduled) = activity.scheduled.filter(|_| taken) {
            let now: WallTime = self.context.host.now().wall;
            self.metrics.record(ActivityObservation::Succeeded(labels, now.since(scheduled)));
        }
    }

    fn ended(&self, activity: &InFlight<SlotPermit>) -> Ended {
        let last = completion::last_heartbeat(activity.last_heartbeat.clone());
        let (last_heartbeat, oversized_heartbeat) = match last {
            Some(details) if self.is_oversized(&details) => (None, Some(OVERSIZED.to_owned())),
            last => (last, None),
        };
        Ended { issued_cancel: activity.issued_cancel, last_heartbeat, oversized_heartbeat }
    }

    fn is_oversized(&self, details: &Payloads) -> bool {
        let limit = self.context.client.payload_limits().map_or(0, |limits| limits.blob);
        limit > 0 && details.encoded_len() > limit
    }

    fn warn_of_completion(&self, task_token: &[u8], error: &ServiceError) {
        if error.status.code == code::NOT_FOUND {
            let text = "Activity not found on completion. This may happen if the activity has already been \
                        cancelled but completed anyway.";
            let details = crate::error::status_text(&error.status);
            let fields = [("task_token", format_token(task_token).into()), ("details", details.into())];
            self.context.host.warn(TARGET, text, &fields);
        } else {
            self.warn("Network error while completing activity", error);
        }
    }
}

/// A token as logs show it.
fn format_token(task_token: &[u8]) -> String {
    temporalio_protos::TaskToken::from(task_token.to_vec()).to_string()
}
