//! Spec 1.8.14: the warning about workflow tasks that took long.

use std::time::Duration;

use crate::common::commands::{complete_workflow, start_timer};
use crate::common::{Harness, config, failure, success};
use corewasm_host::envelope::{LogFilter, LogLevel, LogRecord, Open};
use corewasm_host::testing::VirtualHost;
use corewasm_testkit::HistoryBuilder;
use corewasm_testkit::history::RUN_ID;
use temporalio_protos::coresdk::common::ExternalStorageMetrics;
use temporalio_protos::coresdk::workflow_completion::WorkflowActivationCompletion;
use temporalio_protos::temporal::api::history::v1::history_event::Attributes;
use temporalio_protos::temporal::api::workflowservice::v1::{
    PollWorkflowTaskQueueResponse, RespondWorkflowTaskCompletedResponse,
};

/// A worker of which lang has the first activation, of a task of this attempt, since so many milliseconds.
fn in_hand(limit: Option<&str>, attempt: i32, milliseconds: u64) -> Harness {
    let environment =
        limit.map(|limit| ("TEMPORAL_WORKFLOW_TASK_DURATION_WARN_SECONDS".to_owned(), limit.to_owned()).into());
    let log_filter = Some(LogFilter { default_level: LogLevel::Warn.into(), directives: Vec::new() });
    let host =
        VirtualHost::open(Open { environment: environment.into_iter().collect(), log_filter, ..Open::default() });
    let mut harness = Harness::on(host, config(), None);
    let _polled = harness.poll();
    let mut history = HistoryBuilder::new();
    let started = history.workflow_task_pending();
    history.edit(started, |event| {
        if let Some(Attributes::WorkflowTaskStartedEventAttributes(started)) = &mut event.attributes {
            started.history_size_bytes = 4096;
        }
    });
    harness.give_task(PollWorkflowTaskQueueResponse { attempt, ..history.whole().poll_response() });
    harness.advance(Duration::from_millis(milliseconds));
    harness
}

fn with_storage() -> WorkflowActivationCompletion {
    let metrics = |count, drivers: [&str; 2]| ExternalStorageMetrics {
        payload_count: count,
        total_size_bytes: count * 1000,
        total_duration: Some(prost_types::Duration { seconds: 1, nanos: 500_000_000 }),
        driver_names: drivers.map(str::to_owned).to_vec(),
    };
    WorkflowActivationCompletion {
        payload_download_metrics: Some(metrics(2, ["s3", "disk"])),
        payload_upload_metrics: Some(metrics(3, ["b", "a"])),
        ..success(RUN_ID, [start_timer(1)])
    }
}

fn warnings(harness: &Harness) -> Vec<LogRecord> {
    harness.logs("[TMPRL1104]")
}

#[test]
fn a_slow_task_is_told_with_what_storage_took() {
    let mut harness = in_hand(None, 3, 6_250);
    let _completed = harness.complete(with_storage());
    assert!(warnings(&harness).is_empty(), "the service was not told yet");
    harness.service.take("RespondWorkflowTaskCompleted").answer(&RespondWorkflowTaskCompletedResponse::default());
    harness.turn();
    let [warning] = &warnings(&harness)[..] else { panic!("one warning") };
    let text = format!("[TMPRL1104] {RUN_ID}:4:3 Workflow task duration exceeded 5 seconds.");
    assert_eq!((warning.message.as_str(), warning.level()), (text.as_str(), LogLevel::Warn));
    let fields = [
        ("workflow_type", "\"TestWorkflow\""),
        ("event_id", "4"),
        ("attempt", "3"),
        ("workflow_task_duration", "6250"),
        ("workflow_history_size", "4096"),
        ("payload_download_count", "2"),
        ("payload_download_size", "2000"),
        ("payload_download_duration", "1500"),
        ("payload_download_drivers", r#""[\"disk\", \"s3\"]""#),
        ("payload_upload_count", "3"),
        ("payload_upload_size", "3000"),
        ("payload_upload_duration", "1500"),
        ("payload_upload_drivers", r#""[\"a\", \"b\"]""#),
    ];
    for (name, value) in fields {
        assert_eq!(warning.field(name), Some(value), "{name}");
    }
}

#[test]
fn the_time_that_the_service_takes_does_not_count() {
    let mut harness = in_hand(None, 1, 5_000);
    let _completed = harness.succeed(RUN_ID, [complete_workflow()]);
    harness.advance(Duration::from_secs(60));
    harness.service.take("RespondWorkflowTaskCompleted").answer(&RespondWorkflowTaskCompletedResponse::default());
    harness.turn();
    assert!(warnings(&harness).is_empty());
}

#[test]
fn the_limit_is_whole_seconds_from_the_environment() {
    for (limit, milliseconds, warns) in [("1", 1_001, true), ("0", 1, true), ("9", 8_000, false), ("1.5", 3_000, false)]
    {
        let mut harness = in_hand(Some(limit), 1, milliseconds);
        let _completed = harness.succeed(RUN_ID, [start_timer(1)]);
        harness.service.take("RespondWorkflowTaskCompleted").answer(&RespondWorkflowTaskCompletedResponse::default());
        harness.turn();
        assert_eq!(warnings(&harness).len(), usize::from(warns), "{limit}");
    }
}

#[test]
fn a_failure_that_is_dropped_is_told_too() {
    let mut dropped = in_hand(None, 2, 6_000);
    let _failed = dropped.complete(failure(RUN_ID, "it went wrong"));
    let [warning] = &warnings(&dropped)[..] else { panic!("one warning") };
    assert_eq!(warning.field("payload_download_count"), Some("0"));
    assert_eq!(warning.field("payload_upload_drivers"), Some("\"[]\""));
}
