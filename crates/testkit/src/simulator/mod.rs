//! Plays the world around a module: its host with a virtual clock, a scripted frontend, a lang.
//!
//! Whatever takes turns can be played with: the module in any WebAssembly runtime, or the same code as a library.

mod config;
mod frontend;
mod history_commands;
mod history_lang;
mod host;
mod lang;
mod live;
mod local_activities;
mod replay;
mod script;
mod turn_bytes;
mod typed_inputs;

use bytes::Bytes;

pub use config::worker as worker_config;
pub use history_lang::HistoryLang;
pub use host::{SimulatedHost, TurnLog, Turns};
pub use lang::{Lang, StoredCompletions};
pub use live::run_live;
pub use replay::run_replay;
pub use script::{Arrival, Script};
pub use turn_bytes::play_turn_bytes;
pub use typed_inputs::play_typed_inputs;

/// What a run sent and what it told lang.
#[derive(Clone, Debug, Default)]
pub struct Transcript {
    /// RPC and request, of those about workflow tasks.
    pub requests: Vec<(String, Bytes)>,
    /// coresdk WorkflowActivation.
    pub activations: Vec<Bytes>,
}
