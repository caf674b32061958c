//! Spec 2.9: changes of search attributes and of the memo.

use crate::support::commands::{complete_workflow, modify_memo, start_timer, upsert};
use crate::support::names::{command_types, job_names};
use crate::support::{Driver, task};
use corewasm_testkit::HistoryBuilder;
use temporalio_protos::temporal::api::command::v1::command::Attributes;

fn first_task() -> HistoryBuilder {
    let mut history = HistoryBuilder::new();
    history.workflow_task_pending();
    history
}

#[test]
fn attributes_and_memo_go_out_and_nothing_comes_back() {
    let mut driver = Driver::new(task(&first_task().whole()));
    driver.complete([upsert("attribute"), modify_memo("field"), start_timer(1)]);
    assert!(driver.activation.is_none(), "no job tells of them");
    let commands = &driver.last_completion().commands;
    let types = command_types(commands);
    assert_eq!(types, ["UpsertWorkflowSearchAttributes", "ModifyWorkflowProperties", "StartTimer"]);
    let Some(Attributes::UpsertWorkflowSearchAttributesCommandAttributes(upsert)) = &commands[0].attributes else {
        panic!("attributes: {commands:?}");
    };
    assert!(upsert.search_attributes.as_ref().expect("they are there").indexed_fields.contains_key("attribute"));
    let Some(Attributes::ModifyWorkflowPropertiesCommandAttributes(modify)) = &commands[1].attributes else {
        panic!("a memo: {commands:?}");
    };
    assert!(modify.upserted_memo.as_ref().expect("it is there").fields.contains_key("field"));
}

#[test]
fn they_replay_against_their_events() {
    let mut history = first_task();
    history.workflow_task_completed();
    history.search_attributes_upserted([("attribute".to_owned(), "value".into())].into());
    history.properties_modified([("field".to_owned(), "value".into())].into());
    history.signaled("poke");
    history.workflow_task_pending();
    let (driver, activations) = Driver::replay(task(&history.whole()), |a| match job_names(a)[0].as_str() {
        "init" => vec![upsert("attribute"), modify_memo("field")],
        "signal-poke" => vec![complete_workflow()],
        _ => vec![],
    });
    let jobs: Vec<_> = activations.iter().map(job_names).collect();
    assert_eq!(jobs, [["init"], ["signal-poke"], ["evict"]]);
    assert_eq!(command_types(&driver.last_completion().commands), ["CompleteWorkflowExecution"]);
}

#[test]
fn in_another_order_than_historys_they_are_nondeterminism() {
    let mut history = first_task();
    history.workflow_task_completed();
    history.search_attributes_upserted([("attribute".to_owned(), "value".into())].into());
    history.properties_modified([("field".to_owned(), "value".into())].into());
    history.execution_completed();
    let mut driver = Driver::new(task(&history.whole()));
    driver.complete([modify_memo("field"), upsert("attribute"), complete_workflow()]);
    let message = &driver.reports.last().expect("the task fails").failure().failure.message;
    assert!(message.starts_with("[TMPRL1100] Nondeterminism error: "), "{message}");
}

/// Upstream: upserting_change_version_directly.
#[test]
fn lang_can_not_write_the_attribute_that_tells_of_patches() {
    let mut driver = Driver::new(task(&first_task().whole()));
    driver.complete([upsert("TemporalChangeVersion"), start_timer(1)]);
    let commands = &driver.last_completion().commands;
    assert_eq!(command_types(commands), ["UpsertWorkflowSearchAttributes", "StartTimer"]);
    let Some(Attributes::UpsertWorkflowSearchAttributesCommandAttributes(upsert)) = &commands[0].attributes else {
        panic!("attributes: {commands:?}");
    };
    assert!(upsert.search_attributes.as_ref().is_none_or(|attributes| attributes.indexed_fields.is_empty()));
    assert_eq!(driver.warnings().len(), 1);
}
