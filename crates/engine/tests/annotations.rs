//! Spec 2.0.2: summaries, details and event groups go from lang's commands onto the service's.

use crate::support::commands::{
    cancel_activity, cancel_external, cancel_timer, complete_workflow, modify_memo, schedule_activity,
    schedule_local_activity, schedule_nexus, set_patch, signal_external, start_child, start_timer, upsert,
};
use crate::support::names::command_types;
use crate::support::{Driver, completed_local_activity, task};
use corewasm_testkit::HistoryBuilder;
use temporalio_protos::coresdk::child_workflow::ChildWorkflowCancellationType;
use temporalio_protos::coresdk::nexus::NexusOperationCancellationType;
use temporalio_protos::coresdk::workflow_commands::ActivityCancellationType::{TryCancel, WaitCancellationCompleted};
use temporalio_protos::coresdk::workflow_commands::WorkflowCommand;
use temporalio_protos::coresdk::workflow_commands::workflow_command::Variant;
use temporalio_protos::coresdk::workflow_completion::Success;
use temporalio_protos::temporal::api::command::v1::Command;
use temporalio_protos::temporal::api::sdk::v1::{EventGroupMarker, UserMetadata, event_group_marker};

fn annotated(variant: Variant, summary: Option<&str>, details: Option<&str>) -> WorkflowCommand {
    let user_metadata = Some(UserMetadata { summary: summary.map(Into::into), details: details.map(Into::into) });
    WorkflowCommand { variant: Some(variant), user_metadata, ..WorkflowCommand::default() }
}

fn grouped(variant: Variant, label: &str) -> WorkflowCommand {
    WorkflowCommand { event_group_markers: vec![group(label)], ..annotated(variant, None, None) }
}

fn group(label: &str) -> EventGroupMarker {
    let label = event_group_marker::Label { id: label.to_owned(), ..Default::default() };
    EventGroupMarker { variant: Some(event_group_marker::Variant::Label(label)) }
}

fn success(commands: Vec<WorkflowCommand>) -> Success {
    Success { commands, ..Success::default() }
}

fn text(payload: Option<&temporalio_protos::temporal::api::common::v1::Payload>) -> Option<String> {
    payload.map(|payload| String::from_utf8_lossy(&payload.data).into_owned())
}

fn annotations(command: &Command) -> (Option<String>, Option<String>) {
    let metadata = command.user_metadata.as_ref().expect("the command has annotations");
    (text(metadata.summary.as_ref()), text(metadata.details.as_ref()))
}

fn first_task() -> HistoryBuilder {
    let mut history = HistoryBuilder::new();
    history.workflow_task_pending();
    history
}

#[test]
fn every_command_carries_what_lang_gave_it() {
    let commands = [
        start_timer(1),
        schedule_activity(1, TryCancel),
        start_child(1, ChildWorkflowCancellationType::Abandon),
        schedule_nexus(1, NexusOperationCancellationType::Abandon),
        signal_external(1, "other"),
        cancel_external(1, "other"),
        upsert("attribute"),
        modify_memo("field"),
        complete_workflow(),
    ];
    let mut driver = Driver::new(task(&first_task().whole()));
    let numbered = commands.into_iter().enumerate();
    let commands: Vec<_> =
        numbered.map(|(n, command)| annotated(command, Some(&format!("summary {n}")), Some(&format!("{n}")))).collect();
    let count = commands.len();
    driver.complete_with(success(commands));
    let sent = &driver.last_completion().commands;
    assert_eq!(sent.len(), count, "{:?}", command_types(sent));
    for (n, command) in sent.iter().enumerate() {
        let expected = (Some(format!("summary {n}")), Some(n.to_string()));
        assert_eq!(annotations(command), expected, "{:?}", command.command_type());
    }
}

#[test]
fn a_cancel_adds_its_own_to_those_of_what_it_cancels() {
    let mut history = first_task();
    let mut driver = Driver::new(task(&history.whole()));
    driver.complete_with(success(vec![
        annotated(start_timer(1), Some("timer"), Some("kept")),
        annotated(schedule_activity(1, WaitCancellationCompleted), Some("kept"), None),
    ]));
    history.workflow_task_completed();
    history.timer_started("1");
    history.activity_scheduled("1");
    history.signaled("poke");
    history.workflow_task_pending();
    driver.task(task(&history.only_task(2)));
    driver.complete_with(success(vec![
        annotated(cancel_timer(1), Some("cancelled"), None),
        annotated(cancel_activity(1), None, Some("added")),
    ]));
    let commands = &driver.last_completion().commands;
    assert_eq!(command_types(commands), ["CancelTimer", "RequestCancelActivityTask"]);
    assert_eq!(annotations(&commands[0]), (Some("cancelled".to_owned()), Some("kept".to_owned())));
    assert_eq!(annotations(&commands[1]), (Some("kept".to_owned()), Some("added".to_owned())));
}

#[test]
fn markers_of_patches_and_local_activities_carry_them() {
    let mut driver = Driver::new(task(&first_task().whole()));
    driver.complete_with(success(vec![
        annotated(set_patch("p", false), Some("patch"), None),
        annotated(schedule_local_activity(1, TryCancel), Some("local"), None),
    ]));
    driver.resolve(completed_local_activity(1));
    driver.complete([]);
    let commands = &driver.last_completion().commands;
    assert_eq!(command_types(commands), ["RecordMarker", "UpsertWorkflowSearchAttributes", "RecordMarker"]);
    let summaries: Vec<_> = commands.iter().map(|command| annotations(command).0.expect("a summary")).collect();
    assert_eq!(summaries, ["patch", "patch", "local"]);
}

/// Upstream: cancel_timer_command_is_annotated, cancel_activity_command_is_annotated.
#[test]
fn a_cancel_stays_in_the_group_of_what_it_cancels_unless_it_has_its_own() {
    for own in [None, Some("own")] {
        let mut history = first_task();
        let mut driver = Driver::new(task(&history.whole()));
        driver.complete_with(success(vec![
            grouped(start_timer(1), "group"),
            grouped(schedule_activity(1, WaitCancellationCompleted), "group"),
        ]));
        assert!(driver.last_completion().commands.iter().all(|sent| sent.event_group_markers == [group("group")]));
        history.workflow_task_completed();
        history.timer_started("1");
        history.activity_scheduled("1");
        history.signaled("poke");
        history.workflow_task_pending();
        driver.task(task(&history.only_task(2)));
        let cancels = [cancel_timer(1), cancel_activity(1)].map(|cancel| match own {
            Some(label) => grouped(cancel, label),
            None => cancel.into(),
        });
        driver.complete_with(success(cancels.to_vec()));
        let expected = [group(own.unwrap_or("group"))];
        for sent in &driver.last_completion().commands {
            assert_eq!(sent.event_group_markers, expected, "{:?}", sent.command_type());
        }
        assert_eq!(driver.last_completion().commands.len(), 2);
    }
}
