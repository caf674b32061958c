//! What the client knows of a request that it sees as bytes: namespace, task queue, whether it waits at the server, and
//! its payloads.

use crate::{tables::SHAPES, wire};

/// Field numbers of one request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RequestShape {
    namespace: u32,
    task_queue: TaskQueueField,
    long_poll: LongPoll,
    /// Index in [`crate::tables::RULES`], if any of its fields is measured.
    pub(crate) rules: Option<usize>,
}

/// Where the task queue stands.
#[derive(Clone, Copy, Debug)]
pub(crate) enum TaskQueueField {
    Absent,
    /// A temporal.api.taskqueue.v1.TaskQueue.
    Message(u32),
    Name(u32),
}

/// Whether a user's call waits at the server (spec 10.2.7).
#[derive(Clone, Copy, Debug)]
pub(crate) enum LongPoll {
    Never,
    Always,
    IfSet(u32),
}

/// What to do with a field when payloads are measured.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Rule {
    /// Look into the message, by the rules of this index.
    Enter(usize),
    Measure(Limit, Measure),
}

/// Which limit a field is under.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Limit {
    Blob,
    /// Over the limit it warns and no more.
    BlobWarning,
    Memo,
}

/// How a field's size is counted (spec 10.3.1).
#[derive(Clone, Copy, Debug)]
pub(crate) enum Measure {
    Encoded,
    /// A map's entry: its key and its encoded value. A map's entries are summed.
    MapEntry,
    /// A message that holds one map of payloads: keys and the data of the payloads.
    MapData,
}

pub(crate) const fn shape(
    namespace: u32,
    task_queue: TaskQueueField,
    long_poll: LongPoll,
    rules: Option<usize>,
) -> RequestShape {
    RequestShape { namespace, task_queue, long_poll, rules }
}

const EXECUTE_MULTI_OPERATION: &str = "/temporal.api.workflowservice.v1.WorkflowService/ExecuteMultiOperation";

/// What is known of the requests of this URI; none for requests of no namespace.
pub(crate) fn lookup(uri: &str) -> Option<&'static RequestShape> {
    SHAPES.binary_search_by_key(&uri, |(known, _)| known).ok().map(|index| &SHAPES[index].1)
}

impl RequestShape {
    pub(crate) fn namespace(&self, body: &[u8]) -> String {
        wire::text(body, self.namespace).unwrap_or_default()
    }

    /// The task queue's normal name, also of a sticky one.
    pub(crate) fn task_queue(&self, uri: &str, body: &[u8]) -> Option<String> {
        if uri == EXECUTE_MULTI_OPERATION {
            return started_task_queue(body);
        }
        match self.task_queue {
            TaskQueueField::Absent => None,
            TaskQueueField::Message(field) => normal_name(wire::bytes(body, field)?),
            TaskQueueField::Name(field) => Some(wire::text(body, field).unwrap_or_default()),
        }
    }

    pub(crate) fn is_long_poll(&self, body: &[u8]) -> bool {
        match self.long_poll {
            LongPoll::Never => false,
            LongPoll::Always => true,
            LongPoll::IfSet(field) => wire::varint(body, field).is_some_and(|value| value != 0),
        }
    }
}

/// The queue of the first operation, if that starts a workflow.
fn started_task_queue(body: &[u8]) -> Option<String> {
    const OPERATIONS: u32 = 2;
    const START_WORKFLOW: u32 = 1;
    const TASK_QUEUE: u32 = 4;
    let start = wire::bytes(wire::all_bytes(body, OPERATIONS).next()?, START_WORKFLOW)?;
    normal_name(wire::bytes(start, TASK_QUEUE)?)
}

fn normal_name(task_queue: &[u8]) -> Option<String> {
    const NAME: u32 = 1;
    const NORMAL_NAME: u32 = 3;
    let normal = wire::text(task_queue, NORMAL_NAME).filter(|name| !name.is_empty());
    Some(normal.or_else(|| wire::text(task_queue, NAME)).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use prost::Message;
    use temporalio_protos::temporal::api::{
        taskqueue::v1::TaskQueue,
        workflowservice::v1::{
            ExecuteMultiOperationRequest, GetWorkflowExecutionHistoryRequest, StartWorkflowExecutionRequest,
            execute_multi_operation_request::{Operation, operation},
        },
    };

    use super::*;

    #[test]
    fn the_table_is_in_order_and_finds_itself() {
        assert!(SHAPES.is_sorted_by(|one, next| one.0 < next.0));
        assert!(SHAPES.iter().all(|(uri, _)| lookup(uri).is_some()));
        assert!(lookup("/temporal.api.workflowservice.v1.WorkflowService/GetSystemInfo").is_none());
    }

    #[test]
    fn an_update_with_start_is_of_the_queue_that_it_starts_on() {
        let task_queue = Some(TaskQueue { name: "queue".to_owned(), ..Default::default() });
        let start = StartWorkflowExecutionRequest { task_queue, ..Default::default() };
        let operation = Operation { operation: Some(operation::Operation::StartWorkflow(start)) };
        let request = ExecuteMultiOperationRequest {
            namespace: "orders".to_owned(),
            operations: vec![operation, Operation::default()],
            ..Default::default()
        };
        let body = request.encode_to_vec();
        let shape = lookup(EXECUTE_MULTI_OPERATION).expect("it has a namespace");
        assert_eq!(shape.task_queue(EXECUTE_MULTI_OPERATION, &body).as_deref(), Some("queue"));
        assert_eq!(shape.namespace(&body), "orders");
        assert!(shape.is_long_poll(&body));
    }

    #[test]
    fn a_history_is_waited_for_if_the_user_says_so() {
        let uri = "/temporal.api.workflowservice.v1.WorkflowService/GetWorkflowExecutionHistory";
        let shape = lookup(uri).expect("it has a namespace");
        for wait_new_event in [false, true] {
            let request = GetWorkflowExecutionHistoryRequest { wait_new_event, ..Default::default() };
            assert_eq!(shape.is_long_poll(&request.encode_to_vec()), wait_new_event);
        }
    }
}
