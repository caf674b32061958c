//! The module as a host meets it: natively as a library, and as core.wasm in wasmtime. Both must do the same.

#![allow(clippy::unwrap_used, reason = "a test that meets an error has failed")]

mod exports;
mod garbage;
mod native;
mod same_bytes;
mod typed_inputs;
mod vectors;
mod wasm;
