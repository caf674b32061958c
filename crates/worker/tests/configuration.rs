//! Spec 0.6, 9.2.1: what a worker refuses to be.

use crate::common::{Harness, config, handle, pollers};
use corewasm_host::envelope::call_error::Kind;
use corewasm_host::envelope::{
    AutoscalingPollers, CallError, DeploymentVersioning, PollerBehavior, Versioning, WorkerConfig, poller_behavior,
    versioning,
};
use corewasm_worker::{Connection, Worker, WorkerError};

fn open(harness: &Harness, config: WorkerConfig) -> Result<Worker, WorkerError> {
    Worker::open(harness.host.host(), handle(2), harness.connection.clone(), config, None)
}

/// On a connection of its own.
fn refusal(config: WorkerConfig) -> CallError {
    let harness = Harness::new();
    let connection = Connection::new(harness.service.clone());
    let opened = Worker::open(harness.host.host(), handle(2), connection, config, None);
    opened.err().expect("it is refused").into()
}

fn autoscaling(minimum: u32, maximum: u32, initial: u32) -> Option<PollerBehavior> {
    let scaling = AutoscalingPollers { minimum, maximum, initial };
    Some(PollerBehavior { kind: Some(poller_behavior::Kind::Autoscaling(scaling)) })
}

fn deployment(
    deployment_name: &str,
    use_worker_versioning: bool,
    default_versioning_behavior: i32,
) -> Option<Versioning> {
    let deployment = DeploymentVersioning {
        deployment_name: deployment_name.to_owned(),
        build_id: "1".to_owned(),
        use_worker_versioning,
        default_versioning_behavior,
    };
    Some(Versioning { kind: Some(versioning::Kind::Deployment(deployment)) })
}

#[test]
fn contradictions_are_told_in_native_words() {
    let cases = [
        (
            WorkerConfig { enable_workflows: false, ..config() },
            "At least one task type must be enabled in `task_types`",
        ),
        (
            WorkerConfig { enable_workflows: false, enable_local_activities: true, ..config() },
            "`task_types` cannot enable local activities without workflows",
        ),
        (
            WorkerConfig { max_cached_workflows: 0, workflow_pollers: Some(pollers(0)), ..config() },
            "SimpleMaximum poller behavior must be at least 1",
        ),
        (
            WorkerConfig { workflow_pollers: Some(pollers(1)), ..config() },
            "`max_cached_workflows` > 0 requires `workflow_task_poller_behavior` to be at least 2",
        ),
        (
            WorkerConfig { activity_pollers: autoscaling(0, 1, 1), ..config() },
            "Autoscaling minimum poller behavior must be at least 1",
        ),
        (
            WorkerConfig { workflow_pollers: autoscaling(3, 2, 3), ..config() },
            "Autoscaling maximum must be greater than or equal to minimum",
        ),
        (
            WorkerConfig { nexus_pollers: autoscaling(2, 4, 5), ..config() },
            "Autoscaling initial must be between minimum and maximum",
        ),
        (
            WorkerConfig { max_activities_per_second: Some(-1.0), ..config() },
            "`max_worker_activities_per_second` must be positive and nonzero",
        ),
        (
            WorkerConfig { versioning: deployment("", true, 0), ..config() },
            "WorkerDeploymentVersion must have a non-empty build_id and deployment_name when deployment-based \
             versioning is enabled",
        ),
        (
            WorkerConfig { versioning: deployment("d", false, 1), ..config() },
            "default_versioning_behavior must be None when use_worker_versioning is false",
        ),
        (
            WorkerConfig {
                versioning: Some(Versioning { kind: Some(versioning::Kind::LegacyBuildId(String::new())) }),
                ..config()
            },
            "Legacy build id-based versioning must have a non-empty build_id",
        ),
    ];
    for (config, text) in cases {
        let error = refusal(config);
        assert_eq!((error.kind(), error.message), (Kind::Value, format!("Invalid worker config: {text}")));
    }
}

#[test]
fn a_worker_without_a_namespace_is_refused() {
    let error = refusal(WorkerConfig { namespace: String::new(), ..config() });
    assert_eq!(error.message, "Failed creating worker\n\nCaused by:\n    Worker namespace cannot be empty");
}

#[test]
fn two_workers_of_the_same_tasks_do_not_share_a_connection() {
    let harness = Harness::new();
    let error: CallError = open(&harness, config()).err().expect("it overlaps").into();
    assert_eq!(error.kind(), Kind::Runtime);
    let begin =
        "Failed creating worker\n\nCaused by:\n    Registration of multiple workers with overlapping worker task types";
    assert!(error.message.starts_with(begin), "{}", error.message);

    assert!(open(&harness, WorkerConfig { task_queue: "other".to_owned(), ..config() }).is_ok());
    assert!(open(&harness, WorkerConfig { skip_client_worker_set_check: true, ..config() }).is_ok());
    assert!(open(&harness, WorkerConfig { versioning: deployment("d", true, 0), ..config() }).is_ok());
}

#[test]
fn a_place_is_free_again_once_shutdown_begins_or_the_worker_is_dropped() {
    let mut harness = Harness::new();
    harness.initiate_shutdown();
    let second = open(&harness, config()).expect("the place is free");
    assert!(open(&harness, config()).is_err());
    drop(second);
    assert!(open(&harness, config()).is_ok());
}

#[test]
fn a_worker_moves_to_another_connection() {
    let harness = Harness::new();
    let other = Connection::new(harness.service.clone());
    harness.worker.replace_client(other.clone()).expect("there is room");
    assert!(open(&harness, config()).is_ok(), "the old place is free");
    let there = Worker::open(harness.host.host(), handle(3), other, config(), None);
    assert!(there.is_err(), "the new place is taken");
}
