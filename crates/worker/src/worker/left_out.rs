//! What a user may ask for and this Core does not do yet, without harm to a workflow: it is said, once for each worker.

use serde_json::json;

use super::{TARGET, Worker};

impl Worker {
    /// Worker heartbeats only show a worker in the server's lists. The SDK asks for them unless told otherwise, so this
    /// is no warning.
    pub(super) fn tell_what_is_left_out(&self) {
        let host = &self.0.context.host;
        let Some(interval) = host.settings().worker_heartbeat_interval else { return };
        let fields = [("interval_ms", json!(u64::try_from(interval.as_millis()).unwrap_or(u64::MAX)))];
        host.debug(TARGET, "Worker heartbeats are not sent: this Core does not have them yet", &fields);
    }
}
