//! How the account follows the turns: inputs that were taken, then effects in their order.

use bytes::Bytes;
use corewasm_host::envelope::{
    CallResolved, Effect, HandleClosed, RpcStart, SlotReserveContext, TaskKind, call_resolved,
    effect::Kind as EffectKind, input::Kind,
};

use super::bodies::{self, Method};
use super::note::{Note, NoteKind, flag};
use super::notes::Body;
use super::{Account, Asked, Number};

/// What the account needs of an input, which the turn itself consumes.
pub(crate) enum Observed {
    Connect { client: u32, call: u64 },
    SetLater { kind: NoteKind, client: u32 },
    Open { worker: u32, client: u32 },
    ReplaceClient { worker: u32, client: u32, call: u64 },
    Shutdown { worker: u32 },
    Poll { worker: u32, kind: i32, call: u64 },
    Complete { worker: u32, kind: i32, call: u64, body: Bytes },
    Undelivered { worker: u32, kind: i32, value: Bytes },
    Heartbeat { worker: u32, body: Bytes },
    Rpc { rpc: u64, response: Option<Bytes> },
    Orphan { worker: u32, method: Option<Method>, response: Option<Bytes> },
    Permit { request: u64, permit: u32 },
}

impl Account {
    /// What it needs of an input; none if it does not matter.
    pub(super) fn observe(&self, input: &Kind) -> Option<Observed> {
        Some(match input {
            Kind::ClientConnect(each) => Observed::Connect { client: each.client, call: each.call },
            Kind::ClientUpdateHeaders(each) => Observed::SetLater { kind: NoteKind::Headers, client: each.client },
            Kind::ClientUpdateApiKey(each) => Observed::SetLater { kind: NoteKind::ApiKey, client: each.client },
            Kind::WorkerOpen(each) => Observed::Open { worker: each.worker, client: each.client },
            Kind::WorkerReplaceClient(each) => {
                Observed::ReplaceClient { worker: each.worker, client: each.client, call: each.call }
            }
            Kind::WorkerInitiateShutdown(each) => Observed::Shutdown { worker: each.worker },
            Kind::RpcResult(each) => Observed::Rpc { rpc: each.rpc, response: bodies::response(each) },
            Kind::SlotReserved(each) => Observed::Permit { request: each.request, permit: each.permit },
            other => self.observe_of_task(other)?,
        })
    }

    /// A worker that replays has no notes, and its turns are many. In the turn of `Open` no worker has notes yet.
    fn observe_of_task(&self, input: &Kind) -> Option<Observed> {
        match input {
            Kind::WorkerPoll(each) if !self.keeps || self.has_worker(each.worker) => {
                Some(Observed::Poll { worker: each.worker, kind: each.kind, call: each.call })
            }
            Kind::WorkerComplete(each) if !self.keeps || self.has_worker(each.worker) => {
                let body = each.body.clone();
                Some(Observed::Complete { worker: each.worker, kind: each.kind, call: each.call, body })
            }
            Kind::Undelivered(each) => {
                Some(Observed::Undelivered { worker: each.worker, kind: each.kind, value: each.value.clone() })
            }
            Kind::WorkerHeartbeat(each) => Some(Observed::Heartbeat { worker: each.worker, body: each.body.clone() }),
            Kind::OrphanedRpcResult(each) => {
                let response = each.result.as_ref().and_then(bodies::response);
                Some(Observed::Orphan { worker: each.worker, method: Method::of(&each.uri), response })
            }
            _ => None,
        }
    }
}

// Inputs
impl Account {
    pub(super) fn observe_input(
        &mut self,
        index: u32,
        input: Observed,
        names: &dyn Fn(u32) -> Option<(String, String)>,
    ) {
        match input {
            Observed::Connect { client, call } => {
                let note = Note { flags: flag::PENDING, ..Note::new(NoteKind::Client, client, Bytes::new()) };
                self.notes.put(note, Body::Input(index));
                self.ask(Number::Call, call, Asked::Connect { client });
            }
            Observed::SetLater { kind, client } => {
                self.notes.put(Note::new(kind, client, Bytes::new()), Body::Input(index));
            }
            Observed::Open { worker, client } => {
                if let Some((sticky_queue, instance_key)) = names(worker) {
                    let note = Note::new(NoteKind::Worker, worker, Bytes::new());
                    let (name, instance_key) = (sticky_queue.into(), instance_key.into());
                    self.notes.put(Note { number: client, name, instance_key, ..note }, Body::Input(index));
                }
            }
            Observed::ReplaceClient { worker, client, call } => {
                self.ask(Number::Call, call, Asked::ReplaceClient { worker, client });
            }
            Observed::Shutdown { worker } => {
                self.notes.change(NoteKind::Worker, worker, &[], |note| note.flags |= flag::SHUTDOWN);
            }
            Observed::Permit { request, permit } => self.permit_given(request, permit),
            of_task => self.observe_input_of_task(index, of_task),
        }
    }

    fn observe_input_of_task(&mut self, index: u32, input: Observed) {
        match input {
            Observed::Poll { worker, kind, call } => {
                self.ask(Number::Call, call, Asked::Poll { worker, kind });
            }
            Observed::Complete { worker, kind, call, body } => {
                self.lang_answered(worker, kind, &body);
                self.ask(Number::Call, call, Asked::Complete { worker, kind, body });
            }
            Observed::Undelivered { worker, kind, value } => self.came_back(worker, kind, &value),
            Observed::Heartbeat { worker, body } => {
                let token = bodies::token(&body);
                if self.notes.get(NoteKind::Activity, worker, token).is_some() {
                    self.notes.put(Note::new(NoteKind::Heartbeat, worker, body.slice_ref(token)), Body::Input(index));
                }
            }
            Observed::Rpc { rpc, response } => {
                let asked = self.asked.remove(&(Number::Rpc, rpc));
                if let (Some(Asked::Rpc { worker, method }), Some(response)) = (asked, response) {
                    self.tasks_came(index, worker, method, &response);
                }
            }
            Observed::Orphan { worker, method: Some(method), response: Some(response) } => {
                self.tasks_came(index, worker, method, &response);
            }
            _ => {}
        }
    }

    fn permit_given(&mut self, request: u64, permit: u32) {
        let asked = self.asked.remove(&(Number::SlotRequest, request));
        if let Some(Asked::Slot { worker, kind }) = asked
            && permit != 0
        {
            let note = Note::new(NoteKind::Permit, worker, permit_id(permit));
            self.notes.put(Note { number: kind as u32, ..note }, Body::None);
        }
    }

    /// Core has taken the answer of an RPC: the tasks in it are its to handle from now on.
    pub(super) fn tasks_came(&mut self, index: u32, worker: u32, method: Method, response: &Bytes) {
        if !self.has_worker(worker) {
            return;
        }
        match method {
            Method::PollWorkflow => self.workflow_task_came(index, worker, response, 0),
            Method::PollActivity => self.task_came(index, worker, NoteKind::Activity, response, 0),
            Method::PollNexus => self.task_came(index, worker, NoteKind::Nexus, response, 0),
            Method::WorkflowCompleted => {
                if let Some(task) = bodies::task_of_completed(response) {
                    self.workflow_task_came(index, worker, &response.slice_ref(task), 1);
                }
                for (place, task) in (1..).zip(bodies::activities_of_completed(response)) {
                    self.task_came(index, worker, NoteKind::Activity, &response.slice_ref(task), place);
                }
            }
            Method::Answer => {}
        }
    }

    fn workflow_task_came(&mut self, index: u32, worker: u32, task: &Bytes, number: u32) {
        let name = task.slice_ref(bodies::token(task));
        if bodies::is_query(task) {
            self.task_came(index, worker, NoteKind::QueryTask, task, number);
        } else if !name.is_empty() {
            let run_id = task.slice_ref(bodies::run_of_task(task));
            let note = Note { number, name, ..Note::new(NoteKind::WorkflowTask, worker, run_id) };
            self.notes.put(owned(note), Body::Input(index));
        }
    }

    fn task_came(&mut self, index: u32, worker: u32, kind: NoteKind, task: &Bytes, number: u32) {
        let token = bodies::token(task);
        if !token.is_empty() {
            let note = Note { number, ..Note::new(kind, worker, task.slice_ref(token)) };
            self.notes.put(owned(note), Body::Input(index));
        }
    }

    /// A value did not reach lang. Lang may hold the run from before the activation.
    fn came_back(&mut self, worker: u32, kind: i32, value: &[u8]) {
        if kind == TaskKind::Workflow as i32 {
            let run_id = bodies::run_of_activation(value);
            self.notes.change(NoteKind::WorkflowTask, worker, run_id, |note| note.flags &= !flag::PENDING);
            self.notes.change(NoteKind::Run, worker, run_id, |note| note.flags = 0);
        } else if let Some(token) = bodies::token_of_start(kind, value) {
            self.notes.change(note_kind(kind), worker, token, |note| note.flags |= flag::RETURNED);
        }
    }

    /// Lang's answer to an activation was taken.
    pub(super) fn lang_answered(&mut self, worker: u32, kind: i32, completion: &[u8]) {
        if kind != TaskKind::Workflow as i32 {
            return;
        }
        let run_id = bodies::run_of_activation(completion);
        let run = self.notes.get(NoteKind::Run, worker, run_id);
        if run.is_some_and(|run| run.has(flag::EVICTING)) {
            self.notes.forget(NoteKind::Run, worker, run_id);
        } else {
            let kind =
                if run.is_some_and(|run| run.has(flag::PENDING)) { NoteKind::Run } else { NoteKind::WorkflowTask };
            self.notes.change(kind, worker, run_id, |note| note.flags &= !flag::PENDING);
        }
    }

    fn ask(&mut self, number: Number, id: u64, asked: Asked) {
        self.asked.insert((number, id), asked);
    }
}

// Effects
impl Account {
    pub(super) fn observe_effect(&mut self, index: u32, effect: &Effect) {
        let Some(kind) = &effect.kind else { return };
        match kind {
            EffectKind::CallResolved(resolved) => self.call_resolved(index, resolved),
            EffectKind::RpcStart(start) => self.rpc_started(start),
            EffectKind::RpcCancel(cancel) => drop(self.asked.remove(&(Number::Rpc, cancel.rpc))),
            EffectKind::SlotReserve(each) => self.slot_asked_for(each.request, each.worker, &each.context),
            EffectKind::SlotTryReserve(each) => self.slot_asked_for(each.request, each.worker, &each.context),
            EffectKind::SlotReserveCancel(each) => drop(self.asked.remove(&(Number::SlotRequest, each.request))),
            EffectKind::SlotRelease(each) => {
                let id = permit_id(each.permit);
                self.notes.forget_all(|note| note.kind == NoteKind::Permit as i32 && note.id == id);
            }
            EffectKind::HandleClosed(closed) => self.handle_closed(*closed),
            _ => {}
        }
    }

    fn slot_asked_for(&mut self, request: u64, worker: u32, context: &Option<SlotReserveContext>) {
        let kind = context.as_ref().map_or(0, |context| context.kind);
        self.ask(Number::SlotRequest, request, Asked::Slot { worker, kind });
    }

    fn call_resolved(&mut self, index: u32, resolved: &CallResolved) {
        let Some(asked) = self.asked.remove(&(Number::Call, resolved.call)) else { return };
        let Some(call_resolved::Result::Value(value)) = &resolved.result else {
            return self.call_failed(asked);
        };
        match asked {
            Asked::Connect { client } => {
                self.notes.change(NoteKind::Client, client, &[], |note| note.flags = 0);
            }
            Asked::ReplaceClient { worker, client } => {
                self.notes.change(NoteKind::Worker, worker, &[], |note| note.number = client);
            }
            Asked::Poll { worker, kind } => self.given(index, worker, kind, value),
            Asked::Complete { worker, kind, body } => self.completed(worker, kind, &body),
            Asked::Rpc { .. } | Asked::Slot { .. } => {}
        }
    }

    /// Lang still owes the answer that Core did not take.
    fn call_failed(&mut self, asked: Asked) {
        if let Asked::Complete { worker, kind, body } = asked
            && kind == TaskKind::Workflow as i32
        {
            let run_id = body.slice_ref(bodies::run_of_activation(&body));
            let note = Note { flags: flag::PENDING, ..Note::new(NoteKind::Run, worker, run_id) };
            self.notes.put(owned(note), Body::None);
        }
    }

    /// Core makes an RPC for a worker: the task that it answers is not in hand any more.
    fn rpc_started(&mut self, start: &RpcStart) {
        let Some(method) = Method::of(&start.uri).filter(|_| self.has_worker(start.worker)) else { return };
        self.ask(Number::Rpc, start.rpc, Asked::Rpc { worker: start.worker, method });
        if matches!(method, Method::WorkflowCompleted | Method::Answer) {
            self.task_answered(start.worker, bodies::token(&start.body));
        }
    }

    fn task_answered(&mut self, worker: u32, token: &[u8]) {
        self.notes.forget(NoteKind::QueryTask, worker, token);
        let answered = self.notes.of(NoteKind::WorkflowTask, worker).find(|task| task.name[..] == *token);
        let Some(task) = answered.cloned() else { return };
        self.notes.forget(NoteKind::WorkflowTask, worker, &task.id);
        if task.has(flag::PENDING) {
            self.notes.change(NoteKind::Run, worker, &task.id, |note| note.flags |= flag::PENDING);
        }
    }

    /// A poll's value goes to lang.
    fn given(&mut self, index: u32, worker: u32, kind: i32, value: &Bytes) {
        if kind == TaskKind::Workflow as i32 {
            return self.activation_given(worker, value);
        }
        if let Some(token) = bodies::token_of_start(kind, value) {
            let note = Note::new(note_kind(kind), worker, value.slice_ref(token));
            self.notes.put(owned(Note { flags: flag::GIVEN, ..note }), Body::Value(index));
        }
    }

    fn activation_given(&mut self, worker: u32, value: &Bytes) {
        let run_id = bodies::run_of_activation(value);
        if self.notes.get(NoteKind::Run, worker, run_id).is_none() {
            self.notes.put(owned(Note::new(NoteKind::Run, worker, value.slice_ref(run_id))), Body::None);
        }
        let evicting = bodies::is_eviction(value);
        // Noted with the task, if there is one: that entry changes anyway.
        let pending = |note: &mut Note| note.flags |= flag::PENDING;
        if evicting || !self.notes.change(NoteKind::WorkflowTask, worker, run_id, pending) {
            let flags = if evicting { flag::PENDING | flag::EVICTING } else { flag::PENDING };
            self.notes.change(NoteKind::Run, worker, run_id, |note| note.flags |= flags);
        }
    }

    /// Core has seen lang's answer through.
    pub(super) fn completed(&mut self, worker: u32, kind: i32, body: &[u8]) {
        if kind != TaskKind::Workflow as i32 {
            let token = bodies::token(body);
            self.notes.forget(note_kind(kind), worker, token);
            self.notes.forget(NoteKind::Heartbeat, worker, token);
        }
    }

    fn handle_closed(&mut self, closed: HandleClosed) {
        self.notes.forget_all(|note| {
            let handle = if note.is_of_client() { closed.client } else { closed.worker };
            note.handle != 0 && note.handle == handle
        });
    }
}

pub(super) fn permit_id(permit: u32) -> Bytes {
    Bytes::copy_from_slice(&permit.to_le_bytes())
}

/// A note that does not hold on to the message that its texts are of.
fn owned(note: Note) -> Note {
    Note { id: Bytes::copy_from_slice(&note.id), name: Bytes::copy_from_slice(&note.name), ..note }
}

fn note_kind(kind: i32) -> NoteKind {
    if kind == TaskKind::Nexus as i32 { NoteKind::Nexus } else { NoteKind::Activity }
}
