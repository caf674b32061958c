//! A scripted Temporal frontend, as conformance/live/frontend.py: gives out tasks, keeps every request about workflow
//! tasks.

use std::collections::VecDeque;

use bytes::Bytes;
use corewasm_host::envelope::{GrpcResponse, GrpcStatus, RpcResult, RpcStart, input, rpc_result};
use prost::Message;
use temporalio_protos::temporal::api::{
    enums::v1::TaskQueueKind,
    history::v1::{History, HistoryEvent},
    workflowservice::v1::{
        DescribeNamespaceResponse, GetSystemInfoResponse, GetWorkflowExecutionHistoryRequest,
        GetWorkflowExecutionHistoryResponse, PollWorkflowTaskQueueRequest, PollWorkflowTaskQueueResponse,
        RespondWorkflowTaskCompletedResponse, get_system_info_response::Capabilities,
    },
};

use super::script::Script;

const ANSWERS: [&str; 3] = ["RespondWorkflowTaskCompleted", "RespondWorkflowTaskFailed", "RespondQueryTaskCompleted"];

/// Serves one script.
pub(super) struct Frontend {
    script: Script,
    queue: VecDeque<PollWorkflowTaskQueueResponse>,
    /// Polls that wait: RPC and whether it is of the sticky queue.
    waiting: Vec<(u64, bool)>,
    pub(super) answers: usize,
    given: usize,
    /// A task was given out and is neither answered nor over.
    open: bool,
    evictions: usize,
    sticky_known: bool,
    pub(super) requests: Vec<(String, Bytes)>,
}

impl Frontend {
    pub(super) fn new(script: Script) -> Self {
        let queue = script.polls.iter().cloned().collect();
        let (waiting, requests) = (Vec::new(), Vec::new());
        let open = false;
        Self { script, queue, waiting, answers: 0, given: 0, open, evictions: 0, sticky_known: false, requests }
    }

    /// Whether every task was given out and answered.
    pub(super) fn is_finished(&self) -> bool {
        self.queue.is_empty() && !self.open && self.given > 0
    }

    /// Lang answered an eviction: the end of a task that Core does not answer.
    pub(super) fn evicted(&mut self) {
        self.evictions += 1;
        let unanswered = self.given.checked_sub(1).and_then(|last| self.script.unanswered.get(&last));
        self.open &= unanswered.is_none_or(|evictions| self.evictions < *evictions);
    }

    /// Takes a request; gives its answer if that does not have to wait.
    pub(super) fn request(&mut self, start: RpcStart) -> Result<Option<input::Kind>, String> {
        let rpc = start.uri.rsplit('/').next().unwrap_or_default();
        let is_answer = ANSWERS.contains(&rpc);
        if is_answer || rpc == "GetWorkflowExecutionHistory" {
            self.requests.push((rpc.to_owned(), start.body.clone()));
        }
        if is_answer {
            return Ok(Some(self.answer(start.rpc, rpc == ANSWERS[0])));
        }
        let response = match rpc {
            "PollWorkflowTaskQueue" => {
                let poll: PollWorkflowTaskQueueRequest = decode(start.body)?;
                let is_sticky = poll.task_queue.is_some_and(|queue| queue.kind() == TaskQueueKind::Sticky);
                self.waiting.push((start.rpc, is_sticky));
                return Ok(None);
            }
            "GetWorkflowExecutionHistory" => self.page(&decode(start.body)?)?.encode_to_vec(),
            "GetSystemInfo" => system_info().encode_to_vec(),
            "DescribeNamespace" => self.namespace().encode_to_vec(),
            _ => Vec::new(),
        };
        Ok(Some(response_input(start.rpc, response)))
    }

    /// The caller gave the RPC up.
    pub(super) fn cancel(&mut self, rpc: u64) {
        self.waiting.retain(|(waiting, _)| *waiting != rpc);
    }

    /// The next task, if a waiting poll may have it.
    pub(super) fn give(&mut self) -> Option<input::Kind> {
        let first = self.queue.front()?;
        if self.open {
            return None;
        }
        let is_whole = first.history.as_ref().and_then(|history| history.events.first()).is_some_and(is_first);
        let wants_sticky = self.sticky_known && !is_whole;
        let at = self.waiting.iter().position(|(_, is_sticky)| *is_sticky == wants_sticky)?;
        self.given += 1;
        self.open = true;
        let (rpc, _) = self.waiting.remove(at);
        Some(response_input(rpc, self.queue.pop_front()?.encode_to_vec()))
    }

    fn answer(&mut self, rpc: u64, is_completion: bool) -> input::Kind {
        let number = self.answers;
        self.answers += 1;
        self.open = false;
        if let Some((code, message)) = self.script.refusals.get(&number).cloned() {
            let status = GrpcStatus { code, message, ..GrpcStatus::default() };
            return input::Kind::RpcResult(RpcResult { rpc, result: Some(rpc_result::Result::Status(status)) });
        }
        let response = if is_completion { self.accepted(number) } else { Default::default() };
        response_input(rpc, response.encode_to_vec())
    }

    fn accepted(&mut self, number: usize) -> RespondWorkflowTaskCompletedResponse {
        let reset_history_event_id = self.script.resets.get(&number).copied().unwrap_or_default();
        let workflow_task = self.hand_on();
        RespondWorkflowTaskCompletedResponse { workflow_task, reset_history_event_id, ..Default::default() }
    }

    /// The task that travels in the response to a completion.
    fn hand_on(&mut self) -> Option<PollWorkflowTaskQueueResponse> {
        self.sticky_known = true;
        let task = if self.script.in_completion { self.queue.pop_front() } else { None };
        self.given += usize::from(task.is_some());
        self.open = task.is_some();
        task
    }

    fn page(
        &self,
        request: &GetWorkflowExecutionHistoryRequest,
    ) -> Result<GetWorkflowExecutionHistoryResponse, String> {
        let (first, last) = if request.next_page_token.is_empty() {
            (1, self.last_given())
        } else {
            parse_token(&request.next_page_token)?
        };
        let size = self.script.page_size.unwrap_or(usize::MAX);
        let end = last.min(first.saturating_add(size) - 1);
        let run_id = request.execution.as_ref().map_or("", |execution| execution.run_id.as_str());
        let events = self.script.history_of(run_id).events.get(first - 1..end).unwrap_or_default().to_vec();
        let next_page_token = if end < last { page_token(end + 1, last) } else { Vec::new() };
        Ok(GetWorkflowExecutionHistoryResponse {
            history: Some(History { events }),
            next_page_token,
            ..Default::default()
        })
    }

    fn namespace(&self) -> DescribeNamespaceResponse {
        let mut response = self.script.namespace.clone();
        response.namespace_info.get_or_insert_default().name = "default".to_owned();
        response
    }

    fn last_given(&self) -> usize {
        let last = &self.script.polls[self.given - 1];
        let id = if last.started_event_id > 0 { last.started_event_id } else { last.previous_started_event_id };
        usize::try_from(id).unwrap_or_default()
    }
}

/// The token of the page that begins with event `first`, of events up to `last`.
pub(super) fn page_token(first: usize, last: usize) -> Vec<u8> {
    format!("page:{first}:{last}").into_bytes()
}

fn parse_token(token: &[u8]) -> Result<(usize, usize), String> {
    let text = String::from_utf8_lossy(token);
    let parsed = text.strip_prefix("page:").and_then(|rest| rest.split_once(':'));
    let numbers = parsed.and_then(|(first, last)| Some((first.parse().ok()?, last.parse().ok()?)));
    numbers.ok_or_else(|| format!("no page token: {text}"))
}

const fn is_first(event: &HistoryEvent) -> bool {
    event.event_id == 1
}

fn response_input(rpc: u64, body: Vec<u8>) -> input::Kind {
    let response = GrpcResponse { body: body.into(), metadata: Vec::new() };
    input::Kind::RpcResult(RpcResult { rpc, result: Some(rpc_result::Result::Response(response)) })
}

fn system_info() -> GetSystemInfoResponse {
    let capabilities = Capabilities {
        sdk_metadata: true,
        activity_failure_include_heartbeat: true,
        build_id_based_versioning: true,
        upsert_memo: true,
        ..Capabilities::default()
    };
    GetSystemInfoResponse { server_version: "conformance".to_owned(), capabilities: Some(capabilities) }
}

fn decode<M: Message + Default>(body: Bytes) -> Result<M, String> {
    M::decode(body).map_err(|error| format!("a request of the module does not decode: {error}"))
}
