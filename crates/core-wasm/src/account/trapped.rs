//! Who is to blame for a trap.
//!
//! An input that was alone in a turn that trapped is the culprit: at its first trap if it is about one workflow run,
//! whose workflow task then fails; otherwise at its second. A poll or a call brings nothing that could trap by itself.
//! The third trap within a minute fails the culprit's worker, or all workers if nobody knows whose it was.

use corewasm_host::envelope::{Input, TaskKind, Trapped, input::Kind, input::Repetition};
use prost::Message;

use super::bodies::{self, Method};

/// So many traps within [`WITHIN_NS`] fail a worker.
pub(super) const TRAPS: usize = 3;
const WITHIN_NS: u64 = 60_000_000_000;

/// The one input that a trapped turn had.
pub(super) struct Culprit {
    pub(super) input: Kind,
    /// 0: it belongs to none.
    pub(super) worker: u32,
    /// 0: nobody waits.
    pub(super) call: u64,
    /// Empty: it is not about one run.
    pub(super) run_id: String,
}

/// Whether there were too many traps.
pub(super) fn is_too_often(trapped: &Trapped) -> bool {
    let newest = trapped.at_ns.iter().max().copied().unwrap_or_default();
    trapped.at_ns.iter().filter(|at| newest - **at <= WITHIN_NS).count() >= TRAPS
}

/// What is not given to Core again.
pub(super) fn culprit(trapped: &Trapped, too_often: bool) -> Option<Culprit> {
    let alone = alone(trapped)?;
    let has_trapped_before = alone.repetition() == Repetition::Trapped;
    let input = alone.kind?;
    let (worker, call) = parties(&input);
    let run_id = run_of(&input);
    let is_certain = !brings_nothing(&input) && (!run_id.is_empty() || has_trapped_before);
    (too_often || is_certain).then_some(Culprit { input, worker, call, run_id })
}

/// The input that was alone in the turn.
pub(super) fn alone(trapped: &Trapped) -> Option<Input> {
    if trapped.alone.is_empty() { None } else { Input::decode(trapped.alone.clone()).ok() }
}

fn brings_nothing(input: &Kind) -> bool {
    matches!(
        input,
        Kind::WorkerPoll(_)
            | Kind::WorkerValidate(_)
            | Kind::WorkerFinalizeShutdown(_)
            | Kind::ClientCall(_)
            | Kind::ClientConnect(_)
    )
}

fn run_of(input: &Kind) -> String {
    match input {
        Kind::WorkerComplete(each) if each.kind == TaskKind::Workflow as i32 => {
            bodies::text(bodies::run_of_activation(&each.body))
        }
        Kind::OrphanedRpcResult(each) => {
            let response = each.result.as_ref().and_then(bodies::response).unwrap_or_default();
            let task = match Method::of(&each.uri) {
                Some(Method::PollWorkflow) => Some(&response[..]),
                Some(Method::WorkflowCompleted) => bodies::task_of_completed(&response),
                _ => None,
            };
            task.map(|task| bodies::text(bodies::run_of_task(task))).unwrap_or_default()
        }
        _ => String::new(),
    }
}

/// The worker that an input is for and the call that waits for its answer; 0 for none.
pub(crate) fn parties(input: &Kind) -> (u32, u64) {
    match input {
        Kind::ClientConnect(each) => (0, each.call),
        Kind::ClientCall(each) => (0, each.call),
        Kind::WorkerOpen(each) => (each.worker, each.call),
        Kind::ReplayWorkerOpen(each) => (each.worker, each.call),
        Kind::WorkerValidate(each) => (each.worker, each.call),
        Kind::WorkerReplaceClient(each) => (each.worker, each.call),
        Kind::WorkerFinalizeShutdown(each) => (each.worker, each.call),
        Kind::WorkerPoll(each) => (each.worker, each.call),
        Kind::WorkerComplete(each) => (each.worker, each.call),
        Kind::HistoryPush(each) => (each.worker, each.call),
        Kind::WorkerInitiateShutdown(each) => (each.worker, 0),
        Kind::WorkerDrop(each) => (each.worker, 0),
        Kind::WorkerHeartbeat(each) => (each.worker, 0),
        Kind::WorkerRequestEviction(each) => (each.worker, 0),
        Kind::Undelivered(each) => (each.worker, 0),
        Kind::HistoryClose(each) => (each.worker, 0),
        Kind::OrphanedRpcResult(each) => (each.worker, 0),
        _ => (0, 0),
    }
}
