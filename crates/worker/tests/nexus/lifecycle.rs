//! Nexus tasks from the poll to the answer: headers, deadlines, cancels, shutdown (spec 5).

use std::time::Duration;

use bytes::Bytes;
use corewasm_host::code;
use corewasm_host::envelope::{WorkerConfig, WorkerLedger};
use corewasm_worker::service::ServiceErrorKind;
use corewasm_worker::{TaskKind, WorkerError};
use prost::Message;
use temporalio_protos::coresdk::nexus::nexus_task::Variant;
use temporalio_protos::coresdk::nexus::nexus_task_completion::Status;
use temporalio_protos::coresdk::nexus::{NexusTask, NexusTaskCancelReason, NexusTaskCompletion};
use temporalio_protos::temporal::api::nexus::v1::{
    Request, Response, StartOperationRequest, StartOperationResponse, request, response, start_operation_response,
};
use temporalio_protos::temporal::api::workflowservice::v1::{
    PollNexusTaskQueueResponse, RespondNexusTaskCompletedResponse, RespondNexusTaskFailedRequest,
    RespondNexusTaskFailedResponse, ShutdownWorkerResponse,
};

use crate::common::{Harness, Outcome, config as workflow_config, fixed, pollers};

type Polled = Outcome<Result<Bytes, WorkerError>>;

struct Fixture {
    harness: Harness,
    waiting: Option<Polled>,
}

fn config() -> WorkerConfig {
    WorkerConfig {
        enable_workflows: false,
        max_cached_workflows: 0,
        enable_nexus: true,
        nexus_slots: Some(fixed(1)),
        nexus_pollers: Some(pollers(1)),
        ..workflow_config()
    }
}

fn task(token: &str, headers: &[(&str, &str)]) -> PollNexusTaskQueueResponse {
    let headers = || headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let start = StartOperationRequest {
        service: "a-service".to_owned(),
        operation: "an-operation".to_owned(),
        callback_header: headers(),
        ..Default::default()
    };
    PollNexusTaskQueueResponse {
        task_token: token.as_bytes().to_vec(),
        request: Some(Request {
            header: headers(),
            endpoint: "an-endpoint".to_owned(),
            variant: Some(request::Variant::StartOperation(start)),
            ..Default::default()
        }),
        ..Default::default()
    }
}

fn success() -> Status {
    let variant = Some(start_operation_response::Variant::SyncSuccess(Default::default()));
    Status::Completed(Response { variant: Some(response::Variant::StartOperation(StartOperationResponse { variant })) })
}

impl Fixture {
    fn with(config: WorkerConfig, ledger: Option<WorkerLedger>) -> Self {
        Self { harness: Harness::resumed(config, ledger), waiting: None }
    }

    fn new() -> Self {
        Self::with(config(), None)
    }

    fn poll(&mut self) -> Option<Result<NexusTask, WorkerError>> {
        let waiting = match self.waiting.take() {
            Some(waiting) => waiting,
            None => {
                let worker = self.harness.worker.clone();
                self.harness.spawn(async move { worker.poll(TaskKind::Nexus).await })
            }
        };
        self.harness.turn();
        let polled = waiting.borrow_mut().take();
        if polled.is_none() {
            self.waiting = Some(waiting);
        }
        polled.map(|polled| polled.map(|bytes| NexusTask::decode(bytes).expect("it decodes")))
    }

    fn expect_nothing(&mut self) {
        let polled = self.poll();
        assert!(polled.is_none(), "{polled:?}");
    }

    fn expect_cancel(&mut self) -> (Vec<u8>, NexusTaskCancelReason) {
        let task = self.poll().expect("a task is ready").expect("polling goes well");
        match task.variant {
            Some(Variant::CancelTask(cancel)) => (cancel.task_token.clone(), cancel.reason()),
            other => panic!("not a cancel: {other:?}"),
        }
    }

    fn start(&mut self, response: &PollNexusTaskQueueResponse) -> NexusTask {
        self.expect_nothing();
        self.harness.service.take("PollNexusTaskQueue").answer(response);
        self.poll().expect("a task is ready").expect("polling goes well")
    }

    fn complete(&mut self, token: &str, status: Status) -> Outcome<Result<(), WorkerError>> {
        let completion = NexusTaskCompletion { task_token: token.as_bytes().to_vec(), status: Some(status) };
        let worker = self.harness.worker.clone();
        let bytes = completion.encode_to_vec().into();
        self.harness.spawn(async move { worker.complete(TaskKind::Nexus, bytes).await })
    }

    fn begin_shutdown(&mut self) {
        self.harness.initiate_shutdown();
        self.harness.service.take("ShutdownWorker").answer(&ShutdownWorkerResponse::default());
        self.harness.turn();
    }

    fn calls(&self, rpc: &str) -> usize {
        self.harness.service.waiting().iter().filter(|call| **call == rpc).count()
    }
}

#[test]
fn headers_are_lower_case_and_the_endpoint_is_told() {
    let mut fixture = Fixture::new();
    let started = fixture.start(&task("a", &[("X-Mine", "1")]));
    assert_eq!((started.endpoint.as_str(), started.request_deadline), ("an-endpoint", None));
    let Some(Variant::Task(response)) = started.variant else { panic!("it is a task") };
    let request = response.request.expect("it has one");
    assert_eq!(request.header.get("x-mine").map(String::as_str), Some("1"));
    let Some(request::Variant::StartOperation(start)) = request.variant else { panic!("it is a start") };
    assert_eq!(start.callback_header.get("x-mine").map(String::as_str), Some("1"));
}

#[test]
fn a_request_has_a_deadline_after_which_lang_is_told() {
    let mut fixture = Fixture::new();
    let now = fixture.harness.host.host().now().wall;
    let started = fixture.start(&task("a", &[("Request-Timeout", "2s")]));
    assert_eq!(started.request_deadline, Some(now.plus(Duration::from_secs(2)).into()));
    fixture.harness.advance(Duration::from_millis(1_999));
    fixture.expect_nothing();
    fixture.harness.advance(Duration::from_millis(1));
    assert_eq!(fixture.expect_cancel(), (b"a".to_vec(), NexusTaskCancelReason::TimedOut));
    let outcome = fixture.complete("a", Status::AckCancel(true));
    assert_eq!(outcome.borrow_mut().take(), Some(Ok(())));
    fixture.expect_nothing();
    assert_eq!(fixture.calls("PollNexusTaskQueue"), 1, "the slot is free");
}

#[test]
fn a_deadline_that_has_passed_cancels_at_once() {
    let mut fixture = Fixture::new();
    fixture.start(&task("a", &[("request-timeout", "-5ms")]));
    assert_eq!(fixture.expect_cancel().1, NexusTaskCancelReason::TimedOut);
}

#[test]
fn an_unreadable_deadline_is_none() {
    let mut fixture = Fixture::new();
    let started = fixture.start(&task("a", &[("request-timeout", "soon")]));
    assert_eq!(started.request_deadline, None);
    fixture.harness.advance(Duration::from_secs(100_000));
    fixture.expect_nothing();
}

#[test]
fn a_task_that_was_answered_in_time_is_not_cancelled() {
    let mut fixture = Fixture::new();
    fixture.start(&task("a", &[("request-timeout", "2s")]));
    fixture.complete("a", success());
    fixture.harness.advance(Duration::from_secs(10));
    fixture.expect_nothing();
}

#[test]
fn the_slot_is_held_until_the_service_has_the_answer() {
    let mut fixture = Fixture::new();
    fixture.start(&task("a", &[]));
    let outcome = fixture.complete("a", success());
    fixture.expect_nothing();
    assert_eq!(fixture.calls("PollNexusTaskQueue"), 0);
    fixture.harness.service.take("RespondNexusTaskCompleted").fail(code::NOT_FOUND, "gone");
    fixture.expect_nothing();
    assert_eq!(outcome.borrow_mut().take(), Some(Ok(())), "errors of the service are logged only");
    assert_eq!(fixture.calls("PollNexusTaskQueue"), 1);
}

#[test]
fn an_answer_that_is_too_large_becomes_an_error() {
    let mut fixture = Fixture::new();
    fixture.start(&task("a", &[]));
    fixture.complete("a", success());
    let kind = ServiceErrorKind::PayloadsTooLarge("too large".to_owned());
    fixture.harness.service.take("RespondNexusTaskCompleted").fail_as(kind, code::INVALID_ARGUMENT, "too large");
    fixture.harness.turn();
    let call = fixture.harness.service.take("RespondNexusTaskFailed");
    #[allow(deprecated, reason = "the form that every service knows")]
    let error = call.request::<RespondNexusTaskFailedRequest>().error;
    assert_eq!(error.map(|error| error.error_type).as_deref(), Some("PayloadsTooLarge"));
    call.answer(&RespondNexusTaskFailedResponse::default());
    fixture.harness.turn();
}

#[test]
fn a_malformed_completion_is_refused_and_the_task_is_gone() {
    let mut fixture = Fixture::new();
    fixture.start(&task("a", &[]));
    let outcome = fixture.complete("a", Status::Completed(Response::default()));
    let error = outcome.borrow_mut().take().expect("it is answered").expect_err("it is refused");
    assert!(error.to_string().contains("Lang SDK sent us a malformed nexus completion: "), "{error}");
    fixture.expect_nothing();
    assert_eq!(fixture.calls("PollNexusTaskQueue"), 1, "the slot is free");
}

#[test]
fn a_task_without_a_request_is_an_error_of_the_poll_and_the_worker_goes_on() {
    let mut fixture = Fixture::new();
    fixture.expect_nothing();
    let broken = PollNexusTaskQueueResponse { request: None, ..task("a", &[]) };
    fixture.harness.service.take("PollNexusTaskQueue").answer(&broken);
    let polled = fixture.poll();
    assert!(
        matches!(&polled, Some(Err(WorkerError::Poll(text))) if text.contains("missing request field")),
        "{polled:?}"
    );
    fixture.start(&task("b", &[]));
}

#[test]
fn shutdown_waits_until_every_task_is_completed() {
    let mut fixture = Fixture::new();
    fixture.start(&task("a", &[]));
    fixture.begin_shutdown();
    fixture.harness.advance(Duration::from_secs(1_000));
    fixture.expect_nothing();
    fixture.complete("a", success());
    fixture.harness.service.take("RespondNexusTaskCompleted").answer(&RespondNexusTaskCompletedResponse::default());
    assert_eq!(fixture.poll(), Some(Err(WorkerError::Shutdown)));
    assert_eq!(fixture.poll(), Some(Err(WorkerError::Shutdown)));
}

#[test]
fn after_the_graceful_period_tasks_are_cancelled() {
    let period = Some(3_000_000_000);
    let mut fixture = Fixture::with(WorkerConfig { graceful_shutdown_period_ns: period, ..config() }, None);
    fixture.start(&task("a", &[]));
    fixture.expect_nothing();
    fixture.begin_shutdown();
    fixture.expect_nothing();
    fixture.harness.advance(Duration::from_secs(3));
    assert_eq!(fixture.expect_cancel(), (b"a".to_vec(), NexusTaskCancelReason::WorkerShutdown));
}

#[test]
fn a_task_that_did_not_reach_lang_is_given_again() {
    let mut fixture = Fixture::new();
    let lost = fixture.start(&task("a", &[]));
    fixture.harness.worker.undelivered(TaskKind::Nexus, lost.encode_to_vec().into());
    assert_eq!(fixture.poll(), Some(Ok(lost)));
}

#[test]
fn tasks_of_an_earlier_instance_are_completed_here() {
    let mut first = Fixture::new();
    let held = first.start(&task("a", &[("request-timeout", "2s")]));
    let ledger = WorkerLedger { nexus_tasks: vec![held.encode_to_vec().into()], ..Default::default() };
    let mut fixture = Fixture::with(config(), Some(ledger));
    fixture.expect_nothing();
    assert_eq!(fixture.calls("PollNexusTaskQueue"), 0, "the slot is taken");
    fixture.harness.advance(Duration::from_secs(2));
    assert_eq!(fixture.expect_cancel().1, NexusTaskCancelReason::TimedOut);
    fixture.complete("a", success());
    fixture.harness.service.take("RespondNexusTaskCompleted").answer(&RespondNexusTaskCompletedResponse::default());
    fixture.expect_nothing();
    assert_eq!(fixture.calls("PollNexusTaskQueue"), 1);
}
