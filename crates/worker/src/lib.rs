//! Pollers, slots, sticky cache, activities, local activities, shutdown, replay.
//!
//! # The module's contract
//!
//! Whoever owns the boundary makes one [`Worker`] (or [`ReplayWorker`]) for each that lang opens, over the
//! `corewasm_client::Connection` of
//! the host's client. Methods without `async` do their work at once; `async` ones are run on the host's executor, and
//!
//! * polls may be dropped at any time: a task is taken from its queue only in the moment in which the poll is ready;
//! * completions must run to their end: [`corewasm_host::Host::spawn`] them;
//! * a poll's value that did not reach lang comes back by [`Worker::undelivered`], byte for byte.
//!
//! # The house
//!
//! A [`context::WorkerContext`] is shared by the parts of a worker: `workflows` (pollers, cache, completions),
//! [`activities`],
//! [`local_activities`] and [`nexus`]. They know each other by the traits in [`parts`] alone.

pub mod activities;
pub mod config;
pub mod context;
pub mod error;
pub mod local_activities;
pub mod metrics;
pub mod nexus;
pub mod parts;
pub mod patience;
pub mod pollers;
pub mod queue;
pub mod replay;
pub mod service;
pub mod shutdown;
pub mod signal;
pub mod slots;
mod worker;
mod workflows;

pub use error::WorkerError;
pub use replay::ReplayWorker;
pub use service::{Connection, Service};
pub use worker::Worker;

/// Kinds of tasks that lang polls for and completes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TaskKind {
    /// `WorkflowActivation` and `WorkflowActivationCompletion`.
    Workflow,
    /// `ActivityTask` and `ActivityTaskCompletion`, local activities included.
    Activity,
    /// `NexusTask` and `NexusTaskCompletion`.
    Nexus,
}
