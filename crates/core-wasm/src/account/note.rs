//! The entries of the account as they are encoded: what one core.wasm writes and a later one reads.
//!
//! Numbers are never used again and meanings never change. What a later module cannot do without raises [`FORMAT`].

use bytes::Bytes;
use prost::Message;

/// The newest form of entries that this module writes, and that it reads.
pub(super) const FORMAT: u32 = 1;

/// One thing that must outlive the instance.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Note {
    /// What it is.
    #[prost(enumeration = "NoteKind", tag = "1")]
    pub(super) kind: i32,
    /// Whose it is: a client's handle for clients and what was set later, a worker's for all else. Not in the state: it
    /// is in the key.
    #[prost(uint32, tag = "2")]
    pub(super) handle: u32,
    /// What tells it from others of its kind: a run's id, a task's token, the four bytes of a permit's number. As well.
    #[prost(bytes = "bytes", tag = "3")]
    pub(super) id: Bytes,
    /// What has happened to it: see [`flag`].
    #[prost(uint32, tag = "4")]
    pub(super) flags: u32,
    /// Header: the [`FORMAT`]. Worker: its client. Permit: its kind, as in the envelope. Tasks: 0 if the body is the
    /// poll's answer; otherwise it is that of a completion, and this is the task's place in there, counted from 1.
    #[prost(uint32, tag = "5")]
    pub(super) number: u32,
    /// Workflow task: its token, which is not in the state but in the body. Worker: its sticky queue. Header: the
    /// version of the module that wrote the entries.
    #[prost(bytes = "bytes", tag = "6")]
    pub(super) name: Bytes,
    /// Worker: its instance key.
    #[prost(bytes = "bytes", tag = "7")]
    pub(super) instance_key: Bytes,
}

/// What a note is about. Bodies are encoded inputs unless it says otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub(crate) enum NoteKind {
    /// Of a later module.
    Unknown = 0,
    /// Who wrote the entries. No body.
    Header = 1,
    /// A client. Body: ClientConnect.
    Client = 2,
    /// The newest headers of a client that were set later. Body: ClientUpdateHeaders.
    Headers = 3,
    /// The same of its key. Body: ClientUpdateApiKey.
    ApiKey = 4,
    /// A worker. Body: WorkerOpen.
    Worker = 5,
    /// A run of which lang holds an instance. No body.
    Run = 6,
    /// The workflow task of a run. Body: the RpcResult or OrphanedRpcResult that brought it.
    WorkflowTask = 7,
    /// A query that came as a task beside the run's own. Body: as above.
    QueryTask = 8,
    /// An activity task. Body: what brought it; once lang has it, the value that lang got.
    Activity = 9,
    /// The same of a Nexus task.
    Nexus = 10,
    /// The newest heartbeat of an activity. Body: WorkerHeartbeat.
    Heartbeat = 11,
    /// A permit of a user's slot supplier that is out. No body.
    Permit = 12,
}

/// Bits of [`Note::flags`].
pub(super) mod flag {
    /// Client: its connect is not answered. Run, workflow task: lang owes an answer to an activation.
    pub(crate) const PENDING: u32 = 1;
    /// Run: that activation is its eviction.
    pub(crate) const EVICTING: u32 = 2;
    /// Worker: its shutdown has begun.
    pub(crate) const SHUTDOWN: u32 = 4;
    /// Activity, Nexus: lang has it.
    pub(crate) const GIVEN: u32 = 8;
    /// Activity, Nexus: it did not reach lang and waits for a poll again.
    pub(crate) const RETURNED: u32 = 16;
}

impl Note {
    /// With nothing but what tells it from others.
    pub(super) fn new(kind: NoteKind, handle: u32, id: Bytes) -> Self {
        Self { kind: kind.into(), handle, id, ..Self::default() }
    }

    /// Whether all of these flags are set.
    pub(super) const fn has(&self, flags: u32) -> bool {
        self.flags & flags == flags
    }

    /// Whether it is a client's, and not a worker's.
    pub(super) const fn is_of_client(&self) -> bool {
        self.kind < NoteKind::Worker as i32
    }

    /// What the host keeps of it, besides its body: only what neither the key nor the body says.
    pub(super) fn state(&self) -> Bytes {
        let is_in_body = self.kind() == NoteKind::WorkflowTask;
        let name = if is_in_body { Bytes::new() } else { self.name.clone() };
        let instance_key = self.instance_key.clone();
        let state = Self { handle: 0, id: Bytes::new(), name, instance_key, ..*self };
        state.encode_to_vec().into()
    }

    /// What the host has kept. None if it does not decode or is not of this key; a note of a later module has no more
    /// than its kind, which is unknown.
    pub(super) fn restored(key: &Bytes, state: Bytes) -> Option<Self> {
        let note = Self::decode(state).ok()?;
        if note.kind != 0 && note.kind() == NoteKind::Unknown {
            return Some(note);
        }
        let (kind, handle, id) = parts(key)?;
        (note.kind != 0 && kind == note.kind).then(|| Self { handle, id: key.slice_ref(id), ..note })
    }

    /// What the host keeps it under.
    pub(super) fn key(&self) -> Bytes {
        let mut key = Vec::with_capacity(5 + self.id.len());
        key.push(self.kind as u8);
        key.extend_from_slice(&self.handle.to_le_bytes());
        key.extend_from_slice(&self.id);
        key.into()
    }
}

/// The kind, handle and id that a key names.
pub(super) fn parts(key: &[u8]) -> Option<(i32, u32, &[u8])> {
    let [kind, a, b, c, d, id @ ..] = key else { return None };
    Some((i32::from(*kind), u32::from_le_bytes([*a, *b, *c, *d]), id))
}
