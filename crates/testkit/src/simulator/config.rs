//! What the official Python SDK asks for by default, as conformance/lang/bridge.py has it.

use corewasm_host::envelope::{
    ClientConfig, LogFilter, LogLevel, Open, PollerBehavior, SlotSupplier, Versioning, WorkerConfig, poller_behavior,
    slot_supplier, versioning,
};

const SECOND_NS: u64 = 1_000_000_000;

pub(super) fn open() -> Open {
    let log_filter = Some(LogFilter { default_level: LogLevel::Error.into(), directives: Vec::new() });
    Open { log_filter, ..Open::default() }
}

pub(super) fn client() -> ClientConfig {
    ClientConfig {
        client_name: "temporal-python".to_owned(),
        client_version: "1.35.0".to_owned(),
        identity: "conformance".to_owned(),
        target_url: "http://127.0.0.1:7233".to_owned(),
        ..ClientConfig::default()
    }
}

/// A worker of workflows and local activities.
pub fn worker(max_cached_workflows: u32) -> WorkerConfig {
    let slots = || Some(SlotSupplier { kind: Some(slot_supplier::Kind::Fixed(100)) });
    let pollers = || Some(PollerBehavior { kind: Some(poller_behavior::Kind::SimpleMaximum(2)) });
    WorkerConfig {
        namespace: "default".to_owned(),
        task_queue: "replay".to_owned(),
        max_cached_workflows,
        workflow_slots: slots(),
        activity_slots: slots(),
        local_activity_slots: slots(),
        nexus_slots: slots(),
        workflow_pollers: pollers(),
        activity_pollers: pollers(),
        nexus_pollers: pollers(),
        nonsticky_to_sticky_poll_ratio: 0.2,
        enable_workflows: true,
        enable_local_activities: true,
        sticky_queue_schedule_to_start_timeout_ns: 10 * SECOND_NS,
        max_heartbeat_throttle_interval_ns: 60 * SECOND_NS,
        default_heartbeat_throttle_interval_ns: 30 * SECOND_NS,
        max_eager_activity_reservations_per_workflow_task: 3,
        graceful_shutdown_period_ns: Some(0),
        versioning: Some(Versioning { kind: Some(versioning::Kind::None("conformance".to_owned())) }),
        disable_payload_error_limit: true,
        ..WorkerConfig::default()
    }
}
