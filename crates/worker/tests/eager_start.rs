//! Spec 10.9: a started workflow's first task goes to a worker of the same connection that has a slot for it.

use crate::common::{config, fixed, handle, jobs};
use corewasm_client::{CallOptions, Connection, RetryOptions, Rpc};
use corewasm_host::GrpcClientConfig;
use corewasm_host::envelope::{RpcStart, WorkerConfig, effect};
use corewasm_host::testing::{VirtualHost, rpc_response};
use corewasm_testkit::HistoryBuilder;
use corewasm_testkit::history::{NAMESPACE, TASK_QUEUE};
use corewasm_worker::{TaskKind, Worker};
use prost::Message;
use temporalio_protos::coresdk::workflow_activation::WorkflowActivation;
use temporalio_protos::temporal::api::taskqueue::v1::TaskQueue;
use temporalio_protos::temporal::api::workflowservice::v1::{
    PollWorkflowTaskQueueRequest, StartWorkflowExecutionRequest, StartWorkflowExecutionResponse,
};

struct Setup {
    host: VirtualHost,
    connection: Connection,
    worker: Worker,
    started: Vec<RpcStart>,
}

impl Setup {
    fn new(slots: u32) -> Self {
        let host = VirtualHost::new();
        let client = GrpcClientConfig { identity: "tester".to_owned(), ..Default::default() };
        let connection =
            Connection::new(&host.host(), handle(7), client, RetryOptions::default()).expect("it has no headers");
        let config = WorkerConfig { max_cached_workflows: 0, workflow_slots: Some(fixed(slots)), ..config() };
        let worker = Worker::open(host.host(), handle(1), &connection, config, None).expect("it opens");
        Self { host, connection, worker, started: Vec::new() }
    }

    fn turn(&mut self, inputs: Vec<corewasm_host::envelope::input::Kind>) {
        let mut effects = self.host.turn(inputs);
        for _ in 0..4 {
            effects.extend(self.host.turn([]));
        }
        self.started.extend(effects.into_iter().filter_map(|effect| match effect {
            effect::Kind::RpcStart(start) => Some(start),
            _ => None,
        }));
    }

    fn spawn<T: 'static>(&mut self, work: impl Future<Output = T> + 'static) -> crate::common::Outcome<T> {
        let outcome = crate::common::Outcome::default();
        let place = outcome.clone();
        let work = async move {
            let value = work.await;
            *place.borrow_mut() = Some(value);
        };
        self.host.host().spawn(work).detach();
        self.turn(Vec::new());
        outcome
    }

    fn take(&mut self, method: &str) -> RpcStart {
        let index = self.started.iter().position(|start| start.uri.ends_with(method)).expect("it was called");
        self.started.remove(index)
    }

    /// Starts a workflow and gives the request as it is sent.
    fn start(&mut self) -> (u64, StartWorkflowExecutionRequest) {
        let request = StartWorkflowExecutionRequest {
            namespace: NAMESPACE.to_owned(),
            task_queue: Some(TaskQueue { name: TASK_QUEUE.to_owned(), ..Default::default() }),
            request_eager_execution: true,
            ..Default::default()
        };
        let connection = self.connection.clone();
        let _answer = self.spawn(async move {
            let rpc = Rpc::workflow_service("StartWorkflowExecution");
            connection.call_raw(rpc, request.encode_to_vec().into(), CallOptions::default()).await
        });
        let start = self.take("/StartWorkflowExecution");
        (start.rpc, StartWorkflowExecutionRequest::decode(start.body).expect("it decodes"))
    }
}

fn first_task() -> temporalio_protos::temporal::api::workflowservice::v1::PollWorkflowTaskQueueResponse {
    let mut history = HistoryBuilder::new();
    history.workflow_task_pending();
    history.whole().poll_response()
}

#[test]
fn the_first_task_comes_with_the_start() {
    let mut setup = Setup::new(2);
    let worker = setup.worker.clone();
    let polled = setup.spawn(async move { worker.poll(TaskKind::Workflow).await });
    let poll = setup.take("/PollWorkflowTaskQueue");
    let request = PollWorkflowTaskQueueRequest::decode(poll.body).expect("it decodes");
    assert_eq!((request.identity.as_str(), poll.worker), ("tester", 1));
    let (rpc, request) = setup.start();
    assert!(!request.request_eager_execution, "the second slot is a poll's too");
    drop((rpc, polled));

    let mut setup = Setup::new(1);
    let (rpc, request) = setup.start();
    assert!(request.request_eager_execution);
    let answer = StartWorkflowExecutionResponse { eager_workflow_task: Some(first_task()), ..Default::default() };
    setup.turn(vec![rpc_response(rpc, &answer)]);
    let worker = setup.worker.clone();
    let polled = setup.spawn(async move { worker.poll(TaskKind::Workflow).await });
    let activation = polled.borrow_mut().take().expect("it is there").expect("it is one");
    assert_eq!(jobs(&WorkflowActivation::decode(activation).expect("it decodes")), ["init"]);
    assert!(setup.started.is_empty(), "the only slot is in use: nothing is polled");
}

#[test]
fn a_start_without_a_free_slot_or_a_worker_is_an_ordinary_one() {
    let mut setup = Setup::new(1);
    let (first, _) = setup.start();
    let (_, request) = setup.start();
    assert!(!request.request_eager_execution, "the slot is kept for the first start");
    setup.turn(vec![rpc_response(first, &StartWorkflowExecutionResponse::default())]);
    let (_, request) = setup.start();
    assert!(request.request_eager_execution, "the server had no task for it: the slot is free again");
    setup.worker.initiate_shutdown();
    setup.turn(Vec::new());
    let (_, request) = setup.start();
    assert!(!request.request_eager_execution);
}
