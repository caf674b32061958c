//! What a new instance is to do with what an earlier one had in hand.

use bytes::Bytes;
use corewasm_host::envelope::{
    GrpcResponse, HeldPermit, HeldRun, Input, OrphanedRpcResult, RpcResult, TaskKind, Undelivered, WorkerHeartbeat,
    WorkerLedger, WorkerOpen, input::Kind, rpc_result,
};
use corewasm_host::{CallResult, InputError};
use prost::Message;

use super::bodies::{self, Method};
use super::note::{Note, NoteKind, flag};
use super::trapped;

/// What an opening comes to.
#[derive(Default)]
pub(crate) struct Restored {
    /// To be applied before any other input.
    pub(crate) inputs: Vec<Kind>,
    /// Permits of workers that are not opened again.
    pub(crate) released: Vec<u32>,
    /// Workers that are not opened again, and why.
    pub(crate) failed: Vec<(u32, String)>,
    /// The culprit of a trap, which is dealt with.
    pub(crate) settled: Option<Settled>,
}

/// An input that has no effect when it is given again, but that its call is answered.
pub(crate) struct Settled {
    /// 0: nobody waits. Such an input is always given again; a call only if its caller still waits.
    pub(crate) call: u64,
    pub(crate) result: CallResult,
}

/// The body of an entry.
pub(super) enum KeptBody {
    /// As the host kept it.
    Bytes(Bytes),
    /// The answer that the culprit of a trap brought.
    Response(Bytes),
}

impl KeptBody {
    pub(super) fn input(self) -> Option<Kind> {
        match self {
            Self::Bytes(bytes) => Input::decode(bytes).ok()?.kind,
            Self::Response(_) => None,
        }
    }

    /// The body of the answer that the input brought.
    fn response(self) -> Option<Bytes> {
        let Self::Bytes(bytes) = self else {
            let Self::Response(response) = self else { return None };
            return Some(response);
        };
        match Input::decode(bytes).ok()?.kind? {
            // The culprit of a trap that an instance before this one settled.
            Kind::Open(open) => response_in(trapped::alone(&open.trapped?)?.kind?),
            other => response_in(other),
        }
    }
}

fn response_in(input: Kind) -> Option<Bytes> {
    match input {
        Kind::RpcResult(result) => bodies::response(&result),
        Kind::OrphanedRpcResult(orphan) => bodies::response(&orphan.result?),
        _ => None,
    }
}

/// What the notes of one worker come to.
#[derive(Default)]
pub(super) struct RestoredWorker {
    opening: Option<WorkerOpen>,
    pub(super) ledger: WorkerLedger,
    polled: Vec<Kind>,
    returned: Vec<Kind>,
    heartbeats: Vec<Kind>,
}

impl RestoredWorker {
    /// Takes a note in, with its body. None if the body does not fit.
    pub(super) fn add(&mut self, note: &Note, body: KeptBody) -> Option<()> {
        match note.kind() {
            NoteKind::Worker => self.worker(note, body)?,
            NoteKind::Run => self.run(note),
            NoteKind::WorkflowTask | NoteKind::QueryTask => {
                self.ledger.workflow_tasks.push(workflow_task(note, body)?);
                if note.has(flag::PENDING) {
                    self.run(note);
                }
            }
            NoteKind::Activity => self.task(note, body, TaskKind::Activity)?,
            NoteKind::Nexus => self.task(note, body, TaskKind::Nexus)?,
            NoteKind::Heartbeat => match body.input()? {
                Kind::WorkerHeartbeat(WorkerHeartbeat { worker, body }) if worker == note.handle => {
                    self.heartbeats.push(Kind::WorkerHeartbeat(WorkerHeartbeat { worker, body }));
                }
                _ => return None,
            },
            NoteKind::Permit => {
                let permit = permit_of(note)?;
                self.ledger.permits.push(HeldPermit { permit, kind: note.number as i32 });
            }
            _ => {}
        }
        Some(())
    }

    /// The inputs that open the worker and give it what it had. None if the note of the worker itself is missing.
    pub(super) fn inputs(self) -> Option<Vec<Kind>> {
        let opening = WorkerOpen { call: 0, ledger: Some(self.ledger), ..self.opening? };
        let mut inputs = vec![Kind::WorkerOpen(opening)];
        inputs.extend(self.polled);
        inputs.extend(self.returned);
        inputs.extend(self.heartbeats);
        Some(inputs)
    }

    fn worker(&mut self, note: &Note, body: KeptBody) -> Option<()> {
        let Kind::WorkerOpen(opening) = body.input()? else { return None };
        self.opening = Some(WorkerOpen { worker: note.handle, client: note.number, ..opening });
        self.ledger.shutdown_initiated = note.has(flag::SHUTDOWN);
        self.ledger.sticky_queue = bodies::text(&note.name);
        self.ledger.worker_instance_key = bodies::text(&note.instance_key);
        Some(())
    }

    /// A run that lang holds. It owes an answer if the run's note says so, or that of its task.
    fn run(&mut self, note: &Note) {
        let (run_id, owes) = (bodies::text(&note.id), note.has(flag::PENDING));
        match self.ledger.runs.iter_mut().find(|run| run.run_id == run_id) {
            Some(run) => run.activation_outstanding |= owes,
            None => self.ledger.runs.push(HeldRun { run_id, activation_outstanding: owes }),
        }
    }

    fn task(&mut self, note: &Note, body: KeptBody, kind: TaskKind) -> Option<()> {
        if !note.has(flag::GIVEN) {
            self.polled.push(Kind::OrphanedRpcResult(orphan(note, body, kind)?));
            return Some(());
        }
        let KeptBody::Bytes(value) = body else { return None };
        bodies::token_of_start(kind.into(), &value)?;
        if note.has(flag::RETURNED) {
            let undelivered = Undelivered { worker: note.handle, kind: kind.into(), value: value.clone() };
            self.returned.push(Kind::Undelivered(undelivered));
        }
        match kind {
            TaskKind::Nexus => self.ledger.nexus_tasks.push(value),
            _ => self.ledger.activity_tasks.push(value),
        }
        Some(())
    }
}

/// The permit that a note is about.
pub(super) fn permit_of(note: &Note) -> Option<u32> {
    Some(u32::from_le_bytes(note.id[..].try_into().ok()?))
}

/// The token of a workflow task, out of its body.
pub(super) fn token_of_task(note: &Note, body: &Bytes) -> Option<Bytes> {
    let task = workflow_task(note, KeptBody::Bytes(body.clone()))?;
    Some(Bytes::copy_from_slice(bodies::token(&task)))
}

/// The PollWorkflowTaskQueueResponse.
fn workflow_task(note: &Note, body: KeptBody) -> Option<Bytes> {
    let response = body.response()?;
    match note.number {
        0 => Some(response),
        _ => bodies::task_of_completed(&response).map(|task| response.slice_ref(task)),
    }
}

fn orphan(note: &Note, body: KeptBody, kind: TaskKind) -> Option<OrphanedRpcResult> {
    let response = body.response()?;
    let body = match note.number.checked_sub(1) {
        None => response,
        Some(index) => response.slice_ref(bodies::activities_of_completed(&response).nth(index as usize)?),
    };
    let answer = rpc_result::Result::Response(GrpcResponse { body, metadata: Vec::new() });
    let result = Some(RpcResult { rpc: 0, result: Some(answer) });
    Some(OrphanedRpcResult { worker: note.handle, uri: Method::poll_uri(kind == TaskKind::Nexus), result })
}

/// An entry that cannot be read.
pub(super) fn damaged(key: &[u8]) -> InputError {
    InputError::malformed(format!("the kept entry {key:02x?} does not decode"))
}
