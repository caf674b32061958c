//! Activities of the service (spec 3), one file for each behaviour.

mod adoption;
mod cancellation;
mod completion;
mod dispatch;
mod eager;
mod heartbeats;
mod permits_under_faults;
mod shutdown;
pub(crate) mod support;
mod timeouts;
