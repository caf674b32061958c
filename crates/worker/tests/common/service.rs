//! The scripted service.

use std::cell::RefCell;
use std::collections::VecDeque;

use bytes::Bytes;
use corewasm_host::GrpcStatus;
use corewasm_worker::service::{Call, Service, ServiceError, ServiceErrorKind};
use futures::channel::oneshot;
use futures::future::LocalBoxFuture;
use prost::Message;
use temporalio_protos::temporal::api::enums::v1::TaskQueueKind;
use temporalio_protos::temporal::api::workflowservice::v1::PollWorkflowTaskQueueRequest;
use temporalio_protos::temporal::api::workflowservice::v1::get_system_info_response::Capabilities;

#[derive(Default)]
pub struct ScriptedService {
    pending: RefCell<VecDeque<PendingCall>>,
}

pub struct PendingCall {
    pub call: Call,
    answer: oneshot::Sender<Result<Bytes, ServiceError>>,
}

impl ScriptedService {
    /// Names of the calls that wait for an answer, polls left out. Calls that were given up are gone.
    pub fn waiting(&self) -> Vec<&'static str> {
        self.pending
            .borrow()
            .iter()
            .filter(|pending| pending.call.rpc != "PollWorkflowTaskQueue" && !pending.answer.is_canceled())
            .map(|pending| pending.call.rpc)
            .collect()
    }

    /// The same with polls of every kind.
    pub fn all_waiting(&self) -> Vec<&'static str> {
        let pending = self.pending.borrow();
        pending.iter().filter(|pending| !pending.answer.is_canceled()).map(|pending| pending.call.rpc).collect()
    }

    /// How many calls of this name wait.
    pub fn waiting_of(&self, rpc: &str) -> usize {
        self.all_waiting().into_iter().filter(|waiting| *waiting == rpc).count()
    }

    /// Polls that wait, of the sticky or the normal queue.
    pub fn polls(&self, sticky: bool) -> usize {
        self.pending.borrow().iter().filter(|pending| pending.is_poll(sticky)).count()
    }

    /// The first call of this name that waits.
    pub fn take(&self, rpc: &str) -> PendingCall {
        self.take_if(|pending| pending.call.rpc == rpc && !pending.answer.is_canceled())
            .unwrap_or_else(|| panic!("no {rpc} waits, only {:?}", self.waiting()))
    }

    pub fn take_poll(&self, sticky: bool) -> PendingCall {
        self.take_if(|pending| pending.is_poll(sticky)).expect("a poll waits")
    }

    fn take_if(&self, wanted: impl Fn(&PendingCall) -> bool) -> Option<PendingCall> {
        let mut pending = self.pending.borrow_mut();
        let index = pending.iter().position(wanted)?;
        pending.remove(index)
    }
}

impl PendingCall {
    pub fn request<Request: Message + Default>(&self) -> Request {
        Request::decode(self.call.body.clone()).expect("it decodes")
    }

    pub fn answer(self, response: &impl Message) {
        self.answer.send(Ok(response.encode_to_vec().into())).expect("the caller waits");
    }

    pub fn fail(self, code: u32, message: &str) {
        self.fail_with(GrpcStatus::new(code, message).into());
    }

    pub fn fail_as(self, kind: ServiceErrorKind, code: u32, message: &str) {
        self.fail_with(ServiceError { status: GrpcStatus::new(code, message), kind });
    }

    pub fn fail_with_details(self, code: u32, message: &str, details: Bytes) {
        self.fail_with(GrpcStatus { details, ..GrpcStatus::new(code, message) }.into());
    }

    fn fail_with(self, error: ServiceError) {
        self.answer.send(Err(error)).expect("the caller waits");
    }

    fn is_poll(&self, sticky: bool) -> bool {
        if self.call.rpc != "PollWorkflowTaskQueue" || self.answer.is_canceled() {
            return false;
        }
        let request: PollWorkflowTaskQueueRequest = self.request();
        let kind = request.task_queue.map(|queue| queue.kind()).unwrap_or_default();
        (kind == TaskQueueKind::Sticky) == sticky
    }
}

impl Service for ScriptedService {
    fn call(&self, call: Call) -> LocalBoxFuture<'static, Result<Bytes, ServiceError>> {
        let (answer, answered) = oneshot::channel();
        self.pending.borrow_mut().push_back(PendingCall { call, answer });
        Box::pin(async move { answered.await.expect("the test answers or keeps the call") })
    }

    fn identity(&self) -> String {
        "tester".to_owned()
    }

    fn sdk(&self) -> (String, String) {
        ("test-sdk".to_owned(), "1.0".to_owned())
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities { sdk_metadata: true, build_id_based_versioning: true, ..Default::default() }
    }
}
