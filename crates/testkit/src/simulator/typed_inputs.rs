//! The body of a fuzz target: bytes as a sequence of well-formed inputs, in any order, with what Core is owed and is
//! not.

use std::collections::BTreeSet;

use bytes::Bytes;
use corewasm_host::envelope::{
    CallCancelled, ClientCall, ClientClose, ClientConnect, GrpcStatus, HistoryClose, HistoryPush, Input, Open,
    ReplayWorkerOpen, RpcResult, TurnRequest, TurnResponse, Undelivered, WorkerComplete, WorkerFinalizeShutdown,
    WorkerInitiateShutdown, WorkerOpen, WorkerPoll, WorkerRequestEviction, WorkerValidate, effect, input, rpc_result,
};
use prost::Message;
use temporalio_protos::temporal::api::workflowservice::v1::GetSystemInfoResponse;

use super::{Turns, config};
use crate::{HistoryBuilder, history::RUN_ID};

/// Inputs per turn.
const TOGETHER: usize = 3;

/// Plays the bytes. Every turn is answered, and no call is resolved twice or without having been made.
///
/// # Panics
/// If that does not hold.
pub fn play_typed_inputs(mut module: impl Turns, data: &[u8]) {
    let mut player = Player::default();
    player.turn(&mut module, vec![input::Kind::Open(Open { log_filter: None, ..Open::default() })]);
    for turn in data.chunks(4 * TOGETHER) {
        let inputs = turn.chunks_exact(4).filter_map(|word| player.input(word)).collect();
        player.now_ns += u64::from(turn[0]) << 26;
        player.turn(&mut module, inputs);
    }
}

#[derive(Default)]
struct Player {
    now_ns: u64,
    last_call: u64,
    open_calls: BTreeSet<u64>,
    open_rpcs: Vec<(u64, String)>,
    /// Values of polls, to be handed back or completed.
    values: Vec<Bytes>,
}

impl Player {
    fn turn(&mut self, module: &mut impl Turns, kinds: Vec<input::Kind>) {
        let calls_before: Vec<_> = kinds.iter().map(call_of).collect();
        let request = TurnRequest {
            wall_clock_ns: self.now_ns,
            monotonic_ns: self.now_ns,
            entropy: if self.last_call == 0 { vec![3; 32].into() } else { Bytes::new() },
            inputs: kinds.into_iter().map(|kind| Input { kind: Some(kind), ..Input::default() }).collect(),
        };
        let response = module.turn(request.encode_to_vec());
        let response = TurnResponse::decode(response.as_slice()).expect("every turn is answered");
        assert_eq!(response.request_error, "", "the request was well formed");
        let refused: BTreeSet<_> = response.input_errors.iter().map(|error| error.input_index as usize).collect();
        let accepted = calls_before.into_iter().enumerate().filter(|(index, _)| !refused.contains(index));
        self.open_calls.extend(accepted.filter_map(|(_, call)| call));
        response.effects.into_iter().filter_map(|effect| effect.kind).for_each(|kind| self.take(kind));
    }

    fn take(&mut self, kind: effect::Kind) {
        match kind {
            effect::Kind::RpcStart(start) => self.open_rpcs.push((start.rpc, start.uri)),
            effect::Kind::RpcCancel(cancel) => self.open_rpcs.retain(|(rpc, _)| *rpc != cancel.rpc),
            effect::Kind::CallResolved(resolved) => {
                assert!(
                    self.open_calls.remove(&resolved.call),
                    "call {} was resolved twice or never made",
                    resolved.call
                );
                if let Some(corewasm_host::envelope::call_resolved::Result::Value(value)) = resolved.result {
                    self.values.push(value);
                }
            }
            _ => {}
        }
    }

    fn call(&mut self) -> u64 {
        self.last_call += 1;
        self.last_call
    }

    /// Four bytes as an input: what it is, and three numbers for it.
    fn input(&mut self, word: &[u8]) -> Option<input::Kind> {
        let (handle, kind, detail) = (u32::from(word[1] % 3) + 1, i32::from(word[2] % 4), word[3]);
        let call = self.call();
        Some(match word[0] % 20 {
            0 => {
                let config = Some(config::client());
                input::Kind::ClientConnect(ClientConnect { client: handle, call, config, adopt: detail > 250 })
            }
            1 => {
                let config = Some(config::worker(u32::from(detail % 3)));
                input::Kind::WorkerOpen(WorkerOpen { worker: handle, client: 1, call, config, ledger: None })
            }
            2 => {
                let config = Some(config::worker(1));
                input::Kind::ReplayWorkerOpen(ReplayWorkerOpen { worker: handle, call, config })
            }
            3 => input::Kind::ClientClose(ClientClose { client: handle }),
            4 => input::Kind::ClientCall(client_call(handle, call, detail)),
            5 => input::Kind::CallCancelled(CallCancelled { call: u64::from(detail) }),
            6 => input::Kind::WorkerValidate(WorkerValidate { worker: handle, call }),
            7 if detail < 64 => input::Kind::WorkerInitiateShutdown(WorkerInitiateShutdown { worker: handle }),
            7 => input::Kind::WorkerFinalizeShutdown(WorkerFinalizeShutdown { worker: handle, call }),
            8 => {
                let eviction = WorkerRequestEviction { worker: handle, run_id: RUN_ID.to_owned() };
                input::Kind::WorkerRequestEviction(eviction)
            }
            9 => input::Kind::HistoryPush(HistoryPush {
                worker: handle,
                call,
                workflow_id: "workflow".to_owned(),
                history: history(detail).history_bytes().into(),
            }),
            10 => input::Kind::HistoryClose(HistoryClose { worker: handle }),
            11 => input::Kind::Undelivered(Undelivered { worker: handle, kind, value: self.value(detail) }),
            12 | 13 => {
                let body = completion(detail, self.value(detail));
                input::Kind::WorkerComplete(WorkerComplete { worker: handle, kind, call, body })
            }
            14..17 => input::Kind::WorkerPoll(WorkerPoll { worker: handle, kind, call }),
            _ => return self.rpc_result(detail),
        })
    }

    fn value(&self, detail: u8) -> Bytes {
        self.values.get(usize::from(detail) % self.values.len().max(1)).cloned().unwrap_or_default()
    }

    fn rpc_result(&mut self, detail: u8) -> Option<input::Kind> {
        let at = usize::from(detail) % self.open_rpcs.len().max(1);
        if self.open_rpcs.is_empty() {
            return None;
        }
        let (rpc, uri) = self.open_rpcs.remove(at);
        let result = if detail.is_multiple_of(5) {
            rpc_result::Result::Status(GrpcStatus { code: u32::from(detail % 16) + 1, ..GrpcStatus::default() })
        } else {
            let body = response(&uri, detail).into();
            rpc_result::Result::Response(corewasm_host::envelope::GrpcResponse { body, metadata: Vec::new() })
        };
        Some(input::Kind::RpcResult(RpcResult { rpc, result: Some(result) }))
    }
}

/// The call that an input makes.
const fn call_of(kind: &input::Kind) -> Option<u64> {
    match kind {
        input::Kind::ClientConnect(ClientConnect { call, .. })
        | input::Kind::WorkerOpen(WorkerOpen { call, .. })
        | input::Kind::ReplayWorkerOpen(ReplayWorkerOpen { call, .. })
        | input::Kind::ClientCall(ClientCall { call, .. })
        | input::Kind::WorkerValidate(WorkerValidate { call, .. })
        | input::Kind::WorkerFinalizeShutdown(WorkerFinalizeShutdown { call, .. })
        | input::Kind::HistoryPush(HistoryPush { call, .. })
        | input::Kind::WorkerComplete(WorkerComplete { call, .. })
        | input::Kind::WorkerPoll(WorkerPoll { call, .. }) => Some(*call),
        _ => None,
    }
}

fn client_call(client: u32, call: u64, detail: u8) -> ClientCall {
    ClientCall {
        client,
        call,
        service: "temporal.api.workflowservice.v1.WorkflowService".to_owned(),
        rpc: "DescribeNamespace".to_owned(),
        retry: detail.is_multiple_of(2),
        ..ClientCall::default()
    }
}

fn history(detail: u8) -> HistoryBuilder {
    let mut history = HistoryBuilder::new();
    for number in 0..detail % 4 {
        history.workflow_task();
        let timer = history.timer_started(&u32::from(number).to_string());
        history.timer_fired(timer);
    }
    history.workflow_task_pending();
    history
}

/// A response that a service could give to this call, or an empty one.
fn response(uri: &str, detail: u8) -> Vec<u8> {
    match uri.rsplit('/').next() {
        Some("GetSystemInfo") => GetSystemInfoResponse::default().encode_to_vec(),
        Some("PollWorkflowTaskQueue") if detail > 30 => {
            let history = history(detail);
            let number = usize::from(detail >> 4) % history.task_count() + 1;
            let task = if detail.is_multiple_of(2) { history.up_to_task(number) } else { history.only_task(number) };
            task.poll_response().encode_to_vec()
        }
        _ => Vec::new(),
    }
}

/// A completion of the run that all histories are of, empty or failed; or bytes that are none.
fn completion(detail: u8, value: Bytes) -> Bytes {
    use temporalio_protos::coresdk::workflow_completion::{
        Failure, Success, WorkflowActivationCompletion, workflow_activation_completion::Status,
    };
    let status = match detail % 4 {
        0 => return value,
        1 => Status::Failed(Failure::default()),
        _ => Status::Successful(Success::default()),
    };
    WorkflowActivationCompletion { run_id: RUN_ID.to_owned(), status: Some(status), ..Default::default() }
        .encode_to_vec()
        .into()
}
