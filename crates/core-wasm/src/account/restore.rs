//! A new instance takes up what an earlier one had in hand.

use bytes::Bytes;
use corewasm_host::InputError;
use corewasm_host::envelope::{CallError, ClientConnect, Kept, Open, Trapped, input::Kind};
use litemap::LiteMap;

use super::Account;
use super::bodies::{self, Method};
use super::note::{FORMAT, Note, NoteKind, flag};
use super::restored::{KeptBody, Restored, RestoredWorker, Settled, damaged, permit_of, token_of_task};
use super::trapped::{self, Culprit};

/// By key, until they are taken.
type Bodies = LiteMap<Bytes, KeptBody>;

/// The run whose workflow task fails because its input trapped.
struct TrappedRun {
    worker: u32,
    run_id: String,
    panic: String,
}

impl Account {
    /// Begins to keep account, with the entries that the host has kept.
    ///
    /// # Errors
    /// The entries cannot be read. Nothing is done then.
    pub(crate) fn restore(&mut self, open: &Open) -> Result<Restored, InputError> {
        let mut bodies = self.read(&open.kept)?;
        self.begin();
        let mut restored = Restored::default();
        let trapped_run = open.trapped.as_ref().and_then(|trapped| self.judge(trapped, &mut restored, &mut bodies));
        self.reopen_clients(&mut restored, &mut bodies);
        for worker in self.workers() {
            let trapped_run = trapped_run.as_ref().filter(|run| run.worker == worker);
            match self.reopen_worker(worker, &mut bodies, trapped_run) {
                Some(inputs) => restored.inputs.extend(inputs),
                None => {
                    let why = "what was kept of the worker is incomplete or damaged, it cannot go on";
                    self.give_up(worker, why.to_owned(), &mut restored);
                }
            }
        }
        Ok(restored)
    }

    fn read(&mut self, kept: &[Kept]) -> Result<Bodies, InputError> {
        let (mut bodies, mut notes) = (Bodies::new(), Vec::new());
        for entry in kept {
            let mut note = Note::restored(&entry.key, entry.state.clone()).ok_or_else(|| damaged(&entry.key))?;
            if note.kind() == NoteKind::WorkflowTask {
                note.name = token_of_task(&note, &entry.body).unwrap_or_default();
            }
            bodies.insert(entry.key.clone(), KeptBody::Bytes(entry.body.clone()));
            notes.push(note);
        }
        if !notes.is_empty() {
            check_writer(notes.iter().find(|note| note.kind() == NoteKind::Header))?;
        }
        for (entry, note) in kept.iter().zip(notes) {
            match note.kind() {
                NoteKind::Header => {}
                // Of a later module, whose format says that one can do without.
                NoteKind::Unknown => self.notes.forget_key(entry.key.clone()),
                _ => self.notes.restore(note),
            }
        }
        Ok(bodies)
    }

    /// Deals with a trap: with its culprit, and with workers if there were too many.
    fn judge(&mut self, trapped: &Trapped, restored: &mut Restored, bodies: &mut Bodies) -> Option<TrappedRun> {
        let too_often = trapped::is_too_often(trapped);
        let culprit = trapped::culprit(trapped, too_often);
        if too_often {
            let whose = culprit.as_ref().map_or(0, |culprit| culprit.worker);
            for worker in self.workers().into_iter().filter(|worker| whose == 0 || whose == *worker) {
                let why = format!("Core failed {} times within a minute: {}", trapped::TRAPS, trapped.text);
                self.give_up(worker, why, restored);
            }
        }
        let culprit = culprit?;
        self.note_culprit(&culprit, bodies);
        let is_of_run = !culprit.run_id.is_empty();
        let error = CallError::runtime(format!("Core failed: {}", trapped.text));
        let result = if is_of_run { Ok(Bytes::new()) } else { Err(error) };
        restored.settled = Some(Settled { call: culprit.call, result });
        let panic = if trapped.panic.is_empty() { &trapped.text } else { &trapped.panic };
        is_of_run.then(|| TrappedRun { worker: culprit.worker, run_id: culprit.run_id, panic: panic.clone() })
    }

    /// The culprit is not given to Core again. What it says of tasks is noted.
    fn note_culprit(&mut self, culprit: &Culprit, bodies: &mut Bodies) {
        match &culprit.input {
            Kind::WorkerComplete(each) => {
                self.lang_answered(each.worker, each.kind, &each.body);
                self.completed(each.worker, each.kind, &each.body);
            }
            Kind::OrphanedRpcResult(each) => {
                let response = each.result.as_ref().and_then(bodies::response);
                if let (Some(method), Some(response)) = (Method::of(&each.uri), response) {
                    self.tasks_came(0, each.worker, method, &response);
                    for key in self.notes.changed_keys() {
                        bodies.insert(key.clone(), KeptBody::Response(response.clone()));
                    }
                }
            }
            _ => {}
        }
    }

    fn give_up(&mut self, worker: u32, why: String, restored: &mut Restored) {
        let is_of_worker = |note: &Note| note.handle == worker && !note.is_of_client();
        restored.released.extend(self.notes.of(NoteKind::Permit, worker).filter_map(permit_of));
        restored.failed.push((worker, why));
        self.notes.forget_all(is_of_worker);
    }

    /// Clients, then their headers and keys: they are in this order.
    fn reopen_clients(&mut self, restored: &mut Restored, bodies: &mut Bodies) {
        // One whose connect is not answered is connected again by its input.
        self.notes.forget_all(|note| note.kind() == NoteKind::Client && note.has(flag::PENDING));
        for note in self.notes.iter().filter(|note| note.is_of_client()) {
            let input = bodies.remove(&note.key()).and_then(KeptBody::input);
            restored.inputs.extend(input.map(|input| match input {
                Kind::ClientConnect(connect) => Kind::ClientConnect(ClientConnect { call: 0, adopt: true, ..connect }),
                later => later,
            }));
        }
    }

    fn reopen_worker(&self, worker: u32, bodies: &mut Bodies, trapped: Option<&TrappedRun>) -> Option<Vec<Kind>> {
        let mut restored = RestoredWorker::default();
        for note in self.notes.iter().filter(|note| note.handle == worker && !note.is_of_client()) {
            let body = bodies.remove(&note.key()).unwrap_or(KeptBody::Bytes(Bytes::new()));
            restored.add(note, body)?;
        }
        if let Some(trapped) = trapped {
            restored.ledger.trapped_run_id.clone_from(&trapped.run_id);
            restored.ledger.panic_text.clone_from(&trapped.panic);
        }
        restored.inputs()
    }

    /// The handles of workers that have notes.
    fn workers(&self) -> Vec<u32> {
        let mut workers = Vec::new();
        for note in self.notes.iter().filter(|note| !note.is_of_client()) {
            if !workers.contains(&note.handle) {
                workers.push(note.handle);
            }
        }
        workers
    }
}

fn check_writer(header: Option<&Note>) -> Result<(), InputError> {
    let Some(header) = header else {
        return Err(InputError::malformed(
            "the kept entries do not say which corewasm wrote them: that one is missing",
        ));
    };
    if header.number <= FORMAT {
        return Ok(());
    }
    Err(InputError::bad_state(format!(
        "the kept entries were written by corewasm {} in format {}; this is corewasm {}, which reads up to {FORMAT}",
        bodies::text(&header.name),
        header.number,
        env!("CARGO_PKG_VERSION"),
    )))
}
