//! Buffers that are the host's for a while.

use litemap::LiteMap;

/// A buffer that was never handed out, was given back already, or is too short.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ForeignBuffer {
    pointer: u32,
    length: u32,
}

impl std::fmt::Display for ForeignBuffer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "no buffer of {} bytes at {:#x} is the host's", self.length, self.pointer)
    }
}

/// A request as the host gave it to a turn.
#[derive(Debug, PartialEq, Eq)]
pub enum Request {
    /// The whole buffer, which is the module's from now on.
    Taken(Vec<u8>),
    /// A copy of a buffer's beginning. The buffer stays the host's, for its next requests.
    Copied(Vec<u8>),
}

/// The buffers that the host holds, by pointer.
#[derive(Debug, Default)]
pub struct Buffers {
    lent: LiteMap<u32, Lent>,
}

#[derive(Debug)]
struct Lent {
    start: *mut u8,
    length: usize,
}

impl Buffers {
    /// Gives a buffer away. Its pointer is never 0, also if it is empty.
    pub fn lend(&mut self, buffer: Vec<u8>) -> u32 {
        let length = buffer.len();
        let lent = Lent { start: Box::into_raw(with_room(buffer)).cast(), length };
        let pointer = lent.start.expose_provenance() as u32;
        self.lent.insert(pointer, lent);
        pointer
    }

    /// Takes a buffer back with what the host wrote into it.
    pub fn take_back(&mut self, pointer: u32, length: u32) -> Result<Vec<u8>, ForeignBuffer> {
        let is_lent = self.lent.get(&pointer).is_some_and(|lent| lent.length == length as usize);
        let lent = is_lent.then(|| self.lent.remove(&pointer)).flatten();
        Ok(lent.ok_or(ForeignBuffer { pointer, length })?.into_vec())
    }

    /// The request of `length` bytes at the beginning of a buffer. One that is longer than its request is kept.
    pub fn request(&mut self, pointer: u32, length: u32) -> Result<Request, ForeignBuffer> {
        match self.lent.get(&pointer) {
            Some(lent) if lent.length > length as usize => {
                Ok(Request::Copied(lent.beginning(length as usize).to_vec()))
            }
            _ => self.take_back(pointer, length).map(Request::Taken),
        }
    }
}

/// The buffer as a box, at least one byte long: an empty one has no memory of its own, and two of them would have one
/// pointer.
fn with_room(mut buffer: Vec<u8>) -> Box<[u8]> {
    if buffer.is_empty() {
        buffer.push(0);
    }
    buffer.into_boxed_slice()
}

impl Lent {
    fn beginning(&self, length: usize) -> &[u8] {
        let length = length.min(self.length);
        // SAFETY: `start` came from Box::into_raw of a boxed slice of at least `self.length` bytes, all initialised,
        // which is not freed while this `Lent` is borrowed. The host writes to it only between calls of an export.
        unsafe { std::slice::from_raw_parts(self.start, length) }
    }

    fn into_vec(self) -> Vec<u8> {
        let room = self.length.max(1);
        // SAFETY: `start` came from Box::into_raw of a boxed slice of `room` bytes in `Buffers::lend`, all initialised,
        // and this is the only owner: a `Lent` is made there alone and consumed here.
        let boxed = unsafe { Box::from_raw(std::ptr::slice_from_raw_parts_mut(self.start, room)) };
        let mut buffer = boxed.into_vec();
        buffer.truncate(self.length);
        buffer
    }
}
