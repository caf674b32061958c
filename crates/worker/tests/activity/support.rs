//! A worker for activities over the scripted service.

use std::time::Duration;

use bytes::Bytes;
use corewasm_host::envelope::{self, WorkerLedger};
use corewasm_worker::{TaskKind, WorkerError};
use prost::Message;
use temporalio_protos::coresdk::activity_result::activity_execution_result::Status;
use temporalio_protos::coresdk::activity_result::{
    ActivityExecutionResult, Cancellation, Failure as ActivityFailure, Success,
};
use temporalio_protos::coresdk::activity_task::activity_task::Variant;
use temporalio_protos::coresdk::activity_task::{ActivityTask, Cancel, Start};
use temporalio_protos::coresdk::{ActivityHeartbeat, ActivityTaskCompletion};
use temporalio_protos::temporal::api::common::v1::{ActivityType, Payload, WorkflowExecution, WorkflowType};
use temporalio_protos::temporal::api::failure::v1::failure::FailureInfo;
use temporalio_protos::temporal::api::failure::v1::{ApplicationFailureInfo, Failure};
use temporalio_protos::temporal::api::workflowservice::v1::{
    PollActivityTaskQueueResponse, RecordActivityTaskHeartbeatRequest, RecordActivityTaskHeartbeatResponse,
};

use crate::common::service::PendingCall;
use crate::common::{Harness, Outcome, config as workflow_config, fixed, pollers};

pub(crate) type Polled = Outcome<Result<Bytes, WorkerError>>;

pub(crate) const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(crate) fn proto(duration: Duration) -> Option<prost_types::Duration> {
    Some(prost_types::Duration { seconds: duration.as_secs() as i64, nanos: duration.subsec_nanos() as i32 })
}

/// Activities only, three slots, one poller, heartbeats every 30 s unless the activity says otherwise.
pub(crate) fn config() -> envelope::WorkerConfig {
    envelope::WorkerConfig {
        enable_workflows: false,
        max_cached_workflows: 0,
        enable_remote_activities: true,
        activity_slots: Some(fixed(3)),
        activity_pollers: Some(pollers(1)),
        default_heartbeat_throttle_interval_ns: 30_000_000_000,
        max_heartbeat_throttle_interval_ns: 60_000_000_000,
        ..workflow_config()
    }
}

pub(crate) struct Fixture {
    pub(crate) harness: Harness,
    waiting: Option<Polled>,
}

impl Fixture {
    pub(crate) fn new() -> Self {
        Self::with(config())
    }

    pub(crate) fn with(config: envelope::WorkerConfig) -> Self {
        Self::resumed(config, None)
    }

    pub(crate) fn resumed(config: envelope::WorkerConfig, ledger: Option<WorkerLedger>) -> Self {
        Self { harness: Harness::resumed(config, ledger), waiting: None }
    }

    /// What lang gets when it polls now; the poll that waits is the same until it is answered.
    pub(crate) fn poll(&mut self) -> Option<Result<ActivityTask, WorkerError>> {
        let waiting = match self.waiting.take() {
            Some(waiting) => waiting,
            None => {
                let worker = self.harness.worker.clone();
                self.harness.spawn(async move { worker.poll(TaskKind::Activity).await })
            }
        };
        self.harness.turn();
        let polled = waiting.borrow_mut().take();
        if polled.is_none() {
            self.waiting = Some(waiting);
        }
        polled.map(|polled| polled.map(|bytes| ActivityTask::decode(bytes).expect("it decodes")))
    }

    pub(crate) fn expect_start(&mut self) -> (Vec<u8>, Start) {
        let task = self.poll().expect("a task is ready").expect("polling goes well");
        match task.variant {
            Some(Variant::Start(start)) => (task.task_token, start),
            other => panic!("not a start: {other:?}"),
        }
    }

    pub(crate) fn expect_cancel(&mut self) -> (Vec<u8>, Cancel) {
        let task = self.poll().expect("a task is ready").expect("polling goes well");
        match task.variant {
            Some(Variant::Cancel(cancel)) => (task.task_token, cancel),
            other => panic!("not a cancel: {other:?}"),
        }
    }

    pub(crate) fn expect_nothing(&mut self) {
        let polled = self.poll();
        assert!(polled.is_none(), "{polled:?}");
    }

    pub(crate) fn expect_shutdown(&mut self) {
        assert_eq!(self.poll(), Some(Err(WorkerError::Shutdown)));
    }

    pub(crate) fn take(&mut self, rpc: &str) -> PendingCall {
        self.harness.service.take(rpc)
    }

    /// The calls that wait, polls left out.
    pub(crate) fn calls(&self) -> Vec<&'static str> {
        let mut calls = self.harness.service.waiting();
        calls.retain(|call| *call != "PollActivityTaskQueue" && *call != "ShutdownWorker");
        calls
    }

    pub(crate) fn polls(&self) -> usize {
        self.harness.service.waiting().iter().filter(|call| **call == "PollActivityTaskQueue").count()
    }

    /// The service answers a poll.
    pub(crate) fn answer_poll(&mut self, response: &PollActivityTaskQueueResponse) {
        self.take("PollActivityTaskQueue").answer(response);
        self.harness.turn();
    }

    /// Lang gets an activity of this token.
    pub(crate) fn start(&mut self, token: &str) -> Vec<u8> {
        self.start_of(task(token))
    }

    pub(crate) fn start_of(&mut self, response: PollActivityTaskQueueResponse) -> Vec<u8> {
        self.expect_nothing();
        self.answer_poll(&response);
        self.expect_start().0
    }

    pub(crate) fn complete(&mut self, token: &[u8], status: Status) -> Outcome<Result<(), WorkerError>> {
        self.complete_as(token, Some(status))
    }

    pub(crate) fn complete_as(&mut self, token: &[u8], status: Option<Status>) -> Outcome<Result<(), WorkerError>> {
        let result = Some(ActivityExecutionResult { status });
        let completion = ActivityTaskCompletion { task_token: token.to_vec(), result };
        let worker = self.harness.worker.clone();
        let bytes = completion.encode_to_vec().into();
        self.harness.spawn(async move { worker.complete(TaskKind::Activity, bytes).await })
    }

    pub(crate) fn heartbeat(&mut self, token: &[u8], details: &[&str]) {
        let details = details.iter().map(|text| payload(text)).collect();
        let heartbeat = ActivityHeartbeat { task_token: token.to_vec(), details };
        self.harness.worker.record_heartbeat(heartbeat.encode_to_vec().into()).expect("it decodes");
        self.harness.turn();
    }

    /// The details of the heartbeat that is under way, which the service takes with this answer.
    pub(crate) fn answer_heartbeat(&mut self, response: &RecordActivityTaskHeartbeatResponse) -> Vec<String> {
        let call = self.take("RecordActivityTaskHeartbeat");
        let details = heartbeat_details(&call);
        call.answer(response);
        self.harness.turn();
        details
    }

    pub(crate) fn advance(&mut self, by: Duration) {
        self.harness.advance(by);
    }
}

pub(crate) fn heartbeat_details(call: &PendingCall) -> Vec<String> {
    let request: RecordActivityTaskHeartbeatRequest = call.request();
    let payloads = request.details.unwrap_or_default().payloads;
    payloads.into_iter().map(|payload| String::from_utf8(payload.data).expect("text")).collect()
}

/// A task as the service gives it.
pub(crate) fn task(token: &str) -> PollActivityTaskQueueResponse {
    PollActivityTaskQueueResponse {
        task_token: token.as_bytes().to_vec(),
        activity_id: format!("id of {token}"),
        activity_type: Some(ActivityType { name: "an-activity".to_owned() }),
        workflow_type: Some(WorkflowType { name: "a-workflow".to_owned() }),
        workflow_execution: Some(WorkflowExecution { workflow_id: "workflow".to_owned(), run_id: "run".to_owned() }),
        attempt: 1,
        ..Default::default()
    }
}

pub(crate) fn task_with_heartbeat_timeout(token: &str, timeout: Duration) -> PollActivityTaskQueueResponse {
    PollActivityTaskQueueResponse { heartbeat_timeout: proto(timeout), ..task(token) }
}

pub(crate) fn payload(text: &str) -> Payload {
    Payload { data: text.as_bytes().to_vec(), ..Default::default() }
}

pub(crate) fn success() -> Status {
    Status::Completed(Success { result: Some(payload("result")) })
}

pub(crate) fn cancelled() -> Status {
    Status::Cancelled(Cancellation::from_details(Some(payload("cancel details"))))
}

pub(crate) fn failure() -> Status {
    Status::Failed(ActivityFailure { failure: Some(application_failure()), ..Default::default() })
}

pub(crate) fn application_failure() -> Failure {
    Failure {
        message: "it broke".to_owned(),
        failure_info: Some(FailureInfo::ApplicationFailureInfo(ApplicationFailureInfo::default())),
        ..Default::default()
    }
}
