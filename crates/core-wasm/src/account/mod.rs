//! What must outlive the instance: Core's account of its clients, workers and tasks, kept by the host entry by entry.
//!
//! After each turn [`Account::finish`] says what has changed, from the inputs that the turn took and the effects that
//! it gave. A host keeps the entries unread and gives them to the next instance, whose [`Account::restore`] says what
//! is to be opened and taken up.
//!
//! A workflow task costs two changes of entries: one when it comes, together with its activation, and its end; three if
//! the activation waits for a poll. An activity task costs two, a run that lang holds three in its life, a permit two.

mod bodies;
mod note;
mod notes;
mod observed;
mod restore;
mod restored;
mod trapped;

use bytes::Bytes;
use corewasm_host::envelope::{Input, TurnResponse};
use litemap::LiteMap;

use bodies::Method;
use note::{FORMAT, Note, NoteKind};
use notes::{Body, Notes};
use observed::Observed;
pub(crate) use restored::Settled;
pub(crate) use trapped::parties;

/// The account of one instance. It says nothing unless the host asked for it in `Open`.
#[derive(Default)]
pub(crate) struct Account {
    keeps: bool,
    notes: Notes,
    asked: LiteMap<(Number, u64), Asked>,
}

/// What a number counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Number {
    Call,
    Rpc,
    SlotRequest,
}

/// What has been asked for, and changes the account when it is answered.
enum Asked {
    Connect { client: u32 },
    ReplaceClient { worker: u32, client: u32 },
    Poll { worker: u32, kind: i32 },
    Complete { worker: u32, kind: i32, body: Bytes },
    Rpc { worker: u32, method: Method },
    Slot { worker: u32, kind: i32 },
}

impl Account {
    /// Whether the host keeps the entries.
    pub(crate) fn keeps(&self) -> bool {
        self.keeps
    }

    fn begin(&mut self) {
        self.keeps = true;
        let name = Bytes::from_static(env!("CARGO_PKG_VERSION").as_bytes());
        let header = Note { number: FORMAT, name, ..Note::new(NoteKind::Header, 0, Bytes::new()) };
        self.notes.put(header, Body::None);
    }

    /// The turn has ended: its changes go into the response. `inputs` have their places in the turn.
    /// `names` gives the sticky queue and the instance key of a worker that is open and does not replay.
    pub(crate) fn finish(
        &mut self,
        inputs: Vec<(u32, Observed)>,
        response: &mut TurnResponse,
        names: &dyn Fn(u32) -> Option<(String, String)>,
    ) {
        // As always in an instance that replays.
        if self.notes.is_idle() && inputs.is_empty() {
            return;
        }
        for (index, input) in inputs {
            if !response.input_errors.iter().any(|error| error.input_index == index) {
                self.observe_input(index, input, names);
            }
        }
        for (index, effect) in (0..).zip(&response.effects) {
            self.observe_effect(index, effect);
        }
        response.kept = self.notes.take_changes();
    }

    /// Of inputs that are about to be given to the turn: what the account needs of them, with their places.
    pub(crate) fn observed<'a>(&self, inputs: impl Iterator<Item = (u32, &'a Input)>) -> Vec<(u32, Observed)> {
        inputs.filter_map(|(index, input)| Some((index, self.observe(input.kind.as_ref()?)?))).collect()
    }

    fn has_worker(&self, worker: u32) -> bool {
        self.notes.get(NoteKind::Worker, worker, &[]).is_some()
    }
}
