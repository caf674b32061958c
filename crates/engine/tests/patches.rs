//! Spec 2.8, 17(10): patches, whether the workflow and history agree on them or not.

use crate::support::commands::{complete_workflow, set_patch, start_timer};
use crate::support::names::{command_types, job_names};
use crate::support::recorder::record;
use crate::support::{Driver, task};
use corewasm_testkit::HistoryBuilder;
use temporalio_protos::coresdk::workflow_commands::workflow_command::Variant;
use temporalio_protos::temporal::api::command::v1::command::Attributes;

/// What the workflow's code says of the patch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Code {
    Unpatched,
    Patched,
    Deprecated,
}

/// What history says of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Marker {
    None,
    Patched,
    Deprecated,
}

fn commands(code: Code, is_known: bool) -> Vec<Variant> {
    let patch = match code {
        Code::Unpatched => None,
        // Lang does not ask Core for a patch that replay tells it history does not have.
        Code::Patched if !is_known => None,
        Code::Patched => Some(set_patch("p", false)),
        Code::Deprecated => Some(set_patch("p", true)),
    };
    patch.into_iter().chain([start_timer(1)]).collect()
}

fn history_with(marker: Marker, with_upsert: bool) -> HistoryBuilder {
    let mut history = HistoryBuilder::new();
    history.workflow_task_pending();
    let completed = history.workflow_task_completed();
    if with_upsert {
        history.flags(completed, &[2], &[]);
    }
    if marker != Marker::None {
        history.patch_marker("p", marker == Marker::Deprecated);
        if with_upsert {
            history.patch_search_attribute(&["p"]);
        }
    }
    let timer = history.timer_started("1");
    history.timer_fired(timer);
    history.workflow_task_pending();
    history
}

#[test]
fn every_combination_of_code_and_history_in_replay() {
    for with_upsert in [false, true] {
        for code in [Code::Unpatched, Code::Patched, Code::Deprecated] {
            for marker in [Marker::None, Marker::Patched, Marker::Deprecated] {
                let mut driver = Driver::new(task(&history_with(marker, with_upsert).whole()));
                let is_known = driver.jobs().contains(&"patch-p".to_owned());
                assert_eq!(is_known, marker != Marker::None);
                driver.complete(commands(code, is_known));
                let disagrees = code == Code::Unpatched && marker == Marker::Patched;
                let case = format!("{code:?} {marker:?} {with_upsert}");
                if disagrees {
                    let failure = driver.reports.last().expect("the task fails").failure();
                    assert_eq!(
                        failure.failure.message,
                        "[TMPRL1100] Nondeterminism error: Non-deprecated patch marker encountered for change p, but \
                         there is no corresponding change command!",
                        "{case}"
                    );
                } else {
                    assert!(driver.reports.is_empty(), "{case}: {:?}", driver.reports);
                    assert_eq!(driver.jobs(), ["timer-1"], "{case}");
                }
            }
        }
    }
}

/// Upstream: many_patches_combine_in_search_attrib_update.
#[test]
fn a_live_patch_leaves_one_marker_and_tells_of_all_patches() {
    let mut history = HistoryBuilder::new();
    history.workflow_task_pending();
    let mut driver = Driver::new(task(&history.whole()));
    driver.complete([set_patch("b", false), set_patch("a", false), set_patch("b", false), start_timer(1)]);
    let commands = &driver.last_completion().commands;
    let upsert = "UpsertWorkflowSearchAttributes";
    assert_eq!(command_types(commands), ["RecordMarker", upsert, "RecordMarker", upsert, "StartTimer"]);
    let Some(Attributes::UpsertWorkflowSearchAttributesCommandAttributes(attributes)) = &commands[3].attributes else {
        panic!("an upsert has attributes");
    };
    let fields = &attributes.search_attributes.as_ref().expect("fields").indexed_fields;
    assert_eq!(fields["TemporalChangeVersion"].data, br#"["a","b"]"#);
}

/// Upstream: patch_marker_size_overflow_replay_is_deterministic.
#[test]
fn too_many_patches_for_the_search_attribute_replay_as_they_ran() {
    let patches: Vec<_> = (0..60).map(|number| format!("a-rather-long-patch-name-number-{number:03}")).collect();
    let ask = || patches.iter().map(|id| set_patch(id, false)).chain([start_timer(1)]).collect::<Vec<_>>();
    let mut history = HistoryBuilder::new();
    history.workflow_task_pending();
    let mut driver = Driver::new(task(&history.whole()));
    driver.complete(ask());
    record(&mut history, driver.last_completion());
    let types = command_types(&driver.last_completion().commands);
    let upserts = types.iter().filter(|name| *name == "UpsertWorkflowSearchAttributes").count();
    assert!((1..60).contains(&upserts), "{upserts}");

    history.signaled("poke");
    history.workflow_task_pending();
    let mut replayed = Driver::new(task(&history.whole()));
    replayed.complete(ask());
    assert_eq!(replayed.jobs(), ["signal-poke"], "{:?}", replayed.reports);
}

/// Upstream: can_remove_deprecated_patch_near_other_patch.
#[test]
fn a_removed_deprecated_patch_beside_another_one_is_skipped() {
    let mut history = HistoryBuilder::new();
    history.workflow_task_pending();
    let completed = history.workflow_task_completed();
    history.flags(completed, &[2], &[]);
    history.patch_marker("old", true);
    history.patch_search_attribute(&["old"]);
    history.patch_marker("new", false);
    history.patch_search_attribute(&["old", "new"]);
    history.execution_completed();
    let (driver, activations) = Driver::replay(task(&history.whole()), |activation| {
        if job_names(activation).contains(&"init".to_owned()) {
            vec![set_patch("new", false), complete_workflow()]
        } else {
            vec![]
        }
    });
    assert_eq!(job_names(&activations[0]), ["init", "patch-old", "patch-new"]);
    assert!(driver.reports.is_empty(), "{:?}", driver.reports);
}

/// Upstream: replay_old_patch_format.
#[test]
fn the_format_before_json_is_still_read() {
    let mut history = HistoryBuilder::new();
    history.workflow_task();
    history.old_patch_marker("p", false);
    history.execution_completed();
    let mut driver = Driver::new(task(&history.whole()));
    assert_eq!(driver.jobs(), ["init", "patch-p"]);
    driver.complete([set_patch("p", false), complete_workflow()]);
    assert!(driver.reports.is_empty(), "{:?}", driver.reports);
}
