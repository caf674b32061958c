//! The notes of an account in the order of kind, handle and id, and which of them changed in a turn.

use bytes::Bytes;
use corewasm_host::envelope::{Keep, KeptChanges, keep};

use super::note::{Note, NoteKind, parts};

#[derive(Default)]
pub(super) struct Notes {
    sorted: Vec<Note>,
    /// Of this turn.
    changes: Vec<(Bytes, Change)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Change {
    Kept(Body),
    Forgotten,
}

/// Where the host finds the body of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Body {
    None,
    /// The input at this place of the turn's.
    Input(u32),
    /// The value of the resolved call at this place of the turn's effects.
    Value(u32),
    /// The one that the entry has.
    Unchanged,
}

impl Notes {
    /// The note that this kind, handle and id name.
    pub(super) fn get(&self, kind: NoteKind, handle: u32, id: &[u8]) -> Option<&Note> {
        self.find(kind as i32, handle, id).ok().map(|place| &self.sorted[place])
    }

    /// Whether there is nothing but the header, and nothing has changed.
    pub(super) fn is_idle(&self) -> bool {
        self.sorted.len() <= 1 && self.changes.is_empty()
    }

    /// All notes, in their order.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Note> {
        self.sorted.iter()
    }

    /// The notes of this kind and handle.
    pub(super) fn of(&self, kind: NoteKind, handle: u32) -> impl Iterator<Item = &Note> {
        let (Ok(first) | Err(first)) = self.find(kind as i32, handle, &[]);
        self.sorted[first..].iter().take_while(move |note| note.kind == kind as i32 && note.handle == handle)
    }

    /// Takes over a note that the host has already.
    pub(super) fn restore(&mut self, note: Note) {
        match self.find(note.kind, note.handle, &note.id) {
            Ok(place) => self.sorted[place] = note,
            Err(place) => self.sorted.insert(place, note),
        }
    }

    /// Puts a note in, or in the place of the one before.
    pub(super) fn put(&mut self, note: Note, body: Body) {
        self.changed(note.key(), Change::Kept(body));
        self.restore(note);
    }

    /// Changes a note whose body stays. False if there is none.
    pub(super) fn change(&mut self, kind: NoteKind, handle: u32, id: &[u8], change: impl FnOnce(&mut Note)) -> bool {
        let Ok(place) = self.find(kind as i32, handle, id) else { return false };
        let note = &mut self.sorted[place];
        let before = (note.flags, note.number);
        change(note);
        if before != (note.flags, note.number) {
            let key = note.key();
            self.changed(key, Change::Kept(Body::Unchanged));
        }
        true
    }

    pub(super) fn forget(&mut self, kind: NoteKind, handle: u32, id: &[u8]) {
        if let Ok(place) = self.find(kind as i32, handle, id) {
            let key = self.sorted.remove(place).key();
            self.changed(key, Change::Forgotten);
        }
    }

    pub(super) fn forget_all(&mut self, belongs: impl Fn(&Note) -> bool) {
        let mut gone = Vec::new();
        self.sorted.retain(|note| {
            let stays = !belongs(note);
            if !stays {
                gone.push(note.key());
            }
            stays
        });
        gone.into_iter().for_each(|key| self.forget_key(key));
    }

    /// Has the host forget an entry that is no note here.
    pub(super) fn forget_key(&mut self, key: Bytes) {
        self.changed(key, Change::Forgotten);
    }

    /// The keys of what changed in this turn so far.
    pub(super) fn changed_keys(&self) -> impl Iterator<Item = &Bytes> {
        self.changes.iter().map(|(key, _)| key)
    }

    /// What has changed in this turn, each key once; none if nothing has.
    pub(super) fn take_changes(&mut self) -> Option<KeptChanges> {
        if self.changes.is_empty() {
            return None;
        }
        let mut changes = KeptChanges::default();
        for (key, change) in std::mem::take(&mut self.changes) {
            match change {
                Change::Kept(body) => {
                    let found = parts(&key).and_then(|(kind, handle, id)| self.find(kind, handle, id).ok());
                    let state = found.map(|place| self.sorted[place].state()).unwrap_or_default();
                    changes.keep.push(Keep { key, state, body: body.on_the_wire() });
                }
                Change::Forgotten => changes.forget.push(key),
            }
        }
        Some(changes)
    }

    fn find(&self, kind: i32, handle: u32, id: &[u8]) -> Result<usize, usize> {
        self.sorted.binary_search_by(|note| (note.kind, note.handle, &note.id[..]).cmp(&(kind, handle, id)))
    }

    fn changed(&mut self, key: Bytes, change: Change) {
        match self.changes.iter_mut().find(|(other, _)| *other == key) {
            // The host does not have the body yet that the entry got in this turn.
            Some((_, Change::Kept(_))) if change == Change::Kept(Body::Unchanged) => {}
            Some((_, earlier)) => *earlier = change,
            None => self.changes.push((key, change)),
        }
    }
}

impl Body {
    fn on_the_wire(self) -> Option<keep::Body> {
        match self {
            Self::None => None,
            Self::Input(index) => Some(keep::Body::Input(index)),
            Self::Value(index) => Some(keep::Body::Value(index)),
            Self::Unchanged => Some(keep::Body::Unchanged(true)),
        }
    }
}
