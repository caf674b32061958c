//! A host with a virtual clock: what tests of the crates above drive Core with.

use std::time::Duration;

use bytes::Bytes;

use crate::{
    Host, InputError, TurnDriver,
    envelope::{
        CallResolved, GrpcResponse, GrpcStatus, Input, LogFilter, LogLevel, LogRecord, MetricsOptions, Open, RpcResult,
        RpcStart, TurnRequest, TurnResponse, effect, input, rpc_result,
    },
};

/// The wall clock's time when a virtual host begins: 2024-01-01T00:00:00Z.
pub const WALL_START_NS: u64 = 1_704_067_200_000_000_000;

/// Drives a [`Host`] turn by turn; time passes only when the test says so.
pub struct VirtualHost {
    driver: TurnDriver,
    elapsed: Duration,
    last: TurnResponse,
}

impl Default for VirtualHost {
    fn default() -> Self {
        Self::new()
    }
}

impl VirtualHost {
    /// A host that reads every log and no metrics.
    pub fn new() -> Self {
        Self::open(Open {
            log_filter: Some(LogFilter { default_level: LogLevel::Trace.into(), directives: Vec::new() }),
            metrics: Some(MetricsOptions::default()),
            ..Open::default()
        })
    }

    /// A host that opened the module with this message.
    pub fn open(open: Open) -> Self {
        let mut host = Self { driver: TurnDriver::new(), elapsed: Duration::ZERO, last: TurnResponse::default() };
        host.turn([input::Kind::Open(open)]);
        host
    }

    /// What Core sees of this host.
    pub fn host(&self) -> Host {
        self.driver.host()
    }

    /// A turn whose inputs are the host's own (RPC results, permits, cancelled calls). Gives the effects.
    pub fn turn(&mut self, inputs: impl IntoIterator<Item = input::Kind>) -> Vec<effect::Kind> {
        self.turn_with(inputs, &mut |_| Err(InputError::unknown_message()))
    }

    /// A turn with a dispatcher for all other inputs. Gives the effects.
    pub fn turn_with(
        &mut self,
        inputs: impl IntoIterator<Item = input::Kind>,
        dispatch: &mut dyn FnMut(Input) -> Result<(), InputError>,
    ) -> Vec<effect::Kind> {
        let inputs = inputs.into_iter().map(|kind| Input { kind: Some(kind), ..Input::default() }).collect();
        let request = TurnRequest {
            wall_clock_ns: WALL_START_NS + self.elapsed.as_nanos() as u64,
            monotonic_ns: self.elapsed.as_nanos() as u64,
            entropy: Bytes::new(),
            inputs,
        };
        self.last = self.driver.turn(request, dispatch);
        self.last.effects.iter().filter_map(|effect| effect.kind.clone()).collect()
    }

    /// Lets time pass and makes a turn.
    pub fn advance(&mut self, duration: Duration) -> Vec<effect::Kind> {
        self.elapsed += duration;
        self.turn([])
    }

    /// Lets time pass until the next deadline and makes a turn; none if Core waits for nothing.
    pub fn advance_to_wakeup(&mut self) -> Option<Vec<effect::Kind>> {
        let wakeup = Duration::from_nanos(self.last.next_wakeup_ns?);
        self.elapsed = self.elapsed.max(wakeup);
        Some(self.turn([]))
    }

    /// Time passed since the beginning.
    pub const fn elapsed(&self) -> Duration {
        self.elapsed
    }

    /// The whole answer to the last turn.
    pub const fn last_response(&self) -> &TurnResponse {
        &self.last
    }
}

/// A response to an RPC.
pub fn rpc_response(rpc: u64, message: &impl prost::Message) -> input::Kind {
    let response = GrpcResponse { body: message.encode_to_vec().into(), metadata: Vec::new() };
    input::Kind::RpcResult(RpcResult { rpc, result: Some(rpc_result::Result::Response(response)) })
}

/// A failure of an RPC.
pub fn rpc_failure(rpc: u64, code: u32, message: &str) -> input::Kind {
    let status = GrpcStatus { code, message: message.to_owned(), ..GrpcStatus::default() };
    input::Kind::RpcResult(RpcResult { rpc, result: Some(rpc_result::Result::Status(status)) })
}

/// The RPCs that these effects start.
pub fn rpc_starts(effects: &[effect::Kind]) -> Vec<&RpcStart> {
    effects
        .iter()
        .filter_map(|effect| if let effect::Kind::RpcStart(start) = effect { Some(start) } else { None })
        .collect()
}

/// The calls that these effects resolve.
pub fn resolved(effects: &[effect::Kind]) -> Vec<&CallResolved> {
    effects
        .iter()
        .filter_map(|effect| if let effect::Kind::CallResolved(resolved) = effect { Some(resolved) } else { None })
        .collect()
}

impl LogRecord {
    /// The JSON of a field, if the record has it.
    pub fn field(&self, key: &str) -> Option<&str> {
        self.fields.iter().find(|field| field.key == key).map(|field| field.value.as_str())
    }
}
