//! Spec 10.9: a workflow's start may bring its first task along.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use bytes::Bytes;
use corewasm_client::{CallOptions, EagerReservation, EagerSlot, EagerStarter};
use corewasm_host::{
    code,
    testing::{VirtualHost, rpc_failure, rpc_response},
};
use futures::future::LocalBoxFuture;
use prost::Message;
use temporalio_protos::temporal::api::{
    deployment::v1::WorkerDeploymentOptions,
    taskqueue::v1::TaskQueue,
    workflowservice::v1::{
        PollWorkflowTaskQueueResponse, StartWorkflowExecutionRequest, StartWorkflowExecutionResponse,
    },
};

use crate::support::{call, config, connection, next_attempt, turn_to_rpc};

/// A worker with some free slots.
#[derive(Default)]
struct Worker {
    free: Rc<Cell<i32>>,
    deployment_options: Option<WorkerDeploymentOptions>,
    tasks: Rc<RefCell<Vec<Bytes>>>,
}

struct Slot {
    free: Rc<Cell<i32>>,
    tasks: Rc<RefCell<Vec<Bytes>>>,
}

impl EagerStarter for Worker {
    fn reserve(&self, namespace: String, task_queue: String) -> LocalBoxFuture<'static, Option<EagerReservation>> {
        assert_eq!((namespace.as_str(), task_queue.as_str()), ("orders", "queue"));
        let (free, tasks, deployment_options) =
            (self.free.clone(), self.tasks.clone(), self.deployment_options.clone());
        Box::pin(async move {
            if free.get() == 0 {
                return None;
            }
            free.set(free.get() - 1);
            Some(EagerReservation { deployment_options, slot: Box::new(Slot { free, tasks }) })
        })
    }
}

impl EagerSlot for Slot {
    fn schedule(self: Box<Self>, task: Bytes) -> Result<(), String> {
        self.tasks.borrow_mut().push(task);
        Ok(())
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.free.set(self.free.get() + 1);
    }
}

fn start() -> StartWorkflowExecutionRequest {
    StartWorkflowExecutionRequest {
        namespace: "orders".to_owned(),
        task_queue: Some(TaskQueue { name: "queue".to_owned(), ..Default::default() }),
        request_eager_execution: true,
        ..Default::default()
    }
}

fn asks_for_eager(body: &Bytes) -> bool {
    StartWorkflowExecutionRequest::decode(body.clone()).unwrap().request_eager_execution
}

#[test]
fn the_task_goes_to_the_worker_whose_slot_was_kept() {
    let mut host = VirtualHost::new();
    let connection = connection(&host, config());
    let worker = Rc::new(Worker { free: Rc::new(Cell::new(1)), ..Worker::default() });
    connection.set_eager_starter(&(worker.clone() as Rc<dyn EagerStarter>));
    let outcome = call(&host, &connection, "StartWorkflowExecution", &start(), CallOptions::default());
    let first = turn_to_rpc(&mut host, []);
    assert!(asks_for_eager(&first.body));
    assert_eq!(worker.free.get(), 0);
    host.turn([rpc_failure(first.rpc, code::UNAVAILABLE, "")]);
    assert_eq!(worker.free.get(), 1, "a failed attempt gives its slot back");
    let second = next_attempt(&mut host);
    let task = PollWorkflowTaskQueueResponse { attempt: 1, ..Default::default() };
    let response = StartWorkflowExecutionResponse { eager_workflow_task: Some(task.clone()), ..Default::default() };
    host.turn([rpc_response(second.rpc, &response)]);
    assert!(outcome.take().unwrap().is_ok());
    assert_eq!(*worker.tasks.borrow(), [task.encode_to_vec()]);
}

#[test]
fn a_versioned_worker_says_so_in_the_request() {
    let options = |name: &str| WorkerDeploymentOptions { deployment_name: name.to_owned(), ..Default::default() };
    let stale = WorkerDeploymentOptions { build_id: "old".to_owned(), ..options("old") };
    let request = StartWorkflowExecutionRequest { eager_worker_deployment_options: Some(stale), ..start() };
    let mut host = VirtualHost::new();
    let connection = connection(&host, config());
    let free = Rc::new(Cell::new(1));
    let worker = Rc::new(Worker { free, deployment_options: Some(options("mine")), ..Worker::default() });
    connection.set_eager_starter(&(worker.clone() as Rc<dyn EagerStarter>));
    let _outcome = call(&host, &connection, "StartWorkflowExecution", &request, CallOptions::default());
    let sent = StartWorkflowExecutionRequest::decode(turn_to_rpc(&mut host, []).body).unwrap();
    let expected = StartWorkflowExecutionRequest { eager_worker_deployment_options: Some(options("mine")), ..start() };
    assert_eq!(sent, expected);
}

#[test]
fn without_a_slot_the_flag_is_cleared() {
    let mut host = VirtualHost::new();
    let connection = connection(&host, config());
    let worker = Rc::new(Worker::default());
    connection.set_eager_starter(&(worker.clone() as Rc<dyn EagerStarter>));
    let _outcome = call(&host, &connection, "StartWorkflowExecution", &start(), CallOptions::default());
    assert!(!asks_for_eager(&turn_to_rpc(&mut host, []).body));
    drop(worker);
    let _outcome = call(&host, &connection, "StartWorkflowExecution", &start(), CallOptions::default());
    assert!(!asks_for_eager(&turn_to_rpc(&mut host, []).body), "nor without workers");
}

#[test]
fn a_response_without_a_task_gives_the_slot_back() {
    let mut host = VirtualHost::new();
    let connection = connection(&host, config());
    let worker = Rc::new(Worker { free: Rc::new(Cell::new(1)), ..Worker::default() });
    connection.set_eager_starter(&(worker.clone() as Rc<dyn EagerStarter>));
    let _outcome = call(&host, &connection, "StartWorkflowExecution", &start(), CallOptions::default());
    let start = turn_to_rpc(&mut host, []);
    host.turn([rpc_response(start.rpc, &StartWorkflowExecutionResponse::default())]);
    assert_eq!(worker.free.get(), 1);
    assert!(worker.tasks.borrow().is_empty());
}
