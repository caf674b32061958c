//! A replay of one history, from a new worker to its end, as conformance/lang/replay.py.

use bytes::Bytes;
use corewasm_host::envelope::{
    HistoryClose, HistoryPush, ReplayWorkerOpen, TaskKind, WorkerComplete, WorkerFinalizeShutdown, WorkerPoll, input,
};

use super::{Lang, SimulatedHost, TurnLog, Turns, config, host::Event, live::unless_shut_down};

const HANDLE: u32 = 1;
const MOST_TURNS: usize = 100_000;

/// Replays a history on a new module. The activations, and all turns.
///
/// # Errors
/// What went wrong: a refused input, a failed call, or a replay that does not end.
pub fn run_replay<T: Turns>(
    module: T,
    workflow_id: &str,
    history: Bytes,
    lang: &mut dyn Lang,
) -> Result<(Vec<Bytes>, TurnLog), String> {
    let mut run = ReplayRun { host: SimulatedHost::open(module)?, calls: Vec::new(), activations: Vec::new() };
    let mut inputs = run.beginning(workflow_id, history);
    for _ in 0..MOST_TURNS {
        let events = run.host.turn(std::mem::take(&mut inputs))?;
        for event in events {
            if let Event::Resolved(call, result) = event {
                inputs.extend(run.resolved(call, result, lang)?);
            }
        }
        if run.calls.is_empty() {
            return Ok((run.activations, run.host.into_log()));
        }
        if inputs.is_empty() {
            let wakeup_ns = run.host.wakeup_ns().ok_or_else(|| format!("stuck: {:?}", run.calls))?;
            run.host.advance_to(wakeup_ns);
        }
    }
    Err(format!("not over after {MOST_TURNS} turns"))
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Call {
    Open,
    Push,
    Poll,
    Complete,
    Finalize,
}

struct ReplayRun<T> {
    host: SimulatedHost<T>,
    /// Calls that are not resolved.
    calls: Vec<(u64, Call)>,
    activations: Vec<Bytes>,
}

impl<T: Turns> ReplayRun<T> {
    fn beginning(&mut self, workflow_id: &str, history: Bytes) -> Vec<input::Kind> {
        let config = Some(config::worker(1000));
        let open = ReplayWorkerOpen { worker: HANDLE, call: self.call(Call::Open), config };
        let workflow_id = workflow_id.to_owned();
        let push = HistoryPush { worker: HANDLE, call: self.call(Call::Push), workflow_id, history };
        vec![input::Kind::ReplayWorkerOpen(open), input::Kind::HistoryPush(push), self.poll()]
    }

    fn resolved(
        &mut self,
        call: u64,
        result: Result<Bytes, String>,
        lang: &mut dyn Lang,
    ) -> Result<Option<input::Kind>, String> {
        let at = self.calls.iter().position(|(known, _)| *known == call);
        let (_, kind) = self.calls.swap_remove(at.ok_or_else(|| format!("call {call} was resolved twice"))?);
        match kind {
            Call::Poll => self.polled(result, lang).map(Some),
            Call::Complete => result.map(|_| Some(self.poll())),
            Call::Push => result.map(|_| Some(input::Kind::HistoryClose(HistoryClose { worker: HANDLE }))),
            Call::Open | Call::Finalize => result.map(|_| None),
        }
    }

    fn polled(&mut self, result: Result<Bytes, String>, lang: &mut dyn Lang) -> Result<input::Kind, String> {
        let Some(activation) = unless_shut_down(result)? else {
            let call = self.call(Call::Finalize);
            return Ok(input::Kind::WorkerFinalizeShutdown(WorkerFinalizeShutdown { worker: HANDLE, call }));
        };
        let body = lang.complete(&activation)?;
        self.activations.push(activation);
        let call = self.call(Call::Complete);
        let kind = TaskKind::Workflow.into();
        Ok(input::Kind::WorkerComplete(WorkerComplete { worker: HANDLE, kind, call, body }))
    }

    fn poll(&mut self) -> input::Kind {
        let call = self.call(Call::Poll);
        input::Kind::WorkerPoll(WorkerPoll { worker: HANDLE, kind: TaskKind::Workflow.into(), call })
    }

    fn call(&mut self, kind: Call) -> u64 {
        let call = self.host.next_call();
        self.calls.push((call, kind));
        call
    }
}
