//! Memory and the turn export: the only crate with unsafe code.
//!
//! docs/abi.md is the contract. A buffer crosses the boundary as (pointer, length) and belongs to one side at a time.
//! This crate keeps a list of the buffers that are the host's, so a pointer that was never handed out is refused
//! instead of followed.
//!
//! A module is exported with [`export_module!`], which expands to thin shells around the safe functions here.

mod buffers;
mod hash_keys;
mod panic_text;

use std::cell::{Cell, RefCell};

use bytes::Bytes;

pub use buffers::{Buffers, ForeignBuffer, Request};
pub use hash_keys::fix_hash_keys;

/// Changes with every break of docs/abi.md.
pub const ABI_MAJOR: u32 = 1;
/// Changes with every addition to docs/abi.md.
pub const ABI_MINOR: u32 = 2;

/// What a module does with a turn.
pub trait Module: Default {
    /// An encoded TurnRequest in, an encoded TurnResponse out.
    fn turn(&mut self, request: Bytes) -> Vec<u8>;

    /// The response to a request that could not even be read, encoded.
    fn refuse(&mut self, reason: &str) -> Vec<u8>;
}

/// A module and the buffers that its host holds.
pub struct Instance<M> {
    module: RefCell<M>,
    buffers: RefCell<Buffers>,
    /// The response to a request in a buffer that the host keeps. The host may read it until it calls again.
    kept_response: Cell<Vec<u8>>,
}

impl<M: Module> Default for Instance<M> {
    fn default() -> Self {
        panic_text::keep_panics();
        Self { module: RefCell::default(), buffers: RefCell::default(), kept_response: Cell::default() }
    }
}

impl<M: Module> Instance<M> {
    /// A new buffer of `length` bytes, which is the host's until it gives it back.
    pub fn alloc(&self, length: u32) -> u32 {
        self.buffers.borrow_mut().lend(vec![0; length as usize])
    }

    /// Takes a buffer back. One that is not the host's is left alone.
    pub fn free(&self, pointer: u32, length: u32) {
        let _ = self.buffers.borrow_mut().take_back(pointer, length);
    }

    /// Makes a turn with the request in this buffer, which is the module's again; the response is in a buffer of the
    /// host's. If the buffer is longer than the request, each side keeps its own instead: the request's buffer stays
    /// the host's, the response stays the module's.
    pub fn turn(&self, pointer: u32, length: u32) -> u64 {
        self.kept_response.take();
        let request = self.buffers.borrow_mut().request(pointer, length);
        let mut module = self.module.borrow_mut();
        match request {
            Ok(Request::Taken(request)) => self.lend(module.turn(request.into())),
            Ok(Request::Copied(request)) => self.keep(module.turn(request.into())),
            Err(foreign) => self.lend(module.refuse(&foreign.to_string())),
        }
    }

    fn lend(&self, response: Vec<u8>) -> u64 {
        let length = response.len() as u32;
        pack(self.buffers.borrow_mut().lend(response), length)
    }

    fn keep(&self, response: Vec<u8>) -> u64 {
        let place = pack(response.as_ptr().expose_provenance() as u32, response.len() as u32);
        self.kept_response.set(response);
        place
    }
}

/// The major version in the high, the minor in the low 16 bits.
pub const fn abi_version() -> u32 {
    (ABI_MAJOR << 16) | ABI_MINOR
}

/// Pointer and length of the last panic's text, which stays the module's; length 0 if there was none.
pub fn last_panic() -> u64 {
    let (pointer, length) = panic_text::location();
    pack(pointer, length)
}

const fn pack(pointer: u32, length: u32) -> u64 {
    ((pointer as u64) << 32) | length as u64
}

/// Exports a [`Module`] under the names of docs/abi.md.
#[macro_export]
macro_rules! export_module {
    ($module:ty) => {
        #[cfg(target_arch = "wasm32")]
        #[allow(unsafe_code, reason = "an exported name is unsafe to declare; what it does is not")]
        mod exports {
            use super::*;

            ::std::thread_local! {
                static INSTANCE: $crate::Instance<$module> = ::std::default::Default::default();
            }

            // The work of an export is kept out of it, so that the export has no stack frame of its own: the hash keys
            // would depend on its size.
            #[inline(never)]
            fn with_instance<T>(work: impl FnOnce(&$crate::Instance<$module>) -> T) -> T {
                INSTANCE.with(work)
            }

            #[unsafe(no_mangle)]
            extern "C" fn alloc(length: u32) -> u32 {
                $crate::fix_hash_keys();
                with_instance(|instance| instance.alloc(length))
            }

            #[unsafe(no_mangle)]
            extern "C" fn free(pointer: u32, length: u32) {
                $crate::fix_hash_keys();
                with_instance(|instance| instance.free(pointer, length));
            }

            #[unsafe(no_mangle)]
            extern "C" fn turn(pointer: u32, length: u32) -> u64 {
                $crate::fix_hash_keys();
                with_instance(|instance| instance.turn(pointer, length))
            }

            #[unsafe(no_mangle)]
            extern "C" fn abi_version() -> u32 {
                $crate::abi_version()
            }

            #[unsafe(no_mangle)]
            extern "C" fn last_panic() -> u64 {
                $crate::last_panic()
            }
        }
    };
}
