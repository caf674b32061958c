//! The body of a fuzz target: bytes that Core gets from a host, damaged or made up.

use bytes::Bytes;
use corewasm_host::envelope::{
    ClientConnect, GrpcResponse, HistoryPush, Input, Open, ReplayWorkerOpen, RpcResult, TurnRequest, TurnResponse,
    WorkerComplete, WorkerHeartbeat, WorkerOpen, WorkerPoll, WorkerValidate, effect, input, rpc_result,
};
use prost::Message;

use super::{Turns, config};

const REPLAY: u32 = 1;
const LIVE: u32 = 2;
const CLIENT: u32 = 1;

/// Plays the bytes as one whole turn, then as the body of each kind of input that has one, to a replay worker and to a
/// live one, and as the response to each call. Every turn is answered, and the module takes a well-formed one after
/// each.
///
/// # Panics
/// If that does not hold.
pub fn play_turn_bytes(mut module: impl Turns, data: &[u8]) {
    let mut player = Player { module: &mut module, rpcs: Vec::new(), monotonic_ns: 1 };
    player.turn(vec![input::Kind::Open(Open::default())]);
    let body = Bytes::copy_from_slice(data);
    player.open_workers();
    player.push(&body);
    player.poll(LIVE);
    player.respond(&body);
    player.complete(REPLAY, &body);
    player.complete(LIVE, &body);
    player.respond(&body);
    player.answered(data.to_vec());
    let response = player.answered(Vec::new());
    assert_eq!(response.request_error, "", "an empty turn is well formed");
}

struct Player<'a, T> {
    module: &'a mut T,
    /// Not answered.
    rpcs: Vec<u64>,
    monotonic_ns: u64,
}

impl<T: Turns> Player<'_, T> {
    fn open_workers(&mut self) {
        let config = Some(config::worker(1));
        self.turn(vec![input::Kind::ReplayWorkerOpen(ReplayWorkerOpen { worker: REPLAY, call: 1, config })]);
        let config = Some(config::client());
        self.turn(vec![input::Kind::ClientConnect(ClientConnect { client: CLIENT, call: 2, config, adopt: false })]);
        self.respond(&Bytes::new());
        let config = Some(config::worker(1));
        let open = WorkerOpen { worker: LIVE, client: CLIENT, call: 3, config, ledger: None };
        self.turn(vec![input::Kind::WorkerOpen(open)]);
        self.turn(vec![input::Kind::WorkerValidate(WorkerValidate { worker: LIVE, call: 4 })]);
        self.respond(&Bytes::new());
    }

    fn push(&mut self, body: &Bytes) {
        let (workflow_id, history) = ("workflow".to_owned(), body.clone());
        self.turn(vec![input::Kind::HistoryPush(HistoryPush { worker: REPLAY, call: 5, workflow_id, history })]);
        self.poll(REPLAY);
    }

    fn poll(&mut self, worker: u32) {
        for kind in 0..4 {
            let call = 10 * (worker + 1) as u64 + kind as u64;
            self.turn(vec![input::Kind::WorkerPoll(WorkerPoll { worker, kind, call })]);
        }
    }

    fn complete(&mut self, worker: u32, body: &Bytes) {
        for kind in 0..4 {
            let call = 10 * (worker + 5) as u64 + kind as u64;
            self.turn(vec![input::Kind::WorkerComplete(WorkerComplete { worker, kind, call, body: body.clone() })]);
        }
        self.turn(vec![input::Kind::WorkerHeartbeat(WorkerHeartbeat { worker, body: body.clone() })]);
    }

    /// Answers what Core waits for, and not what it asks thereupon.
    fn respond(&mut self, body: &Bytes) {
        for rpc in std::mem::take(&mut self.rpcs) {
            let result = rpc_result::Result::Response(GrpcResponse { body: body.clone(), metadata: Vec::new() });
            self.turn(vec![input::Kind::RpcResult(RpcResult { rpc, result: Some(result) })]);
        }
    }

    /// A well-formed turn.
    fn turn(&mut self, kinds: Vec<input::Kind>) {
        let request = TurnRequest {
            wall_clock_ns: self.monotonic_ns,
            monotonic_ns: self.monotonic_ns,
            entropy: if self.monotonic_ns == 1 { vec![3; 32].into() } else { Bytes::new() },
            inputs: kinds.into_iter().map(|kind| Input { kind: Some(kind), ..Input::default() }).collect(),
        };
        self.monotonic_ns += 1_000_000;
        let response = self.answered(request.encode_to_vec());
        assert_eq!(response.request_error, "", "the request was well formed");
        for effect in response.effects {
            if let Some(effect::Kind::RpcStart(start)) = effect.kind {
                self.rpcs.push(start.rpc);
            }
        }
    }

    fn answered(&mut self, request: Vec<u8>) -> TurnResponse {
        TurnResponse::decode(self.module.turn(request).as_slice()).expect("every turn is answered")
    }
}
