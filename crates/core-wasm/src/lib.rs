//! The WebAssembly module: abi, worker and client, joined.
//!
//! [`Core`] takes turns (docs/abi.md). It knows which client and which worker each input is for, and nothing of what
//! they do.

mod account;
mod clients;
mod core;
mod workers;

pub use crate::core::Core;

corewasm_abi::export_module!(Core);
