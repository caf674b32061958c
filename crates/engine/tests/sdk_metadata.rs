//! Spec 1.14, 1.7.1: flags, and what a completion says of the SDK and its worker.

use crate::support::commands::start_timer;
use crate::support::recorder::record;
use crate::support::{Driver, legacy_query, setup, task};
use corewasm_engine::RunSetup;
use corewasm_testkit::HistoryBuilder;
use temporalio_protos::coresdk::workflow_completion::Success;

fn signalled_twice() -> HistoryBuilder {
    let mut history = HistoryBuilder::new();
    history.workflow_task();
    history.signaled("one");
    history.workflow_task();
    history.signaled("two");
    history.workflow_task_pending();
    history
}

fn used(flags: &[u32]) -> Success {
    Success { used_internal_flags: flags.to_vec(), ..Success::default() }
}

#[test]
fn flags_are_told_once() {
    let history = signalled_twice();
    let mut driver = Driver::new(task(&history.up_to_task(1)));
    driver.complete_with(used(&[1, 2]));
    let first = &driver.last_completion().sdk_metadata;
    assert_eq!(first.core_used_flags, [1, 2, 3, 4]);
    assert_eq!(first.lang_used_flags, [1, 2]);
    assert_eq!((first.sdk_name.as_str(), first.sdk_version.as_str()), ("temporal-python", "1.35.0"));

    driver.task(task(&history.only_task(2)));
    assert_eq!(driver.activation().available_internal_flags, [1, 2]);
    driver.complete_with(used(&[2, 3]));
    let second = &driver.last_completion().sdk_metadata;
    assert_eq!(second.core_used_flags, [0_u32; 0]);
    assert_eq!(second.lang_used_flags, [3]);
}

#[test]
fn the_sdk_is_named_again_only_if_history_has_another() {
    let mut history = HistoryBuilder::new();
    history.workflow_task_pending();
    let completed = history.workflow_task_completed();
    history.sdk(completed, "temporal-python", "1.34.0");
    history.signaled("one");
    history.workflow_task_pending();
    let mut driver = Driver::new(task(&history.whole()));
    driver.complete([]);
    assert_eq!(driver.activation().last_sdk_version, "1.34.0");
    driver.complete([]);
    let metadata = &driver.last_completion().sdk_metadata;
    assert_eq!((metadata.sdk_name.as_str(), metadata.sdk_version.as_str()), ("", "1.35.0"));
}

#[test]
fn nothing_is_written_where_the_service_does_not_take_it_but_what_history_has_counts() {
    let mut history = HistoryBuilder::new();
    history.workflow_task_pending();
    let completed = history.workflow_task_completed();
    history.flags(completed, &[3], &[7]);
    history.signaled("one");
    history.workflow_task_pending();
    let mut driver = Driver::with_setup(RunSetup { sdk_metadata: false, ..setup() }, task(&history.whole()));
    assert_eq!(driver.activation().available_internal_flags, [7]);
    driver.complete([]);
    driver.complete_with(used(&[8]));
    assert_eq!(driver.last_completion().sdk_metadata, Default::default());
}

#[test]
fn a_live_task_names_this_workers_version_and_a_replayed_one_that_of_history() {
    let setup = RunSetup { deployment_version: Some(("deployment".to_owned(), "new".to_owned())), ..setup() };
    let mut history = signalled_twice();
    for id in [4, 8] {
        history.edit(id, |event| {
            use temporalio_protos::temporal::api::deployment::v1::WorkerDeploymentVersion;
            use temporalio_protos::temporal::api::history::v1::history_event::Attributes;
            if let Some(Attributes::WorkflowTaskCompletedEventAttributes(completed)) = &mut event.attributes {
                completed.deployment_version = Some(WorkerDeploymentVersion {
                    deployment_name: "deployment".to_owned(),
                    build_id: "old".to_owned(),
                });
            }
        });
    }
    let mut driver = Driver::with_setup(setup, task(&history.whole()));
    let build_id =
        |driver: &Driver| driver.activation().deployment_version_for_current_task.clone().unwrap_or_default().build_id;
    assert_eq!(build_id(&driver), "old");
    driver.complete([]);
    assert_eq!(build_id(&driver), "old");
    driver.complete([]);
    assert_eq!(build_id(&driver), "new");
}

#[test]
fn a_query_behind_the_first_task_sees_this_workers_version() {
    let setup = RunSetup { deployment_version: Some((String::new(), "build".to_owned())), ..setup() };
    let mut history = HistoryBuilder::new();
    history.workflow_task_pending();
    let mut driver = Driver::with_setup(setup, task(&history.whole()));
    driver.complete([start_timer(1)]);
    record(&mut history, driver.last_completion());
    driver.task(legacy_query(3, "query"));
    let version = driver.activation().deployment_version_for_current_task.clone().expect("a version");
    assert_eq!(version.build_id, "build");
}
