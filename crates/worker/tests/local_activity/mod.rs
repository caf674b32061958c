//! Local activities (spec 4), one file for each behaviour.

mod cancellation;
mod dispatch;
mod metering;
mod permits_under_faults;
mod retries;
mod retry_policy;
mod shutdown;
mod support;
mod timeouts;
