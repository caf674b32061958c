//! One turn: inputs in, tasks run until nothing moves, effects out.

use std::time::Duration;

use corewasm_engine::time::{Instant, Now, WallTime};
use prost::Message;

use crate::{
    HandleError, Host, PermitRef, Settings, entries,
    envelope::{self, Input, Open, RpcResult, SlotReserved, TurnRequest, TurnResponse, input, input_error::Kind},
    grpc,
};

/// The largest input that is taken.
pub const MAX_INPUT_BYTES: usize = 128 * 1024 * 1024;

/// Polls of tasks in one turn: a few microseconds each, about 5 ms in all.
const TASK_POLLS: usize = 512;

/// Why an input was not applied. Nothing of it was.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct InputError {
    /// What is wrong.
    pub kind: Kind,
    /// Names the thing concerned.
    pub message: String,
}

impl InputError {
    /// An error of this kind.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    /// The message, or a body inside it, does not decode or lacks what it must have.
    pub fn malformed(message: impl Into<String>) -> Self {
        Self::new(Kind::Malformed, message)
    }

    /// The input is not allowed now.
    pub fn bad_state(message: impl Into<String>) -> Self {
        Self::new(Kind::BadState, message)
    }

    /// The input's kind is not one this module knows.
    pub fn unknown_message() -> Self {
        Self::new(Kind::UnknownMessage, "the input has no kind that this module knows")
    }

    /// A handle of this kind ("client", "worker") can not be used.
    pub fn handle(kind: &str, error: HandleError) -> Self {
        let state = if matches!(error, HandleError::InUse(_)) { Kind::BadState } else { Kind::BadHandle };
        Self::new(state, format!("{kind}: {error}"))
    }
}

/// Drives a [`Host`] from turn to turn.
pub struct TurnDriver {
    host: Host,
    opened: bool,
}

impl Default for TurnDriver {
    fn default() -> Self {
        Self::new()
    }
}

impl TurnDriver {
    /// A driver whose first input must be Open.
    pub fn new() -> Self {
        Self { host: Host::new(), opened: false }
    }

    /// The host that this drives.
    pub fn host(&self) -> Host {
        self.host.clone()
    }

    /// Makes one turn. Inputs that are not the host's own go to `dispatch`, which must not wait for anything. So does
    /// an `Open` with what an earlier instance had in hand, when its settings are in force; refused there, it was not
    /// given.
    pub fn turn(
        &mut self,
        request: TurnRequest,
        dispatch: &mut dyn FnMut(Input) -> Result<(), InputError>,
    ) -> TurnResponse {
        self.advance(&request);
        let mut input_errors = Vec::new();
        for (index, input) in request.inputs.into_iter().enumerate() {
            if let Err(error) = self.apply(input, dispatch) {
                input_errors.push(envelope::InputError {
                    input_index: index as u32,
                    kind: error.kind.into(),
                    message: error.message,
                });
            }
        }
        let idle = self.host.run_tasks(TASK_POLLS);
        let next_wakeup_ns = self.next_wakeup(idle).map(Instant::as_nanos);
        let effects = self.host.outbox().take();
        TurnResponse { effects, next_wakeup_ns, input_errors, ..TurnResponse::default() }
    }

    /// The clocks and the generator move on. A monotonic clock that goes back is held where it was.
    fn advance(&self, request: &TurnRequest) {
        let before = self.host.now().monotonic;
        let monotonic = Instant::from_nanos(request.monotonic_ns).max(before);
        self.host.set_now(Now { monotonic, wall: WallTime::from_nanos(request.wall_clock_ns) });
        self.host.mix_entropy(&request.entropy);
        self.host.timers().wake_due(monotonic);
    }

    fn apply(
        &mut self,
        input: Input,
        dispatch: &mut dyn FnMut(Input) -> Result<(), InputError>,
    ) -> Result<(), InputError> {
        check_size(&input)?;
        match input.kind {
            Some(input::Kind::Open(open)) => self.open(open, dispatch),
            None => Err(InputError::unknown_message()),
            Some(_) if !self.opened => Err(InputError::bad_state("the first input must be Open")),
            Some(input::Kind::RpcResult(result)) => self.rpc_result(result),
            Some(input::Kind::CallCancelled(cancelled)) => {
                self.host.cancel_call(cancelled.call);
                Ok(())
            }
            Some(input::Kind::SlotReserved(reserved)) => {
                self.slot_reserved(&reserved);
                Ok(())
            }
            kind => dispatch(Input { kind, repetition: input.repetition }),
        }
    }

    fn open(
        &mut self,
        mut open: Open,
        dispatch: &mut dyn FnMut(Input) -> Result<(), InputError>,
    ) -> Result<(), InputError> {
        if self.opened {
            return Err(InputError::bad_state("Open was given already"));
        }
        self.apply_settings(&mut open);
        if open.keep {
            dispatch(Input { kind: Some(input::Kind::Open(open)), ..Input::default() })?;
        }
        self.opened = true;
        Ok(())
    }

    fn apply_settings(&self, open: &mut Open) {
        let settings = Settings {
            worker_heartbeat_interval: non_zero(open.worker_heartbeat_interval_ns),
            disable_environment_info: open.disable_environment_info,
            host_name: std::mem::take(&mut open.host_name),
            process_id: std::mem::take(&mut open.process_id),
            environment: entries::texts(std::mem::take(&mut open.environment)),
        };
        self.host.open(settings, open.log_filter.take().unwrap_or_default());
        self.host.open_metrics(open.metrics.take().unwrap_or_default());
    }

    fn rpc_result(&self, result: RpcResult) -> Result<(), InputError> {
        let rpc = result.rpc;
        let outcome = grpc::outcome(result.result).ok_or_else(|| {
            InputError::malformed(format!("the result of RPC {rpc} holds neither response nor status"))
        })?;
        self.host.finish_rpc(rpc, outcome);
        Ok(())
    }

    fn slot_reserved(&self, reserved: &SlotReserved) {
        self.host.grant_permit(reserved.request, PermitRef::new(reserved.permit));
    }

    fn next_wakeup(&self, idle: bool) -> Option<Instant> {
        if idle { self.host.timers().earliest() } else { Some(self.host.now().monotonic) }
    }
}

fn check_size(input: &Input) -> Result<(), InputError> {
    let bytes = input.encoded_len();
    if bytes <= MAX_INPUT_BYTES {
        return Ok(());
    }
    Err(InputError::new(Kind::Oversized, format!("the input has {bytes} bytes, the limit is {MAX_INPUT_BYTES}")))
}

fn non_zero(nanos: u64) -> Option<Duration> {
    (nanos != 0).then(|| Duration::from_nanos(nanos))
}
