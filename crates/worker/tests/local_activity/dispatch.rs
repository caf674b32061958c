//! How local activities reach lang: tokens, order, slots, the start task (spec 4.1).

use crate::local_activity::support::*;
use corewasm_engine::LocalActivityRequest;
use corewasm_engine::output::LocalActivityNotice;
use corewasm_worker::activities::observation::ActivityLabels;
use corewasm_worker::local_activities::LocalActivityObservation;
use prost_types::Timestamp;
use temporalio_protos::coresdk::workflow_commands::ScheduleLocalActivity;
use temporalio_protos::temporal::api::common::v1::{Payload, RetryPolicy};

#[test]
fn never_more_are_out_than_there_are_slots() {
    let mut fixture = Fixture::new(2);
    fixture.request((0..5).map(|seq| execute_in(RUN, activity(seq))));
    let (first, _) = fixture.expect_start();
    fixture.expect_start();
    assert_eq!(fixture.poll(), None);
    assert_eq!(fixture.used_slots(), 2);
    fixture.complete(&first, success());
    assert_eq!(fixture.used_slots(), 1);
    assert_eq!(fixture.expect_start().1.activity_id, "id-2");
    assert_eq!(fixture.poll(), None);
}

#[test]
fn activities_start_in_the_order_of_their_requests() {
    let mut fixture = Fixture::new(10);
    fixture.request([execute_in("b", activity(2)), execute_in("a", activity(1)), execute_in("b", activity(1))]);
    let started: Vec<_> = std::iter::from_fn(|| fixture.executor.has_tasks().then(|| fixture.expect_start().1))
        .map(|start| (start.workflow_execution.unwrap_or_default().run_id, start.activity_id))
        .collect();
    let expected = [("b", "id-2"), ("a", "id-1"), ("b", "id-1")].map(|(run, id)| (run.to_owned(), id.to_owned()));
    assert_eq!(started, expected);
}

#[test]
fn a_token_is_the_prefix_and_a_little_endian_number_and_each_attempt_has_its_own() {
    let mut fixture = Fixture::new(1);
    fixture.execute(activity(7));
    let (first, _) = fixture.expect_start();
    assert_eq!(first, b"local_act_\x01\0\0\0");
    fixture.complete(&first, failure());
    fixture.advance(secs(1));
    assert_eq!(fixture.expect_start().0, b"local_act_\x02\0\0\0");
}

#[test]
fn the_start_task_tells_lang_all_of_it() {
    let mut fixture = Fixture::new(1);
    let queued_at = Timestamp::from(fixture.now.wall);
    let payload = Payload { data: b"argument".to_vec(), ..Default::default() };
    fixture.execute(ScheduleLocalActivity {
        arguments: vec![payload.clone()],
        headers: [("key".to_owned(), payload.clone())].into(),
        attempt: 0,
        original_schedule_time: Some(Timestamp { seconds: queued_at.seconds - 10, nanos: 0 }),
        ..activity(3)
    });
    fixture.advance(secs(5));
    let (_, start) = fixture.expect_start();
    assert!(start.is_local);
    assert_eq!(start.workflow_namespace, "a-namespace");
    assert_eq!((start.workflow_type.as_str(), start.activity_type.as_str()), ("a-workflow", "an-activity"));
    let execution = start.workflow_execution.expect("it has one");
    assert_eq!((execution.workflow_id.as_str(), execution.run_id.as_str()), ("workflow-id", RUN));
    assert_eq!((start.activity_id.as_str(), start.attempt, start.run_id.as_str()), ("id-3", 1, ""));
    assert_eq!((start.input, start.header_fields.get("key")), (vec![payload.clone()], Some(&payload)));
    assert_eq!((start.scheduled_time, start.current_attempt_scheduled_time), (Some(queued_at), Some(queued_at)));
    assert_eq!(start.started_time, Some(Timestamp { seconds: queued_at.seconds + 5, nanos: queued_at.nanos }));
    assert_eq!(start.schedule_to_close_timeout, proto(secs(100)));
    assert_eq!(start.start_to_close_timeout, proto(secs(100)), "falls back to schedule-to-close");
    assert_eq!((start.heartbeat_timeout, start.heartbeat_details), (None, vec![]));
    assert_eq!(start.priority, Some(Default::default()));
    let policy = RetryPolicy {
        initial_interval: proto(secs(1)),
        backoff_coefficient: 2.0,
        maximum_interval: proto(secs(100)),
        ..Default::default()
    };
    assert_eq!(start.retry_policy, Some(policy), "with its defaults filled in");
}

#[test]
fn an_unset_schedule_to_close_timeout_is_zero_in_the_start_task() {
    let mut fixture = Fixture::new(1);
    let timeouts = (None, proto(secs(3)));
    fixture.execute(ScheduleLocalActivity {
        schedule_to_close_timeout: timeouts.0,
        start_to_close_timeout: timeouts.1,
        ..activity(1)
    });
    let (_, start) = fixture.expect_start();
    assert_eq!(start.schedule_to_close_timeout, Some(Default::default()));
    assert_eq!(start.start_to_close_timeout, proto(secs(3)));
}

#[test]
fn each_start_is_counted() {
    let mut fixture = Fixture::new(1);
    fixture.execute(activity(1));
    fixture.expect_start();
    let labels = ActivityLabels { activity_type: "an-activity".to_owned(), workflow_type: "a-workflow".to_owned() };
    assert_eq!(fixture.observed, [LocalActivityObservation::Started(labels)]);
}

#[test]
fn an_activity_that_is_there_already_is_not_taken_twice() {
    let mut fixture = Fixture::new(10);
    fixture.execute(activity(1));
    fixture.execute(activity(1));
    fixture.expect_start();
    assert_eq!(fixture.poll(), None);
    let duplicate = LocalActivityObservation::DuplicateRequest { run_id: RUN.to_owned(), seq: 1 };
    assert!(fixture.observed.contains(&duplicate));
}

#[test]
fn a_forgotten_run_leaves_nothing_to_dispatch_and_no_permit_behind() {
    let mut fixture = Fixture::new(1);
    fixture.request([execute_in(RUN, activity(1)), execute_in(RUN, activity(2))]);
    let (token, _) = fixture.expect_start();
    fixture.notice(LocalActivityNotice::Forget);
    assert_eq!(fixture.used_slots(), 0);
    assert_eq!(fixture.poll(), None);
    fixture.advance(secs(1_000));
    fixture.complete(&token, success());
    assert!(fixture.resolved.is_empty());
    assert!(fixture.executor.is_idle());
}

#[test]
fn a_run_that_comes_back_can_use_the_same_sequence_numbers() {
    let mut fixture = Fixture::new(10);
    fixture.execute(activity(1));
    fixture.notice(LocalActivityNotice::Forget);
    fixture.execute(activity(1));
    let (token, _) = fixture.expect_start();
    assert_eq!(fixture.poll(), None, "the first request must not be dispatched as well");
    fixture.complete(&token, success());
    assert!(is_completed(&fixture.expect_resolved()));
}

#[test]
fn other_runs_are_left_alone() {
    let mut fixture = Fixture::new(10);
    fixture.request_of("run-0", [execute_in("run-0", activity(1))]);
    fixture.request_of("run-2", [execute_in("run-2", activity(1))]);
    fixture.request([execute_in(RUN, activity(1)), LocalActivityRequest::CancelAll]);
    fixture.notice(LocalActivityNotice::Forget);
    assert_eq!(fixture.expect_start().1.workflow_execution.unwrap_or_default().run_id, "run-0");
    assert_eq!(fixture.expect_start().1.workflow_execution.unwrap_or_default().run_id, "run-2");
}

#[test]
fn completing_what_nobody_knows_is_logged_only_if_it_is_a_surprise() {
    let mut fixture = Fixture::new(1);
    fixture.complete(b"local_act_\x09\0\0\0", success());
    fixture.complete(b"local_act_\x09", failure());
    fixture.complete(b"local_act_\x09\0\0\0", cancelled());
    let untracked = |token: &[u8]| LocalActivityObservation::UntrackedCompletion { task_token: token.to_vec() };
    assert_eq!(fixture.observed, [untracked(b"local_act_\x09\0\0\0"), untracked(b"local_act_\x09")]);
    assert!(fixture.resolved.is_empty());
}
