//! A host whose clock moves only when it is told to.

use bytes::Bytes;
use corewasm_host::envelope::{CallResolved, Input, RpcStart, TurnRequest, TurnResponse, call_resolved, effect, input};
use prost::Message;

use super::config;

/// 2024-01-01T00:00:00Z, when every simulation begins.
const WALL_START_NS: u64 = 1_704_067_200_000_000_000;

/// Something that takes turns: an encoded TurnRequest in, an encoded TurnResponse out.
pub trait Turns {
    /// Takes a turn.
    fn turn(&mut self, request: Vec<u8>) -> Vec<u8>;
}

impl<F: FnMut(Vec<u8>) -> Vec<u8>> Turns for F {
    fn turn(&mut self, request: Vec<u8>) -> Vec<u8> {
        self(request)
    }
}

/// Requests and their responses, encoded, in order.
pub type TurnLog = Vec<(Vec<u8>, Vec<u8>)>;

/// The host of a module.
pub struct SimulatedHost<T> {
    module: T,
    now_ns: u64,
    wakeup_ns: Option<u64>,
    last_call: u64,
    log: TurnLog,
}

/// What a turn wants of the world.
#[derive(Debug)]
pub(super) enum Event {
    RpcStarted(RpcStart),
    RpcCancelled(u64),
    /// A call with its value, or its error as text.
    Resolved(u64, Result<Bytes, String>),
}

impl<T: Turns> SimulatedHost<T> {
    /// Opens the module with a log of errors and without metrics.
    ///
    /// # Errors
    /// What the module refused.
    pub fn open(module: T) -> Result<Self, String> {
        let mut host = Self { module, now_ns: 0, wakeup_ns: None, last_call: 0, log: TurnLog::new() };
        host.turn(vec![input::Kind::Open(config::open())])?;
        Ok(host)
    }

    /// All turns so far.
    pub fn into_log(self) -> TurnLog {
        self.log
    }

    /// Nanoseconds since the beginning.
    pub(super) const fn now_ns(&self) -> u64 {
        self.now_ns
    }

    /// When the module wants a turn.
    pub(super) const fn wakeup_ns(&self) -> Option<u64> {
        self.wakeup_ns
    }

    pub(super) const fn next_call(&mut self) -> u64 {
        self.last_call += 1;
        self.last_call
    }

    /// Moves the clock, never back.
    pub(super) fn advance_to(&mut self, now_ns: u64) {
        self.now_ns = self.now_ns.max(now_ns);
    }

    /// A turn; an input that the module refuses is an error of the simulation.
    pub(super) fn turn(&mut self, inputs: Vec<input::Kind>) -> Result<Vec<Event>, String> {
        let response = self.exchange(inputs)?;
        self.wakeup_ns = response.next_wakeup_ns;
        if let Some(error) = response.input_errors.first() {
            return Err(format!("input {} was refused: {}", error.input_index, error.message));
        }
        Ok(response.effects.into_iter().filter_map(|effect| event(effect.kind?)).collect())
    }

    fn exchange(&mut self, inputs: Vec<input::Kind>) -> Result<TurnResponse, String> {
        let request = TurnRequest {
            wall_clock_ns: WALL_START_NS + self.now_ns,
            monotonic_ns: self.now_ns,
            entropy: if self.log.is_empty() { vec![42; 32].into() } else { Bytes::new() },
            inputs: inputs.into_iter().map(|kind| Input { kind: Some(kind), ..Input::default() }).collect(),
        };
        let request = request.encode_to_vec();
        let response = self.module.turn(request.clone());
        let decoded = TurnResponse::decode(response.as_slice()).map_err(|error| format!("no TurnResponse: {error}"))?;
        self.log.push((request, response));
        if decoded.request_error.is_empty() { Ok(decoded) } else { Err(decoded.request_error) }
    }
}

fn event(kind: effect::Kind) -> Option<Event> {
    match kind {
        effect::Kind::RpcStart(start) => Some(Event::RpcStarted(start)),
        effect::Kind::RpcCancel(cancel) => Some(Event::RpcCancelled(cancel.rpc)),
        effect::Kind::CallResolved(resolved) => Some(resolution(resolved)),
        _ => None,
    }
}

fn resolution(resolved: CallResolved) -> Event {
    let result = match resolved.result {
        Some(call_resolved::Result::Value(value)) => Ok(value),
        Some(call_resolved::Result::Error(error)) => Err(format!("{:?}: {}", error.kind(), error.message)),
        None => Err("resolved with nothing".to_owned()),
    };
    Event::Resolved(resolved.call, result)
}
