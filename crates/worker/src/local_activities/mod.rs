//! Local activities: scheduled by workflow code, executed by the same worker, recorded as markers (spec 4).

mod attempt;
mod entry;
mod manager;

mod output;
pub mod resolution;
pub mod retry_policy;
mod start_task;
mod tasks;
pub mod token;

pub(crate) use manager::LocalActivities;
pub use output::{LocalActivityObservation, LocalActivityOutput};
pub use tasks::LocalActivityTasks;
