//! The module's turns, run natively: dispatch, refusals, determinism.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod account;
mod client_life;
mod determinism;
mod garbage;
mod refusals;
mod server_gone;
mod support;
mod worker_life;
