//! The text of a panic, kept where the host can read it after the trap that follows.

use std::{
    fmt::{self, Write},
    panic::PanicHookInfo,
    sync::{Mutex, Once, PoisonError},
};

/// Longer texts are cut.
const CAPACITY: usize = 4096;

static LAST: Mutex<PanicText> = Mutex::new(PanicText { bytes: [0; CAPACITY], length: 0 });

struct PanicText {
    bytes: [u8; CAPACITY],
    length: usize,
}

impl Write for PanicText {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = CAPACITY - self.length;
        let fitting = text.floor_char_boundary(room.min(text.len()));
        self.bytes[self.length..self.length + fitting].copy_from_slice(&text.as_bytes()[..fitting]);
        self.length += fitting;
        Ok(())
    }
}

/// From now on panics leave their text. Nothing is allocated in the hook: memory may be what is short.
pub(crate) fn keep_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let default_hook = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            keep(info);
            default_hook(info);
        }));
    });
}

fn keep(info: &PanicHookInfo<'_>) {
    let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
    last.length = 0;
    // Writing to the buffer can not fail.
    let _ = write!(last, "{info}");
}

/// Where the text lies.
pub(crate) fn location() -> (u32, u32) {
    let last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
    (last.bytes.as_ptr().expose_provenance() as u32, last.length as u32)
}
