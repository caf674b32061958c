//! Nexus tasks (spec 5).
//!
//! [`tasks::NexusTasks`] and [`reply`] decide, without clock or I/O; `source` carries their decisions out on the host.

pub mod failure_json;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzz;
mod metrics;
pub mod reply;
pub mod request_timeout;
mod requests;
mod source;
pub mod tasks;

pub use source::Nexus;
