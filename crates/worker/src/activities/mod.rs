//! Activities that the service schedules (spec 3), and the stream in which lang gets them together with local ones.
//!
//! [`tasks::ActivityTasks`] decides, without clock or I/O; `remote` and `finish` carry its decisions out on the host.

pub(crate) mod clock;
pub mod completion;
pub mod deadlines;
pub mod durations;
mod finish;
pub mod heartbeats;
pub(crate) mod metrics;
pub mod observation;
mod remote;
mod requests;
mod source;
pub mod tasks;

pub use source::Activities;

/// Under this name logs go out, as native Core's do.
const TARGET: &str = "temporalio_sdk_core::worker::activities";
